//! Totals by half hour: what charts and figures read instead of counting events.

use std::collections::HashMap;

use diesel::dsl::exists;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::position::Snapshot;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{daily_counts, event_counts};
use crate::store::connection::statement::statement;

/// The length of a bar.
pub(crate) const HALF_HOUR_SECONDS: i64 = 1_800;

/// What happened in one half hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) bytes: u64,
}

impl Counts {
    /// Takes in what happened in another time.
    pub(crate) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.bytes += other.bytes;
    }
}

/// The half hour that a moment belongs to.
pub(crate) fn half_hour_of(time: Timestamp) -> Timestamp {
    let start = time.as_second().div_euclid(HALF_HOUR_SECONDS) * HALF_HOUR_SECONDS;
    Timestamp::from_second(start).unwrap_or(time)
}

const ADD: &str = "insert into event_counts as known (account_id, credential_id, half_hour, writer, accepted, rejected, bytes, \
     header_bytes) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (account_id, credential_id, half_hour, writer) do update set \
     accepted = known.accepted + excluded.accepted, rejected = known.rejected + excluded.rejected, \
     bytes = known.bytes + excluded.bytes, header_bytes = known.header_bytes + excluded.header_bytes";

/// Adds to the counts of one credential, with the bytes of the headers that are stored. `writer` tells those who count from each other, so that nobody waits for another's rows.
pub(crate) async fn add(
    conn: &mut Connection,
    (account, credential): (AccountId, CredentialId),
    writer: Uuid,
    at: Timestamp,
    (counts, header_bytes): (Counts, u64),
) -> Result<(), StoreError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    statement(ADD)
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(credential.0)
        .bind::<Timestamptz, _>(Moment(half_hour_of(at)))
        .bind::<SqlUuid, _>(writer)
        .bind::<BigInt, _>(number(counts.accepted))
        .bind::<BigInt, _>(number(counts.rejected))
        .bind::<BigInt, _>(number(counts.bytes))
        .bind::<BigInt, _>(number(header_bytes))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether anything was accepted before the half hour of a moment.
pub(crate) async fn has_accepted_before(
    conn: &mut Connection,
    account: AccountId,
    moment: Timestamp,
) -> Result<bool, StoreError> {
    let older = event_counts::table
        .filter(event_counts::account_id.eq(account.0))
        .filter(event_counts::half_hour.lt(Moment(half_hour_of(moment))))
        .filter(event_counts::accepted.gt(0));
    let days = daily_counts::table
        .filter(daily_counts::account_id.eq(account.0))
        .filter(daily_counts::day.lt(Moment(moment)))
        .filter(daily_counts::accepted.gt(0));
    Ok(diesel::select(exists(older).or(exists(days))).get_result(conn).await?)
}

/// The counts since a moment, by credential and half hour, summed over the writers.
pub(crate) async fn list_since(
    conn: &mut Connection,
    account: AccountId,
    since: Timestamp,
) -> Result<HashMap<(CredentialId, Timestamp), Counts>, StoreError> {
    type Row = (Uuid, Moment, i64, i64, i64);
    let rows: Vec<Row> = event_counts::table
        .filter(event_counts::account_id.eq(account.0))
        .filter(event_counts::half_hour.ge(Moment(half_hour_of(since))))
        .select((
            event_counts::credential_id,
            event_counts::half_hour,
            event_counts::accepted,
            event_counts::rejected,
            event_counts::bytes,
        ))
        .load(conn)
        .await?;
    let mut sums: HashMap<(CredentialId, Timestamp), [i64; 3]> = HashMap::new();
    for (credential, half_hour, accepted, rejected, bytes) in rows {
        let sum = sums.entry((CredentialId(credential), half_hour.into())).or_default();
        // A writer that accepted late events takes away from what others counted as rejected.
        for (sum, part) in sum.iter_mut().zip([accepted, rejected, bytes]) {
            *sum += part;
        }
    }
    let counts = |sum: [i64; 3]| {
        let [accepted, rejected, bytes] = sum.map(|number| number.max(0).unsigned_abs());
        Counts { accepted, rejected, bytes }
    };
    Ok(sums.into_iter().map(|(key, sum)| (key, counts(sum))).collect())
}

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = BigInt)]
    accepted: i64,
    #[diesel(sql_type = Text)]
    snapshot: String,
}

/// How many events were accepted in a span of time, of one credential or all: to the half hour, and to the day of what is older. And
/// what was committed then.
pub(crate) async fn count_accepted(
    conn: &mut Connection,
    account: AccountId,
    credential: Option<CredentialId>,
    (since, until): (Option<Timestamp>, Option<Timestamp>),
) -> Result<(u64, Snapshot), StoreError> {
    let sql = "select coalesce(sum(accepted), 0)::bigint as accepted, snapshot_with_origin() as snapshot from ( \
               select accepted from event_counts where account_id = $1 and half_hour >= $2 \
               and ($3 is null or half_hour < $3) and ($4 is null or credential_id = $4) union all \
               select accepted from daily_counts where account_id = $1 and day >= date_trunc('day', $2, 'UTC') \
               and ($3 is null or day < $3) and ($4 is null or credential_id = $4)) as counts";
    let since = since.map_or(Timestamp::UNIX_EPOCH, half_hour_of);
    let sums: Sums = statement(sql)
        .bind::<SqlUuid, _>(account.0)
        .bind::<Timestamptz, _>(Moment(since))
        .bind::<Nullable<Timestamptz>, _>(until.map(Moment))
        .bind::<Nullable<SqlUuid>, _>(credential.map(|id| id.0))
        .get_result(conn)
        .await?;
    let snapshot = sums.snapshot.parse().map_err(|_| StoreError::Unreadable(sums.snapshot))?;
    Ok((sums.accepted.unsigned_abs(), snapshot))
}
