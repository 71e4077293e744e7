//! The counts of an account by half hour and by day, for charts: as many rows as there are bars, whatever was counted. And what keeps the
//! tables small: counts of what is over are added together.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{AccountId, CredentialId};
use crate::store::columns::Moment;
use crate::store::error::StoreError;
use crate::store::event_counts::{Counts, half_hour_of};
use crate::store::old_rows;
use crate::store::pool::Connection;
use crate::store::statement::statement;

/// Half hours that ended this long ago have one row for each credential, and no longer one for each writer.
const MERGED_AFTER: SignedDuration = SignedDuration::from_hours(2);
/// Half hours that are older than this are counted with their day.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Days are kept for the longest chart, and for whoever asks the database.
const DAYS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Timestamptz)]
    time: Moment,
    #[diesel(sql_type = BigInt)]
    accepted: i64,
    #[diesel(sql_type = BigInt)]
    rejected: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

const BY_HALF_HOUR: &str = "select half_hour as time, sum(accepted)::bigint as accepted, sum(rejected)::bigint as rejected, \
     sum(bytes)::bigint as bytes from event_counts \
     where account_id = $1 and half_hour >= $2 and ($3 is null or credential_id = $3) group by 1";
const BY_DAY: &str = "select day as time, sum(accepted)::bigint as accepted, sum(rejected)::bigint as rejected, \
     sum(bytes)::bigint as bytes from ( \
     select day, accepted, rejected, bytes from daily_counts \
     where account_id = $1 and day >= $2 and ($3 is null or credential_id = $3) \
     union all select date_trunc('day', half_hour, 'UTC'), accepted, rejected, bytes from event_counts \
     where account_id = $1 and half_hour >= $2 and ($3 is null or credential_id = $3)) as counts group by 1";

async fn list(
    conn: &mut Connection,
    sql: &'static str,
    account: AccountId,
    credential: Option<CredentialId>,
    since: Timestamp,
) -> Result<BTreeMap<Timestamp, Counts>, StoreError> {
    let rows: Vec<Row> = statement(sql)
        .bind::<SqlUuid, _>(account.0)
        .bind::<Timestamptz, _>(Moment(since))
        .bind::<Nullable<SqlUuid>, _>(credential.map(|id| id.0))
        .load(conn)
        .await?;
    let counts = |row: &Row| Counts {
        accepted: row.accepted.unsigned_abs(),
        rejected: row.rejected.unsigned_abs(),
        bytes: row.bytes.unsigned_abs(),
    };
    Ok(rows.iter().map(|row| (row.time.into(), counts(row))).collect())
}

/// The counts since a moment by half hour, of one credential or of all.
pub async fn list_half_hours(
    conn: &mut Connection,
    account: AccountId,
    credential: Option<CredentialId>,
    since: Timestamp,
) -> Result<BTreeMap<Timestamp, Counts>, StoreError> {
    list(conn, BY_HALF_HOUR, account, credential, since).await
}

/// The counts since the beginning of a day by day, of one credential or of all.
pub async fn list_days(
    conn: &mut Connection,
    account: AccountId,
    credential: Option<CredentialId>,
    since: Timestamp,
) -> Result<BTreeMap<Timestamp, Counts>, StoreError> {
    list(conn, BY_DAY, account, credential, since).await
}

/// The rows of one writer among others are added to the row of nobody, whose id is nil.
const MERGE: &str = "with merged as (delete from event_counts where ctid = any(array(select ctid from event_counts \
     where half_hour < $1 and writer <> '00000000-0000-0000-0000-000000000000' limit $2)) \
     and half_hour < $1 and writer <> '00000000-0000-0000-0000-000000000000' returning *) \
     insert into event_counts as known (account_id, credential_id, half_hour, writer, accepted, rejected, bytes) \
     select account_id, credential_id, half_hour, '00000000-0000-0000-0000-000000000000', sum(accepted), sum(rejected), sum(bytes) \
     from merged group by account_id, credential_id, half_hour \
     on conflict (account_id, credential_id, half_hour, writer) do update set \
     accepted = known.accepted + excluded.accepted, rejected = known.rejected + excluded.rejected, \
     bytes = known.bytes + excluded.bytes";
const ADD_TO_DAYS: &str = "with over as (delete from event_counts where ctid = any(array(select ctid from event_counts \
     where half_hour < $1 limit $2)) and half_hour < $1 returning *) \
     insert into daily_counts as known (account_id, credential_id, day, accepted, rejected, bytes) \
     select account_id, credential_id, date_trunc('day', half_hour, 'UTC'), sum(accepted), sum(rejected), sum(bytes) \
     from over group by 1, 2, 3 on conflict (account_id, credential_id, day) do update set \
     accepted = known.accepted + excluded.accepted, rejected = known.rejected + excluded.rejected, \
     bytes = known.bytes + excluded.bytes";

/// Adds together what is over: the rows of all writers of a half hour, then the half hours of a day. Each step is one statement, so
/// nobody reads a count twice or misses one, and whoever still adds to an old half hour begins a new row, for the next time.
pub async fn compact(conn: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    let before = |age: SignedDuration| now.saturating_sub(age).unwrap_or(Timestamp::UNIX_EPOCH);
    old_rows::execute(conn, MERGE, half_hour_of(before(MERGED_AFTER)), old_rows::STEP).await?;
    old_rows::execute(conn, ADD_TO_DAYS, half_hour_of(before(KEPT_FOR)), old_rows::STEP).await?;
    old_rows::delete(conn, "daily_counts", "day < $1", before(DAYS_KEPT_FOR), old_rows::STEP).await?;
    Ok(())
}
