//! The passwords of credentials: hashes, hints, and the two slots that bound how many may live. Also what ingest asks about
//! one of them: which row a sender means, and whether it still opens its account.

use diesel::pg::Pg;
use diesel::sql_types::{Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::account::Plan;
use crate::domain::credential::{PasswordRecord, Username};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::overlap::Overlap;
use crate::domain::sender_settings::SenderSettings;
use crate::store::connection::columns::{Moment, time, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{accounts, credential_secrets, credentials};
use crate::store::connection::statement::statement;
use crate::store::tables::sender_settings::SettingsRow;

/// The constraint that lets a hint pick one row.
pub(crate) const HINT_IS_UNIQUE: &str = "credential_secrets_hint_is_unique";

/// The kind of row that is a password.
pub(in crate::store) const PASSWORD_KIND: &str = "password";

/// A password that is to be inserted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewSecret<'a> {
    pub(crate) id: SecretId,
    pub(crate) credential: CredentialId,
    pub(crate) hint: &'a str,
    pub(crate) hash: &'a str,
    pub(crate) slot: i16,
    pub(crate) at: Timestamp,
}

pub(crate) async fn insert(conn: &mut Connection, new: NewSecret<'_>) -> Result<(), StoreError> {
    diesel::insert_into(credential_secrets::table)
        .values((
            credential_secrets::id.eq(new.id.0),
            credential_secrets::credential_id.eq(new.credential.0),
            credential_secrets::hint.eq(new.hint),
            credential_secrets::hash.eq(new.hash),
            credential_secrets::slot.eq(new.slot),
            credential_secrets::created_at.eq(Moment(new.at)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The same, and lets the password that it replaces work until a moment and no longer, in one round trip.
pub(crate) async fn insert_replacing(
    conn: &mut Connection,
    new: NewSecret<'_>,
    (replaced, overlap, end): (SecretId, Overlap, Timestamp),
) -> Result<(), StoreError> {
    statement(
        "with replaced as (update credential_secrets set expires_at = $7, overlap = $8 where id = $9) \
         insert into credential_secrets (id, credential_id, hint, hash, slot, created_at) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind::<SqlUuid, _>(new.id.0)
    .bind::<SqlUuid, _>(new.credential.0)
    .bind::<Text, _>(new.hint)
    .bind::<Text, _>(new.hash)
    .bind::<SmallInt, _>(new.slot)
    .bind::<Timestamptz, _>(Moment(new.at))
    .bind::<Timestamptz, _>(Moment(end))
    .bind::<Text, _>(overlap.as_str())
    .bind::<SqlUuid, _>(replaced.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// What may be shown of a password.
#[derive(Queryable, Selectable)]
#[diesel(table_name = credential_secrets, check_for_backend(Pg))]
pub(in crate::store) struct PasswordRow {
    id: Uuid,
    hint: String,
    created_at: Moment,
    expires_at: Option<Moment>,
    revoked_at: Option<Moment>,
    slot: Option<i16>,
    overlap: Option<String>,
    extended_at: Option<Moment>,
    first_used_at: Option<Moment>,
    last_used_at: Option<Moment>,
    last_used_ip: Option<IpNet>,
    last_used_agent: Option<String>,
}

impl PasswordRow {
    /// `is_newest`: no other password of the credential came after it.
    pub(in crate::store) fn record(self, is_newest: bool) -> Result<PasswordRecord, StoreError> {
        Ok(PasswordRecord {
            id: SecretId(self.id),
            hint: self.hint,
            created_at: self.created_at.into(),
            expires_at: time(self.expires_at),
            revoked_at: time(self.revoked_at),
            slot: self.slot,
            // An older program does not write down an overlap; then a newer password tells.
            is_replaced: !is_newest || self.overlap.is_some(),
            overlap: self.overlap.as_deref().map(word).transpose()?,
            extended_at: time(self.extended_at),
            first_used_at: time(self.first_used_at.or(self.last_used_at)),
            last_used_at: time(self.last_used_at),
            last_used_ip: self.last_used_ip.map(|net| net.addr()),
            last_used_agent: self.last_used_agent,
        })
    }
}

/// A password whose overlap has ended by itself.
#[derive(Clone, Debug)]
pub(crate) struct Expired {
    pub(crate) credential_id: CredentialId,
    pub(crate) hint: String,
    pub(crate) at: Timestamp,
}

/// Gives back the slots of passwords whose overlap has ended, of one credential or of all, and names them. Each password is
/// named once, whoever asks, since it has its slot once.
pub(crate) async fn end_expired(
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

/// Sets the date at which a password ends, or removes it.
pub(crate) async fn set_expiry(conn: &mut Connection, id: SecretId, end: Option<Timestamp>) -> Result<(), StoreError> {
    statement("update credential_secrets set expires_at = $2 where id = $1")
        .bind::<SqlUuid, _>(id.0)
        .bind::<Nullable<Timestamptz>, _>(end.map(Moment))
        .execute(conn)
        .await?;
    Ok(())
}

/// Lets a replaced password work until `end` instead, and notes when that was extended.
pub(crate) async fn set_extension(
    conn: &mut Connection,
    id: SecretId,
    end: Timestamp,
    extended_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    statement("update credential_secrets set expires_at = $2, extended_at = $3 where id = $1")
        .bind::<SqlUuid, _>(id.0)
        .bind::<Timestamptz, _>(Moment(end))
        .bind::<Nullable<Timestamptz>, _>(extended_at.map(Moment))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a password now and for good.
pub(crate) async fn revoke(conn: &mut Connection, id: SecretId, at: Timestamp) -> Result<(), StoreError> {
    statement("update credential_secrets set revoked_at = $2, slot = null where id = $1")
        .bind::<SqlUuid, _>(id.0)
        .bind::<Timestamptz, _>(Moment(at))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends every password of a credential now and for good.
pub(crate) async fn revoke_all(
    conn: &mut Connection,
    credential: CredentialId,
    at: Timestamp,
) -> Result<(), StoreError> {
    statement(
        "update credential_secrets set revoked_at = $2, slot = null where credential_id = $1 and revoked_at is null",
    )
    .bind::<SqlUuid, _>(credential.0)
    .bind::<Timestamptz, _>(Moment(at))
    .execute(conn)
    .await?;
    Ok(())
}

/// What ingest has to know about one password: whose it is, its hash, and everything that may have ended it.
#[derive(Clone, Debug)]
pub struct SecretRow {
    pub secret_id: SecretId,
    pub(crate) credential_id: CredentialId,
    pub(crate) account_id: AccountId,
    pub(crate) hint: String,
    pub(crate) hash: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked: bool,
    pub(crate) disabled: bool,
    pub(crate) plan: Plan,
    /// Whether the credential has late events held.
    pub(crate) holds_late_events: bool,
    pub(crate) settings: SenderSettings,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = credential_secrets, check_for_backend(Pg))]
struct SecretColumns {
    id: Uuid,
    credential_id: Uuid,
    hint: String,
    hash: String,
    expires_at: Option<Moment>,
    revoked_at: Option<Moment>,
    #[diesel(select_expression = (credentials::account_id, credentials::revoked_at, credentials::disabled_at, credentials::holds_late_events))]
    credential: (Uuid, Option<Moment>, Option<Moment>, bool),
    #[diesel(embed)]
    settings: SettingsRow,
    #[diesel(select_expression = accounts::plan)]
    plan: String,
}

impl TryFrom<SecretColumns> for SecretRow {
    type Error = StoreError;

    fn try_from(row: SecretColumns) -> Result<Self, StoreError> {
        let (account, credential_revoked, disabled, holds_late_events) = row.credential;
        Ok(SecretRow {
            secret_id: SecretId(row.id),
            credential_id: CredentialId(row.credential_id),
            account_id: AccountId(account),
            hint: row.hint,
            hash: row.hash,
            expires_at: time(row.expires_at),
            revoked: row.revoked_at.is_some() || credential_revoked.is_some(),
            disabled: disabled.is_some(),
            plan: word(&row.plan)?,
            holds_late_events,
            settings: row.settings.try_into()?,
        })
    }
}

macro_rules! secret_rows {
    () => {
        credential_secrets::table
            .inner_join(credentials::table)
            .inner_join(accounts::table.on(accounts::id.eq(credentials::account_id)))
            .select(SecretColumns::as_select())
    };
}

/// The password that a username and the public hint pick.
pub(crate) async fn find_by_hint(
    conn: &mut Connection,
    username: &Username,
    hint: &str,
) -> Result<Option<SecretRow>, StoreError> {
    let row: Option<SecretColumns> = secret_rows!()
        .filter(credentials::username.eq(username.as_str()))
        .filter(credential_secrets::hint.eq(hint))
        .filter(credential_secrets::kind.eq(PASSWORD_KIND))
        .first(conn)
        .await
        .optional()?;
    row.map(TryFrom::try_from).transpose()
}

/// The secret of a kind that has a digest.
pub(in crate::store) async fn find_by_hash(
    conn: &mut Connection,
    kind: &str,
    hash: &str,
) -> Result<Option<SecretRow>, StoreError> {
    let row: Option<SecretColumns> = secret_rows!()
        .filter(credential_secrets::kind.eq(kind))
        .filter(credential_secrets::hash.eq(hash))
        .first(conn)
        .await
        .optional()?;
    row.map(TryFrom::try_from).transpose()
}

/// The same by id: what the transaction that stores an event asks again.
pub(crate) async fn find_row(conn: &mut Connection, id: SecretId) -> Result<Option<SecretRow>, StoreError> {
    let row: Option<SecretColumns> =
        secret_rows!().filter(credential_secrets::id.eq(id.0)).first(conn).await.optional()?;
    row.map(TryFrom::try_from).transpose()
}

/// Puts another hash of the same password in the place of `old`, unless somebody did so before.
pub(crate) async fn replace_hash(conn: &mut Connection, id: SecretId, old: &str, new: &str) -> Result<(), StoreError> {
    diesel::update(credential_secrets::table.find(id.0).filter(credential_secrets::hash.eq(old)))
        .set(credential_secrets::hash.eq(new))
        .execute(conn)
        .await?;
    Ok(())
}
