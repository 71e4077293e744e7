//! Tells open dashboards that something of theirs has arrived: those of this program, and through the database those of others.
//! A hint and no more: who hears it reads the database. Hints of one account are gathered, so that a flood rings ten times a
//! second and not a thousand times.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::domain::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::notifications::{self, Subscription};
use crate::store::pool::Store;

/// Between two hints of the same account.
const GATHER: Duration = Duration::from_millis(100);
/// Between two attempts to hear what other programs say.
const PAUSE: Duration = Duration::from_secs(1);

/// The bell of one program.
#[derive(Clone, Debug)]
pub struct Wake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Tells this program from the others.
    id: Uuid,
    /// Those who listen, by account: a flood of one account wakes nobody else.
    bells: Mutex<HashMap<AccountId, watch::Sender<()>>>,
    pending: Mutex<HashSet<AccountId>>,
    something: Notify,
}

impl Default for Wake {
    fn default() -> Self {
        let (bells, pending) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { id: Uuid::new_v4(), bells, pending, something: Notify::new() }))
    }
}

impl Wake {
    /// Something of an account has arrived.
    pub fn ring(&self, account: AccountId) {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(account);
        self.0.something.notify_one();
    }

    /// Lets everybody look: when the program is about to end, and live pages should go to another.
    pub fn ring_everybody(&self) {
        for bell in self.bells().values() {
            bell.send_replace(());
        }
    }

    pub fn listen(&self, account: AccountId) -> Listener {
        let receiver = self.bells().entry(account).or_default().subscribe();
        Listener { wake: self.clone(), account, receiver }
    }

    /// Rings for what has arrived here: the first time at once, then after a while for all that came meanwhile. Runs until `ended`.
    pub async fn tell(&self, store: &Store, ended: impl Future<Output = ()>) {
        let telling = async {
            // Of whom other programs could not be told yet.
            let mut untold = HashSet::new();
            loop {
                if untold.is_empty() {
                    self.0.something.notified().await;
                }
                let accounts = std::mem::take(&mut *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner));
                for account in &accounts {
                    self.ring_here(*account);
                }
                untold.extend(accounts);
                let pause = match self.tell_others(store, &untold.iter().copied().collect::<Vec<_>>()).await {
                    Ok(()) => {
                        untold.clear();
                        GATHER
                    }
                    Err(error) => {
                        tracing::debug!(%error, "other programs were not told of new events; trying again");
                        PAUSE
                    }
                };
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = telling => {}
            () = ended => {}
        }
    }

    /// Rings for what other programs say has arrived there. Runs until `ended`.
    pub async fn hear(&self, store: &Store, ended: impl Future<Output = ()>) {
        let hearing = async {
            loop {
                let Err(error) = self.hear_until_an_error(store).await;
                tracing::debug!(%error, "not hearing of what other programs receive; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = hearing => {}
            () = ended => {}
        }
    }

    async fn hear_until_an_error(&self, store: &Store) -> Result<std::convert::Infallible, StoreError> {
        let mut subscription = Subscription::open(store).await?;
        // Whatever was said before, nobody here has heard.
        self.ring_everybody();
        loop {
            let (sender, account) = subscription.next().await?;
            if sender != self.0.id {
                self.ring_here(account);
            }
        }
    }

    async fn tell_others(&self, store: &Store, accounts: &[AccountId]) -> Result<(), StoreError> {
        notifications::send(&mut *store.connection().await?, self.0.id, accounts).await
    }

    /// Rings for those who listen in this program.
    pub fn ring_here(&self, account: AccountId) {
        if let Some(bell) = self.bells().get(&account) {
            bell.send_replace(());
        }
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<AccountId, watch::Sender<()>>> {
        self.0.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An ear for one account.
#[derive(Debug)]
pub struct Listener {
    wake: Wake,
    account: AccountId,
    receiver: watch::Receiver<()>,
}

impl Listener {
    /// Returns when something of the account may have arrived since the last time; never, once the program ends.
    pub async fn heard(&mut self) {
        if self.receiver.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut bells = self.wake.bells();
        if bells.get(&self.account).is_some_and(|bell| bell.receiver_count() <= 1) {
            bells.remove(&self.account);
        }
    }
}
