//! How much waits for consumers, as far as that is quickly told.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::consumer::Consumer;
use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::position::{Seen, Snapshot};
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::connection::statement::statement;
use crate::store::scan::arrivals::snapshot;
use crate::store::scan::budget::Budget;
use crate::store::scan::following::look;
use crate::store::scan::searching::search_live;

/// How many events are looked at for one consumer, and for each of a list.
const MOST_OF_ONE: i64 = 20_000;
const MOST_OF_EACH: i64 = 1_000;
/// How many are found for one with a search.
const MOST_FOUND: usize = 1_000;

/// How many events wait behind a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) events: u64,
    /// There are no more.
    pub(crate) is_exact: bool,
    pub(crate) oldest: Option<EventId>,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    oldest: Option<Uuid>,
}

/// How much waits for each consumer of an account, of what is kept since a moment, in one question; `None` where a search decides.
pub(crate) async fn of_each(
    conn: &mut Connection,
    account: AccountId,
    all: &[Consumer],
    kept_since: Option<Timestamp>,
) -> Result<Vec<Option<Waiting>>, StoreError> {
    let mut counted = count(conn, account, (all, MOST_OF_EACH), kept_since).await?;
    for (waiting, consumer) in counted.iter_mut().zip(all) {
        waiting.take_if(|_| !consumer.subject.query.is_empty());
    }
    Ok(counted)
}

/// How much waits for one consumer. A search waits for its turn.
pub(crate) async fn of(
    store: &Store,
    account: AccountId,
    consumer: &Consumer,
    kept_since: Option<Timestamp>,
) -> Result<Waiting, StoreError> {
    if !consumer.subject.query.is_empty() {
        return search_live(store, account, async |conn| find(conn, account, consumer, kept_since).await).await;
    }
    let mut conn = store.connection().await?;
    let counted = count(&mut conn, account, (std::slice::from_ref(consumer), MOST_OF_ONE), kept_since).await?;
    Ok(counted.into_iter().flatten().next().unwrap_or(Waiting { events: 0, is_exact: false, oldest: None }))
}

async fn find(
    conn: &mut Connection,
    account: AccountId,
    consumer: &Consumer,
    kept_since: Option<Timestamp>,
) -> Result<Waiting, StoreError> {
    let filter = consumer.subject.filter(kept_since).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let until = snapshot(conn).await?;
    let mut waiting = Waiting { events: 0, is_exact: true, oldest: None };
    let position = consumer.position.clone().understood_at(&until);
    let now = position.at;
    for (from, until) in position.steps(&until, now, true) {
        let found = look(conn, account, &filter, (&from, &until), (MOST_FOUND, Budget::LIVE)).await?;
        waiting.events += found.ids.len() as u64;
        waiting.is_exact &= found.next.is_none();
        waiting.oldest = waiting.oldest.into_iter().chain(found.ids).min();
    }
    Ok(waiting)
}

/// What waits by its id, and what was accepted late and has an older one.
const COUNT: &str = "select c.looked_at, c.events + l.events as events, least(l.oldest, c.oldest) as oldest \
     from unnest($1, $2, $3::pg_snapshot[], $4::pg_snapshot[], $5, $9, $10) \
     with ordinality as r (at, oldest, shown, partly, credentials, since, late, place) cross join lateral ( \
     select count(*) as looked_at, count(*) filter (where part.waits) as events, \
     (array_agg(part.id order by part.id) filter (where part.waits))[1] as oldest from ( \
     select e.id, (r.credentials = '' or e.credential_id = any(string_to_array(r.credentials, ' ')::uuid[])) \
     and ((e.id > r.at and (r.shown is null or committed_after(e.xmin, r.shown))) \
     or coalesce(committed_after(e.xmin, r.partly), false)) as waits \
     from events e where e.account_id = $6 and e.id >= r.oldest order by e.id limit $7) as part) as c \
     cross join lateral (select count(*) as events, (array_agg(part.id order by part.id))[1] as oldest from ( \
     select l.id from late_events l where l.account_id = $6 and l.accepted_at >= r.since and l.id >= $8 and l.id < r.oldest \
     and l.id > r.late and coalesce(committed_after(l.xmin, r.partly), false) \
     and (r.credentials = '' or l.credential_id = any(string_to_array(r.credentials, ' ')::uuid[])) \
     and exists (select from events e where e.account_id = l.account_id and e.id = l.id) limit $7) as part) as l \
     order by r.place";

async fn count(
    conn: &mut Connection,
    account: AccountId,
    (all, most): (&[Consumer], i64),
    kept_since: Option<Timestamp>,
) -> Result<Vec<Option<Waiting>>, StoreError> {
    let newest = snapshot(conn).await?;
    let kept = kept_since.map_or(EventId(Uuid::nil()), EventId::first_of);
    let (mut ids, mut oldest, mut shown, mut partly, mut credentials) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut since, mut late) = (Vec::new(), Vec::new());
    for consumer in all {
        let position = consumer.position.clone().understood_at(&newest);
        let (all, part) = match &position.seen {
            Seen::UpToId => (None, None),
            Seen::ShownUpToId(part) => (None, Some(part)),
            Seen::Shown(all) | Seen::LateShown(all, ..) => (Some(all), Some(all)),
            Seen::PartlyShown(all, part) => (Some(all), Some(part)),
        };
        let text = |snapshot: Option<&Snapshot>| snapshot.map(|snapshot| snapshot.as_postgres().to_owned());
        ids.push(position.at.0);
        oldest.push(if part.is_none() { position.at } else { position.oldest_unseen() }.max(kept).0);
        since.push(Moment(position.oldest_unseen().received_at()));
        late.push(if let Seen::LateShown(_, _, id) = position.seen { id.0 } else { Uuid::nil() });
        shown.push(text(all));
        partly.push(text(part));
        credentials.push(consumer.subject.credential_words());
    }
    let rows: Vec<Counted> = statement(COUNT)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<SqlUuid>, _>(oldest)
        .bind::<Array<Nullable<Text>>, _>(shown)
        .bind::<Array<Nullable<Text>>, _>(partly)
        .bind::<Array<Text>, _>(credentials)
        .bind::<SqlUuid, _>(account.0)
        .bind::<BigInt, _>(most)
        .bind::<SqlUuid, _>(kept.0)
        .bind::<Array<Timestamptz>, _>(since)
        .bind::<Array<SqlUuid>, _>(late)
        .load(conn)
        .await?;
    let waiting = |row: &Counted| Waiting {
        events: row.events.unsigned_abs(),
        is_exact: row.looked_at.max(row.events) < most,
        oldest: row.oldest.map(EventId),
    };
    Ok(rows.iter().map(|row| Some(waiting(row))).collect())
}
