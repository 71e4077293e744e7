//! Events: inserted once, listed by key, read one at a time. Lists carry only the beginning of each body.

use std::collections::HashMap;
use std::net::IpAddr;

use diesel::dsl::case_when;
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel::{
    ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, PgExpressionMethods, QueryDsl,
    Queryable, QueryableByName, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::{EventId, EventSummary, NewEvent, PREVIEW_BYTES, StoredEvent, TEST_EVENT_AGENT};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::listing::{Cursor, EventFilter, Page};
use crate::domain::query::columns::Fields;
use crate::domain::query::completion::Sample;
use crate::domain::request_headers::KeptHeader;
use crate::store::connection::columns::{Moment, inet, time, without_nul};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{credentials, events};
use crate::store::connection::statement::statement;
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::keys::Key;
use crate::store::scan::look::Found;
use crate::store::scan::span::Span;

/// How far into a body columns are looked for, in characters.
const READ_FOR_COLUMNS: i32 = 65_536;

diesel::define_sql_function! {
    /// The first characters of a text.
    fn left(text: Text, characters: diesel::sql_types::Integer) -> Text;
}

/// A new event, when it arrived, with which password, and whose it is.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Row<'a> {
    pub at: Timestamp,
    pub secret_id: SecretId,
    pub account_id: AccountId,
    pub credential_id: CredentialId,
    pub event: &'a NewEvent,
}

