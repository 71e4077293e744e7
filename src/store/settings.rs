//! What the server says about itself: the settings that durability depends on, and its version and clock.

use diesel::sql_types::{Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use crate::store::columns::Moment;
use crate::store::error::StoreError;
use crate::store::pool::Connection;

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
pub async fn encoding(conn: &mut Connection) -> Result<String, StoreError> {
    let row: Value = sql_query(
        "select pg_encoding_to_char(encoding)::text as value from pg_database where datname = current_database()",
    )
    .get_result(conn)
    .await?;
    Ok(row.value)
}

/// What time the server has.
pub async fn clock(conn: &mut Connection) -> Result<Timestamp, StoreError> {
    let row: Now = sql_query("select clock_timestamp() as now").get_result(conn).await?;
    Ok(row.now.into())
}
