//! What has to happen as time goes by: partitions are made before they are needed and dropped when all in them is too old;
//! half-hour counts become daily ones; forgotten idempotency keys, late events that nobody decided about, old rejections, ended
//! sessions and what deleted accounts left go. Weeks that are over get the indexes of searches.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::app::delete_account::erase_leftovers;
use crate::domain::event::EventId;
use crate::domain::retention::Retention;
use crate::store::error::StoreError;
use crate::store::event_batches::PartLimit;
use crate::store::pool::Store;
use crate::store::{
    accounts, counts_by_time, event_batches, event_removals, held_events, idempotency, partitions, rejections,
    search_indexes, senders, sessions,
};

/// Makes the partitions that writing needs soon.
pub async fn make_partitions(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    partitions::make_ahead(store, now).await
}

/// Removes what is no longer kept, unless another program is at it.
pub async fn prune(store: &Store, retention_days: u32, now: Timestamp) -> Result<(), StoreError> {
    let mut conn = store.own_connection().await?;
    if !partitions::try_lock_upkeep(&mut conn).await? {
        return Ok(());
    }
    let oldest_kept = partitions::oldest_kept(now, retention_days);
    let dropped = partitions::drop_before(&mut conn, oldest_kept).await?;
    let keys = idempotency::prune(&mut conn, now).await?;
    let held = held_events::prune(&mut conn, oldest_kept, now).await?;
    let refused = rejections::prune(&mut conn, oldest_kept).await?;
    let ended = sessions::prune(&mut conn, now).await?;
    counts_by_time::compact(&mut conn, now).await?;
    senders::prune(&mut conn, now).await?;
    let removals = event_removals::prune(&mut conn, oldest_kept).await?;
    let expired = erase_expired(store, retention_days, now).await?;
    erase_leftovers(store, now).await?;
    if !dropped.is_empty() || keys + held + refused + ended + removals + expired > 0 {
        tracing::info!(?dropped, keys, held, refused, ended, removals, expired, "pruned");
    }
    // Last, because it may take minutes.
    let indexed = search_indexes::make(&mut conn, now).await?;
    if !indexed.is_empty() {
        tracing::info!(?indexed, "made the indexes that searches of closed weeks use");
    }
    Ok(())
}

/// How much goes in one statement.
const STEP: PartLimit = PartLimit { events: 1_000, bytes: u64::MAX };
/// After each step as long as it took, and at least so long, the disk is left to others.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// Erases what accounts keep shorter than the installation, once its week is over: nobody sees it any more, and the part of the
/// table that is written to is left alone.
async fn erase_expired(store: &Store, installation_days: u32, now: Timestamp) -> Result<usize, StoreError> {
    let mut erased = 0;
    for (account, days) in accounts::list_retentions(&mut *store.connection().await?).await? {
        let retention = Retention { installation_days, account_days: Some(days) };
        if !retention.is_shortened() {
            // Its events go with the installation's weeks.
            continue;
        }
        let end = retention.kept_since(now).min(partitions::open_since(now));
        let span = EventId(uuid::Uuid::nil())..EventId::first_of(end);
        loop {
            let started = Instant::now();
            let mut conn = store.background_connection().await?;
            let Some(part) = event_batches::next_part(&mut conn, account, &span, STEP).await? else { break };
            let found = event_batches::list_sizes(&mut conn, account, None, &(span.start..part.end)).await?;
            erased += event_batches::delete(&mut conn, account, &found, None).await?.len();
            drop(conn);
            tokio::time::sleep(started.elapsed().max(LEAST_PAUSE)).await;
        }
    }
    Ok(erased)
}
