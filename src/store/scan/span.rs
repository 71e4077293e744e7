//! The part of the events' key that is still to be read, and in which direction: what a look goes through, from its cursor on.

use std::ops::Range;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::listing::{Cursor, EventFilter};

/// The ids that a look goes through: from the first on, and before the second.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: Uuid,
    pub before: Uuid,
    pub newest_first: bool,
}

impl Span {
    pub fn new(filter: &EventFilter, cursor: Cursor) -> Self {
        let from = filter.since.map_or(Uuid::nil(), |since| EventId::first_of(since).0);
        let before = filter.until.map_or(Uuid::max(), |until| EventId::first_of(until).0);
        match cursor {
            Cursor::Newest => Self { from, before, newest_first: true },
            Cursor::Before(id) => Self { from, before: before.min(id.0), newest_first: true },
            Cursor::After(id) => Self { from: from.max(id.next().0), before, newest_first: false },
        }
    }

    /// The same without its direction.
    pub fn ids(self) -> Range<EventId> {
        EventId(self.from)..EventId(self.before)
    }

    /// As far as an id, with it.
    pub fn up_to(self, last: Uuid) -> Self {
        if self.newest_first { Self { from: last, ..self } } else { Self { before: EventId(last).next().0, ..self } }
    }

    /// What follows an id.
    pub fn after(self, last: Uuid) -> Self {
        if self.newest_first { Self { before: last, ..self } } else { Self { from: EventId(last).next().0, ..self } }
    }

    /// The cursor of whoever goes on behind an id.
    pub fn cursor_after(self, last: Uuid) -> Cursor {
        if self.newest_first { Cursor::Before(EventId(last)) } else { Cursor::After(EventId(last)) }
    }

    /// The cursor of whoever begins here.
    pub fn cursor(self) -> Cursor {
        if self.newest_first {
            Cursor::Before(EventId(self.before))
        } else {
            Cursor::After(EventId(self.from).previous())
        }
    }

    /// The part of a week that lies ahead, from where this begins.
    pub fn within(self, from: Timestamp, before: Timestamp) -> Self {
        let (from, before) = (EventId::first_of(from).0, EventId::first_of(before).0);
        Self { from: self.from.max(from), before: self.before.min(before), ..self }
    }

    /// What is left when a part at the beginning has been read.
    pub fn beyond(self, part: &Self) -> Self {
        if self.newest_first { Self { before: part.from, ..self } } else { Self { from: part.before, ..self } }
    }

    /// When the next event is to be expected.
    pub fn place(self) -> Timestamp {
        let next = if self.newest_first { EventId(self.before).previous() } else { EventId(self.from) };
        next.received_at()
    }
}
