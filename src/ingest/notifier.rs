//! Notifications of new events within the program and between instances (LISTEN/NOTIFY), debounced.
//!
//! Tells open dashboards that something of theirs has arrived: those of this program, and through the database those of others.
//! A hint and no more: who hears it reads the database. Hints of one account are gathered, so that a flood is told ten times a
//! second and not a thousand times.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::notifications::{self, Subscription};
use crate::store::connection::pool::Store;

/// Between two hints of the same account.
const GATHER: Duration = Duration::from_millis(100);
/// Between two attempts to hear what other programs say.
const PAUSE: Duration = Duration::from_secs(1);

/// The notifier of one program.
#[derive(Clone, Debug)]
pub(crate) struct Notifier(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Tells this program from the others.
    id: Uuid,
    /// Those who listen, by account: a flood of one account notifies nobody else.
    channels: Mutex<HashMap<AccountId, watch::Sender<()>>>,
    pending: Mutex<HashSet<AccountId>>,
    something: Notify,
}

impl Default for Notifier {
    fn default() -> Self {
        let (channels, pending) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { id: Uuid::new_v4(), channels, pending, something: Notify::new() }))
    }
}

impl Notifier {
    /// Something of an account has arrived.
    pub(crate) fn notify(&self, account: AccountId) {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(account);
        self.0.something.notify_one();
    }

    /// Lets everybody look: when the program is about to end, and live pages should go to another.
    pub(crate) fn notify_all(&self) {
        for channel in self.channels().values() {
            channel.send_replace(());
        }
    }

    pub(crate) fn listen(&self, account: AccountId) -> Listener {
        let receiver = self.channels().entry(account).or_default().subscribe();
        Listener { notifier: self.clone(), account, receiver }
    }

    /// Rings for what has arrived here: the first time at once, then after a while for all that came meanwhile. Runs until `ended`.
    pub(crate) async fn publish(&self, store: &Store, ended: impl Future<Output = ()>) {
        let telling = async {
            // Of whom other programs could not be told yet.
            let mut untold = HashSet::new();
            loop {
                if untold.is_empty() {
                    self.0.something.notified().await;
                }
                let accounts = std::mem::take(&mut *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner));
                for account in &accounts {
                    self.notify_local(*account);
                }
                untold.extend(accounts);
                let pause = match self.publish_to_instances(store, &untold.iter().copied().collect::<Vec<_>>()).await {
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
    pub(crate) async fn listen_to_instances(&self, store: &Store, ended: impl Future<Output = ()>) {
        let hearing = async {
            loop {
                let Err(error) = self.listen_until_error(store).await;
                tracing::debug!(%error, "not hearing of what other programs receive; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = hearing => {}
            () = ended => {}
        }
    }

    async fn listen_until_error(&self, store: &Store) -> Result<std::convert::Infallible, StoreError> {
        let mut subscription = Subscription::open(store).await?;
        // Whatever was said before, nobody here has heard.
        self.notify_all();
        loop {
            let (sender, account) = subscription.next().await?;
            if sender != self.0.id {
                self.notify_local(account);
            }
        }
    }

    async fn publish_to_instances(&self, store: &Store, accounts: &[AccountId]) -> Result<(), StoreError> {
        notifications::send(&mut *store.connection().await?, self.0.id, accounts).await
    }

    /// Rings for those who listen in this program.
    pub(crate) fn notify_local(&self, account: AccountId) {
        if let Some(channel) = self.channels().get(&account) {
            channel.send_replace(());
        }
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<AccountId, watch::Sender<()>>> {
        self.0.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener for one account.
#[derive(Debug)]
pub(crate) struct Listener {
    notifier: Notifier,
    account: AccountId,
    receiver: watch::Receiver<()>,
}

impl Listener {
    /// Returns when something of the account may have arrived since the last time; never, once the program ends.
    pub(crate) async fn notified_of_change(&mut self) {
        if self.receiver.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut channels = self.notifier.channels();
        if channels.get(&self.account).is_some_and(|channel| channel.receiver_count() <= 1) {
            channels.remove(&self.account);
        }
    }
}
