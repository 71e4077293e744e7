//! The overview as a picture: what a range has, in half hours or days, which is as fine as counts are kept, or in bars of any length where a
//! search was asked. Rejected attempts have a lane and a scale of their own, because 37 beside 19,370 would be invisible. The same figures
//! stand in a table for whoever reads them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::domain::grouped::grouped;
use crate::domain::size::size;
use crate::domain::time::{in_zone, offset, rfc3339};
use crate::store::tables::event_counts::{Counts, HALF_HOUR_SECONDS, half_hour_of};

const HOUR_SECONDS: i64 = 3_600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
/// How many bars a picture has at most.
const MAX_BARS: i64 = 49;
/// Half hours are counted by themselves for so long, and by their days afterwards.
const HALF_HOURS_KEPT_SECONDS: i64 = 3 * DAY_SECONDS - HOUR_SECONDS;
/// How far back the picture of a range goes that has no beginning.
const OPEN_RANGE_SECONDS: i64 = 30 * DAY_SECONDS;
/// How long a bar may be of what a search found.
const STEPS: [i64; 10] =
    [60, 300, 900, HALF_HOUR_SECONDS, HOUR_SECONDS, 7_200, 14_400, 28_800, DAY_SECONDS, 7 * DAY_SECONDS];

/// What the chart spans where the list has no range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Span {
    /// 48 half hours with the current one.
    #[default]
    Day,
    /// 30 days with the current one.
    Month,
}

impl Span {
    /// As the address says it; the usual one is not said.
    pub(crate) fn parse(text: &str) -> Self {
        if text == Span::Month.as_str() { Span::Month } else { Span::Day }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Span::Day => "",
            Span::Month => "30d",
        }
    }

    pub(crate) fn is_month(self) -> bool {
        self == Span::Month
    }

    /// The moment from which a chart at `now` counts.
    pub(crate) fn start(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        Frame::of(self, now, zone).first()
    }
}

/// The bars of a chart: from when on, how long each is, and how many there are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// When each bar begins, and the last one ends.
    bounds: Vec<Timestamp>,
    /// How long a bar is. Where clocks change, a day is an hour more or less.
    bar_seconds: i64,
    /// The last bar is under way.
    ends_now: bool,
}

impl Frame {
    /// Of a list without a range.
    pub(crate) fn of(span: Span, now: Timestamp, zone: &TimeZone) -> Self {
        match span {
            Span::Day => {
                let end = (now.as_second().div_euclid(HALF_HOUR_SECONDS) + 1) * HALF_HOUR_SECONDS;
                Self::between(end - DAY_SECONDS, end, HALF_HOUR_SECONDS, true)
            }
            Span::Month => {
                let first = date_of(now, zone).saturating_sub(29.days());
                Self::of_days((first, now.as_second() + 1), 1, zone, true).counted()
            }
        }
    }

    /// Of a range, in half hours and days as they are counted.
    pub(crate) fn of_range(range: (Option<Timestamp>, Option<Timestamp>), now: Timestamp, zone: &TimeZone) -> Self {
        let (since, until, ends_now) = bounds(range, now);
        let is_by_half_hour = since >= now.as_second() - HALF_HOURS_KEPT_SECONDS;
        let unit = if is_by_half_hour { HALF_HOUR_SECONDS } else { DAY_SECONDS };
        let units_of_bar = ((until - since).div_euclid(unit) + 1).div_euclid(MAX_BARS).max(0) + 1;
        if is_by_half_hour {
            return Self::between(since, until, unit * units_of_bar, ends_now);
        }
        Self::of_days((date_of(at_second(since), zone), until), units_of_bar, zone, ends_now).counted()
    }

    /// Of a range of which all events are looked at.
    pub(crate) fn of_search(range: (Option<Timestamp>, Option<Timestamp>), now: Timestamp, zone: &TimeZone) -> Self {
        let (since, until, ends_now) = bounds(range, now);
        let fits = |step: &i64| (until - since) / step < MAX_BARS - 1;
        let days = (until - since) / (MAX_BARS - 1) / DAY_SECONDS + 1;
        let bar_seconds = STEPS.into_iter().find(fits).unwrap_or(days * DAY_SECONDS);
        match bar_seconds % DAY_SECONDS {
            0 => Self::of_days((date_of(at_second(since), zone), until), bar_seconds / DAY_SECONDS, zone, ends_now),
            _ => Self::between(since, until, bar_seconds, ends_now),
        }
    }

