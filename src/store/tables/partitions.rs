//! Weekly partitions of the events table.
//!
//! The partitions of `events`: one for each week (from Thursday, where 1970 begins), made ahead of time. How they go when the whole
//! week is older than the retention is for `detached_weeks`.

use std::collections::HashSet;

use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use jiff::{SignedDuration, Timestamp};

use crate::domain::event::EventId;
use crate::domain::time::utc;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};

const WEEK_SECONDS: i64 = 7 * 24 * 3_600;
/// Any numbers will do, as long as every release uses the same. This one is for whoever makes or moves weeks.
pub(in crate::store) const LOCK: i64 = 0x7061_7274_6974;
const UPKEEP_LOCK: i64 = 0x7570_6b65_6570;
const DELETIONS_LOCK: i64 = 0x6465_6c65_7465;
const ROOM_LOCK: i64 = 0x726f_6f6d;
/// How many weeks beyond the current one are kept ready.
const WEEKS_AHEAD: i64 = 4;

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn week_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(WEEK_SECONDS)
}

fn start_of(week: i64) -> Timestamp {
    Timestamp::from_second(week * WEEK_SECONDS).unwrap_or(Timestamp::MAX)
}

fn name_of(week: i64) -> String {
    format!("events_{}", utc("%Y%m%d", start_of(week)))
}

/// Makes the partitions for this week, the one before (clocks differ) unless all in it would be older than `oldest_kept`, and some
/// ahead. Existing ones are left alone, and those that a wrong clock detached come back.
pub async fn make_ahead(store: &Store, oldest_kept: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let this_week = week_of(now);
    let needed = (this_week - 1..=this_week + WEEKS_AHEAD).filter(|week| start_of(week + 1) > oldest_kept);
    let needed: Vec<String> = needed.map(name_of).collect();
    let mut conn = store.owner_connection().await?;
    // Mostly there is nothing to do, and then nobody waits for whoever has the lock. It goes with the connection.
    if list_missing(&mut conn, &needed).await?.is_empty() {
        return Ok(());
    }
    sql_query("select pg_advisory_lock($1)").bind::<BigInt, _>(LOCK).execute(&mut conn).await?;
    // Two programs that make the same table at once fail.
    for missing in list_missing(&mut conn, &needed).await? {
        if missing.is_detached {
            attach(&mut conn, &missing.name).await?;
        } else if let Some(week) = week_named(&missing.name) {
            make(&mut conn, week).await?;
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = Text)]
    name: String,
    /// There is a table of that name, which is no partition.
    #[diesel(sql_type = Bool)]
    is_detached: bool,
}

/// Those of the partitions that there are not, oldest first.
async fn list_missing(conn: &mut Connection, needed: &[String]) -> Result<Vec<Missing>, StoreError> {
    let missing = sql_query(
        "select name, c.oid is not null as is_detached from unnest($1) as name left join pg_class c on c.oid = to_regclass(name) \
         where c.oid is null or not c.relispartition order by 1",
    );
    Ok(missing.bind::<Array<Text>, _>(needed).load(conn).await?)
}

/// Makes a week beside the table and then attaches it, which lets everybody go on reading and writing. Made as a part of the table from
/// the beginning, it would wait for whoever reads events, a backup for example, and everybody who writes would wait behind it.
async fn make(conn: &mut Connection, week: i64) -> Result<(), StoreError> {
    let (name, from, to) = (name_of(week), EventId::first_of(start_of(week)), EventId::first_of(start_of(week + 1)));
    // Names and bounds are made of digits, so nothing needs quoting; DDL takes no parameters. Both or neither: several statements that
    // are sent at once are a transaction.
    let sql = format!(
        "create table {name} (like events including all); \
         alter table events attach partition {name} for values from ('{from}') to ('{to}')"
    );
    Ok(conn.batch_execute(&sql).await?)
}

/// Attaches a week again, unless it is.
///
/// Attaching reads the whole week to see that all in it belongs there, and until then nobody can make another. So a constraint says it
/// first: that reads the week too, and keeps nobody from anything.
pub(crate) async fn attach(conn: &mut Connection, name: &str) -> Result<(), StoreError> {
    let Some((first, end)) = bounds(name) else { return Ok(()) };
    conn.batch_execute(&unless_attached(
        name,
        &format!(
            "alter table {name} drop constraint if exists {name}_bounds; \
             alter table {name} add constraint {name}_bounds check (id >= '{first}' and id < '{end}') not valid"
        ),
    ))
    .await?;
    conn.batch_execute(&format!(
        "set local statement_timeout = 0; {}",
        unless_attached(name, &format!("alter table {name} validate constraint {name}_bounds"))
    ))
    .await?;
    let attach = format!(
        "alter table events attach partition {name} for values from ('{first}') to ('{end}'); \
         alter table {name} drop constraint if exists {name}_bounds"
    );
    conn.batch_execute(&format!(
        "select pg_advisory_xact_lock({LOCK}); {}; delete from detached_weeks where name = '{name}'",
        unless_attached(name, &attach)
    ))
    .await?;
    Ok(())
}

