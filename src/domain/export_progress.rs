//! How far an export is that a browser downloads, and what the page calls it that asks.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// How long it is remembered how an export ended.
pub const REMEMBERED_FOR: SignedDuration = SignedDuration::from_mins(1);
/// Characters of a name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 8..=40;

/// How far an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events that were looked at, also those that the filter leaves out.
    pub seen: u64,
    /// About how many there are to look at, by the counts of the half hours.
    pub expected: u64,
    /// Events that were written.
    pub events: u64,
    pub bytes: u64,
}

/// What is to be said of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// All of it was handed to the connection.
    Done,
    /// The rest could not be read.
    BrokenOff,
    /// Nobody took the rest.
    Left,
}

impl State {
    const ALL: [Self; 4] = [Self::Running, Self::Done, Self::BrokenOff, Self::Left];

    /// The word for it in the database, and for scripts.
    pub fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Done => "done",
            State::BrokenOff => "broken_off",
            State::Left => "left",
        }
    }

    /// The state with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How far an export was when somebody looked.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub state: State,
    pub progress: Progress,
    pub ended_at: Option<Timestamp>,
}

/// What a page calls an export that it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportName(String);

/// The text names no export.
#[derive(Debug, thiserror::Error)]
#[error("the id of an export is 8 to 40 small letters and digits: leave it out, or say such a one")]
pub struct NoExportName;

impl ExportName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExportName {
    type Err = NoExportName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = NAME_CHARS.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if is_name { Ok(Self(text.to_owned())) } else { Err(NoExportName) }
    }
}

#[cfg(test)]
mod tests {
    use super::{ExportName, State};

    #[test]
    fn every_state_is_found_by_its_name() {
        assert!(State::ALL.iter().all(|state| State::named(state.name()) == Some(*state)));
        assert_eq!(State::named("paused"), None);
    }

    #[test]
    fn a_name_is_short_and_of_letters_and_digits() {
        assert!("0123abcz".parse::<ExportName>().is_ok() && "a".repeat(40).parse::<ExportName>().is_ok());
        for wrong in ["", "0123abc", "0123abcZ", "0123-abc", "0123abcä", &"a".repeat(41)] {
            assert!(wrong.parse::<ExportName>().is_err(), "{wrong}");
        }
    }
}
