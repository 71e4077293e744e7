//! Deletes many events: counted before, ordered by who typed how many, and done in small steps beside everything else. An order
//! outlives the program that took it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::app::failure::Failure;
use crate::app::member_act::MemberAct;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::{AuditDetail, DeletionEnd};
use crate::domain::deletion::{Deletion, DeletionId, Matching};
use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::random;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::scan::arrivals;
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::look::stored_span;
use crate::store::scan::searching::search;
use crate::store::tables::{audit, event_deletions, event_removals, partitions};

/// How much one look takes in while counting.
const COUNTED_PART: Budget<'_> = Budget::part(5_000, 4 << 20);
/// When nobody wants to wait for the rest of a count: before the question, and for the answer, which may take longer so that what
/// was counted once is counted again.
pub(crate) const COUNTED_FOR: Duration = Duration::from_millis(1_500);
pub(crate) const COUNTED_AGAIN_FOR: Duration = Duration::from_secs(4);
/// How much one step of a deletion looks at, and so deletes at most.
const STEP: Budget<'_> = Budget::part(1_000, 1 << 20);
/// How many steps an account has in one turn: what a scan lists at once is not listed again for the next.
const STEPS: usize = 10;
/// How many scans are kept between turns. Each may have listed some hundred KB of keys.
const MAX_SCANS: usize = 16;
/// After each step as long as it took, and at least so long, the disk is left to others.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// Counts what passes a filter, until it takes too long: of what is stored now, or of what was before an id.
pub(crate) async fn count_matching(
    store: &Store,
    account: AccountId,
    filter: &EventFilter,
    end: Option<EventId>,
    time: Duration,
) -> Result<Matching, StoreError> {
    let started = Instant::now();
    let mut conn = store.connection().await?;
    let mut span = stored_span(&mut conn, account, filter).await?;
    span.end = end.map_or(span.end, |end| span.end.min(end));
    // Before the first is counted: what is committed from here on may be counted, and does not go.
    let snapshot = arrivals::snapshot(&mut conn).await?;
    drop(conn);
    let mut scan = EventScan::oldest_first(account, filter.clone(), span.clone());
    let mut found =
        Matching { span, snapshot, events: 0, bytes: 0, oldest: None, newest: None, seen: 0, is_whole: false };
    while started.elapsed() < time {
        // Like a search, also in that it ends when its reader leaves.
        let Some(part) = search(store, account, async |conn| scan.next(conn, &COUNTED_PART).await).await? else {
            found.is_whole = true;
            break;
        };
        for key in part.events {
            found.events += 1;
            found.bytes += key.bytes();
            found.oldest = found.oldest.or(Some(key.id));
            found.newest = Some(key.id);
        }
        found.seen += part.seen;
    }
    Ok(found)
}

