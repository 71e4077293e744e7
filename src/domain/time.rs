//! Times as people and programs read and write them: RFC 3339 in UTC with milliseconds for programs, relative words for
//! lists, and the few spellings that are accepted for "since" and "until".

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// The text is no time that we know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a time: say 90m, 24h or 7d for a time ago, 2026-11-23, 2026-11-23T08:41 or 2026-11-23T08:41:12Z (UTC)"
)]
pub(crate) struct UnknownTime(String);

/// Reads a bound of a time range: an age (`90s`, `15m`, `24h`, `7d`), a date, a date and time (UTC where no zone is
/// said), or RFC 3339.
pub(crate) fn parse_bound(text: &str, now: Timestamp) -> Result<Timestamp, UnknownTime> {
    parse_bound_in(text, now, &TimeZone::UTC)
}

/// The same with dates and times without a zone read in a reader's own. A time that a change of clocks leaves out is the one
/// after it.
pub(crate) fn parse_bound_in(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, UnknownTime> {
    // Nothing was received before 1970, and the database's calendar begins later than the library's.
    parse_moment(text, now, zone).map(|time| time.max(Timestamp::UNIX_EPOCH))
}

/// An age as its words: `90m` is `90 minutes`.
pub(crate) fn age_in_words(text: &str) -> Option<String> {
    parse_age(text)?;
    let (number, unit) = text.split_at(text.len() - 1);
    let number: i64 = number.parse().ok()?;
    let unit = match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        _ => "day",
    };
    Some(format!("{number} {unit}{}", if number == 1 { "" } else { "s" }))
}

fn parse_moment(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, UnknownTime> {
    let text = text.trim();
    let unknown = || UnknownTime(text.chars().take(40).collect());
    if let Some(age) = parse_age(text) {
        return now.saturating_sub(age).map_err(|_| unknown());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    // The library's last moments are a day short of the calendar's, so that they exist in every time zone. The `Z` belongs to
    // those too.
    let civil = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if let Ok(time) = civil.parse::<DateTime>() {
        let is_utc = civil.len() < text.len();
        return Ok(if is_utc { nearest(time, &TimeZone::UTC) } else { nearest(time, zone) });
    }
    let date: Date = text.parse().map_err(|_| unknown())?;
    Ok(nearest(date.at(0, 0, 0, 0), zone))
}

/// A time of the calendar, or the first or last moment that there is.
fn nearest(time: DateTime, zone: &TimeZone) -> Timestamp {
    let bound = if time.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    zone.to_timestamp(time).unwrap_or(bound)
}

fn parse_age(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let number = text.get(..text.len() - unit.len_utf8())?;
    if number.is_empty() || number.len() > 5 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = number.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    Some(SignedDuration::from_secs(number * seconds))
}

/// A span in the largest unit that fits: `12 s`, `3 min`, `5 h`, `12 d`.
struct Rough(i64);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds if seconds < 60 => write!(f, "{seconds} s"),
            seconds if seconds < 3_600 => write!(f, "{} min", seconds / 60),
            seconds if seconds < 48 * 3_600 => write!(f, "{} h", seconds / 3_600),
            seconds => write!(f, "{} d", seconds / 86_400),
        }
    }
}

/// `12 s ago`, `just now`. A time in the future, which another machine's clock may have made, is now.
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> String {
    match now.duration_since(time).as_secs() {
        ..=0 => "just now".to_owned(),
        seconds => format!("{} ago", Rough(seconds)),
    }
}

/// `21 h left`.
pub(crate) fn left(time: Timestamp, now: Timestamp) -> String {
    format!("{} left", Rough(time.duration_since(now).as_secs().max(0)))
}

/// Any `strftime` pattern, in UTC.
pub(crate) fn utc(pattern: &str, time: Timestamp) -> String {
    in_zone(pattern, time, &TimeZone::UTC)
}

/// Any `strftime` pattern, in a zone.
pub fn in_zone(pattern: &str, time: Timestamp, zone: &TimeZone) -> String {
    strtime::format(pattern, &time.to_zoned_datetime(zone.clone())).unwrap_or_else(|_| rfc3339(time))
}

/// `23 Nov 2026, 08:41:12 UTC`.
pub(crate) fn full(time: Timestamp) -> String {
    utc("%-d %b %Y, %H:%M:%S UTC", time)
}

/// The same in a zone: `23 Nov 2026, 17:41:12 UTC+9`.
pub(crate) fn full_in(time: Timestamp, zone: &TimeZone) -> String {
    format!("{} {}", in_zone("%-d %b %Y, %H:%M:%S", time, zone), offset(time, zone))
}

/// `Tue 24 Nov, 08:41 UTC` in a zone; of another year than that of `now`, `Wed 24 Nov 2027, 08:41 UTC`.
pub(crate) fn day_and_minute_in(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let is_of_this_year = in_zone("%Y", time, zone) == in_zone("%Y", now, zone);
    let pattern = if is_of_this_year { "%a %-d %b, %H:%M" } else { "%a %-d %b %Y, %H:%M" };
    format!("{} {}", in_zone(pattern, time, zone), offset(time, zone))
}

/// `24 Nov, 08:41:12 UTC` in a zone; of another year than that of `now`, `24 Nov 2027, 08:41:12 UTC`.
pub(crate) fn day_and_second_in(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let is_of_this_year = in_zone("%Y", time, zone) == in_zone("%Y", now, zone);
    let pattern = if is_of_this_year { "%-d %b, %H:%M:%S" } else { "%-d %b %Y, %H:%M:%S" };
    format!("{} {}", in_zone(pattern, time, zone), offset(time, zone))
}

