//! Last-used times and rejections, coalesced in memory and flushed to the database.
//!
//! What is noted beside the events: when a password was last used, and which requests were refused. Gathered in memory and
//! written at most once a second, so a flood is a few rows; it never delays a request and never fails one. The first use of a
//! password, and the use of a revoked one, also go into the audit log.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::Username;
use crate::domain::ids::{AccountId, CredentialId, RequestId, SecretId};
use crate::domain::rejection::{NewRejection, Reason};
use crate::domain::token_address;
use crate::ingest::notifier::Notifier;
use crate::random;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Pooled, Store};
use crate::store::tables::event_counts::{self, Counts};
use crate::store::tables::{audit, credential_uses, credentials, rejections, senders};

/// Between two writes.
const INTERVAL: Duration = Duration::from_secs(1);
/// Between two lines of the audit log on one revoked password. More would be a way to flood a log from which nothing is ever
/// removed; fewer would hide that a leaked password is tried again after it was dealt with. The rejections have the rest.
const TELL_USE_AFTER_REVOKE_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How many different things are remembered between two writes; beyond that, new ones are not noted.
const MAX_PENDING: usize = 10_000;
/// The same of the rejections of one account.
const MAX_PENDING_OF_ACCOUNT: usize = 1_000;

/// Of how many credentials and reasons an account has rejections that are listed, of those of one write. The others are counted.
const MAX_LISTED: usize = 20;

/// How many addresses of senders are written at once; those of a sender that changes them all the time wait for the next write.
const MAX_SENDERS: usize = 200;
/// An address is not written more often than this.
const SENDER_RESOLUTION: SignedDuration = SignedDuration::from_secs(60);

/// Whose request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Known(AccountId, CredentialId),
    /// By a username that was not looked up on the way; it is looked up here, once for all its requests.
    Named(Username),
}

/// One use of a password.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) at: Timestamp,
    pub(crate) ip: IpAddr,
    pub(crate) agent: Option<String>,
    pub(crate) request_id: RequestId,
}

/// The first and the last use of a password since the last write. The first one counts if it is the first of all.
#[derive(Debug)]
struct Uses {
    first: Use,
    last: Use,
}

/// A revoked password: its credential and its hint.
type Revoked = (CredentialId, String);

#[derive(Debug, Default)]
struct Pending {
    uses: HashMap<SecretId, Uses>,
    uses_after_revoke: HashMap<Revoked, Use>,
    rejections: HashMap<(Subject, Reason), NewRejection>,
    /// How many of these each account has.
    rejections_of: HashMap<AccountId, usize>,
    senders: HashMap<Sender, Timestamp>,
}

/// An address that a credential was used from.
type Sender = (AccountId, CredentialId, IpAddr);

/// What a write has left for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    Senders,
}

impl Pending {
    /// Takes away the senders that are too many for one write.
    fn take_excess_senders(&mut self) -> Vec<(Sender, Timestamp)> {
        let mut place = 0;
        let is_excess = |_: &Sender, _: &mut Timestamp| {
            place += 1;
            place > MAX_SENDERS
        };
        self.senders.extract_if(is_excess).collect()
    }

    /// What was noted meanwhile is newer.
    fn put_back(&mut self, sender: Sender, at: Timestamp) {
        self.senders.entry(sender).or_insert(at);
    }

    /// One account leaves room for the notes of others. Answers with the moment that it is listed at: of the first of its repeats.
    fn note_rejection(&mut self, subject: Subject, rejection: NewRejection) -> Timestamp {
        let at = rejection.at;
        let account = match &subject {
            Subject::Known(account, _) => Some(*account),
            Subject::Named(_) => None,
        };
        let of_account = account.map_or(0, |account| self.rejections_of.get(&account).copied().unwrap_or(0));
        let full = self.rejections.len() >= MAX_PENDING || of_account >= MAX_PENDING_OF_ACCOUNT;
        match self.rejections.entry((subject, rejection.reason)) {
            Entry::Occupied(mut known) => {
                known.get_mut().add(rejection);
                return known.get().at;
            }
            Entry::Vacant(place) if !full => {
                place.insert(rejection);
                if let Some(account) = account {
                    *self.rejections_of.entry(account).or_default() += 1;
                }
            }
            Entry::Vacant(_) => {}
        }
        at
    }

    /// Apart from the rejections, of which repeats with another password of the same credential are rolled into one.
    fn note_use_after_revoke(&mut self, rejection: &NewRejection, request_id: RequestId) {
        let NewRejection { credential_id, at, reason, hint, remote_ip, user_agent, .. } = rejection;
        let (Reason::RevokedPassword, Some(hint)) = (reason, hint) else { return };
        if self.uses_after_revoke.len() < MAX_PENDING {
            let once = || Use { at: *at, ip: *remote_ip, agent: user_agent.clone(), request_id };
            self.uses_after_revoke.entry((*credential_id, hint.clone())).or_insert_with(once);
        }
    }
}

