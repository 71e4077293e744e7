//! The Prometheus text format.
//!
//! The text format of Prometheus, version 0.0.4: families of samples, each with its help and its type ahead.

use std::fmt::Write;

use crate::metrics::Reading;

/// A label and its value. Both are words of ours, in which nothing needs escaping.
pub(crate) type Label<'a> = (&'a str, &'a str);

/// What is answered to a scrape, as it grows.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.sample(name, &[], value as f64);
    }

    /// One counter for each value of a label.
    pub(crate) fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'a str, u64)>,
    ) {
        self.head(name, "counter", help);
        for (word, value) in values {
            self.sample(name, &[(label, word)], value as f64);
        }
    }

    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    pub(crate) fn histogram(&mut self, name: &str, help: &str, reading: &Reading, unit: f64) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound, count) in &reading.up_to {
            let bound = (*bound as f64 / unit).to_string();
            self.sample(&bucket, &[("le", &bound)], *count as f64);
        }
        self.sample(&bucket, &[("le", "+Inf")], reading.count as f64);
        self.sample(&format!("{name}_sum"), &[], reading.sum as f64 / unit);
        self.sample(&format!("{name}_count"), &[], reading.count as f64);
    }

    /// Begins a family, whose samples follow.
    pub(crate) fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(crate) fn sample(&mut self, name: &str, labels: &[Label<'_>], value: f64) {
        self.0.push_str(name);
        for (place, (label, word)) in labels.iter().enumerate() {
            let mark = if place == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{mark}{label}=\"{word}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Exposition;
    use crate::metrics::Histogram;

    #[test]
    fn a_histogram_of_microseconds_is_written_in_seconds() {
        let histogram = Histogram::new(&[100, 2_500_000]);
        histogram.note(100);
        histogram.note(3_000_000);
        let mut exposition = Exposition::default();
        exposition.histogram("x_seconds", "Help.", &histogram.read(), 1e6);
        exposition.counters("y_total", "More.", "kind", [("a", 7)].into_iter());
        assert_eq!(
            exposition.into_text(),
            "# HELP x_seconds Help.\n# TYPE x_seconds histogram\nx_seconds_bucket{le=\"0.0001\"} 1\n\
             x_seconds_bucket{le=\"2.5\"} 1\nx_seconds_bucket{le=\"+Inf\"} 2\nx_seconds_sum 3.0001\nx_seconds_count 2\n\
             # HELP y_total More.\n# TYPE y_total counter\ny_total{kind=\"a\"} 7\n"
        );
    }
}
