//! Rate limiting of failed attempts: a token bucket for each key.
//!
//! Counts failures by address (or by account, for sign-ins), so that guessing and flooding are slowed before they cost anything. Only failures take
//! tokens for good: a verified sender behind the same address is never slowed, and no credential is ever locked out.
//!
//! Who guesses at something short takes a token before it is looked at ([`Limiter::take`]), and gets it back for being right: else guesses
//! that arrive together would all be looked at before the first of them had failed. A token is lost unless it is given back by name:
//! whoever hangs up before the answer has had the guess. Ingest asks first and counts afterwards: what
//! its senders know has 131 secret bits, which no number of guesses finds, so that a few too many cost some hashing, which has
//! a bounded queue of its own; and a sender that nobody knows yet after a restart may arrive a thousand times at once, and is right.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;
use tokio::sync::Notify;

/// Keys remembered at once.
const MAX_KEYS: usize = 65_536;
/// Requests say when they began, and some arrive slowly: a moment that is further back is that of a clock that was set back.
const SLOWEST_REQUEST: SignedDuration = SignedDuration::from_mins(1);

/// A token bucket for each key: see [`crate::domain::network::throttle_key`] for what stands for an address.
#[derive(Debug)]
pub struct Limiter<K> {
    buckets: Cache<K, Arc<Bucket>>,
    burst: f64,
    refill_per_second: f64,
}

#[derive(Debug)]
struct Bucket {
    level: Mutex<Level>,
    /// A token that was taken came back, or the last of them is lost.
    settled: Notify,
}

#[derive(Debug)]
struct Level {
    tokens: f64,
    at: Timestamp,
    /// Tokens that were taken, and may come back.
    under_way: u32,
}

/// A token for what may turn out to be a failure. Dropped, it is lost: a request that is cancelled was a failure.
#[derive(Debug)]
#[must_use]
pub(crate) struct AttemptGuard {
    bucket: Arc<Bucket>,
    burst: f64,
    is_given_back: bool,
}

/// A cell of a limiter for keys that strangers make up. There are fewer cells than a limiter remembers keys, so that no bucket is ever
/// evicted, whatever is sent; which keys share a cell nobody can find out, since the hash is keyed anew by each program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cell(u16);

/// Puts keys into cells.
#[derive(Debug, Default)]
pub(crate) struct Cells(RandomState);

/// How many there are: a quarter of [`MAX_KEYS`], since the parts of the cache fill unevenly.
const CELLS: u64 = 16_384;

impl Cells {
    pub(crate) fn of(&self, key: &impl Hash) -> Cell {
        // Less than `CELLS`, which fits.
        Cell((self.0.hash_one(key) % CELLS) as u16)
    }
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// `burst` failures at once, then one every `every`.
    pub(crate) fn new(burst: u32, every: Duration) -> Self {
        Self { buckets: Cache::new(MAX_KEYS), burst: f64::from(burst), refill_per_second: 1.0 / every.as_secs_f64() }
    }

    /// How long a key has to wait before it may fail again; `None` when it may now.
    pub fn wait(&self, key: &K, now: Timestamp) -> Option<Duration> {
        let bucket = self.buckets.get(key)?;
        let mut level = bucket.level();
        self.refill(&mut level, now);
        self.missing(&level)
    }

    /// How many tokens there are at most, and in how many seconds as many come back.
    pub(crate) fn quota(&self) -> (u64, u64) {
        (self.burst as u64, (self.burst / self.refill_per_second).ceil() as u64)
    }

    /// How many tokens a key has left, and in how many seconds it has all of them again.
    pub(crate) fn left(&self, key: &K, now: Timestamp) -> (u64, u64) {
        let bucket = self.bucket(key, now);
        let mut level = bucket.level();
        self.refill(&mut level, now);
        (level.tokens as u64, ((self.burst - level.tokens) / self.refill_per_second).ceil() as u64)
    }

    /// Takes a token for a failure.
    pub(crate) fn note_failure(&self, key: &K, now: Timestamp) {
        let bucket = self.bucket(key, now);
        let mut level = bucket.level();
        self.refill(&mut level, now);
        level.tokens = (level.tokens - 1.0).max(0.0);
    }

    /// Gives a token back that was taken.
    pub(crate) fn give_back(&self, key: &K) {
        if let Some(bucket) = self.buckets.get(key) {
            let mut level = bucket.level();
            level.tokens = (level.tokens + 1.0).min(self.burst);
        }
    }

    /// Takes a token before it is known whether there is a failure; or says how long the key has to wait. While others have taken
    /// all and may give one back, it waits for them: who is right many times at once is not kept out by that.
    pub(crate) async fn take(&self, key: &K, now: Timestamp) -> Result<AttemptGuard, Duration> {
        let bucket = self.bucket(key, now);
        loop {
            let settled = bucket.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            {
                let mut level = bucket.level();
                self.refill(&mut level, now);
                match self.missing(&level) {
                    None => {
                        level.tokens -= 1.0;
                        level.under_way += 1;
                        drop(level);
                        return Ok(AttemptGuard { bucket: bucket.clone(), burst: self.burst, is_given_back: false });
                    }
                    Some(wait) if level.under_way == 0 => return Err(wait),
                    Some(_) => {}
                }
            }
            settled.await;
        }
    }

