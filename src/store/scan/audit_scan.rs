//! A look through the audit trail for lines that pass a filter: window by window, as events are looked through, with an end after so many
//! lines whether they pass or not. No index tells which lines a text is in.

use std::time::Instant;

use uuid::Uuid;

use crate::domain::audit::{AuditEntry, AuditFilter};
use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::scan::budget::Budget;
use crate::store::tables::audit::{self, AuditSpan};

/// What a look found, in the order of its span.
#[derive(Debug, Default)]
pub(crate) struct FoundLines {
    pub(crate) lines: Vec<(Uuid, AuditEntry)>,
    /// The last line that was looked at, where there may be more behind it.
    pub(crate) looked_to: Option<Uuid>,
}

/// The next lines of a span that pass, at most so many.
pub(crate) async fn look(
    conn: &mut Connection,
    account: AccountId,
    filter: &AuditFilter,
    mut span: AuditSpan,
    want: usize,
    budget: Budget<'_>,
) -> Result<FoundLines, StoreError> {
    if filter.is_empty() {
        let lines = audit::list(conn, account, filter, span, want).await?;
        let looked_to = lines.last().filter(|_| lines.len() == want).map(|(id, _)| *id);
        return Ok(FoundLines { lines, looked_to });
    }
    let until = Instant::now() + budget.time;
    let (mut found, mut rows) = (FoundLines::default(), 0);
    let mut window = budget.first_window(want, false);
    loop {
        let began = Instant::now();
        let size = window.min(budget.rows - rows);
        let last = audit::find_nth(conn, account, span, size).await?;
        let part = last.map_or(span, |last| span.up_to(last));
        found.lines.extend(audit::list(conn, account, filter, part, want - found.lines.len()).await?);
        if let Some((id, _)) = found.lines.last().filter(|_| found.lines.len() == want) {
            found.looked_to = Some(*id);
            return Ok(found);
        }
        found.looked_to = last;
        let Some(last) = last else { return Ok(found) };
        rows += size;
        span = span.behind(last);
        if rows >= budget.rows || Instant::now() >= until {
            return Ok(found);
        }
        budget.rest_after(began.elapsed()).await;
        window = budget.next_window(window, began.elapsed());
    }
}
