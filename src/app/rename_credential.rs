//! Gives a credential another name. Senders notice nothing.

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::credential::CredentialName;
use crate::store::tables::{account_limits, credentials};

/// Renames it, unless another that is not revoked has that name; answers with the name before. The name that it has already leaves no line.
pub(crate) async fn rename_credential(on: CredentialAct<'_>, name: &CredentialName) -> Result<String, CredentialError> {
    on.store
        .transaction_under(&account_limits::lock(on.account), async |conn| {
            let found = credentials::find(conn, on.account, on.id).await?;
            let credential = found.ok_or(CredentialError::NotFound)?;
            if credential.name != name.as_str() {
                if let (_, Some(username)) = credentials::count_with_name(conn, (on.account, on.id), name).await? {
                    return Err(CredentialError::NameTaken(username));
                }
                credentials::rename(conn, on.account, on.id, name).await?;
                let detail = AuditDetail::Changed { from: credential.name.clone(), to: name.to_string() };
                on.note(conn, &credential, Action::CredentialRenamed, detail).await?;
            }
            Ok(credential.name)
        })
        .await
}
