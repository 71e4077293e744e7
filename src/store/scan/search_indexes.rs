//! The indexes that searches of closed weeks use. The week that is being written has no index but its key; once it is over, its
//! partition gets one of trigrams (`pg_trgm`) over the bodies, and a small one of the bodies that may spell ordinary characters as
//! escapes. Without the extension there are none, and searches read closed weeks event by event.

use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use jiff::{SignedDuration, Timestamp};

use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::partitions;

/// A week is closed so long after its end: clocks differ, and what was in flight has been written. Late events that are accepted
/// afterwards go into the indexes like any other row.
const CLOSED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// The bodies with their ASCII letters in lower case and no others, whatever the locale of the database thinks of them: what the
/// index is over, and what searches compare.
pub(crate) const LOWER_BODY: &str = "lower(body collate \"C\")";
/// A body that has the beginning of an escape for a character up to U+00FF.
pub(crate) const HAS_SHORT_ESCAPE: &str = r"strpos(body, E'\\u00') > 0";

/// What making an index may take of the database server's memory while it lasts. An index of trigrams is gathered in memory and
/// merged into its file each time this is full, so little memory means many merges.
const BUILD_MEMORY: &str = "'256MB'";

const TRIGRAMS: &str = "_trigrams";
const ESCAPES: &str = "_escapes";

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Whether the database has the extension.
pub async fn has_extension(conn: &mut Connection) -> Result<bool, StoreError> {
    let query = sql_query("select exists (select from pg_extension where extname = 'pg_trgm') as yes");
    let answer: Answer = query.get_result(conn).await?;
    Ok(answer.yes)
}

/// Whether upkeep can make the extension: it is installed on the server, and the role may create it in this database.
pub(crate) async fn may_make_extension(conn: &mut Connection) -> Result<bool, StoreError> {
    let answer: Answer = sql_query(
        "select exists (select from pg_available_extension_versions where name = 'pg_trgm' and \
         ((trusted or not superuser) and has_database_privilege(current_database(), 'create') \
         or (select rolsuper from pg_roles where rolname = current_user))) as yes",
    )
    .get_result(conn)
    .await?;
    Ok(answer.yes)
}

/// The partitions that have both indexes, whole, oldest first.
pub async fn list_indexed(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    let names: Vec<Name> = sql_query(format!(
        "select t.relname::text as name from pg_inherits h join pg_class t on t.oid = h.inhrelid \
         where h.inhparent = 'events'::regclass and 2 = (select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid \
         where i.indrelid = t.oid and i.indisvalid and c.relname in (t.relname || '{TRIGRAMS}', t.relname || '{ESCAPES}')) \
         order by 1"
    ))
    .load(conn)
    .await?;
    Ok(names.into_iter().map(|row| row.name).collect())
}

/// The partitions of weeks that are over, oldest first.
pub(crate) async fn list_closed(conn: &mut Connection, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let closed_before = now.saturating_sub(CLOSED_AFTER).unwrap_or(now);
    let mut closed = partitions::list(conn).await?;
    closed.retain(|name| partitions::ends(name).is_some_and(|end| end <= closed_before));
    Ok(closed)
}

/// Makes the indexes that closed weeks lack, one after the other, without keeping anybody from reading or writing; answers with the
/// partitions that got them and have events. What a crash left half made is dropped and made again. `conn` is the caller's own and
/// holds the lock of upkeep; its limits on waiting are lifted.
pub async fn make(conn: &mut Connection, now: Timestamp) -> Result<Vec<String>, StoreError> {
    if !has_extension(conn).await? {
        // Allowed to the owner of a database where the extension is installed; whoever may not goes without.
        if let Err(error) = conn.batch_execute("create extension if not exists pg_trgm").await {
            tracing::debug!(%error, "there is no pg_trgm: closed weeks get no index");
            return Ok(Vec::new());
        }
    }
    let indexed = list_indexed(conn).await?;
    let mut made = Vec::new();
    for table in list_closed(conn, now).await? {
        if indexed.contains(&table) {
            continue;
        }
        conn.batch_execute(&format!(
            "set statement_timeout = 0; set lock_timeout = 0; set maintenance_work_mem = {BUILD_MEMORY}"
        ))
        .await?;
        // Names of ours are letters and digits, so nothing needs quoting.
        make_one(conn, &table, TRIGRAMS, &format!("using gin (({LOWER_BODY}) gin_trgm_ops)")).await?;
        make_one(conn, &table, ESCAPES, &format!("(account_id, id) where {HAS_SHORT_ESCAPE}")).await?;
        // So that the planner knows how frequent a text is.
        conn.batch_execute(&format!("analyze {table}")).await?;
        let has_events: Answer =
            sql_query(format!("select exists (select from {table}) as yes")).get_result(conn).await?;
        if has_events.yes {
            made.push(table);
        }
    }
    Ok(made)
}

async fn make_one(conn: &mut Connection, table: &str, suffix: &str, what: &str) -> Result<(), StoreError> {
    let name = format!("{table}{suffix}");
    let broken: Number = sql_query("select count(*) as n from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname = $1 and not i.indisvalid")
        .bind::<Text, _>(&name)
        .get_result(conn)
        .await?;
    if broken.n > 0 {
        conn.batch_execute(&format!("drop index concurrently if exists {name}")).await?;
    }
    conn.batch_execute(&format!("create index concurrently if not exists {name} on {table} {what}")).await?;
    Ok(())
}
