//! The batch insert of events.
//!
//! The transaction that stores a batch of events: one call of the function `store_events` (see the migration of that name), which
//! checks, claims keys, inserts and counts. It is executed by the driver itself and not by diesel: it stays prepared, and its errors
//! tell their SQLSTATE, which decides whether one event is to blame or the database.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row as DatabaseRow, Statement};
use uuid::Uuid;

use crate::domain::event::{EventId, NewEvent};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::rejection::Reason;
use crate::store::connection::columns::word;
use crate::store::connection::connect::{RawSession, Session};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::batch_columns::{BatchColumns, STORE_EVENTS, STORE_EVENTS_ON_STANDBY, TYPES};
use crate::store::tables::events::Row;

/// How long it may take until a new connection is set up for batches.
const MAX_PREPARATION: Duration = Duration::from_secs(1);
/// How long it may take to ask the server to end a statement.
const MAX_CANCEL: Duration = Duration::from_secs(2);

/// A connection that batches are written on, with nobody else.
pub struct BatchConnection {
    session: RawSession,
    /// How often connections had gone to another host before this one was made.
    moves: u64,
    statement: Prepared,
    /// Tells the counts of one writer from those of others, so that no two wait for each other's rows.
    counter: Uuid,
    store: Store,
    /// Something is executed that was not answered yet.
    is_busy: bool,
}

impl Drop for BatchConnection {
    /// Has the server end what it may still execute: a commit that waits for a standby would otherwise keep its process for ever.
    fn drop(&mut self) {
        if self.is_busy && !self.session.client.is_closed() {
            let (token, store) = (self.session.client.cancel_token(), self.store.clone());
            self.store.spawn(async move { tokio::time::timeout(MAX_CANCEL, store.cancel(token)).await });
        }
    }
}

enum Prepared {
    NotYet,
    As(Statement),
    /// Statements do not stay on this connection, as behind a pooler that hands it to others after each transaction.
    Never,
}

/// Why an event of a batch was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum NotStored {
    /// Its password may no longer be used.
    Refused(Reason),
    /// Its idempotency key belongs to an event that was stored before.
    KnownKey { first: EventId, has_same_body: bool },
}

impl BatchConnection {
    /// Connects, within a second. `counter` tells the counts of this writer from those of others.
    pub async fn open(store: &Store, counter: Uuid) -> Result<Self, StoreError> {
        let moves = store.moves();
        let session = store.raw_session().await?;
        let mut connection =
            Self { session, moves, statement: Prepared::NotYet, counter, store: store.clone(), is_busy: false };
        let late = |_| StoreError::Unavailable(format!("no answer within {} s", MAX_PREPARATION.as_secs()));
        tokio::time::timeout(MAX_PREPARATION, connection.prepare()).await.map_err(late)??;
        Ok(connection)
    }

    async fn prepare(&mut self) -> Result<(), StoreError> {
        // Planning anew for each batch would cost more than the best plan for it could save.
        self.execute("set plan_cache_mode = force_generic_plan").await?;
        // Large bodies are compressed by the server, which with its older method takes longer than all the rest together. One that
        // was built without the newer method says so, and goes on with the older.
        if let Err(error) = self.execute("set default_toast_compression = lz4").await {
            tracing::debug!(%error, "the server compresses large bodies without lz4");
        }
        Ok(())
    }

    /// Whether the server has ended it, after a restart, say, while nothing was to be written; or others went to another host since.
    pub(crate) fn is_closed(&self) -> bool {
        self.session.client.is_closed() || self.moves != self.store.moves()
    }

