//! The memory budget of ingest: backpressure by bytes and by queued events.
//!
//! How much of what has not been stored yet one program holds in memory: bodies that are arriving or waiting, and events that
//! wait. Beyond the bounds a request is refused at once, so that no load takes more memory than this.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Events that may wait to be written.
pub(crate) const MAX_EVENTS: usize = 2_048;
/// Bytes of bodies that may be there, arriving or waiting.
pub(crate) const MAX_BYTES: usize = 24 * 1024 * 1024;
/// Between two lines of the log that say so. An overload goes in and out of the bounds several times a second.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The budget of one program.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryBudget(Arc<Usage>);

#[derive(Debug, Default)]
struct Usage {
    events: AtomicUsize,
    bytes: AtomicUsize,
    /// Whether something was refused since it last was half empty: most refusals need not look at a clock.
    is_overfull: AtomicBool,
    told_at: Mutex<Option<Instant>>,
}

impl MemoryBudget {
    /// Room for one event, of which nothing has arrived yet.
    pub(crate) fn open(&self) -> Reservation {
        Reservation { all: self.clone(), is_event: false, bytes: 0 }
    }

    /// How many events wait to be written.
    pub(crate) fn events(&self) -> usize {
        self.0.events.load(Ordering::Relaxed)
    }

    /// How many bytes of bodies are there.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    fn refuse(&self) -> bool {
        if !self.0.is_overfull.swap(true, Ordering::Relaxed) && self.is_time_to_tell(Instant::now()) {
            let (events, bytes) = (self.events(), self.bytes());
            tracing::warn!(events, bytes, "more arrives than can be stored: refusing what does not fit");
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

/// What one event takes of it, given back when it is done, however it ends.
#[derive(Debug)]
pub(crate) struct Reservation {
    all: MemoryBudget,
    is_event: bool,
    bytes: usize,
}

impl Reservation {
    /// Takes more for its body; `false` when there is none.
    #[must_use]
    pub(crate) fn take_bytes(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let used = self.all.0.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        used <= MAX_BYTES || self.all.refuse()
    }

    /// Takes a place among those that wait; `false` when there is none.
    #[must_use]
    pub(crate) fn take_slot(&mut self) -> bool {
        self.is_event = true;
        let used = self.all.0.events.fetch_add(1, Ordering::Relaxed) + 1;
        used <= MAX_EVENTS || self.all.refuse()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Usage { events, bytes, is_overfull, told_at: _ } = &*self.all.0;
        let events = events.fetch_sub(usize::from(self.is_event), Ordering::Relaxed);
        let bytes = bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        if events < MAX_EVENTS / 2 && bytes < MAX_BYTES / 2 && is_overfull.load(Ordering::Relaxed) {
            is_overfull.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{MAX_BYTES, MAX_EVENTS, MemoryBudget, TELL_EVERY};

    // holds D5
    #[test]
    fn what_does_not_fit_is_refused_and_gives_its_room_back() {
        let budget = MemoryBudget::default();
        let mut large = budget.open();
        assert!(large.take_bytes(MAX_BYTES));
        let mut small = budget.open();
        assert!(!small.take_bytes(1));
        drop(small);
        drop(large);
        assert!(budget.open().take_bytes(MAX_BYTES), "nothing was kept of either");
        let mut reservations: Vec<_> = (0..MAX_EVENTS).map(|_| budget.open()).collect();
        assert!(reservations.iter_mut().all(super::Reservation::take_slot));
        assert!(!budget.open().take_slot());
        drop(reservations);
        assert_eq!(budget.events(), 0);
    }

    #[test]
    fn an_overload_that_comes_and_goes_is_a_line_in_ten_seconds() {
        let (budget, start) = (MemoryBudget::default(), Instant::now());
        assert!(budget.is_time_to_tell(start));
        assert!(!budget.is_time_to_tell(start + TELL_EVERY / 2));
        assert!(budget.is_time_to_tell(start + TELL_EVERY));
        assert!(!budget.is_time_to_tell(start + TELL_EVERY * 3 / 2));
    }
}
