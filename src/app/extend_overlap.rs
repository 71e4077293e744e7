//! Extends an overlap, once: the replaced password works for as long again as was chosen when it was replaced.

use jiff::Timestamp;

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::credential_password::masked;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::time::full;
use crate::store::pool::Store;
use crate::store::{audit, credential_secrets, credentials};

/// Why the overlap ends when it did before.
#[derive(Debug, thiserror::Error)]
pub enum ExtendError {
    #[error("there is no such credential")]
    NotFound,
    /// What has expired or is revoked is not brought back.
    #[error("no old password of this credential works any more")]
    NoOverlap,
    #[error("this overlap was extended before, and can be once")]
    AlreadyExtended,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(ExtendError);

/// Extends it; answers with its new end.
pub async fn extend_overlap(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    act: &Act,
) -> Result<Timestamp, ExtendError> {
    store
        .transaction(async |conn| {
            let credential = credentials::find_locked(conn, account, id).await?.ok_or(ExtendError::NotFound)?;
            let old = credential.expiring(act.at).ok_or(ExtendError::NoOverlap)?;
            let before = old.expires_at.ok_or(ExtendError::NoOverlap)?;
            let overlap = old.extension(act.at).ok_or(ExtendError::AlreadyExtended)?;
            let end = overlap.end(before);
            credential_secrets::extend(conn, old.id, end, act.at).await?;
            let detail = format!("{} for another {}, until {}", masked(&old.hint), overlap.words(), full(end));
            audit::append(conn, account, act, Action::OverlapExtended, &credential.username, &detail).await?;
            Ok(end)
        })
        .await
}
