//! Events: inserted once, listed by key, read one at a time. Lists carry only the beginning of each body.

use std::net::IpAddr;

use diesel::sql_types::Text;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension,
    PgExpressionMethods, QueryDsl,
};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::{EventId, EventSummary, NewEvent, PREVIEW_BYTES, StoredEvent, TEST_EVENT_AGENT};
use crate::domain::ids::{AccountId, CredentialId, SecretId};
use crate::domain::listing::{Cursor, EventFilter, Page};
use crate::domain::request_headers::KeptHeader;
use crate::store::columns::{Moment, inet, time, without_nul};
use crate::store::error::StoreError;
use crate::store::matching::{Budget, Found, look};
use crate::store::pool::Connection;
use crate::store::schema::{credentials, events};

diesel::define_sql_function! {
    /// The first characters of a text.
    fn left(text: Text, characters: diesel::sql_types::Integer) -> Text;
}

/// A new event, when it arrived, with which password, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub at: Timestamp,
    pub secret_id: SecretId,
    pub account_id: AccountId,
    pub credential_id: CredentialId,
    pub event: &'a NewEvent,
}

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

pub type SummaryRow = (Uuid, Uuid, Option<(String, String)>, IpNet, String, i32, String);

pub fn summary(row: SummaryRow) -> EventSummary {
    let (id, credential_id, credential, ip, content_type, size_bytes, beginning) = row;
    let (credential_name, username) = credential.unwrap_or_default();
    EventSummary {
        id: EventId(id),
        credential_id: CredentialId(credential_id),
        credential_name,
        username,
        remote_ip: ip.addr(),
        content_type,
        size_bytes: u64::try_from(size_bytes).unwrap_or(0),
        beginning,
    }
}

macro_rules! of_account {
    ($account:expr) => {
        events::table
            .left_join(credentials::table.on(credentials::id.eq(events::credential_id)))
            .filter(events::account_id.eq($account.0))
    };
}
pub(crate) use of_account;

/// The events of a filter that is a range of the key.
macro_rules! ranged {
    ($account:expr, $filter:expr) => {{
        let mut query = of_account!($account).into_boxed();
        if let Some(since) = $filter.since {
            query = query.filter(events::id.ge(EventId::first_of(since).0));
        }
        if let Some(until) = $filter.until {
            query = query.filter(events::id.lt(EventId::first_of(until).0));
        }
        query
    }};
}
pub(crate) use ranged;

macro_rules! summary_columns {
    () => {
        (
            events::id,
            events::credential_id,
            (credentials::name, credentials::username).nullable(),
            events::remote_ip,
            events::content_type,
            events::size_bytes,
            left(events::body, PREVIEW_BYTES as i32),
        )
    };
}
pub(crate) use summary_columns;

/// One page, newest first. Reads one row more than it answers with, to know whether there is another page; where events have to be
/// looked at, it reads no more than the budget allows, and says so.
pub async fn list(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    cursor: Cursor,
    limit: usize,
    budget: Budget<'_>,
) -> Result<Page<EventSummary>, StoreError> {
    let (mut rows, more, stopped_at) = if filter.needs_scan() {
        let mut found = look(conn, account, filter, cursor, limit + 1, budget).await?;
        let more = found.ids.len() > limit;
        found.ids.truncate(limit);
        (list_summaries(conn, account, &found.ids).await?, more, found.next.filter(|_| !more))
    } else {
        let query = ranged!(account, filter);
        let query = match cursor {
            Cursor::Newest => query.order(events::id.desc()),
            Cursor::Before(id) => query.filter(events::id.lt(id.0)).order(events::id.desc()),
            Cursor::After(id) => query.filter(events::id.gt(id.0)).order(events::id.asc()),
        };
        let rows: Vec<SummaryRow> = query.select(summary_columns!()).limit(limit as i64 + 1).load(conn).await?;
        let more = rows.len() > limit;
        (rows.into_iter().take(limit).map(summary).collect(), more, None)
    };
    // The same order whichever way was looked, and from wherever the rows came.
    rows.sort_unstable_by_key(|row: &EventSummary| std::cmp::Reverse(row.id));
    let more = more || stopped_at.is_some();
    let (has_newer, has_older) = match cursor {
        Cursor::Newest => (false, more),
        Cursor::Before(_) => (true, more),
        Cursor::After(_) => (more, true),
    };
    Ok(Page { rows, has_newer, has_older, stopped_at })
}

/// These events, in no order.
pub async fn list_summaries(
    conn: &mut Connection,
    account: AccountId,
    ids: &[EventId],
) -> Result<Vec<EventSummary>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids.iter().map(|id| id.0);
    let query = of_account!(account).filter(events::id.eq_any(ids)).select(summary_columns!());
    let rows: Vec<SummaryRow> = query.load(conn).await?;
    Ok(rows.into_iter().map(summary).collect())
}

/// Looks for what is beside an event within the filter: the next newer and the next older one.
pub async fn neighbours(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    id: EventId,
) -> Result<[Found; 2], StoreError> {
    let newer = look(conn, account, filter, Cursor::After(id), 1, Budget::PAGE).await?;
    let older = look(conn, account, filter, Cursor::Before(id), 1, Budget::PAGE).await?;
    Ok([newer, older])
}

type WholeRow = (SummaryRow, Option<Moment>, Option<Moment>, Option<String>, Option<String>, String, String);

fn whole(row: WholeRow) -> Result<StoredEvent, StoreError> {
    let (summary_row, revoked, accepted_late, user_agent, query, headers, body) = row;
    let headers: Vec<KeptHeader> =
        serde_json::from_str(&headers).map_err(|_| StoreError::Unreadable("headers of an event".to_owned()))?;
    Ok(StoredEvent {
        summary: summary(summary_row),
        credential_revoked: revoked.is_some(),
        accepted_late_at: time(accepted_late),
        user_agent,
        query,
        headers,
        body,
    })
}

macro_rules! whole_columns {
    () => {
        (
            summary_columns!(),
            credentials::revoked_at.nullable(),
            events::accepted_late_at,
            events::user_agent,
            events::query,
            events::headers,
            events::body,
        )
    };
}

pub async fn find(conn: &mut Connection, account: AccountId, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
    let row: Option<WholeRow> =
        of_account!(account).filter(events::id.eq(id.0)).select(whole_columns!()).first(conn).await.optional()?;
    row.map(whole).transpose()
}

/// The addresses that a credential's latest events came from, at most 1,000 events back, most recent first.
pub async fn recent_addresses(
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
    let mut addresses: Vec<IpAddr> = Vec::new();
    for ip in rows.into_iter().map(|net| net.addr()) {
        if !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    Ok(addresses)
}

/// Deletes one event and answers with its size in bytes; `None` when the account has no such event.
pub async fn delete(conn: &mut Connection, account: AccountId, id: EventId) -> Result<Option<u64>, StoreError> {
    let size: Option<i32> =
        diesel::delete(events::table.filter(events::account_id.eq(account.0).and(events::id.eq(id.0))))
            .returning(events::size_bytes)
            .get_result(conn)
            .await
            .optional()?;
    Ok(size.map(|size| u64::from(size.unsigned_abs())))
}
