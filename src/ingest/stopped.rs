//! How a request of a verified sender ends before it is stored, and what its owner is told of a refusal.

use crate::domain::body_pace::Progress;
use crate::domain::payload::InvalidJson;
use crate::domain::rejection::Reason;
use crate::ingest::body::{Undecodable, damaged};
use crate::ingest::content::Unsupported;
use crate::ingest::writer::no_memory_left;
use crate::store::connection::error::StoreError;

/// Why a verified sender's request went no further.
pub(super) enum Stopped {
    Unsupported(Unsupported),
    /// A PUT, which the credential does not accept.
    Put,
    /// The account stores as much as it may.
    StorageFull,
    TooLarge,
    TooManyEvents,
    TooSlow(Progress),
    /// Its sender hung up, and will not read what it is told.
    HungUp(Progress),
    LengthRequired,
    InvalidJson(InvalidJson, u64),
    Conflict(&'static str),
    NoLongerUsable(Reason),
    Store(StoreError),
}

/// What the owner is told of a request that was refused.
pub(super) struct Why {
    pub(super) reason: Reason,
    /// Of the password that came with it, if it is one of the credential's.
    pub(super) hint: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) size_bytes: Option<u64>,
}

impl From<Undecodable> for Stopped {
    fn from(undecodable: Undecodable) -> Self {
        match undecodable {
            Undecodable::TooLarge => Self::TooLarge,
            Undecodable::TooManyEvents => Self::TooManyEvents,
            Undecodable::NoMemory => Self::Store(no_memory_left()),
            Undecodable::Damaged(coding) => Self::Unsupported(Unsupported::Coding(damaged(coding))),
        }
    }
}
