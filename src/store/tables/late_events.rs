//! The events that were accepted late, for those who follow: by their ids they would not be found behind a position.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::position::Snapshot;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::statement::statement;
use crate::store::tables::old_rows;

/// How many are listed at once.
pub(crate) const MOST_LISTED: usize = 1_000;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The first of those between two ids that were committed after one snapshot and are shown by another. Older ids than `before` are not
/// unseen but for being late, and nothing was accepted before it that is.
pub(crate) async fn list(
    conn: &mut Connection,
    account: AccountId,
    (after, before): (EventId, EventId),
    (seen, until): (&Snapshot, &Snapshot),
) -> Result<Vec<EventId>, StoreError> {
    let sql = "select id from late_events where account_id = $1 and accepted_at >= $2 and id > $3 and id < $4 \
               and committed_after(xmin, $5::pg_snapshot) and not committed_after(xmin, $6::pg_snapshot) order by id limit $7";
    let rows: Vec<Row> = statement(sql)
        .bind::<SqlUuid, _>(account.0)
        .bind::<Timestamptz, _>(Moment(before.received_at()))
        .bind::<SqlUuid, _>(after.0)
        .bind::<SqlUuid, _>(before.0)
        .bind::<Text, _>(seen.as_postgres().to_owned())
        .bind::<Text, _>(until.as_postgres().to_owned())
        .bind::<BigInt, _>(MOST_LISTED as i64)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| EventId(row.id)).collect())
}

/// Forgets those of whose time nothing is kept.
pub(crate) async fn prune(conn: &mut Connection, oldest_kept: Timestamp) -> Result<usize, StoreError> {
    old_rows::delete(conn, "late_events", "accepted_at < $1", oldest_kept, old_rows::STEP).await
}
