//! The overview as a picture: 24 hours in half hours, which is as fine as counts are kept, or 30 days in days. Rejected attempts have a lane
//! and a scale of their own, because 37 beside 19,370 would be invisible. The same figures stand in a table for whoever reads them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::grouped::grouped;
use crate::domain::time::{rfc3339, utc};
use crate::store::tables::counts_by_time::Unit;
use crate::store::tables::event_counts::{Counts, HALF_HOUR_SECONDS, half_hour_of};
use crate::web::format::size;

const DAY_SECONDS: i64 = 24 * 3_600;

/// What the chart spans.
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

    pub(crate) fn title(self) -> &'static str {
        match self {
            Span::Day => "Last 24 hours",
            Span::Month => "Last 30 days",
        }
    }

    /// How long each count is for that a bar is drawn of.
    pub(crate) fn unit(self) -> Unit {
        match self {
            Span::Day => Unit::HalfHour,
            Span::Month => Unit::Day,
        }
    }

    fn bars(self) -> i64 {
        match self {
            Span::Day => 48,
            Span::Month => 30,
        }
    }

    fn bar_seconds(self) -> i64 {
        match self {
            Span::Day => HALF_HOUR_SECONDS,
            Span::Month => DAY_SECONDS,
        }
    }

    /// The moment from which a chart at `now` counts.
    pub(crate) fn start(self, now: Timestamp) -> Timestamp {
        let current = match self {
            Span::Day => half_hour_of(now),
            Span::Month => Timestamp::from_second(now.as_second().div_euclid(DAY_SECONDS) * DAY_SECONDS).unwrap_or(now),
        };
        let before = SignedDuration::from_secs((self.bars() - 1) * self.bar_seconds());
        current.saturating_sub(before).unwrap_or(now)
    }

    /// What a bar is called, such as `08:30–09:00 UTC`.
    fn label(self, from: Timestamp, until: Timestamp) -> String {
        match self {
            Span::Day => format!("{}–{} UTC", utc("%H:%M", from), utc("%H:%M", until)),
            Span::Month => utc("%a %-d %b", from),
        }
    }
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

/// The whole picture.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) span: Span,
    pub(crate) accepted: String,
    pub(crate) rejected: String,
    pub(crate) share: String,
    pub(crate) bytes: String,
    /// Whether there is anything to draw.
    pub(crate) has_data: bool,
    pub(crate) bars: Vec<Bar>,
    /// How wide a place and a bar are.
    pub(crate) step: String,
    pub(crate) width: String,
    pub(crate) scale: String,
    pub(crate) rejected_scale: Option<String>,
    pub(crate) marks: Vec<String>,
    pub(crate) description: String,
}

