//! What has to happen as time goes by: partitions are made before they are needed and dropped when all in them is too old;
//! half-hour counts become daily ones; forgotten idempotency keys, late events that nobody decided about, old rejections, ended
//! sessions and what deleted accounts left go. Weeks that are over get the indexes of searches.

use jiff::Timestamp;

use crate::app::delete_account::erase_leftovers;
use crate::store::error::StoreError;
use crate::store::pool::Store;
use crate::store::{
    counts_by_time, held_events, idempotency, partitions, rejections, search_indexes, senders, sessions,
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
    erase_leftovers(store, now).await?;
    if !dropped.is_empty() || keys + held + refused + ended > 0 {
        tracing::info!(?dropped, keys, held, refused, ended, "pruned");
    }
    // Last, because it may take minutes.
    let indexed = search_indexes::make(&mut conn, now).await?;
    if !indexed.is_empty() {
        tracing::info!(?indexed, "made the indexes that searches of closed weeks use");
    }
    Ok(())
}
