//! The date at which a password is to end, where its owner wants one: read from a form, and told of in time. Without one a password
//! gets older and is never ended for that.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::time::utc;

/// The furthest that a date may lie ahead.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366 * 10);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Why a text is no date at which a password can end, in words for its owner.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidExpiry {
    #[error("Give a date, such as 2027-06-30.")]
    NotADate,
    #[error("Choose a day after today. To stop a password now, rotate it or revoke the credential.")]
    Past,
    #[error("Choose a date within ten years.")]
    TooFar,
}

/// Reads a date; the password works until that day begins, in UTC. An empty text is no date.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Option<Timestamp>, InvalidExpiry> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let date: Date = text.parse().map_err(|_| InvalidExpiry::NotADate)?;
    let end = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| InvalidExpiry::NotADate)?;
    if end <= now {
        Err(InvalidExpiry::Past)
    } else if end.duration_since(now) > MAX_AHEAD {
        Err(InvalidExpiry::TooFar)
    } else {
        Ok(Some(end))
    }
}

/// What is offered beside a date and no date at all: in addresses and on the command line, and in words.
pub(crate) const PRESETS: [(&str, &str, i32); 3] =
    [("30d", "In 30 days", 30), ("60d", "In 60 days", 60), ("90d", "In 90 days", 90)];
/// The password ends when somebody ends it.
pub(crate) const NEVER: &str = "never";
/// The date says it.
pub(crate) const ON_A_DATE: &str = "date";

/// Reads one of the presets, `never`, or a date.
pub(crate) fn parse_choice(text: &str, now: Timestamp) -> Result<Option<Timestamp>, InvalidExpiry> {
    let days = PRESETS.iter().find(|(value, ..)| *value == text).map(|(_, _, days)| DAY * *days);
    match days.and_then(|days| now.checked_add(days).ok()) {
        Some(day) => parse(&utc("%F", day), now),
        None if text == NEVER => Ok(None),
        None => parse(text, now),
    }
}

/// How near an end is, from 14, 7 and 1 day ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nearness {
    Ahead,
    Soon,
    Tomorrow,
    Over,
}

impl Nearness {
    /// `None` while there is time enough.
    pub(crate) fn of(end: Timestamp, now: Timestamp) -> Option<Self> {
        let left = end.duration_since(now);
        match left {
            left if left <= SignedDuration::ZERO => Some(Self::Over),
            left if left <= DAY => Some(Self::Tomorrow),
            left if left <= DAY * 7 => Some(Self::Soon),
            left if left <= DAY * 14 => Some(Self::Ahead),
            _ => None,
        }
    }
}

/// What is said of the age of a password that has no date: nothing before half a year.
pub(crate) fn age(created: Timestamp, now: Timestamp) -> Option<&'static str> {
    match now.duration_since(created) {
        age if age >= DAY * 365 => Some("12 months"),
        age if age >= DAY * 183 => Some("6 months"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{InvalidExpiry, Nearness, age, parse};

    fn now() -> Timestamp {
        "2026-11-23T08:41:12Z".parse().unwrap()
    }

    #[test]
    fn a_date_is_the_beginning_of_a_day_to_come() {
        assert_eq!(parse("", now()), Ok(None));
        assert_eq!(parse(" 2026-11-24 ", now()), Ok(Some("2026-11-24T00:00:00Z".parse().unwrap())));
        for past in ["2026-11-23", "2020-01-01", "0001-01-01"] {
            assert_eq!(parse(past, now()), Err(InvalidExpiry::Past), "{past}");
        }
        assert_eq!(parse("2036-12-31", now()), Err(InvalidExpiry::TooFar));
        for other in ["tomorrow", "2026-13-01", "24.12.2026", "7d"] {
            assert_eq!(parse(other, now()), Err(InvalidExpiry::NotADate), "{other}");
        }
    }

    #[test]
    fn an_end_is_told_of_14_7_and_1_day_ahead() {
        let day = SignedDuration::from_hours(24);
        let second = SignedDuration::from_secs(1);
        let near = |left| Nearness::of(now() + left, now());
        assert_eq!(near(day * 14 + second), None);
        assert_eq!((near(day * 14), near(day * 7 + second)), (Some(Nearness::Ahead), Some(Nearness::Ahead)));
        assert_eq!((near(day * 7), near(day + second)), (Some(Nearness::Soon), Some(Nearness::Soon)));
        assert_eq!((near(day), near(second)), (Some(Nearness::Tomorrow), Some(Nearness::Tomorrow)));
        assert_eq!(near(SignedDuration::ZERO), Some(Nearness::Over));
    }

    #[test]
    fn age_is_told_after_half_a_year_and_a_year() {
        let aged = |days: i32| age(now() - SignedDuration::from_hours(24) * days, now());
        assert_eq!(
            [aged(182), aged(183), aged(364), aged(365)],
            [None, Some("6 months"), Some("6 months"), Some("12 months")]
        );
    }
}