    fn bucket(&self, key: &K, now: Timestamp) -> Arc<Bucket> {
        let level = Level { tokens: self.burst, at: now, under_way: 0 };
        let full =
            || Ok::<_, std::convert::Infallible>(Arc::new(Bucket { level: level.into(), settled: Notify::new() }));
        let Ok(bucket) = self.buckets.get_or_insert_with(key, full);
        bucket
    }

    /// How long it takes until there is a token.
    fn missing(&self, level: &Level) -> Option<Duration> {
        (level.tokens < 1.0).then(|| Duration::from_secs_f64((1.0 - level.tokens) / self.refill_per_second))
    }

    /// No time counts twice, in whichever order requests of different moments come.
    fn refill(&self, level: &mut Level, now: Timestamp) {
        let passed = now.duration_since(level.at);
        if passed.is_positive() {
            level.tokens = (level.tokens + passed.as_secs_f64() * self.refill_per_second).min(self.burst);
            level.at = now;
        } else if passed < -SLOWEST_REQUEST {
            level.at = now;
        }
    }
}

impl Bucket {
    fn level(&self) -> std::sync::MutexGuard<'_, Level> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AttemptGuard {
    /// It was no failure.
    pub(crate) fn give_back(mut self) {
        self.is_given_back = true;
    }
}

impl Drop for AttemptGuard {
    fn drop(&mut self) {
        let mut level = self.bucket.level();
        level.under_way -= 1;
        let is_last = level.under_way == 0;
        if self.is_given_back {
            level.tokens = (level.tokens + 1.0).min(self.burst);
        }
        drop(level);
        match self.is_given_back {
            // One of those who wait has a turn.
            true => self.bucket.settled.notify_one(),
            // None of them has.
            false if is_last => self.bucket.settled.notify_waiters(),
            false => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::{CELLS, Cells, Limiter};

    // holds A5
    #[test]
    fn a_burst_is_let_through_and_then_one_at_a_time() {
        let limiter = Limiter::new(3, Duration::from_secs(10));
        let start: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        for _ in 0..3 {
            assert_eq!(limiter.wait(&"a", start), None);
            limiter.note_failure(&"a", start);
        }
        assert_eq!(limiter.wait(&"a", start), Some(Duration::from_secs(10)));
        assert_eq!(limiter.wait(&"b", start), None, "a neighbour");
        let later = start + SignedDuration::from_secs(10);
        assert_eq!(limiter.wait(&"a", later), None);
        limiter.note_failure(&"a", later);
        assert!(limiter.wait(&"a", later).is_some());
    }

    // holds A5
    #[tokio::test]
    async fn what_is_under_way_counts_until_it_comes_back() {
        let limiter = Limiter::new(2, Duration::from_secs(10));
        let start: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let (one, other) = (limiter.take(&"a", start).await.unwrap(), limiter.take(&"a", start).await.unwrap());
        assert_eq!(limiter.wait(&"a", start), Some(Duration::from_secs(10)));
        let mut waiting = std::pin::pin!(limiter.take(&"a", start));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        one.give_back();
        let third = waiting.await.unwrap();
        let mut waiting = [std::pin::pin!(limiter.take(&"a", start)), std::pin::pin!(limiter.take(&"a", start))];
        for each in &mut waiting {
            assert!(futures_util::poll!(each.as_mut()).is_pending());
        }
        drop(other);
        assert!(futures_util::poll!(waiting[0].as_mut()).is_pending(), "a token that is dropped is lost");
        drop(third);
        for each in waiting {
            assert_eq!(each.await.unwrap_err(), Duration::from_secs(10));
        }
    }

    // holds A5
    #[test]
    fn a_request_that_arrived_slowly_makes_no_time_count_twice() {
        let limiter = Limiter::new(1, Duration::from_secs(10));
        let start: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        limiter.note_failure(&"a", start);
        for _ in 0..10 {
            assert_eq!(limiter.wait(&"a", start), Some(Duration::from_secs(10)));
            limiter.wait(&"a", start - SignedDuration::from_secs(9));
        }
        // A clock that was set back is not waited for.
        let set_back = start - SignedDuration::from_hours(1);
        limiter.wait(&"a", set_back);
        assert_eq!(limiter.wait(&"a", set_back + SignedDuration::from_secs(10)), None);
    }

    // holds N7
    #[test]
    fn junk_evicts_no_bucket_of_a_limiter_by_cells() {
        let (limiter, cells) = (Limiter::new(2, Duration::from_secs(10)), Cells::default());
        let start: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let target = cells.of(&"alice@example.com");
        for _ in 0..2 {
            limiter.note_failure(&target, start);
        }
        for number in 0..20 * CELLS {
            let junk = cells.of(&format!("junk{number}@example.com"));
            if junk != target {
                limiter.note_failure(&junk, start);
            }
        }
        assert_eq!(limiter.wait(&target, start), Some(Duration::from_secs(10)));
    }
}
