//! The batch insert of events.
//!
//! The transaction that stores a batch of events: one call of the function `store_events` (see the migration of that name), which
//! checks, claims keys, inserts and counts. It is executed by the driver itself and not by diesel: it stays prepared, and its errors
//! tell their SQLSTATE, which decides whether one event is to blame or the database.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Row as DatabaseRow, Statement};
use uuid::Uuid;

use crate::domain::account::Plan;
use crate::domain::event::{EventId, NewEvent};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::rejection::Reason;
use crate::store::columns::{Moment, word};
use crate::store::connect::RawSession;
use crate::store::error::StoreError;
use crate::store::events::Row;
use crate::store::idempotency::{self, Claims};
use crate::store::pool::Store;

/// How long it may take until a new connection is set up for batches.
const MAX_PREPARATION: Duration = Duration::from_secs(1);
/// How long it may take to ask the server to end a statement.
const MAX_CANCEL: Duration = Duration::from_secs(2);

/// A connection that batches are written on, with nobody else.
pub struct BatchConnection {
    session: RawSession,
    statement: Prepared,
    /// Tells the counts of one writer from those of others, so that no two wait for each other's rows.
    counter: Uuid,
    store: Store,
}

enum Prepared {
    NotYet,
    As(Statement),
    /// Statements do not stay on this connection, as behind a pooler that hands it to others after each transaction.
    Never,
}

/// Why an event of a batch was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// Its password may no longer be used.
    Refused(Reason),
    /// Its idempotency key belongs to an event that was stored before.
    KnownKey { first: EventId, has_same_body: bool },
}

