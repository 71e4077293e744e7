//! Writes events out, oldest first, as NDJSON or CSV: batch by batch, so that memory stays flat however many there are.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::app::export::{ExportFormat, Pieces, unreadable, write_csv_line, write_json_line};
use crate::domain::audit::{Act, Action};
use crate::domain::event::{EventId, StoredEvent};
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::payload::value_text;
use crate::domain::request_headers::KeptHeader;
use crate::domain::time::rfc3339;
use crate::store::error::StoreError;
use crate::store::pool::Store;
use crate::store::searching::search;
use crate::store::{audit, events};

/// How many events are in memory at once.
const BATCH: usize = 100;

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
    /// Begins one, which is an act: its line in the audit log is there before the first event leaves.
    pub async fn begin(
        store: Store,
        account: AccountId,
        filter: EventFilter,
        format: ExportFormat,
        act: &Act,
    ) -> Result<Self, StoreError> {
        let detail = if filter.is_empty() { "all" } else { "filtered" };
        let detail = format!("{detail}, as {}", format.extension());
        audit::append(&mut *store.connection().await?, account, act, Action::EventsExported, "", &detail).await?;
        Ok(Self { store, account, filter, format, progress: Progress::NotStarted })
    }
}

impl Pieces for Export {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let (after, mut out) = match self.progress {
            Progress::Done => return Ok(None),
            Progress::After(id) => (Some(id), Vec::new()),
            Progress::NotStarted => {
                (None, if self.format == ExportFormat::Csv { CSV_HEAD.to_vec() } else { Vec::new() })
            }
        };
        let mut after = after;
        loop {
            // Given back between batches, so that a search that finds little keeps no connection from others.
            let (account, filter) = (self.account, &self.filter);
            let batch = if filter.has_to_look() {
                let read = async |conn: &mut _| events::list_whole_after(conn, account, filter, after, BATCH).await;
                search(&self.store, read).await?
            } else {
                let mut conn = self.store.connection().await?;
                events::list_whole_after(&mut conn, account, filter, after, BATCH).await?
            };
            for event in &batch.events {
                write(self.format, event, &mut out)?;
            }
            self.progress = batch.after.map_or(Progress::Done, Progress::After);
            if batch.after.is_none() || !batch.events.is_empty() {
                return Ok(Some(out));
            }
            after = batch.after;
        }
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

const CSV_HEAD: &[u8] = b"id,received_at,credential,remote_ip,content_type,size_bytes,headers,body\r\n";

fn write(format: ExportFormat, event: &StoredEvent, out: &mut Vec<u8>) -> Result<(), StoreError> {
    match format {
        ExportFormat::Ndjson => write_json(event, out),
        ExportFormat::Csv => write_csv(event, out),
    }
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
    write_json_line(&record, out)
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
    write_csv_line(cells, out)
}

#[cfg(test)]
mod tests {
    use super::{ExportFormat, write};
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
        write(format, &event(body), &mut out).unwrap();
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
    fn no_body_in_a_csv_is_a_formula() {
        assert!(written(ExportFormat::Csv, "-1").ends_with(",'-1\r\n"));
        assert!(written(ExportFormat::Csv, "\"=cmd\"").ends_with(",\"\"\"=cmd\"\"\"\r\n"));
    }
}
