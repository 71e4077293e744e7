//! What acceptance comes to: the event's id.

use crate::domain::event::EventId;

/// What a sender is told of an event that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) id: EventId,
    pub(crate) replayed: bool,
}
