//! What a round of upkeep leaves for the next one, and what it compares its clock with.

use diesel::dsl::max;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use crate::domain::upkeep_clock::{Clocks, Doubt, Noted};
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{event_counts, upkeep};
use crate::store::connection::settings;

/// What time it is for the database, beside what it is for the program.
pub(crate) async fn clocks(
    conn: &mut Connection,
    program: impl Fn() -> Timestamp + Send + Sync,
) -> Result<Clocks, StoreError> {
    let database = settings::clock(conn).await?;
    Ok(Clocks { program: program(), database })
}

/// The half hour of the newest stored event, as the counts have it: that reads no event. `None` after days without one.
pub(crate) async fn newest_event(conn: &mut Connection) -> Result<Option<Timestamp>, StoreError> {
    let newest: Option<Moment> = event_counts::table
        .filter(event_counts::accepted.gt(0))
        .select(max(event_counts::half_hour))
        .first(conn)
        .await?;
    Ok(newest.map(Timestamp::from))
}

/// What the last round noted, whichever program ran it.
pub(crate) async fn find_noted(conn: &mut Connection) -> Result<Option<Noted>, StoreError> {
    type Row = (Moment, Moment, Option<String>, Option<Moment>);
    let row: Option<Row> = upkeep::table
        .select((upkeep::noted_at, upkeep::steady_since, upkeep::doubt, upkeep::newest_event))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|(at, steady_since, doubt, newest_event)| Noted {
        at: at.into(),
        steady_since: steady_since.into(),
        doubt: doubt.as_deref().and_then(Doubt::from_code),
        newest_event: newest_event.map(Timestamp::from),
    }))
}

/// Notes a round in place of the last one.
pub(crate) async fn note(conn: &mut Connection, noted: &Noted) -> Result<(), StoreError> {
    let row = (
        upkeep::noted_at.eq(Moment(noted.at)),
        upkeep::steady_since.eq(Moment(noted.steady_since)),
        upkeep::doubt.eq(noted.doubt.map(Doubt::code)),
        upkeep::newest_event.eq(noted.newest_event.map(Moment)),
    );
    diesel::insert_into(upkeep::table)
        .values((upkeep::id.eq(true), row))
        .on_conflict(upkeep::id)
        .do_update()
        .set(row)
        .execute(conn)
        .await?;
    Ok(())
}
