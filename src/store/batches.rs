//! The transaction that stores a batch of events: check, claim, insert, count, commit. Usually it is one call of the function
//! `store_events` (see the migration of that name), which stores all or nothing. Where that fails for a password or a key, the
//! batch is written with care, so that each event gets a verdict of its own.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Binary, Inet, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::account::Plan;
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::store::columns::{Moment, inet};
use crate::store::credential_secrets::{self, Lock};
use crate::store::error::StoreError;
use crate::store::event_counts::half_hour_of;
use crate::store::events::Row;
use crate::store::idempotency::{self, Claim, Claims};
use crate::store::pacing::Pacing;
use crate::store::pool::{Connection, Store};
use crate::store::prepared::prepared;

/// What `store_events` says is broken by a password that may no longer be used.
const EVERY_PASSWORD_IS_USABLE: &str = "every_password_is_usable";

/// How long it may take until a connection is ready to be written on.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that batches are written on, with nobody else.
pub struct BatchConnection {
    connection: Connection,
    /// Tells the counts of one writer from those of others, so that no two wait for each other's rows.
    counter: Uuid,
    pacing: Pacing,
}

impl BatchConnection {
    pub async fn open(store: &Store, counter: Uuid) -> Result<Self, StoreError> {
        let late = |_| StoreError::Unavailable(format!("no connection within {} s", OPEN_TIMEOUT.as_secs()));
        tokio::time::timeout(OPEN_TIMEOUT, Self::open_without_limit(store, counter)).await.map_err(late)?
    }

    async fn open_without_limit(store: &Store, counter: Uuid) -> Result<Self, StoreError> {
        let mut connection = store.own_connection().await?;
        // Planning anew for each batch would cost more than the best plan for it could save.
        connection.batch_execute("set plan_cache_mode = force_generic_plan").await?;
        // Large bodies are compressed by the server, which with its older method takes longer than all the rest together. One that
        // was built without the newer method says so, and goes on with the older.
        if let Err(error) = connection.batch_execute("set default_toast_compression = lz4").await {
            tracing::debug!(%error, "the server compresses large bodies without lz4");
        }
        Ok(Self { connection, counter, pacing: store.pacing().clone() })
    }

    /// Whether the server has ended it: after a restart, say, while nothing was to be written.
    pub fn is_closed(&mut self) -> bool {
        self.connection.is_broken()
    }

