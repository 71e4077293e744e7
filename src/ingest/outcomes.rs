//! Counts how requests ended, for whoever watches the program.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ingest::receipt::Receipt;
use crate::ingest::refusal::Refusal;

/// The outcomes, in the order of the contract. The words are those of the answers.
const NAMES: [&str; 12] = [
    "stored",
    "replayed",
    "https_required",
    "too_many_failures",
    "unauthorized",
    "pro_required",
    "unsupported_media_type",
    "body_too_large",
    "body_timeout",
    "invalid_json",
    "idempotency_conflict",
    "unavailable",
];

/// The counts of one program since its start.
#[derive(Debug, Default)]
pub struct Outcomes {
    counts: [AtomicU64; NAMES.len()],
    stored_bytes: AtomicU64,
}

impl Outcomes {
    pub fn note(&self, outcome: &Result<Receipt, Refusal>) {
        let place = match outcome {
            Ok(Receipt { replayed: false, .. }) => 0,
            Ok(Receipt { replayed: true, .. }) => 1,
            Err(Refusal::HttpsRequired) => 2,
            Err(Refusal::TooManyFailures { .. }) => 3,
            Err(Refusal::Unauthorized) => 4,
            Err(Refusal::ProRequired) => 5,
            Err(Refusal::UnsupportedMediaType { .. }) => 6,
            Err(Refusal::BodyTooLarge { .. }) => 7,
            Err(Refusal::BodyTimeout { .. }) => 8,
            Err(Refusal::InvalidJson(_)) => 9,
            Err(Refusal::IdempotencyConflict { .. }) => 10,
            Err(Refusal::Unavailable { .. }) => 11,
        };
        self.counts[place].fetch_add(1, Ordering::Relaxed);
    }

    pub fn note_stored_bytes(&self, bytes: usize) {
        self.stored_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes.load(Ordering::Relaxed)
    }
}
