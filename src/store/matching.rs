//! Which events pass a filter, in bounded steps: how a search goes through events that no index lists for it. A look reads the key
//! of the table window by window, lets the database drop the bodies that cannot match, and asks the search about the rest. It ends
//! with what was wanted, with its budget, or with the events, and says how far it came, so that the next look goes on from there.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Bool, Text, Uuid as SqlUuid};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryableByName, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::query::patterns::{Pattern, Patterns};
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::schema::events;
use crate::store::search_indexes::{HAS_SHORT_ESCAPE, LOWER_BODY};
use crate::store::{partitions, search_indexes};

/// How much work one look may be. It ends soon after either is used up.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub time: Duration,
    pub rows: u64,
}

impl Budget {
    /// For somebody who waits for a page.
    pub const PAGE: Self = Self { time: Duration::from_millis(250), rows: 1_000_000 };
    /// For a program that reads all of it, so that no connection is kept for long.
    pub const BATCH: Self = Self { time: Duration::from_secs(2), rows: 10_000_000 };
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

/// The ids of at most `want` events that pass a filter, from a cursor on: older ones newest first, or newer ones oldest first.
pub async fn look(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    cursor: Cursor,
    want: usize,
    budget: Budget,
) -> Result<Found, StoreError> {
    let began = Instant::now();
    let patterns = filter.query.as_ref().map(Patterns::of).unwrap_or_default();
    let mut span = Span::new(filter, cursor);
    if !filter.has_to_look() {
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
            if began.elapsed() >= budget.time {
                return Ok(Found { ids: found, next: Some(part.cursor()) });
            }
        }
        span = span.after(end.id);
        if began.elapsed() >= budget.time || rows >= budget.rows {
            return Ok(Found { ids: found, next: Some(span.cursor()) });
        }
        // What one window in fifty would not find, an index finds sooner.
        let is_rare = (found.len() - found_before) as u64 * 50 < end.n.unsigned_abs();
        if is_rare && let Some(week) = indexes.week_ahead(conn, &span).await? {
            match list_indexed_candidates(conn, account, filter, &patterns, &week, budget).await? {
                Some(candidates) => {
                    let wanted = want - found.len();
                    let (passed, read_to) = ask(conn, account, filter, &candidates, wanted, began, budget).await?;
                    found.extend(passed);
                    if let Some(last) = found.last().filter(|_| found.len() == want) {
                        return Ok(Found { next: Some(span.cursor_after(last.0)), ids: found });
                    }
                    span = match read_to {
                        Some(last) => span.after(last),
                        None => span.beyond(&week),
                    };
                    if began.elapsed() >= budget.time {
                        return Ok(Found { ids: found, next: Some(span.cursor()) });
                    }
                    continue;
                }
                None => indexes.give_up(),
            }
        }
        match step_began.elapsed() {
            time if time < WINDOW_TIME => window = (window * 2).min(LAST_WINDOW),
            time if time > WINDOW_TIME * 4 => window = (window / 2).max(FIRST_WINDOW),
            _ => {}
        }
    }
}

/// The ids that a look goes through: from the first on, and before the second.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Uuid,
    before: Uuid,
    newest_first: bool,
}

impl Span {
    fn new(filter: &EventFilter, cursor: Cursor) -> Self {
        let from = filter.since.map_or(Uuid::nil(), |since| EventId::first_of(since).0);
        let before = filter.until.map_or(Uuid::max(), |until| EventId::first_of(until).0);
        match cursor {
            Cursor::Newest => Self { from, before, newest_first: true },
            Cursor::Before(id) => Self { from, before: before.min(id.0), newest_first: true },
            Cursor::After(id) => Self { from: from.max(id.next().0), before, newest_first: false },
        }
    }

    /// As far as an id, with it.
    fn up_to(self, last: Uuid) -> Self {
        if self.newest_first { Self { from: last, ..self } } else { Self { before: EventId(last).next().0, ..self } }
    }

