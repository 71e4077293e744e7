//! The addresses that accepted events came from: how many there are is said without reading an event.

use std::collections::HashMap;
use std::net::IpAddr;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Inet, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::grouped::grouped;
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::connection::columns::{Moment, inet};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::statement::statement;
use crate::store::tables::old_rows;

/// How many addresses of one credential are kept. Of one that has as many, the overview says "or more".
pub(in crate::store) const MOST_OF_CREDENTIAL: i64 = 1_000;
/// An address that was not used for this long is forgotten. The longest overview looks back 30 days.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(31 * 24);

#[derive(QueryableByName)]
struct Noted {
    #[diesel(sql_type = Bool)]
    is_new: bool,
}

/// Notes when addresses were last used. Of a credential that has more than are kept, those that were not used for longest give way.
pub(crate) async fn note(
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
    let noted: Vec<Noted> = statement(
        "insert into senders as known (account_id, credential_id, remote_ip, last_seen_at, first_seen_at) \
         select new.*, last_seen_at from unnest($1, $2, $3, $4) as new (account_id, credential_id, remote_ip, last_seen_at) \
         on conflict (account_id, credential_id, remote_ip) do update \
         set last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at), \
         first_seen_at = case when known.first_seen_at > excluded.first_seen_at then excluded.first_seen_at \
         else known.first_seen_at end returning xmax = 0 as is_new",
    )
    .bind::<Array<SqlUuid>, _>(&accounts)
    .bind::<Array<SqlUuid>, _>(&credentials)
    .bind::<Array<Inet>, _>(addresses)
    .bind::<Array<Timestamptz>, _>(times)
    .load(conn)
    .await?;
    if noted.iter().any(|row| row.is_new) { forget_excess(conn, &accounts, &credentials).await } else { Ok(()) }
}

/// Keeps what was seen last of each credential. Rows that another program writes just now are left to it, so that neither waits.
async fn forget_excess(conn: &mut Connection, accounts: &[Uuid], credentials: &[Uuid]) -> Result<(), StoreError> {
    statement(
        "with full_ones as (select account_id, credential_id from senders \
         where (account_id, credential_id) in (select * from unnest($1, $2)) \
         group by account_id, credential_id having count(*) > $3), \
         ranked as (select account_id, credential_id, remote_ip, row_number() over \
         (partition by account_id, credential_id order by last_seen_at desc, remote_ip) as place \
         from senders join full_ones using (account_id, credential_id)), \
         excess as (select s.account_id, s.credential_id, s.remote_ip from senders s \
         join ranked r using (account_id, credential_id, remote_ip) where r.place > $3 for update of s skip locked) \
         delete from senders s using excess e where s.account_id = e.account_id \
         and s.credential_id = e.credential_id and s.remote_ip = e.remote_ip",
    )
    .bind::<Array<SqlUuid>, _>(accounts)
    .bind::<Array<SqlUuid>, _>(credentials)
    .bind::<BigInt, _>(MOST_OF_CREDENTIAL)
    .execute(conn)
    .await?;
    Ok(())
}

/// How many addresses were in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InUse {
    pub(crate) addresses: u64,
    /// There may have been more: of one of the credentials no more are kept.
    pub(crate) or_more: bool,
}

impl InUse {
    /// `12`, or `1,000+`.
    pub(crate) fn words(self) -> String {
        format!("{}{}", grouped(self.addresses), if self.or_more { "+" } else { "" })
    }
}

/// Forgets the addresses that were not used for long.
pub(crate) async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let oldest = now.saturating_sub(KEPT_FOR).unwrap_or(Timestamp::UNIX_EPOCH);
    old_rows::delete(conn, "senders", "last_seen_at < $1", oldest, old_rows::STEP).await
}
