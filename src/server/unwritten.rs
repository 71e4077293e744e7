//! The bytes of answers that are made and that nobody has taken yet, of all connections together.
//!
//! Where they are more than there is room for, the connection ends that is closest to being let go for its slowness anyway. A reader at
//! a usual pace is never that one: it has hardly waited yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::time::Instant;

/// Those of all connections.
#[derive(Clone, Debug)]
pub(crate) struct Unwritten {
    all: Arc<Mutex<All>>,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct All {
    bytes: usize,
    next: u64,
    waiting: HashMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    bytes: usize,
    /// When the other side is let go, unless it takes something.
    due: Instant,
    waker: Waker,
}

/// Those of one connection.
#[derive(Debug)]
pub(crate) struct Share {
    of: Unwritten,
    /// Its key while something waits.
    key: Option<u64>,
}

impl Unwritten {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { all: Arc::default(), max_bytes }
    }

    pub(crate) fn open(&self) -> Share {
        Share { of: self.clone(), key: None }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.all().bytes
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn remove(&mut self, key: u64) -> Option<Waiting> {
        let removed = self.waiting.remove(&key)?;
        self.bytes -= removed.bytes;
        Some(removed)
    }

    /// Ends connections until there is room. One that is alone stays: an answer may be larger than that.
    fn make_room(&mut self, max_bytes: usize) {
        while self.bytes > max_bytes && self.waiting.len() > 1 {
            let slowest = self.waiting.iter().min_by_key(|(_, waiting)| waiting.due).map(|(key, _)| *key);
            let Some(removed) = slowest.and_then(|key| self.remove(key)) else { return };
            removed.waker.wake();
        }
    }
}

impl Share {
    /// So many bytes wait. Whether they may; else the connection has to end.
    pub(crate) fn waits(&mut self, bytes: usize, due: Instant, waker: &Waker) -> bool {
        if self.has_to_end() {
            return false;
        }
        let mut all = self.of.all();
        let key = *self.key.get_or_insert_with(|| {
            all.next += 1;
            all.next
        });
        all.remove(key);
        all.bytes += bytes;
        all.waiting.insert(key, Waiting { bytes, due, waker: waker.clone() });
        all.make_room(self.of.max_bytes);
        all.waiting.contains_key(&key)
    }

    /// Whether it made room for others and has to end.
    pub(crate) fn has_to_end(&self) -> bool {
        self.key.is_some_and(|key| !self.of.all().waiting.contains_key(&key))
    }

    /// Nothing waits any more.
    pub(crate) fn is_written(&mut self) {
        if let Some(key) = self.key.take() {
            self.of.all().remove(key);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.is_written();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Unwritten;

    // holds N6
    #[test]
    fn where_too_much_waits_the_slowest_ends_first() {
        let (all, waker) = (Unwritten::new(100), Waker::noop());
        let due = |seconds| Instant::now() + Duration::from_secs(seconds);
        let (mut slow, mut slower, mut usual) = (all.open(), all.open(), all.open());
        assert!(slow.waits(50, due(10), waker) && slower.waits(50, due(5), waker));
        assert!(usual.waits(40, due(30), waker));
        assert!(slower.has_to_end() && !slower.waits(50, due(30), waker), "and it stays that way");
        assert_eq!(all.bytes(), 90);
        assert!(slow.waits(20, due(12), waker) && !slow.has_to_end());
        assert_eq!(all.bytes(), 60);
        assert!(!slow.waits(90, due(12), waker), "the one that wants the room may be the slowest");
        usual.is_written();
        drop((slow, slower));
        assert_eq!(all.bytes(), 0);
        assert!(usual.waits(1_000, due(1), waker), "who is alone may have as much as an answer has");
    }
}
