//! Indexed weeks: those that have indexes for searches (`search_indexes`), and what an index lists of them.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection, TransactionManager};

use crate::domain::query::prefilter::Prefilter;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Manager};
use crate::store::scan::keys::Key;
use crate::store::scan::search_indexes;
use crate::store::scan::span::{Events, Span};
use crate::store::tables::partitions;

/// The least time that the index is given, in milliseconds.
const MIN_MILLIS: u128 = 20;

/// Which weeks an index may be asked for.
#[derive(Debug)]
pub(crate) struct Indexes {
    /// The search has a text in it that is long enough.
    usable: bool,
    /// The partitions with indexes, once they were needed.
    known: Option<Vec<String>>,
}

impl Indexes {
    pub(crate) fn new(prefilter: &Prefilter) -> Self {
        Self { usable: prefilter.has_trigram(), known: None }
    }

    /// What is ahead of a span and in an indexed week.
    pub(crate) async fn week_ahead(&mut self, conn: &mut Connection, span: &Span) -> Result<Option<Span>, StoreError> {
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
    pub(crate) fn give_up(&mut self) {
        self.usable = false;
    }
}

/// What may pass in an indexed week, which is what the query finds in it by its index; `None` when that took too long, because too many
/// do. The order is spelled so that the key's index is of no use for it: the planner would otherwise walk through that one and hope to
/// meet a match soon.
pub(crate) async fn list(
    conn: &mut Connection,
    query: Events,
    week: &Span,
    most: u64,
    time: Duration,
) -> Result<Option<Vec<Key>>, StoreError> {
    let query = query.limit(most as i64).select(Key::as_select());
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
    let keys: Result<_, StoreError> = listing.await;
    Manager::rollback_transaction(conn).await?;
    match keys {
        Ok(keys) => Ok(Some(keys)),
        Err(error) if error.is_statement_timeout() => Ok(None),
        Err(error) => Err(error),
    }
}
