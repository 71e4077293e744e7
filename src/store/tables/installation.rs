//! The one row of this installation: its keys, and whether the first account has been made.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use crate::domain::installation::InstallationKeys;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{accounts, installation};

/// Keeps the keys of the first program that comes, and answers with the keys that are kept. The others' are dropped, so
/// programs that start together agree.
pub(crate) async fn keys_or_insert(
    conn: &mut Connection,
    proposed: &InstallationKeys,
    now: Timestamp,
) -> Result<InstallationKeys, StoreError> {
    diesel::insert_into(installation::table)
        .values((
            installation::session_key.eq(proposed.session.as_slice()),
            installation::checksum_key.eq(proposed.checksum.as_slice()),
            installation::created_at.eq(Moment(now)),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let (session, checksum): (Vec<u8>, Vec<u8>) =
        installation::table.select((installation::session_key, installation::checksum_key)).first(conn).await?;
    Ok(InstallationKeys { session: session.into(), checksum: checksum.into() })
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

/// Notes the endpoint that a program serves from now on.
pub(crate) async fn note_ingest_url(conn: &mut Connection, url: &str) -> Result<(), StoreError> {
    diesel::update(installation::table).set(installation::ingest_url.eq(url)).execute(conn).await?;
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
