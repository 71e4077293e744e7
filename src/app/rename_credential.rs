//! Gives a credential another name. Senders notice nothing.

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::{Credential, CredentialName};
use crate::store::connection::pool::Connection;
use crate::store::tables::credentials;

/// Renames it; the name that it has already leaves no line.
pub(crate) async fn rename_credential(on: CredentialAct<'_>, name: &CredentialName) -> Result<(), CredentialError> {
    on.decide(async |conn, credential| rename_within(on, conn, credential, name).await).await
}

/// The same in a transaction that has locked the credential.
pub(crate) async fn rename_within(
    on: CredentialAct<'_>,
    conn: &mut Connection,
    credential: &Credential,
    name: &CredentialName,
) -> Result<(), CredentialError> {
    if credential.name != name.as_str() {
        credentials::rename(conn, on.account, on.id, name).await?;
        let detail = AuditDetail::Changed { from: credential.name.clone(), to: name.to_string() };
        on.note(conn, credential, Action::CredentialRenamed, detail).await?;
    }
    Ok(())
}
