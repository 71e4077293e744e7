//! Events in the order in which they became visible: what was committed between two moments. Ids cannot tell that order, since two
//! programs commit theirs as they come; Postgres can, which numbers its transactions and says which of them a moment shows. Which of
//! them a search finds is asked in `found_arrivals`.

use std::collections::HashSet;

use diesel::dsl::sql;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel::{
    BoolExpressionMethods, BoxableExpression, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    QueryableByName, sql_query,
};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::event::{EventId, EventSummary, PREVIEW_BYTES};
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::listing::EventFilter;
use crate::domain::position::{Position, Seen, Snapshot};
use crate::store::error::StoreError;
use crate::store::events::{SummaryRow, left, of_account, ranged, summary, summary_columns};
use crate::store::pool::Connection;
use crate::store::schema::{credentials, events};
use crate::store::statement::statement;

/// How much older than a position the ids of unseen events can be. A body, a place in the queue and a statement may take their
/// limits, and the clocks of two programs may be seconds apart; it bounds what is read, and costs nothing while nothing is new.
const LOOK_BACK: SignedDuration = SignedDuration::from_secs(30);
/// How many events of one account are looked at for the question whether it has any news. Where there are more, it is said to have some:
/// who then looks comes to an end, and one busy account does not make all the others wait.
const MOST_SEEN: i64 = 20_000;

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Text)]
    snapshot: String,
}

/// What is committed now.
pub async fn snapshot(conn: &mut Connection) -> Result<Snapshot, StoreError> {
    let row: Now = statement("select pg_current_snapshot()::text as snapshot").get_result(conn).await?;
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

/// At most so many of what is unseen at a position and shown by a snapshot, the newest first or the oldest first. There may be more when
/// there were as many as wanted. The search of the filter is not asked.
pub async fn list(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    (from, until): (&Position, &Snapshot),
    newest_first: bool,
    want: usize,
) -> Result<Arrived, StoreError> {
    let query = arrived!(account, filter, from, until);
    let query = if newest_first { query.order(events::id.desc()) } else { query.order(events::id.asc()) };
    let rows: Vec<SummaryRow> = query.select(summary_columns!()).limit(want as i64).load(conn).await?;
    let events: Vec<EventSummary> = rows.into_iter().map(summary).collect();
    let more_after = events.last().filter(|_| events.len() == want).map(|event| event.id);
    Ok(Arrived { events, more_after })
}

/// The key of an event, with what decides whether a search has to be asked about it and how much that is.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub id: EventId,
    pub credential: CredentialId,
    pub size_bytes: u64,
}

/// The keys of the same, of whichever credential, beyond an id: without what they bear, and so without reading much.
pub async fn list_keys(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    (from, until): (&Position, &Snapshot),
    newest_first: bool,
    (beyond, most): (Option<EventId>, usize),
) -> Result<Vec<Key>, StoreError> {
    let of_all = EventFilter { credential: None, query: None, ..filter.clone() };
    let mut query = arrived!(account, of_all, from, until);
    query = if newest_first { query.order(events::id.desc()) } else { query.order(events::id.asc()) };
    query = match beyond {
        Some(id) if newest_first => query.filter(events::id.lt(id.0)),
        Some(id) => query.filter(events::id.gt(id.0)),
        None => query,
    };
    let columns = (events::id, events::credential_id, events::size_bytes);
    let rows: Vec<(Uuid, Uuid, i32)> = query.select(columns).limit(most as i64).load(conn).await?;
    let key = |(id, credential, size): (Uuid, Uuid, i32)| Key {
        id: EventId(id),
        credential: CredentialId(credential),
        size_bytes: u64::from(size.unsigned_abs()),
    };
    Ok(rows.into_iter().map(key).collect())
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
struct ReaderNumber {
    #[diesel(sql_type = BigInt)]
    place: i64,
}

/// Of these accounts with a position each, the places of those with anything that is unseen there: in one question, whatever their number.
pub async fn with_news(conn: &mut Connection, readers: &[(AccountId, Position)]) -> Result<HashSet<usize>, StoreError> {
    let (mut places, mut accounts, mut oldest, mut snapshots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, (account, position)) in readers.iter().enumerate() {
        if let Seen::Shown(snapshot) | Seen::PartlyShown(snapshot, _) = &position.seen {
            places.push(place as i64);
            accounts.push(account.0);
            oldest.push(oldest_unseen(position).0);
            snapshots.push(snapshot.to_string());
        }
    }
    // The snapshots are read once each, and not beside every event.
    let rows: Vec<ReaderNumber> = sql_query(
        "select place from unnest($1, $2, $3, $4::pg_snapshot[]) as reader (place, account_id, oldest, seen) where ( \
         select count(*) = $5 or coalesce(bool_or(committed_after(part.xid, reader.seen)), false) from ( \
         select e.xmin as xid from events e where e.account_id = reader.account_id and e.id >= reader.oldest limit $5) as part)",
    )
    .bind::<Array<BigInt>, _>(places)
    .bind::<Array<SqlUuid>, _>(accounts)
    .bind::<Array<SqlUuid>, _>(oldest)
    .bind::<Array<Text>, _>(snapshots)
    .bind::<BigInt, _>(MOST_SEEN)
    .load(conn)
    .await?;
    Ok(rows.into_iter().filter_map(|row| usize::try_from(row.place).ok()).collect())
}
