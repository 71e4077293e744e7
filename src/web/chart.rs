//! The last 24 hours as 48 bars and four figures, from the half-hour counts alone. Rejected attempts have a lane and a scale of
//! their own, because 37 beside 19,370 would be invisible.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::CredentialId;
use crate::domain::time::utc;
use crate::store::event_counts::{Counts, HALF_HOUR_SECONDS, half_hour_of};
use crate::web::shown::{grouped, size};

const BARS: i64 = 48;
/// Of a plot that is 1,000 wide and 100 high.
const STEP: f64 = 1000.0 / BARS as f64;
const WIDTH: f64 = 13.8;

/// Counts by credential and half hour.
pub type HalfHours = HashMap<(CredentialId, Timestamp), Counts>;

/// One half hour.
#[derive(Clone, Debug)]
pub struct Bar {
    pub title: String,
    pub x: String,
    /// Of the accepted, from the top; and how high.
    pub y: String,
    pub height: String,
    pub has_accepted: bool,
    pub has_rejected: bool,
    pub rejected_title: String,
    pub rejected_height: String,
}

/// The whole picture.
#[derive(Clone, Debug)]
pub struct Chart {
    pub accepted: String,
    pub rejected: String,
    pub share: String,
    pub bytes: String,
    /// Whether there is anything to draw.
    pub has_data: bool,
    pub bars: Vec<Bar>,
    pub scale: [String; 3],
    pub rejected_scale: Option<String>,
    pub hours: Vec<String>,
    pub description: String,
}

/// The moment from which a chart at `now` counts: 48 half hours with the current one.
pub fn start(now: Timestamp) -> Timestamp {
    let span = SignedDuration::from_secs((BARS - 1) * HALF_HOUR_SECONDS);
    half_hour_of(now).saturating_sub(span).unwrap_or(now)
}

impl Chart {
    /// Draws the counts of one credential, or of all.
    pub fn draw(counts: &HalfHours, credential: Option<CredentialId>, now: Timestamp) -> Self {
        let first = start(now);
        let half_hours: Vec<(Timestamp, Counts)> = (0..BARS)
            .map(|bar| {
                let time = first.saturating_add(SignedDuration::from_secs(bar * HALF_HOUR_SECONDS)).unwrap_or(now);
                (time, sum(counts.iter().filter(|((id, at), _)| *at == time && credential.is_none_or(|c| c == *id))))
            })
            .collect();
        let total = half_hours.iter().fold(Counts::default(), |total, (_, counts)| added(total, counts));
        let most = half_hours.iter().map(|(_, c)| c.accepted).max().unwrap_or(0);
        let most_rejected = half_hours.iter().map(|(_, c)| c.rejected).max().unwrap_or(0);
        let top = round_top(most);
        let bars =
            half_hours.iter().zip(0_u32..).map(|((time, counts), place)| bar(*time, counts, place, top, most_rejected));
        let all = total.accepted + total.rejected;
        Self {
            accepted: grouped(total.accepted),
            rejected: grouped(total.rejected),
            share: if all == 0 { "–".to_owned() } else { percent(total.accepted, all) },
            bytes: size(total.bytes),
            has_data: all > 0,
            bars: bars.collect(),
            scale: [grouped(top), grouped(top / 2), "0".to_owned()],
            rejected_scale: (most_rejected > 0).then(|| format!("max {}", grouped(most_rejected))),
            hours: hours(first),
            description: description(&total, most, &half_hours),
        }
    }
}

/// The accepted events of one credential in each of the last 24 hours, oldest first, for the small line beside it.
pub fn by_hour(counts: &HalfHours, credential: CredentialId, now: Timestamp) -> Vec<u64> {
    let first = start(now);
    let hour_of = |time: Timestamp| time.duration_since(first).as_secs() / (2 * HALF_HOUR_SECONDS);
    let mut hours = vec![0; (BARS / 2) as usize];
    for ((id, time), counts) in counts {
        let hour = usize::try_from(hour_of(*time)).ok();
        if *id == credential
            && let Some(sum) = hour.and_then(|hour| hours.get_mut(hour))
        {
            *sum += counts.accepted;
        }
    }
    hours
}

/// The points of a small line, 76 wide and 20 high, and where its last point is.
pub fn spark(hours: &[u64]) -> (String, String) {
    let most = hours.iter().copied().max().unwrap_or(0).max(1) as f64;
    let last = hours.len().saturating_sub(1).max(1) as f64;
    let y = |value: u64| 18.0 - 16.0 * value as f64 / most;
    let points: Vec<String> =
        hours.iter().enumerate().map(|(i, v)| format!("{:.1},{:.1}", 76.0 * i as f64 / last, y(*v))).collect();
    (points.join(" "), format!("{:.1}", y(hours.last().copied().unwrap_or(0))))
}

