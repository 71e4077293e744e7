//! Credentials of an account, with what may be shown of their passwords.

use std::collections::HashMap;

use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, QueryableByName,
    Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::credential::{Credential, CredentialName, PasswordRecord, Username};
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::connection::columns::{Moment, time, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Lock};
use crate::store::connection::schema::{credential_secrets, credentials};
use crate::store::connection::statement::{Condition, statement};
use crate::store::tables::account_limits;
use crate::store::tables::credential_secrets::{PASSWORD_KIND, PasswordRow};
use crate::store::tables::sender_settings::SettingsRow;

#[derive(Queryable, Selectable)]
#[diesel(table_name = credentials, check_for_backend(Pg))]
struct Row {
    id: Uuid,
    name: String,
    username: String,
    created_at: Moment,
    disabled_at: Option<Moment>,
    revoked_at: Option<Moment>,
    holds_late_events: bool,
    external_id: Option<String>,
    #[diesel(embed)]
    settings: SettingsRow,
}

impl Row {
    fn credential(self, passwords: Vec<PasswordRecord>) -> Result<Credential, StoreError> {
        Ok(Credential {
            id: CredentialId(self.id),
            name: self.name,
            username: self.username,
            created_at: self.created_at.into(),
            disabled_at: time(self.disabled_at),
            revoked_at: time(self.revoked_at),
            holds_late_events: self.holds_late_events,
            external_id: self.external_id,
            settings: self.settings.try_into()?,
            passwords,
        })
    }
}

/// Credentials of an account with their passwords, a row for each password: the oldest credential first, its newest password first.
macro_rules! with_passwords {
    ($account:expr) => {
        credentials::table
            .left_join(credential_secrets::table.on(
                credential_secrets::credential_id.eq(credentials::id).and(credential_secrets::kind.eq(PASSWORD_KIND)),
            ))
            .filter(credentials::account_id.eq($account.0))
            .order((
                credentials::created_at,
                credentials::id,
                credential_secrets::created_at.desc(),
                credential_secrets::id.desc(),
            ))
            .select((Row::as_select(), Option::<PasswordRow>::as_select()))
    };
}

/// One credential out of the rows of each.
fn gather(rows: Vec<(Row, Option<PasswordRow>)>) -> Result<Vec<Credential>, StoreError> {
    let mut credentials: Vec<Credential> = Vec::new();
    for (row, password) in rows {
        if credentials.last().is_none_or(|last| last.id.0 != row.id) {
            credentials.push(row.credential(Vec::new())?);
        }
        if let (Some(password), Some(credential)) = (password, credentials.last_mut()) {
            let is_newest = credential.passwords.is_empty();
            credential.passwords.push(password.record(is_newest)?);
        }
    }
    Ok(credentials)
}

/// The index that lets an external id name one credential that is not revoked.
pub(crate) const EXTERNAL_ID_IS_UNIQUE: &str = "credentials_by_external_id";

pub(crate) async fn insert(
    conn: &mut Connection,
    (account, id): (AccountId, CredentialId),
    (name, external_id): (&CredentialName, Option<&str>),
    username: &Username,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(credentials::table)
        .values((
            credentials::id.eq(id.0),
            credentials::account_id.eq(account.0),
            credentials::name.eq(name.as_str()),
            credentials::external_id.eq(external_id),
            credentials::username.eq(username.as_str()),
            credentials::created_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// How many credentials of an account are not revoked, and the username of another than `id` among them that has a name, in any case.
pub(crate) async fn count_with_name(
    conn: &mut Connection,
    (account, id): (AccountId, CredentialId),
    name: &CredentialName,
) -> Result<(u64, Option<String>), StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
        #[diesel(sql_type = Nullable<Text>)]
        namesake: Option<String>,
    }
    let row: Row = statement(
        "select count(*) as number, min(username) filter (where id <> $2 and lower(name) = lower($3)) as namesake \
         from credentials where account_id = $1 and revoked_at is null",
    )
    .bind::<SqlUuid, _>(account.0)
    .bind::<SqlUuid, _>(id.0)
    .bind::<Text, _>(name.as_str())
    .get_result(conn)
    .await?;
    Ok((row.number.unsigned_abs(), row.namesake))
}

/// The usernames of an account, also of credentials that were revoked.
pub(crate) async fn usernames_by_id(
    conn: &mut Connection,
    account: AccountId,
) -> Result<HashMap<CredentialId, String>, StoreError> {
    let rows: Vec<(Uuid, String)> = credentials::table
        .filter(credentials::account_id.eq(account.0))
        .select((credentials::id, credentials::username))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(id, username)| (CredentialId(id), username)).collect())
}

/// The usernames of some credentials of an account.
pub(crate) async fn usernames_of(
    conn: &mut Connection,
    account: AccountId,
    ids: &[CredentialId],
) -> Result<HashMap<CredentialId, String>, StoreError> {
    let rows: Vec<(Uuid, String)> = credentials::table
        .filter(credentials::account_id.eq(account.0))
        .filter(credentials::id.eq_any(ids.iter().map(|id| id.0)))
        .select((credentials::id, credentials::username))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(id, username)| (CredentialId(id), username)).collect())
}

/// How many revoked credentials pages know. Those that are not revoked have a limit in each account.
const MAX_REVOKED_LISTED: i64 = 200;

/// The passwords that pages know of a credential: the newest 10, of which the first two alone may still work.
const IS_NEWEST: Condition = Condition(
    "(credential_secrets.id is null or credential_secrets.id in (select newest.id from credential_secrets newest \
     where newest.credential_id = credentials.id and newest.kind = 'password' \
     order by newest.created_at desc, newest.id desc limit 10))",
);

