//! Events in the order in which they became visible: what was committed between two moments. Ids cannot tell that order, since two
//! programs commit theirs as they come; Postgres can, which numbers its transactions and says which of them a moment shows.

use std::collections::HashSet;

use diesel::dsl::sql;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};
use diesel::{
    BoolExpressionMethods, BoxableExpression, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    QueryableByName, sql_query,
};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::event::{EventId, EventSummary, PREVIEW_BYTES};
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::position::{Position, Seen, Snapshot};
use crate::store::error::StoreError;
use crate::store::events::{SummaryRow, left, of_account, ranged, summary, summary_columns};
use crate::store::pool::Connection;
use crate::store::schema::{credentials, events};

/// How much older than a position the ids of unseen events can be. A body, a place in the queue and a statement may take their
/// limits, and the clocks of two programs may be seconds apart; it bounds what is read, and costs nothing while nothing is new.
const LOOK_BACK: SignedDuration = SignedDuration::from_secs(30);
/// Bodies that a search is asked about at once.
const STEP: usize = 200;
/// How many bodies it is asked about in all, for one list.
const MOST_ASKED: usize = 4_000;

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Text)]
    snapshot: String,
}

/// What is committed now.
pub async fn snapshot(conn: &mut Connection) -> Result<Snapshot, StoreError> {
    let row: Now = sql_query("select pg_current_snapshot()::text as snapshot").get_result(conn).await?;
    row.snapshot.parse().map_err(|_| StoreError::Unreadable(row.snapshot))
}

type Source = diesel::dsl::LeftJoinQuerySource<
    events::table,
    credentials::table,
    diesel::dsl::Eq<credentials::id, events::credential_id>,
>;
type Condition = Box<dyn BoxableExpression<Source, diesel::pg::Pg, SqlType = Bool>>;

fn committed_after(snapshot: &Snapshot) -> Condition {
    let text = snapshot.to_string();
    Box::new(sql::<Bool>("committed_after(events.xmin, ").bind::<Text, _>(text).sql("::pg_snapshot)"))
}

fn shown_by(snapshot: &Snapshot) -> Condition {
    let text = snapshot.to_string();
    Box::new(sql::<Bool>("not committed_after(events.xmin, ").bind::<Text, _>(text).sql("::pg_snapshot)"))
}

/// The smallest id that can be unseen at a position.
fn oldest_unseen(position: &Position) -> EventId {
    match position.seen {
        Seen::UpToId => position.at,
        _ => {
            let at = position.at.received_at();
            EventId::first_of(at.saturating_sub(LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH))
        }
    }
}

/// What is unseen at a position and shown by a snapshot, but for what a search has to be asked about.
macro_rules! arrived {
    ($account:expr, $filter:expr, $from:expr, $until:expr) => {{
        let mut query =
            ranged!($account, $filter).filter(events::id.ge(oldest_unseen($from).0)).filter(shown_by($until));
        if let Some(credential) = $filter.credential {
            query = query.filter(events::credential_id.eq(credential.0));
        }
        match &$from.seen {
            Seen::UpToId => query.filter(events::id.gt($from.at.0)),
            Seen::Shown(all) => query.filter(committed_after(all)),
            Seen::PartlyShown(all, part) => {
                let rest = events::id.gt($from.at.0).and(committed_after(all));
                query.filter(committed_after(part).or(rest))
            }
        }
    }};
}

/// Some of what arrived.
#[derive(Debug)]
pub struct Arrived {
    pub events: Vec<EventSummary>,
    /// There may be more: behind this event, for who reads on.
    pub more_after: Option<EventId>,
}

