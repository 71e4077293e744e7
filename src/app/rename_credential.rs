//! Gives a credential another name. Senders notice nothing.

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::credential::CredentialName;
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::pool::Store;
use crate::store::{audit, credentials};

/// Why the name stayed.
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    #[error("there is no such credential")]
    NotFound,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(RenameError);

pub async fn rename_credential(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    name: &CredentialName,
    act: &Act,
) -> Result<(), RenameError> {
    store
        .transaction(async |conn| {
            let credential = credentials::find_locked(conn, account, id).await?.ok_or(RenameError::NotFound)?;
            if credential.name != name.as_str() {
                credentials::rename(conn, account, id, name).await?;
                let detail = format!("{} to {name}", credential.name);
                audit::append(conn, account, act, Action::CredentialRenamed, &credential.username, &detail).await?;
            }
            Ok(())
        })
        .await
}
