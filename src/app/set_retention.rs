//! Lets an account keep its events shorter than the installation does, or as long again.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::store::connection::pool::Store;
use crate::store::tables::{accounts, audit};

/// `None` for as long as the installation. What is older is hidden from the next look on, and erased when its week is over.
pub(crate) async fn set_retention(store: &Store, member: &Member, days: Option<u32>, act: &Act) -> Result<(), Failure> {
    store
        .transaction(async |conn| {
            accounts::set_retention(conn, member.account_id, days).await?;
            let detail = AuditDetail::Retention { days };
            audit::append(conn, member.account_id, act, AuditLine::new(Action::RetentionChanged, "").with(detail)).await
        })
        .await?;
    Ok(())
}
