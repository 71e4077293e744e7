//! Disables a credential, which its owner can take back, and enables it again.

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::pool::Store;
use crate::store::{audit, credentials};

/// Why nothing was switched.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    #[error("there is no such credential")]
    NotFound,
    #[error("this credential is revoked; create a new one")]
    Revoked,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(SwitchError);

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    Enable,
    Disable,
}

/// Switches; a credential that stands that way already is left alone and leaves no line.
pub async fn switch_credential(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    switch: Switch,
    act: &Act,
) -> Result<(), SwitchError> {
    store
        .transaction(async |conn| {
            let credential = credentials::find_locked(conn, account, id).await?.ok_or(SwitchError::NotFound)?;
            if credential.revoked_at.is_some() {
                return Err(SwitchError::Revoked);
            }
            let (at, action) = match switch {
                Switch::Enable => (None, Action::CredentialEnabled),
                Switch::Disable => (Some(act.at), Action::CredentialDisabled),
            };
            if credential.disabled_at.is_some() != at.is_some() {
                credentials::set_disabled_at(conn, account, id, at).await?;
                audit::append(conn, account, act, action, &credential.username, &credential.name).await?;
            }
            Ok(())
        })
        .await
}
