//! Writes events out, oldest first, as NDJSON or CSV: batch by batch, so that memory stays flat however many there are.

use std::str::FromStr;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::event::{EventId, StoredEvent};
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::payload::value_text;
use crate::domain::request_headers::KeptHeader;
use crate::domain::time::rfc3339;
use crate::store::error::StoreError;
use crate::store::events;
use crate::store::pool::Store;

/// How many events are in memory at once.
const BATCH: usize = 100;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    Ndjson,
    Csv,
}

/// The text names no format.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a format: say ndjson or csv")]
pub struct UnknownFormat(String);

impl FromStr for ExportFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ndjson" => Ok(ExportFormat::Ndjson),
            "csv" => Ok(ExportFormat::Csv),
            other => Err(UnknownFormat(other.to_owned())),
        }
    }
}

/// One export under way.
#[derive(Debug)]
pub struct Export {
    store: Store,
    account: AccountId,
    filter: EventFilter,
    format: ExportFormat,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    NotStarted,
    After(EventId),
    Done,
}

impl Export {
    pub fn new(store: Store, account: AccountId, filter: EventFilter, format: ExportFormat) -> Self {
        Self { store, account, filter, format, progress: Progress::NotStarted }
    }

    /// The next piece, or `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let (after, mut out) = match self.progress {
            Progress::Done => return Ok(None),
            Progress::After(id) => (Some(id), Vec::new()),
            Progress::NotStarted => (None, self.format.head()),
        };
        let mut conn = self.store.connection().await?;
        let batch = events::list_whole_after(&mut conn, self.account, &self.filter, after, BATCH).await?;
        for event in &batch {
            self.format.write(event, &mut out)?;
        }
        self.progress = match batch.last() {
            Some(last) if batch.len() == BATCH => Progress::After(last.summary.id),
            _ => Progress::Done,
        };
        Ok(Some(out))
    }
}

/// What is said of an event in a list and in every export.
#[derive(Debug, Serialize)]
pub struct EventRecord<'a> {
    pub id: String,
    pub received_at: String,
    pub credential: &'a str,
    pub remote_ip: String,
    pub content_type: &'a str,
    pub size_bytes: u64,
}

impl<'a> EventRecord<'a> {
    pub fn new(event: &'a crate::domain::event::EventSummary) -> Self {
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

#[derive(Serialize)]
struct WholeRecord<'a> {
    #[serde(flatten)]
    record: EventRecord<'a>,
    /// Of events that their owner accepted later, and of no others. CSV keeps its columns, which scripts count.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_late_at: Option<String>,
    headers: HeaderObject<'a>,
    body: &'a RawValue,
}

/// Headers as an object whose names stay in their order.
struct HeaderObject<'a>(&'a [KeptHeader]);

impl Serialize for HeaderObject<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl ExportFormat {
    /// The media type of a download.
    pub fn content_type(self) -> &'static str {
        match self {
            ExportFormat::Ndjson => "application/x-ndjson",
            ExportFormat::Csv => "text/csv; charset=utf-8",
        }
    }

    /// The end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            ExportFormat::Ndjson => "ndjson",
            ExportFormat::Csv => "csv",
        }
    }

    fn head(self) -> Vec<u8> {
        match self {
            ExportFormat::Ndjson => Vec::new(),
            ExportFormat::Csv => {
                b"id,received_at,credential,remote_ip,content_type,size_bytes,headers,body\r\n".to_vec()
            }
        }
    }

    fn write(self, event: &StoredEvent, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match self {
            ExportFormat::Ndjson => write_json(event, out),
            ExportFormat::Csv => write_csv(event, out),
        }
    }
}

fn unreadable(what: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable(what.to_string())
}

/// One event on one line. Line breaks in valid JSON stand between tokens only, so a space says the same, and every number,
/// key and string stays as it was spelled.
fn write_json(event: &StoredEvent, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let value = value_text(&event.body).replace(['\n', '\r'], " ");
    let body = RawValue::from_string(value).map_err(unreadable)?;
    let record = WholeRecord {
        record: EventRecord::new(&event.summary),
        accepted_late_at: event.accepted_late_at.map(rfc3339),
        headers: HeaderObject(&event.headers),
        body: &body,
    };
    serde_json::to_writer(&mut *out, &record).map_err(unreadable)?;
    out.push(b'\n');
    Ok(())
}

fn write_csv(event: &StoredEvent, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let record = EventRecord::new(&event.summary);
    let headers = serde_json::to_string(&HeaderObject(&event.headers)).map_err(unreadable)?;
    let size = record.size_bytes.to_string();
    let cells = [
        record.id.as_str(),
        &record.received_at,
        record.credential,
        &record.remote_ip,
        record.content_type,
        &size,
        &headers,
        value_text(&event.body),
    ];
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut *out);
    writer.write_record(cells.map(neutral)).map_err(unreadable)?;
    writer.flush().map_err(unreadable)
}

/// A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV injection).
fn neutral(cell: &str) -> String {
    let dangerous = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if dangerous { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{ExportFormat, neutral};
    use crate::domain::event::{EventId, EventSummary, StoredEvent};
    use crate::domain::ids::CredentialId;

    fn event(body: &str) -> StoredEvent {
        let id = EventId::first_of("2026-11-23T08:41:12.408Z".parse().unwrap());
        let summary = EventSummary {
            id,
            credential_id: CredentialId(id.0),
            credential_name: "Inventory".to_owned(),
            username: "rw_7f3kq2m9".to_owned(),
            remote_ip: [127, 0, 0, 1].into(),
            content_type: "application/json".to_owned(),
            size_bytes: body.len() as u64,
            beginning: body.to_owned(),
        };
        let headers = vec![("b".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        StoredEvent {
            summary,
            credential_revoked: false,
            accepted_late_at: None,
            user_agent: None,
            query: None,
            headers,
            body: body.to_owned(),
        }
    }

    fn written(format: ExportFormat, body: &str) -> String {
        let mut out = Vec::new();
        format.write(&event(body), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ndjson_is_one_line_and_spells_the_value_as_it_came() {
        let line = written(ExportFormat::Ndjson, "\u{feff}{\r\n \"a\": 1.50e400,\n \"a\": \"\\ud800\\u0000\" }\n");
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.ends_with("\"body\":{   \"a\": 1.50e400,  \"a\": \"\\ud800\\u0000\" }}\n"), "{line}");
        assert!(line.contains(r#""headers":{"b":"1","a":"2"}"#), "{line}");
        assert!(line.contains(r#""received_at":"2026-11-23T08:41:12.408Z""#), "{line}");
    }

    // holds W8
    #[test]
    fn no_cell_of_a_csv_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"] {
            assert_eq!(neutral(cell), format!("'{cell}"));
        }
        assert_eq!(neutral("{\"a\":1}"), "{\"a\":1}");
        assert!(written(ExportFormat::Csv, "-1").ends_with(",'-1\r\n"));
        assert!(written(ExportFormat::Csv, "\"=cmd\"").ends_with(",\"\"\"=cmd\"\"\"\r\n"));
    }
}
