//! Discards the late events of a credential, unread.

use jiff::Timestamp;

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::credential::Credential;
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::error::StoreError;
use crate::store::pool::{Connection, Store};
use crate::store::{audit, credentials, held_events};

/// Why nothing was discarded.
#[derive(Debug, thiserror::Error)]
pub enum DiscardError {
    #[error("there is no such credential")]
    NotFound,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(DiscardError);

/// Discards what arrived until `until`: what its owner has seen. Answers with how many.
pub async fn discard_held_events(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    until: Timestamp,
    act: &Act,
) -> Result<u64, DiscardError> {
    store
        .transaction(async |conn| {
            let credential = credentials::find_locked(conn, account, id).await?.ok_or(DiscardError::NotFound)?;
            Ok(discard_until(conn, account, &credential, until, act).await?)
        })
        .await
}

/// The same within another act, such as a revocation: what a revoked password brought is not held.
pub async fn discard_until(
    conn: &mut Connection,
    account: AccountId,
    credential: &Credential,
    until: Timestamp,
    act: &Act,
) -> Result<u64, StoreError> {
    let discarded = held_events::discard(conn, account, credential.id, until).await?;
    if discarded > 0 {
        let (action, detail) = (Action::HeldEventsDiscarded, format!("{discarded} discarded"));
        audit::append(conn, account, act, action, &credential.username, &detail).await?;
    }
    Ok(discarded as u64)
}
