//! Holding of late events.
//!
//! Late events on their way into the holding: their sender is refused like any other and hears nothing of it, so they are kept
//! beside the answer, one after another, however many come. What is kept here is a courtesy to the owner and no promise to the
//! sender: where there is no room, the refusal is all there is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::domain::event::NewEvent;
use crate::domain::holding::is_late;
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::fair_queue::{FairQueue, Limits};
use crate::ingest::memory_budget::{MemoryBudget, Reservation};
use crate::metrics::Counter;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::credential_secrets::{self, SecretRow};
use crate::store::tables::{credentials, held_events};

/// How much of what has arrived late may be in memory, arriving or waiting, in bytes: a part of what all bodies share, so that it can
/// never be taken up by those who are refused; and in shares of accounts, as that is.
const MAX_PENDING_BYTES: usize = 8 * 1024 * 1024;
/// What even the smallest of them takes of it, which bounds how many there are: with its headers it is not much smaller. And what the
/// largest takes, which an account may have while nobody else has any.
const MIN_BYTES: u64 = 8 * 1024;
const MAX_BYTES: u64 = MAX_PENDING_BYTES as u64 / 2;
/// How long one waits for it.
const MAX_WAIT: Duration = Duration::from_millis(250);
/// Events that are written at once, an account after the other: they must not take the connections of everybody else.
const WRITES: Limits = Limits { permits: 1, per_key: 1, waiting_per_key: usize::MAX };

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
    /// When its refusal is listed, for the first event of a request alone: accepted, that is listed no more.
    pub(crate) rejected_at: Option<Timestamp>,
}

impl Owner {
    /// The owner of what comes with a password.
    pub(crate) fn of(row: &SecretRow, rejected_at: Option<Timestamp>) -> Self {
        let SecretRow { account_id, credential_id, secret_id, .. } = *row;
        Self { account_id, credential_id, secret_id, rejected_at }
    }
}

/// What a late request takes of the memory, given back when it is done.
#[derive(Debug)]
pub(crate) struct HoldReservation {
    reservation: Reservation,
    /// Dropped last.
    _freed: Freed,
}

impl HoldReservation {
    /// Gives back what is not needed, now that it is known how many bytes there are.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        self.reservation.shrink_to(counted(bytes));
    }
}

/// Notifies whoever waits for memory that there may be some.
#[derive(Debug)]
struct Freed(Arc<Notify>);

impl Drop for Freed {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

fn counted(bytes: u64) -> usize {
    bytes.clamp(MIN_BYTES, MAX_BYTES) as usize
}

/// The way into the holding, of one program.
#[derive(Clone, Debug)]
pub struct Holding {
    store: Store,
    /// The workers that read requests have runtimes of their own, which end before the last late event is written.
    runtime: Handle,
    budget: MemoryBudget,
    freed: Arc<Notify>,
    writes: FairQueue<AccountId>,
    /// Late events that are in the database, and those for which there was no room or no longer a reason.
    pub(crate) held: Arc<Counter>,
    pub(crate) not_held: Arc<Counter>,
}

impl Holding {
    /// Has to be called on the runtime that writes.
    pub(crate) fn new(store: Store) -> Self {
        let budget = MemoryBudget::of_bytes("late events", MAX_PENDING_BYTES);
        let (runtime, writes) = (Handle::current(), FairQueue::new(WRITES));
        Self { store, runtime, budget, freed: Arc::default(), writes, held: Arc::default(), not_held: Arc::default() }
    }

    /// Memory for a body of so many bytes, if its account may have it or soon may.
    pub(crate) async fn reserve(&self, account: AccountId, bytes: u64) -> Option<HoldReservation> {
        let waiting = timeout(MAX_WAIT, async {
            loop {
                let freed = self.freed.notified();
                match self.take(account, bytes) {
                    Some(reservation) => return reservation,
                    None => freed.await,
                }
            }
        });
        let reservation = waiting.await.ok();
        if reservation.is_none() {
            self.not_held.add(1);
        }
        reservation
    }

    /// Memory for a body that is there already, if its account may have it now.
    pub(crate) fn reserve_now(&self, account: AccountId, bytes: u64) -> Option<HoldReservation> {
        let reservation = self.take(account, bytes);
        if reservation.is_none() {
            self.not_held.add(1);
        }
        reservation
    }

    fn take(&self, account: AccountId, bytes: u64) -> Option<HoldReservation> {
        let mut reservation = self.budget.open(account)?;
        let has_all = reservation.take_bytes(counted(bytes));
        has_all.then(|| HoldReservation { reservation, _freed: Freed(self.freed.clone()) })
    }

    /// Keeps the events of a request beside it. Where its password may not be late any more, or is revoked by now, nothing is kept.
    pub(crate) fn keep(
        &self,
        mut owner: Owner,
        events: Vec<NewEvent>,
        reservation: Reservation,
        reserve: HoldReservation,
    ) {
        let holding = self.clone();
        self.runtime.spawn(async move {
            for event in events {
                if holding.keep_one(owner, &event).await {
                    owner.rejected_at = None;
                }
            }
            drop((reservation, reserve));
        });
    }

    async fn keep_one(&self, owner: Owner, event: &NewEvent) -> bool {
        let _permit = self.writes.acquire(owner.account_id).await;
        let held = write(&self.store, owner, event).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a late event could not be held");
            false
        });
        if held {
            self.held.add(1)
        } else {
            self.not_held.add(1)
        }
        held
    }

    /// Returns when all that was to be kept has been written.
    pub async fn finish(&self) {
        loop {
            let freed = self.freed.notified();
            if self.budget.bytes() == 0 {
                return;
            }
            freed.await;
        }
    }
}

/// Asks once more under the lock of the credential, so that nothing is held of what was revoked meanwhile.
async fn write(store: &Store, owner: Owner, event: &NewEvent) -> Result<bool, StoreError> {
    let Owner { account_id, credential_id, secret_id, rejected_at } = owner;
    store
        .transaction_under(&credentials::lock(account_id, credential_id), async |conn| {
            let row = credential_secrets::find_row(conn, secret_id).await?;
            if !row.is_some_and(|row| holds(&row, event.id.received_at())) {
                return Ok(false);
            }
            held_events::insert(conn, (account_id, credential_id, secret_id), event, rejected_at).await
        })
        .await
}