    fn between(since: i64, until: i64, bar_seconds: i64, ends_now: bool) -> Self {
        let first = since.div_euclid(bar_seconds) * bar_seconds;
        let bars = (until - 1 - first).div_euclid(bar_seconds).max(0) + 1;
        let bounds = (0..=bars).map(|bar| at_second(first + bar * bar_seconds)).collect();
        Self { bounds, bar_seconds, ends_now }
    }

    /// Days as they are in a zone, from one of them on.
    fn of_days((first, until): (Date, i64), days: i64, zone: &TimeZone, ends_now: bool) -> Self {
        let start = |bar: i64| start_of(first.saturating_add((bar * days).days()), zone);
        let later = (1..).map(start).take(2 * MAX_BARS as usize);
        let mut bounds = vec![start(0)];
        for bound in later {
            bounds.push(bound);
            if bound.as_second() >= until {
                break;
            }
        }
        Self { bounds, bar_seconds: days * DAY_SECONDS, ends_now }
    }

    /// The same as finely as counts are: where a day begins at a quarter past, its bar begins at the half hour before.
    fn counted(mut self) -> Self {
        self.bounds.iter_mut().for_each(|bound| *bound = half_hour_of(*bound));
        self
    }

    /// When each bar begins, and the last one ends.
    pub(crate) fn bounds(&self) -> &[Timestamp] {
        &self.bounds
    }

    /// From when on.
    pub(crate) fn first(&self) -> Timestamp {
        self.bounds.first().copied().unwrap_or_default()
    }

    fn end(&self) -> Timestamp {
        self.bounds.last().copied().unwrap_or_default()
    }

    fn bars(&self) -> usize {
        self.bounds.len() - 1
    }

    fn is_of_days(&self) -> bool {
        self.bar_seconds % DAY_SECONDS == 0
    }

    fn is_longer_than_a_day(&self) -> bool {
        self.end().duration_since(self.first()).as_secs() > DAY_SECONDS
    }

    /// The number of the bar that a moment belongs to.
    fn bar_of(&self, time: Timestamp) -> Option<usize> {
        let bar = self.bounds.partition_point(|bound| *bound <= time).checked_sub(1);
        bar.filter(|bar| *bar < self.bars())
    }

    /// What a bar is called, such as `08:30–09:00 UTC`, or by its day. Where counts are not as fine as its day, by its times.
    fn label(&self, from: Timestamp, until: Timestamp, zone: &TimeZone) -> String {
        let at = |pattern, time| in_zone(pattern, time, zone);
        let offset = offset(from, zone);
        if !self.is_of_days() {
            let times = format!("{}–{} {offset}", at("%H:%M", from), at("%H:%M", until));
            return if self.is_longer_than_a_day() { format!("{}, {times}", at("%a %-d %b", from)) } else { times };
        }
        let day = day_of(from, zone);
        let days = self.bar_seconds / DAY_SECONDS;
        match start_of(day, zone) == from {
            false => format!("{}–{} {offset}", at("%-d %b, %H:%M", from), at("%-d %b, %H:%M", until)),
            true if days == 1 => day.strftime("%a %-d %b").to_string(),
            true => format!("{} and {} days", day.strftime("%a %-d %b"), days - 1),
        }
    }

    /// What stands below the bars.
    fn marks(&self, zone: &TimeZone) -> Vec<String> {
        let all = self.end().duration_since(self.first()).as_secs();
        let pattern = if self.is_longer_than_a_day() { "%-d %b, %H:%M" } else { "%H:%M" };
        let mark = |part: usize, of: usize| match self.is_of_days() {
            true => day_of(self.bounds[self.bars() * part / of], zone).strftime("%-d %b").to_string(),
            false => in_zone(pattern, at_second(self.first().as_second() + all / of as i64 * part as i64), zone),
        };
        let (count, last) = if self.is_of_days() { (3, "Today") } else { (4, "Now") };
        let last = if self.ends_now { last.to_owned() } else { mark(count, count) };
        (0..count).map(|part| mark(part, count)).chain(std::iter::once(last)).collect()
    }

    fn words(&self) -> String {
        let (number, unit) = match self.bar_seconds {
            seconds if seconds % DAY_SECONDS == 0 => (seconds / DAY_SECONDS, "day"),
            seconds if seconds % HOUR_SECONDS == 0 => (seconds / HOUR_SECONDS, "hour"),
            seconds => (seconds / 60, "minute"),
        };
        format!("{number}-{unit}")
    }
}

