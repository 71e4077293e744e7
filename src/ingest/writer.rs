//! Puts events on disk. One transaction checks that the password may still be used, claims the idempotency key, inserts,
//! and counts; its commit is what a 200 means. Because the check is part of it, no instance has a stale window: a request that
//! began after a revocation committed is never stored.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::{EventId, NewEvent};
use crate::domain::rejection::Reason;
use crate::ingest::verifier::{Verified, usable};
use crate::store::error::StoreError;
use crate::store::event_counts::{self, Counts};
use crate::store::idempotency::{self, Claim};
use crate::store::pool::Store;
use crate::store::{credential_secrets, events, partitions};

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

/// The writer of one program. `id` tells its counts from those of other programs.
#[derive(Clone, Debug)]
pub struct Writer {
    store: Store,
    id: Uuid,
}

impl Writer {
    pub fn new(store: Store, id: Uuid) -> Self {
        Self { store, id }
    }

    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Returns when the event is on disk, or is not going to be.
    pub async fn write(&self, sender: &Verified, event: &NewEvent, now: Timestamp) -> Result<Written, StoreError> {
        match self.write_once(sender, event, now).await {
            // Upkeep makes partitions weeks ahead; a clock that jumped still must not lose an event.
            Err(error) if error.is_missing_partition() => {
                partitions::make_ahead(&self.store, now).await?;
                self.write_once(sender, event, now).await
            }
            outcome => outcome,
        }
    }

    async fn write_once(&self, sender: &Verified, event: &NewEvent, now: Timestamp) -> Result<Written, StoreError> {
        let (account, credential) = (sender.account_id, sender.credential_id);
        self.store
            .transaction(async |conn| {
                let lock = credential_secrets::find_lock_by_id(conn, sender.secret_id).await?;
                let usable = lock.map_or(Err(Reason::RevokedPassword), |lock| usable(&lock, now));
                if let Err(reason) = usable {
                    return Ok(Written::Refused(reason));
                }
                if let Some(key) = &event.idempotency {
                    match idempotency::claim(conn, account, credential, key, event.id, now).await? {
                        Claim::Ours => {}
                        Claim::SameBody(first) => return Ok(Written::Replayed(first)),
                        Claim::OtherBody => return Ok(Written::KeyConflict),
                    }
                }
                events::insert(conn, account, credential, event).await?;
                let counts = Counts { accepted: 1, rejected: 0, bytes: event.body.len() as u64 };
                event_counts::add(conn, account, credential, self.id, now, counts).await?;
                Ok(Written::Stored(event.id))
            })
            .await
    }
}