    /// Stores a batch, and answers with the events that were not stored. After an error nothing of it is stored, unless the answer
    /// was lost, when nobody can know.
    pub async fn store(&mut self, rows: &[Row<'_>]) -> Result<HashMap<EventId, NotStored>, StoreError> {
        self.store.pacing().note_batch();
        self.store_rows(rows).await
    }

    /// Stores an event of nobody as [`BatchConnection::store`] does, takes it back, and commits: what any event would come to now.
    /// Gives back the newest migration.
    pub(crate) async fn attempt(&mut self, now: Timestamp) -> Result<Option<String>, StoreError> {
        // The random part is this connection's own, so that two programs never try the same id.
        let id = EventId::first_of(now).0.as_u128() | (self.counter.as_u128() >> 64);
        let event = NewEvent {
            id: EventId(Uuid::from_u128(id)),
            remote_ip: IpAddr::from([127, 0, 0, 1]),
            user_agent: None,
            content_type: "application/json".to_owned(),
            query: None,
            headers: "[]".to_owned(),
            body: "0".to_owned(),
            idempotency: None,
        };
        let nobody = Uuid::nil();
        let row = Row {
            at: now,
            secret_id: SecretId(nobody),
            account_id: AccountId(nobody),
            credential_id: CredentialId(nobody),
            event: &event,
        };
        self.execute("begin").await?;
        self.store_without_password(&row).await?;
        let removal = format!(
            "delete from events where account_id = '{nobody}' and id = '{}'; \
             delete from event_counts where account_id = '{nobody}' and writer = '{}'",
            event.id.0, self.counter
        );
        self.execute(&removal).await?;
        let newest = self.query("select max(version)::text from __diesel_schema_migrations").await?;
        self.execute("commit").await?;
        Ok(newest.try_get(0)?)
    }

    /// What `synchronous_commit` is in the transaction that stores.
    pub(crate) async fn synchronous_commit(&mut self) -> Result<String, StoreError> {
        self.execute("begin").await?;
        self.store_rows(&[]).await?;
        let value = self.query("select current_setting('synchronous_commit')").await?;
        self.execute("rollback").await?;
        Ok(value.try_get(0)?)
    }

    /// The server's process behind the connection.
    pub(crate) async fn backend(&mut self) -> Result<i32, StoreError> {
        Ok(self.query("select pg_backend_pid()").await?.try_get(0)?)
    }

    async fn execute(&mut self, sql: &str) -> Result<(), StoreError> {
        self.is_busy = true;
        let outcome = self.session.execute(sql).await;
        self.is_busy = false;
        outcome
    }

    async fn query(&mut self, sql: &str) -> Result<DatabaseRow, StoreError> {
        self.is_busy = true;
        let found = self.session.client.query_typed(sql, &[]).await;
        self.is_busy = false;
        match found {
            Ok(mut rows) => rows.pop().ok_or_else(|| StoreError::Unreadable("a query without a row".to_owned())),
            Err(error) => Err(self.session.cause(error).await),
        }
    }

    async fn store_without_password(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let rows = [*row];
        self.call(&BatchColumns::of(&rows, self.counter).without_passwords()).await.map(drop)
    }

    async fn store_rows(&mut self, rows: &[Row<'_>]) -> Result<HashMap<EventId, NotStored>, StoreError> {
        let found = self.call(&BatchColumns::of(rows, self.counter)).await?;
        found.iter().map(read).collect()
    }

    async fn call(&mut self, columns: &BatchColumns<'_>) -> Result<Vec<DatabaseRow>, StoreError> {
        self.is_busy = true;
        let mut outcome = self.call_once(columns).await;
        if matches!(&outcome, Err(error) if error.is_prepared_by_somebody_else()) {
            self.statement = Prepared::Never;
            outcome = self.call_once(columns).await;
        }
        self.is_busy = false;
        outcome
    }

    fn requires_standby(&self) -> bool {
        self.store.options().requires_standby
    }

    fn sql(&self) -> &'static str {
        if self.requires_standby() { STORE_EVENTS_ON_STANDBY } else { STORE_EVENTS }
    }

    async fn call_once(&mut self, columns: &BatchColumns<'_>) -> Result<Vec<DatabaseRow>, StoreError> {
        let hidden = columns.parameters();
        let parameters: Vec<&(dyn ToSql + Sync)> = hidden.iter().map(|parameter| parameter as _).collect();
        let client = &self.session.client;
        if let Prepared::NotYet = self.statement {
            match client.prepare_typed(self.sql(), &TYPES).await {
                Ok(statement) => self.statement = Prepared::As(statement),
                Err(error) => return Err(self.session.cause(error).await),
            }
        }
        // Of what was done before.
        self.session.take_warning();
        let called = match &self.statement {
            Prepared::As(statement) => client.query(statement, &parameters).await,
            Prepared::NotYet | Prepared::Never => {
                let typed: Vec<_> = parameters.into_iter().zip(TYPES).collect();
                client.query_typed(self.sql(), &typed).await
            }
        };
        match called {
            Ok(_) if self.requires_standby() && self.session.take_warning() => {
                Err(StoreError::Unavailable("no standby has confirmed the commit".to_owned()))
            }
            Ok(rows) => Ok(rows),
            Err(error) => Err(self.session.cause(error).await),
        }
    }
}

fn read(row: &DatabaseRow) -> Result<(EventId, NotStored), StoreError> {
    let refusal: Option<&str> = row.try_get(1)?;
    let why = match refusal {
        Some(reason) => NotStored::Refused(word(reason)?),
        None => NotStored::KnownKey { first: EventId(row.try_get(2)?), has_same_body: row.try_get(3)? },
    };
    Ok((EventId(row.try_get(0)?), why))
}
