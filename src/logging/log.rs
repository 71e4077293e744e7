//! How the program speaks while it runs: a log on standard error, as text or as JSON, and, on a terminal, a line for each step
//! that takes somebody's time. Standard output is left to the card and to what commands print.

use std::io::{self, IsTerminal};
use std::time::Duration;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::checked::LogFormat;
use crate::logging::line_limit::{LineLimit, Message};

/// What is told to somebody who waits has this target. In a log it is a line like any other.
const PROGRESS: &str = "progress";
/// How long lines of a kind are counted before they are counted from nothing again.
const MINUTE: Duration = Duration::from_secs(60);

/// The log. When it is dropped it says what it has left out.
#[derive(Debug)]
#[must_use]
pub struct Log(LineLimit);

impl Drop for Log {
    fn drop(&mut self) {
        self.0.begin_again();
    }
}

/// Begins to log what `filter` lets through (see `EnvFilter`), so many lines of a kind in a minute. Called once.
pub fn begin(format: LogFormat, filter: &str) -> Log {
    let limit = LineLimit::default();
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info")).and(limit.clone());
    match format {
        LogFormat::Text if io::stderr().is_terminal() => {
            let log = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
            let log = log.with_filter(filter).with_filter(filter_fn(|about| about.target() != PROGRESS));
            tracing_subscriber::registry().with(log).with(Progress).init();
        }
        LogFormat::Text => {
            let log = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
            tracing_subscriber::registry().with(log.with_filter(filter)).init();
        }
        LogFormat::Json => {
            let log = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
            tracing_subscriber::registry().with(log.with_writer(io::stderr).with_filter(filter)).init();
            // A panic is a line like the others. What it says may be anything, so the line has the place alone.
            std::panic::set_hook(Box::new(|panic| {
                let place = panic.location().map(ToString::to_string).unwrap_or_default();
                tracing::error!(place, "a thread panicked");
            }));
        }
    }
    count_by_minute(limit.clone());
    Log(limit)
}

/// On a thread of its own: what happens before there is a runtime, and whatever keeps that busy, is counted as well.
fn count_by_minute(limit: LineLimit) {
    let counting = move || {
        loop {
            std::thread::sleep(MINUTE);
            limit.begin_again();
        }
    };
    // Without that thread lines are limited all the same, until the end.
    let _ = std::thread::Builder::new().name("log".to_owned()).spawn(counting);
}

/// The last words of a program that ends with an error, in the form of the log that it has written until now.
pub fn last_words(format: LogFormat, words: &str) {
    if format == LogFormat::Json && tracing::enabled!(Level::ERROR) {
        tracing::error!("{words}");
    } else {
        eprintln!("{words}");
    }
}

/// Prints the steps, without the time and the place that a log line has.
struct Progress;

impl<S: Subscriber> Layer<S> for Progress {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == PROGRESS {
            let mut message = Message::default();
            event.record(&mut message);
            eprintln!("  {}", message.0);
        }
    }
}
