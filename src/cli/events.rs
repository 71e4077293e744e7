//! `events …`: what was received, on the terminal and for other programs.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::app::export::{BYTE_ORDER_MARK, Chunks, ExportFormat};
use crate::app::export_events::{EventRecord, Export, Progress};
use crate::cli::account;
use crate::cli::args::{EventsCommand, FilterArgs};
use crate::cli::failure::CommandError;
use crate::cli::{output, tail};
use crate::clock::Clock;
use crate::domain::account::Member;
use crate::domain::audit::Act;
use crate::domain::credential::Username;
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::query::ast::Query;
use crate::domain::query::columns::Fields;
use crate::domain::retention::Retention;
use crate::domain::time::parse_bound;
use crate::store::connection::pool::Store;
use crate::store::scan::budget::Budget;
use crate::store::tables::{credentials, events};

/// How many events are read at once.
const BATCH: usize = 500;

pub(crate) async fn run(command: EventsCommand, store: &Store, act: &Act) -> Result<(), CommandError> {
    match command {
        EventsCommand::List { email, limit, which, json } => {
            let member = account::find(store, &email.unwrap_or_default()).await?;
            list(store, member.account_id, &filter(store, &member, which, act).await?, limit, json).await
        }
        EventsCommand::Tail { email, credential, query, json } => {
            let account = account::find(store, &email.unwrap_or_default()).await?.account_id;
            let credential = match credential {
                Some(username) => Some(find_credential(store, account, &username).await?),
                None => None,
            };
            let filter = EventFilter { query: parse_query(query)?, credential, ..EventFilter::default() };
            tail::follow(store, account, &filter, json, Clock::system()).await
        }
        EventsCommand::Body { email, id, json: _ } => body(store, &email.unwrap_or_default(), &id, act).await,
        EventsCommand::Listen { .. } => Err(CommandError::refused("this is done over the API alone")),
        EventsCommand::Export { email, which, format, fields, bom, progress, json: _ } => {
            let member = account::find(store, &email.unwrap_or_default()).await?;
            let filter = filter(store, &member, which, act).await?;
            let form = export_form(&format, &fields.unwrap_or_default(), bom)?;
            if bom {
                io::stdout().write_all(BYTE_ORDER_MARK)?;
            }
            export((store, member.account_id, act), filter, form, progress).await
        }
    }
}

/// How an export is to be written.
pub(crate) fn export_form(format: &str, fields: &str, bom: bool) -> Result<(ExportFormat, Fields), CommandError> {
    let format = format.parse().map_err(CommandError::refused)?;
    let fields: Fields = fields.parse().map_err(|error| CommandError::Refused(format!("--fields: {error}")))?;
    if format == ExportFormat::Ndjson && !fields.0.is_empty() {
        return Err(CommandError::refused("--fields are columns of a CSV: leave them out, or say --format csv"));
    }
    if format == ExportFormat::Ndjson && bom {
        return Err(CommandError::refused("--bom is for a CSV: leave it out, or say --format csv"));
    }
    Ok((format, fields))
}

/// Since when an account shows its events, where it has a time of its own. How long the installation keeps them is known to the
/// server alone, which may have been told otherwise.
fn kept_since(member: &Member, act: &Act) -> Option<Timestamp> {
    let days = member.retention_days?;
    Some(Retention { installation_days: days, account_days: None }.kept_since(act.at))
}

/// What the options say about which events.
async fn filter(store: &Store, member: &Member, which: FilterArgs, act: &Act) -> Result<EventFilter, CommandError> {
    let FilterArgs { credential, query, since, until } = which;
    let bound =
        |text: Option<String>| text.map(|text| parse_bound(&text, act.at)).transpose().map_err(CommandError::refused);
    Ok(EventFilter {
        within: Vec::new(),
        query: parse_query(query)?,
        credential: match credential {
            Some(username) => Some(find_credential(store, member.account_id, &username).await?),
            None => None,
        },
        since: bound(since)?.max(kept_since(member, act)),
        until: bound(until)?,
        ids: None,
    })
}

pub(crate) fn parse_query(text: Option<String>) -> Result<Option<Query>, CommandError> {
    let wrong = |error| CommandError::Refused(format!("--query: {error}"));
    Query::parse(&text.unwrap_or_default()).map_err(wrong)
}

