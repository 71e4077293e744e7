//! Accounts that are gone, and what they left in tables without foreign keys: events, late events, counts, rejections, idempotency keys.
//! It is erased in small steps, so that senders of other accounts never wait for it.

use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::account::{Holdings, MOST_COUNTED};
use crate::domain::ids::AccountId;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{deleted_accounts, events};
use crate::store::tables::detached_weeks;

/// Rows that one statement deletes at most.
const STEP: i64 = 1_000;

pub(crate) async fn insert(conn: &mut Connection, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    diesel::insert_into(deleted_accounts::table)
        .values((deleted_accounts::account_id.eq(account.0), deleted_accounts::deleted_at.eq(Moment(now))))
        .execute(conn)
        .await?;
    Ok(())
}

/// The accounts that may have left something, with the time of their end.
pub(crate) async fn list(conn: &mut Connection) -> Result<Vec<(AccountId, Timestamp)>, StoreError> {
    let rows: Vec<(Uuid, Moment)> = deleted_accounts::table
        .order(deleted_accounts::deleted_at)
        .select((deleted_accounts::account_id, deleted_accounts::deleted_at))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(account, at)| (AccountId(account), at.into())).collect())
}

/// No longer looks for what the account may have left.
pub(crate) async fn forget(conn: &mut Connection, account: AccountId) -> Result<(), StoreError> {
    diesel::delete(deleted_accounts::table.find(account.0)).execute(conn).await?;
    Ok(())
}

/// Erases the oldest events that are left, a step of them; how many these were.
pub(crate) async fn erase_events(conn: &mut Connection, account: AccountId) -> Result<usize, StoreError> {
    let ids: Vec<Uuid> = events::table
        .filter(events::account_id.eq(account.0))
        .order(events::id.asc())
        .select(events::id)
        .limit(STEP)
        .load(conn)
        .await?;
    let (Some(first), Some(last)) = (ids.as_slice().first(), ids.as_slice().last()) else { return Ok(0) };
    // A range of ids touches the partitions of that time and no others.
    let step =
        events::table.filter(events::account_id.eq(account.0)).filter(events::id.ge(first)).filter(events::id.le(last));
    Ok(diesel::delete(step).execute(conn).await?)
}

/// The same in the weeks that are detached from the table and may come back.
pub(crate) async fn erase_detached_events(conn: &mut Connection, account: AccountId) -> Result<usize, StoreError> {
    let mut erased = 0;
    for (week, _) in detached_weeks::list(conn).await? {
        erased += erase_step(conn, &week, account).await?;
    }
    Ok(erased)
}

/// Erases some of what an account has in a table, which has no range that a step could go by.
async fn erase_step(conn: &mut Connection, table: &str, account: AccountId) -> Result<usize, StoreError> {
    let sql =
        format!("delete from {table} where ctid = any(array(select ctid from {table} where account_id = $1 limit $2))");
    Ok(sql_query(sql).bind::<SqlUuid, _>(account.0).bind::<BigInt, _>(STEP).execute(conn).await?)
}

/// Erases some of the rest; how many rows these were.
pub(crate) async fn erase_notes(conn: &mut Connection, account: AccountId) -> Result<usize, StoreError> {
    let mut erased = 0;
    for table in ["held_events", "late_events", "rejections", "idempotency_keys", "daily_counts", "senders"] {
        erased += erase_step(conn, table, account).await?;
    }
    for table in ["event_counts", "event_removals", "event_deletions"] {
        erased += sql_query(format!("delete from {table} where account_id = $1"))
            .bind::<SqlUuid, _>(account.0)
            .execute(conn)
            .await?;
    }
    Ok(erased)
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    credentials: i64,
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = BigInt)]
    rejections: i64,
}

/// What an account would lose. Counting stops where it would take long.
pub(crate) async fn holdings(conn: &mut Connection, account: AccountId) -> Result<Holdings, StoreError> {
    let sql = "select (select count(*) from credentials where account_id = $1 and revoked_at is null) as credentials, \
               (select count(*) from (select from events where account_id = $1 limit $2) as counted) as events, \
               (select count(*) from (select from rejections where account_id = $1 limit $2) as counted) as rejections";
    let limit = i64::try_from(MOST_COUNTED + 1).unwrap_or(i64::MAX);
    let counted: Counted =
        sql_query(sql).bind::<SqlUuid, _>(account.0).bind::<BigInt, _>(limit).get_result(conn).await?;
    Ok(Holdings {
        credentials: counted.credentials.unsigned_abs(),
        events: counted.events.unsigned_abs(),
        rejections: counted.rejections.unsigned_abs(),
    })
}
