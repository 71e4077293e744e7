//! Events that arrived too late: held beside the others until their owner accepts or discards them. Accepting moves them within
//! the database, so that it takes no memory here, however much is held.

use std::collections::BTreeMap;

use diesel::dsl::{count_star, sum};
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::{IdempotencyKey, NewEvent};
use crate::domain::holding::{Accepted, HeldEvents, HeldRange, MAX_HELD_BYTES, MAX_HELD_EVENTS, forgotten_at};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::store::connection::columns::{Moment, inet, without_nul};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::held_events;
use crate::store::connection::statement::statement;
use crate::store::tables::{idempotency, old_rows, senders};

/// How many go in one step when they are too old: a body may be large.
const STEP: i64 = 500;
/// How many are accepted in one transaction, and how many bytes of their bodies.
const ACCEPTED_AT_ONCE: i64 = 500;
const ACCEPTED_BYTES_AT_ONCE: i64 = 4 << 20;

/// A range of what a credential has held.
macro_rules! of_range {
    ($account:expr, $credential:expr, $range:expr) => {
        held_events::table
            .filter(held_events::account_id.eq($account.0).and(held_events::credential_id.eq($credential.0)))
            .filter(held_events::received_at.le(Moment($range.until)))
            .filter(held_events::id.between($range.ids().0, $range.ids().1))
    };
}

/// Holds an event if there is room for it; `false` when there is none, or when one with its key is held already. The caller has
/// locked the credential, so that nobody else fills the same room. `rejected_at` is the moment that the refusal is listed at.
pub(crate) async fn insert(
    conn: &mut Connection,
    (account, credential, secret): (AccountId, CredentialId, SecretId),
    event: &NewEvent,
    rejected_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let (events, bytes): (i64, Option<i64>) = held_events::table
        .filter(held_events::account_id.eq(account.0).and(held_events::credential_id.eq(credential.0)))
        .select((count_star(), sum(held_events::size_bytes)))
        .first(conn)
        .await?;
    let bytes = bytes.unwrap_or(0).unsigned_abs() + event.body.len() as u64;
    if events.unsigned_abs() >= MAX_HELD_EVENTS || bytes > MAX_HELD_BYTES {
        return Ok(false);
    }
    let owner = (account, credential, secret);
    if insert_under(conn, owner, event, event.idempotency.as_ref(), rejected_at).await? {
        return Ok(true);
    }
    // What is held under the key may be another body, and this one another event.
    let Some(key) = &event.idempotency else { return Ok(false) };
    let Some(other) = key.for_this_body() else { return Ok(false) };
    let known: Option<Option<Vec<u8>>> = held_events::table
        .filter(held_events::account_id.eq(account.0).and(held_events::credential_id.eq(credential.0)))
        .filter(held_events::idempotency_key.eq(key.key.as_slice()))
        .select(held_events::body_sha256)
        .first(conn)
        .await
        .optional()?;
    if known.flatten().is_some_and(|digest| digest == key.body_sha256) {
        return Ok(false);
    }
    insert_under(conn, owner, event, Some(&other), rejected_at).await
}