fn at_second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}

fn date_of(time: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(time).date()
}

/// The first moment of a day.
fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible().unwrap_or_default()
}

/// The day that a bar begins with, which may begin a little before it.
fn day_of(start: Timestamp, zone: &TimeZone) -> Date {
    date_of(at_second(start.as_second() + HALF_HOUR_SECONDS - 1), zone)
}

/// The bounds of a range in seconds, and whether it ends now.
fn bounds((since, until): (Option<Timestamp>, Option<Timestamp>), now: Timestamp) -> (i64, i64, bool) {
    let end = until.filter(|until| *until <= now).unwrap_or(now).as_second();
    let ends_now = until.is_none_or(|until| until > now);
    let since = since.map_or(end - OPEN_RANGE_SECONDS, |since| since.as_second().min(end - 1));
    (since, end.max(since + 1) + i64::from(ends_now), ends_now)
}

/// One bar, and one row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) accepted: String,
    pub(crate) rejected: String,
    pub(crate) bytes: String,
    /// Where it stands, in a picture 1,000 wide and 100 high: its place, and the bar within.
    pub(crate) place: String,
    pub(crate) x: String,
    /// Of the accepted, from the top; and how high.
    pub(crate) y: String,
    pub(crate) height: String,
    pub(crate) has_accepted: bool,
    pub(crate) has_rejected: bool,
    pub(crate) rejected_height: String,
    /// Its bounds, for the list of what is in it.
    pub(crate) since: String,
    pub(crate) until: String,
}

impl Bar {
    pub(crate) fn has_data(&self) -> bool {
        self.has_accepted || self.has_rejected
    }

    /// The list that has something of it.
    pub(crate) fn list(&self) -> &'static str {
        if self.has_accepted { "/events" } else { "/events/rejections" }
    }
}

/// What a chart is drawn from.
#[derive(Debug)]
pub(crate) struct Drawn<'a> {
    pub(crate) frame: &'a Frame,
    /// In words, such as `Last 24 hours`.
    pub(crate) title: &'a str,
    pub(crate) zone: &'a TimeZone,
    /// A bound ended the counting, so that there may be more.
    pub(crate) is_at_least: bool,
}

/// The whole picture.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// Accepted and rejected, where a search was asked.
    pub(crate) matches: String,
    pub(crate) accepted: String,
    pub(crate) rejected: String,
    pub(crate) share: String,
    pub(crate) bytes: String,
    /// Whether there is anything to draw.
    pub(crate) has_data: bool,
    /// What the bars are, at the head of the table.
    pub(crate) unit: &'static str,
    pub(crate) bars: Vec<Bar>,
    /// How wide a place and a bar are.
    pub(crate) step: String,
    pub(crate) width: String,
    pub(crate) scale: String,
    pub(crate) rejected_scale: Option<String>,
    pub(crate) marks: Vec<String>,
    pub(crate) description: String,
    /// What it spans.
    pub(crate) since: String,
    pub(crate) until: String,
}

impl Chart {
    /// Draws counts, each with the moment that it begins at.
    pub(crate) fn draw(counts: &BTreeMap<Timestamp, Counts>, drawn: &Drawn<'_>) -> Self {
        let Drawn { frame, title, zone, is_at_least } = *drawn;
        let mut bars = vec![Counts::default(); frame.bars()];
        let mut total = Counts::default();
        for (time, counts) in counts {
            let Some(bar) = frame.bar_of(*time) else { continue };
            bars[bar].add(*counts);
            total.add(*counts);
        }
        let most = bars.iter().map(|counts| counts.accepted).max().unwrap_or(0);
        let most_rejected = bars.iter().map(|counts| counts.rejected).max().unwrap_or(0);
        let scales = Scales { frame, zone, top: round_top(most), most_rejected };
        let all = total.accepted + total.rejected;
        let step = 1_000.0 / frame.bars() as f64;
        Self {
            title: title.to_owned(),
            matches: format!("{}{}", if is_at_least { "at least " } else { "" }, grouped(all)),
            accepted: grouped(total.accepted),
            rejected: grouped(total.rejected),
            share: if all == 0 { "–".to_owned() } else { percent(total.accepted, all) },
            bytes: size(total.bytes),
            has_data: all > 0,
            unit: match frame.is_of_days() {
                true if *zone == TimeZone::UTC => "Day (UTC)",
                true => "Day",
                false => "Time",
            },
            step: format!("{step:.2}"),
            width: format!("{:.1}", width(step)),
            scale: grouped(scales.top),
            rejected_scale: (most_rejected > 0).then(|| format!("peak {}", grouped(most_rejected))),
            marks: frame.marks(zone),
            description: description(drawn, &total, most, &bars),
            bars: bars.iter().enumerate().map(|(place, counts)| scales.bar(place, counts, step)).collect(),
            since: rfc3339(frame.first()),
            until: rfc3339(frame.end()),
        }
    }

