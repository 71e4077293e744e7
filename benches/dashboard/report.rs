//! The table that is printed: what was measured, what it was to be, and whether it is.

use std::time::Duration;

/// What was printed so far.
#[derive(Default)]
pub struct Report {
    missed: Vec<String>,
}

impl Report {
    /// Prints the head of a table.
    pub fn head(&self, title: &str) {
        println!("\n{title}\n\n| | measured | beside | ratio | target | |\n|---|---|---|---|---|---|");
    }

    /// A figure, what it is compared with, and the most or the least that it may be of that.
    pub fn ratio(&mut self, what: &str, figure: &str, beside: &str, ratio: f64, bound: Bound) {
        let (words, met) = match bound {
            Bound::AtMost(most) => (format!("≤ {most}"), ratio <= most),
            Bound::AtLeast(least) => (format!("≥ {least}"), ratio >= least),
        };
        println!("| {what} | {figure} | {beside} | {ratio:.2} | {words} | {} |", self.verdict(what, met));
    }

    /// A figure beside another, of which nobody promised anything.
    pub fn noted(&self, what: &str, figure: &str, beside: &str, ratio: f64) {
        println!("| {what} | {figure} | {beside} | {ratio:.2} | none | |");
    }

    /// A time that has a limit of its own.
    pub fn time(&mut self, what: &str, measured: Duration, most: Duration) {
        println!("| {what} | {} | | | ≤ {} | {} |", ms(measured), ms(most), self.verdict(what, measured <= most));
    }

    /// Any other figure that has a limit.
    pub fn figure(&mut self, what: &str, figure: &str, target: &str, met: bool) {
        println!("| {what} | {figure} | | | {target} | {} |", self.verdict(what, met));
    }

    /// What was not as it was to be.
    pub fn missed(&self) -> &[String] {
        &self.missed
    }

    fn verdict(&mut self, what: &str, met: bool) -> &'static str {
        if met {
            return "met";
        }
        self.missed.push(what.to_owned());
        "**missed**"
    }
}

/// What a ratio is held to.
#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
