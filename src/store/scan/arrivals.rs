//! Arrivals: events in the order in which they became visible, by what was committed between two moments. Ids cannot tell that order, since
//! two programs commit theirs as they come; Postgres can, which numbers its transactions and says which of them a moment shows.

use std::collections::HashSet;

use diesel::dsl::sql;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::position::{Position, Seen, Snapshot};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::events;
use crate::store::connection::statement::statement;
use crate::store::scan::span::{Events, OnEvents};

/// How many events of one account are looked at for the question whether it has any news. Where there are more, it is said to have some:
/// who then looks comes to an end, and one busy account does not make all the others wait.
const MOST_SEEN: i64 = 20_000;

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Text)]
    snapshot: String,
}

/// What is committed now.
pub(crate) async fn snapshot(conn: &mut Connection) -> Result<Snapshot, StoreError> {
    let row: Now = statement("select snapshot_with_origin() as snapshot").get_result(conn).await?;
    row.snapshot.parse().map_err(|_| StoreError::Unreadable(row.snapshot))
}

/// The events that were committed after a snapshot.
fn committed_after(snapshot: &Snapshot) -> OnEvents {
    let after = sql::<Bool>("committed_after(events.xmin, ").bind::<Text, _>(snapshot.as_postgres().to_owned());
    Box::new(after.sql("::pg_snapshot)"))
}

/// The events that a snapshot shows.
pub(crate) fn shown_by(snapshot: &Snapshot) -> OnEvents {
    Box::new(diesel::dsl::not(committed_after(snapshot)))
}

/// The smallest id that can be unseen at a position, but for events that were accepted late.
pub(crate) fn oldest_unseen(position: &Position) -> EventId {
    match position.seen {
        Seen::UpToId | Seen::ShownUpToId(_) => position.at,
        _ => position.oldest_unseen(),
    }
}

/// Those of a query that are unseen at a position and shown by a snapshot.
pub(crate) fn unseen(query: Events, from: &Position, until: &Snapshot) -> Events {
    let query = query.filter(shown_by(until));
    match &from.seen {
        Seen::UpToId | Seen::ShownUpToId(_) => query.filter(events::id.gt(from.at.0)),
        Seen::Shown(all) => query.filter(committed_after(all)),
        Seen::PartlyShown(all, part) => {
            let rest = events::id.gt(from.at.0).and(committed_after(all));
            query.filter(committed_after(part).or(rest))
        }
        // These are listed, and not looked for by their ids.
        Seen::LateShown(..) => query.filter(sql::<Bool>("false")),
    }
}

#[derive(QueryableByName)]
struct ReaderNumber {
    #[diesel(sql_type = BigInt)]
    place: i64,
}

/// Of these accounts with a position each, the places of those with anything that is unseen there: in one question, whatever their number.
pub(crate) async fn with_news(
    conn: &mut Connection,
    readers: &[(AccountId, Position)],
) -> Result<HashSet<usize>, StoreError> {
    let (mut places, mut accounts, mut oldest, mut snapshots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, (account, position)) in readers.iter().enumerate() {
        if let Seen::Shown(snapshot) | Seen::PartlyShown(snapshot, _) = &position.seen {
            places.push(place as i64);
            accounts.push(account.0);
            oldest.push(oldest_unseen(position).0);
            snapshots.push(snapshot.as_postgres().to_owned());
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
