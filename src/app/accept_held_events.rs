//! Accepts the late events of a credential: they are stored as they would have been, in the order and with the times of their
//! first arrival, and bear the time of their acceptance.

use jiff::Timestamp;
use uuid::Uuid;

use crate::app::failure::{Failure, carries_failure};
use crate::domain::audit::{Act, Action};
use crate::domain::holding::{Accepted, forgotten_at};
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::pool::Store;
use crate::store::{audit, credentials, held_events, partitions};

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("there is no such credential")]
    NotFound,
    #[error(transparent)]
    Failed(Failure),
}

carries_failure!(AcceptError);

/// Accepts what arrived until `until`: what its owner has seen. `counter` is the program's part of the counts. Twice at the same
/// moment is once, because the second waits for the first and then finds nothing.
pub async fn accept_held_events(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    (until, retention_days): (Timestamp, u32),
    counter: Uuid,
    act: &Act,
) -> Result<Accepted, AcceptError> {
    let oldest_kept = partitions::oldest_kept(act.at, retention_days).max(forgotten_at(act.at));
    let attempt = async || {
        store
            .transaction(async |conn| {
                let credential = credentials::find_locked(conn, account, id).await?.ok_or(AcceptError::NotFound)?;
                let accepted = held_events::accept(conn, account, id, (oldest_kept, until), counter, act.at).await?;
                if accepted != Accepted::default() {
                    let (action, detail) = (Action::HeldEventsAccepted, words(accepted));
                    audit::append(conn, account, act, action, &credential.username, &detail).await?;
                }
                Ok(accepted)
            })
            .await
    };
    match attempt().await {
        Err(AcceptError::Failed(Failure::Store(error))) if error.is_missing_partition() => {
            partitions::make_ahead(store, oldest_kept, act.at).await?;
            attempt().await
        }
        outcome => outcome,
    }
}

/// `12 stored, 1 stored before, 2 too old`.
fn words(accepted: Accepted) -> String {
    let Accepted { stored, repeated, too_old } = accepted;
    let mut words = format!("{stored} stored");
    for (number, what) in [(repeated, "stored before"), (too_old, "too old")] {
        if number > 0 {
            words.push_str(&format!(", {number} {what}"));
        }
    }
    words
}
