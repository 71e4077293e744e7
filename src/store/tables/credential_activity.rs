//! What went on with one credential lately, for its page: the addresses that use it, what was refused and why, what is held, and which
//! alerts fire. In one round trip, since a page has few.

use std::net::IpAddr;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Inet, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use crate::domain::alert_kind::AlertKind;
use crate::domain::holding::{HeldEvents, forgotten_at};
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::rejection::Reason;
use crate::store::connection::columns::{Moment, time, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::statement::statement;

/// The most addresses that are told of.
pub(crate) const MAX_ADDRESSES: usize = 20;
const DAY: SignedDuration = SignedDuration::from_hours(24);

const ACTIVITY: &str = "(select 'address' as kind, remote_ip, null as reason, 0::bigint as number, 0::bigint as more, \
     first_seen_at as first_at, last_seen_at as last_at from senders where account_id = $1 and credential_id = $2 \
     order by last_seen_at desc, remote_ip limit $6) \
     union all (select 'refused', null, reason, coalesce(sum(count) filter (where second >= $3), 0)::bigint, sum(count)::bigint, \
     min(second), max(second) from rejections where account_id = $1 and credential_id = $2 and second >= $4 \
     group by reason order by sum(count) desc, reason) \
     union all (select 'held', remote_ip, null, count(*), sum(size_bytes)::bigint, min(received_at), max(received_at) \
     from held_events where account_id = $1 and credential_id = $2 and received_at > $5 \
     group by remote_ip order by max(received_at) desc) \
     union all (select 'alert', null, kind, level, 0, since, since from alerts where account_id = $1 and subject_id = $2 \
     and state = 'firing' order by level desc, kind)";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Inet>)]
    remote_ip: Option<IpNet>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    more: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first_at: Option<Moment>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_at: Option<Moment>,
}

/// An address that events were accepted from.
#[derive(Clone, Debug)]
pub(crate) struct UsedAddress {
    pub(crate) ip: IpAddr,
    /// Not known of addresses that were in use before this was written down.
    pub(crate) first_at: Option<Timestamp>,
    pub(crate) last_at: Timestamp,
}

/// How often requests were refused for a reason.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) in_day: u64,
    pub(crate) in_week: u64,
    pub(crate) last_at: Timestamp,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity {
    /// Last used first; one more than are told of, where there are more.
    pub(crate) addresses: Vec<UsedAddress>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) held: Option<HeldEvents>,
    /// What fires about it, and since when.
    pub(crate) alerts: Vec<(AlertKind, Timestamp)>,
}

pub(crate) async fn list(
    conn: &mut Connection,
    account: AccountId,
    credential: CredentialId,
    now: Timestamp,
) -> Result<Activity, StoreError> {
    let before = |age: SignedDuration| Moment(now.saturating_sub(age).unwrap_or(now));
    let rows: Vec<Row> = statement(ACTIVITY)
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(credential.0)
        .bind::<Timestamptz, _>(before(DAY))
        .bind::<Timestamptz, _>(before(DAY * 7))
        .bind::<Timestamptz, _>(Moment(forgotten_at(now)))
        .bind::<BigInt, _>(MAX_ADDRESSES as i64 + 1)
        .load(conn)
        .await?;
    let mut all = Activity::default();
    for Row { kind, remote_ip, reason, number, more, first_at, last_at } in rows {
        let (number, more) = (number.unsigned_abs(), more.unsigned_abs());
        let (first_at, last_at) = (time(first_at), time(last_at).unwrap_or(now));
        match (kind.as_str(), remote_ip.map(|net| net.addr()), reason) {
            ("address", Some(ip), _) => all.addresses.push(UsedAddress { ip, first_at, last_at }),
            ("held", Some(ip), _) => {
                let held = all.held.get_or_insert_with(|| HeldEvents::none(credential, now));
                held.add(ip, (number, more), (first_at.unwrap_or(last_at), last_at));
            }
            // What a newer release is told of is for that.
            ("alert", _, Some(word)) => all.alerts.extend(word.parse().ok().map(|kind| (kind, last_at))),
            (_, _, Some(reason)) => {
                all.refused.push(Refused { reason: word(&reason)?, in_day: number, in_week: more, last_at });
            }
            _ => return Err(StoreError::Unreadable(kind)),
        }
    }
    Ok(all)
}
