//! Metrics of ingest.
//!
//! Counts how requests ended and how batches were written, for whoever watches the program.

use std::time::Duration;

use crate::domain::rejection::Reason;
use crate::ingest::receipt::Receipt;
use crate::ingest::refusal::Refusal;
use crate::metrics::{Counter, Durations, Histogram};

/// The outcomes, in the order of the contract. The words are those of the answers.
const NAMES: [&str; 15] = [
    "stored",
    "replayed",
    "https_required",
    "too_many_failures",
    "unauthorized",
    "pro_required",
    "unsupported_media_type",
    "body_too_large",
    "body_timeout",
    "length_required",
    "invalid_json",
    "idempotency_conflict",
    "unavailable",
    "method_not_allowed",
    "storage_full",
];

/// The counts of one program since its start.
#[derive(Debug, Default)]
pub struct Outcomes {
    counts: [Counter; NAMES.len()],
    rejected: [Counter; Reason::ALL.len()],
    /// Of bodies that were stored.
    pub(crate) stored_bytes: Counter,
    /// From the head of a request to its answer, the reading of the body included.
    pub(crate) durations: Durations,
}

impl Outcomes {
    pub(crate) fn note(&self, outcome: &Result<Receipt, Refusal>) {
        let place = match outcome {
            Ok(receipt) => usize::from(receipt.is_replayed()),
            Err(Refusal::HttpsRequired) => 2,
            Err(Refusal::TooManyFailures { .. }) => 3,
            Err(Refusal::Unauthorized) => 4,
            Err(Refusal::ProRequired) => 5,
            Err(Refusal::UnsupportedMediaType { .. }) => 6,
            Err(Refusal::BodyTooLarge { .. } | Refusal::TooManyEvents { .. }) => 7,
            Err(Refusal::BodyTimeout { .. }) => 8,
            Err(Refusal::LengthRequired) => 9,
            Err(Refusal::InvalidJson(_)) => 10,
            Err(Refusal::IdempotencyConflict { .. }) => 11,
            Err(Refusal::Unavailable { .. }) => 12,
            Err(Refusal::MethodNotAllowed) => 13,
            Err(Refusal::StorageFull) => 14,
        };
        self.counts[place].add(1);
    }

    /// A refused request whose owner is told of it.
    pub(crate) fn note_rejection(&self, reason: Reason) {
        if let Some((_, count)) = Reason::ALL.iter().zip(&self.rejected).find(|(known, _)| **known == reason) {
            count.add(1);
        }
    }

    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.counts.iter().map(Counter::get))
    }

    pub(crate) fn rejections(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::ALL.iter().map(|reason| reason.as_str()).zip(self.rejected.iter().map(Counter::get))
    }
}

/// Upper bounds of the buckets of a batch, in events.
const BATCH_EVENTS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/// What the writers of one program have done.
#[derive(Debug)]
pub(crate) struct Batches {
    /// Events in a transaction that committed.
    pub(crate) events: Histogram<{ BATCH_EVENTS.len() }>,
    /// From the first statement of such a transaction to its commit.
    pub(crate) commits: Durations,
    /// Transactions that failed. What was in them is tried again one by one, or refused.
    pub(crate) failures: Counter,
}

impl Default for Batches {
    fn default() -> Self {
        Self { events: Histogram::new(&BATCH_EVENTS), commits: Durations::default(), failures: Counter::default() }
    }
}

impl Batches {
    /// Notes how the writing of a batch ended.
    pub(crate) fn note(&self, events: usize, took: Duration, is_committed: bool) {
        if is_committed {
            self.events.note(events as u64);
            self.commits.note_duration(took);
        } else {
            self.failures.add(1);
        }
    }
}
