//! Has the late events of a credential held, or no longer. What is held already stays until its owner decides.

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::Credential;
use crate::store::connection::pool::Connection;
use crate::store::tables::credentials;

/// Switches; `false` for a credential that stands that way already, which is left alone and leaves no line.
pub(crate) async fn switch_holding(on: CredentialAct<'_>, holding: bool) -> Result<bool, CredentialError> {
    on.decide(async |conn, credential| hold_within(on, conn, credential, holding).await).await
}

/// The same in a transaction that has locked the credential.
pub(crate) async fn hold_within(
    on: CredentialAct<'_>,
    conn: &mut Connection,
    credential: &Credential,
    holding: bool,
) -> Result<bool, CredentialError> {
    if credential.revoked_at.is_some() {
        return Err(CredentialError::Revoked);
    }
    let changes = credential.holds_late_events != holding;
    if changes {
        credentials::set_holding(conn, on.account, on.id, holding).await?;
        let action = if holding { Action::HoldingSwitchedOn } else { Action::HoldingSwitchedOff };
        on.note(conn, credential, action, AuditDetail::name(&credential.name)).await?;
    }
    Ok(changes)
}
