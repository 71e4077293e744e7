//! Holding of late events.
//!
//! Late events on their way into the holding: their sender is refused like any other and hears nothing of it, so they are kept
//! beside the answer, one after another, however many come. What is kept here is a courtesy to the owner and no promise to the
//! sender: where there is no room, the refusal is all there is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::event::NewEvent;
use crate::domain::holding::is_late;
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::ingest::memory_budget::Reservation;
use crate::metrics::Counter;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::credential_secrets::{self, SecretRow};
use crate::store::tables::{credentials, held_events};

/// How much of what has arrived late may be in memory, arriving or waiting, in KiB: a part of the room that all bodies share, so
/// that it can never be taken up by those who are refused.
const MAX_PENDING_KIB: u32 = 8 * 1024;
/// What even the smallest of them takes of it, which bounds how many there are: with its headers it is not much smaller.
const MIN_KIB: u64 = 8;
/// How long one waits for a place.
const MAX_WAIT: Duration = Duration::from_millis(250);

/// Whether what arrives with this password, known to be right, is held: it has expired lately, and nothing else is wrong.
pub(crate) fn holds(row: &SecretRow, now: Timestamp) -> bool {
    let late = row.expires_at.is_some_and(|end| is_late(end, now));
    late && row.holds_late_events && !row.revoked && !row.disabled && row.plan.includes_webhooks()
}

/// Whose late event it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) account_id: AccountId,
    pub(crate) credential_id: CredentialId,
    pub(crate) secret_id: SecretId,
}

impl Owner {
    /// The owner of what comes with a password.
    pub(crate) fn of(row: &SecretRow) -> Self {
        let SecretRow { account_id, credential_id, secret_id, .. } = *row;
        Self { account_id, credential_id, secret_id }
    }
}

/// A place among what is in memory, given back when it is done.
#[derive(Debug)]
pub(crate) struct HoldReservation {
    permit: OwnedSemaphorePermit,
}

impl HoldReservation {
    /// Gives back what is not needed, now that it is known how many bytes there are.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let too_many = self.permit.num_permits().saturating_sub(kib(bytes) as usize);
        drop(self.permit.split(too_many));
    }
}

fn kib(bytes: u64) -> u32 {
    u32::try_from((bytes / 1024 + 1).max(MIN_KIB)).unwrap_or(u32::MAX).min(MAX_PENDING_KIB)
}

/// The way into the holding, of one program.
#[derive(Clone, Debug)]
pub struct Holding {
    store: Store,
    /// The workers that read requests have runtimes of their own, which end before the last late event is written.
    runtime: Handle,
    places: Arc<Semaphore>,
    turn: Arc<Mutex<()>>,
    /// Late events that are in the database, and those for which there was no room or no longer a reason.
    pub(crate) held: Arc<Counter>,
    pub(crate) not_held: Arc<Counter>,
}

impl Holding {
    /// Has to be called on the runtime that writes.
    pub(crate) fn new(store: Store) -> Self {
        let places = Arc::new(Semaphore::new(MAX_PENDING_KIB as usize));
        let runtime = Handle::current();
        Self { store, runtime, places, turn: Arc::default(), held: Arc::default(), not_held: Arc::default() }
    }

    /// A place for a body of so many bytes, if there is one or soon will be.
    pub(crate) async fn reserve(&self, bytes: u64) -> Option<HoldReservation> {
        let waiting = timeout(MAX_WAIT, self.places.clone().acquire_many_owned(kib(bytes)));
        let permit = waiting.await.ok().and_then(Result::ok);
        if permit.is_none() {
            self.not_held.add(1);
        }
        permit.map(|permit| HoldReservation { permit })
    }

    /// A place for a body that is in memory already, if there is one now.
    pub(crate) fn reserve_now(&self, bytes: u64) -> Option<HoldReservation> {
        let permit = self.places.clone().try_acquire_many_owned(kib(bytes)).ok();
        if permit.is_none() {
            self.not_held.add(1);
        }
        permit.map(|permit| HoldReservation { permit })
    }

    /// Keeps the events of a request beside it. Where its password may not be late any more, or is revoked by now, nothing is kept.
    pub(crate) fn keep(&self, owner: Owner, events: Vec<NewEvent>, reservation: Reservation, reserve: HoldReservation) {
        let (store, turn) = (self.store.clone(), self.turn.clone());
        let (held, not_held) = (self.held.clone(), self.not_held.clone());
        self.runtime.spawn(async move {
            // One at a time: late events must not take the connections of everybody else.
            let _turn = turn.lock().await;
            for event in events {
                match write(&store, owner, &event).await {
                    Ok(true) => held.add(1),
                    Ok(false) => not_held.add(1),
                    Err(error) => {
                        tracing::warn!(%error, "a late event could not be held");
                        not_held.add(1);
                    }
                }
            }
            drop((reservation, reserve));
        });
    }

    /// Returns when all that was to be kept has been written.
    pub async fn finish(&self) {
        // Nobody closes it, so this only waits.
        let _ = self.places.acquire_many(MAX_PENDING_KIB).await;
    }
}

/// Asks once more under the lock of the credential, so that nothing is held of what was revoked meanwhile.
async fn write(store: &Store, owner: Owner, event: &NewEvent) -> Result<bool, StoreError> {
    let Owner { account_id, credential_id, secret_id } = owner;
    store
        .transaction_under(&credentials::lock(account_id, credential_id), async |conn| {
            let row = credential_secrets::find_row(conn, secret_id).await?;
            if !row.is_some_and(|row| holds(&row, event.id.received_at())) {
                return Ok(false);
            }
            held_events::insert(conn, (account_id, credential_id, secret_id), event).await
        })
        .await
}
