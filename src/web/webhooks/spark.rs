//! The small line beside a credential: its last 24 hours, hour by hour.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::ids::CredentialId;
use crate::store::tables::event_counts::{Counts, HALF_HOUR_SECONDS};
use crate::web::chart::Span;

const HOURS: usize = 24;

/// Counts by credential and half hour.
pub(crate) type HalfHours = HashMap<(CredentialId, Timestamp), Counts>;

/// The accepted events of one credential in each of the last 24 hours, oldest first, for the small line beside it.
pub(crate) fn by_hour(counts: &HalfHours, credential: CredentialId, now: Timestamp) -> Vec<u64> {
    let first = Span::Day.start(now, &TimeZone::UTC);
    let hour_of = |time: Timestamp| time.duration_since(first).as_secs() / (2 * HALF_HOUR_SECONDS);
    let mut hours = vec![0; HOURS];
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
pub(crate) fn spark(hours: &[u64]) -> (String, String) {
    let most = hours.iter().copied().max().unwrap_or(0).max(1) as f64;
    let last = hours.len().saturating_sub(1).max(1) as f64;
    let y = |value: u64| 18.0 - 16.0 * value as f64 / most;
    let points: Vec<String> =
        hours.iter().enumerate().map(|(i, v)| format!("{:.1},{:.1}", 76.0 * i as f64 / last, y(*v))).collect();
    (points.join(" "), format!("{:.1}", y(hours.last().copied().unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{HalfHours, by_hour, spark};
    use crate::domain::ids::CredentialId;
    use crate::store::tables::event_counts::Counts;

    #[test]
    fn a_line_stays_in_its_box_and_counts_its_own_credential() {
        let (points, last) = spark(&[0, 5, 10]);
        assert_eq!((points.as_str(), last.as_str()), ("0.0,18.0 38.0,10.0 76.0,2.0", "2.0"));
        assert_eq!(spark(&[]).1, "18.0");
        let (one, other) = (CredentialId(Uuid::from_u128(1)), CredentialId(Uuid::from_u128(2)));
        let mut counts = HalfHours::new();
        for (id, accepted) in [(one, 9), (other, 70)] {
            let time = "2026-11-23T08:30:00Z".parse().unwrap();
            counts.insert((id, time), Counts { accepted, rejected: 1, bytes: 2_000 });
        }
        assert_eq!(by_hour(&counts, one, "2026-11-23T08:41:12Z".parse().unwrap())[23], 9);
    }
}
