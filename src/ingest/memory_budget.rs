//! The memory budget of ingest: backpressure by bytes, by queued events and by requests, in shares of accounts.
//!
//! How much of what has not been stored yet one program holds in memory: bodies that are arriving or waiting, and events that
//! wait. Beyond the bounds a request is refused at once, so that no load takes more memory than this. Of each an account may hold twice
//! what is left: two thirds while nobody else wants any, and less the more of them do, so that the next account finds some.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::event::NewEvent;
use crate::domain::ids::AccountId;

/// Events that may wait to be written.
pub(crate) const MAX_EVENTS: usize = 2_048;
/// Bytes of bodies that may be there, arriving or waiting. More, where one body may be so large that it would not fit.
const LEAST_BYTES: usize = 24 * 1024 * 1024;
/// The largest bodies that the budget has room for.
const LARGEST_BODIES: usize = 4;
/// How many times what is left an account may hold.
const SHARE: usize = 2;
/// What an event takes beside its body and headers, in bytes, roughly.
const OVERHEAD_BYTES: usize = 512;
/// Between two lines of the log that say so. An overload goes in and out of the bounds several times a second.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What an event takes beside its body, in bytes.
pub(crate) fn beside_body(event: &NewEvent) -> usize {
    OVERHEAD_BYTES + event.headers.len()
}

/// The budget of one program.
#[derive(Clone, Debug)]
pub(crate) struct MemoryBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What it is for, in the log.
    of: &'static str,
    most: Amounts,
    usage: Mutex<Usage>,
    /// Whether something was refused since it last was half empty: most refusals need not look at a clock.
    is_overfull: AtomicBool,
    told_at: Mutex<Option<Instant>>,
}

/// How much there is of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amounts {
    requests: usize,
    events: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Usage {
    all: Amounts,
    accounts: HashMap<AccountId, Amounts>,
}

impl Amounts {
    fn add(&mut self, more: Amounts) {
        self.requests += more.requests;
        self.events += more.events;
        self.bytes += more.bytes;
    }

    fn subtract(&mut self, less: Amounts) {
        self.requests -= less.requests;
        self.events -= less.events;
        self.bytes -= less.bytes;
    }

    /// Whether an account that has these, where all have those, keeps to its share of what may be.
    fn are_fair(self, all: Amounts, most: Amounts) -> bool {
        let is_fair = |of_account: usize, all: usize, most: usize| {
            most.checked_sub(all).is_some_and(|left| of_account <= left.saturating_mul(SHARE))
        };
        is_fair(self.requests, all.requests, most.requests)
            && is_fair(self.events, all.events, most.events)
            && is_fair(self.bytes, all.bytes, most.bytes)
    }
}

impl MemoryBudget {
    /// For bodies of at most so many bytes over so many connections.
    pub(crate) fn new(max_body_bytes: usize, max_connections: usize) -> Self {
        let bytes = LEAST_BYTES.max(max_body_bytes.saturating_mul(LARGEST_BODIES));
        Self::of("bodies", Amounts { requests: max_connections.max(SHARE + 1), events: MAX_EVENTS, bytes })
    }

    /// For so many bytes of something else.
    pub(crate) fn of_bytes(of: &'static str, bytes: usize) -> Self {
        Self::of(of, Amounts { requests: usize::MAX, events: usize::MAX, bytes })
    }

    fn of(of: &'static str, most: Amounts) -> Self {
        let (usage, is_overfull, told_at) = (Mutex::default(), AtomicBool::new(false), Mutex::new(None));
        Self(Arc::new(Inner { of, most, usage, is_overfull, told_at }))
    }

    /// Room for one request of an account, of which nothing has arrived yet; `None` when the account has as many as it may.
    pub(crate) fn open(&self, account: AccountId) -> Option<Reservation> {
        let mut reservation = Reservation { all: self.clone(), account, held: Amounts::default() };
        reservation.take(Amounts { requests: 1, ..Amounts::default() }).then_some(reservation)
    }

    /// How many events wait to be written.
    pub(crate) fn events(&self) -> usize {
        self.usage().all.events
    }

    /// How many bytes of bodies are there.
    pub(crate) fn bytes(&self) -> usize {
        self.usage().all.bytes
    }

    /// The most bytes of bodies that may be there.
    pub(crate) fn max_bytes(&self) -> usize {
        self.0.most.bytes
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.0.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, account: AccountId, less: Amounts) {
        let Inner { most, is_overfull, .. } = &*self.0;
        let all = {
            let mut usage = self.usage();
            usage.all.subtract(less);
            if let Some(of_account) = usage.accounts.get_mut(&account) {
                of_account.subtract(less);
                if *of_account == Amounts::default() {
                    usage.accounts.remove(&account);
                }
            }
            usage.all
        };
        if all.events < most.events / 2 && all.bytes < most.bytes / 2 && is_overfull.load(Ordering::Relaxed) {
            is_overfull.store(false, Ordering::Relaxed);
        }
    }

    fn refuse(&self, account: AccountId) -> bool {
        if !self.0.is_overfull.swap(true, Ordering::Relaxed) && self.is_time_to_tell(Instant::now()) {
            let (events, bytes) = (self.events(), self.bytes());
            tracing::warn!(%account, of = self.0.of, events, bytes, "more arrives than can be stored: refusing what does not fit");
        }
        false
    }

