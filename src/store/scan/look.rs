//! A look: as many parts of a scan as a budget allows, for somebody who waits. It ends with what was wanted, with its budget, or with the
//! events, and says how far it came, so that the next look goes on from there.

use std::ops::Range;
use std::time::Instant;

use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::EventScan;
use crate::store::scan::span::Span;

/// The part of the time left that an index has to answer in. What it does not list by then is not so rare, or not in memory: reading
/// event by event finds it in the rest.
const SHARE_OF_INDEX: u32 = 2;

/// What a look found, in the order of its scan.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Found {
    pub ids: Vec<EventId>,
    /// Where the next look begins: everything up to here was looked at. `None` when nothing is left.
    pub next: Option<Cursor>,
}

impl EventScan {
    /// The next events that pass, at most so many. The scan goes on behind them.
    pub async fn look(&mut self, conn: &mut Connection, want: usize, budget: Budget<'_>) -> Result<Found, StoreError> {
        let until = Instant::now() + budget.time;
        let (mut ids, mut rows) = (Vec::new(), 0);
        let mut window = budget.first_window(want, !self.filter.needs_scan());
        loop {
            let began = Instant::now();
            let time = until.saturating_duration_since(began) / SHARE_OF_INDEX;
            let Some(part) = self.next(conn, &Budget { rows: window.min(budget.rows - rows), time, ..budget }).await?
            else {
                return Ok(Found { ids, next: None });
            };
            rows += part.seen;
            ids.extend(part.events.into_iter().map(|key| key.id).take(want - ids.len()));
            if let Some(last) = ids.last().filter(|_| ids.len() == want) {
                self.go_to(part.rest.after(*last));
                return Ok(Found { next: Some(self.left().cursor()), ids });
            }
            if Instant::now() >= until || rows >= budget.rows || part.rest.is_empty() {
                return Ok(Found { ids, next: Some(part.rest.cursor()).filter(|_| !part.rest.is_empty()) });
            }
            budget.rest_after(began.elapsed()).await;
            window = budget.next_window(window, began.elapsed());
        }
    }
}

/// The oldest event from an id on.
pub(crate) async fn oldest(
    conn: &mut Connection,
    account: AccountId,
    from: EventId,
) -> Result<Option<EventId>, StoreError> {
    let mut scan = EventScan::at(account, &EventFilter::default(), Cursor::After(from.previous()));
    Ok(scan.look(conn, 1, Budget::PAGE).await?.ids.first().copied())
}

/// The ids in the times of a filter, as far as events are stored now: what arrives later is not in it.
pub async fn stored_span(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
) -> Result<Range<EventId>, StoreError> {
    let mut scan = EventScan::at(account, &EventFilter::default(), Cursor::Newest);
    let newest = scan.look(conn, 1, Budget::PAGE).await?.ids.first().copied();
    let Span { from, before, .. } = Span::at(filter, Cursor::Newest);
    Ok(from..newest.map_or(EventId(Uuid::nil()), EventId::next).min(before))
}
