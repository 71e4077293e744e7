//! Discards the late events of a credential, unread.

use jiff::Timestamp;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::Credential;
use crate::domain::holding::HeldRange;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::held_events;

/// Discards a range: what its owner has seen, or one event. Answers with how many.
pub(crate) async fn discard_held_events(on: CredentialAct<'_>, range: HeldRange) -> Result<u64, CredentialError> {
    on.decide(async |conn, credential| Ok(discard(conn, on, credential, range).await?)).await
}

/// The same within another act, such as a revocation: what a revoked password brought is not held.
pub(crate) async fn discard_until(
    conn: &mut Connection,
    on: CredentialAct<'_>,
    credential: &Credential,
    until: Timestamp,
) -> Result<u64, StoreError> {
    discard(conn, on, credential, HeldRange { until, only: None }).await
}

async fn discard(
    conn: &mut Connection,
    on: CredentialAct<'_>,
    credential: &Credential,
    range: HeldRange,
) -> Result<u64, StoreError> {
    let discarded = held_events::discard(conn, on.account, on.id, range).await?;
    if discarded > 0 {
        on.note(
            conn,
            credential,
            Action::HeldEventsDiscarded,
            AuditDetail::HeldDiscarded { discarded: discarded as u64 },
        )
        .await?;
    }
    Ok(discarded as u64)
}
