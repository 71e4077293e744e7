//! The idle connections of one thread, so that the idlest can make room.
//!
//! A connection may lie idle for long, and only so many fit. Where a new one comes and nearly all places are taken, the one that has
//! been idle for longest ends before the others.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;

/// Of the places of a thread, the part that idle connections may fill.
const FULL: (usize, usize) = (9, 10);

/// Those of one thread.
#[derive(Clone, Debug)]
pub(crate) struct IdleConnections(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    places: usize,
    open: Cell<usize>,
    next: Cell<u64>,
    /// By how long they have been idle, the idlest first.
    idle: RefCell<BTreeMap<u64, Waker>>,
}

/// The place of one connection, as long as it is open.
#[derive(Debug)]
pub(crate) struct Place {
    all: IdleConnections,
    /// Its key among the idle ones.
    idle_since: Option<u64>,
}

impl IdleConnections {
    /// For a thread with room for so many connections.
    pub(crate) fn new(places: usize) -> Self {
        let (open, next) = (Cell::new(0), Cell::new(0));
        Self(Rc::new(Shared { places, open, next, idle: RefCell::default() }))
    }

    /// Takes a place for a new connection. The idlest one is asked to end where there are few left.
    pub(crate) fn enter(&self) -> Place {
        let (shared, place) = (&self.0, self.enter_refused());
        if shared.open.get() > shared.places * FULL.0 / FULL.1
            && let Some((_, waker)) = shared.idle.borrow_mut().pop_first()
        {
            waker.wake();
        }
        place
    }

    /// Takes a place for a connection that is told that it has none, for which nobody has to end.
    pub(crate) fn enter_refused(&self) -> Place {
        self.0.open.set(self.0.open.get() + 1);
        Place { all: self.clone(), idle_since: None }
    }
}

impl Place {
    /// The connection waits for its next request. Says whether it has to end instead, to make room.
    pub(crate) fn is_idle(&mut self, waker: &Waker) -> bool {
        let shared = &self.all.0;
        let mut idle = shared.idle.borrow_mut();
        match self.idle_since {
            Some(since) => match idle.get_mut(&since) {
                Some(known) => {
                    known.clone_from(waker);
                    false
                }
                None => true,
            },
            None => {
                let since = shared.next.get();
                shared.next.set(since + 1);
                idle.insert(since, waker.clone());
                self.idle_since = Some(since);
                false
            }
        }
    }

    /// The next request has begun to come.
    pub(crate) fn is_used(&mut self) {
        if let Some(since) = self.idle_since.take() {
            self.all.0.idle.borrow_mut().remove(&since);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_used();
        self.all.0.open.set(self.all.0.open.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::IdleConnections;

    #[test]
    fn the_idlest_ends_when_nearly_all_places_are_taken() {
        let all = IdleConnections::new(10);
        let mut places: Vec<_> = (0..9).map(|_| all.enter()).collect();
        let waker = Waker::noop();
        for place in &mut places {
            assert!(!place.is_idle(waker));
        }
        places[0].is_used();
        assert!(!places[0].is_idle(waker), "it has been idle for less long than the others now");
        let _new = all.enter();
        let ended: Vec<bool> = places.iter_mut().map(|place| place.is_idle(waker)).collect();
        assert_eq!(ended.iter().position(|ended| *ended), Some(1));
        assert_eq!(ended.iter().filter(|ended| **ended).count(), 1);
        places.remove(1);
        assert!(!places.iter_mut().any(|place| place.is_idle(waker)));
    }
}
