//! How far exports are, as the instance that sends one tells the others. Rows are of use for a minute.

use diesel::query_dsl::methods::FilterDsl;
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};

use crate::domain::export_progress::{Progress, State};
use crate::domain::ids::AccountId;
use crate::store::columns::Moment;
use crate::store::error::StoreError;
use crate::store::old_rows;
use crate::store::pool::Connection;
use crate::store::schema::export_progress;

/// A row that nobody reads any more goes after this long.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Writes down how far the export with a name is now, unless a later one has the name.
pub async fn note(
    conn: &mut Connection,
    account: AccountId,
    name: &str,
    (state, progress): (State, Progress),
    began_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let figures = (
        export_progress::state.eq(state.name()),
        export_progress::seen.eq(number(progress.seen)),
        export_progress::expected.eq(number(progress.expected)),
        export_progress::events.eq(number(progress.events)),
        export_progress::bytes.eq(number(progress.bytes)),
        export_progress::began_at.eq(Moment(began_at)),
        export_progress::updated_at.eq(Moment(now)),
    );
    diesel::insert_into(export_progress::table)
        .values((export_progress::account_id.eq(account.0), export_progress::name.eq(name), figures))
        .on_conflict((export_progress::account_id, export_progress::name))
        .do_update()
        .set(figures)
        .filter(export_progress::began_at.le(Moment(began_at)))
        .execute(conn)
        .await?;
    Ok(())
}

/// What was last written down of an export of an account, and when.
pub async fn find(
    conn: &mut Connection,
    account: AccountId,
    name: &str,
) -> Result<Option<(State, Progress, Timestamp)>, StoreError> {
    let row: Vec<(String, i64, i64, i64, i64, Moment)> = export_progress::table
        .find((account.0, name))
        .select((
            export_progress::state,
            export_progress::seen,
            export_progress::expected,
            export_progress::events,
            export_progress::bytes,
            export_progress::updated_at,
        ))
        .load(conn)
        .await?;
    let Some((state, seen, expected, events, bytes, at)) = row.into_iter().next() else { return Ok(None) };
    let [seen, expected, events, bytes] = [seen, expected, events, bytes].map(i64::unsigned_abs);
    // A state that only a newer release knows is none that could be told.
    Ok(State::named(&state).map(|state| (state, Progress { seen, expected, events, bytes }, at.into())))
}

/// Deletes what nobody reads any more; how many rows these were.
pub async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let oldest_kept = now.saturating_sub(KEPT_FOR).unwrap_or(now);
    old_rows::delete(conn, "export_progress", "updated_at <= $1", oldest_kept, old_rows::STEP).await
}