/// How far a zone's clocks are from UTC at a time: `UTC`, `UTC+9`, `UTC−3:30`. Names of zones mean two times in the hour that a
/// change of clocks repeats, and their abbreviations are known to few.
pub(crate) fn offset(time: Timestamp, zone: &TimeZone) -> String {
    let minutes = zone.to_offset(time).seconds() / 60;
    let (sign, hours, rest) = (if minutes < 0 { '−' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60);
    match (hours, rest) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{ago, full, left, parse_bound, rfc3339};

    fn now() -> Timestamp {
        "2026-11-23T08:41:12.4087Z".parse().unwrap()
    }

    #[test]
    fn programs_read_milliseconds_in_utc() {
        assert_eq!(rfc3339(now()), "2026-11-23T08:41:12.408Z");
        assert_eq!(rfc3339("2026-11-23T00:00:00+02:00".parse().unwrap()), "2026-11-22T22:00:00.000Z");
    }

    #[test]
    fn bounds_are_ages_dates_or_moments() {
        let bound = |text| parse_bound(text, now()).map(rfc3339);
        assert_eq!(bound("24h").unwrap(), "2026-11-22T08:41:12.408Z");
        assert_eq!(bound("7d").unwrap(), "2026-11-16T08:41:12.408Z");
        assert_eq!(bound("2026-11-20").unwrap(), "2026-11-20T00:00:00.000Z");
        assert_eq!(bound("2026-11-20T10:30").unwrap(), "2026-11-20T10:30:00.000Z");
        assert_eq!(bound("2026-11-20T10:30:00+01:00").unwrap(), "2026-11-20T09:30:00.000Z");
        assert_eq!(bound("2026-11-20T10:30:00z").unwrap(), "2026-11-20T10:30:00.000Z");
        assert_eq!(bound("-009999-01-01").unwrap(), "1970-01-01T00:00:00.000Z");
        for end in ["9999-12-31", "9999-12-31T23:59", "9999-12-31T23:59:59Z"] {
            assert_eq!(parse_bound(end, now()).unwrap(), Timestamp::MAX, "{end}");
        }
        for text in ["", "yesterday", "Z", "9999-12-32", "h", "1y", "-1h", "2026-13-01", "99999999d", "ä"] {
            assert!(bound(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_reader_s_own_zone_says_what_a_time_without_one_means() {
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let bound = |text| super::parse_bound_in(text, now(), &zone).map(rfc3339);
        assert_eq!(bound("2026-11-20T10:30").unwrap(), "2026-11-20T09:30:00.000Z");
        assert_eq!(bound("2026-07-20").unwrap(), "2026-07-19T22:00:00.000Z");
        assert_eq!(bound("2026-11-20T10:30:00Z").unwrap(), "2026-11-20T10:30:00.000Z");
        assert_eq!(bound("24h").unwrap(), "2026-11-22T08:41:12.408Z");
        assert_eq!(bound("2026-03-29T02:30").unwrap(), "2026-03-29T01:30:00.000Z", "the hour that was left out");
        assert_eq!(super::age_in_words("90m").unwrap(), "90 minutes");
        assert_eq!((super::age_in_words("1d").unwrap(), super::age_in_words("x")), ("1 day".to_owned(), None));
    }

    #[test]
    fn a_time_in_a_zone_says_how_far_that_is_from_utc() {
        let zone = |name| jiff::tz::TimeZone::get(name).unwrap();
        let shown = |name| super::full_in(now(), &zone(name));
        assert_eq!(shown("UTC"), full(now()));
        assert_eq!(shown("Asia/Tokyo"), "23 Nov 2026, 17:41:12 UTC+9");
        assert_eq!(shown("America/St_Johns"), "23 Nov 2026, 05:11:12 UTC−3:30");
        let new_year = "2026-12-31T23:30:00Z".parse().unwrap();
        let shown = super::day_and_minute_in(new_year, now(), &zone("Europe/Berlin"));
        assert_eq!(shown, "Fri 1 Jan 2027, 00:30 UTC+1", "the year is the reader's, too");
        let [first, second] = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"].map(|time| time.parse().unwrap());
        let berlin = |time| super::full_in(time, &zone("Europe/Berlin"));
        assert_eq!([berlin(first), berlin(second)], ["25 Oct 2026, 02:30:00 UTC+2", "25 Oct 2026, 02:30:00 UTC+1"]);
    }

    #[test]
    fn people_read_rough_spans() {
        let before = |seconds| now() - SignedDuration::from_secs(seconds);
        assert_eq!(ago(before(12), now()), "12 s ago");
        assert_eq!(ago(before(200), now()), "3 min ago");
        assert_eq!(ago(before(47 * 3_600), now()), "47 h ago");
        assert_eq!(ago(before(12 * 86_400), now()), "12 d ago");
        assert_eq!(ago(now() + SignedDuration::from_secs(5), now()), "just now");
        assert_eq!((ago(now(), now()), ago(before(1), now())), ("just now".to_owned(), "1 s ago".to_owned()));
        assert_eq!(left(now() + SignedDuration::from_hours(21), now()), "21 h left");
        assert_eq!(full(now()), "23 Nov 2026, 08:41:12 UTC");
        assert_eq!(super::day_and_minute_in(now(), now(), &jiff::tz::TimeZone::UTC), "Mon 23 Nov, 08:41 UTC");
        let in_ninety_days = now() + SignedDuration::from_hours(90 * 24);
        assert_eq!(
            super::day_and_minute_in(in_ninety_days, now(), &jiff::tz::TimeZone::UTC),
            "Sun 21 Feb 2027, 08:41 UTC"
        );
    }
}