/// The bounds of a week of ours; `None` for a name that is none, so that nothing else gets into a statement. Names and bounds are made of
/// letters and digits, so nothing needs quoting; DDL takes no parameters.
pub(in crate::store) fn bounds(name: &str) -> Option<(EventId, EventId)> {
    let week = week_named(name)?;
    Some((EventId::first_of(start_of(week)), EventId::first_of(start_of(week + 1))))
}

/// A statement that does something to a week, if its table is there and not attached when it is the statement's turn.
pub(in crate::store) fn unless_attached(name: &str, statements: &str) -> String {
    format!(
        "do $$ begin if exists (select from pg_class where oid = to_regclass('{name}') and not relispartition) \
         then {statements}; end if; end $$"
    )
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Takes the lock under which one program at a time does upkeep; `false` when another has it. It goes with the connection,
/// which therefore has to be the caller's own.
pub(crate) async fn try_lock_upkeep(conn: &mut Connection) -> Result<bool, StoreError> {
    try_lock(conn, UPKEEP_LOCK).await
}

/// The same for the deletions that people order.
pub async fn try_lock_deletions(conn: &mut Connection) -> Result<bool, StoreError> {
    try_lock(conn, DELETIONS_LOCK).await
}

/// The same for what is deleted because storage is full.
pub(crate) async fn try_lock_making_room(conn: &mut Connection) -> Result<bool, StoreError> {
    try_lock(conn, ROOM_LOCK).await
}

async fn try_lock(conn: &mut Connection, lock: i64) -> Result<bool, StoreError> {
    let row: Locked =
        sql_query("select pg_try_advisory_lock($1) as locked").bind::<BigInt, _>(lock).get_result(conn).await?;
    Ok(row.locked)
}

/// Where the part of the table begins that is written to: weeks before are over. A week that has just ended still takes what a
/// slower clock sends, so it counts as one for a day more.
pub(crate) fn open_since(now: Timestamp) -> Timestamp {
    start_of(week_of(now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now)))
}

/// When the week of a moment is over.
pub(crate) fn end_of_week(time: Timestamp) -> Timestamp {
    start_of(week_of(time) + 1)
}

/// The names of all partitions, oldest first.
pub async fn list(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    let names: Vec<Name> = sql_query(
        "select c.relname::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid \
         where i.inhparent = 'events'::regclass order by 1",
    )
    .load(conn)
    .await?;
    Ok(names.into_iter().map(|row| row.name).collect())
}

/// Which weeks there are partitions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub(crate) partitions: usize,
    /// How many weeks without a gap follow this one.
    pub(crate) weeks_ahead: usize,
}

/// How many partitions there are, and how far they reach.
pub(crate) async fn coverage(conn: &mut Connection, now: Timestamp) -> Result<Coverage, StoreError> {
    let names = list(conn).await?;
    let weeks: HashSet<i64> = names.iter().filter_map(|name| week_named(name)).collect();
    let weeks_ahead = (week_of(now) + 1..).take_while(|week| weeks.contains(week)).count();
    Ok(Coverage { partitions: names.len(), weeks_ahead })
}

/// When the week of a partition of ours ends.
pub(crate) fn ends(name: &str) -> Option<Timestamp> {
    week_named(name).map(|week| start_of(week + 1))
}

/// The partition that holds the events of a moment, if there is one.
pub fn holding(time: Timestamp) -> String {
    name_of(week_of(time))
}

/// When the week of a moment begins and ends.
pub(crate) fn week_around(time: Timestamp) -> (Timestamp, Timestamp) {
    (start_of(week_of(time)), start_of(week_of(time) + 1))
}

/// Reads a name of ours back; `None` for a table that somebody else attached.
fn week_named(name: &str) -> Option<i64> {
    let date: jiff::civil::Date = name.strip_prefix("events_")?.parse().ok()?;
    let start = jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    let week = week_of(start);
    (start_of(week) == start).then_some(week)
}

/// The moment before which nothing is kept.
pub(crate) fn oldest_kept(now: Timestamp, retention_days: u32) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * i64::from(retention_days))).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::{name_of, start_of, week_named, week_of};

    #[test]
    fn a_week_is_named_after_its_first_day_and_found_by_its_name() {
        let week = week_of("2026-11-23T08:41:12Z".parse().unwrap());
        assert_eq!(start_of(week).to_string(), "2026-11-19T00:00:00Z");
        assert_eq!(name_of(week), "events_20261119");
        assert_eq!(week_named("events_20261119"), Some(week));
        assert_eq!(week_named("events_20261120"), None);
        assert_eq!(week_named("events_of_mine"), None);
    }
}
