//! Pacing of background work while senders are active.
//!
//! Those who send come first: what reads a great deal, such as an export or a search, rests between its steps while they do, so that
//! nobody waits longer for a 200 because somebody else downloads everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whoever stored a batch so recently is expected to send more.
const ACTIVE_FOR: Duration = Duration::from_millis(250);
/// How many times as long as a step took, senders have the machine for themselves after it.
const SHARE_OF_SENDERS: u32 = 4;

/// When senders of this program were last seen. Copies share it.
#[derive(Clone, Debug)]
pub struct Pacing {
    opened: Instant,
    /// Milliseconds from then until a moment after the last batch.
    active_until: Arc<AtomicU64>,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { opened: Instant::now(), active_until: Arc::default() }
    }
}

impl Pacing {
    /// A batch was stored just now.
    pub(crate) fn note_batch(&self) {
        self.note_batch_at(self.opened.elapsed());
    }

    /// Whether events are being stored.
    pub(crate) fn senders_are_active(&self) -> bool {
        self.senders_are_active_at(self.opened.elapsed())
    }

    /// How long to rest after a step that took so long.
    pub(crate) fn rest_after(&self, step: Duration) -> Duration {
        if self.senders_are_active() { step * SHARE_OF_SENDERS } else { Duration::ZERO }
    }

    fn note_batch_at(&self, at: Duration) {
        self.active_until.store((at + ACTIVE_FOR).as_millis() as u64, Ordering::Relaxed);
    }

    fn senders_are_active_at(&self, at: Duration) -> bool {
        at.as_millis() < u128::from(self.active_until.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pacing;

    #[test]
    fn senders_are_active_for_a_moment_after_a_batch() {
        let (pacing, other) = (Pacing::default(), Pacing::default());
        assert!(!pacing.senders_are_active_at(Duration::ZERO));
        pacing.clone().note_batch_at(Duration::from_millis(500));
        assert!(pacing.senders_are_active_at(Duration::from_millis(749)));
        assert!(!pacing.senders_are_active_at(Duration::from_millis(750)));
        assert!(!other.senders_are_active_at(Duration::from_millis(600)), "another program's senders");
    }

    #[test]
    fn a_step_is_followed_by_rest_only_while_somebody_sends() {
        let pacing = Pacing::default();
        assert_eq!(pacing.rest_after(Duration::from_millis(4)), Duration::ZERO);
        pacing.note_batch_at(Duration::from_secs(3_600));
        assert_eq!(pacing.rest_after(Duration::from_millis(4)), Duration::from_millis(16));
    }
}
