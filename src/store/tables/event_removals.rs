//! What was deleted before its time, by half hour of its arrival: less this, the counts say what is stored.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::AccountId;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::statement::statement;
use crate::store::scan::keys::Key;
use crate::store::tables::event_counts::half_hour_of;
use crate::store::tables::old_rows;

/// How much is stored, in events and in bytes of their bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Of those events that came since headers are counted.
    pub(crate) header_bytes: u64,
}

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = BigInt)]
    header_bytes: i64,
}

/// Writes down that these events are gone.
pub(crate) async fn add(conn: &mut Connection, account: AccountId, removed: &[Key]) -> Result<(), StoreError> {
    let mut sums: BTreeMap<Timestamp, (i64, i64, i64, Uuid)> = BTreeMap::new();
    for key in removed {
        let sum = sums.entry(half_hour_of(key.id.received_at())).or_default();
        sum.0 += 1;
        sum.1 += i64::from(key.size_bytes);
        sum.2 += i64::from(key.header_bytes);
        sum.3 = sum.3.max(key.id.0);
    }
    for (half_hour, (events, bytes, header_bytes, newest)) in sums {
        let sql = "insert into event_removals as known (account_id, half_hour, events, bytes, header_bytes, newest_id) \
                   values ($1, $2, $3, $4, $5, $6) on conflict (account_id, half_hour) do update set \
                   events = known.events + excluded.events, bytes = known.bytes + excluded.bytes, \
                   header_bytes = known.header_bytes + excluded.header_bytes, newest_id = greatest(known.newest_id, excluded.newest_id)";
        statement(sql)
            .bind::<SqlUuid, _>(account.0)
            .bind::<Timestamptz, _>(Moment(half_hour))
            .bind::<BigInt, _>(events)
            .bind::<BigInt, _>(bytes)
            .bind::<BigInt, _>(header_bytes)
            .bind::<SqlUuid, _>(newest)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// What an account has stored of what arrived from one moment on, and before another where one is named: to the half hour, and to the
/// day of what is older.
pub(crate) async fn stored_between(
    conn: &mut Connection,
    account: AccountId,
    since: Timestamp,
    until: Option<Timestamp>,
) -> Result<Stored, StoreError> {
    let sql = "select (coalesce(sum(events), 0))::bigint as events, \
               (coalesce(sum(bytes), 0))::bigint as bytes, (coalesce(sum(header_bytes), 0))::bigint as header_bytes from (\
               select accepted as events, bytes, header_bytes from event_counts where account_id = $1 and half_hour >= $2 \
               and ($3 is null or half_hour < $3) union all \
               select accepted, bytes, header_bytes from daily_counts where account_id = $1 and day >= date_trunc('day', $2, 'UTC') \
               and ($3 is null or day < $3) union all \
               select -events, -bytes, -header_bytes from event_removals where account_id = $1 and half_hour >= $2 \
               and ($3 is null or half_hour < $3)) as changes";
    let sums: Sums = statement(sql)
        .bind::<SqlUuid, _>(account.0)
        .bind::<Timestamptz, _>(Moment(half_hour_of(since)))
        .bind::<Nullable<Timestamptz>, _>(until.map(Moment))
        .get_result(conn)
        .await?;
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Stored { events: number(sums.events), bytes: number(sums.bytes), header_bytes: number(sums.header_bytes) })
}

/// Forgets what was removed so long ago that nothing of its time is kept.
pub(crate) async fn prune(conn: &mut Connection, oldest_kept: Timestamp) -> Result<usize, StoreError> {
    old_rows::delete(conn, "event_removals", "half_hour < $1", half_hour_of(oldest_kept), old_rows::STEP).await
}
