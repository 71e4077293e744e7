//! Formatting of times, sizes and numbers for pages.
//!
//! How values look on a page: times with their exact form behind them, sizes, and numbers with thousands.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::grouped::grouped;
use crate::domain::time::{ago, day_and_minute, day_and_minute_in, full, in_zone, left, offset, rfc3339, utc};

/// A time for a `<time>` element.
#[derive(Clone, Debug)]
pub(crate) struct When {
    /// For programs.
    pub(crate) datetime: String,
    /// The exact time, for whoever points at it.
    pub(crate) title: String,
    /// What stands on the page.
    pub(crate) text: String,
    /// The time of day with milliseconds.
    pub(crate) exact: String,
}

impl When {
    /// `12 s ago`.
    pub(crate) fn ago(time: Timestamp, now: Timestamp) -> Self {
        Self::with(time, ago(time, now))
    }

    /// `21 h left`.
    pub(crate) fn left(time: Timestamp, now: Timestamp) -> Self {
        Self::with(time, left(time, now))
    }

    /// `Mon 23 Nov 2026, 08:41:12.408 UTC`, or in the reader's zone, with UTC behind it.
    pub(crate) fn exactly(time: Timestamp, zone: &TimeZone) -> Self {
        let text = in_zone("%a %-d %b %Y, %H:%M:%S%.3f", time, zone);
        Self::with(time, format!("{text} {}", offset(time, zone)))
    }

    /// `Tue 24 Nov, 08:41 UTC`, with the year where it isn't the one of `now`.
    pub(crate) fn minute(time: Timestamp, now: Timestamp) -> Self {
        Self::with(time, day_and_minute(time, now))
    }

    /// The same in the reader's zone.
    pub(crate) fn minute_in(time: Timestamp, now: Timestamp, zone: &TimeZone) -> Self {
        Self::with(time, day_and_minute_in(time, now, zone))
    }

    fn with(time: Timestamp, text: String) -> Self {
        Self { datetime: rfc3339(time), title: full(time), text, exact: milliseconds(time) }
    }
}

fn milliseconds(time: Timestamp) -> String {
    utc("%H:%M:%S%.3f", time)
}

/// `743 B`, `1.1 KB`, `31.4 MB`: decimal, as disks and networks count.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} B");
    };
    let tenths = (bytes * 10 + unit / 2) / unit;
    format!("{}.{} {name}", grouped(tenths / 10), tenths % 10)
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

/// `1 event`, `19,370 events`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{When, counted, grouped, limit, size};

    #[test]
    fn numbers_and_sizes_read_well() {
        assert_eq!([0, 999, 1_000, 19_370, 1_234_567].map(grouped), ["0", "999", "1,000", "19,370", "1,234,567"]);
        assert_eq!([743, 1_100, 31_400_000, 999_960].map(size), ["743 B", "1.1 KB", "31.4 MB", "1,000.0 KB"]);
        assert_eq!([0, 1, 2_000].map(|n| counted(n, "event")), ["0 events", "1 event", "2,000 events"]);
        assert_eq!([1 << 20, 300 << 10, 1_000_000].map(limit), ["1 MiB", "300 KiB", "1,000,000 bytes"]);
    }

    #[test]
    fn a_time_has_its_exact_form_behind_it() {
        let time = "2026-11-23T08:41:12.408Z".parse().unwrap();
        let when = When::exactly(time, &TimeZone::UTC);
        assert_eq!(when.text, "Mon 23 Nov 2026, 08:41:12.408 UTC");
        assert_eq!((when.title.as_str(), when.exact.as_str()), ("23 Nov 2026, 08:41:12 UTC", "08:41:12.408"));
        let when = When::exactly(time, &TimeZone::get("Pacific/Auckland").unwrap());
        assert_eq!(
            (when.text.as_str(), when.title.as_str()),
            ("Mon 23 Nov 2026, 21:41:12.408 UTC+13", "23 Nov 2026, 08:41:12 UTC")
        );
    }
}
