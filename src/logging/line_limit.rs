//! The limit of lines in the log: so many of a kind in a minute, and fewer of them about one address or account. The rest is counted,
//! and one line says how many were left out.
//!
//! A kind is a place in the code, whoever makes it speak. So a stranger who provokes the same line again and again fills no disk, and
//! the lines of other kinds are there as ever, and so are those of the same kind about others. What somebody asked for who looks for a fault (`debug`, `trace`) is not limited.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

use crate::domain::network::queue_key;

/// The most lines of a kind from one call of [`LineLimit::begin_again`] to the next, which is a minute.
pub(crate) const MAX_LINES: u32 = 60;
/// Those of them about one address, or about one account where no address is named.
pub(crate) const MAX_ABOUT_ONE: u32 = MAX_LINES / 3;
/// How much of the first line that is left out is repeated, in characters.
const MAX_WORDS: usize = 100;

/// The limit. Its clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineLimit(Arc<Mutex<HashMap<Identifier, Kind>>>);

#[derive(Debug, Default)]
struct Kind {
    lines: u32,
    /// Of them, those about each.
    about: HashMap<String, u32>,
    left_out: u64,
    target: &'static str,
    /// What the first line says that was left out.
    words: String,
}

impl Kind {
    /// Whether there may be another line about somebody.
    fn counts(&mut self, Subject { address, account }: Subject) -> bool {
        let Some(subject) = address.or(account) else { return true };
        let lines = self.about.entry(subject).or_default();
        *lines += 1;
        *lines <= MAX_ABOUT_ONE
    }
}

impl LineLimit {
    /// Counts from nothing again, after a line for each kind of which some were left out.
    pub(crate) fn begin_again(&self) {
        let kinds = std::mem::take(&mut *self.kinds());
        for Kind { left_out, target, words, .. } in kinds.into_values().filter(|kind| kind.left_out > 0) {
            tracing::warn!(left_out, of = words, from = target, "lines of one kind were left out");
        }
    }

    fn lets_pass(&self, event: &Event<'_>) -> bool {
        let about = event.metadata();
        if *about.level() > Level::INFO {
            return true;
        }
        let mut kinds = self.kinds();
        let kind = kinds.entry(about.callsite()).or_default();
        if kind.lines < MAX_LINES && kind.counts(Subject::of(event)) {
            kind.lines += 1;
            return true;
        }
        if kind.left_out == 0 {
            let mut message = Message::default();
            event.record(&mut message);
            kind.words = message.0.chars().take(MAX_WORDS).collect();
            kind.target = about.target();
        }
        kind.left_out += 1;
        false
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Identifier, Kind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asked for each line, and not once for each kind, which is what it says by not implementing `callsite_enabled`: the library keeps
/// the answer of `event_enabled` until it asks `enabled` again.
impl<S> Filter<S> for LineLimit {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.lets_pass(event)
    }
}

/// Whom an event is about.
#[derive(Debug, Default)]
struct Subject {
    address: Option<String>,
    account: Option<String>,
}

impl Subject {
    fn of(event: &Event<'_>) -> Self {
        let mut subject = Self::default();
        event.record(&mut subject);
        subject
    }
}

impl Visit for Subject {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "address" => {
                let address = format!("{value:?}");
                // However many addresses of a network somebody has.
                self.address = Some(address.parse().map_or(address, |ip| queue_key(ip).to_string()));
            }
            "account" => self.account = Some(format!("{value:?}")),
            _ => {}
        }
    }
}

/// The words of an event, without its fields.
#[derive(Debug, Default)]
pub(crate) struct Message(pub(crate) String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::filter::{EnvFilter, FilterExt};
    use tracing_subscriber::layer::{Layer, SubscriberExt};

    use super::{LineLimit, MAX_ABOUT_ONE, MAX_LINES};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn count(&self, words: &str) -> usize {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap().matches(words).count()
        }
    }

    fn complain(number: usize) {
        tracing::warn!(number, "somebody provokes this");
        tracing::debug!(number, "somebody asked for this");
    }

    // holds N5, A4
    #[test]
    fn lines_about_one_leave_some_of_the_same_kind_to_those_about_others() {
        let (limit, written) = (LineLimit::default(), Written::default());
        let writer = written.clone();
        let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let most = MAX_ABOUT_ONE as usize;
        let wait = |address: &str, account: u32| tracing::info!(address = %address, account, "told to wait");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log.with_filter(limit.clone())), || {
            for number in 0..100 {
                wait(&format!("2001:db8:0:{number:x}::1"), number);
            }
            assert_eq!(written.count("told to wait"), most, "of one customer");
            wait("192.0.2.1", 0);
            assert_eq!(written.count("address=192.0.2.1"), 1);
            for _ in 0..100 {
                tracing::info!(account = 1, "failed");
            }
            tracing::info!(account = 2, "failed");
            assert_eq!(written.count("failed account=1"), most);
            limit.begin_again();
            assert_eq!(written.count("left_out=80 of=\"told to wait\""), 1);
            wait("2001:db8:0:1::1", 0);
            assert_eq!(written.count("told to wait address=2001:db8:0:1::1"), 2, "it is another minute");
        });
    }

    // holds N5
    #[test]
    fn of_each_kind_of_line_so_many_are_written_and_then_how_many_were_not() {
        let (limit, written) = (LineLimit::default(), Written::default());
        let writer = written.clone();
        let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let filter = EnvFilter::new("debug,quiet=off").and(limit.clone());
        let most = MAX_LINES as usize;
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log.with_filter(filter)), || {
            for number in 0..most + 40 {
                complain(number);
                tracing::warn!(target: "quiet", "nobody reads this");
            }
            tracing::warn!("another kind");
            assert_eq!(written.count("somebody provokes this"), most);
            assert_eq!(written.count("somebody asked for this"), most + 40);
            assert_eq!(written.count("another kind"), 1);

            limit.begin_again();
            assert_eq!(written.count("left_out=40 of=\"somebody provokes this\""), 1);
            assert_eq!(written.count("were left out"), 1, "of the others, none were");
            complain(0);
            assert_eq!(written.count("somebody provokes this"), most + 2);
            limit.begin_again();
            assert_eq!(written.count("were left out"), 1);
        });
    }
}
