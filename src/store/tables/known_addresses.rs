//! Addresses that users have signed in from, as the keys of rate limits are made of them.

use std::net::IpAddr;

use diesel::sql_types::{Inet, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::UserId;
use crate::store::connection::columns::{Moment, inet};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{known_addresses, users};
use crate::store::connection::statement::statement;
use crate::store::tables::old_rows;

/// For how long an address is known that nobody signs in from.
const ADDRESS_LASTS: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Notes that a user has signed in from an address. The twenty that were used last are kept.
pub(crate) async fn note(
    conn: &mut Connection,
    user: UserId,
    address: IpAddr,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Each part sees the table as it was before: nineteen of the others stay.
    statement(
        "with noted as (insert into known_addresses (user_id, address, last_at) values ($1, $2, $3) \
             on conflict (user_id, address) do update set last_at = excluded.last_at) \
         delete from known_addresses where user_id = $1 and address in \
             (select address from known_addresses where user_id = $1 and address <> $2 order by last_at desc offset 19)",
    )
    .bind::<SqlUuid, _>(user.0)
    .bind::<Inet, _>(inet(address))
    .bind::<Timestamptz, _>(Moment(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the user with an email address has signed in from an address.
pub(crate) async fn contains(
    conn: &mut Connection,
    email: &str,
    address: IpAddr,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let oldest = now.saturating_sub(ADDRESS_LASTS).unwrap_or(now);
    let count: i64 = known_addresses::table
        .inner_join(users::table)
        .filter(users::email.eq(email))
        .filter(known_addresses::address.eq(inet(address)))
        .filter(known_addresses::last_at.gt(Moment(oldest)))
        .count()
        .get_result(conn)
        .await?;
    Ok(count > 0)
}

/// Forgets those that were not used for long.
pub(crate) async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let oldest = now.saturating_sub(ADDRESS_LASTS).unwrap_or(now);
    old_rows::delete(conn, "known_addresses", "last_at <= $1", oldest, old_rows::STEP).await
}
