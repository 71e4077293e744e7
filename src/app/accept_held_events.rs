//! Accepts the late events of a credential: they are stored as they would have been, in the order and with the times of their
//! first arrival, and bear the time of their acceptance.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::app::credential_act::{CredentialAct, CredentialError};
use crate::app::failure::Failure;
use crate::domain::audit::Action;
use crate::domain::audit_detail::AuditDetail;
use crate::domain::holding::{Accepted, HeldRange, forgotten_at};
use crate::store::tables::{held_events, partitions};

/// How long one goes on. A page waits for it, and has an end of its own.
const MAX_DURATION: Duration = Duration::from_secs(4);

/// Accepts a range: what its owner has seen, or one event. `counter` is the program's part of the counts. Twice at the same
/// moment is once, because the second waits for the first and then finds nothing. Many are accepted in steps, each of them whole.
pub(crate) async fn accept_held_events(
    on: CredentialAct<'_>,
    (range, retention_days): (HeldRange, u32),
    counter: Uuid,
) -> Result<Accepted, CredentialError> {
    let now = on.act.at;
    let oldest_kept = partitions::oldest_kept(now, retention_days).max(forgotten_at(now));
    let step = async || {
        on.decide(async |conn, credential| {
            let Some(end) = held_events::step_end(conn, on.account, on.id, range).await? else { return Ok(None) };
            let step = HeldRange { until: end, ..range };
            let accepted = held_events::accept(conn, (on.account, on.id), (oldest_kept, step), counter, now).await?;
            on.note(conn, credential, Action::HeldEventsAccepted, AuditDetail::HeldAccepted(accepted)).await?;
            Ok(Some(accepted))
        })
        .await
    };
    let (mut all, began) = (Accepted::default(), Instant::now());
    loop {
        let outcome = match step().await {
            Err(CredentialError::Failed(Failure::Store(error))) if error.is_missing_partition() => {
                partitions::make_ahead(on.store, oldest_kept, now).await?;
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