impl Chart {
    /// Draws counts by half hour or by day.
    pub(crate) fn draw(counts: &BTreeMap<Timestamp, Counts>, span: Span, now: Timestamp) -> Self {
        let first = span.start(now);
        let at = |bar: i64| first.saturating_add(SignedDuration::from_secs(bar * span.bar_seconds())).unwrap_or(now);
        let drawn: Vec<(Timestamp, Counts)> =
            (0..span.bars()).map(|bar| (at(bar), counts.get(&at(bar)).copied().unwrap_or_default())).collect();
        let total = drawn.iter().fold(Counts::default(), |total, (_, counts)| Counts {
            accepted: total.accepted + counts.accepted,
            rejected: total.rejected + counts.rejected,
            bytes: total.bytes + counts.bytes,
        });
        let most = drawn.iter().map(|(_, c)| c.accepted).max().unwrap_or(0);
        let most_rejected = drawn.iter().map(|(_, c)| c.rejected).max().unwrap_or(0);
        let scales = Scales { span, top: round_top(most), most_rejected };
        let all = total.accepted + total.rejected;
        let step = 1_000.0 / span.bars() as f64;
        Self {
            span,
            accepted: grouped(total.accepted),
            rejected: grouped(total.rejected),
            share: if all == 0 { "–".to_owned() } else { percent(total.accepted, all) },
            bytes: size(total.bytes),
            has_data: all > 0,
            bars: (0..).zip(&drawn).map(|(place, (time, counts))| scales.bar(*time, counts, place, step)).collect(),
            step: format!("{step:.2}"),
            width: format!("{:.1}", width(step)),
            scale: grouped(scales.top),
            rejected_scale: (most_rejected > 0).then(|| format!("peak {}", grouped(most_rejected))),
            marks: marks(span, first),
            description: description(span, &total, most, &drawn),
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

struct Scales {
    span: Span,
    top: u64,
    most_rejected: u64,
}

impl Scales {
    fn bar(&self, time: Timestamp, counts: &Counts, place: u32, step: f64) -> Bar {
        let end = time.saturating_add(SignedDuration::from_secs(self.span.bar_seconds())).unwrap_or(time);
        let height = 100.0 * counts.accepted as f64 / self.top as f64;
        // One rejected attempt must still be seen beside a hundred.
        let rejected_height = (100.0 * counts.rejected as f64 / self.most_rejected.max(1) as f64).max(16.0);
        let place = f64::from(place) * step;
        Bar {
            label: self.span.label(time, end),
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

/// What stands below the bars.
fn marks(span: Span, first: Timestamp) -> Vec<String> {
    let (between, pattern, last) = match span {
        Span::Day => (6, "%H:%M", "Now"),
        Span::Month => (10 * 24, "%-d %b", "Today"),
    };
    let count = if span.is_month() { 3 } else { 4 };
    let mark = |n: i64| {
        let time = first.saturating_add(SignedDuration::from_hours(between * n)).unwrap_or(first);
        utc(pattern, time)
    };
    (0..count).map(mark).chain(std::iter::once(last.to_owned())).collect()
}

fn description(span: Span, total: &Counts, most: u64, bars: &[(Timestamp, Counts)]) -> String {
    let busiest = bars.iter().find(|(_, counts)| counts.accepted == most && most > 0);
    let (title, each) = match span {
        Span::Day => ("the last 24 hours", "30-minute bars"),
        Span::Month => ("the last 30 days", "bars of a day"),
    };
    let busiest = busiest.map(|(time, _)| match span {
        Span::Day => format!(", busiest around {} UTC", utc("%H:%M", *time)),
        Span::Month => format!(", busiest on {}", utc("%-d %b", *time)),
    });
    format!(
        "Events in {title}, in {each}. {} accepted, at most {} in a bar{}. {} rejected.",
        grouped(total.accepted),
        grouped(most),
        busiest.unwrap_or_default(),
        grouped(total.rejected)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Chart, Span, round_top};
    use crate::store::tables::event_counts::Counts;

    #[test]
    fn the_chart_sums_what_belongs_to_it() {
        let now = "2026-11-23T08:41:12Z".parse().unwrap();
        let mut counts = BTreeMap::new();
        counts.insert("2026-11-23T08:30:00Z".parse().unwrap(), Counts { accepted: 9, rejected: 1, bytes: 2_000 });
        counts.insert(Span::Day.start(now), Counts { accepted: 1, rejected: 0, bytes: 5 });
        counts.insert("2026-11-22T08:00:00Z".parse().unwrap(), Counts { accepted: 77, rejected: 0, bytes: 5 });
        let day = Chart::draw(&counts, Span::Day, now);
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
        let month = Chart::draw(&counts, Span::Month, now);
        assert_eq!((month.bars.len(), month.accepted.as_str(), month.bars[0].label.as_str()), (30, "3", "Sun 25 Oct"));
        assert_eq!(month.marks, ["25 Oct", "4 Nov", "14 Nov", "Today"]);
    }

    #[test]
    fn bars_stand_at_their_time_and_are_as_high_as_what_they_count() {
        let now = "2026-11-23T08:41:12Z".parse().unwrap();
        let counts = BTreeMap::from([
            (Span::Day.start(now), Counts { accepted: 5, rejected: 100, bytes: 0 }),
            ("2026-11-23T08:00:00Z".parse().unwrap(), Counts { accepted: 0, rejected: 1, bytes: 0 }),
            ("2026-11-23T08:30:00Z".parse().unwrap(), Counts { accepted: 10, rejected: 50, bytes: 0 }),
        ]);
        let drawn = Chart::draw(&counts, Span::Day, now);
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
        let month = Chart::draw(&all_day, Span::Month, now);
        let last = &month.bars[29];
        assert_eq!((month.step.as_str(), month.width.as_str(), month.scale.as_str()), ("33.33", "22.0", "4"));
        assert_eq!([&last.place, &last.x, &last.y, &last.height], ["966.7", "972.3", "25.0", "75.0"]);
    }

    #[test]
    fn scales_read_well() {
        assert_eq!([0, 1, 3, 9, 11, 592, 601].map(round_top), [2, 2, 4, 10, 20, 600, 800]);
    }
}
