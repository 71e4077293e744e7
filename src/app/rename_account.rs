//! Changes what an account calls itself.

use crate::app::failure::Failure;
use crate::domain::account::{AccountName, Member};
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::store::connection::pool::Store;
use crate::store::tables::{accounts, audit};

/// Sets the name; the same name again is no act, and leaves no line.
pub(crate) async fn rename_account(
    store: &Store,
    member: &Member,
    name: &AccountName,
    act: &Act,
) -> Result<(), Failure> {
    if name.as_str() == member.name {
        return Ok(());
    }
    store
        .transaction(async |conn| {
            accounts::rename(conn, member.account_id, name).await?;
            let detail = AuditDetail::Was { was: member.name.to_string() };
            audit::append(
                conn,
                member.account_id,
                act,
                AuditLine::new(Action::AccountRenamed, name.as_str()).with(detail),
            )
            .await?;
            Ok(())
        })
        .await
}