/// The notes of one program.
#[derive(Clone, Debug)]
pub(crate) struct Usage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    notifier: Notifier,
    writer: Uuid,
    pending: Mutex<Pending>,
    /// Held by whoever writes, so that who has waited for it finds everything written that was noted before.
    writing: tokio::sync::Mutex<()>,
    something: Notify,
    /// When the addresses that are in use were written last.
    senders: Cache<Sender, Timestamp>,
}

impl Usage {
    pub(crate) fn new(store: Store, notifier: Notifier) -> Self {
        let pending = Mutex::new(Pending::default());
        let senders = Cache::new(MAX_PENDING);
        let (writer, writing, something) = (Uuid::new_v4(), tokio::sync::Mutex::default(), Notify::new());
        Self(Arc::new(Inner { store, notifier, writer, pending, writing, something, senders }))
    }

    /// What tells the counts of this program, those of its writers aside, from those of others.
    pub(crate) fn writer(&self) -> Uuid {
        self.0.writer
    }

    /// A password was used, once or several times at once.
    pub(crate) fn note_uses(&self, secret: SecretId, first: Use, last: Use) {
        self.with_pending(|pending| {
            let full = pending.uses.len() >= MAX_PENDING;
            match pending.uses.entry(secret) {
                Entry::Occupied(mut known) => known.get_mut().last = last,
                Entry::Vacant(place) if !full => {
                    place.insert(Uses { first, last });
                }
                Entry::Vacant(_) => {}
            }
        });
    }

    /// Something was accepted from an address.
    pub(crate) fn note_sender(&self, account: AccountId, credential: CredentialId, ip: IpAddr, at: Timestamp) {
        let sender = (account, credential, ip);
        if self.0.senders.get(&sender).is_some_and(|written| at.duration_since(written) < SENDER_RESOLUTION) {
            return;
        }
        self.with_pending(|pending| {
            if pending.senders.len() < MAX_PENDING {
                pending.senders.insert(sender, at);
            }
        });
    }

    /// A request was refused. Repeats within a second are counted into one, whose moment is the answer.
    pub(crate) fn note_rejection(&self, subject: Subject, rejection: NewRejection, request_id: RequestId) -> Timestamp {
        self.with_pending(|pending| {
            pending.note_use_after_revoke(&rejection, request_id);
            pending.note_rejection(subject, rejection)
        })
    }

    /// The moment that the refusal of a late event will be listed at, which is about to be noted.
    pub(crate) fn late_at(&self, account: AccountId, credential: CredentialId, at: Timestamp) -> Timestamp {
        let subject = Subject::Known(account, credential);
        let pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.rejections.get(&(subject, Reason::ExpiredPassword)).map_or(at, |noted| noted.at)
    }

