//! Sign-in links: one a user at most, found by the SHA-256 of its token, gone with its use.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::UserId;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::sign_in_links;

/// Puts a link in the place of the user's link before.
pub(crate) async fn replace(
    conn: &mut Connection,
    user: UserId,
    token_hash: &[u8; 32],
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let (hash, end) =
        (sign_in_links::token_hash.eq(token_hash.as_slice()), sign_in_links::expires_at.eq(Moment(expires_at)));
    diesel::insert_into(sign_in_links::table)
        .values((sign_in_links::user_id.eq(user.0), hash, end))
        .on_conflict(sign_in_links::user_id)
        .do_update()
        .set((hash, end))
        .execute(conn)
        .await?;
    Ok(())
}

/// Uses a link up, and says whose it was. Of two uses at once one waits here, and finds nothing.
pub(crate) async fn take(
    conn: &mut Connection,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let row: Option<(Uuid, Moment)> =
        diesel::delete(sign_in_links::table.filter(sign_in_links::token_hash.eq(token_hash.as_slice())))
            .returning((sign_in_links::user_id, sign_in_links::expires_at))
            .get_result(conn)
            .await
            .optional()?;
    Ok(row.filter(|(_, Moment(end))| *end > now).map(|(user, _)| UserId(user)))
}

/// Ends the link of a user, if there is one.
pub(crate) async fn delete(conn: &mut Connection, user: UserId) -> Result<(), StoreError> {
    diesel::delete(sign_in_links::table.find(user.0)).execute(conn).await?;
    Ok(())
}