/// Inserts one under a key; `false` when that is held already.
async fn insert_under(
    conn: &mut Connection,
    (account, credential, secret): (AccountId, CredentialId, SecretId),
    event: &NewEvent,
    key: Option<&IdempotencyKey>,
    rejected_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let inserted = diesel::insert_into(held_events::table)
        .values((
            held_events::account_id.eq(account.0),
            held_events::id.eq(event.id.0),
            held_events::credential_id.eq(credential.0),
            held_events::secret_id.eq(secret.0),
            held_events::received_at.eq(Moment(event.id.received_at())),
            held_events::remote_ip.eq(inet(event.remote_ip)),
            held_events::user_agent.eq(event.user_agent.as_deref().map(without_nul)),
            held_events::content_type.eq(&event.content_type),
            held_events::query.eq(event.query.as_deref().map(without_nul)),
            held_events::headers.eq(without_nul(&event.headers)),
            held_events::body.eq(&event.body),
            held_events::size_bytes.eq(event.size_bytes()),
            held_events::idempotency_key.eq(key.map(|known| known.key.as_slice())),
            held_events::body_sha256.eq(key.map(|known| known.body_sha256.as_slice())),
            held_events::rejected_at.eq(rejected_at.map(Moment)),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(inserted == 1)
}

/// What is held for each credential of an account that has something held.
pub(crate) async fn list(
    conn: &mut Connection,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<HeldEvents>, StoreError> {
    type Row = (Uuid, IpNet, i64, Option<i64>, Option<Moment>, Option<Moment>);
    let rows: Vec<Row> = held_events::table
        .filter(held_events::account_id.eq(account.0))
        .filter(held_events::received_at.gt(Moment(forgotten_at(now))))
        .group_by((held_events::credential_id, held_events::remote_ip))
        .select((
            held_events::credential_id,
            held_events::remote_ip,
            count_star(),
            sum(held_events::size_bytes),
            diesel::dsl::min(held_events::received_at),
            diesel::dsl::max(held_events::received_at),
        ))
        .order(diesel::dsl::max(held_events::received_at).desc())
        .load(conn)
        .await?;
    let mut held: BTreeMap<CredentialId, HeldEvents> = BTreeMap::new();
    for (credential, ip, events, bytes, first, last) in rows {
        let credential_id = CredentialId(credential);
        let sums = held.entry(credential_id).or_insert_with(|| HeldEvents::none(credential_id, now));
        let span = (first.map_or(now, |m| m.0), last.map_or(now, |m| m.0));
        sums.add(ip.addr(), (events.unsigned_abs(), bytes.unwrap_or(0).unsigned_abs()), span);
    }
    Ok(held.into_values().collect())
}

/// Where the first step of accepting a range ends: a transaction is to be over in time also where the events go into
/// a week that is over, whose search index makes each of them dear. `None` when nothing is left.
pub(crate) async fn step_end(
    conn: &mut Connection,
    account: AccountId,
    credential: CredentialId,
    range: HeldRange,
) -> Result<Option<Timestamp>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Timestamptz>)]
        step_end: Option<Moment>,
    }
    let row: Row = statement(STEP_END)
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(credential.0)
        .bind::<Timestamptz, _>(Moment(range.until))
        .bind::<BigInt, _>(ACCEPTED_AT_ONCE)
        .bind::<BigInt, _>(ACCEPTED_BYTES_AT_ONCE)
        .bind::<SqlUuid, _>(range.ids().0)
        .bind::<SqlUuid, _>(range.ids().1)
        .get_result(conn)
        .await?;
    Ok(row.step_end.map(|moment| moment.0))
}

/// Stores what of a range arrived from `oldest_kept` on, and forgets all of it. What came again meanwhile under its key is there
/// already. The caller has locked the credential; `counter` is the program's part of the counts.
pub(crate) async fn accept(
    conn: &mut Connection,
    (account, credential): (AccountId, CredentialId),
    (oldest_kept, range): (Timestamp, HeldRange),
    counter: Uuid,
    now: Timestamp,
) -> Result<Accepted, StoreError> {
    let (until, (first, last)) = (range.until, range.ids());
    let too_old = of_range!(account, credential, range).filter(held_events::received_at.lt(Moment(oldest_kept)));
    let too_old = diesel::delete(too_old).execute(conn).await?;
    let forgotten = now.saturating_sub(idempotency::KEPT).unwrap_or(now);
    let mut done = Vec::new();
    for (sql, fourth) in [(FORGET_OLD_KEYS, Moment(forgotten)), (CLAIM_KEYS, Moment(now)), (STORE, Moment(now))] {
        let statement = statement(sql)
            .bind::<SqlUuid, _>(account.0)
            .bind::<SqlUuid, _>(credential.0)
            .bind::<Timestamptz, _>(Moment(until))
            .bind::<Timestamptz, _>(fourth)
            .bind::<SqlUuid, _>(first)
            .bind::<SqlUuid, _>(last);
        done.push(statement.execute(conn).await?);
    }
    statement(COUNT)
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(credential.0)
        .bind::<Timestamptz, _>(Moment(until))
        .bind::<SqlUuid, _>(counter)
        .bind::<SqlUuid, _>(first)
        .bind::<SqlUuid, _>(last)
        .bind::<Timestamptz, _>(Moment(now))
        .execute(conn)
        .await?;
    note_senders(conn, account, credential, range).await?;
    let stored = done.last().copied().unwrap_or(0);
    let moved = discard(conn, account, credential, range).await?;
    Ok(Accepted {
        stored: stored as u64,
        repeated: moved.saturating_sub(stored) as u64,
        too_old: too_old as u64,
        has_more: false,
    })
}

/// The addresses that events were accepted from, as of their arrival.
async fn note_senders(
    conn: &mut Connection,
    account: AccountId,
    credential: CredentialId,
    range: HeldRange,
) -> Result<(), StoreError> {
    let seen: Vec<(IpNet, Option<Moment>, Option<Moment>)> = of_range!(account, credential, range)
        .group_by(held_events::remote_ip)
        .select((
            held_events::remote_ip,
            diesel::dsl::min(held_events::received_at),
            diesel::dsl::max(held_events::received_at),
        ))
        .load(conn)
        .await?;
    // Each address twice: it was first seen with the first of them.
    for of_span in [|row: &(_, Option<Moment>, Option<Moment>)| row.1, |row: &(_, _, _)| row.2] {
        let times = seen.iter().filter_map(|row| Some(((account, credential, row.0.addr()), of_span(row)?.0)));
        senders::note(conn, &times.collect()).await?;
    }
    Ok(())
}

