//! The deletion of many events: which ones, and how far it is.

use std::ops::Range;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::position::Snapshot;

/// One order to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DeletionId(pub(crate) Uuid);

/// A deletion that was ordered.
#[derive(Clone, Debug)]
pub(crate) struct Deletion {
    pub(crate) account: AccountId,
    pub(crate) id: DeletionId,
    /// Without times, which are the span's. `None` where it was written so that this release cannot read it: then nothing goes.
    pub(crate) filter: Option<EventFilter>,
    pub(crate) ordered_at: Timestamp,
    /// What was committed when somebody said yes: all else stays. Older releases did not write it down.
    pub(crate) snapshot: Option<Snapshot>,
    /// What has not been looked at yet. It ends with what was stored when somebody said yes.
    pub(crate) span: Range<EventId>,
    /// The filter in words.
    pub(crate) description: String,
    /// Events that were looked at.
    pub(crate) seen: u64,
    pub(crate) deleted: u64,
    pub(crate) cancelled_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
}

/// What a deletion would take, as far as it was counted.
#[derive(Clone, Debug)]
pub(crate) struct Matching {
    /// The events that were stored when the counting began.
    pub(crate) span: Range<EventId>,
    /// What was committed then: in the same span, events may be accepted late or come from a program whose clock is behind.
    pub(crate) snapshot: Snapshot,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) oldest: Option<EventId>,
    pub(crate) newest: Option<EventId>,
    /// Events that were looked at.
    pub(crate) seen: u64,
    /// All of them were looked at.
    pub(crate) is_whole: bool,
}

/// The word that confirms a deletion whose number is not known.
pub(crate) const WORD: &str = "delete";

impl Matching {
    /// What has to be typed: the number where it is known, else a word.
    pub(crate) fn confirmation(&self) -> String {
        if self.is_whole { self.events.to_string() } else { WORD.to_owned() }
    }
}

/// Whether somebody typed what they were asked to, thousands separated or not.
pub(crate) fn is_confirmed(asked: &str, typed: &str) -> bool {
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
