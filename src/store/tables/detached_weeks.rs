//! Weeks that are no longer part of `events`, because all in them is too old, and that are not dropped yet: whoever deletes by a clock
//! that turns out to have been wrong has them back.
//!
//! A week is moved under the lock that weeks are made under, so that none is dropped that somebody attaches at the same time.

use std::time::Duration;

use diesel::sql_types::{Text, Timestamptz};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use jiff::{SignedDuration, Timestamp};

use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::detached_weeks;
use crate::store::tables::partitions::{self, LOCK, unless_attached};

/// How long a week that is detached can come back.
pub(crate) const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How often a week is tried in a row, and the time between.
const TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Timestamptz)]
    detached_at: Moment,
}

/// The detached weeks whose tables are still there, oldest first, with the time at which they were detached.
pub(crate) async fn list(conn: &mut Connection) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let rows: Vec<Row> = sql_query(
        "select d.name, d.detached_at from detached_weeks d join pg_class c on c.oid = to_regclass(d.name) \
         where not c.relispartition order by 1",
    )
    .load(conn)
    .await?;
    // Names go into statements, and those of weeks need no quotes.
    let weeks = rows.into_iter().filter(|row| partitions::ends(&row.name).is_some());
    Ok(weeks.map(|row| (row.name, row.detached_at.into())).collect())
}

/// Detaches the weeks whose every event is older than `oldest_kept`; answers with their names. While somebody reads events for long, a
/// backup for example, this fails, and is for a later time: it is not urgent.
pub async fn detach_before(
    conn: &mut Connection,
    oldest_kept: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let mut detached = Vec::new();
    for name in partitions::list(conn).await? {
        if let Some((first, end)) = partitions::bounds(&name)
            && partitions::ends(&name).is_some_and(|end| end <= oldest_kept)
        {
            let sql = format!(
                "alter table events detach partition {name}; \
                 insert into detached_weeks (name, first_id, end_id, detached_at) values ('{name}', '{first}', '{end}', '{now}') \
                 on conflict (name) do update set detached_at = excluded.detached_at"
            );
            move_week(conn, &sql).await?;
            detached.push(name);
        }
    }
    Ok(detached)
}

/// Drops the weeks that were detached a day ago or longer and are still too old; answers with their names.
pub(crate) async fn drop_before(
    conn: &mut Connection,
    oldest_kept: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    // A clock that was ahead when it detached them would keep them for as long as it was.
    diesel::update(detached_weeks::table.filter(detached_weeks::detached_at.gt(Moment(now))))
        .set(detached_weeks::detached_at.eq(Moment(now)))
        .execute(conn)
        .await?;
    let since = now.saturating_sub(KEPT_FOR).unwrap_or(now);
    let mut dropped = Vec::new();
    for name in names(conn).await? {
        let is_too_old = partitions::ends(&name).is_some_and(|end| end <= oldest_kept);
        if is_too_old && is_detached_since(conn, &name, since).await? {
            let sql = format!(
                "{}; delete from detached_weeks where name = '{name}'",
                unless_attached(&name, &format!("drop table {name}"))
            );
            move_week(conn, &sql).await?;
            dropped.push(name);
        }
    }
    Ok(dropped)
}

/// Attaches the weeks again in which something is not older than `oldest_kept`; answers with their names. One that fails keeps no other
/// from coming back.
pub(crate) async fn attach_since(conn: &mut Connection, oldest_kept: Timestamp) -> Result<Vec<String>, StoreError> {
    let mut attached = Ok(Vec::new());
    for name in names(conn).await? {
        if partitions::ends(&name).is_some_and(|end| end > oldest_kept) {
            match (partitions::attach(conn, &name).await, &mut attached) {
                (Ok(()), Ok(names)) => names.push(name),
                (Ok(()), Err(_)) => {}
                (Err(error), _) => attached = Err(error),
            }
        }
    }
    attached
}

async fn names(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    Ok(detached_weeks::table.order(detached_weeks::name).select(detached_weeks::name).load(conn).await?)
}

async fn is_detached_since(conn: &mut Connection, name: &str, since: Timestamp) -> Result<bool, StoreError> {
    let found: i64 = detached_weeks::table
        .filter(detached_weeks::name.eq(name))
        .filter(detached_weeks::detached_at.le(Moment(since)))
        .count()
        .get_result(conn)
        .await?;
    Ok(found > 0)
}

/// Detaching needs the whole table for a moment, and while it waits for those who read it, all who write wait behind it: so it waits for a
/// short time only, which nobody notices, and lets them pass before it tries again. Statements that are sent at once are a transaction.
async fn move_week(conn: &mut Connection, statements: &str) -> Result<(), StoreError> {
    let sql = format!("set local lock_timeout = '100ms'; select pg_advisory_xact_lock({LOCK}); {statements}");
    for _ in 1..TRIES {
        match conn.batch_execute(&sql).await.map_err(StoreError::from) {
            Err(error) if error.is_lock_timeout() => {}
            outcome => return outcome,
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    Ok(conn.batch_execute(&sql).await?)
}
