//! Ends a credential for good: every password of it stops at once, on every instance, and what was held for it goes.

use crate::app::discard_held_events::discard_until;
use crate::app::end_expired::end_expired;
use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::pool::Store;
use crate::store::{audit, credential_secrets, credentials};

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    #[error("there is no such credential")]
    NotFound,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(RevokeError);

/// Revokes; once more changes nothing and leaves no second line.
pub async fn revoke_credential(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    act: &Act,
) -> Result<(), RevokeError> {
    store
        .transaction(async |conn| {
            let credential = credentials::find_locked(conn, account, id).await?.ok_or(RevokeError::NotFound)?;
            if credential.revoked_at.is_none() {
                end_expired(conn, Some(id), act.at).await?;
                credentials::set_revoked_at(conn, account, id, act.at).await?;
                credential_secrets::revoke_all(conn, id, act.at).await?;
                discard_until(conn, account, &credential, act.at, act).await?;
                let subject = &credential.username;
                audit::append(conn, account, act, Action::CredentialRevoked, subject, &credential.name).await?;
            }
            Ok(())
        })
        .await
}