    /// Stores a batch if every password in it may be used and every key in it is new; `false`, and nothing stored, if not. After
    /// an error nothing is stored either, unless the answer was lost, when nobody can know.
    pub async fn store_at_once(&self, rows: &[Row<'_>]) -> Result<bool, StoreError> {
        self.pacing.note_batch();
        match self.store(rows, Claims::of(rows)).await {
            Ok(()) => Ok(true),
            Err(error) if error.breaks_check(EVERY_PASSWORD_IS_USABLE) => Ok(false),
            Err(error) if error.is_duplicate_of(idempotency::KEYS_ARE_UNIQUE) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Begins to store with care: opens a transaction and reads the passwords as they are now.
    pub async fn begin_with_care(&self, rows: &[Row<'_>]) -> Result<HashMap<SecretId, Lock>, StoreError> {
        (&mut &self.connection).batch_execute("begin").await?;
        credential_secrets::find_locks(&self.connection, &secrets(rows)).await
    }

    /// What becomes of the keys of some rows, in the order of the rows; `Ours` where a row has none. Of two rows with one key the
    /// first gets it.
    pub async fn claim(&self, rows: &[Row<'_>]) -> Result<Vec<Claim>, StoreError> {
        idempotency::claim_new(&self.connection, rows, latest(rows)).await
    }

    /// Stores what the verdicts left, whose keys have been claimed, and commits.
    pub async fn finish_with_care(&self, rows: &[Row<'_>]) -> Result<(), StoreError> {
        if !rows.is_empty() {
            self.store(rows, Claims::default()).await?;
        }
        Ok((&mut &self.connection).batch_execute("commit").await?)
    }

    /// Takes back what was not committed. On a connection that is lost this fails, and the server does it by itself.
    pub async fn roll_back(&self) {
        let _ = (&mut &self.connection).batch_execute("rollback").await;
    }

    async fn store(&self, rows: &[Row<'_>], claims: Claims<'_>) -> Result<(), StoreError> {
        let counts = counts(rows);
        let statement = StoreEvents {
            secrets: secrets(rows),
            plans: Plan::ALL.into_iter().filter(|plan| plan.includes_webhooks()).map(Plan::as_str).collect(),
            latest: Moment(latest(rows)),
            account_ids: rows.iter().map(|row| row.account_id.0).collect(),
            ids: rows.iter().map(|row| row.event.id.0).collect(),
            credential_ids: rows.iter().map(|row| row.credential_id.0).collect(),
            remote_ips: rows.iter().map(|row| inet(row.event.remote_ip)).collect(),
            user_agents: rows.iter().map(|row| row.event.user_agent.as_deref()).collect(),
            content_types: rows.iter().map(|row| row.event.content_type.as_str()).collect(),
            queries: rows.iter().map(|row| row.event.query.as_deref()).collect(),
            header_lists: rows.iter().map(|row| row.event.headers.as_str()).collect(),
            bodies: rows.iter().map(|row| row.event.body.as_str()).collect(),
            sizes: rows.iter().map(|row| row.event.size_bytes()).collect(),
            counted_accounts: counts.keys().map(|(account, ..)| account.0).collect(),
            counted_credentials: counts.keys().map(|(_, credential, _)| credential.0).collect(),
            half_hours: counts.keys().map(|(.., half_hour)| Moment(*half_hour)).collect(),
            more_accepted: counts.values().map(|(accepted, _)| *accepted).collect(),
            more_bytes: counts.values().map(|(_, bytes)| *bytes).collect(),
            counter: self.counter,
            key_accounts: claims.account_ids(),
            key_credentials: claims.credential_ids(),
            keys: claims.keys(),
            key_events: claims.event_ids(),
            digests: claims.digests(),
        };
        statement.execute(&mut &self.connection).await?;
        Ok(())
    }
}

prepared! {
    /// A column is an array, so that the statement is the same for every number of rows.
    StoreEvents<'a> {
        "select store_events(",
        secrets: Vec<Uuid> as Array<SqlUuid>, ", ",
        plans: Vec<&'a str> as Array<Text>, ", ",
        latest: Moment as Timestamptz, ", ",
        account_ids: Vec<Uuid> as Array<SqlUuid>, ", ",
        ids: Vec<Uuid> as Array<SqlUuid>, ", ",
        credential_ids: Vec<Uuid> as Array<SqlUuid>, ", ",
        remote_ips: Vec<IpNet> as Array<Inet>, ", ",
        user_agents: Vec<Option<&'a str>> as Array<Nullable<Text>>, ", ",
        content_types: Vec<&'a str> as Array<Text>, ", ",
        queries: Vec<Option<&'a str>> as Array<Nullable<Text>>, ", ",
        header_lists: Vec<&'a str> as Array<Text>, ", ",
        bodies: Vec<&'a str> as Array<Text>, ", ",
        sizes: Vec<i32> as Array<Integer>, ", ",
        counted_accounts: Vec<Uuid> as Array<SqlUuid>, ", ",
        counted_credentials: Vec<Uuid> as Array<SqlUuid>, ", ",
        half_hours: Vec<Moment> as Array<Timestamptz>, ", ",
        more_accepted: Vec<i64> as Array<BigInt>, ", ",
        more_bytes: Vec<i64> as Array<BigInt>, ", ",
        counter: Uuid as SqlUuid, ", ",
        key_accounts: Vec<Uuid> as Array<SqlUuid>, ", ",
        key_credentials: Vec<Uuid> as Array<SqlUuid>, ", ",
        keys: Vec<&'a [u8]> as Array<Binary>, ", ",
        key_events: Vec<Uuid> as Array<SqlUuid>, ", ",
        digests: Vec<&'a [u8]> as Array<Binary>, ")"
    }
}

/// The different passwords of some rows.
fn secrets(rows: &[Row<'_>]) -> Vec<Uuid> {
    let mut secrets: Vec<Uuid> = rows.iter().map(|row| row.secret_id.0).collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

/// When the last of the rows arrived: whatever password ends before it is looked at with care.
fn latest(rows: &[Row<'_>]) -> Timestamp {
    rows.iter().map(|row| row.at).max().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What some rows add to the numbers of accepted events and of bytes, by credential and half hour.
fn counts(rows: &[Row<'_>]) -> BTreeMap<(AccountId, CredentialId, Timestamp), (i64, i64)> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let (accepted, bytes) =
            counts.entry((row.account_id, row.credential_id, half_hour_of(row.at))).or_insert((0, 0));
        *accepted += 1;
        *bytes += i64::from(row.event.size_bytes());
    }
    counts
}
