//! The keys under which secrets are encrypted: one is in use, and while they are rotated the one before is still there.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use crate::domain::stored_key::StoredKey;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::installation_keys::{self, id};

/// A key with its number, which grows, and when it was made.
#[derive(Clone, Debug)]
pub(crate) struct NumberedKey {
    pub(crate) number: i32,
    pub(crate) stored: StoredKey,
    pub(crate) made_at: Timestamp,
}

type Row = (i32, Vec<u8>, Option<Vec<u8>>, Moment);

fn numbered((number, bytes, sealed_under, made_at): Row) -> NumberedKey {
    NumberedKey { number, stored: StoredKey { bytes, sealed_under }, made_at: made_at.into() }
}

const COLUMNS: (id, installation_keys::key, installation_keys::sealed_under, installation_keys::created_at) =
    (id, installation_keys::key, installation_keys::sealed_under, installation_keys::created_at);

/// All of them, the one in use first.
pub(crate) async fn list(conn: &mut Connection) -> Result<Vec<NumberedKey>, StoreError> {
    let rows: Vec<Row> = installation_keys::table.select(COLUMNS).order(id.desc()).load(conn).await?;
    Ok(rows.into_iter().map(numbered).collect())
}

/// The one in use, which is not deleted before the transaction ends.
pub(crate) async fn hold_newest(conn: &mut Connection) -> Result<NumberedKey, StoreError> {
    let newest = installation_keys::table.select(COLUMNS).order(id.desc()).limit(1);
    Ok(numbered(newest.for_key_share().first(conn).await?))
}

/// Keeps one, unless another program has just made one of its number.
pub(crate) async fn insert(conn: &mut Connection, new: &NumberedKey) -> Result<(), StoreError> {
    diesel::insert_into(installation_keys::table)
        .values((
            id.eq(new.number),
            installation_keys::key.eq(&new.stored.bytes),
            installation_keys::sealed_under.eq(&new.stored.sealed_under),
            installation_keys::created_at.eq(Moment(new.made_at)),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

/// Fails as [`StoreError::is_still_referenced`] while anything is encrypted under one of them.
pub(crate) async fn delete_before(conn: &mut Connection, number: i32) -> Result<(), StoreError> {
    diesel::delete(installation_keys::table.filter(id.lt(number))).execute(conn).await?;
    Ok(())
}
