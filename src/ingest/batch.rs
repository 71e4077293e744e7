//! A batch of events and the verdict on each.
//!
//! What a batch of events comes to, with a verdict for each. Because the check of the passwords is part of the transaction that
//! stores, no instance has a stale window: a request that began after a revocation committed is never stored.

use jiff::Timestamp;

use crate::domain::event::{EventId, NewEvent};
use crate::domain::ids::RequestId;
use crate::domain::rejection::Reason;
use crate::ingest::secret_cache::Verified;
use crate::ingest::usage::Use;
use crate::store::connection::error::StoreError;
use crate::store::tables::batches::{BatchConnection, NotStored};
use crate::store::tables::credential_secrets::SecretRow;
use crate::store::tables::events::Row;

/// An event that wants to be written, and who sent it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sender: Verified,
    pub(crate) event: NewEvent,
    pub(crate) at: Timestamp,
    pub(crate) request_id: RequestId,
}

impl Entry {
    fn row(&self) -> Row<'_> {
        let SecretRow { secret_id, account_id, credential_id, .. } = *self.sender;
        Row { at: self.at, secret_id, account_id, credential_id, event: &self.event }
    }

    /// How it used its password.
    pub(crate) fn to_use(&self) -> Use {
        let NewEvent { remote_ip, user_agent, .. } = &self.event;
        Use { at: self.at, ip: *remote_ip, agent: user_agent.clone(), request_id: self.request_id }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
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
pub(crate) async fn write(conn: &mut BatchConnection, entries: &[&Entry]) -> Result<Vec<Written>, StoreError> {
    let rows: Vec<Row<'_>> = entries.iter().map(|entry| entry.row()).collect();
    let not_stored = conn.store(&rows).await?;
    let verdict = |entry: &&Entry| match not_stored.get(&entry.event.id) {
        None => Written::Stored(entry.event.id),
        Some(NotStored::Refused(reason)) => Written::Refused(*reason),
        Some(NotStored::KnownKey { first, has_same_body: true }) => Written::Replayed(*first),
        Some(NotStored::KnownKey { .. }) => Written::KeyConflict,
    };
    Ok(entries.iter().map(verdict).collect())
}