/// Those of the held events that are about to be stored: all but those that are there already, under the same key. A key of another
/// event with another body is a mistake of the sender's, who was told nothing of it and will not send this one again.
macro_rules! stored {
    () => {
        " from held_events h where h.account_id = $1 and h.credential_id = $2 and h.received_at <= $3 and h.id between $5 and $6 and \
         (h.idempotency_key is null or not exists (select from idempotency_keys k where k.account_id = h.account_id and \
         k.credential_id = h.credential_id and k.key = h.idempotency_key and k.event_id <> h.id and \
         k.body_sha256 = h.body_sha256)) "
    };
}

const STEP_END: &str = "select max(received_at) as step_end from (select received_at, row_number() over arrival as number, \
     sum(size_bytes) over arrival as bytes from held_events where account_id = $1 and credential_id = $2 and \
     received_at <= $3 and id between $6 and $7 window arrival as (order by received_at, id)) held where number = 1 or (number <= $4 and bytes <= $5)";
const FORGET_OLD_KEYS: &str = "delete from idempotency_keys k using held_events h where h.account_id = $1 and \
     h.credential_id = $2 and h.received_at <= $3 and h.id between $5 and $6 and k.account_id = h.account_id and k.credential_id = h.credential_id and \
     k.key = h.idempotency_key and k.created_at <= $4";
/// In the order in which batches claim keys, so that no two wait for each other in a circle.
const CLAIM_KEYS: &str = "insert into idempotency_keys (account_id, credential_id, key, event_id, body_sha256, created_at) \
     select account_id, credential_id, idempotency_key, id, body_sha256, $4 from held_events where account_id = $1 and \
     credential_id = $2 and received_at <= $3 and id between $5 and $6 and idempotency_key is not null order by idempotency_key on conflict do nothing";
const STORE: &str = concat!(
    "insert into events (account_id, id, credential_id, remote_ip, user_agent, content_type, query, headers, body, size_bytes, \
     accepted_late_at) select h.account_id, h.id, h.credential_id, h.remote_ip, h.user_agent, h.content_type, h.query, \
     h.headers, h.body, h.size_bytes, $4",
    stored!(),
    "order by h.id"
);
/// What was accepted counts as rejected no more, and is listed so no more, as it was when it arrived: once a request, of whose events the
/// first says when. It is noted for those who follow events.
const COUNT: &str = concat!(
    "with late as (select date_trunc('second', h.rejected_at) as second, count(*)::integer as requests",
    stored!(),
    "and h.rejected_at is not null group by 1), \
     noted as (insert into late_events (account_id, accepted_at, id, credential_id) \
     select h.account_id, $7, h.id, h.credential_id",
    stored!(),
    "), emptied as (delete from rejections r using late where r.account_id = $1 and r.credential_id = $2 and \
     r.reason = 'expired_password' and r.second = late.second and r.count <= late.requests), \
     lessened as (update rejections r set count = r.count - late.requests from late where r.account_id = $1 and r.credential_id = $2 and \
     r.reason = 'expired_password' and r.second = late.second and r.count > late.requests) \
     insert into event_counts as known (account_id, credential_id, half_hour, writer, accepted, rejected, bytes, header_bytes) \
     select h.account_id, h.credential_id, \
     to_timestamp((floor(extract(epoch from h.received_at) / 1800) * 1800)::double precision), $4, count(*), -count(h.rejected_at), sum(h.size_bytes), \
     sum(octet_length(h.headers))",
    stored!(),
    "group by 1, 2, 3 on conflict (account_id, credential_id, half_hour, writer) do update set \
     accepted = known.accepted + excluded.accepted, rejected = known.rejected + excluded.rejected, \
     bytes = known.bytes + excluded.bytes, header_bytes = known.header_bytes + excluded.header_bytes"
);

/// Forgets a range of what a credential has held; answers with how many.
pub(crate) async fn discard(
    conn: &mut Connection,
    account: AccountId,
    credential: CredentialId,
    range: HeldRange,
) -> Result<usize, StoreError> {
    Ok(diesel::delete(of_range!(account, credential, range)).execute(conn).await?)
}

/// Forgets what nobody decided about in time, and what is older than events are kept.
pub(crate) async fn prune(conn: &mut Connection, oldest_kept: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
    let forgotten = forgotten_at(now).max(oldest_kept);
    old_rows::delete(conn, "held_events", "received_at <= $1", forgotten, STEP).await
}
