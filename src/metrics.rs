//! Counters, gauges and histograms.
//!
//! What counts what happens: counters, gauges and histograms made of atomics. To count takes no lock and no memory, so that it
//! can stand on the way of every request. What the counts are called and how they are written is for `server`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Only ever grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it counted since the start.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many there are at the moment.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    /// One more, until what is given back is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Present {
        self.0.fetch_add(1, Ordering::Relaxed);
        Present(self.clone())
    }

    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One of those that a gauge counts.
#[derive(Debug)]
pub(crate) struct Present(Arc<Gauge>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Upper bounds of the buckets of a duration, in microseconds: from a tenth of a millisecond to ten seconds.
pub(crate) const DURATIONS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// How often values fell below certain bounds, and what they come to together.
#[derive(Debug)]
pub(crate) struct Histogram<const N: usize> {
    bounds: &'static [u64; N],
    counts: [AtomicU64; N],
    /// Those above the last bound.
    over: AtomicU64,
    sum: AtomicU64,
}

/// How long something took.
pub(crate) type Durations = Histogram<{ DURATIONS.len() }>;

impl Default for Durations {
    fn default() -> Self {
        Self::new(&DURATIONS)
    }
}

impl<const N: usize> Histogram<N> {
    /// `bounds` rise, and each belongs to its bucket.
    pub(crate) fn new(bounds: &'static [u64; N]) -> Self {
        Self {
            bounds,
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            over: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    pub(crate) fn note(&self, value: u64) {
        let bucket = self.bounds.iter().zip(&self.counts).find(|(bound, _)| value <= **bound);
        bucket.map_or(&self.over, |(_, count)| count).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// For a histogram whose bounds are microseconds.
    pub(crate) fn note_duration(&self, duration: Duration) {
        self.note(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// What it holds now.
    pub(crate) fn read(&self) -> Reading {
        let mut count = 0;
        let mut up_to = Vec::with_capacity(N);
        for (bound, bucket) in self.bounds.iter().zip(&self.counts) {
            count += bucket.load(Ordering::Relaxed);
            up_to.push((*bound, count));
        }
        count += self.over.load(Ordering::Relaxed);
        Reading { up_to, count, sum: self.sum.load(Ordering::Relaxed) }
    }
}

/// A histogram at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Each bound, and how many values were not above it.
    pub(crate) up_to: Vec<(u64, u64)>,
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Durations, Gauge, Histogram, Reading};

    #[test]
    fn a_value_counts_in_every_bucket_whose_bound_it_is_not_above() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11] {
            histogram.note(value);
        }
        assert_eq!(histogram.read(), Reading { up_to: vec![(1, 2), (10, 4)], count: 5, sum: 24 });
    }

    #[test]
    fn durations_count_in_microseconds() {
        let durations = Durations::default();
        durations.note_duration(Duration::from_millis(3));
        let reading = durations.read();
        assert_eq!((reading.count, reading.sum), (1, 3_000));
        assert!(reading.up_to.contains(&(2_500, 0)) && reading.up_to.contains(&(5_000, 1)));
    }

    #[test]
    fn a_gauge_falls_when_what_it_counts_is_dropped() {
        let gauge = Arc::new(Gauge::default());
        let first = gauge.enter();
        let second = gauge.enter();
        drop(first);
        assert_eq!(gauge.get(), 1);
        drop(second);
        assert_eq!(gauge.get(), 0);
    }
}
