//! Chooses what happens to new events while the account's storage is full.

use crate::app::failure::Failure;
use crate::app::member_act::MemberAct;
use crate::domain::account_limits::WhenFull;
use crate::domain::audit::{Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::store::connection::error::StoreError;
use crate::store::tables::{account_limits, audit};

/// The same choice again is no act, and leaves no line.
pub(crate) async fn choose_when_full(
    MemberAct { store, member, act }: MemberAct<'_>,
    choice: WhenFull,
) -> Result<(), Failure> {
    let changing = store
        .transaction(async |conn| {
            if !account_limits::set_when_full(conn, member.account_id, choice).await? {
                return Ok::<_, StoreError>(());
            }
            let detail = AuditDetail::WhenFull { choice };
            audit::append(conn, member.account_id, act, AuditLine::new(Action::WhenFullChanged, "").with(detail)).await
        })
        .await;
    Ok(changing?)
}