    /// What follows an id.
    fn after(self, last: Uuid) -> Self {
        if self.newest_first { Self { before: last, ..self } } else { Self { from: EventId(last).next().0, ..self } }
    }

    /// The cursor of whoever goes on behind an id.
    fn cursor_after(self, last: Uuid) -> Cursor {
        if self.newest_first { Cursor::Before(EventId(last)) } else { Cursor::After(EventId(last)) }
    }

    /// The cursor of whoever begins here.
    fn cursor(self) -> Cursor {
        if self.newest_first {
            Cursor::Before(EventId(self.before))
        } else {
            Cursor::After(EventId(self.from).previous())
        }
    }
}

impl Span {
    /// The part of a week that lies ahead, from where this begins.
    fn within(self, from: Timestamp, before: Timestamp) -> Self {
        let (from, before) = (EventId::first_of(from).0, EventId::first_of(before).0);
        Self { from: self.from.max(from), before: self.before.min(before), ..self }
    }

    /// What is left when a part at the beginning has been read.
    fn beyond(self, part: &Self) -> Self {
        if self.newest_first { Self { before: part.from, ..self } } else { Self { from: part.before, ..self } }
    }

    /// When the next event is to be expected.
    fn place(self) -> Timestamp {
        let next = if self.newest_first { EventId(self.before).previous() } else { EventId(self.from) };
        next.received_at()
    }
}

/// Which weeks an index may be asked for.
struct Indexes {
    /// The search has a text in it that is long enough.
    usable: bool,
    /// The partitions with indexes, once they were needed.
    known: Option<Vec<String>>,
}

impl Indexes {
    fn new(patterns: &Patterns) -> Self {
        let has_trigram = |pattern: &Pattern| {
            pattern
                .iter()
                .any(|part| part.as_bytes().windows(3).any(|three| three.iter().all(u8::is_ascii_alphanumeric)))
        };
        Self { usable: patterns.always.iter().chain(&patterns.unless_escaped).any(has_trigram), known: None }
    }

    /// What is ahead of a span and in an indexed week.
    async fn week_ahead(&mut self, conn: &mut Connection, span: &Span) -> Result<Option<Span>, StoreError> {
        if !self.usable {
            return Ok(None);
        }
        let known = match &mut self.known {
            Some(known) => known,
            None => self.known.insert(search_indexes::list_indexed(conn).await?),
        };
        let place = span.place();
        let (from, before) = partitions::week_around(place);
        Ok(known.contains(&partitions::holding(place)).then(|| span.within(from, before)))
    }

    /// The search is not as rare as it seemed.
    fn give_up(&mut self) {
        self.usable = false;
    }
}

/// How many events of an indexed week are read at once.
const INDEXED_CANDIDATES: i64 = 1_000;

