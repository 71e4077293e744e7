//! Following: what is unseen at a position, in the order in which it was committed, a bounded part at a time; and what of it may be
//! missing. Who stored the events of a moment in two programs, or accepted some late, made ids that say nothing of that order.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::domain::consumer::Truncated;
use crate::domain::event::{EventId, EventSummary};
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::position::{Position, Seen, Snapshot};
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::statement::statement;
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::look::Found;
use crate::store::tables::event_counts::half_hour_of;
use crate::store::tables::{events, late_events};

/// What was read from a position.
pub(crate) struct Pulled {
    /// In the order in which they were committed.
    pub(crate) rows: Vec<EventSummary>,
    /// The position behind each row, and behind some that were deleted meanwhile.
    positions: Vec<(EventId, Position)>,
    /// The step that it was read in, from here on: nothing unseen lies before it.
    pub(crate) from: Position,
    /// Behind it.
    pub(crate) position: Position,
    /// There was no more.
    pub(crate) caught_up: bool,
    /// The position that it was read from is of another database.
    pub(crate) is_restored: bool,
    /// Events behind the position were deleted, which was not told of before.
    pub(crate) is_missing: bool,
}

impl Pulled {
    /// Of who begins at a position.
    pub(crate) fn nothing(position: Position) -> Self {
        let (rows, positions, from) = (Vec::new(), Vec::new(), position.clone());
        Self { rows, positions, from, position, caught_up: true, is_restored: false, is_missing: false }
    }

    /// The position behind one of its events.
    pub(crate) fn behind(&self, id: EventId) -> Option<&Position> {
        self.positions.iter().find(|(event, _)| *event == id).map(|(_, position)| position)
    }

    /// Why events may be missing there, as it was told by then.
    pub(crate) fn truncated(&self, told: Option<Truncated>) -> Option<Truncated> {
        let missing = self.is_missing.then_some(Truncated::Deletion);
        if self.is_restored { Some(Truncated::Unknown) } else { told.or(missing) }
    }
}

/// What is committed at a moment, and what that means to somebody at a position.
#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Text)]
    snapshot: String,
    #[diesel(sql_type = Bool)]
    has_late: bool,
    #[diesel(sql_type = Bool)]
    is_missing: bool,
}

/// Asked in one statement, so that the snapshot shows exactly what the answers are about. A half hour whose deletions a release wrote that
/// knew no ids counts as a whole.
const NOW: &str = "select snapshot_with_origin() as snapshot, \
    $2 is not null and exists (select from late_events l where l.account_id = $1 and l.accepted_at >= $3 and l.id < $4 \
    and committed_after(l.xmin, $2::pg_snapshot)) as has_late, \
    $2 is not null and exists (select from event_removals r where r.account_id = $1 and r.half_hour >= $5 \
    and (r.half_hour > $5 or r.newest_id > $6) and ($7 is null or committed_after(r.xmin, $7::pg_snapshot))) as is_missing";

async fn ask(conn: &mut Connection, account: AccountId, from: &Position, now: EventId) -> Result<Now, StoreError> {
    let text = |snapshot: Option<&Snapshot>| snapshot.map(|snapshot| snapshot.as_postgres().to_owned());
    let oldest = Position { at: from.at.min(now), ..from.clone() }.oldest_unseen();
    let asked = statement(NOW)
        .bind::<SqlUuid, _>(account.0)
        .bind::<Nullable<Text>, _>(text(from.newest()))
        .bind::<Timestamptz, _>(Moment(oldest.received_at()))
        .bind::<SqlUuid, _>(oldest.0)
        .bind::<Timestamptz, _>(Moment(half_hour_of(from.at.received_at())))
        .bind::<SqlUuid, _>(from.at.0)
        .bind::<Nullable<Text>, _>(text(from.deletions_told()));
    Ok(asked.get_result(conn).await?)
}

/// Reads what is unseen at a position: at most so many events that pass a filter, of one step, so that the position behind them says which
/// of its events are seen.
pub(crate) async fn pull(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    (from, now): (&Position, EventId),
    (limit, budget): (usize, Budget<'_>),
) -> Result<Pulled, StoreError> {
    let Now { snapshot, has_late, is_missing } = ask(conn, account, from, now).await?;
    let until: Snapshot = snapshot.parse().map_err(|_| StoreError::Unreadable(snapshot))?;
    let mut understood = from.clone().understood_at(&until);
    let is_restored = understood.seen == Seen::UpToId && from.seen != Seen::UpToId;
    if is_missing && !is_restored {
        understood.told = Some(until.clone());
    }
    let mut step = understood.clone();
    let mut steps = understood.steps(&until, now, has_late).into_iter().peekable();
    let (mut positions, mut reached) = (Vec::new(), None);
    while let Some((from, until)) = steps.next() {
        let found = look(conn, account, filter, (&from, &until), (limit, budget)).await?;
        let last = match found.next {
            Some(Cursor::After(id) | Cursor::Before(id)) => Some(id),
            _ => found.ids.last().copied().filter(|_| steps.peek().is_some()),
        };
        positions = found.ids.iter().map(|id| (*id, from.within(*id, &until))).collect();
        reached = last.map(|id| from.within(id, &until));
        step = from;
        if reached.is_some() {
            break;
        }
    }
    let ids: Vec<EventId> = positions.iter().map(|(id, _)| *id).collect();
    let mut rows = events::list_summaries(conn, account, &ids).await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    let caught_up = reached.is_none();
    let position = reached.unwrap_or_else(|| Position::shown(now, until));
    Ok(Pulled { rows, positions, from: step, position, caught_up, is_restored, is_missing })
}

/// One look at a step.
pub(super) async fn look(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    (from, until): (&Position, &Snapshot),
    (limit, budget): (usize, Budget<'_>),
) -> Result<Found, StoreError> {
    let Seen::LateShown(all, _, after) = &from.seen else {
        return EventScan::of_arrivals(account, filter, (from, until), false).look(conn, limit, budget).await;
    };
    let ids = late_events::list(conn, account, (*after, from.oldest_unseen()), (all, until)).await?;
    let last = ids.last().copied().filter(|_| ids.len() == late_events::MOST_LISTED);
    let filter = EventFilter { ids: Some(ids), ..filter.clone() };
    let found = EventScan::at(account, &filter, Cursor::After(*after)).look(conn, limit, budget).await?;
    Ok(Found { next: found.next.or(last.map(Cursor::After)), ..found })
}
