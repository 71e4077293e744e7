//! Ends all sessions of the reader but the one that asks for it.

use crate::app::end_other_sessions::end_other_sessions;
use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::SessionId;
use crate::store::connection::pool::Store;
use crate::store::tables::audit;

/// How many ended. The audit trail has a line also for none: whoever asks for it thinks that somebody else is there.
pub(crate) async fn sign_out_elsewhere(
    store: &Store,
    member: &Member,
    kept: Option<SessionId>,
    act: &Act,
) -> Result<usize, Failure> {
    store
        .transaction(async |conn| {
            let ended = end_other_sessions(conn, member.user_id, kept, act).await?;
            let detail = AuditDetail::OtherSessionsEnded { sessions_ended: ended as u64 };
            audit::append(
                conn,
                member.account_id,
                act,
                AuditLine::new(Action::OtherSessionsEnded, &member.email).with(detail),
            )
            .await?;
            Ok(ended)
        })
        .await
}
