//! Ends an overlap early: the replaced password stops now.

use jiff::Timestamp;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::store::tables::credential_secrets;

/// Stops it, unless it was used since a moment; an overlap that has ended by itself meanwhile is as good.
pub(crate) async fn stop_old_password(
    on: CredentialAct<'_>,
    unless_used_since: Option<Timestamp>,
) -> Result<(), CredentialError> {
    on.decide(async |conn, credential| {
        if let Some(old) = credential.expiring(on.act.at) {
            if let Some(used) = old.last_used_at.filter(|used| unless_used_since.is_some_and(|since| *used >= since)) {
                return Err(CredentialError::StillUsed(used));
            }
            credential_secrets::revoke(conn, old.id, on.act.at).await?;
            on.note(conn, credential, Action::OldPasswordStopped, AuditDetail::password(&old.hint)).await?;
        }
        Ok(())
    })
    .await
}
