//! The passwords of credentials: hashes, hints, and the two slots that bound how many may live. Also what ingest asks about
//! one of them: which row a sender means, and whether it still opens its account.

use std::collections::HashSet;

use diesel::{ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::account::Plan;
use crate::domain::credential::{PasswordRecord, Username};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::overlap::Overlap;
use crate::store::columns::{Moment, time, word};
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::schema::{accounts, credential_secrets, credentials};

/// The constraint that lets a hint pick one row.
pub const HINT_IS_UNIQUE: &str = "credential_secrets_hint_is_unique";

pub async fn insert(
    conn: &mut Connection,
    id: SecretId,
    credential: CredentialId,
    hint: &str,
    hash: &str,
    slot: i16,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(credential_secrets::table)
        .values((
            credential_secrets::id.eq(id.0),
            credential_secrets::credential_id.eq(credential.0),
            credential_secrets::hint.eq(hint),
            credential_secrets::hash.eq(hash),
            credential_secrets::slot.eq(slot),
            credential_secrets::created_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The passwords of some credentials, the newest first.
pub async fn list(
    conn: &mut Connection,
    credentials: &[Uuid],
) -> Result<Vec<(CredentialId, PasswordRecord)>, StoreError> {
    type Life = (Moment, Option<Moment>, Option<Moment>, Option<String>, Option<Moment>);
    type Uses = (Option<Moment>, Option<Moment>, Option<IpNet>, Option<String>);
    type Row = (Uuid, Uuid, String, Life, Uses);
    let rows: Vec<Row> = credential_secrets::table
        .filter(credential_secrets::credential_id.eq_any(credentials))
        .order((credential_secrets::created_at.desc(), credential_secrets::id.desc()))
        .select((
            credential_secrets::credential_id,
            credential_secrets::id,
            credential_secrets::hint,
            (
                credential_secrets::created_at,
                credential_secrets::expires_at,
                credential_secrets::revoked_at,
                credential_secrets::overlap,
                credential_secrets::extended_at,
            ),
            (
                credential_secrets::first_used_at,
                credential_secrets::last_used_at,
                credential_secrets::last_used_ip,
                credential_secrets::last_used_agent,
            ),
        ))
        .load(conn)
        .await?;
    let mut seen = HashSet::new();
    let mut record = |(owner, id, hint, life, (first_used, used, ip, agent)): Row| {
        let (created, expires, revoked, overlap, extended) = life;
        let password = PasswordRecord {
            id: SecretId(id),
            hint,
            created_at: created.into(),
            expires_at: time(expires),
            revoked_at: time(revoked),
            // An older program does not write down an overlap; then a newer password tells.
            is_replaced: !seen.insert(owner) || overlap.is_some(),
            overlap: overlap.as_deref().map(word).transpose()?,
            extended_at: time(extended),
            first_used_at: time(first_used.or(used)),
            last_used_at: time(used),
            last_used_ip: ip.map(|net| net.addr()),
            last_used_agent: agent,
        };
        Ok((CredentialId(owner), password))
    };
    rows.into_iter().map(&mut record).collect()
}

/// A password whose overlap has ended by itself.
#[derive(Clone, Debug)]
pub struct Expired {
    pub credential_id: CredentialId,
    pub hint: String,
    pub at: Timestamp,
}

/// Gives back the slots of passwords whose overlap has ended, of one credential or of all, and names them. Each password is
/// named once, whoever asks, since it has its slot once.
pub async fn end_expired(
    conn: &mut Connection,
    credential: Option<CredentialId>,
    now: Timestamp,
) -> Result<Vec<Expired>, StoreError> {
    let mut update = diesel::update(credential_secrets::table)
        .filter(credential_secrets::slot.is_not_null())
        .filter(credential_secrets::expires_at.le(Moment(now)))
        .set(credential_secrets::slot.eq(None::<i16>))
        .into_boxed();
    if let Some(credential) = credential {
        update = update.filter(credential_secrets::credential_id.eq(credential.0));
    }
    let rows: Vec<(Uuid, String, Option<Moment>)> = update
        .returning((credential_secrets::credential_id, credential_secrets::hint, credential_secrets::expires_at))
        .get_results(conn)
        .await?;
    let expired = |(owner, hint, at): (Uuid, String, Option<Moment>)| Expired {
        credential_id: CredentialId(owner),
        hint,
        at: time(at).unwrap_or(now),
    };
    Ok(rows.into_iter().map(expired).collect())
}

/// A free slot, if there is one.
pub async fn free_slot(conn: &mut Connection, credential: CredentialId) -> Result<Option<i16>, StoreError> {
    let held: Vec<i16> = credential_secrets::table
        .filter(credential_secrets::credential_id.eq(credential.0))
        .filter(credential_secrets::slot.is_not_null())
        .select(credential_secrets::slot.assume_not_null())
        .load(conn)
        .await?;
    Ok([1, 2].into_iter().find(|slot| !held.contains(slot)))
}

/// Lets a replaced password work until `at` and no longer.
pub async fn expire(conn: &mut Connection, id: SecretId, overlap: Overlap, at: Timestamp) -> Result<(), StoreError> {
    diesel::update(credential_secrets::table.find(id.0))
        .set((credential_secrets::expires_at.eq(Moment(at)), credential_secrets::overlap.eq(overlap.as_str())))
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets the date at which a password ends, or removes it.
pub async fn set_expiry(conn: &mut Connection, id: SecretId, end: Option<Timestamp>) -> Result<(), StoreError> {
    diesel::update(credential_secrets::table.find(id.0))
        .set(credential_secrets::expires_at.eq(end.map(Moment)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Lets a replaced password work until `end` instead, and notes that this was done.
pub async fn extend(conn: &mut Connection, id: SecretId, end: Timestamp, at: Timestamp) -> Result<(), StoreError> {
    diesel::update(credential_secrets::table.find(id.0))
        .set((credential_secrets::expires_at.eq(Moment(end)), credential_secrets::extended_at.eq(Moment(at))))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a password now and for good.
pub async fn revoke(conn: &mut Connection, id: SecretId, at: Timestamp) -> Result<(), StoreError> {
    diesel::update(credential_secrets::table.find(id.0))
        .set((credential_secrets::revoked_at.eq(Moment(at)), credential_secrets::slot.eq(None::<i16>)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends every password of a credential now and for good.
pub async fn revoke_all(conn: &mut Connection, credential: CredentialId, at: Timestamp) -> Result<(), StoreError> {
    diesel::update(
        credential_secrets::table
            .filter(credential_secrets::credential_id.eq(credential.0))
            .filter(credential_secrets::revoked_at.is_null()),
    )
    .set((credential_secrets::revoked_at.eq(Moment(at)), credential_secrets::slot.eq(None::<i16>)))
    .execute(conn)
    .await?;
    Ok(())
}

/// What ingest has to know about one password: whose it is, its hash, and everything that may have ended it.
#[derive(Clone, Debug)]
pub struct SecretRow {
    pub secret_id: SecretId,
    pub credential_id: CredentialId,
    pub account_id: AccountId,
    pub hint: String,
    pub hash: String,
    pub expires_at: Option<Timestamp>,
    pub revoked: bool,
    pub disabled: bool,
    pub plan: Plan,
    /// Whether the credential has late events held.
    pub holds_late_events: bool,
}

type SecretColumns =
    (Uuid, Uuid, Uuid, String, String, Option<Moment>, Option<Moment>, Option<Moment>, Option<Moment>, String, bool);

fn secret_row(row: SecretColumns) -> Result<SecretRow, StoreError> {
    let (secret, credential, account, hint, hash, expires, revoked, credential_revoked, disabled, plan, holds) = row;
    Ok(SecretRow {
        secret_id: SecretId(secret),
        credential_id: CredentialId(credential),
        account_id: AccountId(account),
        hint,
        hash,
        expires_at: time(expires),
        revoked: revoked.is_some() || credential_revoked.is_some(),
        disabled: disabled.is_some(),
        plan: word(&plan)?,
        holds_late_events: holds,
    })
}

macro_rules! secret_rows {
    () => {
        credential_secrets::table
            .inner_join(credentials::table)
            .inner_join(accounts::table.on(accounts::id.eq(credentials::account_id)))
            .select((
                credential_secrets::id,
                credentials::id,
                credentials::account_id,
                credential_secrets::hint,
                credential_secrets::hash,
                credential_secrets::expires_at,
                credential_secrets::revoked_at,
                credentials::revoked_at,
                credentials::disabled_at,
                accounts::plan,
                credentials::holds_late_events,
            ))
    };
}

/// The password that a username and the public hint pick.
pub async fn find_by_hint(
    conn: &mut Connection,
    username: &Username,
    hint: &str,
) -> Result<Option<SecretRow>, StoreError> {
    let row: Option<SecretColumns> = secret_rows!()
        .filter(credentials::username.eq(username.as_str()))
        .filter(credential_secrets::hint.eq(hint))
        .first(conn)
        .await
        .optional()?;
    row.map(secret_row).transpose()
}

/// The same by id: what the transaction that stores an event asks again.
pub async fn find_row(conn: &mut Connection, id: SecretId) -> Result<Option<SecretRow>, StoreError> {
    let row: Option<SecretColumns> =
        secret_rows!().filter(credential_secrets::id.eq(id.0)).first(conn).await.optional()?;
    row.map(secret_row).transpose()
}

/// Puts another hash of the same password in the place of `old`, unless somebody did so before.
pub async fn replace_hash(conn: &mut Connection, id: SecretId, old: &str, new: &str) -> Result<(), StoreError> {
    diesel::update(credential_secrets::table.find(id.0).filter(credential_secrets::hash.eq(old)))
        .set(credential_secrets::hash.eq(new))
        .execute(conn)
        .await?;
    Ok(())
}
