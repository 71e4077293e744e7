//! Disables a credential, which its owner can take back, and enables it again.

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::Credential;
use crate::store::connection::pool::Connection;
use crate::store::tables::credentials;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Switch {
    Enable,
    Disable,
}

/// Switches; `false` for a credential that stands that way already, which is left alone and leaves no line.
pub async fn switch_credential(on: CredentialAct<'_>, switch: Switch) -> Result<bool, CredentialError> {
    on.decide(async |conn, credential| switch_within(on, conn, credential, switch).await).await
}

/// The same in a transaction that has locked the credential.
pub(crate) async fn switch_within(
    on: CredentialAct<'_>,
    conn: &mut Connection,
    credential: &Credential,
    switch: Switch,
) -> Result<bool, CredentialError> {
    if credential.revoked_at.is_some() {
        return Err(CredentialError::Revoked);
    }
    let (at, action) = match switch {
        Switch::Enable => (None, Action::CredentialEnabled),
        Switch::Disable => (Some(on.act.at), Action::CredentialDisabled),
    };
    let changes = credential.disabled_at.is_some() != at.is_some();
    if changes {
        credentials::set_disabled_at(conn, on.account, on.id, at).await?;
        on.note(conn, credential, action, AuditDetail::name(&credential.name)).await?;
    }
    Ok(changes)
}