/// The newest of what is unseen at a position and shown by a snapshot, newest first. There is more when there were as many as wanted,
/// or when a search was asked about as many as it may be.
pub async fn list_newest(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    from: &Position,
    until: &Snapshot,
    want: usize,
) -> Result<Arrived, StoreError> {
    let Some(search) = &filter.query else {
        let query = arrived!(account, filter, from, until).order(events::id.desc());
        let rows: Vec<SummaryRow> = query.select(summary_columns!()).limit(want as i64).load(conn).await?;
        let events: Vec<EventSummary> = rows.into_iter().map(summary).collect();
        let more_after = events.last().filter(|_| events.len() == want).map(|event| event.id);
        return Ok(Arrived { events, more_after });
    };
    let mut found = Vec::new();
    let (mut before, mut asked) = (Uuid::max(), 0);
    loop {
        let query = arrived!(account, filter, from, until).filter(events::id.lt(before)).order(events::id.desc());
        let rows: Vec<(SummaryRow, String)> =
            query.select((summary_columns!(), events::body)).limit(STEP as i64).load(conn).await?;
        let (read, last) = (rows.len(), rows.last().map(|(row, _)| row.0));
        found.extend(rows.into_iter().filter(|(_, body)| search.matches(body)).map(|(row, _)| summary(row)));
        asked += read;
        match last {
            Some(last) if read == STEP => before = last,
            _ => return Ok(Arrived { events: found, more_after: None }),
        }
        if found.len() >= want || asked >= MOST_ASKED {
            return Ok(Arrived { events: found, more_after: Some(EventId(before)) });
        }
    }
}

/// The oldest of it, oldest first, looking at no more than so many events: who wants all goes on where it ended.
pub async fn list_oldest(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    from: &Position,
    until: &Snapshot,
    most: usize,
) -> Result<Arrived, StoreError> {
    let query = arrived!(account, filter, from, until).order(events::id.asc()).limit(most as i64);
    let (events, read, last): (Vec<EventSummary>, usize, Option<Uuid>) = match &filter.query {
        Some(search) => {
            let rows: Vec<(SummaryRow, String)> = query.select((summary_columns!(), events::body)).load(conn).await?;
            let (read, last) = (rows.len(), rows.last().map(|(row, _)| row.0));
            let passing = rows.into_iter().filter(|(_, body)| search.matches(body));
            (passing.map(|(row, _)| summary(row)).collect(), read, last)
        }
        None => {
            let rows: Vec<SummaryRow> = query.select(summary_columns!()).load(conn).await?;
            let (read, last) = (rows.len(), rows.last().map(|row| row.0));
            (rows.into_iter().map(summary).collect(), read, last)
        }
    };
    Ok(Arrived { events, more_after: last.filter(|_| read == most).map(EventId) })
}

/// How much that is, whatever a search says of it, counted up to a limit.
pub async fn count(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    from: &Position,
    until: &Snapshot,
    limit: usize,
) -> Result<usize, StoreError> {
    let query = arrived!(account, filter, from, until);
    let ids: Vec<Uuid> = query.select(events::id).limit(limit as i64).load(conn).await?;
    Ok(ids.len())
}

#[derive(QueryableByName)]
struct Account {
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
}

/// Of these accounts, those with anything that is unseen at the position beside each: in one question, whatever their number.
pub async fn accounts_with_news(
    conn: &mut Connection,
    readers: &[(AccountId, Position)],
) -> Result<HashSet<AccountId>, StoreError> {
    let shown = |position: &Position| match &position.seen {
        Seen::Shown(snapshot) | Seen::PartlyShown(snapshot, _) => Some(snapshot.to_string()),
        Seen::UpToId => None,
    };
    let (mut accounts, mut oldest, mut snapshots) = (Vec::new(), Vec::new(), Vec::new());
    for (account, position) in readers {
        if let Some(snapshot) = shown(position) {
            accounts.push(account.0);
            oldest.push(oldest_unseen(position).0);
            snapshots.push(snapshot);
        }
    }
    let rows: Vec<Account> = sql_query(
        "select account_id from unnest($1, $2, $3) as reader (account_id, oldest, seen) where exists ( \
         select from events e where e.account_id = reader.account_id and e.id >= reader.oldest \
         and committed_after(e.xmin, reader.seen::pg_snapshot))",
    )
    .bind::<Array<SqlUuid>, _>(accounts)
    .bind::<Array<SqlUuid>, _>(oldest)
    .bind::<Array<Text>, _>(snapshots)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account_id)).collect())
}