    /// The bars that have something, for the table: the latest first.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Bar> {
        self.bars.iter().rev().filter(|bar| bar.has_data())
    }
}

fn width(step: f64) -> f64 {
    step * 0.66
}

struct Scales<'a> {
    frame: &'a Frame,
    zone: &'a TimeZone,
    top: u64,
    most_rejected: u64,
}

impl Scales<'_> {
    fn bar(&self, number: usize, counts: &Counts, step: f64) -> Bar {
        let (time, end) = (self.frame.bounds[number], self.frame.bounds[number + 1]);
        let height = 100.0 * counts.accepted as f64 / self.top as f64;
        // One rejected attempt must still be seen beside a hundred.
        let rejected_height = (100.0 * counts.rejected as f64 / self.most_rejected.max(1) as f64).max(16.0);
        let place = number as f64 * step;
        Bar {
            label: self.frame.label(time, end, self.zone),
            accepted: grouped(counts.accepted),
            rejected: grouped(counts.rejected),
            bytes: size(counts.bytes),
            place: format!("{place:.1}"),
            x: format!("{:.1}", place + (step - width(step)) / 2.0),
            y: format!("{:.1}", 100.0 - height),
            height: format!("{height:.1}"),
            has_accepted: counts.accepted > 0,
            has_rejected: counts.rejected > 0,
            rejected_height: format!("{rejected_height:.1}"),
            since: rfc3339(time),
            until: rfc3339(end),
        }
    }
}

/// The next number that reads well on a scale: 1, 2, 4, 6, 8 or 10 of a power of ten, and even where it is halved.
fn round_top(most: u64) -> u64 {
    let mut power = 1;
    loop {
        for step in [2, 4, 6, 8, 10] {
            if step * power >= most {
                return step * power;
            }
        }
        power *= 10;
    }
}

fn percent(part: u64, all: u64) -> String {
    let share = part as f64 * 100.0 / all as f64;
    // Never 100 % with something missing.
    let shown = (share * 100.0).floor() / 100.0;
    if part == all { "100%".to_owned() } else { format!("{shown:.2}%") }
}

