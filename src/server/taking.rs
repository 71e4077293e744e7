//! The pace at which the other side takes an answer: not behind the least rate for longer than it may be.

use std::time::Duration;

use tokio::time::Instant;

/// The least rate. The same as for bodies that senders send ([`crate::domain::body_pace`]).
pub(crate) const BYTES_PER_SECOND: u32 = 8_000;

/// How one connection takes what is written. Only time in which something waits to be taken counts: a live page on which nothing
/// happens is never behind, and what was taken faster than it had to be is no reason to stop later.
#[derive(Debug, Default)]
pub(crate) struct Taking {
    waits_since: Option<Instant>,
    behind: Duration,
}

impl Taking {
    /// The other side takes nothing more now. Until when it has to have taken something, if it may be behind for so long.
    pub(crate) fn waits(&mut self, now: Instant, may_be_behind: Duration) -> Instant {
        let since = *self.waits_since.get_or_insert(now);
        since + may_be_behind.saturating_sub(self.behind)
    }

    /// The other side took something.
    pub(crate) fn takes(&mut self, bytes: usize, now: impl FnOnce() -> Instant) {
        if let Some(since) = self.waits_since.take() {
            self.behind += now().saturating_duration_since(since);
        }
        if !self.behind.is_zero() {
            let earned = Duration::from_secs_f64(bytes as f64 / f64::from(BYTES_PER_SECOND));
            self.behind = self.behind.saturating_sub(earned);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Taking;

    const MAY_BE_BEHIND: Duration = Duration::from_secs(30);

    /// After how many seconds a reader is let go that takes so many bytes every so many seconds.
    fn let_go_after(bytes: usize, every: u64) -> Option<u64> {
        let start = Instant::now();
        let (mut taking, mut now) = (Taking::default(), start);
        for _ in 0..1_000 {
            let due = taking.waits(now, MAY_BE_BEHIND);
            now += Duration::from_secs(every);
            if due <= now {
                return Some((due - start).as_secs());
            }
            taking.takes(bytes, || now);
        }
        None
    }

    // holds N6
    #[test]
    fn who_takes_less_than_the_least_rate_is_let_go() {
        assert_eq!(let_go_after(0, 60), Some(30));
        assert_eq!(let_go_after(4_096, 8), Some(31), "behind by 7.5 seconds more each time");
        assert!(let_go_after(7_000, 1).is_some_and(|seconds| (200..300).contains(&seconds)));
        assert_eq!(let_go_after(8_000, 1), None);
        assert_eq!(let_go_after(160_000, 20), None, "in large steps, as systems with large buffers do");
    }

    #[test]
    fn only_time_in_which_something_waits_counts() {
        let start = Instant::now();
        let mut taking = Taking::default();
        for minute in 0..60 {
            let now = start + Duration::from_secs(60 * minute);
            assert_eq!(taking.waits(now, MAY_BE_BEHIND), now + MAY_BE_BEHIND);
            taking.takes(100_000, || now + Duration::from_secs(1));
        }
    }
}
