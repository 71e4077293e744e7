//! What a batch of events comes to, with a verdict for each. Because the check of the passwords is part of the transaction that
//! stores, no instance has a stale window: a request that began after a revocation committed is never stored.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::event::{EventId, NewEvent};
use crate::domain::ids::{RequestId, SecretId};
use crate::domain::rejection::Reason;
use crate::ingest::usage::Use;
use crate::ingest::verifier::{Verified, usable};
use crate::store::batches::BatchConnection;
use crate::store::credential_secrets::Lock;
use crate::store::error::StoreError;
use crate::store::events::Row;
use crate::store::idempotency::Claim;

/// An event that wants to be written, and who sent it.
#[derive(Debug)]
pub struct Entry {
    pub sender: Verified,
    pub event: NewEvent,
    pub at: Timestamp,
    pub request_id: RequestId,
}

impl Entry {
    fn row(&self) -> Row<'_> {
        let Lock { secret_id, account_id, credential_id, .. } = *self.sender;
        Row { at: self.at, secret_id, account_id, credential_id, event: &self.event }
    }

    /// How it used its password.
    pub fn to_use(&self) -> Use {
        let NewEvent { remote_ip, user_agent, .. } = &self.event;
        Use { at: self.at, ip: *remote_ip, agent: user_agent.clone(), request_id: self.request_id }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// On disk.
    Stored(EventId),
    /// It was on disk before, from a request with the same key.
    Replayed(EventId),
    /// The key belongs to another body.
    KeyConflict,
    /// The password may no longer be used.
    Refused(Reason),
}

/// Writes a batch; the verdicts are in the order of the entries. After an error nothing of it is on disk, unless the database's
/// answer was lost, when nobody can know.
pub async fn write(conn: &BatchConnection, entries: &[&Entry]) -> Result<Vec<Written>, StoreError> {
    let rows: Vec<Row<'_>> = entries.iter().map(|entry| entry.row()).collect();
    if conn.store_at_once(&rows).await? {
        return Ok(entries.iter().map(|entry| Written::Stored(entry.event.id)).collect());
    }
    let outcome = write_with_care(conn, &rows).await;
    if outcome.is_err() {
        conn.roll_back().await;
    }
    outcome
}

/// Asks about each password and each key, and stores the rest.
async fn write_with_care(conn: &BatchConnection, rows: &[Row<'_>]) -> Result<Vec<Written>, StoreError> {
    let locks = conn.begin_with_care(rows).await?;
    let refused: Vec<Option<Written>> = rows.iter().map(|row| refusal(&locks, row)).collect();
    let allowed: Vec<Row<'_>> =
        rows.iter().zip(&refused).filter(|(_, refusal)| refusal.is_none()).map(|(row, _)| *row).collect();
    let claims = conn.claim(&allowed).await?;
    let new: Vec<Row<'_>> =
        allowed.iter().zip(&claims).filter(|(_, claim)| **claim == Claim::Ours).map(|(row, _)| *row).collect();
    conn.finish_with_care(&new).await?;

    let mut claims = claims.into_iter();
    let verdict = |(row, refusal): (&Row<'_>, Option<Written>)| match refusal {
        Some(refusal) => refusal,
        None => match claims.next() {
            Some(Claim::Ours) | None => Written::Stored(row.event.id),
            Some(Claim::SameBody(first)) => Written::Replayed(first),
            Some(Claim::OtherBody) => Written::KeyConflict,
        },
    };
    Ok(rows.iter().zip(refused).map(verdict).collect())
}

/// Why a row may not be stored, as the database says now.
fn refusal(locks: &HashMap<SecretId, Lock>, row: &Row<'_>) -> Option<Written> {
    let lock = locks.get(&row.secret_id);
    lock.map_or(Err(Reason::RevokedPassword), |lock| usable(lock, row.at)).err().map(Written::Refused)
}