/// Inserts one event by itself, without counting it.
pub async fn insert(
    conn: &mut Connection,
    account: AccountId,
    credential: CredentialId,
    event: &NewEvent,
) -> Result<(), StoreError> {
    diesel::insert_into(events::table)
        .values((
            events::account_id.eq(account.0),
            events::id.eq(event.id.0),
            events::credential_id.eq(credential.0),
            events::remote_ip.eq(inet(event.remote_ip)),
            events::user_agent.eq(event.user_agent.as_deref().map(without_nul)),
            events::content_type.eq(&event.content_type),
            events::query.eq(event.query.as_deref().map(without_nul)),
            events::headers.eq(without_nul(&event.headers)),
            events::body.eq(&event.body),
            events::size_bytes.eq(event.size_bytes()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// A summary as it lies in the tables.
#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Pg))]
struct Summary {
    id: Uuid,
    credential_id: Uuid,
    #[diesel(select_expression = (credentials::name, credentials::username).nullable())]
    credential: Option<(String, String)>,
    remote_ip: IpNet,
    content_type: String,
    size_bytes: i32,
    accepted_late_at: Option<Moment>,
    #[diesel(select_expression = left(events::body, PREVIEW_BYTES as i32), select_expression_type = left<events::body, i32>)]
    beginning: String,
}

impl From<Summary> for EventSummary {
    fn from(row: Summary) -> Self {
        let (credential_name, username) = row.credential.unwrap_or_default();
        Self {
            id: EventId(row.id),
            credential_id: CredentialId(row.credential_id),
            credential_name,
            username,
            remote_ip: row.remote_ip.addr(),
            content_type: row.content_type,
            size_bytes: u64::from(row.size_bytes.unsigned_abs()),
            is_late: row.accepted_late_at.is_some(),
            beginning: row.beginning,
            cells: Vec::new(),
        }
    }
}

macro_rules! of_account {
    ($account:expr) => {
        events::table
            .left_join(credentials::table.on(credentials::id.eq(events::credential_id)))
            .filter(events::account_id.eq($account.0))
    };
}

/// One page, newest first. Looks for one event more than it answers with, to know whether there is another page; where the budget does
/// not allow for so many, it says so.
pub async fn list(
    conn: &mut Connection,
    account: AccountId,
    (filter, cursor): (&EventFilter, Cursor),
    limit: usize,
    budget: Budget<'_>,
) -> Result<Page<EventSummary>, StoreError> {
    let (mut rows, next) = if filter.needs_scan() {
        let found = EventScan::at(account, filter, cursor).look(conn, limit + 1, budget).await?;
        (list_summaries(conn, account, &found.ids).await?, found.next)
    } else {
        (list_all(conn, account, Span::at(filter, cursor), limit + 1).await?, None)
    };
    let is_full = rows.len() > limit;
    if is_full {
        // The one too many is the farthest from the cursor, and the newest stands first.
        let farthest = if matches!(cursor, Cursor::After(_)) { 0 } else { limit };
        rows.remove(farthest);
    }
    let stopped_at = next.filter(|_| !is_full);
    let more = is_full || stopped_at.is_some();
    let (has_newer, has_older) = match cursor {
        Cursor::Newest => (false, more),
        Cursor::Before(_) => (true, more),
        Cursor::After(_) => (more, true),
    };
    Ok(Page { rows, has_newer, has_older, stopped_at })
}

/// The first events of a span, newest first: what every list without a search is, in one statement.
async fn list_all(
    conn: &mut Connection,
    account: AccountId,
    span: Span,
    limit: usize,
) -> Result<Vec<EventSummary>, StoreError> {
    let all = of_account!(account).filter(events::id.ge(span.from.0)).filter(events::id.lt(span.before.0));
    let query = all.limit(limit as i64).select(Summary::as_select()).into_boxed();
    let query = if span.newest_first { query.order(events::id.desc()) } else { query.order(events::id.asc()) };
    let rows: Vec<Summary> = query.load(conn).await?;
    let mut rows: Vec<EventSummary> = rows.into_iter().map(EventSummary::from).collect();
    if !span.newest_first {
        rows.reverse();
    }
    Ok(rows)
}

/// How many events an account has in a span, as far as so many.
pub(crate) async fn count(
    conn: &mut Connection,
    account: AccountId,
    span: Span,
    most: usize,
) -> Result<u64, StoreError> {
    let counted: Counted = statement(COUNT)
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(span.from.0)
        .bind::<SqlUuid, _>(span.before.0)
        .bind::<BigInt, _>(most as i64)
        .get_result(conn)
        .await?;
    Ok(counted.count.unsigned_abs())
}

const COUNT: &str = "select count(*) as count from (select from events where account_id = $1 and id >= $2 and id < $3 limit $4) as part";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// These events, newest first.
pub(crate) async fn list_summaries(
    conn: &mut Connection,
    account: AccountId,
    ids: &[EventId],
) -> Result<Vec<EventSummary>, StoreError> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(Vec::new()) };
    // The range touches the partitions of that time and no others.
    let rows: Vec<Summary> = of_account!(account)
        .filter(events::id.between(first.0, last.0))
        .filter(events::id.eq_any(ids.iter().map(|id| id.0)))
        .order(events::id.desc())
        .select(Summary::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(EventSummary::from).collect())
}

/// The newest events of an account that are in a span, with so many characters of each body.
pub(crate) async fn list_samples(
    conn: &mut Connection,
    account: AccountId,
    span: Span,
    (count, characters): (i64, i32),
) -> Result<Vec<Sample>, StoreError> {
    let newest = span.ordered(span.events(account)).limit(count);
    let rows: Vec<(IpNet, String, String)> =
        newest.select((events::remote_ip, events::headers, left(events::body, characters))).load(conn).await?;
    let sample = |(ip, headers, beginning): (IpNet, _, _)| Sample { remote_ip: ip.addr(), headers, beginning };
    Ok(rows.into_iter().map(sample).collect())
}

/// Reads what events of an account have in chosen columns, from the first [`READ_FOR_COLUMNS`] characters of each body.
pub(crate) async fn add_columns(
    conn: &mut Connection,
    account: AccountId,
    fields: &Fields,
    rows: &mut [EventSummary],
) -> Result<(), StoreError> {
    let ids: Vec<EventId> = rows.iter().map(|row| row.id).collect();
    let mut cells = columns_of(conn, account, (fields, READ_FOR_COLUMNS), &ids).await?;
    for row in rows {
        row.cells = cells.remove(&row.id).unwrap_or_default();
    }
    Ok(())
}

/// The same of events that are known by their ids, looked for in so many characters of their bodies.
pub(crate) async fn columns_of(
    conn: &mut Connection,
    account: AccountId,
    (fields, characters): (&Fields, i32),
    ids: &[EventId],
) -> Result<HashMap<EventId, Vec<String>>, StoreError> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(HashMap::new()) };
    if fields.0.is_empty() {
        return Ok(HashMap::new());
    }
    let sources: Vec<(Uuid, String, String)> = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.between(first.0, last.0))
        .filter(events::id.eq_any(ids.iter().map(|id| id.0)))
        .select((events::id, events::headers, left(events::body, characters)))
        .load(conn)
        .await?;
    Ok(sources.into_iter().map(|(id, headers, body)| (EventId(id), fields.cells(&body, &headers))).collect())
}

