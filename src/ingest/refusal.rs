//! Refusals: the errors that senders see.
//!
//! The ways in which ingest refuses, each with what its sender is told. What the owner is told is a rejection.

use std::time::Duration;

use crate::domain::payload::InvalidJson;

/// Why a request was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Plain HTTP, as told by a trusted proxy, where the public address is https.
    HttpsRequired,
    /// Too many failures from this address.
    TooManyFailures {
        retry_after: Duration,
    },
    /// Whatever is wrong with the credentials: the sender is told no more.
    Unauthorized,
    ProRequired,
    /// PUT, from a sender that may only POST.
    MethodNotAllowed,
    UnsupportedMediaType {
        problem: String,
    },
    BodyTooLarge {
        max_bytes: usize,
    },
    /// A batch of too many.
    TooManyEvents {
        most: usize,
    },
    BodyTimeout {
        detail: String,
    },
    /// A request that does not say where its body ends.
    LengthRequired,
    InvalidJson(InvalidJson),
    IdempotencyConflict {
        problem: &'static str,
    },
    /// The account stores as much as it may, until its owner makes room.
    StorageFull,
    /// The database is away, or a queue is full.
    Unavailable {
        retry_after: Duration,
    },
}

impl Refusal {
    /// How long senders are asked to wait when the reason is ours.
    pub(crate) const UNAVAILABLE: Refusal = Refusal::Unavailable { retry_after: Duration::from_secs(2) };
}
