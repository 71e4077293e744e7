//! Events in the order of their arrival, a bounded part at a time: what goes through many of them, as exports do, reads them so.
//! No statement takes long, no answer is large, and between two of them nothing is held.

use std::ops::Range;

use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::domain::deletion::Deletion;
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::listing::EventFilter;
use crate::store::columns::Moment;
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::prepared::prepared;
use crate::store::scan::conditions::OnEvents;
use crate::store::schema::events;

/// How often the first events of a span are measured together before each of them is.
const MEASUREMENTS: usize = 2;

/// Where a part ends, and how many events are in it.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The first id that is no longer in it.
    pub end: EventId,
    pub events: u64,
}

/// How large a part may be. One event that is larger is a part by itself.
#[derive(Clone, Copy, Debug)]
pub struct PartLimit {
    pub events: usize,
    /// Of bodies, and of headers as many again.
    pub bytes: u64,
}

/// How much is in a part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    events: usize,
    bodies: u64,
    headers: u64,
}

impl PartLimit {
    /// Takes in an event with its body and headers, where they fit.
    pub fn takes(&self, taken: &mut Taken, body: i32, headers: i32) -> bool {
        self.takes_bytes(taken, u64::from(body.unsigned_abs()), u64::from(headers.unsigned_abs()))
    }

    /// The same where nobody reads the headers.
    pub fn takes_body(&self, taken: &mut Taken, body: u64) -> bool {
        self.takes_bytes(taken, body, 0)
    }

    fn takes_bytes(&self, taken: &mut Taken, body: u64, headers: u64) -> bool {
        let more = Taken { events: taken.events + 1, bodies: taken.bodies + body, headers: taken.headers + headers };
        let fits = more.events <= self.events && more.bodies <= self.bytes && more.headers <= self.bytes;
        let is_taken = fits || taken.events == 0;
        if is_taken {
            *taken = more;
        }
        is_taken
    }
}

diesel::define_sql_function! {
    /// How long a text is; of one that is stored compressed or elsewhere, without reading it.
    fn octet_length(text: Text) -> Integer;
}

/// The ids in the times of a filter, as far as events are stored now: what arrives later is not in it.
pub async fn stored_span(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
) -> Result<Range<EventId>, StoreError> {
    let newest: Option<Uuid> = events::table
        .filter(events::account_id.eq(account.0))
        .order(events::id.desc())
        .select(events::id)
        .first(conn)
        .await
        .optional()?;
    let nothing = EventId(Uuid::nil());
    let start = filter.since.map_or(nothing, EventId::first_of);
    let stored = newest.map_or(nothing, |id| EventId(id).next());
    let end = filter.until.map_or(stored, |until| EventId::first_of(until).min(stored));
    Ok(start..end)
}

/// The oldest event from an id on.
pub async fn oldest(conn: &mut Connection, account: AccountId, from: EventId) -> Result<Option<EventId>, StoreError> {
    let id: Option<Uuid> = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.ge(from.0))
        .order(events::id.asc())
        .select(events::id)
        .first(conn)
        .await
        .optional()?;
    Ok(id.map(EventId))
}

prepared! {
    /// The last of the first events of a span, how many these are, and the bytes of their bodies and of their headers.
    MeasureEvents<'a> gives (Nullable<SqlUuid>, BigInt, Nullable<BigInt>, Nullable<BigInt>) {
        "select (array_agg(id))[count(*)], count(*), sum(size_bytes), sum(octet_length(headers)) from \
         (select id, size_bytes, headers from events where account_id = ",
        account_id: &'a Uuid as SqlUuid, " and id >= ",
        start: &'a Uuid as SqlUuid, " and id < ",
        end: &'a Uuid as SqlUuid, " order by id limit ",
        events: i64 as BigInt, ") as part"
    }
}