/// The headers of events, and the bodies of those that are no larger than so many bytes.
pub(crate) async fn contents(
    conn: &mut Connection,
    account: AccountId,
    ids: &[EventId],
    most_bytes: i32,
) -> Result<HashMap<EventId, (Vec<KeptHeader>, Option<String>)>, StoreError> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(HashMap::new()) };
    // Of a larger one, nothing is read.
    let body = case_when(events::size_bytes.le(most_bytes), events::body);
    let rows: Vec<(Uuid, String, Option<String>)> = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.between(first.0, last.0))
        .filter(events::id.eq_any(ids.iter().map(|id| id.0)))
        .select((events::id, events::headers, body))
        .load(conn)
        .await?;
    let read = |(id, headers, body): (Uuid, String, Option<String>)| {
        let unreadable = |_| StoreError::Unreadable("headers of an event".to_owned());
        Ok((EventId(id), (serde_json::from_str(&headers).map_err(unreadable)?, body)))
    };
    rows.into_iter().map(read).collect()
}

/// Looks for what is beside an event within the filter: the next newer and the next older one.
pub async fn neighbours(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    id: EventId,
) -> Result<[Found; 2], StoreError> {
    let newer = EventScan::at(account, filter, Cursor::After(id)).look(conn, 1, Budget::PAGE).await?;
    let older = EventScan::at(account, filter, Cursor::Before(id)).look(conn, 1, Budget::PAGE).await?;
    Ok([newer, older])
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Pg))]
struct Whole {
    #[diesel(embed)]
    summary: Summary,
    #[diesel(select_expression = credentials::revoked_at.nullable())]
    revoked_at: Option<Moment>,
    user_agent: Option<String>,
    query: Option<String>,
    headers: String,
    body: String,
}

impl TryFrom<Whole> for StoredEvent {
    type Error = StoreError;

    fn try_from(row: Whole) -> Result<Self, StoreError> {
        let unreadable = |_| StoreError::Unreadable("headers of an event".to_owned());
        let headers: Vec<KeptHeader> = serde_json::from_str(&row.headers).map_err(unreadable)?;
        Ok(Self {
            accepted_late_at: time(row.summary.accepted_late_at),
            summary: row.summary.into(),
            credential_revoked: row.revoked_at.is_some(),
            is_held: false,
            user_agent: row.user_agent,
            query: row.query,
            headers,
            body: row.body,
        })
    }
}

pub(crate) async fn find(
    conn: &mut Connection,
    account: AccountId,
    id: EventId,
) -> Result<Option<StoredEvent>, StoreError> {
    let row: Option<Whole> =
        of_account!(account).filter(events::id.eq(id.0)).select(Whole::as_select()).first(conn).await.optional()?;
    row.map(StoredEvent::try_from).transpose()
}

/// The addresses that a credential's latest events came from, at most 1,000 events back, most recent first.
pub(crate) async fn recent_addresses(
    conn: &mut Connection,
    account: AccountId,
    credential: CredentialId,
    since: Timestamp,
) -> Result<Vec<IpAddr>, StoreError> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for ip in latest_addresses(conn, account, credential, since).await? {
        if !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    Ok(addresses)
}

/// How many of a credential's latest 1,000 events since a moment came from outside of some networks, and of how many.
pub(crate) async fn count_outside(
    conn: &mut Connection,
    (account, credential): (AccountId, CredentialId),
    since: Timestamp,
    is_inside: impl Fn(IpAddr) -> bool,
) -> Result<(usize, usize), StoreError> {
    let rows = latest_addresses(conn, account, credential, since).await?;
    Ok((rows.iter().filter(|ip| !is_inside(**ip)).count(), rows.len()))
}

/// Where a credential's latest events came from, at most 1,000 events back and most recent first.
async fn latest_addresses(
    conn: &mut Connection,
    account: AccountId,
    credential: CredentialId,
    since: Timestamp,
) -> Result<Vec<IpAddr>, StoreError> {
    let rows: Vec<IpNet> = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.ge(EventId::first_of(since).0))
        .filter(events::credential_id.eq(credential.0))
        .filter(events::user_agent.is_distinct_from(TEST_EVENT_AGENT))
        .order(events::id.desc())
        .select(events::remote_ip)
        .limit(1_000)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|net| net.addr()).collect())
}

/// Deletes these events of an account, and answers with the keys of those that it had.
pub(crate) async fn delete(conn: &mut Connection, account: AccountId, ids: &[EventId]) -> Result<Vec<Key>, StoreError> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(Vec::new()) };
    let these = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.between(first.0, last.0))
        .filter(events::id.eq_any(ids.iter().map(|id| id.0)));
    Ok(diesel::delete(these).returning(Key::as_returning()).get_results(conn).await?)
}