fn sum<'a>(counts: impl Iterator<Item = (&'a (CredentialId, Timestamp), &'a Counts)>) -> Counts {
    counts.fold(Counts::default(), |total, (_, counts)| added(total, counts))
}

fn added(total: Counts, counts: &Counts) -> Counts {
    Counts {
        accepted: total.accepted + counts.accepted,
        rejected: total.rejected + counts.rejected,
        bytes: total.bytes + counts.bytes,
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

fn bar(time: Timestamp, counts: &Counts, place: u32, top: u64, most_rejected: u64) -> Bar {
    let end = time.saturating_add(SignedDuration::from_secs(HALF_HOUR_SECONDS)).unwrap_or(time);
    let span = format!("{}–{} UTC", utc("%H:%M", time), utc("%H:%M", end));
    let height = 100.0 * counts.accepted as f64 / top as f64;
    // One rejected attempt must still be seen beside a hundred.
    let rejected_height = (100.0 * counts.rejected as f64 / most_rejected.max(1) as f64).max(16.0);
    Bar {
        title: format!("{span}: {} accepted, {} rejected", grouped(counts.accepted), grouped(counts.rejected)),
        x: format!("{:.1}", f64::from(place) * STEP + (STEP - WIDTH) / 2.0),
        y: format!("{:.1}", 100.0 - height),
        height: format!("{height:.1}"),
        has_accepted: counts.accepted > 0,
        has_rejected: counts.rejected > 0,
        rejected_title: format!("{span}: {} rejected", grouped(counts.rejected)),
        rejected_height: format!("{rejected_height:.1}"),
    }
}

fn hours(first: Timestamp) -> Vec<String> {
    let quarter = |n: i64| {
        let time = first.saturating_add(SignedDuration::from_hours(6 * n)).unwrap_or(first);
        utc("%H:%M", time)
    };
    (0..4).map(quarter).chain(std::iter::once("Now".to_owned())).collect()
}

fn description(total: &Counts, most: u64, half_hours: &[(Timestamp, Counts)]) -> String {
    let busiest = half_hours.iter().find(|(_, counts)| counts.accepted == most && most > 0);
    let busiest = busiest.map(|(time, _)| format!(", busiest around {} UTC", utc("%H:%M", *time))).unwrap_or_default();
    format!(
        "Events in the last 24 hours, in 30-minute bars. {} accepted, at most {} in a bar{busiest}. {} rejected.",
        grouped(total.accepted),
        grouped(most),
        grouped(total.rejected)
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Chart, HalfHours, by_hour, round_top, spark, start};
    use crate::domain::ids::CredentialId;
    use crate::store::event_counts::Counts;

    #[test]
    fn the_chart_sums_what_belongs_to_it() {
        let now = "2026-11-23T08:41:12Z".parse().unwrap();
        let (one, other) = (CredentialId(Uuid::from_u128(1)), CredentialId(Uuid::from_u128(2)));
        let mut counts = HalfHours::new();
        counts
            .insert((one, "2026-11-23T08:30:00Z".parse().unwrap()), Counts { accepted: 9, rejected: 1, bytes: 2_000 });
        counts.insert((other, start(now)), Counts { accepted: 1, rejected: 0, bytes: 5 });
        counts.insert((other, "2026-11-22T08:00:00Z".parse().unwrap()), Counts { accepted: 77, rejected: 0, bytes: 5 });
        let all = Chart::draw(&counts, None, now);
        assert_eq!((all.accepted.as_str(), all.rejected.as_str(), all.share.as_str()), ("10", "1", "90.90%"));
        assert_eq!(all.bars.len(), 48);
        assert!(all.bars[47].has_accepted && all.bars[47].has_rejected && all.bars[0].has_accepted);
        assert_eq!(Chart::draw(&counts, Some(one), now).accepted, "9");
        assert_eq!(by_hour(&counts, one, now)[23], 9);
    }

    #[test]
    fn scales_and_lines_stay_in_their_boxes() {
        assert_eq!([0, 1, 3, 9, 11, 592, 601].map(round_top), [2, 2, 4, 10, 20, 600, 800]);
        let (points, last) = spark(&[0, 5, 10]);
        assert_eq!((points.as_str(), last.as_str()), ("0.0,18.0 38.0,10.0 76.0,2.0", "2.0"));
        assert_eq!(spark(&[]).1, "18.0");
    }
}
