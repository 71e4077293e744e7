//! Writes the audit log of an account out, oldest first, batch by batch, as events are.

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

use crate::app::export::{Chunks, CsvLines, ExportFormat, Reached, write_json_line};
use crate::domain::audit::{Act, Action, AuditEntry, AuditFilter, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::AccountId;
use crate::domain::time::rfc3339;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::scan::audit_scan::{FoundLines, look};
use crate::store::scan::budget::Budget;
use crate::store::tables::audit::{self, AuditSpan};

/// How many lines are in memory at once.
const BATCH: usize = 500;
/// How many lines one part looks at, where few of them pass.
const MAX_SEARCHED: u64 = 50_000;

const CSV_HEAD: &[u8] = b"at,action,actor,subject,detail,remote_ip,request_id\r\n";

/// One export under way.
#[derive(Debug)]
pub(crate) struct AuditExport {
    store: Store,
    account: AccountId,
    filter: AuditFilter,
    format: ExportFormat,
    reached: Reached,
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    at: String,
    action: &'a str,
    actor: &'a str,
    subject: &'a str,
    detail: Cow<'a, str>,
    remote_ip: Option<String>,
    request_id: Option<&'a str>,
}

impl AuditExport {
    /// Begins one, which is an act: its line is there before the first one leaves, and so is the last of an export of all.
    pub(crate) async fn begin(
        store: Store,
        account: AccountId,
        filter: AuditFilter,
        format: ExportFormat,
        act: &Act,
    ) -> Result<Self, StoreError> {
        let detail = AuditDetail::Export { is_filtered: !filter.is_empty(), format: format.extension().to_owned() };
        audit::append(
            &mut *store.connection().await?,
            account,
            act,
            AuditLine::new(Action::AuditExported, "").with(detail),
        )
        .await?;
        Ok(Self { store, account, filter, format, reached: Reached::NotStarted })
    }

    /// The connection is given back after each part, whether anything was found in it or not.
    async fn read(&self, after: Option<Uuid>) -> Result<FoundLines, StoreError> {
        let mut conn = self.store.background_connection().await?;
        let budget = Budget { rows: MAX_SEARCHED, ..Budget::PAGE };
        look(&mut conn, self.account, &self.filter, AuditSpan::oldest_first(after), BATCH, budget).await
    }
}

impl Chunks for AuditExport {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let (after, mut out) = match self.reached {
            Reached::Done => return Ok(None),
            Reached::After(id) => (Some(id), Vec::new()),
            Reached::NotStarted if self.format == ExportFormat::Csv => (None, CSV_HEAD.to_vec()),
            Reached::NotStarted => (None, Vec::new()),
        };
        let found = self.read(after).await?;
        let batch = found.lines;
        match self.format {
            ExportFormat::Ndjson => {
                batch.iter().try_for_each(|(_, entry)| write_json_line(&record(entry), &mut out))?
            }
            ExportFormat::Csv => {
                let mut lines = CsvLines::after(out);
                batch.iter().try_for_each(|(_, entry)| lines.push(cells(&record(entry))))?;
                out = lines.finish()?;
            }
        }
        self.reached = found.looked_to.map_or(Reached::Done, Reached::After);
        Ok(Some(out))
    }
}

fn record(entry: &AuditEntry) -> Record<'_> {
    Record {
        at: rfc3339(entry.at),
        action: entry.action.as_str(),
        actor: &entry.actor,
        subject: &entry.subject,
        detail: entry.detail.words(),
        remote_ip: entry.remote_ip.map(|ip| ip.to_string()),
        request_id: entry.request_id.as_deref(),
    }
}

fn cells<'a>(record: &'a Record<'_>) -> [&'a str; 7] {
    let Record { at, action, actor, subject, detail, remote_ip, request_id } = record;
    [at, action, actor, subject, detail, remote_ip.as_deref().unwrap_or_default(), request_id.unwrap_or_default()]
}
