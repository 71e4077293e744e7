//! The deletion of many events: which ones, and how far it is.

use std::ops::Range;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::position::Snapshot;

/// One order to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletionId(pub Uuid);

/// A deletion that was ordered.
#[derive(Clone, Debug)]
pub struct Deletion {
    pub account: AccountId,
    pub id: DeletionId,
    /// Without times, which are the span's. `None` where it was written so that this release cannot read it: then nothing goes.
    pub filter: Option<EventFilter>,
    pub ordered_at: Timestamp,
    /// What was committed when somebody said yes: all else stays. Older releases did not write it down.
    pub snapshot: Option<Snapshot>,
    /// What has not been looked at yet. It ends with what was stored when somebody said yes.
    pub span: Range<EventId>,
    /// The filter in words.
    pub description: String,
    /// Events that were looked at.
    pub seen: u64,
    pub deleted: u64,
    pub cancelled_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// What a deletion would take, as far as it was counted.
#[derive(Clone, Debug)]
pub struct Matching {
    /// The events that were stored when the counting began.
    pub span: Range<EventId>,
    /// What was committed then: in the same span, events may be accepted late or come from a program whose clock is behind.
    pub snapshot: Snapshot,
    pub events: u64,
    pub bytes: u64,
    pub oldest: Option<EventId>,
    pub newest: Option<EventId>,
    /// Events that were looked at.
    pub seen: u64,
    /// All of them were looked at.
    pub is_whole: bool,
}

/// The word that confirms a deletion whose number is not known.
pub const WORD: &str = "delete";

impl Matching {
    /// What has to be typed: the number where it is known, else a word.
    pub fn confirmation(&self) -> String {
        if self.is_whole { self.events.to_string() } else { WORD.to_owned() }
    }
}

/// Whether somebody typed what they were asked to, thousands separated or not.
pub fn is_confirmed(asked: &str, typed: &str) -> bool {
    let typed: String = typed.chars().filter(|c| !matches!(c, ',' | ' ' | '\u{a0}' | '.')).collect();
    !asked.is_empty() && typed.eq_ignore_ascii_case(asked)
}

#[cfg(test)]
mod tests {
    use super::is_confirmed;

    #[test]
    fn a_number_is_confirmed_with_or_without_its_commas() {
        assert!(
            is_confirmed("19370", "19,370") && is_confirmed("19370", " 19370 ") && is_confirmed("delete", "Delete")
        );
        for typed in ["", "1937", "193700", "delete"] {
            assert!(!is_confirmed("19370", typed), "{typed}");
        }
        assert!(!is_confirmed("", ""), "nothing confirms nothing");
    }
}
