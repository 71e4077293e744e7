//! How a look reads weeks that have indexes for searches (`search_indexes`): first what an index lists, then what the search says of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection, TransactionManager};
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::query::prefilter::{Pattern, Patterns};
use crate::store::error::StoreError;
use crate::store::event_batches::octet_length;
use crate::store::pool::{Connection, Manager};
use crate::store::scan::conditions::{By, passing};
use crate::store::scan::span::Span;
use crate::store::schema::events;
use crate::store::{partitions, search_indexes};

/// How many candidates of an indexed week a look asks about at once.
pub const MAX_CANDIDATES: i64 = 1_000;
/// The least time that the index is given, in milliseconds.
const MIN_MILLIS: u128 = 20;

/// Which weeks an index may be asked for.
pub struct Indexes {
    /// The search has a text in it that is long enough.
    usable: bool,
    /// The partitions with indexes, once they were needed.
    known: Option<Vec<String>>,
}

impl Indexes {
    pub fn new(patterns: &Patterns) -> Self {
        let has_trigram = |pattern: &Pattern| {
            pattern
                .iter()
                .any(|part| part.as_bytes().windows(3).any(|three| three.iter().all(u8::is_ascii_alphanumeric)))
        };
        Self { usable: patterns.always.iter().chain(&patterns.unless_escaped).any(has_trigram), known: None }
    }

    /// What is ahead of a span and in an indexed week.
    pub async fn week_ahead(&mut self, conn: &mut Connection, span: &Span) -> Result<Option<Span>, StoreError> {
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
    pub fn give_up(&mut self) {
        self.usable = false;
    }
}

/// What may pass in an indexed week: its id, and the sizes of its body and headers.
pub type Candidate = (Uuid, i32, i32);

/// What may pass in an indexed week; `None` when that took too long, because too many do. The order
/// is spelled so that the key's index is of no use for it: the planner would otherwise walk through that one and hope to meet a match
/// soon.
pub async fn list_candidates(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    patterns: &Patterns,
    week: &Span,
    most: i64,
    time: Duration,
) -> Result<Option<Vec<Candidate>>, StoreError> {
    let columns = (events::id, events::size_bytes, octet_length(events::headers));
    let query = passing(account, filter, patterns, &week.ids(), By::Text).limit(most).select(columns);
    let query = match week.newest_first {
        true => query.order(sql::<Text>("events.id::text").desc()),
        false => query.order(sql::<Text>("events.id::text").asc()),
    };
    let millis = time.as_millis().max(MIN_MILLIS);
    // One core is enough for a search: the others are for those who send.
    let limits = format!("set local statement_timeout = {millis}; set local max_parallel_workers_per_gather = 0");
    // Through the manager: whoever is dropped before the end leaves a connection that the pool does not take back.
    Manager::begin_transaction(conn).await?;
    let listing = async {
        conn.batch_execute(&limits).await?;
        Ok(query.load(conn).await?)
    };
    let rows: Result<_, StoreError> = listing.await;
    Manager::rollback_transaction(conn).await?;
    match rows {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.is_statement_timeout() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks the search about candidates, at most so many bytes of bodies at a time, until it has enough or its time is over. Answers with
/// those that pass, and with the last one that was asked unless that was the last there is.
pub async fn ask(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    candidates: &[Candidate],
    max_bytes: i64,
    want: usize,
    until: Instant,
) -> Result<(Vec<EventId>, Option<Uuid>), StoreError> {
    let mut passed = Vec::new();
    let mut rest = candidates;
    while !rest.is_empty() && passed.len() < want {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|(_, size, _)| {
            bytes += i64::from(*size);
            bytes <= max_bytes
        });
        let (part, later) = rest.split_at(fitting.count().clamp(1, rest.len()));
        let ids = part.iter().map(|(id, ..)| *id);
        let read = events::table.filter(events::account_id.eq(account.0)).filter(events::id.eq_any(ids));
        let bodies: Vec<(Uuid, String)> = read.select((events::id, events::body)).load(conn).await?;
        let bodies: HashMap<Uuid, String> = bodies.into_iter().collect();
        let passes = |id: &Uuid| match (&filter.query, bodies.get(id)) {
            (Some(query), Some(body)) => query.matches(body),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        passed.extend(part.iter().map(|(id, ..)| *id).filter(passes).take(want - passed.len()).map(EventId));
        rest = later;
        if Instant::now() >= until {
            break;
        }
    }
    let asked = candidates.len() - rest.len();
    let is_all = rest.is_empty() && (candidates.len() as i64) < MAX_CANDIDATES;
    Ok((passed, asked.checked_sub(1).filter(|_| !is_all).map(|at| candidates[at].0)))
}
