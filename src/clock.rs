//! The clock, injected so that tests can move it.
//!
//! What time it is. Passed in everywhere, so that a test can move it and nothing has to sleep.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};

/// The source of "now".
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// Any other source.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// Time that passes for the machine, whatever its clock is set to. That it slept is part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(SignedDuration);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(uptime())
    }

    pub(crate) fn elapsed(self) -> SignedDuration {
        uptime() - self.0
    }
}

/// Of the clocks that nobody sets, the one that goes on while the machine sleeps.
#[cfg(target_os = "linux")]
const STEADY_CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
#[cfg(not(target_os = "linux"))]
const STEADY_CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

/// How long the machine is up; no time at all where it does not say.
fn uptime() -> SignedDuration {
    clock_gettime(STEADY_CLOCK)
        .map_or(SignedDuration::ZERO, |time| SignedDuration::new(time.tv_sec(), time.tv_nsec() as i32))
}