/// The credentials of an account, the oldest first, with those that were revoked last.
pub(crate) async fn list(conn: &mut Connection, account: AccountId) -> Result<Vec<Credential>, StoreError> {
    let revoked = diesel::alias!(credentials as revoked);
    let last_revoked = revoked
        .filter(revoked.field(credentials::account_id).eq(account.0))
        .filter(revoked.field(credentials::revoked_at).is_not_null())
        .order(revoked.field(credentials::revoked_at).desc())
        .limit(MAX_REVOKED_LISTED)
        .select(revoked.field(credentials::id));
    let listed = credentials::revoked_at.is_null().or(credentials::id.eq_any(last_revoked));
    gather(with_passwords!(account).filter(listed).filter(IS_NEWEST).load(conn).await?)
}

/// All of them, however many were revoked.
pub(crate) async fn list_all(conn: &mut Connection, account: AccountId) -> Result<Vec<Credential>, StoreError> {
    gather(with_passwords!(account).load(conn).await?)
}

pub(crate) async fn find(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
) -> Result<Option<Credential>, StoreError> {
    Ok(gather(with_passwords!(account).filter(credentials::id.eq(id.0)).load(conn).await?)?.pop())
}

/// The credential that a program calls so, unless it is revoked.
pub(crate) async fn find_by_external_id(
    conn: &mut Connection,
    account: AccountId,
    external_id: &str,
) -> Result<Option<Credential>, StoreError> {
    let named = with_passwords!(account)
        .filter(credentials::external_id.eq(external_id))
        .filter(credentials::revoked_at.is_null());
    Ok(gather(named.load(conn).await?)?.pop())
}

/// The same with the passwords that pages know of.
pub(crate) async fn find_shown(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
) -> Result<Option<Credential>, StoreError> {
    let one = with_passwords!(account).filter(credentials::id.eq(id.0)).filter(IS_NEWEST);
    Ok(gather(one.load(conn).await?)?.pop())
}

/// What locks a credential until its transaction ends, so that acts on it follow one another.
pub(crate) fn lock(account: AccountId, id: CredentialId) -> Lock {
    Lock(format!("select from credentials where account_id = '{account}' and id = '{id}' for update"))
}

/// The same, and the names of the account's credentials, so that no two become the same.
pub(crate) fn lock_with_names(account: AccountId, id: CredentialId) -> Lock {
    Lock(format!("{}; {}", account_limits::lock(account).0, lock(account, id).0))
}

/// The username of a credential, and nothing else.
pub(crate) async fn find_username(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
) -> Result<Option<Username>, StoreError> {
    let text: Option<String> = credentials::table
        .filter(credentials::account_id.eq(account.0))
        .filter(credentials::id.eq(id.0))
        .select(credentials::username)
        .first(conn)
        .await
        .optional()?;
    text.as_deref().map(word).transpose()
}

/// Whose credential a username is. Usernames are unique over all accounts.
pub(crate) async fn find_owner(
    conn: &mut Connection,
    username: &Username,
) -> Result<Option<(AccountId, CredentialId)>, StoreError> {
    let row: Option<(Uuid, Uuid)> = credentials::table
        .filter(credentials::username.eq(username.as_str()))
        .select((credentials::account_id, credentials::id))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(account, id)| (AccountId(account), CredentialId(id))))
}

/// Every username of the installation, of revoked credentials too.
pub(crate) async fn list_usernames(conn: &mut Connection) -> Result<Vec<Username>, StoreError> {
    let rows: Vec<String> = credentials::table.order(credentials::id).select(credentials::username).load(conn).await?;
    rows.iter().map(|text| word(text)).collect()
}

/// The account and the username of a credential, for a line in the audit log.
pub(crate) async fn find_subject(
    conn: &mut Connection,
    id: CredentialId,
) -> Result<Option<(AccountId, String)>, StoreError> {
    let row: Option<(Uuid, String)> = credentials::table
        .find(id.0)
        .select((credentials::account_id, credentials::username))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(account, username)| (AccountId(account), username)))
}

pub(crate) async fn rename(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    name: &CredentialName,
) -> Result<(), StoreError> {
    statement("update credentials set name = $3 where account_id = $1 and id = $2")
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(id.0)
        .bind::<Text, _>(name.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Disables at a moment, or enables with `None`.
pub(crate) async fn set_disabled_at(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    statement("update credentials set disabled_at = $3 where account_id = $1 and id = $2")
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(id.0)
        .bind::<Nullable<Timestamptz>, _>(at.map(Moment))
        .execute(conn)
        .await?;
    Ok(())
}

/// Switches the holding of late events.
pub(crate) async fn set_holding(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    holding: bool,
) -> Result<(), StoreError> {
    statement("update credentials set holds_late_events = $3 where account_id = $1 and id = $2")
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(id.0)
        .bind::<Bool, _>(holding)
        .execute(conn)
        .await?;
    Ok(())
}

/// Revokes for good, with every password.
pub(crate) async fn revoke(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    at: Timestamp,
) -> Result<(), StoreError> {
    statement(
        "with revoked as (update credentials set revoked_at = $3 where account_id = $1 and id = $2 returning id) \
         update credential_secrets s set revoked_at = $3, slot = null from revoked \
         where s.credential_id = revoked.id and s.revoked_at is null",
    )
    .bind::<SqlUuid, _>(account.0)
    .bind::<SqlUuid, _>(id.0)
    .bind::<Timestamptz, _>(Moment(at))
    .execute(conn)
    .await?;
    Ok(())
}
