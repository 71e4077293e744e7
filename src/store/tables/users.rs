//! Users: who may sign in, to which account, and the hash of their password.

use diesel::{ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::account::Member;
use crate::domain::email::Email;
use crate::domain::ids::{AccountId, UserId};
use crate::store::connection::columns::{Moment, time, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{accounts, second_factors, users};
use crate::store::tables::account_limits::{self, LIMITS, LimitsColumns, LimitsRow};

/// The constraint that keeps addresses unique.
pub(crate) const EMAIL_IS_UNIQUE: &str = "users_email_is_unique";

type MemberRow = (
    Uuid,
    Uuid,
    String,
    String,
    String,
    Option<i32>,
    Moment,
    Moment,
    Option<Moment>,
    Option<Moment>,
    LimitsRow,
    String,
    Option<String>,
);
type MemberColumns = (
    users::id,
    users::account_id,
    users::email,
    accounts::name,
    accounts::plan,
    accounts::retention_days,
    users::created_at,
    users::password_changed_at,
    users::devices_forgotten_at,
    users::password_expires_at,
    LimitsColumns,
    accounts::event_columns,
    users::confirmed_email,
);
pub(crate) const MEMBER: MemberColumns = (
    users::id,
    users::account_id,
    users::email,
    accounts::name,
    accounts::plan,
    accounts::retention_days,
    users::created_at,
    users::password_changed_at,
    users::devices_forgotten_at,
    users::password_expires_at,
    LIMITS,
    accounts::event_columns,
    users::confirmed_email,
);

/// A row of [`MEMBER`] and the key of a second factor, read.
pub(crate) fn member((row, factor): (MemberRow, Option<i32>)) -> Result<Member, StoreError> {
    let (
        user_id,
        account_id,
        email,
        name,
        plan,
        retention_days,
        created_at,
        changed_at,
        forgotten_at,
        expires_at,
        limits,
        event_columns,
        confirmed_email,
    ) = row;
    let (set_limits, when_full) = account_limits::read(limits)?;
    Ok(Member {
        user_id: UserId(user_id),
        account_id: AccountId(account_id),
        // An older program changes the address alone.
        email_is_confirmed: confirmed_email.as_ref() == Some(&email),
        email,
        name,
        plan: word(&plan)?,
        retention_days: retention_days.map(i32::unsigned_abs),
        set_limits,
        when_full,
        event_columns,
        created_at: created_at.into(),
        password_changed_at: changed_at.into(),
        password_expires_at: time(expires_at),
        devices_known_since: known_since(changed_at, forgotten_at),
        has_second_factor: factor.is_some(),
    })
}

pub(crate) async fn insert(
    conn: &mut Connection,
    (account, id): (AccountId, UserId),
    email: &Email,
    (password_hash, expires_at): (&str, Option<Timestamp>),
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(id.0),
            users::account_id.eq(account.0),
            users::email.eq(email.as_str()),
            users::password_hash.eq(password_hash),
            users::password_expires_at.eq(expires_at.map(Moment)),
            users::password_changed_at.eq(Moment(now)),
            users::created_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The member with an address, and the hash of their password.
pub async fn find_by_email(conn: &mut Connection, email: &Email) -> Result<Option<(Member, String)>, StoreError> {
    let row = users::table
        .inner_join(accounts::table)
        .left_join(second_factors::table)
        .filter(users::email.eq(email.as_str()))
        .select(((MEMBER, second_factors::key_id.nullable()), users::password_hash))
        .first::<(_, String)>(conn)
        .await
        .optional()?;
    row.map(|(row, hash)| Ok((member(row)?, hash))).transpose()
}

pub(crate) async fn find(conn: &mut Connection, id: UserId) -> Result<Option<Member>, StoreError> {
    let row = users::table
        .inner_join(accounts::table)
        .left_join(second_factors::table)
        .filter(users::id.eq(id.0))
        .select((MEMBER, second_factors::key_id.nullable()))
        .first(conn)
        .await
        .optional()?;
    row.map(member).transpose()
}

/// Puts another hash of the same password in the place of `old`, unless it was changed meanwhile.
pub(crate) async fn replace_hash(conn: &mut Connection, id: UserId, old: &str, new: &str) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.0).filter(users::password_hash.eq(old)))
        .set(users::password_hash.eq(new))
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn password_hash(conn: &mut Connection, id: UserId) -> Result<Option<String>, StoreError> {
    Ok(users::table.find(id.0).select(users::password_hash).first(conn).await.optional()?)
}

pub(crate) async fn change_password(
    conn: &mut Connection,
    id: UserId,
    (password_hash, expires_at): (&str, Option<Timestamp>),
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.0))
        .set((
            users::password_hash.eq(password_hash),
            users::password_expires_at.eq(expires_at.map(Moment)),
            users::password_changed_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Fails as a duplicate of [`EMAIL_IS_UNIQUE`] when somebody else has the address.
pub(crate) async fn change_email(conn: &mut Connection, id: UserId, email: &Email) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.0)).set(users::email.eq(email.as_str())).execute(conn).await?;
    Ok(())
}

/// The user has opened a link that was sent to an address, which counts as long as it is the user's.
pub(crate) async fn confirm_email(conn: &mut Connection, id: UserId, email: &str) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.0)).set(users::confirmed_email.eq(email)).execute(conn).await?;
    Ok(())
}

/// Keeps others from acting for the user until the transaction ends.
pub(crate) async fn lock(conn: &mut Connection, id: UserId) -> Result<(), StoreError> {
    users::table.find(id.0).select(users::id).for_update().load::<Uuid>(conn).await?;
    Ok(())
}

/// Keeps others from acting for a user whom a request was let in as. Fails as passing where the address, the password or the browsers
/// that are known have changed since: the next request finds out what that means.
pub(crate) async fn lock_unchanged(conn: &mut Connection, member: &Member) -> Result<(), StoreError> {
    let same = users::table.find(member.user_id.0).filter(users::email.eq(&member.email));
    let since: Option<(Moment, Option<Moment>)> = same
        .select((users::password_changed_at, users::devices_forgotten_at))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    let is_same =
        since.is_some_and(|(changed, forgotten)| known_since(changed, forgotten) == member.devices_known_since);
    if is_same { Ok(()) } else { Err(StoreError::Unavailable("the user has changed meanwhile".to_owned())) }
}

fn known_since(password_changed_at: Moment, devices_forgotten_at: Option<Moment>) -> Timestamp {
    let changed_at = Timestamp::from(password_changed_at);
    time(devices_forgotten_at).map_or(changed_at, |forgotten_at| forgotten_at.max(changed_at))
}

/// From now on no browser is known to the user any more. A new password does the same by itself.
pub(crate) async fn forget_devices(conn: &mut Connection, id: UserId, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.0)).set(users::devices_forgotten_at.eq(Moment(now))).execute(conn).await?;
    Ok(())
}

/// Everybody, oldest first.
pub(crate) async fn list(conn: &mut Connection) -> Result<Vec<Member>, StoreError> {
    let rows: Vec<_> = users::table
        .inner_join(accounts::table)
        .left_join(second_factors::table)
        .order((users::created_at, users::id))
        .select((MEMBER, second_factors::key_id.nullable()))
        .load(conn)
        .await?;
    rows.into_iter().map(member).collect()
}
