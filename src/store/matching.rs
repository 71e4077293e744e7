//! Which events pass a filter, in bounded steps: how a search goes through events that no index lists for it. A look reads the key
//! of the table window by window, lets the database drop the bodies that cannot match, and asks the search about the rest. It ends
//! with what was wanted, with its budget, or with the events, and says how far it came, so that the next look goes on from there.

use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::query::prefilter::Patterns;
use crate::store::error::StoreError;
use crate::store::pacing::Pacing;
use crate::store::pool::Connection;
use crate::store::scan::conditions::{By, passing};
use crate::store::scan::indexed_weeks::{Indexes, MAX_CANDIDATES, ask, list_candidates};
use crate::store::scan::span::Span;
use crate::store::schema::events;

/// How much work one look may be. It ends soon after either is used up.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    pub time: Duration,
    pub rows: u64,
    /// Whom the look makes room for while they send, if for anybody.
    pub senders: Option<&'a Pacing>,
}

impl<'a> Budget<'a> {
    /// For somebody who waits for a page.
    pub const PAGE: Self = Self { time: Duration::from_millis(250), rows: 1_000_000, senders: None };
    /// For a program that reads all of it, so that no connection is kept for long.
    pub const BATCH: Self = Self { time: Duration::from_secs(2), rows: 10_000_000, senders: None };

    /// The same at a fifth of the speed while somebody sends.
    pub fn beside(self, senders: &'a Pacing) -> Self {
        Self { senders: Some(senders), ..self }
    }

    /// What a window should take at least: longer ones read more at once, and keep a core from those who send.
    fn window_time(&self) -> Duration {
        if self.senders.is_some_and(Pacing::senders_are_active) { WINDOW_TIME_BESIDE } else { WINDOW_TIME }
    }

    async fn rest_after(&self, step: Duration) {
        if let Some(senders) = self.senders {
            tokio::time::sleep(senders.rest_after(step)).await;
        }
    }
}

/// What a look found, in the order of its direction.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub ids: Vec<EventId>,
    /// Where the next look begins: everything up to here was looked at. `None` when nothing is left.
    pub next: Option<Cursor>,
}

/// Events in a window at first, and at most.
const FIRST_WINDOW: i64 = 1_000;
const LAST_WINDOW: i64 = 50_000;
/// Bytes of bodies in a window.
const MAX_WINDOW_BYTES: i64 = 8 << 20;
/// Bodies that are asked at once at first: most of the time more would be for nothing.
const FIRST_CANDIDATES: i64 = 100;
/// Windows that take less become larger, and those that take four times as long smaller.
const WINDOW_TIME: Duration = Duration::from_millis(25);
/// The same while somebody sends.
const WINDOW_TIME_BESIDE: Duration = Duration::from_millis(3);
/// The part of the time left that an index has to answer in. What it does not list by then is not so rare, or not in memory: reading
/// event by event finds it in the rest.
const SHARE_OF_INDEX: u32 = 2;

