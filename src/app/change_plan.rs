//! Changes the plan of an account. Only the operator does: nothing on a page lets an account change its own plan.

use crate::app::failure::Failure;
use crate::domain::account::{Member, Plan};
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::store::connection::pool::Store;
use crate::store::tables::{accounts, audit};

/// Sets the plan; the same plan again is no act, and leaves no line.
pub async fn change_plan(store: &Store, member: &Member, plan: Plan, act: &Act) -> Result<(), Failure> {
    store
        .transaction(async |conn| {
            let before = accounts::change_plan(conn, member.account_id, plan).await?;
            if before != plan {
                let detail = AuditDetail::Changed { from: before.to_string(), to: plan.to_string() };
                audit::append(
                    conn,
                    member.account_id,
                    act,
                    AuditLine::new(Action::PlanChanged, &member.email).with(detail),
                )
                .await?;
            }
            Ok(())
        })
        .await
}
