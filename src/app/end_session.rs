//! Ends a session of the reader, on this device or another. No browser is known to the user after that, but for those that are still
//! signed in: whoever ends a session may have lost the device.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::ids::SessionId;
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, sessions, users};

/// `false` when the member has no such session.
pub(crate) async fn end_session(store: &Store, member: &Member, id: SessionId, act: &Act) -> Result<bool, Failure> {
    store
        .transaction(async |conn| {
            let ended = sessions::delete_of_user(conn, member.user_id, id).await?;
            if ended {
                users::forget_devices(conn, member.user_id, act.at).await?;
                audit::append(conn, member.account_id, act, AuditLine::new(Action::SessionEnded, &id.to_string()))
                    .await?;
            }
            Ok(ended)
        })
        .await
}
