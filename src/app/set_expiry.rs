//! Sets the date at which the password of a credential ends, changes it, or removes it.

use jiff::Timestamp;

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::credential_password::masked;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::time::full;
use crate::store::pool::Store;
use crate::store::{audit, credential_secrets, credentials};

/// Why the date stayed as it was.
#[derive(Debug, thiserror::Error)]
pub enum ExpiryError {
    #[error("there is no such credential")]
    NotFound,
    /// All have ended, and what has ended is not brought back.
    #[error("no password of this credential works any more")]
    NoPassword,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(ExpiryError);

/// Sets the date of the current password, which lies ahead; `None` removes it. The password keeps its place among the two that may
/// work: it gives it back once it has ended.
pub async fn set_expiry(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    end: Option<Timestamp>,
    act: &Act,
) -> Result<(), ExpiryError> {
    store
        .transaction(async |conn| {
            let credential = credentials::find_locked(conn, account, id).await?.ok_or(ExpiryError::NotFound)?;
            let current = credential.current(act.at).ok_or(ExpiryError::NoPassword)?;
            if current.expires_at != end {
                credential_secrets::set_expiry(conn, current.id, end).await?;
                let (action, until) = match end {
                    Some(end) => (Action::ExpirySet, format!(", until {}", full(end))),
                    None => (Action::ExpiryRemoved, String::new()),
                };
                let detail = format!("{}{until}", masked(&current.hint));
                audit::append(conn, account, act, action, &credential.username, &detail).await?;
            }
            Ok(())
        })
        .await
}
