//! The counts of an account by half hours and days, for charts: as many rows as there are bars, whatever was counted. And what keeps the
//! tables small: counts of what is over are added together.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{AccountId, CredentialId};
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::statement::statement;
use crate::store::tables::event_counts::{Counts, half_hour_of};
use crate::store::tables::old_rows;
use crate::store::tables::senders::{self, InUse};

/// Half hours that ended this long ago have one row for each credential, and no longer one for each writer.
const MERGED_AFTER: SignedDuration = SignedDuration::from_hours(2);
/// Half hours that are older than this are in one row with the others of their day.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Days are kept for the longest chart, and for whoever asks the database.
const DAYS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What stands above lists: the counts, each with when it begins, and from how many addresses accepted events came.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    pub(crate) counts: BTreeMap<Timestamp, Counts>,
    pub(crate) in_use: InUse,
}

/// Where there are no counts, there is one row without a time.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    time: Option<Moment>,
    #[diesel(sql_type = Nullable<BigInt>)]
    accepted: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    rejected: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    bytes: Option<i64>,
    #[diesel(sql_type = BigInt)]
    addresses: i64,
    #[diesel(sql_type = Bool)]
    or_more: bool,
}

/// Both in one round trip. Of the addresses of a credential, what gave way was not in use after what is kept, so only one that is full of
/// what counts may have had more. A day that a program of an earlier release put together has no half hours: most of it is in the bar of
/// its noon.
const OVERVIEW: &str = "with in_use as (select credential_id, remote_ip from senders \
     where account_id = $1 and last_seen_at >= $2[1] and ($3 is null or credential_id = $3)), \
     half_hours as (select half_hour as time, accepted, rejected, bytes from event_counts \
     where account_id = $1 and half_hour >= $2[1] and ($3 is null or credential_id = $3) \
     union all select parts.* from daily_counts, unnest(half_hours, accepted_parts, rejected_parts, bytes_parts) as parts \
     where account_id = $1 and day > $2[1] - interval '1 day' and ($3 is null or credential_id = $3) \
     union all select day + interval '12 hours', accepted, rejected, bytes from daily_counts \
     where account_id = $1 and day > $2[1] - interval '1 day' and half_hours is null and ($3 is null or credential_id = $3)), \
     counted as (select $2[width_bucket(time, $2)] as time, sum(accepted)::bigint as accepted, sum(rejected)::bigint as rejected, \
     sum(bytes)::bigint as bytes from half_hours where time >= $2[1] group by 1) \
     select counted.*, used.* from (select (select count(distinct remote_ip) from in_use) as addresses, \
     exists (select from in_use group by credential_id having count(*) >= $4) as or_more) as used \
     left join counted on true";

/// In bars, of one credential or of all: `bounds` are when each begins, and when the last one ends.
pub(crate) async fn overview(
    conn: &mut Connection,
    account: AccountId,
    credential: Option<CredentialId>,
    bounds: &[Timestamp],
) -> Result<Overview, StoreError> {
    let rows: Vec<Row> = statement(OVERVIEW)
        .bind::<SqlUuid, _>(account.0)
        .bind::<Array<Timestamptz>, _>(bounds.iter().copied().map(Moment).collect::<Vec<_>>())
        .bind::<Nullable<SqlUuid>, _>(credential.map(|id| id.0))
        .bind::<BigInt, _>(senders::MOST_OF_CREDENTIAL)
        .load(conn)
        .await?;
    let first = rows.as_slice().first();
    let in_use = InUse {
        addresses: first.map_or(0, |row| row.addresses.unsigned_abs()),
        or_more: first.is_some_and(|row| row.or_more),
    };
    let number = |n: Option<i64>| n.unwrap_or_default().max(0).unsigned_abs();
    let counts =
        |row: &Row| Counts { accepted: number(row.accepted), rejected: number(row.rejected), bytes: number(row.bytes) };
    let counts = rows.iter().filter_map(|row| Some((row.time?.into(), counts(row)))).collect();
    Ok(Overview { counts, in_use })
}

/// The rows of one writer among others are added to the row of nobody, whose id is nil.
const MERGE: &str = "with merged as (delete from event_counts where ctid = any(array(select ctid from event_counts \
     where half_hour < $1 and writer <> '00000000-0000-0000-0000-000000000000' limit $2)) \
     and half_hour < $1 and writer <> '00000000-0000-0000-0000-000000000000' returning *) \
     insert into event_counts as known (account_id, credential_id, half_hour, writer, accepted, rejected, bytes, \
     header_bytes) select account_id, credential_id, half_hour, '00000000-0000-0000-0000-000000000000', sum(accepted), sum(rejected), \
     sum(bytes), sum(header_bytes) \
     from merged group by account_id, credential_id, half_hour \
     on conflict (account_id, credential_id, half_hour, writer) do update set \
     accepted = known.accepted + excluded.accepted, rejected = known.rejected + excluded.rejected, \
     bytes = known.bytes + excluded.bytes, header_bytes = known.header_bytes + excluded.header_bytes";
const ADD_TO_DAYS: &str = "with over as (delete from event_counts where ctid = any(array(select ctid from event_counts \
     where half_hour < $1 limit $2)) and half_hour < $1 returning *) \
     insert into daily_counts as known (account_id, credential_id, day, accepted, rejected, bytes, header_bytes, \
     half_hours, accepted_parts, rejected_parts, bytes_parts) \
     select account_id, credential_id, date_trunc('day', half_hour, 'UTC'), sum(accepted), sum(rejected), sum(bytes), \
     sum(header_bytes), array_agg(half_hour), array_agg(accepted), array_agg(rejected), array_agg(bytes) \
     from over group by 1, 2, 3 on conflict (account_id, credential_id, day) do update set \
     accepted = known.accepted + excluded.accepted, rejected = known.rejected + excluded.rejected, \
     bytes = known.bytes + excluded.bytes, header_bytes = known.header_bytes + excluded.header_bytes, \
     half_hours = case when known.half_hours is not null then known.half_hours || excluded.half_hours end, \
     accepted_parts = known.accepted_parts || excluded.accepted_parts, \
     rejected_parts = known.rejected_parts || excluded.rejected_parts, bytes_parts = known.bytes_parts || excluded.bytes_parts";

/// Adds together what is over: the rows of all writers of a half hour, then the half hours of a day. Each step is one statement, so
/// nobody reads a count twice or misses one, and whoever still adds to an old half hour begins a new row, for the next time.
pub(crate) async fn compact(conn: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    let before = |age: SignedDuration| now.saturating_sub(age).unwrap_or(Timestamp::UNIX_EPOCH);
    old_rows::execute(conn, MERGE, half_hour_of(before(MERGED_AFTER)), old_rows::STEP).await?;
    old_rows::execute(conn, ADD_TO_DAYS, half_hour_of(before(KEPT_FOR)), old_rows::STEP).await?;
    old_rows::delete(conn, "daily_counts", "day < $1", before(DAYS_KEPT_FOR), old_rows::STEP).await?;
    Ok(())
}
