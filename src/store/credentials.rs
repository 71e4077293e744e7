//! Credentials of an account, with what may be shown of their passwords.

use std::collections::HashMap;

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::credential::{Credential, CredentialName, PasswordRecord, Username};
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::columns::{Moment, time, word};
use crate::store::credential_secrets;
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::schema::credentials;

/// The constraint that keeps usernames unique.
pub const USERNAME_IS_UNIQUE: &str = "credentials_username_is_unique";

type Row = (Uuid, String, String, Moment, Option<Moment>, Option<Moment>, bool);
type Columns = (
    credentials::id,
    credentials::name,
    credentials::username,
    credentials::created_at,
    credentials::disabled_at,
    credentials::revoked_at,
    credentials::holds_late_events,
);
const COLUMNS: Columns = (
    credentials::id,
    credentials::name,
    credentials::username,
    credentials::created_at,
    credentials::disabled_at,
    credentials::revoked_at,
    credentials::holds_late_events,
);

fn credential(row: Row, passwords: Vec<PasswordRecord>) -> Credential {
    let (id, name, username, created_at, disabled_at, revoked_at, holds_late_events) = row;
    Credential {
        id: CredentialId(id),
        name,
        username,
        created_at: created_at.into(),
        disabled_at: time(disabled_at),
        revoked_at: time(revoked_at),
        holds_late_events,
        passwords,
    }
}

pub async fn insert(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    name: &CredentialName,
    username: &Username,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(credentials::table)
        .values((
            credentials::id.eq(id.0),
            credentials::account_id.eq(account.0),
            credentials::name.eq(name.as_str()),
            credentials::username.eq(username.as_str()),
            credentials::created_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The usernames of an account, also of credentials that were revoked.
pub async fn usernames_by_id(
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

/// All credentials of an account, the oldest first, the revoked ones included.
pub async fn list(conn: &mut Connection, account: AccountId) -> Result<Vec<Credential>, StoreError> {
    let rows: Vec<Row> = credentials::table
        .filter(credentials::account_id.eq(account.0))
        .order((credentials::created_at, credentials::id))
        .select(COLUMNS)
        .load(conn)
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.0).collect();
    let mut passwords: HashMap<Uuid, Vec<PasswordRecord>> = HashMap::new();
    for (owner, password) in credential_secrets::list(conn, &ids).await? {
        passwords.entry(owner.0).or_default().push(password);
    }
    let with_passwords = |row: Row| {
        let own = passwords.remove(&row.0).unwrap_or_default();
        credential(row, own)
    };
    Ok(rows.into_iter().map(with_passwords).collect())
}

pub async fn find(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
) -> Result<Option<Credential>, StoreError> {
    let row: Option<Row> = credentials::table
        .filter(credentials::account_id.eq(account.0))
        .filter(credentials::id.eq(id.0))
        .select(COLUMNS)
        .first(conn)
        .await
        .optional()?;
    with_own_passwords(conn, row).await
}

/// The same, and the row stays locked until the transaction ends, so that acts on one credential follow one another.
pub async fn find_locked(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
) -> Result<Option<Credential>, StoreError> {
    let row: Option<Row> = credentials::table
        .filter(credentials::account_id.eq(account.0))
        .filter(credentials::id.eq(id.0))
        .select(COLUMNS)
        .for_update()
        .first(conn)
        .await
        .optional()?;
    with_own_passwords(conn, row).await
}

async fn with_own_passwords(conn: &mut Connection, row: Option<Row>) -> Result<Option<Credential>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    let passwords = credential_secrets::list(conn, &[row.0]).await?.into_iter().map(|(_, password)| password).collect();
    Ok(Some(credential(row, passwords)))
}

/// Whose credential a username is. Usernames are unique over all accounts.
pub async fn find_owner(
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
pub async fn list_usernames(conn: &mut Connection) -> Result<Vec<Username>, StoreError> {
    let rows: Vec<String> = credentials::table.order(credentials::id).select(credentials::username).load(conn).await?;
    rows.iter().map(|text| word(text)).collect()
}

/// The account and the username of a credential, for a line in the audit log.
pub async fn find_subject(conn: &mut Connection, id: CredentialId) -> Result<Option<(AccountId, String)>, StoreError> {
    let row: Option<(Uuid, String)> = credentials::table
        .find(id.0)
        .select((credentials::account_id, credentials::username))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(account, username)| (AccountId(account), username)))
}

pub async fn rename(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    name: &CredentialName,
) -> Result<(), StoreError> {
    diesel::update(credentials::table.filter(credentials::account_id.eq(account.0)).filter(credentials::id.eq(id.0)))
        .set(credentials::name.eq(name.as_str()))
        .execute(conn)
        .await?;
    Ok(())
}

/// Disables at a moment, or enables with `None`.
pub async fn set_disabled_at(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    diesel::update(credentials::table.filter(credentials::account_id.eq(account.0)).filter(credentials::id.eq(id.0)))
        .set(credentials::disabled_at.eq(at.map(Moment)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Switches the holding of late events.
pub async fn set_holding(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    holding: bool,
) -> Result<(), StoreError> {
    diesel::update(credentials::table.filter(credentials::account_id.eq(account.0)).filter(credentials::id.eq(id.0)))
        .set(credentials::holds_late_events.eq(holding))
        .execute(conn)
        .await?;
    Ok(())
}

/// Revokes for good. The passwords are revoked by [`credential_secrets::revoke_all`] in the same transaction.
pub async fn set_revoked_at(
    conn: &mut Connection,
    account: AccountId,
    id: CredentialId,
    at: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(credentials::table.filter(credentials::account_id.eq(account.0)).filter(credentials::id.eq(id.0)))
        .set(credentials::revoked_at.eq(Moment(at)))
        .execute(conn)
        .await?;
    Ok(())
}