/// What may pass in an indexed week, with the sizes of the bodies; `None` when that took too long, because too many do. The order
/// is spelled so that the key's index is of no use for it: the planner would otherwise walk through that one and hope to meet a match
/// soon.
async fn list_indexed_candidates(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    patterns: &Patterns,
    week: &Span,
    budget: Budget,
) -> Result<Option<Vec<(Uuid, i32)>>, StoreError> {
    let millis = budget.time.as_millis().max(20);
    // One core is enough for a search: the others are for those who send.
    let limits = format!("set local statement_timeout = {millis}; set local max_parallel_workers_per_gather = 0");
    conn.batch_execute(&format!("begin; {limits}")).await?;
    let query =
        passing(account, filter, patterns, week).limit(INDEXED_CANDIDATES).select((events::id, events::size_bytes));
    let query = match week.newest_first {
        true => query.order(sql::<Text>("events.id::text").desc()),
        false => query.order(sql::<Text>("events.id::text").asc()),
    };
    let rows = query.load(conn).await.map_err(StoreError::from);
    conn.batch_execute("rollback").await?;
    match rows {
        Ok(rows) => Ok(Some(rows)),
        Err(StoreError::Unavailable(words)) if words.contains("statement timeout") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks the search about candidates, a bounded number of bytes at a time, until it has enough or its time is over. Answers with
/// those that pass, and with the last one that was asked unless that was the last there is.
async fn ask(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    candidates: &[(Uuid, i32)],
    want: usize,
    began: Instant,
    budget: Budget,
) -> Result<(Vec<EventId>, Option<Uuid>), StoreError> {
    let mut passed = Vec::new();
    let mut rest = candidates;
    while !rest.is_empty() && passed.len() < want {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|(_, size)| {
            bytes += i64::from(*size);
            bytes <= MAX_WINDOW_BYTES
        });
        let (part, later) = rest.split_at(fitting.count().clamp(1, rest.len()));
        let ids = part.iter().map(|(id, _)| *id);
        let read = events::table.filter(events::account_id.eq(account.0)).filter(events::id.eq_any(ids));
        let bodies: Vec<(Uuid, String)> = read.select((events::id, events::body)).load(conn).await?;
        let bodies: HashMap<Uuid, String> = bodies.into_iter().collect();
        let passes = |id: &Uuid| match (&filter.query, bodies.get(id)) {
            (Some(query), Some(body)) => query.matches(body),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        passed.extend(part.iter().map(|(id, _)| *id).filter(passes).take(want - passed.len()).map(EventId));
        rest = later;
        if began.elapsed() >= budget.time {
            break;
        }
    }
    let asked = candidates.len() - rest.len();
    let is_all = rest.is_empty() && (candidates.len() as i64) < INDEXED_CANDIDATES;
    Ok((passed, asked.checked_sub(1).filter(|_| !is_all).map(|at| candidates[at].0)))
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
    let query = passing(account, filter, patterns, span).limit(most);
    let query = if span.newest_first { query.order(events::id.desc()) } else { query.order(events::id.asc()) };
    if filter.query.is_some() {
        return Ok(query.select((events::id, events::body)).load(conn).await?);
    }
    let ids: Vec<Uuid> = query.select(events::id).load(conn).await?;
    Ok(ids.into_iter().map(|id| (id, String::new())).collect())
}

/// The events of a span that the database does not drop.
fn passing(
    account: AccountId,
    filter: &EventFilter,
    patterns: &Patterns,
    span: &Span,
) -> events::BoxedQuery<'static, diesel::pg::Pg> {
    let mut query = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.ge(span.from))
        .filter(events::id.lt(span.before))
        .into_boxed();
    if let Some(credential) = filter.credential {
        query = query.filter(events::credential_id.eq(credential.0));
    }
    for pattern in &patterns.always {
        query = query.filter(contains(pattern));
    }
    if let Some(all) = patterns.unless_escaped.iter().map(contains).reduce(|all, one| Box::new(all.and(one))) {
        query = query.filter(all.or(is_escaped()));
    }
    query
}

/// A condition on `events`.
type OnEvents = Box<dyn diesel::BoxableExpression<events::table, diesel::pg::Pg, SqlType = Bool>>;

fn contains(pattern: &Pattern) -> OnEvents {
    Box::new(sql::<Bool>(&format!("{LOWER_BODY} like ")).bind::<Text, _>(like(pattern)))
}

/// An escape that may stand for a printable ASCII character. Only those bodies are asked for the regular expression that have the
/// beginning of one.
fn is_escaped() -> OnEvents {
    Box::new(sql::<Bool>(&format!(r"({HAS_SHORT_ESCAPE} and body ~ E'\\\\u00[2-7]')")))
}

/// A pattern as `like` takes it.
fn like(pattern: &Pattern) -> String {
    let mut out = String::from("%");
    for part in pattern {
        for c in part.chars() {
            if matches!(c, '%' | '_' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('%');
    }
    out
}
