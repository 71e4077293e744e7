//! Settings and state of the server.
//!
//! What the server says about itself: the settings that durability depends on, and its version and clock.

use diesel::sql_types::{Integer, Text, Timestamptz};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: Moment,
}

/// The value of a setting, as `show` prints it.
pub async fn show(conn: &mut Connection, name: &str) -> Result<String, StoreError> {
    let row: Value = sql_query("select current_setting($1) as value").bind::<Text, _>(name).get_result(conn).await?;
    Ok(row.value)
}

/// The encoding of the database.
pub(crate) async fn encoding(conn: &mut Connection) -> Result<String, StoreError> {
    let row: Value = sql_query(
        "select pg_encoding_to_char(encoding)::text as value from pg_database where datname = current_database()",
    )
    .get_result(conn)
    .await?;
    Ok(row.value)
}

/// What time the server has.
pub(crate) async fn clock(conn: &mut Connection) -> Result<Timestamp, StoreError> {
    let row: Now = sql_query("select clock_timestamp() as now").get_result(conn).await?;
    Ok(row.now.into())
}

/// What a process of the server waits for; nothing when it is at work, or is not there.
pub(crate) async fn wait_event(conn: &mut Connection, backend: i32) -> Result<Option<String>, StoreError> {
    let row: Option<Value> =
        sql_query("select wait_event as value from pg_stat_activity where pid = $1 and wait_event is not null")
            .bind::<Integer, _>(backend)
            .get_result(conn)
            .await
            .optional()?;
    Ok(row.map(|row| row.value))
}

/// Connections of clients that the server allows this role and database, and those that there are.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct Connections {
    #[diesel(sql_type = Integer)]
    pub(crate) allowed: i32,
    #[diesel(sql_type = Integer)]
    pub(crate) open: i32,
}

/// How many connections there may be, and how many there are.
pub(crate) async fn connections(conn: &mut Connection) -> Result<Connections, StoreError> {
    let connections = sql_query(
        "select least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, \
         nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) as allowed, \
         (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as open \
         from pg_roles r, pg_database d where r.rolname = current_user and d.datname = current_database()",
    );
    Ok(connections.get_result(conn).await?)
}
