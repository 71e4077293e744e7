//! `events tail`: new events as they are committed, a line each. It goes on through a restart of the database and leaves nothing out,
//! since what it has printed is a position and not a time.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::app::export_events::EventRecord;
use crate::cli::failure::CommandError;
use crate::clock::Clock;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::position::Position;
use crate::store::connection::error::StoreError;
use crate::store::connection::notifications::Subscription;
use crate::store::connection::pool::Store;
use crate::store::scan::arrivals;
use crate::store::scan::budget::Budget;
use crate::store::scan::following::pull;

/// How often the database is asked without having been told, for words that were lost on their way.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Words within this time are one look.
const GATHER: Duration = Duration::from_millis(100);
/// Between two attempts to reach a database that is away.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
/// How many events are read at once.
const BATCH: usize = 500;
/// How much of a body stands in a line, in characters.
const MAX_BODY_CHARS: usize = 120;

/// What of a body is looked at for that, in bytes.
const MAX_BODY_BYTES: usize = 4096;

/// Why it stopped.
enum Stopped {
    Lost(StoreError),
    Terminal(io::Error),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Stopped::Lost(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Stopped::Terminal(error)
    }
}

/// Prints what is committed from now on, until nobody reads it.
pub(crate) async fn follow(
    store: &Store,
    account: AccountId,
    filter: &EventFilter,
    json: bool,
    clock: Clock,
) -> Result<(), CommandError> {
    let snapshot = arrivals::snapshot(&mut *store.connection().await?).await?;
    let position = Position::shown(EventId::first_of(clock.now()), snapshot);
    let mut tail = Tail { store, account, filter, json, clock, position, is_lost: false };
    if io::stderr().is_terminal() {
        eprintln!("Waiting for events. Ctrl-C ends it.");
    }
    loop {
        match tail.print_until_stopped().await {
            // Whoever reads has read enough, as `head` does.
            Err(Stopped::Terminal(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(Stopped::Terminal(error)) => return Err(error.into()),
            Err(Stopped::Lost(error)) if !error.is_unavailable() => return Err(error.into()),
            Err(Stopped::Lost(error)) => {
                if !std::mem::replace(&mut tail.is_lost, true) {
                    let words = error.to_string();
                    eprintln!("{}; trying again until it answers.", escape_invisible(words.trim_end_matches('.')));
                }
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
            Ok(never) => match never {},
        }
    }
}

struct Tail<'a> {
    store: &'a Store,
    account: AccountId,
    filter: &'a EventFilter,
    json: bool,
    clock: Clock,
    /// What was printed.
    position: Position,
    is_lost: bool,
}

impl Tail<'_> {
    async fn print_until_stopped(&mut self) -> Result<std::convert::Infallible, Stopped> {
        // Listening begins before the first look, so nothing falls between the two.
        let mut subscription = Subscription::open(self.store).await?;
        if std::mem::take(&mut self.is_lost) {
            eprintln!("The database answers again. Events that came meanwhile follow.");
        }
        loop {
            self.print_new().await?;
            tokio::time::sleep(GATHER).await;
            let told = async {
                loop {
                    let (_, account) = subscription.next().await?;
                    if account == self.account {
                        return Ok::<_, StoreError>(());
                    }
                }
            };
            // Without a word it looks all the same.
            if let Ok(told) = tokio::time::timeout(LOOK_EVERY, told).await {
                told?;
            }
        }
    }

    /// Prints what is new, oldest first.
    async fn print_new(&mut self) -> Result<(), Stopped> {
        let mut conn = self.store.connection().await?;
        loop {
            let now = EventId::first_of(self.clock.now());
            let pulled =
                pull(&mut conn, self.account, self.filter, (&self.position, now), (BATCH, Budget::BATCH)).await?;
            for event in &pulled.rows {
                print_event(EventRecord::new(event), &event.beginning, self.json)?;
                // Line by line: after a loss it goes on behind the last one.
                if let Some(position) = pulled.behind(event.id) {
                    self.position = position.clone();
                }
            }
            self.position = pulled.position;
            if pulled.caught_up {
                return Ok(());
            }
        }
    }
}

/// A line of one event: with the beginning of its body, or as JSON.
pub(crate) fn print_event(record: EventRecord<'_>, body: &str, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &record)?;
        writeln!(out)?;
        return out.flush();
    }
    // Of a large body no more than can show is looked at.
    let body = &body[..body.floor_char_boundary(MAX_BODY_BYTES)];
    let beginning: Vec<&str> = body.split_whitespace().collect();
    let beginning: String = escape_invisible(&beginning.join(" ")).chars().take(MAX_BODY_CHARS).collect();
    let EventRecord { id, received_at, credential, remote_ip, size_bytes, .. } = record;
    let line = format!("{received_at}  {id}  {credential}  {remote_ip}  {size_bytes} B  {beginning}");
    writeln!(out, "{}", line.trim_end())?;
    out.flush()
}