/// Orders that the events that were counted by a filter are deleted; `false` while an earlier order of the account goes on.
pub(crate) async fn begin_deletion(
    MemberAct { store, member, act }: MemberAct<'_>,
    filter: &EventFilter,
    counted: &Matching,
    description: &str,
) -> Result<bool, Failure> {
    let (account, id) = (member.account_id, DeletionId(random::uuid_at(act.at)));
    let ordered = store
        .transaction(async |conn| {
            event_deletions::insert(conn, (account, id), (filter, counted), description, act.at).await?;
            let detail = AuditDetail::Search { search: description.to_owned() };
            audit::append(conn, account, act, AuditLine::new(Action::EventDeletionStarted, "").with(detail)).await
        })
        .await;
    match ordered {
        Ok(()) => Ok(true),
        Err(error) if error.is_duplicate_of(event_deletions::ONE_AT_A_TIME) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Calls the deletion off that goes on. What is gone stays gone.
pub(crate) async fn cancel_deletion(store: &Store, member: &Member, act: &Act) -> Result<(), Failure> {
    store
        .transaction(async |conn| {
            if event_deletions::cancel(conn, member.account_id, act.at).await? {
                audit::append(conn, member.account_id, act, AuditLine::new(Action::EventDeletionCancelled, "")).await?;
            }
            Ok(())
        })
        .await
}

/// Carries out what was ordered, unless another program is at it, and returns when nothing is left to do that can be done. That may
/// take long, so it asks for the time. Accounts take turns: a long deletion of one makes nobody wait for its end.
pub async fn carry_out_deletions(store: &Store, now: impl Fn() -> Timestamp + Send + Sync) -> Result<(), StoreError> {
    let mut lock = store.own_connection().await?;
    if !partitions::try_lock_deletions(&mut lock).await? {
        return Ok(());
    }
    let (mut failed, mut scans) = (HashSet::new(), HashMap::new());
    loop {
        let mut accounts = event_deletions::list_unfinished(&mut lock).await?;
        accounts.retain(|account| !failed.contains(account));
        if accounts.is_empty() {
            return Ok(());
        }
        for account in accounts {
            // What is wrong with one account is not to keep the others waiting.
            if let Err(error) = take_turn(store, (&mut lock, &mut scans), account, &now).await {
                tracing::warn!(%error, %account, "a deletion of events was interrupted; it goes on in a minute");
                failed.insert(account);
            }
        }
    }
}

/// The scans of deletions that have had a turn: what an index has listed for one turn is there for the next.
type Scans = HashMap<DeletionId, EventScan>;

/// Some steps of the deletion of an account.
async fn take_turn(
    store: &Store,
    (lock, scans): (&mut Connection, &mut Scans),
    account: AccountId,
    now: &(impl Fn() -> Timestamp + Sync),
) -> Result<(), StoreError> {
    let Some(deletion) = event_deletions::find_unfinished(lock, account).await? else { return Ok(()) };
    let new = |filter| EventScan::oldest_first(account, filter, deletion.span.clone());
    let mut scan = scans.remove(&deletion.id).or_else(|| deletion.filter.clone().map(new));
    for _ in 0..STEPS {
        let started = Instant::now();
        if !step(store, &deletion, scan.as_mut(), now()).await? {
            return Ok(());
        }
        tokio::time::sleep(started.elapsed().max(LEAST_PAUSE)).await;
    }
    if scans.len() < MAX_SCANS {
        scans.extend(scan.map(|scan| (deletion.id, scan)));
    }
    Ok(())
}

/// One step of a deletion; `false` when that was the last. There is no scan for one that cannot be read.
async fn step(
    store: &Store,
    deletion: &Deletion,
    scan: Option<&mut EventScan>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (account, id) = (deletion.account, deletion.id);
    // Nobody else goes on with it, so what comes next is known before the row is locked.
    let found = match scan {
        Some(scan) => scan.next(&mut *store.background_connection().await?, &STEP).await?,
        None => None,
    };
    store
        .transaction(async |conn| {
            let Some(mut deletion) = event_deletions::find_locked(conn, account, id).await? else { return Ok(false) };
            let part = found.as_ref().filter(|_| deletion.cancelled_at.is_none());
            if let Some(part) = part {
                let removed = event_deletions::delete_events(conn, account, &part.events, Some(&deletion)).await?;
                event_removals::add(conn, account, &removed).await?;
                deletion.seen += part.seen;
                deletion.deleted += removed.len() as u64;
                deletion.span.start = part.rest.from;
            } else {
                let end = match (&deletion.filter, deletion.cancelled_at) {
                    (None, _) => DeletionEnd::Unreadable,
                    (Some(_), Some(_)) => DeletionEnd::Cancelled,
                    (Some(_), None) => DeletionEnd::Done,
                };
                let (deleted, search) = (deletion.deleted, deletion.description.clone());
                let detail = AuditDetail::Deletion { deleted, search, end };
                audit::append(
                    conn,
                    account,
                    &Act::of_time(now),
                    AuditLine::new(Action::EventsDeleted, "").with(detail),
                )
                .await?;
                deletion.ended_at = Some(now);
            }
            event_deletions::advance(conn, &deletion).await?;
            Ok(part.is_some())
        })
        .await
}
