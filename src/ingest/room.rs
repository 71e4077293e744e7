//! How much of what has not been stored yet one program holds in memory: bodies that are arriving or waiting, and events that
//! wait. Beyond the bounds a request is refused at once, so that no load takes more memory than this.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Events that may wait to be written.
pub const MAX_EVENTS: usize = 2_048;
/// Bytes of bodies that may be there, arriving or waiting.
pub const MAX_BYTES: usize = 24 * 1024 * 1024;

/// The room of one program.
#[derive(Clone, Debug, Default)]
pub struct Rooms(Arc<Taken>);

#[derive(Debug, Default)]
struct Taken {
    events: AtomicUsize,
    bytes: AtomicUsize,
    /// Whether something was refused since it last was half empty, so that the log has a line for it and not thousands.
    is_overfull: AtomicBool,
}

impl Rooms {
    /// Room for one event, of which nothing has arrived yet.
    pub fn open(&self) -> Room {
        Room { all: self.clone(), is_event: false, bytes: 0 }
    }

    /// How many events wait to be written.
    pub fn events(&self) -> usize {
        self.0.events.load(Ordering::Relaxed)
    }

    /// How many bytes of bodies are there.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    fn refuse(&self) -> bool {
        if !self.0.is_overfull.swap(true, Ordering::Relaxed) {
            let (events, bytes) = (self.events(), self.bytes());
            tracing::warn!(events, bytes, "more arrives than can be stored: refusing what does not fit");
        }
        false
    }
}

/// What one event takes of it, given back when it is done, however it ends.
#[derive(Debug)]
pub struct Room {
    all: Rooms,
    is_event: bool,
    bytes: usize,
}

impl Room {
    /// Takes more for its body; `false` when there is none.
    #[must_use]
    pub fn take_bytes(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let taken = self.all.0.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        taken <= MAX_BYTES || self.all.refuse()
    }

    /// Takes a place among those that wait; `false` when there is none.
    #[must_use]
    pub fn take_place(&mut self) -> bool {
        self.is_event = true;
        let taken = self.all.0.events.fetch_add(1, Ordering::Relaxed) + 1;
        taken <= MAX_EVENTS || self.all.refuse()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let Taken { events, bytes, is_overfull } = &*self.all.0;
        let events = events.fetch_sub(usize::from(self.is_event), Ordering::Relaxed);
        let bytes = bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        if events < MAX_EVENTS / 2 && bytes < MAX_BYTES / 2 && is_overfull.load(Ordering::Relaxed) {
            is_overfull.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, MAX_EVENTS, Rooms};

    // holds D5
    #[test]
    fn what_does_not_fit_is_refused_and_gives_its_room_back() {
        let rooms = Rooms::default();
        let mut large = rooms.open();
        assert!(large.take_bytes(MAX_BYTES));
        let mut small = rooms.open();
        assert!(!small.take_bytes(1));
        drop(small);
        drop(large);
        assert!(rooms.open().take_bytes(MAX_BYTES), "nothing was kept of either");
        let mut places: Vec<_> = (0..MAX_EVENTS).map(|_| rooms.open()).collect();
        assert!(places.iter_mut().all(super::Room::take_place));
        assert!(!rooms.open().take_place());
        drop(places);
        assert_eq!(rooms.events(), 0);
    }
}
