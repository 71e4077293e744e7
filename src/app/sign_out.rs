//! Ends the session that the reader signs out of.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::ids::SessionId;
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, sessions};

/// Signs out; a session that has ended meanwhile leaves no line.
pub(crate) async fn sign_out(store: &Store, member: &Member, id: SessionId, act: &Act) -> Result<(), Failure> {
    store
        .transaction(async |conn| {
            if sessions::delete_of_user(conn, member.user_id, id).await? {
                audit::append(conn, member.account_id, act, AuditLine::new(Action::SignedOut, &member.email)).await?;
            }
            Ok(())
        })
        .await
}
