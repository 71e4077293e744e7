//! What is noted beside the events: when a password was last used, and which requests were refused. Gathered in memory and
//! written at most once a second, so a flood is a few rows; it never delays a request and never fails one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::domain::credential::Username;
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::rejection::{NewRejection, Reason};
use crate::ingest::wake::Wake;
use crate::random;
use crate::store::error::StoreError;
use crate::store::event_counts::{self, Counts};
use crate::store::pool::{Pooled, Store};
use crate::store::{credential_secrets, credentials, rejections};

/// Between two writes.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many different things are remembered between two writes; beyond that, new ones are not noted.
const MAX_PENDING: usize = 10_000;

/// Whose request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    Known(AccountId, CredentialId),
    /// By a username that was not looked up on the way; it is looked up here, once for all its requests.
    Named(Username),
}

/// The last use of a password.
#[derive(Debug)]
struct Use {
    at: Timestamp,
    ip: IpAddr,
    agent: Option<String>,
}

#[derive(Debug, Default)]
struct Pending {
    uses: HashMap<SecretId, Use>,
    rejections: HashMap<(Whose, Reason), NewRejection>,
}

/// The notes of one program.
#[derive(Clone, Debug)]
pub struct Usage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    wake: Wake,
    writer: Uuid,
    pending: Mutex<Pending>,
    something: Notify,
}

impl Usage {
    pub fn new(store: Store, wake: Wake) -> Self {
        let pending = Mutex::new(Pending::default());
        Self(Arc::new(Inner { store, wake, writer: Uuid::new_v4(), pending, something: Notify::new() }))
    }

    /// What tells the counts of this program, those of its writers aside, from those of others.
    pub fn writer(&self) -> Uuid {
        self.0.writer
    }

    /// A password was used.
    pub fn note_use(&self, secret: SecretId, at: Timestamp, ip: IpAddr, agent: Option<&str>) {
        self.with_pending(|pending| {
            if pending.uses.len() < MAX_PENDING || pending.uses.contains_key(&secret) {
                pending.uses.insert(secret, Use { at, ip, agent: agent.map(str::to_owned) });
            }
        });
    }

    /// A request was refused. Repeats within a second are counted into one.
    pub fn note_rejection(&self, whose: Whose, rejection: NewRejection) {
        self.with_pending(|pending| {
            let full = pending.rejections.len() >= MAX_PENDING;
            match pending.rejections.entry((whose, rejection.reason)) {
                std::collections::hash_map::Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    known.count = known.count.saturating_add(rejection.count);
                }
                std::collections::hash_map::Entry::Vacant(place) if !full => {
                    place.insert(rejection);
                }
                std::collections::hash_map::Entry::Vacant(_) => {}
            }
        });
    }

    /// Writes what there is, then waits for more; the first note after a pause is written at once. Runs until `ended`.
    pub async fn run(&self, ended: impl Future<Output = ()>) {
        let mut ended = std::pin::pin!(ended);
        loop {
            tokio::select! {
                () = self.0.something.notified() => {}
                () = &mut ended => break,
            }
            self.flush().await;
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = &mut ended => break,
            }
        }
        self.flush().await;
    }

    fn with_pending(&self, note: impl FnOnce(&mut Pending)) {
        note(&mut self.0.pending.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.something.notify_one();
    }

    async fn flush(&self) {
        let pending = std::mem::take(&mut *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.uses.is_empty() && pending.rejections.is_empty() {
            return;
        }
        let lost = (pending.uses.len(), pending.rejections.len());
        if let Err(error) = self.write(pending).await {
            tracing::warn!(%error, uses = lost.0, rejections = lost.1, "notes of uses and rejections were lost");
        }
    }

    async fn write(&self, pending: Pending) -> Result<(), StoreError> {
        let mut conn = self.0.store.connection().await?;
        for (secret, last) in pending.uses {
            credential_secrets::note_use(&mut conn, secret, last.at, last.ip, last.agent.as_deref()).await?;
        }
        for ((whose, _), rejection) in pending.rejections {
            self.write_rejection(&mut conn, whose, rejection).await?;
        }
        Ok(())
    }

    async fn write_rejection(
        &self,
        conn: &mut Pooled,
        whose: Whose,
        mut rejection: NewRejection,
    ) -> Result<(), StoreError> {
        let (account, credential) = match whose {
            Whose::Known(account, credential) => (account, credential),
            Whose::Named(username) => match credentials::find_owner(conn, &username).await? {
                Some(owner) => owner,
                None => return Ok(()),
            },
        };
        rejection.credential_id = credential;
        let counts = Counts { accepted: 0, rejected: u64::from(rejection.count), bytes: 0 };
        rejections::insert(conn, account, random::uuid_at(rejection.at), &rejection).await?;
        event_counts::add(conn, account, credential, self.0.writer, rejection.at, counts).await?;
        self.0.wake.ring(account);
        Ok(())
    }
}
