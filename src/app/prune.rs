//! What has to happen as time goes by: partitions are made before they are needed, and detached and dropped when all in them is too
//! old; half-hour counts become daily ones; forgotten idempotency keys, late events that nobody decided about, old rejections, ended
//! sessions and what deleted accounts left go, and so do old notes on exports. Weeks that are over get the indexes of searches.
//!
//! What time it is for this, and whether that can be believed, is for `upkeep`.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::app::delete_account::erase_leftovers;
use crate::domain::event::EventId;
use crate::domain::listing::EventFilter;
use crate::domain::retention::Retention;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::search_indexes;
use crate::store::tables::{
    accounts, alerts, counts_by_time, detached_weeks, event_deletions, event_removals, held_events, idempotency,
    known_addresses, late_events, outgoing_mails, partitions, rejections, senders, sessions,
};

/// The tasks of a round that failed. Why, is in the log; the next round tries again.
#[derive(Debug, thiserror::Error)]
#[error("failed: {}", .0.join(", "))]
pub struct Unfinished(pub Vec<&'static str>);

/// How long a task may take. Indexes of a large week take minutes.
const MAX_TASK: Duration = Duration::from_secs(2 * 3_600);

/// Goes through tasks of which none depends on another: one that fails stops nothing else.
#[derive(Default)]
pub(super) struct Round {
    failed: Vec<&'static str>,
}

impl Round {
    /// Does a task, and answers with nothing when it failed.
    pub(super) async fn attempt<T: Default>(
        &mut self,
        task: &'static str,
        doing: impl Future<Output = Result<T, StoreError>>,
    ) -> T {
        // A server that hangs says nothing for ever, and the next round would never come.
        let late = |_| StoreError::Unavailable(format!("no end within {} s", MAX_TASK.as_secs()));
        tokio::time::timeout(MAX_TASK, doing).await.map_err(late).flatten().unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(task, %error, cause, "a task of upkeep failed; the others go on");
            self.failed.push(task);
            T::default()
        })
    }

    pub(super) fn end(self) -> Result<(), Unfinished> {
        if self.failed.is_empty() { Ok(()) } else { Err(Unfinished(self.failed)) }
    }
}

/// What time it is for a round.
#[derive(Clone, Copy, Debug)]
pub(super) enum Time {
    /// So late that what is too old by it is deleted.
    Trusted(Timestamp),
    /// So late that only what can be undone is done by it: weeks are detached.
    Settling(Timestamp),
    /// So late at the earliest: nothing is too old by it.
    AtLeast(Timestamp),
}

/// Makes the partitions that writing needs soon.
pub async fn make_partitions(store: &Store, retention_days: u32, now: Timestamp) -> Result<(), StoreError> {
    partitions::make_ahead(store, partitions::oldest_kept(now, retention_days), now).await
}

/// Removes what is no longer kept at a moment that the caller vouches for; `false` when another program is at it.
pub async fn prune(store: &Store, retention_days: u32, now: Timestamp) -> Result<bool, Unfinished> {
    let mut round = Round::default();
    let Some(mut conn) = round.attempt("connecting", lock(store)).await else { return round.end().map(|()| false) };
    tidy(&mut round, store, &mut conn, retention_days, Time::Trusted(now)).await;
    index(&mut round, &mut conn, now).await;
    round.end().map(|()| true)
}

/// A connection of its own with the lock of upkeep; none when another program is at it.
async fn lock(store: &Store) -> Result<Option<Connection>, StoreError> {
    let mut conn = store.owner_connection().await?;
    Ok(partitions::try_lock_upkeep(&mut conn).await?.then_some(conn))
}

/// All but the indexes. The connection has the lock of upkeep.
pub(super) async fn tidy(round: &mut Round, store: &Store, conn: &mut Connection, retention_days: u32, time: Time) {
    let (Time::Trusted(now) | Time::Settling(now) | Time::AtLeast(now)) = time;
    let oldest_kept = partitions::oldest_kept(now, retention_days);
    // First, because these are weeks that somebody may be looking for.
    let back = round.attempt("weeks that come back", detached_weeks::attach_since(conn, oldest_kept)).await;
    if !back.is_empty() {
        tracing::info!(weeks = ?back, "weeks that had been detached are not too old and are back, with their events");
    }
    if !matches!(time, Time::AtLeast(_)) {
        let detached = round.attempt("weeks", detached_weeks::detach_before(conn, oldest_kept, now)).await;
        if !detached.is_empty() {
            tracing::info!(weeks = ?detached, "detached weeks that are too old; they are dropped a day later");
        }
    }
    let trusted_now = matches!(time, Time::Trusted(_)).then_some(now);
    if trusted_now.is_some() {
        delete(round, store, conn, retention_days, now).await;
    }
    round.attempt("deleted accounts", erase_leftovers(store, trusted_now)).await;
}

/// Removes what is no longer kept.
async fn delete(round: &mut Round, store: &Store, conn: &mut Connection, retention_days: u32, now: Timestamp) {
    let oldest_kept = partitions::oldest_kept(now, retention_days);
    let dropped = round.attempt("detached weeks", detached_weeks::drop_before(conn, oldest_kept, now)).await;
    let keys = round.attempt("idempotency keys", idempotency::prune(conn, now)).await;
    let held = round.attempt("late events", held_events::prune(conn, oldest_kept, now)).await;
    let refused = round.attempt("rejections", rejections::prune(conn, oldest_kept, now)).await;
    let ended = round.attempt("sessions", sessions::prune(conn, now)).await;
    round.attempt("addresses of users", known_addresses::prune(conn, now)).await;
    round.attempt("mails", outgoing_mails::prune(conn, now)).await;
    round.attempt("alerts", alerts::prune(conn, now)).await;
    round.attempt("counts", counts_by_time::compact(conn, now)).await;
    round.attempt("addresses of senders", senders::prune(conn, now)).await;
    let removals = round.attempt("counts of deletions", event_removals::prune(conn, oldest_kept)).await;
    round.attempt("notes of late events", late_events::prune(conn, oldest_kept)).await;
    let expired = round.attempt("retention of accounts", erase_expired(store, retention_days, now)).await;
    if !dropped.is_empty() || keys + held + refused + ended + removals + expired > 0 {
        tracing::info!(?dropped, keys, held, refused, ended, removals, expired, "pruned");
    }
}

/// The indexes of weeks that are over. Comes last in a round, because it may take minutes.
pub(super) async fn index(round: &mut Round, conn: &mut Connection, now: Timestamp) {
    let indexed = round.attempt("indexes of searches", search_indexes::make(conn, now)).await;
    if !indexed.is_empty() {
        tracing::info!(?indexed, "made the indexes that searches of closed weeks use");
    }
}

/// How much goes in one statement.
const STEP: Budget<'_> = Budget::part(1_000, u64::MAX);
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
        let mut scan = EventScan::oldest_first(account, EventFilter::default(), span);
        loop {
            let started = Instant::now();
            let mut conn = store.background_connection().await?;
            let Some(part) = scan.next(&mut conn, &STEP).await? else { break };
            erased += event_deletions::delete_events(&mut conn, account, &part.events, None).await?.len();
            drop(conn);
            tokio::time::sleep(started.elapsed().max(LEAST_PAUSE)).await;
        }
    }
    Ok(erased)
}
