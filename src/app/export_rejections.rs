//! Writes refused requests of an account out, oldest first, batch by batch, as events are.

use serde::Serialize;
use uuid::Uuid;

use crate::app::export::{Chunks, CsvLines, ExportFormat, Reached, write_json_line};
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::rejection_group::RejectionFilter;
use crate::domain::time::rfc3339;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::{audit, rejections};

/// How many are in memory at once.
const BATCH: usize = 500;

const CSV_HEAD: [&str; 12] = [
    "at",
    "count",
    "reason",
    "status",
    "title",
    "detail",
    "credential",
    "password",
    "remote_ip",
    "user_agent",
    "size_bytes",
    "id",
];

/// Which refused requests an export has; see [`RejectionFilter`].
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) events: EventFilter,
    pub(crate) text: Option<String>,
    pub(crate) reason: Option<Reason>,
}

impl Exported {
    fn filter(&self) -> RejectionFilter<'_> {
        RejectionFilter { events: &self.events, text: self.text.as_deref(), reason: self.reason }
    }

    fn is_filtered(&self) -> bool {
        !self.events.is_empty() || self.text.is_some() || self.reason.is_some()
    }
}

/// One export under way.
#[derive(Debug)]
pub(crate) struct RejectionExport {
    store: Store,
    account: AccountId,
    exported: Exported,
    format: ExportFormat,
    reached: Reached,
}

#[derive(Serialize)]
struct Record<'a> {
    id: Uuid,
    at: String,
    /// How many requests of that second it stands for.
    count: u32,
    reason: &'static str,
    status: u16,
    title: &'static str,
    detail: Option<&'a str>,
    credential: &'a str,
    /// The password's public part, where it was one of the credential's.
    password: Option<&'a str>,
    remote_ip: String,
    user_agent: Option<&'a str>,
    size_bytes: Option<u64>,
}

impl RejectionExport {
    /// Begins one, which is an act: its line in the audit trail is there before the first row leaves.
    pub(crate) async fn begin(
        store: Store,
        account: AccountId,
        exported: Exported,
        format: ExportFormat,
        act: &Act,
    ) -> Result<Self, StoreError> {
        let detail = AuditDetail::Export { is_filtered: exported.is_filtered(), format: format.extension().to_owned() };
        let line = AuditLine::new(Action::RejectionsExported, "").with(detail);
        audit::append(&mut *store.connection().await?, account, act, line).await?;
        Ok(Self { store, account, exported, format, reached: Reached::NotStarted })
    }
}

impl Chunks for RejectionExport {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let after = match self.reached {
            Reached::Done => return Ok(None),
            Reached::After(id) => Some(id),
            Reached::NotStarted => None,
        };
        // The connection is given back after each part.
        let mut conn = self.store.background_connection().await?;
        let filter = self.exported.filter();
        let batch = rejections::list_oldest_first(&mut conn, self.account, filter, after, BATCH).await?;
        drop(conn);
        let mut out = Vec::new();
        match self.format {
            ExportFormat::Ndjson => batch.iter().try_for_each(|row| write_json_line(&record(row), &mut out))?,
            ExportFormat::Csv => {
                let mut lines = CsvLines::after(out);
                if after.is_none() {
                    lines.push(CSV_HEAD)?;
                }
                for row in &batch {
                    lines.push(cells(&record(row)).iter().map(String::as_str))?;
                }
                out = lines.finish()?;
            }
        }
        self.reached = batch.last().map_or(Reached::Done, |row| Reached::After(row.id));
        Ok(Some(out))
    }
}

fn record(row: &Rejection) -> Record<'_> {
    Record {
        id: row.id,
        at: rfc3339(row.at),
        count: row.count,
        reason: row.reason.as_str(),
        status: row.reason.status(),
        title: row.title(),
        detail: row.detail.as_deref(),
        credential: &row.username,
        password: row.hint.as_deref(),
        remote_ip: row.remote_ip.to_string(),
        user_agent: row.user_agent.as_deref(),
        size_bytes: row.size_bytes,
    }
}

fn cells(record: &Record<'_>) -> [String; CSV_HEAD.len()] {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    [
        record.at.clone(),
        record.count.to_string(),
        record.reason.to_owned(),
        record.status.to_string(),
        record.title.to_owned(),
        text(record.detail),
        record.credential.to_owned(),
        text(record.password),
        record.remote_ip.clone(),
        text(record.user_agent),
        record.size_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
        record.id.to_string(),
    ]
}
