//! Has the late events of a credential held, or no longer. What is held already stays until its owner decides.

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::pool::Store;
use crate::store::{audit, credentials};

/// Why nothing was switched.
#[derive(Debug, thiserror::Error)]
pub enum HoldingError {
    #[error("there is no such credential")]
    NotFound,
    #[error("this credential is revoked; create a new one")]
    Revoked,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(HoldingError);

/// Switches; a credential that stands that way already is left alone and leaves no line.
pub async fn switch_holding(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    holding: bool,
    act: &Act,
) -> Result<(), HoldingError> {
    store
        .transaction(async |conn| {
            let credential = credentials::find_locked(conn, account, id).await?.ok_or(HoldingError::NotFound)?;
            if credential.revoked_at.is_some() {
                return Err(HoldingError::Revoked);
            }
            if credential.holds_late_events != holding {
                credentials::set_holding(conn, account, id, holding).await?;
                let action = if holding { Action::HoldingSwitchedOn } else { Action::HoldingSwitchedOff };
                audit::append(conn, account, act, action, &credential.username, &credential.name).await?;
            }
            Ok(())
        })
        .await
}
