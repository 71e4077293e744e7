//! Totals by half hour: what charts and figures read instead of counting events.

use std::collections::{BTreeMap, HashMap};

use diesel::upsert::excluded;
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::{AccountId, CredentialId};
use crate::store::columns::Moment;
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::schema::event_counts;

/// The length of a bar.
pub const HALF_HOUR_SECONDS: i64 = 1_800;

/// What happened in one half hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub accepted: u64,
    pub rejected: u64,
    pub bytes: u64,
}

/// The half hour that a moment belongs to.
pub fn half_hour_of(time: Timestamp) -> Timestamp {
    let start = time.as_second().div_euclid(HALF_HOUR_SECONDS) * HALF_HOUR_SECONDS;
    Timestamp::from_second(start).unwrap_or(time)
}

/// Adds to the counts of one credential.
pub async fn add(
    conn: &Connection,
    account: AccountId,
    credential: CredentialId,
    writer: Uuid,
    at: Timestamp,
    counts: Counts,
) -> Result<(), StoreError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    diesel::insert_into(event_counts::table)
        .values((
            event_counts::account_id.eq(account.0),
            event_counts::credential_id.eq(credential.0),
            event_counts::half_hour.eq(Moment(half_hour_of(at))),
            event_counts::writer.eq(writer),
            event_counts::accepted.eq(number(counts.accepted)),
            event_counts::rejected.eq(number(counts.rejected)),
            event_counts::bytes.eq(number(counts.bytes)),
        ))
        .on_conflict((
            event_counts::account_id,
            event_counts::credential_id,
            event_counts::half_hour,
            event_counts::writer,
        ))
        .do_update()
        .set((
            event_counts::accepted.eq(event_counts::accepted + excluded(event_counts::accepted)),
            event_counts::rejected.eq(event_counts::rejected + excluded(event_counts::rejected)),
            event_counts::bytes.eq(event_counts::bytes + excluded(event_counts::bytes)),
        ))
        .execute(&mut &*conn)
        .await?;
    Ok(())
}

/// Adds to the counts of several credentials and half hours, all at once.
pub async fn add_all(
    conn: &Connection,
    writer: Uuid,
    counts: &BTreeMap<(AccountId, CredentialId, Timestamp), Counts>,
) -> Result<(), StoreError> {
    let additions =
        counts.iter().map(|((account, credential, at), counts)| add(conn, *account, *credential, writer, *at, *counts));
    futures_util::future::try_join_all(additions).await.map(|_| ())
}

/// The counts since a moment, by credential and half hour, summed over the writers.
pub async fn list_since(
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
    let mut sums: HashMap<(CredentialId, Timestamp), Counts> = HashMap::new();
    for (credential, half_hour, accepted, rejected, bytes) in rows {
        let sum = sums.entry((CredentialId(credential), half_hour.into())).or_default();
        sum.accepted += accepted.unsigned_abs();
        sum.rejected += rejected.unsigned_abs();
        sum.bytes += bytes.unsigned_abs();
    }
    Ok(sums)
}