fn description(drawn: &Drawn<'_>, total: &Counts, most: u64, bars: &[Counts]) -> String {
    let Drawn { frame, title, zone, is_at_least } = *drawn;
    let busiest = bars.iter().position(|counts| counts.accepted == most && most > 0);
    let busiest = busiest.map(|bar| frame.bounds[bar]).map(|time| match frame.is_of_days() {
        false => format!(", busiest around {} {}", in_zone("%H:%M", time, zone), offset(time, zone)),
        true => format!(", busiest on {}", day_of(time, zone).strftime("%-d %b")),
    });
    format!(
        "Events, {title}, in {} bars. {}{} accepted, at most {} in a bar{}. {} rejected.",
        frame.words(),
        if is_at_least { "At least " } else { "" },
        grouped(total.accepted),
        grouped(most),
        busiest.unwrap_or_default(),
        grouped(total.rejected)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::{Chart, Drawn, Frame, Span, round_top};
    use crate::store::tables::event_counts::Counts;

    const NOW: &str = "2026-11-23T08:41:12Z";

    fn draw(counts: &BTreeMap<Timestamp, Counts>, frame: &Frame) -> Chart {
        Chart::draw(counts, &Drawn { frame, title: "Last", zone: &TimeZone::UTC, is_at_least: false })
    }

    fn of(span: Span) -> Frame {
        Frame::of(span, NOW.parse().unwrap(), &TimeZone::UTC)
    }

    #[test]
    fn the_bars_of_a_range_are_as_fine_as_its_counts_are_kept() {
        let now = NOW.parse().unwrap();
        let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let range = |since: &str, until: Option<&str>| {
            Frame::of_range((time(since), until.and_then(time)), now, &TimeZone::UTC)
        };
        let shown = |frame: Frame| (frame.first().to_string(), frame.bar_seconds / 60, frame.bars());
        assert_eq!(shown(range("2026-11-23T07:41:12Z", None)), ("2026-11-23T07:30:00Z".to_owned(), 30, 3));
        assert_eq!(shown(range("2026-11-21T08:41:12Z", None)), ("2026-11-21T08:00:00Z".to_owned(), 60, 49));
        assert_eq!(shown(range("2026-11-16T08:41:12Z", None)), ("2026-11-16T00:00:00Z".to_owned(), 1_440, 8));
        let days = range("2026-11-01T00:00:00Z", Some("2026-11-03T00:00:00Z"));
        assert_eq!(shown(days.clone()), ("2026-11-01T00:00:00Z".to_owned(), 1_440, 2));
        assert_eq!(days.marks(&TimeZone::UTC).last().unwrap(), "3 Nov");
        assert!(range("1970-01-01T00:00:00Z", None).bars() as i64 <= super::MAX_BARS + 1);
        let of_search = Frame::of_search((time("2026-11-23T07:41:12Z"), None), now, &TimeZone::UTC);
        assert_eq!(shown(of_search), ("2026-11-23T07:40:00Z".to_owned(), 5, 13));
        assert!(
            Frame::of_search((time("1970-01-01T00:00:00Z"), None), now, &TimeZone::UTC).bars() as i64
                <= super::MAX_BARS
        );
    }

    #[test]
    fn bars_are_named_in_the_reader_s_zone() {
        let counts =
            BTreeMap::from([("2026-11-23T08:30:00Z".parse().unwrap(), Counts { accepted: 9, rejected: 0, bytes: 0 })]);
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let drawn = Drawn { frame: &of(Span::Day), title: "Last 24 hours", zone: &zone, is_at_least: true };
        let chart = Chart::draw(&counts, &drawn);
        assert_eq!(chart.bars[47].label, "17:30–18:00 UTC+9");
        assert_eq!(chart.marks, ["18:00", "00:00", "06:00", "12:00", "Now"]);
        assert_eq!((chart.matches.as_str(), chart.accepted.as_str()), ("at least 9", "9"));
    }

    // holds issue 16, section 2
    #[test]
    fn days_are_those_of_the_reader_with_the_hours_that_they_have() {
        let month = |zone: &str, now: &str| {
            let zone = TimeZone::get(zone).unwrap();
            let frame = Frame::of(Span::Month, now.parse().unwrap(), &zone);
            let counts = BTreeMap::new();
            let chart = Chart::draw(&counts, &Drawn { frame: &frame, title: "", zone: &zone, is_at_least: false });
            let hours = frame.bounds.windows(2).map(|day| day[1].duration_since(day[0]).as_secs() / 1_800);
            let changed: Vec<(String, i64)> = chart
                .bars
                .iter()
                .map(|bar| bar.label.clone())
                .zip(hours)
                .filter(|(_, half_hours)| *half_hours != 48)
                .collect();
            let last = &chart.bars[29];
            (changed, last.label.clone(), last.since.clone(), chart.marks.clone())
        };
        let (changed, last, since, marks) = month("Europe/Berlin", "2026-11-05T23:30:00Z");
        assert_eq!(changed, [("Sun 25 Oct".to_owned(), 50)], "of 25 hours");
        assert_eq!((last.as_str(), since.as_str()), ("Fri 6 Nov", "2026-11-05T23:00:00.000Z"));
        assert_eq!(marks, ["8 Oct", "18 Oct", "28 Oct", "Today"]);
        assert_eq!(month("Europe/Berlin", "2026-04-05T10:00:00Z").0, [("Sun 29 Mar".to_owned(), 46)], "of 23 hours");
        assert_eq!(month("Australia/Lord_Howe", "2026-04-10T10:00:00Z").0, [("Sun 5 Apr".to_owned(), 49)]);
        let (_, last, since, _) = month("Asia/Kolkata", "2026-11-23T08:41:12Z");
        assert_eq!((last.as_str(), since.as_str()), ("Mon 23 Nov", "2026-11-22T18:30:00.000Z"));
        let (_, last, since, marks) = month("Asia/Kathmandu", "2026-11-23T08:41:12Z");
        assert_eq!(last, "22 Nov, 23:45–23 Nov, 23:45 UTC+5:45", "counts are not as fine as the days there");
        assert_eq!((since.as_str(), marks[0].as_str()), ("2026-11-22T18:00:00.000Z", "25 Oct"));
    }

    #[test]
    fn the_chart_sums_what_belongs_to_it() {
        let now = NOW.parse().unwrap();
        let mut counts = BTreeMap::new();
        counts.insert("2026-11-23T08:30:00Z".parse().unwrap(), Counts { accepted: 9, rejected: 1, bytes: 2_000 });
        counts.insert(Span::Day.start(now, &TimeZone::UTC), Counts { accepted: 1, rejected: 0, bytes: 5 });
        counts.insert("2026-11-22T08:00:00Z".parse().unwrap(), Counts { accepted: 77, rejected: 0, bytes: 5 });
        let day = draw(&counts, &of(Span::Day));
        assert_eq!((day.accepted.as_str(), day.rejected.as_str(), day.share.as_str()), ("10", "1", "90.90%"));
        assert_eq!(day.bars.len(), 48);
        assert!(day.bars[47].has_accepted && day.bars[47].has_rejected && day.bars[0].has_accepted);
        assert_eq!(day.rows().count(), 2);
        let last = &day.bars[47];
        assert_eq!(
            (last.since.as_str(), last.until.as_str()),
            ("2026-11-23T08:30:00.000Z", "2026-11-23T09:00:00.000Z")
        );

        let counts =
            BTreeMap::from([("2026-10-25T00:00:00Z".parse().unwrap(), Counts { accepted: 3, rejected: 0, bytes: 9 })]);
        let month = draw(&counts, &of(Span::Month));
        assert_eq!((month.bars.len(), month.accepted.as_str(), month.bars[0].label.as_str()), (30, "3", "Sun 25 Oct"));
        assert_eq!(month.marks, ["25 Oct", "4 Nov", "14 Nov", "Today"]);
    }

    #[test]
    fn bars_stand_at_their_time_and_are_as_high_as_what_they_count() {
        let now = NOW.parse().unwrap();
        let counts = BTreeMap::from([
            (Span::Day.start(now, &TimeZone::UTC), Counts { accepted: 5, rejected: 100, bytes: 0 }),
            ("2026-11-23T08:00:00Z".parse().unwrap(), Counts { accepted: 0, rejected: 1, bytes: 0 }),
            ("2026-11-23T08:30:00Z".parse().unwrap(), Counts { accepted: 10, rejected: 50, bytes: 0 }),
        ]);
        let drawn = draw(&counts, &of(Span::Day));
        assert_eq!((drawn.step.as_str(), drawn.width.as_str()), ("20.83", "13.8"), "48 places, each with a gap");
        assert_eq!(drawn.scale, "10");
        let bar = |place: usize| {
            let bar = &drawn.bars[place];
            [&bar.place, &bar.x, &bar.y, &bar.height, &bar.rejected_height].map(String::as_str)
        };
        assert_eq!(bar(0), ["0.0", "3.5", "50.0", "50.0", "100.0"], "half of the scale, from its foot up");
        assert_eq!(bar(46), ["958.3", "961.9", "100.0", "0.0", "16.0"], "one attempt can be seen beside a hundred");
        assert_eq!(bar(47), ["979.2", "982.7", "0.0", "100.0", "50.0"], "the last ends where the picture does");
        assert_eq!([drawn.bars[46].list(), drawn.bars[47].list()], ["/events/rejections", "/events"]);

        let all_day =
            BTreeMap::from([("2026-11-23T00:00:00Z".parse().unwrap(), Counts { accepted: 3, rejected: 0, bytes: 0 })]);
        let month = draw(&all_day, &of(Span::Month));
        let last = &month.bars[29];
        assert_eq!((month.step.as_str(), month.width.as_str(), month.scale.as_str()), ("33.33", "22.0", "4"));
        assert_eq!([&last.place, &last.x, &last.y, &last.height], ["966.7", "972.3", "25.0", "75.0"]);
    }

    #[test]
    fn scales_read_well() {
        assert_eq!([0, 1, 3, 9, 11, 592, 601].map(round_top), [2, 2, 4, 10, 20, 600, 800]);
    }
}
