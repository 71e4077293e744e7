//! Keeps accounts within their storage limits: says whose is full, and deletes the oldest events of those that have chosen it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::account_limits::WhenFull;
use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::keys::Key;
use crate::store::tables::account_limits::{self, StorageUse};
use crate::store::tables::{event_deletions, event_removals, partitions};

/// How much of an account goes in one statement, and how often in one round, so that every account has its turn.
const STEP_EVENTS: u64 = 1_000;
const STEPS: usize = 20;
/// After each step as long as it took, and at least so long, the disk is left to others.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// The accounts that store nothing more for now: those that refuse at their limit, and those whose oldest events do not make room fast
/// enough.
pub(crate) fn full(used: &[StorageUse]) -> HashSet<AccountId> {
    let is_full = |one: &&StorageUse| {
        let limits = match one.when_full {
            WhenFull::Refuse => one.limits,
            WhenFull::DeleteOldest => one.limits.with_slack(),
        };
        limits.are_reached(one.events, one.bytes)
    };
    used.iter().filter(is_full).map(|one| one.account).collect()
}

/// How much each account with a limit has stored of what is kept.
pub(crate) async fn list_used(
    store: &Store,
    retention_days: u32,
    now: Timestamp,
) -> Result<Vec<StorageUse>, StoreError> {
    let oldest_kept = partitions::oldest_kept(now, retention_days);
    account_limits::list_storage(&mut *store.background_connection().await?, now, oldest_kept).await
}

/// Whether the oldest events of an account are to go.
pub(crate) fn wants_room(one: &StorageUse) -> bool {
    one.when_full == WhenFull::DeleteOldest && one.limits.are_reached(one.events, one.bytes)
}

/// Deletes the oldest events that count, of accounts that have chosen it and are at their limit, as many as are too many, in steps.
pub(crate) async fn make_room(store: &Store, used: &[StorageUse]) -> Result<(), StoreError> {
    let crowded: Vec<&StorageUse> = used.iter().filter(|one| wants_room(one)).collect();
    if crowded.is_empty() {
        return Ok(());
    }
    let mut lock = store.own_connection().await?;
    // Where another program is at it, this one looks again soon.
    if !partitions::try_lock_making_room(&mut lock).await? {
        return Ok(());
    }
    for one in crowded {
        // What is wrong with one account is not to keep the others full.
        if let Err(error) = make_room_in(store, one).await {
            tracing::warn!(%error, account = %one.account, "no room was made in an account that is full");
        }
    }
    Ok(())
}

/// What is too much in an account.
#[derive(Clone, Copy)]
struct Surplus {
    events: u64,
    bytes: u64,
}

impl Surplus {
    /// As many of some events, from the first on, as are enough to go.
    fn within(self, found: &[Key]) -> &[Key] {
        let (mut events, mut bytes) = (0, 0);
        let is_needed = |key: &&Key| {
            let is_missing = events < self.events || bytes < self.bytes;
            events += 1;
            bytes += key.stored_bytes();
            is_missing
        };
        &found[..found.iter().take_while(is_needed).count()]
    }
}

async fn make_room_in(store: &Store, used: &StorageUse) -> Result<(), StoreError> {
    let StorageUse { account, limits, mut events, mut bytes, counted_since, .. } = *used;
    // What is older goes by itself, or is shown again when it is kept for longer. It does not count, so that its end makes no room.
    let counted = EventFilter { since: Some(counted_since), ..EventFilter::default() };
    let mut scan = EventScan::at(account, &counted, Cursor::After(EventId(uuid::Uuid::nil())));
    for _ in 0..STEPS {
        // One event less than may be, so that the next one has room.
        let surplus = Surplus {
            events: limits.events.map_or(0, |most| (events + 1).saturating_sub(most)),
            bytes: limits.bytes.map_or(0, |most| (bytes + 1).saturating_sub(most)),
        };
        // How many events have so many bytes is not known before they are looked at.
        let step = if surplus.bytes > 0 { STEP_EVENTS } else { surplus.events.min(STEP_EVENTS) };
        if step == 0 {
            break;
        }
        let began = Instant::now();
        let mut conn = store.background_connection().await?;
        let Some(part) = scan.next(&mut conn, &Budget::part(step, u64::MAX)).await? else { break };
        drop(conn);
        let gone = store
            .transaction(async |conn| {
                let gone = event_deletions::delete_events(conn, account, surplus.within(&part.events), None).await?;
                event_removals::add(conn, account, &gone).await?;
                Ok::<_, StoreError>(gone)
            })
            .await?;
        events = events.saturating_sub(gone.len() as u64);
        bytes = bytes.saturating_sub(gone.iter().map(Key::stored_bytes).sum());
        tokio::time::sleep(began.elapsed().max(LEAST_PAUSE)).await;
    }
    Ok(())
}
