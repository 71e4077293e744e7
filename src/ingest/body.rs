//! From the bytes of a body to the JSON of its events, as the settings of the credential have it.

use crate::domain::sender_settings::SenderSettings;
use crate::ingest::content::{Content, Shape, payload_of_form};
use crate::ingest::inflate::{Coding, InflateError, inflate};
use crate::ingest::memory_budget::Reservation;
use crate::ingest::split::{self, Part, TooMany};

/// What a body holds.
#[derive(Debug)]
pub(super) enum Body {
    /// What is to be one JSON text.
    One(Vec<u8>),
    /// The events of a batch.
    Many(Vec<Part>),
}

/// Why it holds nothing that can be stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Undecodable {
    TooLarge,
    NoMemory,
    /// It is not compressed as its head says.
    Damaged(Coding),
    TooManyEvents,
}

impl From<TooMany> for Undecodable {
    fn from(TooMany: TooMany) -> Self {
        Self::TooManyEvents
    }
}

/// Inflates and splits a body, as far as its head and the settings say so.
pub(super) async fn decode(
    bytes: Vec<u8>,
    content: &Content,
    settings: &SenderSettings,
    max_bytes: usize,
    reservation: &mut Reservation,
) -> Result<Body, Undecodable> {
    let bytes = match content.coding {
        None => bytes,
        Some(coding) => inflate(&bytes, coding, max_bytes, reservation).await.map_err(|error| match error {
            InflateError::TooLarge => Undecodable::TooLarge,
            InflateError::NoMemory => Undecodable::NoMemory,
            InflateError::Damaged => Undecodable::Damaged(coding),
        })?,
    };
    let parts = match content.shape {
        Shape::Form => return Ok(Body::One(payload_of_form(bytes))),
        Shape::Lines => Some(split::lines(&bytes)?),
        Shape::Json if settings.batches => match std::str::from_utf8(&bytes) {
            Ok(text) => split::elements(text)?,
            // What is not UTF-8 is told like any other.
            Err(_) => None,
        },
        Shape::Json => None,
    };
    Ok(parts.map_or(Body::One(bytes), Body::Many))
}

/// What is wrong with a body that is not compressed as its head says, for both ends.
pub(super) fn damaged(coding: Coding) -> String {
    let coding = coding.as_str();
    format!("Content-Encoding is {coding:?}, but the body is not, or not all of it; compress it again")
}
