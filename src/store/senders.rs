//! The addresses that accepted events came from: how many there are is said without reading an event.

use std::collections::HashMap;
use std::net::IpAddr;

use diesel::sql_types::{Array, BigInt, Inet, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::ids::{AccountId, CredentialId};
use crate::store::columns::{Moment, inet};
use crate::store::error::StoreError;
use crate::store::old_rows;
use crate::store::pool::Connection;

/// How many addresses of one credential are kept. Beyond that, the overview says "or more".
pub const MOST_OF_CREDENTIAL: u64 = 1_000;
/// An address that was not used for this long is forgotten. The longest overview looks back 30 days.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Notes when addresses were last used. Of a credential that has as many as are kept, no new ones are taken.
pub async fn note(
    conn: &mut Connection,
    seen: &HashMap<(AccountId, CredentialId, IpAddr), Timestamp>,
) -> Result<(), StoreError> {
    // In one order, so that two programs do not wait for each other's rows.
    let mut seen: Vec<_> =
        seen.iter().map(|((account, credential, ip), at)| (account.0, credential.0, *ip, *at)).collect();
    seen.sort();
    let accounts: Vec<Uuid> = seen.iter().map(|row| row.0).collect();
    let credentials: Vec<Uuid> = seen.iter().map(|row| row.1).collect();
    let addresses: Vec<IpNet> = seen.iter().map(|row| inet(row.2)).collect();
    let times: Vec<Moment> = seen.iter().map(|row| Moment(row.3)).collect();
    sql_query(
        "insert into senders as known (account_id, credential_id, remote_ip, last_seen_at) \
         select * from unnest($1, $2, $3, $4) as new (account_id, credential_id, remote_ip, last_seen_at) \
         where exists (select from senders s where s.account_id = new.account_id and s.credential_id = new.credential_id \
         and s.remote_ip = new.remote_ip) or $5 > (select count(*) from (select from senders s \
         where s.account_id = new.account_id and s.credential_id = new.credential_id limit $5) as counted) \
         on conflict (account_id, credential_id, remote_ip) do update \
         set last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)",
    )
    .bind::<Array<SqlUuid>, _>(accounts)
    .bind::<Array<SqlUuid>, _>(credentials)
    .bind::<Array<Inet>, _>(addresses)
    .bind::<Array<Timestamptz>, _>(times)
    .bind::<BigInt, _>(MOST_OF_CREDENTIAL as i64)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// How many addresses were in use since a moment, by one credential or by all.
pub async fn count(
    conn: &mut Connection,
    account: AccountId,
    credential: Option<CredentialId>,
    since: Timestamp,
) -> Result<u64, StoreError> {
    let counted: Counted = sql_query(
        "select count(distinct remote_ip) as number from senders \
         where account_id = $1 and last_seen_at >= $2 and ($3 is null or credential_id = $3)",
    )
    .bind::<SqlUuid, _>(account.0)
    .bind::<Timestamptz, _>(Moment(since))
    .bind::<Nullable<SqlUuid>, _>(credential.map(|id| id.0))
    .get_result(conn)
    .await?;
    Ok(counted.number.unsigned_abs())
}

/// Forgets the addresses that were not used for long.
pub async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let oldest = now.saturating_sub(KEPT_FOR).unwrap_or(Timestamp::UNIX_EPOCH);
    old_rows::delete(conn, "senders", "last_seen_at < $1", oldest, old_rows::STEP).await
}
