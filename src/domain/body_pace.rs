//! How long the body of a request may take: a while for any, and longer for one that keeps coming.

use std::time::Duration;

use crate::domain::grouped::grouped;

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct BodyPace {
    /// Every body has so long.
    pub within: Duration,
    /// From then on, as long as this many bytes a second have come since its beginning.
    pub bytes_per_second: u32,
    /// And no longer than this.
    pub at_most: Duration,
}

impl Default for BodyPace {
    fn default() -> Self {
        Self { within: Duration::from_secs(10), bytes_per_second: 8_000, at_most: Duration::from_secs(120) }
    }
}

impl BodyPace {
    /// So long, however fast it comes.
    pub(crate) fn within(time: Duration) -> Self {
        Self { within: time, at_most: time, ..Self::default() }
    }

    /// How long after its beginning a body of which so many bytes have come is given up, unless more of it comes.
    pub(crate) fn due(&self, received: u64) -> Duration {
        let earned = Duration::from_secs_f64(received as f64 / f64::from(self.bytes_per_second.max(1)));
        earned.max(self.within).min(self.at_most)
    }

    /// What is asked of a sender.
    pub(crate) fn words(&self) -> String {
        let (within, at_most) = (self.within.as_secs(), self.at_most.as_secs());
        let kilobytes = self.bytes_per_second / 1_000;
        format!("send it within {within} s, or at {kilobytes} KB/s or faster and within {at_most} s")
    }
}

/// How much of a body has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) received: u64,
    /// As the sender said it, if it did.
    pub(crate) announced: Option<u64>,
    pub(crate) took: Duration,
}

impl Progress {
    /// For both ends: `212,992 of 550,000 bytes arrived in 10 s`.
    pub(crate) fn words(&self) -> String {
        let (received, seconds) = (grouped(self.received), self.took.as_secs());
        match self.announced {
            Some(announced) => format!("{received} of {} bytes arrived in {seconds} s", grouped(announced)),
            None => format!("{received} bytes arrived in {seconds} s, and not the end of the body"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BodyPace, Progress};

    // holds X1
    #[test]
    fn a_body_that_keeps_coming_has_longer_but_not_for_ever() {
        let due = |received| BodyPace::default().due(received).as_secs();
        assert_eq!([0, 79_999, 80_000, 88_000, 550_000, 960_000, u64::MAX].map(due), [10, 10, 10, 11, 68, 120, 120]);
        assert_eq!(BodyPace::within(Duration::from_secs(1)).due(1 << 20), Duration::from_secs(1));
    }

    #[test]
    fn how_much_has_come_is_said_in_a_sentence() {
        let progress = |received, announced| Progress { received, announced, took: Duration::from_millis(10_010) };
        assert_eq!(progress(212_992, Some(550_000)).words(), "212,992 of 550,000 bytes arrived in 10 s");
        assert_eq!(progress(7, None).words(), "7 bytes arrived in 10 s, and not the end of the body");
        assert_eq!(BodyPace::default().words(), "send it within 10 s, or at 8 KB/s or faster and within 120 s");
    }
}
