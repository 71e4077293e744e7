//! Exponential backoff with jitter.

use std::time::Duration;

use crate::random;

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait before the next attempt: twice as long each time, up to 30 seconds, less up to a half of it by chance.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after another failure.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = SHORTEST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures += 1;
        // Without chance, all of it.
        let chance = random::bytes::<1>().map_or(0, |[byte]| u32::from(byte));
        whole - whole / 2 * chance / u32::from(u8::MAX)
    }

    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, LONGEST, SHORTEST};

    #[test]
    fn waits_double_up_to_half_a_minute_and_begin_anew() {
        let mut backoff = Backoff::default();
        for whole in [1, 2, 4, 8, 16, 32].map(|times| SHORTEST * times).into_iter().chain([LONGEST; 40]) {
            let wait = backoff.next();
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= SHORTEST);
    }
}
