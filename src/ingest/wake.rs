//! Tells open dashboards that something of theirs has arrived. A hint and no more: who hears it reads the database.

use tokio::sync::broadcast;

use crate::domain::ids::AccountId;

/// How many hints a slow listener may fall behind; one that loses some reads anyway.
const CAPACITY: usize = 256;

/// The bell of one program.
#[derive(Clone, Debug)]
pub struct Wake(broadcast::Sender<AccountId>);

impl Default for Wake {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Wake {
    pub fn ring(&self, account: AccountId) {
        // Nobody listening is the usual case.
        let _ = self.0.send(account);
    }

    pub fn listen(&self, account: AccountId) -> Listener {
        Listener { account, receiver: self.0.subscribe() }
    }
}

/// One dashboard's ear.
#[derive(Debug)]
pub struct Listener {
    account: AccountId,
    receiver: broadcast::Receiver<AccountId>,
}

impl Listener {
    /// Returns when something of the account may have arrived; never, once the program ends.
    pub async fn heard(&mut self) {
        loop {
            match self.receiver.recv().await {
                Ok(account) if account == self.account => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
