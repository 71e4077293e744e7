//! The one row of this installation: its keys, and whether the first account has been made.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::domain::stored_key::StoredKey;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{accounts, installation};

/// The session key as it is kept, and the checksum key.
pub(crate) type StoredKeys = (StoredKey, Zeroizing<Vec<u8>>);

/// Keeps the keys of the first program that comes; `false` for all others, whose keys are dropped, so programs that start together agree.
pub(crate) async fn insert_keys(
    conn: &mut Connection,
    (session, checksum): &StoredKeys,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let inserted = diesel::insert_into(installation::table)
        .values((
            installation::session_key.eq(&session.bytes),
            installation::session_key_sealed_under.eq(&session.sealed_under),
            installation::checksum_key.eq(checksum.as_slice()),
            installation::created_at.eq(Moment(now)),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(inserted == 1)
}

/// The keys that are kept, if any.
pub(crate) async fn find_keys(conn: &mut Connection) -> Result<Option<StoredKeys>, StoreError> {
    let columns = (installation::session_key, installation::session_key_sealed_under, installation::checksum_key);
    let row = installation::table.select(columns).first::<(Vec<u8>, _, Vec<u8>)>(conn).await.optional()?;
    Ok(row.map(|(bytes, sealed_under, checksum)| (StoredKey { bytes, sealed_under }, checksum.into())))
}

/// Keeps the same session key in another way.
pub(crate) async fn put_session_key(conn: &mut Connection, session: &StoredKey) -> Result<(), StoreError> {
    diesel::update(installation::table)
        .set((
            installation::session_key.eq(&session.bytes),
            installation::session_key_sealed_under.eq(&session.sealed_under),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether nobody has set this installation up: no account was ever made.
pub(crate) async fn is_fresh(conn: &mut Connection) -> Result<bool, StoreError> {
    let set_up: Option<Moment> = installation::table.select(installation::set_up_at).first(conn).await?;
    if set_up.is_some() {
        return Ok(false);
    }
    let any = accounts::table.select(accounts::id).first::<uuid::Uuid>(conn).await.optional()?;
    Ok(any.is_none())
}

/// Notes the endpoint that a program serves from now on, and whether it sends mail: if not, no act leaves any to be sent.
pub(crate) async fn note_served(conn: &mut Connection, url: &str, sends_mail: bool) -> Result<(), StoreError> {
    diesel::update(installation::table)
        .set((installation::ingest_url.eq(url), installation::sends_mail.eq(sends_mail)))
        .execute(conn)
        .await?;
    Ok(())
}

/// The endpoint that was served last, if ever.
pub(crate) async fn ingest_url(conn: &mut Connection) -> Result<Option<String>, StoreError> {
    let url: Option<Option<String>> =
        installation::table.select(installation::ingest_url).first(conn).await.optional()?;
    Ok(url.flatten())
}

/// Claims the set-up for this transaction. Of two at once one waits here, and is then told `false`.
pub(crate) async fn claim_set_up(conn: &mut Connection, now: Timestamp) -> Result<bool, StoreError> {
    let claimed = diesel::update(installation::table.filter(installation::set_up_at.is_null()))
        .set(installation::set_up_at.eq(Moment(now)))
        .execute(conn)
        .await?;
    Ok(claimed == 1)
}
