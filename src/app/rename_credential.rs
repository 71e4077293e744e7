//! Gives a credential another name. Senders notice nothing.

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::domain::audit::Action;
use crate::domain::credential::CredentialName;
use crate::store::credentials;

/// Renames it; the name that it has already leaves no line.
pub async fn rename_credential(on: CredentialAct<'_>, name: &CredentialName) -> Result<(), CredentialError> {
    on.decide(async |conn, credential| {
        if credential.name != name.as_str() {
            credentials::rename(conn, on.account, on.id, name).await?;
            let detail = format!("{} to {name}", credential.name);
            on.note(conn, credential, Action::CredentialRenamed, &detail).await?;
        }
        Ok(())
    })
    .await
}
