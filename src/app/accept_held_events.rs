//! Accepts the late events of a credential: they are stored as they would have been, in the order and with the times of their
//! first arrival, and bear the time of their acceptance.

use std::time::{Duration, Instant};

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

/// How long one goes on. A page waits for it, and has an end of its own.
const MAX_DURATION: Duration = Duration::from_secs(4);

/// Accepts what arrived until `until`: what its owner has seen. `counter` is the program's part of the counts. Twice at the same
/// moment is once, because the second waits for the first and then finds nothing. Many are accepted in steps, each of them whole.
pub async fn accept_held_events(
    store: &Store,
    account: AccountId,
    id: CredentialId,
    (until, retention_days): (Timestamp, u32),
    counter: Uuid,
    act: &Act,
) -> Result<Accepted, AcceptError> {
    let oldest_kept = partitions::oldest_kept(act.at, retention_days).max(forgotten_at(act.at));
    let step = async || {
        store
            .transaction(async |conn| {
                let credential = credentials::find_locked(conn, account, id).await?.ok_or(AcceptError::NotFound)?;
                let Some(end) = held_events::step_end(conn, account, id, until).await? else { return Ok(None) };
                let accepted = held_events::accept(conn, account, id, (oldest_kept, end), counter, act.at).await?;
                let (action, detail) = (Action::HeldEventsAccepted, accepted.words());
                audit::append(conn, account, act, action, &credential.username, &detail).await?;
                Ok(Some(accepted))
            })
            .await
    };
    let (mut all, began) = (Accepted::default(), Instant::now());
    loop {
        let outcome = match step().await {
            Err(AcceptError::Failed(Failure::Store(error))) if error.is_missing_partition() => {
                partitions::make_ahead(store, oldest_kept, act.at).await?;
                step().await
            }
            outcome => outcome,
        };
        let Some(accepted) = outcome? else { return Ok(all) };
        all += accepted;
        if began.elapsed() > MAX_DURATION {
            return Ok(Accepted { has_more: true, ..all });
        }
    }
}
