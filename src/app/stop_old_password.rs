//! Ends an overlap early: the replaced password stops now.

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::credential_password::masked;
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::pool::Store;
use crate::store::{audit, credential_secrets, credentials};

/// Why nothing was stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    #[error("there is no such credential")]
    NotFound,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(StopError);

/// Stops it; an overlap that has ended by itself meanwhile is as good.
pub async fn stop_old_password(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    act: &Act,
) -> Result<(), StopError> {
    store
        .transaction(async |conn| {
            let credential = credentials::find_locked(conn, account, id).await?.ok_or(StopError::NotFound)?;
            if let Some(old) = credential.expiring(act.at) {
                credential_secrets::revoke(conn, old.id, act.at).await?;
                let action = Action::OldPasswordStopped;
                audit::append(conn, account, act, action, &credential.username, &masked(&old.hint)).await?;
            }
            Ok(())
        })
        .await
}
