//! What every act does that makes sure that nobody else is signed in, within its own transaction: it ends the user's other sessions
//! and the sign-in link, and forgets the browsers that were known. The one that stays signed in is known again from its next page on.

use crate::domain::audit::Act;
use crate::domain::ids::{SessionId, UserId};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::{sessions, sign_in_links, users};

/// How many sessions ended.
pub(crate) async fn end_other_sessions(
    conn: &mut Connection,
    user: UserId,
    kept: Option<SessionId>,
    act: &Act,
) -> Result<usize, StoreError> {
    sign_in_links::delete(conn, user).await?;
    users::forget_devices(conn, user, act.at).await?;
    sessions::delete_others(conn, user, kept).await
}
