//! What acceptance comes to: the ids of events that are on disk.

use crate::domain::event::EventId;
use crate::domain::rejection::Reason;

/// What a sender is told of a request whose events are on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    Event(Stored),
    /// Each event of a batch, in its order. One at least is on disk.
    Batch(Vec<Result<Stored, Refused>>),
}

/// An event that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: EventId,
    /// It was there before.
    pub(crate) replayed: bool,
}

/// An event of a batch that was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

impl Receipt {
    /// Whether all of it was on disk before.
    pub(crate) fn is_replayed(&self) -> bool {
        match self {
            Self::Event(stored) => stored.replayed,
            Self::Batch(parts) => parts.iter().all(|part| part.as_ref().is_ok_and(|stored| stored.replayed)),
        }
    }
}
