//! Reading what a feed has not shown yet.
//!
//! What the events and the refused requests of one account, under one filter, have that somebody has not seen: read from the database, and
//! rendered as it is sent.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::audit::{Action, AuditFilter};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::cursor::Cursors;
use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::position::{Position, Snapshot};
use crate::domain::rejection::Rejection;
use crate::domain::rejection_group::RejectionFilter;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::searching::search_live;
use crate::store::tables::audit::{self, AuditSpan};
use crate::store::tables::{events, rejections};
use crate::web::filters::list_filters::Filters;
use crate::web::live::message::Text;
use crate::web::page::Page;

/// How many rows are sent at once; no page shows more. Of a larger number the readers are told how large it is.
pub(crate) const MAX_ROWS: usize = 200;
/// How far that is counted.
pub(crate) const MOST_COUNTED: usize = 10_000;

/// How long after the moment that it bears an acceptance may be committed.
const ACCEPTANCES_COMMIT_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// Whose, and which of them.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) account: AccountId,
    /// What the positions of its readers are sealed with.
    pub(crate) cursors: Cursors,
    pub(crate) filters: Filters,
    /// What its rows are parts of, which says how times are written.
    pub(crate) page: Page,
}

impl Reading {
    /// Reads on a connection of the pool. What goes through events waits for its turn among the searches, and ends with whoever
    /// waits for it.
    pub(crate) async fn on_connection<T>(
        &self,
        store: &Store,
        read: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.filters.filter.needs_scan() {
            return search_live(store, self.account, read).await;
        }
        read(&mut *store.connection().await?).await
    }

    /// What is unseen at a position and shown by a snapshot, oldest first: rows, or how many there are. And how many that are. Who has read
    /// it has reached another position.
    pub(crate) async fn news(
        &self,
        conn: &mut Connection,
        from: &Position,
        reached: &Position,
        until: &Snapshot,
        now: Timestamp,
    ) -> Result<(Text, usize), StoreError> {
        // The page is told of what was accepted late by itself.
        let steps = from.clone().understood_at(until).steps(until, EventId::first_of(now), false);
        let filter = &self.filters.filter;
        let mut text = Text::default();
        if self.filters.only_rejected {
            return Ok((text, 0));
        }
        let (mut rows, mut is_cut) = (0, false);
        for (from, until) in &steps {
            let mut scan = EventScan::of_arrivals(self.account, filter, (from, until), true);
            let found = scan.look(conn, MAX_ROWS + 1, Budget::LIVE).await?;
            rows += found.ids.len();
            is_cut |= found.next.is_some();
            let mut found = events::list_summaries(conn, self.account, &found.ids).await?;
            events::add_columns(conn, self.account, &self.filters.fields, &mut found).await?;
            for event in found.iter().rev() {
                let cursor = self.cursors.write(&from.within(event.id, until));
                text.stored(event, &cursor, (&self.filters, &self.page), now);
            }
        }
        if rows <= MAX_ROWS && !is_cut {
            return Ok((text, rows));
        }
        let mut text = Text::default();
        let cursor = self.cursors.write(reached);
        if filter.query.is_some() {
            // Which of the others pass is not asked: the page that they are on will.
            text.skipped(rows, true, &cursor);
            return Ok((text, rows));
        }
        let mut count = 0;
        for (from, until) in &steps {
            let mut scan = EventScan::of_arrivals(self.account, filter, (from, until), true);
            count += scan.look(conn, MOST_COUNTED + 1, Budget::BATCH).await?.ids.len();
        }
        text.skipped(count.min(MOST_COUNTED), count > MOST_COUNTED, &cursor);
        Ok((text, count))
    }

    /// What was refused since a moment, oldest first. The search of the filter is about bodies, which refused requests have none of.
    pub(crate) async fn list_refused(
        &self,
        conn: &mut Connection,
        since: Timestamp,
    ) -> Result<Vec<Rejection>, StoreError> {
        let filter = EventFilter { since: Some(since), query: None, ..self.filters.filter.clone() };
        let mut rows = rejections::list(conn, self.account, RejectionFilter::of(&filter), None, MAX_ROWS).await?.rows;
        rows.reverse();
        Ok(rows)
    }

    /// The acceptances of late events since a moment, with how many events each of them stored: all, where a search would say less of them.
    pub(crate) async fn list_acceptances(
        &self,
        conn: &mut Connection,
        since: Timestamp,
    ) -> Result<HashMap<Uuid, u64>, StoreError> {
        let since = since.saturating_sub(ACCEPTANCES_COMMIT_WITHIN).unwrap_or(since);
        let filter = AuditFilter { action: Some(Action::HeldEventsAccepted), subject: None };
        let span = AuditSpan::oldest_first(Some(EventId::first_of(since).0));
        let lines = audit::list(conn, self.account, &filter, span, MAX_ROWS).await?;
        let of_credential = self.filters.username();
        let lines = lines.into_iter().filter(|(_, line)| of_credential.is_empty() || line.subject == of_credential);
        let stored = |detail: &AuditDetail| match detail {
            AuditDetail::HeldAccepted(accepted) => accepted.stored,
            _ => 0,
        };
        Ok(lines.map(|(id, line)| (id, stored(&line.detail))).collect())
    }
}
