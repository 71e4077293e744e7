//! Tells other instances how far an export is that this one sends: behind a load balancer, the page that started it may ask any of
//! them. What is told goes through a table, beside the stream and never in its way.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::domain::export_progress::{ExportName, REMEMBERED_FOR, Report, State};
use crate::domain::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::export_progress;
use crate::store::pool::Store;

/// How often it is written down at most, but for the end.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// What says that it is under way and was not written again for so long was sent by an instance that is no more.
const SILENT_FOR: SignedDuration = SignedDuration::from_secs(30);

/// Writes down how far an export is, until it has ended. A note that fails is missed by nobody but a reader of the page.
pub async fn keep(
    store: Store,
    clock: Clock,
    (account, name): (AccountId, ExportName),
    latest: impl Fn() -> Report,
    ended: Arc<Notify>,
) {
    let began_at = clock.now();
    loop {
        let report = latest();
        let at = report.ended_at.unwrap_or_else(|| clock.now());
        let written = async {
            let mut conn = store.connection().await?;
            let told = (report.state, report.progress);
            export_progress::note(&mut conn, account, name.as_str(), told, began_at, at).await
        };
        if let Err(error) = written.await {
            tracing::debug!(%error, "how far an export is could not be written down");
        }
        if report.state != State::Running {
            return;
        }
        // Over early when the export has ended, also while the note was being written.
        let _ = tokio::time::timeout(WRITE_EVERY, ended.notified()).await;
    }
}

/// What another instance wrote down of an export.
pub async fn find(
    store: &Store,
    account: AccountId,
    name: &ExportName,
    now: Timestamp,
) -> Result<Option<Report>, StoreError> {
    let found = export_progress::find(&mut *store.connection().await?, account, name.as_str()).await?;
    Ok(found.and_then(|(state, progress, at)| {
        let is_running = state == State::Running;
        let kept_for = if is_running { SILENT_FOR } else { REMEMBERED_FOR };
        let report = Report { state, progress, ended_at: (!is_running).then_some(at) };
        (now.duration_since(at) <= kept_for).then_some(report)
    }))
}