/// The part that a span of ids begins with; `None` where it has no events.
pub async fn next_part(
    conn: &mut Connection,
    account: AccountId,
    span: &Range<EventId>,
    limit: PartLimit,
) -> Result<Option<Part>, StoreError> {
    let mut events = limit.events as i64;
    for _ in 0..MEASUREMENTS {
        let measure = MeasureEvents { account_id: &account.0, start: &span.start.0, end: &span.end.0, events };
        let (last, count, bodies, headers): (Option<Uuid>, i64, Option<i64>, Option<i64>) =
            measure.get_result(conn).await?;
        let Some(last) = last else { return Ok(None) };
        let bytes = bodies.max(headers).unwrap_or_default().unsigned_abs();
        if bytes <= limit.bytes || count == 1 {
            return Ok(Some(Part { end: EventId(last).next(), events: count.unsigned_abs() }));
        }
        // Were all as large as these, so many would fill three quarters of the room.
        events = (count * (limit.bytes / 4 * 3) as i64 / bytes as i64).max(1);
    }
    // They differ too much.
    list_part(conn, account, span, limit).await
}

/// The same, by the size of each.
async fn list_part(
    conn: &mut Connection,
    account: AccountId,
    span: &Range<EventId>,
    limit: PartLimit,
) -> Result<Option<Part>, StoreError> {
    let sizes: Vec<(Uuid, i32, i32)> = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.ge(span.start.0))
        .filter(events::id.lt(span.end.0))
        .order(events::id.asc())
        .select((events::id, events::size_bytes, octet_length(events::headers)))
        .limit(limit.events as i64)
        .load(conn)
        .await?;
    let mut taken = Taken::default();
    let last = sizes.into_iter().take_while(|(_, body, headers)| limit.takes(&mut taken, *body, *headers)).last();
    Ok(last.map(|(id, ..)| Part { end: EventId(id).next(), events: taken.events as u64 }))
}

/// The events of a span of ids, of one credential or all, oldest first, with their sizes in bytes.
pub async fn list_sizes(
    conn: &mut Connection,
    account: AccountId,
    credential: Option<CredentialId>,
    span: &Range<EventId>,
) -> Result<Vec<(EventId, u64)>, StoreError> {
    let mut query = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.ge(span.start.0))
        .filter(events::id.lt(span.end.0))
        .order(events::id.asc())
        .select((events::id, events::size_bytes))
        .into_boxed();
    if let Some(credential) = credential {
        query = query.filter(events::credential_id.eq(credential.0));
    }
    let rows: Vec<(Uuid, i32)> = query.load(conn).await?;
    Ok(rows.into_iter().map(|(id, size)| (EventId(id), u64::from(size.unsigned_abs()))).collect())
}

/// The events that were there when a deletion was ordered.
fn stored_when_ordered(deletion: &Deletion) -> OnEvents {
    match &deletion.snapshot {
        Some(snapshot) => {
            let after = sql::<Bool>("not committed_after(events.xmin, ").bind::<Text, _>(snapshot.to_string());
            Box::new(after.sql("::pg_snapshot)"))
        }
        None => {
            let late = sql::<Bool>("(accepted_late_at is null or accepted_late_at <= ");
            Box::new(late.bind::<Timestamptz, _>(Moment(deletion.ordered_at)).sql(")"))
        }
    }
}

/// Deletes these, which stand in the order of their ids, but for those that came after the order, where somebody gave one; answers
/// with what was still there.
pub async fn delete(
    conn: &mut Connection,
    account: AccountId,
    found: &[(EventId, u64)],
    order: Option<&Deletion>,
) -> Result<Vec<(EventId, u64)>, StoreError> {
    let ([(first, _), ..], [.., (last, _)]) = (found, found) else { return Ok(Vec::new()) };
    let ids: Vec<Uuid> = found.iter().map(|(id, _)| id.0).collect();
    // The range touches the partitions of that time and no others.
    let these = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.ge(first.0))
        .filter(events::id.le(last.0))
        .filter(events::id.eq_any(ids))
        .filter(order.map_or_else(|| Box::new(sql::<Bool>("true")) as OnEvents, stored_when_ordered));
    let gone: Vec<(Uuid, i32)> =
        diesel::delete(these).returning((events::id, events::size_bytes)).get_results(conn).await?;
    Ok(gone.into_iter().map(|(id, size)| (EventId(id), u64::from(size.unsigned_abs()))).collect())
}