/// The ids of at most `want` events that pass a filter, from a cursor on: older ones newest first, or newer ones oldest first.
pub async fn look(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    cursor: Cursor,
    want: usize,
    budget: Budget<'_>,
) -> Result<Found, StoreError> {
    let until = Instant::now() + budget.time;
    let patterns = filter.query.as_ref().map(Patterns::of).unwrap_or_default();
    let mut span = Span::new(filter, cursor);
    if !filter.needs_scan() {
        let ids = read(conn, account, filter, &patterns, &span, want as i64).await?;
        let next = ids.last().filter(|_| ids.len() == want).map(|(last, _)| span.cursor_after(*last));
        return Ok(Found { ids: ids.into_iter().map(|(id, _)| EventId(id)).collect(), next });
    }
    let mut found = Vec::new();
    let (mut window, mut candidates, mut rows) = (FIRST_WINDOW, FIRST_CANDIDATES, 0);
    let mut indexes = Indexes::new(&patterns);
    loop {
        let step_began = Instant::now();
        let Some(end) = window_end(conn, account, &span, window).await? else {
            return Ok(Found { ids: found, next: None });
        };
        rows += end.n.unsigned_abs();
        let found_before = found.len();
        let mut part = span.up_to(end.id);
        loop {
            let asked = read(conn, account, filter, &patterns, &part, candidates).await?;
            for (id, body) in &asked {
                if filter.query.as_ref().is_none_or(|query| query.matches(body)) {
                    found.push(EventId(*id));
                    if found.len() == want {
                        return Ok(Found { ids: found, next: Some(span.cursor_after(*id)) });
                    }
                }
            }
            match asked.last() {
                Some((last, _)) if asked.len() as i64 == candidates => part = part.after(*last),
                _ => break,
            }
            candidates = (candidates * 2).min(LAST_WINDOW);
            if Instant::now() >= until {
                return Ok(Found { ids: found, next: Some(part.cursor()) });
            }
        }
        span = span.after(end.id);
        let windowed = step_began.elapsed();
        if Instant::now() >= until || rows >= budget.rows {
            return Ok(Found { ids: found, next: Some(span.cursor()) });
        }
        // What one window in fifty would not find, an index finds sooner.
        let is_rare = (found.len() - found_before) as u64 * 50 < end.n.unsigned_abs();
        if is_rare && let Some(week) = indexes.week_ahead(conn, &span).await? {
            let time = until.saturating_duration_since(Instant::now()) / SHARE_OF_INDEX;
            match list_candidates(conn, account, filter, &patterns, &week, MAX_CANDIDATES, time).await? {
                Some(candidates) => {
                    let wanted = want - found.len();
                    let (passed, read_to) =
                        ask(conn, account, filter, &candidates, MAX_WINDOW_BYTES, wanted, until).await?;
                    found.extend(passed);
                    if let Some(last) = found.last().filter(|_| found.len() == want) {
                        return Ok(Found { next: Some(span.cursor_after(last.0)), ids: found });
                    }
                    span = match read_to {
                        Some(last) => span.after(last),
                        None => span.beyond(&week),
                    };
                    if Instant::now() >= until {
                        return Ok(Found { ids: found, next: Some(span.cursor()) });
                    }
                    budget.rest_after(step_began.elapsed()).await;
                    continue;
                }
                None => indexes.give_up(),
            }
        } else {
            budget.rest_after(windowed).await;
        }
        let aim = budget.window_time();
        match windowed {
            time if time < aim => window = (window * 2).min(LAST_WINDOW),
            time if time > aim * 4 => window = (window / 2).max(FIRST_WINDOW),
            _ => {}
        }
    }
}

#[derive(QueryableByName)]
struct WindowEnd {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The last event of the next window, and how many it has; `None` where there are no more. It reads sizes and no bodies.
async fn window_end(
    conn: &mut Connection,
    account: AccountId,
    span: &Span,
    most: i64,
) -> Result<Option<WindowEnd>, StoreError> {
    let order = if span.newest_first { "desc" } else { "asc" };
    let statement = format!(
        "select id, n from (select id, row_number() over w as n, sum(size_bytes) over w - size_bytes as bytes_before from events \
         where account_id = $1 and id >= $2 and id < $3 \
         window w as (order by id {order} rows between unbounded preceding and current row) order by id {order} limit $4) seen \
         where bytes_before < $5 order by n desc limit 1"
    );
    let ends: Vec<WindowEnd> = sql_query(statement)
        .bind::<SqlUuid, _>(account.0)
        .bind::<SqlUuid, _>(span.from)
        .bind::<SqlUuid, _>(span.before)
        .bind::<BigInt, _>(most)
        .bind::<BigInt, _>(MAX_WINDOW_BYTES)
        .load(conn)
        .await?;
    Ok(ends.into_iter().next())
}

/// The events of a span that may pass, with their bodies where a search has to be asked about them.
async fn read(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    patterns: &Patterns,
    span: &Span,
    most: i64,
) -> Result<Vec<(Uuid, String)>, StoreError> {
    let query = passing(account, filter, patterns, &span.ids(), By::Key).limit(most);
    let query = if span.newest_first { query.order(events::id.desc()) } else { query.order(events::id.asc()) };
    if filter.query.is_some() {
        return Ok(query.select((events::id, events::body)).load(conn).await?);
    }
    let ids: Vec<Uuid> = query.select(events::id).load(conn).await?;
    Ok(ids.into_iter().map(|id| (id, String::new())).collect())
}