impl BatchConnection {
    pub async fn open(store: &Store, counter: Uuid) -> Result<Self, StoreError> {
        let session = store.raw_session().await?;
        let mut connection = Self { session, statement: Prepared::NotYet, counter, store: store.clone() };
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

    /// Whether the server has ended it: after a restart, say, while nothing was to be written.
    pub fn is_closed(&self) -> bool {
        self.session.client.is_closed()
    }

    /// Stores a batch, and answers with the events that were not stored. After an error nothing of it is stored, unless the answer
    /// was lost, when nobody can know.
    pub async fn store(&mut self, rows: &[Row<'_>]) -> Result<HashMap<EventId, NotStored>, StoreError> {
        self.store.pacing().note_batch();
        self.store_rows(rows).await
    }

    /// Stores an event of nobody as [`BatchConnection::store`] does, takes it back, and commits: what any event would come to now.
    /// Gives back the newest migration.
    pub async fn attempt(&mut self, now: Timestamp) -> Result<Option<String>, StoreError> {
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
    pub async fn synchronous_commit(&mut self) -> Result<String, StoreError> {
        self.execute("begin").await?;
        self.store_rows(&[]).await?;
        let value = self.query("select current_setting('synchronous_commit')").await?;
        self.execute("rollback").await?;
        Ok(value.try_get(0)?)
    }

    /// The server's process behind the connection.
    pub async fn backend(&mut self) -> Result<i32, StoreError> {
        Ok(self.query("select pg_backend_pid()").await?.try_get(0)?)
    }

    /// Lets go of a connection that may still execute something, and has the server end that: a commit that waits for a standby
    /// would otherwise keep its process for ever.
    pub fn give_up(self) {
        let (token, store) = (self.session.client.cancel_token(), self.store.clone());
        self.store.spawn(async move { tokio::time::timeout(MAX_CANCEL, store.cancel(token)).await });
    }

    async fn execute(&mut self, sql: &str) -> Result<(), StoreError> {
        use crate::store::connect::Session;
        self.session.execute(sql).await
    }

    async fn query(&mut self, sql: &str) -> Result<DatabaseRow, StoreError> {
        match self.session.client.query_typed(sql, &[]).await {
            Ok(mut rows) => rows.pop().ok_or_else(|| StoreError::Unreadable("a query without a row".to_owned())),
            Err(error) => Err(self.session.cause(error).await),
        }
    }

    async fn store_without_password(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let rows = [*row];
        let columns = Columns { secrets: Vec::new(), ..Columns::of(&rows, self.counter) };
        self.call(&columns).await.map(drop)
    }

    async fn store_rows(&mut self, rows: &[Row<'_>]) -> Result<HashMap<EventId, NotStored>, StoreError> {
        let found = self.call(&Columns::of(rows, self.counter)).await?;
        found.iter().map(read).collect()
    }

    async fn call(&mut self, columns: &Columns<'_>) -> Result<Vec<DatabaseRow>, StoreError> {
        let outcome = self.call_once(columns).await;
        match outcome {
            Err(error) if error.is_prepared_by_somebody_else() => {
                self.statement = Prepared::Never;
                self.call_once(columns).await
            }
            outcome => outcome,
        }
    }

    async fn call_once(&mut self, columns: &Columns<'_>) -> Result<Vec<DatabaseRow>, StoreError> {
        let hidden = columns.parameters();
        let parameters: Vec<&(dyn ToSql + Sync)> = hidden.iter().map(|parameter| parameter as _).collect();
        let client = &self.session.client;
        if let Prepared::NotYet = self.statement {
            match client.prepare_typed(STORE_EVENTS, &TYPES).await {
                Ok(statement) => self.statement = Prepared::As(statement),
                Err(error) => return Err(self.session.cause(error).await),
            }
        }
        let called = match &self.statement {
            Prepared::As(statement) => client.query(statement, &parameters).await,
            Prepared::NotYet | Prepared::Never => {
                let typed: Vec<_> = parameters.into_iter().zip(TYPES).collect();
                client.query_typed(STORE_EVENTS, &typed).await
            }
        };
        match called {
            Ok(rows) => Ok(rows),
            Err(error) => Err(self.session.cause(error).await),
        }
    }
}

const STORE_EVENTS: &str = "select event_id, refusal, first_event_id, has_same_body from store_events(\
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

/// The types of its parameters, in the order of [`Columns::parameters`].
const TYPES: [Type; 22] = [
    Type::TEXT_ARRAY,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::UUID,
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
    Type::UUID_ARRAY,
    Type::INET_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT4_ARRAY,
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::BYTEA_ARRAY,
    Type::UUID_ARRAY,
    Type::BYTEA_ARRAY,
];

/// A batch by columns: an array each, so that the statement is the same for every number of rows.
struct Columns<'a> {
    webhook_plans: Vec<&'static str>,
    latest: Moment,
    keys_kept_since: Moment,
    counter: Uuid,
    secrets: Vec<Uuid>,
    account_ids: Vec<Uuid>,
    credential_ids: Vec<Uuid>,
    secret_ids: Vec<Uuid>,
    arrivals: Vec<Moment>,
    ids: Vec<Uuid>,
    remote_ips: Vec<IpAddr>,
    user_agents: Vec<Option<&'a str>>,
    content_types: Vec<&'a str>,
    queries: Vec<Option<&'a str>>,
    header_lists: Vec<&'a str>,
    bodies: Vec<&'a str>,
    sizes: Vec<i32>,
    key_accounts: Vec<Uuid>,
    key_credentials: Vec<Uuid>,
    keys: Vec<&'a [u8]>,
    key_events: Vec<Uuid>,
    digests: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a [Row<'a>], counter: Uuid) -> Self {
        // When the last of the rows arrived: a password that ends before it is looked at for each row by itself.
        let latest = rows.iter().map(|row| row.at).max().unwrap_or(Timestamp::UNIX_EPOCH);
        let claims = Claims::of(rows);
        Self {
            webhook_plans: Plan::ALL.into_iter().filter(|plan| plan.includes_webhooks()).map(Plan::as_str).collect(),
            latest: latest.into(),
            keys_kept_since: idempotency::kept_since(latest).into(),
            counter,
            secrets: secrets(rows),
            account_ids: rows.iter().map(|row| row.account_id.0).collect(),
            credential_ids: rows.iter().map(|row| row.credential_id.0).collect(),
            secret_ids: rows.iter().map(|row| row.secret_id.0).collect(),
            arrivals: rows.iter().map(|row| row.at.into()).collect(),
            ids: rows.iter().map(|row| row.event.id.0).collect(),
            remote_ips: rows.iter().map(|row| row.event.remote_ip).collect(),
            user_agents: rows.iter().map(|row| row.event.user_agent.as_deref()).collect(),
            content_types: rows.iter().map(|row| row.event.content_type.as_str()).collect(),
            queries: rows.iter().map(|row| row.event.query.as_deref()).collect(),
            header_lists: rows.iter().map(|row| row.event.headers.as_str()).collect(),
            bodies: rows.iter().map(|row| row.event.body.as_str()).collect(),
            sizes: rows.iter().map(|row| row.event.size_bytes()).collect(),
            key_accounts: claims.account_ids(),
            key_credentials: claims.credential_ids(),
            keys: claims.keys(),
            key_events: claims.event_ids(),
            digests: claims.digests(),
        }
    }

    fn parameters(&self) -> [Hidden<'_>; 22] {
        let all: [&(dyn ToSql + Sync); 22] = [
            &self.webhook_plans,
            &self.latest,
            &self.keys_kept_since,
            &self.counter,
            &self.secrets,
            &self.account_ids,
            &self.credential_ids,
            &self.secret_ids,
            &self.arrivals,
            &self.ids,
            &self.remote_ips,
            &self.user_agents,
            &self.content_types,
            &self.queries,
            &self.header_lists,
            &self.bodies,
            &self.sizes,
            &self.key_accounts,
            &self.key_credentials,
            &self.keys,
            &self.key_events,
            &self.digests,
        ];
        all.map(Hidden)
    }
}

/// A parameter that nobody sees in a log, whatever the driver writes there: bodies are among them.
struct Hidden<'a>(&'a (dyn ToSql + Sync));

impl std::fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hidden")
    }
}

impl ToSql for Hidden<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql_checked(kind, out)
    }

    fn accepts(_: &Type) -> bool {
        // The parameter itself checks its type.
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// The different passwords of some rows.
fn secrets(rows: &[Row<'_>]) -> Vec<Uuid> {
    let mut secrets: Vec<Uuid> = rows.iter().map(|row| row.secret_id.0).collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

fn read(row: &DatabaseRow) -> Result<(EventId, NotStored), StoreError> {
    let refusal: Option<&str> = row.try_get(1)?;
    let why = match refusal {
        Some(reason) => NotStored::Refused(word(reason)?),
        None => NotStored::KnownKey { first: EventId(row.try_get(2)?), has_same_body: row.try_get(3)? },
    };
    Ok((EventId(row.try_get(0)?), why))
}
