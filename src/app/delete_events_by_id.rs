//! Deletes events that are known by their ids.

use crate::app::failure::Failure;
use crate::app::member_act::MemberAct;
use crate::domain::audit::Action;
use crate::domain::event::EventId;
use crate::store::tables::{audit, event_removals, events};

/// How many of them the account had. The audit log has a line for each.
pub(crate) async fn delete_events_by_id(
    MemberAct { store, member, act }: MemberAct<'_>,
    ids: &[EventId],
) -> Result<usize, Failure> {
    let account = member.account_id;
    store
        .transaction(async |conn| {
            let deleted = events::delete(conn, account, ids).await?;
            event_removals::add(conn, account, &deleted).await?;
            let subjects: Vec<String> = deleted.iter().map(|key| key.id.to_string()).collect();
            audit::append_each(conn, account, act, (Action::EventDeleted, &subjects)).await?;
            Ok(deleted.len())
        })
        .await
}
