//! Writes events out, oldest first, as NDJSON or CSV: those that were stored when it began. They are read a part at a time, and a
//! part is read while the one before is written down and the one before that is on its way, so that memory stays flat however many
//! there are. Who reads slowly holds no connection; when nobody reads any more, it ends.
//! Beside those who send, it goes at a fifth of its speed.

use std::ops::Range;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::app::export::{Chunks, ExportFormat};
use crate::app::export_lines::EventLines;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::event::{EventId, EventSummary, WholeEvent};
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::query::columns::Fields;
use crate::domain::time::rfc3339;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::scan::budget::Budget;
use crate::store::scan::event_scan::{EventScan, Part};
use crate::store::scan::look::{oldest, stored_span};
use crate::store::tables::{audit, credentials, event_removals};

/// How much is read at once, and how much while somebody sends.
const PART: Budget<'_> = Budget::part(2_000, 1 << 20);
const SMALL_PART: Budget<'_> = Budget::part(500, 1 << 18);

/// How far an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Progress {
    /// Events that were looked at, also those that the filter leaves out.
    pub(crate) seen: u64,
    /// About how many there are to look at, by the counts of the half hours.
    pub(crate) expected: u64,
    /// Events that were written.
    pub events: u64,
    pub bytes: u64,
}

/// One export under way.
#[derive(Debug)]
pub struct Export {
    written: mpsc::Receiver<Result<Written, StoreError>>,
    progress: Progress,
}

/// A part that was written down.
#[derive(Debug)]
struct Written {
    seen: u64,
    events: u64,
    bytes: Vec<u8>,
}

impl Export {
    /// Begins one, which is an act: its line in the audit log is there before the first event leaves.
    pub async fn begin(
        store: &Store,
        account: AccountId,
        filter: EventFilter,
        (format, fields): (ExportFormat, Fields),
        act: &Act,
    ) -> Result<Self, StoreError> {
        let detail = AuditDetail::Export { is_filtered: !filter.is_empty(), format: format.extension().to_owned() };
        let mut conn = store.connection().await?;
        let span = stored_span(&mut conn, account, &filter).await?;
        let expected = expected(&mut conn, account, &span).await?;
        let usernames = credentials::usernames_by_id(&mut conn, account).await?;
        audit::append(&mut conn, account, act, AuditLine::new(Action::EventsExported, "").with(detail)).await?;
        drop(conn);
        let (parts, read) = mpsc::channel(1);
        let (out, written) = mpsc::channel(1);
        let reader = store.clone();
        let scan = EventScan::oldest_first(account, filter, span);
        // It ends between two parts and not within one: a connection goes back when nothing runs on it.
        store.spawn(async move { read_parts(&reader, scan, &parts).await });
        store.spawn(write_parts(EventLines { format, usernames, fields }, read, out));
        Ok(Self { written, progress: Progress { expected, ..Progress::default() } })
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress
    }
}

impl Chunks for Export {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(written) = self.written.recv().await.transpose()? else { return Ok(None) };
        self.progress.seen += written.seen;
        self.progress.events += written.events;
        self.progress.bytes += written.bytes.len() as u64;
        Ok(Some(written.bytes))
    }
}

/// How many events a span has, from its first one on: what was counted before that is no longer kept.
async fn expected(conn: &mut Connection, account: AccountId, span: &Range<EventId>) -> Result<u64, StoreError> {
    let Some(oldest) = oldest(conn, account, span.start).await?.filter(|id| *id < span.end) else {
        return Ok(0);
    };
    let until = Some(span.end.received_at());
    Ok(event_removals::stored_between(conn, account, oldest.received_at(), until).await?.events)
}

/// Reads until the end, or until it fails, which is the last that it hands on.
async fn read_parts(store: &Store, mut scan: EventScan, parts: &mpsc::Sender<Result<Part<WholeEvent>, StoreError>>) {
    loop {
        let began = Instant::now();
        let part = read_part(store, &mut scan).await.transpose();
        let is_last = !matches!(part, Some(Ok(_)));
        let Some(part) = part else { return };
        let worked = began.elapsed();
        if parts.send(part).await.is_err() || is_last {
            return;
        }
        tokio::time::sleep(store.pacing().rest_after(worked)).await;
    }
}

async fn read_part(store: &Store, scan: &mut EventScan) -> Result<Option<Part<WholeEvent>>, StoreError> {
    let mut conn = store.background_connection().await?;
    scan.next_whole(&mut conn, if store.pacing().senders_are_active() { &SMALL_PART } else { &PART }).await
}

async fn write_parts(
    lines: EventLines,
    mut parts: mpsc::Receiver<Result<Part<WholeEvent>, StoreError>>,
    out: mpsc::Sender<Result<Written, StoreError>>,
) {
    let write = |part: Part<WholeEvent>, before: Vec<u8>| -> Result<Written, StoreError> {
        let bytes = lines.write(&part.events, before)?;
        Ok(Written { seen: part.seen, events: part.events.len() as u64, bytes })
    };
    let mut before = lines.head();
    let mut is_first = true;
    while let Some(part) = parts.recv().await {
        let written = part.and_then(|part| write(part, std::mem::replace(&mut before, Ok(Vec::new()))?));
        is_first = false;
        if out.send(written).await.is_err() {
            return;
        }
    }
    // Without an event, the head is all that there is.
    if is_first {
        let head = before.map(|bytes| Written { seen: 0, events: 0, bytes });
        let _ = out.send(head).await;
    }
}

/// What is said of an event in a list and in every export.
#[derive(Debug, Serialize)]
pub(crate) struct EventRecord<'a> {
    pub(crate) id: String,
    pub(crate) received_at: String,
    pub(crate) credential: &'a str,
    pub(crate) remote_ip: String,
    pub(crate) content_type: &'a str,
    pub(crate) size_bytes: u64,
}

impl<'a> EventRecord<'a> {
    pub(crate) fn new(event: &'a EventSummary) -> Self {
        Self {
            id: event.id.to_string(),
            received_at: rfc3339(event.id.received_at()),
            credential: &event.username,
            remote_ip: event.remote_ip.to_string(),
            content_type: &event.content_type,
            size_bytes: event.size_bytes,
        }
    }
}
