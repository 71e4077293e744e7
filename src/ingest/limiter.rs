//! Counts failures by address (or by account, for sign-ins), so that guessing and flooding are slowed before they cost anything. Only failures take
//! tokens: a verified sender behind the same address is never slowed, and no credential is ever locked out.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use quick_cache::sync::Cache;

/// Keys remembered at once.
const MAX_KEYS: usize = 10_000;

/// A token bucket for each key: see [`crate::domain::network::throttle_key`] for what stands for an address.
#[derive(Debug)]
pub struct Limiter<K> {
    buckets: Cache<K, Arc<Mutex<Bucket>>>,
    burst: f64,
    refill_per_second: f64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// `burst` failures at once, then one every `every`.
    pub fn new(burst: u32, every: Duration) -> Self {
        Self { buckets: Cache::new(MAX_KEYS), burst: f64::from(burst), refill_per_second: 1.0 / every.as_secs_f64() }
    }

    /// How long a key has to wait before it may fail again; `None` when it may now.
    pub fn wait(&self, key: &K, now: Timestamp) -> Option<Duration> {
        let bucket = self.buckets.get(key)?;
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        self.refill(&mut bucket, now);
        (bucket.tokens < 1.0).then(|| Duration::from_secs_f64((1.0 - bucket.tokens) / self.refill_per_second))
    }

    /// Takes a token for a failure.
    pub fn note_failure(&self, key: &K, now: Timestamp) {
        let full = || Ok::<_, std::convert::Infallible>(Arc::new(Mutex::new(Bucket { tokens: self.burst, at: now })));
        let Ok(bucket) = self.buckets.get_or_insert_with(key, full);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        self.refill(&mut bucket, now);
        bucket.tokens = (bucket.tokens - 1.0).max(0.0);
    }

    fn refill(&self, bucket: &mut Bucket, now: Timestamp) {
        let seconds = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        bucket.tokens = (bucket.tokens + seconds * self.refill_per_second).min(self.burst);
        bucket.at = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::Limiter;

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
}
