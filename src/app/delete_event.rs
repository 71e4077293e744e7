//! Deletes one event.

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::event::EventId;
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, event_removals, events};

/// `false` when the account has no such event.
pub(crate) async fn delete_event(store: &Store, member: &Member, id: EventId, act: &Act) -> Result<bool, Failure> {
    store
        .transaction(async |conn| {
            let deleted = events::delete(conn, member.account_id, id).await?;
            if let Some(key) = deleted {
                event_removals::add(conn, member.account_id, &[key]).await?;
                audit::append(conn, member.account_id, act, AuditLine::new(Action::EventDeleted, &id.to_string()))
                    .await?;
            }
            Ok(deleted.is_some())
        })
        .await
}
