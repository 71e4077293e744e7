//! Batched deletion of old rows.
//!
//! Rows that are too old, taken away a step at a time: however many there are, no statement takes long, and what one step did stays
//! done when the next one fails.

use std::time::{Duration, Instant};

use diesel::sql_query;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;

/// How many small rows go in one step.
pub(crate) const STEP: i64 = 10_000;
/// After each step as long as it took, and at least so long, the disk is left to others.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// Deletes the rows of a table that a condition on a moment, `$1`, calls too old; answers with how many these were. The condition
/// stands twice because a row may be used again while the statement waits for it, and then it stays.
pub(crate) async fn delete(
    conn: &mut Connection,
    table: &str,
    condition: &str,
    moment: Timestamp,
    step: i64,
) -> Result<usize, StoreError> {
    let sql = format!(
        "delete from {table} where ctid = any(array(select ctid from {table} where {condition} limit $2)) and {condition}"
    );
    execute(conn, &sql, moment, step).await
}

/// Executes a statement, which takes a moment and the size of a step, until it finds nothing to do; answers with the rows in all.
pub(crate) async fn execute(
    conn: &mut Connection,
    sql: &str,
    moment: Timestamp,
    step: i64,
) -> Result<usize, StoreError> {
    let mut all = 0;
    loop {
        let began = Instant::now();
        let statement = sql_query(sql).bind::<Timestamptz, _>(Moment(moment)).bind::<BigInt, _>(step);
        match statement.execute(conn).await? {
            0 => return Ok(all),
            rows => all += rows,
        }
        tokio::time::sleep(began.elapsed().max(LEAST_PAUSE)).await;
    }
}