async fn find_credential(store: &Store, account: AccountId, username: &str) -> Result<CredentialId, CommandError> {
    let parsed: Username = username.parse().map_err(CommandError::refused)?;
    match credentials::find_owner(&mut *store.connection().await?, &parsed).await? {
        Some((owner, id)) if owner == account => Ok(id),
        _ => {
            Err(CommandError::Refused(format!("the account has no credential {username}: see `credential list EMAIL`")))
        }
    }
}

async fn list(
    store: &Store,
    account: AccountId,
    filter: &EventFilter,
    limit: usize,
    json: bool,
) -> Result<(), CommandError> {
    let mut found = Vec::new();
    let mut cursor = Cursor::Newest;
    while found.len() < limit {
        let batch = BATCH.min(limit - found.len());
        let page =
            events::list(&mut *store.connection().await?, account, (filter, cursor), batch, Budget::BATCH).await?;
        found.extend(page.rows);
        cursor = match (page.stopped_at, found.last()) {
            (Some(stopped_at), _) => stopped_at,
            (None, Some(last)) if page.has_older => Cursor::Before(last.id),
            _ => break,
        };
    }
    print_list(found.iter().map(EventRecord::new).collect(), json)
}

pub(crate) fn print_list(records: Vec<EventRecord<'_>>, json: bool) -> Result<(), CommandError> {
    if json {
        return Ok(output::json(&records)?);
    }
    if records.is_empty() {
        return Ok(output::say("No events match.")?);
    }
    let row = |record: EventRecord| {
        let size = record.size_bytes.to_string();
        [record.id, record.received_at, record.credential.to_owned(), record.remote_ip, size]
    };
    let rows: Vec<_> = records.into_iter().map(row).collect();
    Ok(output::table(["ID", "RECEIVED", "CREDENTIAL", "SOURCE IP", "BYTES"], &rows)?)
}

async fn body(store: &Store, email: &str, id: &str, act: &Act) -> Result<(), CommandError> {
    let member = account::find(store, email).await?;
    let account = member.account_id;
    let missing = || CommandError::Refused(format!("the account has no event {id}: see `events list {email}`"));
    let id: EventId = id.parse().map_err(|_| missing())?;
    if kept_since(&member, act).is_some_and(|since| id < EventId::first_of(since)) {
        return Err(missing());
    }
    let event = events::find(&mut *store.connection().await?, account, id).await?.ok_or_else(missing)?;
    let mut out = io::stdout().lock();
    out.write_all(event.body.as_bytes())?;
    Ok(out.flush()?)
}

async fn export(
    (store, account, act): (&Store, AccountId, &Act),
    filter: EventFilter,
    form: (ExportFormat, Fields),
    wants_progress: bool,
) -> Result<(), CommandError> {
    let mut told = Told::new(wants_progress);
    let mut export = Export::begin(store, account, filter, form, act).await?;
    let mut out = io::stdout().lock();
    while let Some(chunk) = export.next().await? {
        match out.write_all(&chunk) {
            // Whoever reads has read enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other?,
        }
        told.tell(|| line(export.progress()));
    }
    out.flush()?;
    told.end(line(export.progress()));
    Ok(())
}

fn line(Progress { seen, expected, events, bytes }: Progress) -> String {
    let share = (seen * 100).checked_div(expected).map_or(100, |share| share.min(100));
    let mb = bytes as f64 / 1e6;
    format!("{events} events, {mb:.1} MB written; {seen} of about {expected} looked at, {share} %")
}

/// Between two words about how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// What is said on standard error while an export goes on: one line, written over and over on a terminal.
pub(crate) struct Told {
    wanted: bool,
    is_terminal: bool,
    last: Instant,
}

impl Told {
    pub(crate) fn new(wanted: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        // A terminal that shows the events themselves needs no figure between them.
        let wanted = wanted || (is_terminal && !io::stdout().is_terminal());
        Self { wanted, is_terminal, last: Instant::now() }
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.wanted && self.last.elapsed() >= TOLD_EVERY {
            self.last = Instant::now();
            self.write(&line());
        }
    }

    pub(crate) fn end(&self, line: String) {
        if self.wanted {
            self.write(&line);
            if self.is_terminal {
                eprintln!();
            }
        }
    }

    fn write(&self, line: &str) {
        // Nobody may be there to read it, and the export goes on.
        let _ = if self.is_terminal { write!(io::stderr(), "\r{line}") } else { writeln!(io::stderr(), "{line}") };
    }
}
