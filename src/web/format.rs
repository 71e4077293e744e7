//! Formatting of times, sizes and numbers for pages.
//!
//! How values look on a page: times in the reader's zone with their exact form behind them, sizes, and numbers with thousands.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::grouped::grouped;
use crate::domain::time::{ago, day_and_minute_in, day_and_second_in, full_in, in_zone, left, offset, rfc3339};
use crate::web::zone::Clock;

/// A time for a page, which writes it for its reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    time: Timestamp,
    now: Timestamp,
    form: Form,
}

/// What is said of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// `12 s ago`, or when, as the reader chose.
    Ago,
    /// `21 h left`, or until when.
    Left,
    /// `Tue 24 Nov, 08:41 UTC`, with the year where it isn't the one of `now`.
    Minute,
    /// `Mon 23 Nov 2026, 08:41:12.408 UTC`.
    Exact,
}

impl When {
    /// In a list: how long ago, or when.
    pub(crate) fn ago(time: Timestamp, now: Timestamp) -> Self {
        Self { time, now, form: Form::Ago }
    }

    /// How long still, or until when.
    pub(crate) fn left(time: Timestamp, now: Timestamp) -> Self {
        Self { time, now, form: Form::Left }
    }

    /// In a sentence: the day and the minute.
    pub(crate) fn minute(time: Timestamp, now: Timestamp) -> Self {
        Self { time, now, form: Form::Minute }
    }

    /// Of one thing: with milliseconds.
    pub(crate) fn exactly(time: Timestamp) -> Self {
        Self { time, now: time, form: Form::Exact }
    }

    fn text(self, clock: &Clock) -> String {
        let Self { time, now, form } = self;
        let zone = &clock.zone;
        match form {
            Form::Ago | Form::Left if clock.is_absolute => day_and_second_in(time, now, zone),
            Form::Ago => ago(time, now),
            Form::Left => left(time, now),
            Form::Minute => day_and_minute_in(time, now, zone),
            Form::Exact => {
                format!("{} {}", in_zone("%a %-d %b %Y, %H:%M:%S%.3f", time, zone), offset(time, zone))
            }
        }
    }

    /// In both zones, for whoever points at it or gives it the focus.
    fn title(self, clock: &Clock) -> String {
        let (shown, other) = (full_in(self.time, &clock.zone), full_in(self.time, &clock.other_zone()));
        if shown == other { shown } else { format!("{shown}\n{other}") }
    }
}

/// A time as one reader reads it: a `<time>` element. Made of numbers and names of months alone, so it is HTML and needs no escaping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time<'a> {
    pub(crate) when: When,
    pub(crate) clock: &'a Clock,
}

impl fmt::Display for Time<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { when, clock } = *self;
        let relative = match when.form {
            Form::Ago if !clock.is_absolute => " data-relative",
            Form::Left if !clock.is_absolute => " data-relative=\"until\"",
            _ => "",
        };
        let (datetime, title, text) = (rfc3339(when.time), when.title(clock), when.text(clock));
        write!(f, "<time datetime=\"{datetime}\" title=\"{title}\"{relative}>{text}</time>")
    }
}

impl askama::filters::HtmlSafe for Time<'_> {}

/// `23 Nov, 08:36:19 to 08:41:12 UTC`, with both days where they differ, and with the year where it isn't the one of `now`.
pub(crate) fn span_text(from: Timestamp, to: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let at = |pattern, time| in_zone(pattern, time, zone);
    let day = |time| at(if at("%Y", time) == at("%Y", now) { "%-d %b" } else { "%-d %b %Y" }, time);
    // A change of clocks between the two is left out: the later one's are those that the reader sees now.
    let offset = offset(to, zone);
    if at("%F", from) == at("%F", to) {
        format!("{}, {} to {} {offset}", day(from), at("%H:%M:%S", from), at("%H:%M:%S", to))
    } else {
        format!("{}, {} to {}, {} {offset}", day(from), at("%H:%M", from), day(to), at("%H:%M", to))
    }
}

/// A limit, which is a power of two as people set it: `1 MiB`.
pub(crate) fn limit(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    const KIB: usize = 1 << 10;
    match bytes {
        n if n >= MIB && n.is_multiple_of(MIB) => format!("{} MiB", n / MIB),
        n if n >= KIB && n.is_multiple_of(KIB) => format!("{} KiB", n / KIB),
        n => format!("{} bytes", grouped(n as u64)),
    }
}

/// How long somebody has to wait, in seconds, and never too short.
pub(crate) fn whole_seconds(wait: std::time::Duration) -> u64 {
    wait.as_secs_f64().ceil().max(1.0) as u64
}

/// `128 match`: how many, and whether these are all.
pub(crate) fn matched((number, is_all): (u64, bool)) -> String {
    let at_least = if is_all { "" } else { "at least " };
    match number {
        0 => format!("none match{}", if is_all { "" } else { " so far" }),
        1 => format!("{at_least}1 matches"),
        more => format!("{at_least}{} match", grouped(more)),
    }
}

/// `1 event`, `19,370 events`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{Time, When, counted, grouped, limit};
    use crate::web::zone::Clock;

    #[test]
    fn numbers_and_sizes_read_well() {
        assert_eq!([0, 999, 1_000, 19_370, 1_234_567].map(grouped), ["0", "999", "1,000", "19,370", "1,234,567"]);
        assert_eq!([0, 1, 2_000].map(|n| counted(n, "event")), ["0 events", "1 event", "2,000 events"]);
        assert_eq!([1 << 20, 300 << 10, 1_000_000].map(limit), ["1 MiB", "300 KiB", "1,000,000 bytes"]);
    }

    #[test]
    fn a_time_is_written_for_its_reader_and_has_both_zones_behind_it() {
        let time = "2026-11-23T08:41:12.408Z".parse().unwrap();
        let now = "2026-11-23T08:44:12Z".parse().unwrap();
        let auckland =
            |is_utc, is_absolute| Clock::new(TimeZone::get("Pacific/Auckland").unwrap(), is_utc, is_absolute);
        let html = |when, clock: Clock| Time { when, clock: &clock }.to_string();
        let begin = "<time datetime=\"2026-11-23T08:41:12.408Z\" title=\"23 Nov 2026, ";
        let (there, utc) = ("21:41:12 UTC+13", "08:41:12 UTC");
        assert_eq!(
            html(When::ago(time, now), auckland(false, false)),
            format!("{begin}{there}\n23 Nov 2026, {utc}\" data-relative>2 min ago</time>")
        );
        assert_eq!(
            html(When::ago(time, now), auckland(true, true)),
            format!("{begin}{utc}\n23 Nov 2026, {there}\">23 Nov, 08:41:12 UTC</time>")
        );
        assert_eq!(
            html(When::exactly(time), auckland(false, false)),
            format!("{begin}{there}\n23 Nov 2026, {utc}\">Mon 23 Nov 2026, 21:41:12.408 UTC+13</time>")
        );
        assert_eq!(
            html(When::minute(time, now), Clock::default()),
            format!("{begin}{utc}\">Mon 23 Nov, 08:41 UTC</time>"),
            "and once where they are one"
        );
    }
}
