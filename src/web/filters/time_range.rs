//! The time range of a list: what the address or the form says, the moments that are meant, and what the form shows of them. Addresses
//! mean the same for everybody; the form is read and filled in the reader's own zone.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::time::{age_in_words, full, in_zone, parse_bound_in, rfc3339};
use crate::web::filters::filter_choices::{CUSTOM, is_named_range};

/// How much of a bound that is no time is given back, in characters.
const MAX_TYPED_CHARS: usize = 40;

/// One bound, as asked for and as understood.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) time: Option<Timestamp>,
    /// As addresses say it.
    pub(crate) input: String,
    /// As `datetime-local` wants it, in the reader's zone; what was typed where that is no time.
    pub(crate) field: String,
    /// The same in UTC, for whoever points at it.
    pub(crate) title: String,
    pub(crate) is_wrong: bool,
}

/// A range, understood.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub(crate) since: Bound,
    pub(crate) until: Bound,
    /// It has no name, and is said by its bounds.
    pub(crate) is_custom: bool,
    /// The name of the reader's zone.
    pub(crate) zone: String,
    pub(crate) error: Option<String>,
    is_typed: bool,
}

impl Range {
    /// Understands `since` and `until` of an address, or `from` and `until` of the form beside `since=custom`.
    pub(crate) fn read(since: &str, until: &str, from: &str, now: Timestamp, zone: &TimeZone) -> Self {
        let mut error = None;
        let is_typed = since == CUSTOM;
        let read_in = if is_typed { zone } else { &TimeZone::UTC };
        let is_age = age_in_words(since).is_some();
        let is_custom = !((is_age || is_named_range(since)) && until.is_empty());
        let mut bound = |text: &str| {
            let time = match parse_bound_in(text, now, read_in) {
                _ if text.is_empty() => None,
                Ok(time) => Some(time),
                Err(problem) => {
                    error = Some(format!("{}.", escape_invisible(&problem.to_string())));
                    None
                }
            };
            let is_wrong = time.is_none() && !text.is_empty();
            let field = match time {
                Some(time) => in_zone("%Y-%m-%dT%H:%M", time, zone),
                None => text.chars().take(MAX_TYPED_CHARS).collect(),
            };
            Bound {
                time,
                input: time.filter(|_| is_typed).map_or_else(|| text.to_owned(), rfc3339),
                field: if is_custom { field } else { String::new() },
                title: time.map(full).unwrap_or_default(),
                is_wrong,
            }
        };
        let (since, until) = (bound(if is_typed { from } else { since }), bound(until));
        Self { since, until, is_custom, zone: zone.iana_name().unwrap_or("UTC").to_owned(), error, is_typed }
    }

    /// Whether the address of the page still says it as the form does, which is another time for a reader elsewhere. A choice without
    /// times, and times that cannot be read, are for the form to show again.
    pub(crate) fn is_local(&self) -> bool {
        self.is_typed && self.error.is_none() && (self.since.time.is_some() || self.until.time.is_some())
    }
}

/// The day, minute or second that a text alone says, such as `2026-11-28 14:03`.
pub(crate) fn typed_time(text: &str, now: Timestamp, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let text = text.trim();
    let seconds = match text.len() {
        10 => 24 * 3_600,
        16 => 60,
        19.. => 1,
        _ => return None,
    };
    let since = text.contains('-').then(|| parse_bound_in(&text.replacen(' ', "T", 1), now, zone).ok())??;
    Some((since, since.saturating_add(SignedDuration::from_secs(seconds)).ok()?))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::Range;

    fn read(since: &str, until: &str, from: &str) -> Range {
        let zone = TimeZone::get("America/New_York").unwrap();
        Range::read(since, until, from, "2026-11-23T08:41:12Z".parse().unwrap(), &zone)
    }

    #[test]
    fn what_the_form_says_has_an_address_that_means_the_same_everywhere() {
        let range = read("custom", "2026-11-21T00:00", "2026-11-20T10:30");
        assert!(range.is_local());
        assert_eq!(
            (range.since.input.as_str(), range.until.input.as_str()),
            ("2026-11-20T15:30:00.000Z", "2026-11-21T05:00:00.000Z")
        );
        let address = read(&range.since.input, &range.until.input, "");
        assert!(!address.is_local() && address.is_custom);
        assert_eq!(
            (address.since.field.as_str(), address.until.field.as_str()),
            ("2026-11-20T10:30", "2026-11-21T00:00")
        );
        assert_eq!(address.since.title, "20 Nov 2026, 15:30:00 UTC");
    }

    #[test]
    fn what_was_typed_and_is_no_time_is_shown_again_where_it_was_typed() {
        let range = read("custom", "2026-11-21T00:00", "20.11.2026 10:30");
        assert!(!range.is_local() && range.error.is_some());
        assert_eq!((range.since.field.as_str(), range.since.is_wrong), ("20.11.2026 10:30", true));
        assert_eq!((range.until.field.as_str(), range.until.is_wrong), ("2026-11-21T00:00", false));
        let chosen = read("custom", "", "");
        assert!(!chosen.is_local() && chosen.is_custom && chosen.error.is_none(), "the times are still to be typed");
    }
}
