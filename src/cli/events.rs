//! `events …`: what was received, on the terminal and for other programs.

use std::io::{self, Write};

use crate::app::export::Pieces;
use crate::app::export_events::{EventRecord, Export};
use crate::cli::account;
use crate::cli::args::EventsCommand;
use crate::cli::failure::CommandError;
use crate::cli::{output, tail};
use crate::clock::Clock;
use crate::domain::audit::Act;
use crate::domain::credential::Username;
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::query::terms::Query;
use crate::domain::time::parse_bound;
use crate::store::matching::Budget;
use crate::store::pool::Store;
use crate::store::{credentials, events};

/// How many events are read at once.
const BATCH: usize = 500;

pub async fn run(command: EventsCommand, store: &Store, act: &Act) -> Result<(), CommandError> {
    match command {
        EventsCommand::List { email, limit, credential, query, since, until, json } => {
            let account = account::find(store, &email).await?.account_id;
            let bound = |text: Option<String>| {
                text.map(|text| parse_bound(&text, act.at)).transpose().map_err(CommandError::refused)
            };
            let filter = EventFilter {
                query: parse_query(query)?,
                credential: match credential {
                    Some(username) => Some(find_credential(store, account, &username).await?),
                    None => None,
                },
                since: bound(since)?,
                until: bound(until)?,
            };
            list(store, account, &filter, limit, json).await
        }
        EventsCommand::Tail { email, credential, query, json } => {
            let account = account::find(store, &email).await?.account_id;
            let credential = match credential {
                Some(username) => Some(find_credential(store, account, &username).await?),
                None => None,
            };
            let filter = EventFilter { query: parse_query(query)?, credential, ..EventFilter::default() };
            tail::follow(store, account, &filter, json, Clock::system()).await
        }
        EventsCommand::Body { email, id, json: _ } => body(store, &email, &id).await,
        EventsCommand::Export { email, format, json: _ } => export(store, &email, &format, act).await,
    }
}

fn parse_query(text: Option<String>) -> Result<Option<Query>, CommandError> {
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
        let page = events::list(&mut *store.connection().await?, account, filter, cursor, batch, Budget::BATCH).await?;
        found.extend(page.rows);
        cursor = match (page.stopped_at, found.last()) {
            (Some(stopped_at), _) => stopped_at,
            (None, Some(last)) if page.has_older => Cursor::Before(last.id),
            _ => break,
        };
    }
    let records: Vec<EventRecord> = found.iter().map(EventRecord::new).collect();
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

async fn body(store: &Store, email: &str, id: &str) -> Result<(), CommandError> {
    let account = account::find(store, email).await?.account_id;
    let missing = || CommandError::Refused(format!("the account has no event {id}: see `events list {email}`"));
    let id: EventId = id.parse().map_err(|_| missing())?;
    let event = events::find(&mut *store.connection().await?, account, id).await?.ok_or_else(missing)?;
    let mut out = io::stdout().lock();
    out.write_all(event.body.as_bytes())?;
    Ok(out.flush()?)
}

async fn export(store: &Store, email: &str, format: &str, act: &Act) -> Result<(), CommandError> {
    let account = account::find(store, email).await?.account_id;
    let format = format.parse().map_err(CommandError::refused)?;
    let mut export = Export::begin(store.clone(), account, EventFilter::default(), format, act).await?;
    let mut out = io::stdout().lock();
    while let Some(piece) = export.next().await? {
        match out.write_all(&piece) {
            // Whoever reads has read enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other?,
        }
    }
    Ok(out.flush()?)
}