    /// Writes what there is, then waits for more; the first note after a pause is written at once. Runs until `ended`.
    pub(crate) async fn run(&self, ended: impl Future<Output = ()>) {
        let mut ended = std::pin::pin!(ended);
        loop {
            tokio::select! {
                () = self.0.something.notified() => {}
                () = &mut ended => break,
            }
            let _ = self.flush().await;
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = &mut ended => break,
            }
        }
        while matches!(self.flush().await, Ok(Left::Senders)) {}
    }

    fn with_pending<T>(&self, note: impl FnOnce(&mut Pending) -> T) -> T {
        let noted = note(&mut self.0.pending.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.something.notify_one();
        noted
    }

    /// Writes what was noted until now, for who decides by it. Other programs over the same database write within [`INTERVAL`].
    pub(crate) async fn flush(&self) -> Result<Left, StoreError> {
        let _writing = self.0.writing.lock().await;
        let mut pending = std::mem::take(&mut *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.uses.is_empty() && pending.rejections.is_empty() && pending.senders.is_empty() {
            return Ok(Left::Nothing);
        }
        let left = match pending.take_excess_senders() {
            excess if excess.is_empty() => Left::Nothing,
            excess => {
                self.with_pending(|pending| excess.into_iter().for_each(|(sender, at)| pending.put_back(sender, at)));
                Left::Senders
            }
        };
        let lost = (pending.uses.len(), pending.rejections.len(), pending.senders.len());
        self.write(pending).await.inspect_err(|error| {
            let (uses, rejections, senders) = lost;
            tracing::warn!(%error, uses, rejections, senders, "notes of uses, rejections and senders were lost");
        })?;
        Ok(left)
    }

    async fn write(&self, pending: Pending) -> Result<(), StoreError> {
        let mut perhaps_first = Vec::new();
        {
            let mut conn = self.0.store.connection().await?;
            for (secret, uses) in pending.uses {
                let Use { at, ip, agent, .. } = &uses.last;
                // Nearly every use is a later one, which takes this statement alone.
                if !credential_uses::note_use(&mut conn, secret, *at, *ip, agent.as_deref()).await? {
                    perhaps_first.push((secret, uses));
                }
            }
            let mut listed: HashMap<AccountId, usize> = HashMap::new();
            for ((subject, _), rejection) in pending.rejections {
                self.write_rejection(&mut conn, subject, rejection, &mut listed).await?;
            }
        }
        if !pending.senders.is_empty() {
            let mut conn = self.0.store.connection().await?;
            senders::note(&mut conn, &pending.senders).await?;
            for (sender, at) in pending.senders {
                self.0.senders.insert(sender, at);
            }
        }
        // These are transactions, and nobody should wait for a second connection while holding one.
        for (secret, Uses { first, last }) in perhaps_first {
            if self.write_first_use(secret, &first).await? && last.request_id != first.request_id {
                let mut conn = self.0.store.connection().await?;
                credential_uses::note_use(&mut conn, secret, last.at, last.ip, last.agent.as_deref()).await?;
            }
        }
        for (password, once) in pending.uses_after_revoke {
            self.write_use_after_revoke(&password, &once).await?;
        }
        Ok(())
    }

    /// Notes a use and writes it down, if it is the first of its password. One transaction, which the database gives to one
    /// program: so there is one line, and none is lost to a crash between the two.
    async fn write_first_use(&self, secret: SecretId, first: &Use) -> Result<bool, StoreError> {
        let noting = async |conn: &mut Connection| {
            let agent = first.agent.as_deref();
            let noted = credential_uses::note_first_use(conn, secret, first.at, first.ip, agent).await?;
            let Some((credential, hint)) = noted else { return Ok(false) };
            append(conn, credential, FIRST_USE, &hint, first).await?;
            Ok(true)
        };
        self.0.store.transaction_without_standby(noting).await
    }

    /// Writes down that a revoked password is still in use, if that was not written for a day.
    async fn write_use_after_revoke(&self, (credential, hint): &Revoked, once: &Use) -> Result<(), StoreError> {
        let day_before = once.at.saturating_sub(TELL_USE_AFTER_REVOKE_EVERY).unwrap_or(once.at);
        let noting = async |conn: &mut Connection| {
            if credential_uses::note_use_after_revoke(conn, *credential, hint, once.at, day_before).await? {
                append(conn, *credential, USE_AFTER_REVOKE, hint, once).await?;
            }
            Ok(())
        };
        self.0.store.transaction_without_standby(noting).await
    }

    async fn write_rejection(
        &self,
        conn: &mut Pooled,
        subject: Subject,
        mut rejection: NewRejection,
        listed: &mut HashMap<AccountId, usize>,
    ) -> Result<(), StoreError> {
        let (account, credential) = match subject {
            Subject::Known(account, credential) => (account, credential),
            Subject::Named(username) => match credentials::find_owner(conn, &username).await? {
                Some(owner) => owner,
                None => return Ok(()),
            },
        };
        rejection.credential_id = credential;
        let counts = Counts { accepted: 0, rejected: u64::from(rejection.count), bytes: 0 };
        let listed = listed.entry(account).or_default();
        *listed += 1;
        if *listed <= MAX_LISTED {
            rejections::insert(conn, account, random::uuid_at(rejection.at), &rejection).await?;
        }
        event_counts::add(conn, (account, credential), self.0.writer, rejection.at, (counts, 0)).await?;
        self.0.notifier.notify(account);
        Ok(())
    }
}

/// What is written of a password, and of a token address.
type Actions = [Action; 2];
const FIRST_USE: Actions = [Action::PasswordFirstUsed, Action::TokenAddressFirstUsed];
const USE_AFTER_REVOKE: Actions = [Action::PasswordUsedAfterRevoke, Action::TokenAddressUsedAfterRevoke];

/// A line of the audit log on what a sender did with a password or a token address.
async fn append(
    conn: &mut Connection,
    credential: CredentialId,
    actions: Actions,
    hint: &str,
    once: &Use,
) -> Result<(), StoreError> {
    let Some((account, username)) = credentials::find_subject(conn, credential).await? else { return Ok(()) };
    let action = actions[usize::from(hint.starts_with(token_address::KIND.prefix))];
    let detail = AuditDetail::Use { hint: hint.to_owned(), agent: once.agent.clone() };
    audit::append(
        conn,
        account,
        &Act::of_sender(once.at, once.ip, once.request_id),
        AuditLine::new(action, &username).with(detail),
    )
    .await
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::{MAX_PENDING_OF_ACCOUNT, Pending, Subject};
    use crate::domain::ids::{AccountId, CredentialId};
    use crate::domain::rejection::{NewRejection, Reason};

    // holds A4
    #[test]
    fn rejections_of_one_account_leave_room_for_the_notes_of_others() {
        let mut pending = Pending::default();
        let mut note = |account: u128, credential: u128| {
            let (account, credential_id) =
                (AccountId(Uuid::from_u128(account)), CredentialId(Uuid::from_u128(credential)));
            let rejection = NewRejection {
                credential_id,
                at: Timestamp::UNIX_EPOCH,
                reason: Reason::InvalidJson,
                hint: None,
                detail: None,
                remote_ip: [127, 0, 0, 1].into(),
                user_agent: None,
                size_bytes: None,
                count: 1,
            };
            pending.note_rejection(Subject::Known(account, credential_id), rejection);
            pending.rejections.len()
        };
        let most = MAX_PENDING_OF_ACCOUNT;
        assert_eq!((0..2 * most as u128).map(|credential| note(1, credential)).max(), Some(most));
        assert_eq!(note(2, 0), most + 1);
    }
}
