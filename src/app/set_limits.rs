//! Sets what an account may have. Only the operator does.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::account_limits::SetLimits;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::store::connection::pool::Store;
use crate::store::tables::{account_limits, audit};

/// Sets all limits; the same again is no act, and leaves no line.
pub(crate) async fn set_limits(store: &Store, member: &Member, set: SetLimits, act: &Act) -> Result<(), Failure> {
    if set == member.set_limits {
        return Ok(());
    }
    store
        .transaction(async |conn| {
            account_limits::set(conn, member.account_id, set).await?;
            let line = AuditLine::new(Action::LimitsChanged, "").with(AuditDetail::Limits(set));
            audit::append(conn, member.account_id, act, line).await
        })
        .await?;
    Ok(())
}
