//! One transaction for whatever has queued: check the passwords of the batch, claim its idempotency keys, insert what may be
//! stored, count it, commit; with a verdict for each event. Because the check is part of the transaction, no instance has a
//! stale window: a request that began after a revocation committed is never stored.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::{EventId, NewEvent};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::rejection::Reason;
use crate::ingest::verifier::{Verified, usable};
use crate::store::credential_secrets::Lock;
use crate::store::error::StoreError;
use crate::store::event_counts::{self, Counts, half_hour_of};
use crate::store::idempotency::{self, Claim};
use crate::store::pool::Connection;
use crate::store::{batches, events};

/// An event that wants to be written, and who sent it.
#[derive(Debug)]
pub struct Entry {
    pub sender: Verified,
    pub event: NewEvent,
    pub at: Timestamp,
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

/// Writes a batch; the verdicts are in the order of the entries. After an error nothing of it is on disk, but for an error on the
/// way of the commit, when nobody can know.
pub async fn write(conn: &mut Connection, writer: Uuid, entries: &[&Entry]) -> Result<Vec<Written>, StoreError> {
    let outcome = write_in_transaction(conn, writer, entries).await;
    if outcome.is_err() {
        // On a connection that is lost this fails as well, and the server rolls back by itself.
        let _ = batches::rollback(conn).await;
    }
    outcome
}

async fn write_in_transaction(
    conn: &mut Connection,
    writer: Uuid,
    entries: &[&Entry],
) -> Result<Vec<Written>, StoreError> {
    let mut secrets: Vec<Uuid> = entries.iter().map(|entry| entry.sender.secret_id.0).collect();
    secrets.sort_unstable();
    secrets.dedup();
    let locks = batches::begin_and_find_locks(conn, &secrets).await?;
    let mut verdicts: Vec<Option<Written>> = entries.iter().map(|entry| refusal(&locks, entry)).collect();
    claim_keys(conn, entries, &mut verdicts).await?;

    let stored: Vec<&Entry> =
        entries.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_none()).map(|(entry, _)| *entry).collect();
    let rows: Vec<(AccountId, CredentialId, &NewEvent)> =
        stored.iter().map(|entry| (entry.sender.account_id, entry.sender.credential_id, &entry.event)).collect();
    let counts = counts(&stored);
    if !rows.is_empty() {
        // Neither needs the other's answer, so they go out together. The commit waits for both: sent along, it could overtake a
        // statement that still has to be prepared.
        let (inserted, counted) =
            tokio::join!(events::insert_all(conn, &rows), event_counts::add_all(conn, writer, &counts));
        inserted?;
        counted?;
    }
    batches::commit(conn).await?;
    let verdict = |(entry, verdict): (&&Entry, Option<Written>)| verdict.unwrap_or(Written::Stored(entry.event.id));
    Ok(entries.iter().zip(verdicts).map(verdict).collect())
}

/// Why an entry may not be stored, as the database says now.
fn refusal(locks: &HashMap<SecretId, Lock>, entry: &Entry) -> Option<Written> {
    let lock = locks.get(&entry.sender.secret_id);
    lock.map_or(Err(Reason::RevokedPassword), |lock| usable(lock, entry.at)).err().map(Written::Refused)
}

/// Claims the keys of the entries that have one, in an order that is the same for every program, so that two of them never wait for
/// each other in a circle. Of two entries with one key the first to arrive claims it.
async fn claim_keys(
    conn: &mut Connection,
    entries: &[&Entry],
    verdicts: &mut [Option<Written>],
) -> Result<(), StoreError> {
    let mut keyed: Vec<usize> =
        (0..entries.len()).filter(|i| verdicts[*i].is_none() && entries[*i].event.idempotency.is_some()).collect();
    keyed.sort_by_key(|i| (entries[*i].sender.credential_id, entries[*i].event.idempotency.as_ref().map(|k| &k.key)));
    for i in keyed {
        let Entry { sender, event, at } = entries[i];
        let Some(key) = &event.idempotency else { continue };
        let claim = idempotency::claim(conn, sender.account_id, sender.credential_id, key, event.id, *at).await?;
        verdicts[i] = match claim {
            Claim::Ours => None,
            Claim::SameBody(first) => Some(Written::Replayed(first)),
            Claim::OtherBody => Some(Written::KeyConflict),
        };
    }
    Ok(())
}

/// What the batch adds to the counts: one row for each credential and half hour.
fn counts(stored: &[&Entry]) -> BTreeMap<(AccountId, CredentialId, Timestamp), Counts> {
    let mut counts: BTreeMap<(AccountId, CredentialId, Timestamp), Counts> = BTreeMap::new();
    for entry in stored {
        let key = (entry.sender.account_id, entry.sender.credential_id, half_hour_of(entry.at));
        let sum = counts.entry(key).or_default();
        sum.accepted += 1;
        sum.bytes += entry.event.body.len() as u64;
    }
    counts
}
