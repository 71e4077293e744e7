//! Ends a credential for good: every password of it stops at once, on every instance, and what was held for it goes.

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::app::discard_held_events::discard_until;
use crate::app::end_expired::end_due;
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::store::tables::credentials;

/// Revokes; once more changes nothing and leaves no second line.
pub async fn revoke_credential(on: CredentialAct<'_>) -> Result<(), CredentialError> {
    on.decide(async |conn, credential| {
        if credential.revoked_at.is_none() {
            end_due(conn, credential, on.act.at).await?;
            credentials::revoke(conn, on.account, on.id, on.act.at).await?;
            discard_until(conn, on, credential, on.act.at).await?;
            on.note(conn, credential, Action::CredentialRevoked, AuditDetail::name(&credential.name)).await?;
        }
        Ok(())
    })
    .await
}
