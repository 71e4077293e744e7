//! How long the old password keeps working after a rotation.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The choices, from "it has leaked" to "other teams have to act".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Overlap {
    #[serde(rename = "now")]
    Now,
    #[serde(rename = "1h")]
    OneHour,
    #[serde(rename = "24h")]
    OneDay,
    #[serde(rename = "7d")]
    SevenDays,
}

/// The text is none of the choices.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an overlap: say now, 1h, 24h or 7d")]
pub struct UnknownOverlap(String);

impl Overlap {
    pub(crate) const ALL: [Overlap; 4] = [Overlap::Now, Overlap::OneHour, Overlap::OneDay, Overlap::SevenDays];

    /// The word in forms and on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Overlap::Now => "now",
            Overlap::OneHour => "1h",
            Overlap::OneDay => "24h",
            Overlap::SevenDays => "7d",
        }
    }

    /// In words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Overlap::Now => "no time",
            Overlap::OneHour => "1 hour",
            Overlap::OneDay => "24 hours",
            Overlap::SevenDays => "7 days",
        }
    }

    fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Overlap::Now => 0,
            Overlap::OneHour => 1,
            Overlap::OneDay => 24,
            Overlap::SevenDays => 7 * 24,
        })
    }

    /// When the old password stops working, if the rotation happens at `now`.
    pub(crate) fn end(self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.duration()).unwrap_or(now)
    }

    /// When it would have stopped without an extension that it ends with.
    pub(crate) fn end_before(self, extended: Timestamp) -> Timestamp {
        extended.saturating_sub(self.duration()).unwrap_or(extended)
    }
}

impl FromStr for Overlap {
    type Err = UnknownOverlap;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Overlap::ALL.into_iter().find(|o| o.as_str() == text).ok_or_else(|| UnknownOverlap(text.to_owned()))
    }
}
