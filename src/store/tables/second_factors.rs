//! Second factors: the sealed secrets, the last used step of each, and what is left of the recovery codes. They belong to a user and
//! go with it.

use std::collections::BTreeSet;

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::UserId;
use crate::domain::stored_key::StoredKey;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{installation_keys, recovery_codes, second_factors};

/// The constraint that gives a user one second factor.
pub(crate) const ONE_A_USER: &str = "second_factors_pkey";

/// What a code is compared with.
#[derive(Debug)]
pub(crate) struct SealedFactor {
    pub(crate) sealed_secret: Vec<u8>,
    /// The number of the key that it is sealed under.
    pub(crate) key_number: i32,
    pub(crate) last_step: i64,
}

/// A second factor as its owner sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FactorRecord {
    pub(crate) turned_on_at: Timestamp,
    pub(crate) codes_left: usize,
}

/// Fails as a duplicate of [`ONE_A_USER`] when the user has one.
pub(crate) async fn insert(
    conn: &mut Connection,
    user: UserId,
    factor: &SealedFactor,
    codes_id: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(second_factors::table)
        .values((
            second_factors::user_id.eq(user.0),
            second_factors::sealed_secret.eq(&factor.sealed_secret),
            second_factors::key_id.eq(factor.key_number),
            second_factors::last_step.eq(factor.last_step),
            second_factors::codes_id.eq(codes_id),
            second_factors::turned_on_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// With the key that it is sealed under, as it is kept.
pub(crate) async fn find_sealed(
    conn: &mut Connection,
    user: UserId,
) -> Result<Option<(SealedFactor, StoredKey)>, StoreError> {
    let row = second_factors::table
        .inner_join(installation_keys::table)
        .filter(second_factors::user_id.eq(user.0))
        .select((
            second_factors::sealed_secret,
            second_factors::key_id,
            second_factors::last_step,
            installation_keys::key,
            installation_keys::sealed_under,
        ))
        .first::<(Vec<u8>, i32, i64, Vec<u8>, _)>(conn)
        .await
        .optional()?;
    Ok(row.map(|(sealed_secret, key_number, last_step, bytes, sealed_under)| {
        (SealedFactor { sealed_secret, key_number, last_step }, StoredKey { bytes, sealed_under })
    }))
}

/// Some that are sealed under a key of before, with its number. They stay locked until the transaction ends.
pub(crate) async fn lock_behind(
    conn: &mut Connection,
    newest_key: i32,
    limit: i64,
) -> Result<Vec<(UserId, Vec<u8>, i32)>, StoreError> {
    let rows: Vec<(Uuid, Vec<u8>, i32)> = second_factors::table
        .filter(second_factors::key_id.lt(newest_key))
        .select((second_factors::user_id, second_factors::sealed_secret, second_factors::key_id))
        .order(second_factors::user_id)
        .limit(limit)
        .for_update()
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(user, sealed, key)| (UserId(user), sealed, key)).collect())
}

/// The same secret, sealed under another key.
pub(crate) async fn put_sealed(
    conn: &mut Connection,
    user: UserId,
    sealed: &[u8],
    key_number: i32,
) -> Result<(), StoreError> {
    diesel::update(second_factors::table.find(user.0))
        .set((second_factors::sealed_secret.eq(sealed), second_factors::key_id.eq(key_number)))
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn find(conn: &mut Connection, user: UserId) -> Result<Option<FactorRecord>, StoreError> {
    let at: Option<Moment> =
        second_factors::table.find(user.0).select(second_factors::turned_on_at).first(conn).await.optional()?;
    let Some(Moment(turned_on_at)) = at else { return Ok(None) };
    Ok(Some(FactorRecord { turned_on_at, codes_left: count_codes(conn, user).await? }))
}

pub(crate) async fn is_on(conn: &mut Connection, user: UserId) -> Result<bool, StoreError> {
    let found = second_factors::table.find(user.0).select(second_factors::user_id).first::<Uuid>(conn).await;
    Ok(found.optional()?.is_some())
}

/// Everybody who has one.
pub(crate) async fn list_users(conn: &mut Connection) -> Result<BTreeSet<UserId>, StoreError> {
    let ids: Vec<Uuid> = second_factors::table.select(second_factors::user_id).load(conn).await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Uses a step up, and with it those before it; `false` when it was used. Of two at once one waits here, and is then told so.
pub(crate) async fn use_step(conn: &mut Connection, user: UserId, step: i64) -> Result<bool, StoreError> {
    let unused = second_factors::table.find(user.0).filter(second_factors::last_step.lt(step));
    Ok(diesel::update(unused).set(second_factors::last_step.eq(step)).execute(conn).await? == 1)
}

/// Uses a recovery code up; `false` when there is no such code any more.
pub(crate) async fn use_recovery_code(
    conn: &mut Connection,
    user: UserId,
    hash: &[u8; 32],
) -> Result<bool, StoreError> {
    Ok(diesel::delete(recovery_codes::table.find((user.0, hash.as_slice()))).execute(conn).await? == 1)
}

pub(crate) async fn count_codes(conn: &mut Connection, user: UserId) -> Result<usize, StoreError> {
    let count: i64 = recovery_codes::table.filter(recovery_codes::user_id.eq(user.0)).count().get_result(conn).await?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Says that the codes with an id are those of the user from now on; `false` when they are already, or there is no second factor.
/// The row stays locked until the transaction ends.
pub(crate) async fn begin_codes(conn: &mut Connection, user: UserId, codes_id: Uuid) -> Result<bool, StoreError> {
    let others = second_factors::table.find(user.0).filter(second_factors::codes_id.ne(codes_id));
    Ok(diesel::update(others).set(second_factors::codes_id.eq(codes_id)).execute(conn).await? == 1)
}

/// Puts codes in the place of those that are left.
pub(crate) async fn replace_codes(conn: &mut Connection, user: UserId, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user.0))).execute(conn).await?;
    let row =
        |hash: &[u8; 32]| (recovery_codes::user_id.eq(user.0), recovery_codes::code_hash.eq(hash.as_slice().to_vec()));
    let rows: Vec<_> = hashes.iter().map(row).collect();
    diesel::insert_into(recovery_codes::table).values(rows).execute(conn).await?;
    Ok(())
}

/// Takes the second factor away, and its recovery codes with it; `false` when there is none.
pub(crate) async fn delete(conn: &mut Connection, user: UserId) -> Result<bool, StoreError> {
    Ok(diesel::delete(second_factors::table.find(user.0)).execute(conn).await? == 1)
}
