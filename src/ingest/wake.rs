//! Tells open dashboards that something of theirs has arrived: those of this program, and through the database those of others.
//! A hint and no more: who hears it reads the database. Hints of one account are gathered, so that a flood rings ten times a
//! second and not a thousand times.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use crate::domain::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::notifications::{self, Subscription};
use crate::store::pool::Store;

/// How many hints a slow listener may fall behind; one that loses some reads anyway.
const CAPACITY: usize = 256;
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
    /// `None` means everybody.
    bell: broadcast::Sender<Option<AccountId>>,
    pending: Mutex<HashSet<AccountId>>,
    something: Notify,
}

impl Default for Wake {
    fn default() -> Self {
        let (bell, id) = (broadcast::Sender::new(CAPACITY), Uuid::new_v4());
        Self(Arc::new(Inner { id, bell, pending: Mutex::default(), something: Notify::new() }))
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
        // Nobody listening is the usual case.
        let _ = self.0.bell.send(None);
    }

    pub fn listen(&self, account: AccountId) -> Listener {
        Listener { account, receiver: self.0.bell.subscribe() }
    }

    /// Rings for what has arrived here: the first time at once, then after a while for all that came meanwhile. Runs until `ended`.
    pub async fn tell(&self, store: &Store, ended: impl Future<Output = ()>) {
        let telling = async {
            loop {
                self.0.something.notified().await;
                let accounts: Vec<AccountId> =
                    std::mem::take(&mut *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner))
                        .into_iter()
                        .collect();
                for account in &accounts {
                    self.ring_here(*account);
                }
                if let Err(error) = self.tell_others(store, &accounts).await {
                    tracing::debug!(%error, "other programs were not told of new events; they will find them");
                }
                tokio::time::sleep(GATHER).await;
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

    fn ring_here(&self, account: AccountId) {
        let _ = self.0.bell.send(Some(account));
    }
}

/// One dashboard's ear.
#[derive(Debug)]
pub struct Listener {
    account: AccountId,
    receiver: broadcast::Receiver<Option<AccountId>>,
}

impl Listener {
    /// Returns when something of the account may have arrived; never, once the program ends.
    pub async fn heard(&mut self) {
        loop {
            match self.receiver.recv().await {
                Ok(Some(account)) if account != self.account => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