    /// Whether the log has no line about it that is younger than others are apart.
    fn is_time_to_tell(&self, now: Instant) -> bool {
        let mut told_at = self.0.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = told_at.is_none_or(|at| now.duration_since(at) >= TELL_EVERY);
        if is_time {
            *told_at = Some(now);
        }
        is_time
    }
}

/// What one request takes of it, given back when it is done, however it ends.
#[derive(Debug)]
pub(crate) struct Reservation {
    all: MemoryBudget,
    account: AccountId,
    held: Amounts,
}

impl Reservation {
    /// Takes more for its body; `false` when there is none.
    #[must_use]
    pub(crate) fn take_bytes(&mut self, bytes: usize) -> bool {
        self.take(Amounts { bytes, ..Amounts::default() })
    }

    /// Takes a place among those that wait; `false` when there is none.
    #[must_use]
    pub(crate) fn take_slot(&mut self) -> bool {
        self.take(Amounts { events: 1, ..Amounts::default() })
    }

    /// Gives back what it has beyond so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let too_many = self.held.bytes.saturating_sub(bytes);
        self.held.bytes -= too_many;
        self.all.give_back(self.account, Amounts { bytes: too_many, ..Amounts::default() });
    }

    fn take(&mut self, more: Amounts) -> bool {
        self.held.add(more);
        let is_fair = {
            let mut usage = self.all.usage();
            usage.all.add(more);
            let all = usage.all;
            let of_account = usage.accounts.entry(self.account).or_default();
            of_account.add(more);
            of_account.are_fair(all, self.all.0.most)
        };
        is_fair || self.all.refuse(self.account)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.all.give_back(self.account, self.held);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use uuid::Uuid;

    use super::{LEAST_BYTES, MAX_EVENTS, MemoryBudget, Reservation, TELL_EVERY};
    use crate::domain::ids::AccountId;

    const MIB: usize = 1024 * 1024;

    fn account(number: u128) -> AccountId {
        AccountId(Uuid::from_u128(number))
    }

    // holds D5
    #[test]
    fn what_does_not_fit_is_refused_and_gives_its_room_back() {
        let budget = MemoryBudget::new(MIB, 10_000);
        let open = || budget.open(account(1)).unwrap();
        let mut large = open();
        assert!(large.take_bytes(LEAST_BYTES / 3 * 2));
        let mut small = open();
        assert!(!small.take_bytes(1));
        drop(small);
        drop(large);
        assert!(open().take_bytes(LEAST_BYTES / 3 * 2), "nothing was kept of either");
        let mut reservations: Vec<_> = (0..MAX_EVENTS * 2 / 3).map(|_| open()).collect();
        assert!(reservations.iter_mut().all(Reservation::take_slot));
        assert!(!open().take_slot());
        drop(reservations);
        assert_eq!((budget.events(), budget.bytes(), budget.usage().accounts.len()), (0, 0, 0));
    }

    // holds A4
    #[test]
    fn an_account_that_takes_all_it_can_get_leaves_bytes_events_and_requests_to_the_next() {
        let budget = MemoryBudget::new(MIB, 100);
        let mut slow: Vec<Reservation> = Vec::new();
        for greedy in 1..=3 {
            while let Some(mut reservation) = budget.open(account(greedy)) {
                if !reservation.take_bytes(MIB) || !reservation.take_slot() {
                    break;
                }
                slow.push(reservation);
            }
            assert!(slow.len() < 24, "{} MiB are held", slow.len());
        }
        let mut others = budget.open(account(4)).unwrap();
        assert!(others.take_bytes(MIB / 4) && others.take_slot(), "beside {} MiB of three accounts", slow.len());
        slow.clear();
        let connections: Vec<_> = std::iter::from_fn(|| budget.open(account(1))).collect();
        assert_eq!(connections.len(), 66);
        assert!(budget.open(account(2)).is_some());
    }

    // holds A4
    #[test]
    fn the_largest_body_that_is_accepted_fits_also_where_it_was_compressed() {
        for max_body_bytes in [1, MIB, 25 * MIB, 60 * MIB, 256 * MIB] {
            let budget = MemoryBudget::new(max_body_bytes, 10_000);
            let mut reservation = budget.open(account(1)).unwrap();
            assert!(reservation.take_bytes(max_body_bytes) && reservation.take_bytes(max_body_bytes));
        }
    }

    // holds A4
    #[test]
    fn what_a_reservation_has_too_much_is_there_for_the_next() {
        let budget = MemoryBudget::of_bytes("tests", 3 * MIB);
        let mut large = budget.open(account(1)).unwrap();
        assert!(large.take_bytes(2 * MIB) && !budget.open(account(1)).unwrap().take_bytes(1));
        assert!(budget.open(account(2)).unwrap().take_bytes(MIB / 2), "another account has its share");
        large.shrink_to(MIB);
        assert!(budget.open(account(1)).unwrap().take_bytes(MIB / 2));
        drop(large);
        assert_eq!((budget.bytes(), budget.usage().accounts.len()), (0, 0));
    }

    #[test]
    fn an_overload_that_comes_and_goes_is_a_line_in_ten_seconds() {
        let (budget, start) = (MemoryBudget::new(1, 1), Instant::now());
        assert!(budget.is_time_to_tell(start));
        assert!(!budget.is_time_to_tell(start + TELL_EVERY / 2));
        assert!(budget.is_time_to_tell(start + TELL_EVERY));
        assert!(!budget.is_time_to_tell(start + TELL_EVERY * 3 / 2));
    }
}
