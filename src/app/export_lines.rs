//! How an event is written in an export: a line of JSON or of CSV. Millions of them are written one after the other, so what is
//! stored as JSON goes into the line as it is, without being read first.

use std::collections::HashMap;
use std::io::Write;

use serde_json::value::RawValue;

use crate::app::export::{CsvLines, ExportFormat, unreadable};
use crate::domain::event::WholeEvent;
use crate::domain::ids::CredentialId;
use crate::domain::payload::value_text;
use crate::domain::query::columns::Fields;
use crate::domain::time::rfc3339;
use crate::store::connection::error::StoreError;

/// The names of the columns that a CSV has when none were chosen. Scripts count them, so they stay.
const CSV_HEAD: [&str; 8] =
    ["id", "received_at", "credential", "remote_ip", "content_type", "size_bytes", "headers", "body"];

/// How many of them are not what was sent.
const WITHOUT_BODY: usize = 6;

/// Writes events down, each on a line of its own.
#[derive(Clone, Debug)]
pub(crate) struct EventLines {
    pub(crate) format: ExportFormat,
    /// The usernames of the account's credentials.
    pub(crate) usernames: HashMap<CredentialId, String>,
    /// Fields of the bodies, and request headers, that have columns of their own in a CSV, in the place of headers and body.
    pub(crate) fields: Fields,
}

impl EventLines {
    /// What stands before the first event.
    pub(crate) fn head(&self) -> Result<Vec<u8>, StoreError> {
        match self.format {
            ExportFormat::Ndjson => Ok(Vec::new()),
            ExportFormat::Csv => {
                let mut lines = CsvLines::after(Vec::new());
                let columns = if self.fields.0.is_empty() { &CSV_HEAD[..] } else { &CSV_HEAD[..WITHOUT_BODY] };
                let mut names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
                for field in &self.fields.0 {
                    names.push(free_name(&field.name, &names));
                }
                lines.push(names.iter().map(String::as_str))?;
                lines.finish()
            }
        }
    }

    /// Adds events to what was written before.
    pub(crate) fn write(&self, events: &[WholeEvent], mut out: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        match self.format {
            ExportFormat::Ndjson => {
                events.iter().try_for_each(|event| self.write_json(event, &mut out))?;
                Ok(out)
            }
            ExportFormat::Csv => {
                let mut lines = CsvLines::after(out);
                events.iter().try_for_each(|event| self.write_csv(event, &mut lines))?;
                lines.finish()
            }
        }
    }

    fn username(&self, event: &WholeEvent) -> &str {
        self.usernames.get(&event.credential_id).map(String::as_str).unwrap_or_default()
    }

    fn write_json(&self, event: &WholeEvent, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let WholeEvent { id, remote_ip, size_bytes, .. } = event;
        let received_at = rfc3339(id.received_at());
        write!(out, r#"{{"id":"{id}","received_at":"{received_at}","credential":"#).map_err(unreadable)?;
        write_string(self.username(event), out)?;
        write!(out, r#","remote_ip":"{remote_ip}","content_type":"#).map_err(unreadable)?;
        write_string(&event.content_type, out)?;
        write!(out, r#","size_bytes":{size_bytes}"#).map_err(unreadable)?;
        // Of events that their owner accepted later, and of no others. CSV keeps its columns.
        if let Some(at) = event.accepted_late_at {
            write!(out, r#","accepted_late_at":"{}""#, rfc3339(at)).map_err(unreadable)?;
        }
        out.extend_from_slice(br#","headers":"#);
        write_headers(&event.headers, out)?;
        // What stands around the value is not in the line.
        out.extend_from_slice(br#","body":"#);
        let start = out.len();
        out.extend_from_slice(value_text(&event.body).as_bytes());
        // Line breaks in valid JSON stand between tokens only, so a space says the same, and every number, key and string stays as it
        // was spelled. Few bodies have one, and looking for it is much quicker than asking every byte.
        let value = &mut out[start..];
        if value.contains(&b'\n') || value.contains(&b'\r') {
            value.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn write_csv(&self, event: &WholeEvent, lines: &mut CsvLines) -> Result<(), StoreError> {
        let (id, ip, size) = (event.id.to_string(), event.remote_ip.to_string(), event.size_bytes.to_string());
        let received_at = rfc3339(event.id.received_at());
        let beginning: [&str; WITHOUT_BODY] =
            [&id, &received_at, self.username(event), &ip, &event.content_type, &size];
        if self.fields.0.is_empty() {
            let mut headers = Vec::with_capacity(event.headers.len());
            write_headers(&event.headers, &mut headers)?;
            let headers = std::str::from_utf8(&headers).map_err(unreadable)?;
            return lines.push(beginning.into_iter().chain([headers, &event.body]));
        }
        let cells = self.fields.cells(&event.body, &event.headers);
        lines.push(beginning.into_iter().chain(cells.iter().map(String::as_str)))
    }
}

/// The name of a column that another one does not have: of a field `id`, `body.id`.
fn free_name(name: &str, taken: &[String]) -> String {
    let mut name = name.to_owned();
    while taken.contains(&name) {
        name.insert_str(0, "body.");
    }
    name
}

fn write_string(text: &str, out: &mut Vec<u8>) -> Result<(), StoreError> {
    serde_json::to_writer(out, text).map_err(unreadable)
}

/// Writes the stored list of names and values as an object whose names stay in their order.
fn write_headers(stored: &str, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let headers: Vec<(&RawValue, &RawValue)> =
        serde_json::from_str(stored).map_err(|_| unreadable("headers of an event"))?;
    out.push(b'{');
    for (place, (name, value)) in headers.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.get().as_bytes());
        out.push(b':');
        out.extend_from_slice(value.get().as_bytes());
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::EventLines;
    use crate::app::export::ExportFormat;
    use crate::domain::event::{EventId, WholeEvent};
    use crate::domain::ids::CredentialId;
    use crate::domain::query::columns::Fields;

    fn event(body: &str) -> WholeEvent {
        let id = EventId::first_of("2026-11-23T08:41:12.408Z".parse().unwrap());
        WholeEvent {
            id,
            credential_id: CredentialId(id.0),
            remote_ip: [127, 0, 0, 1].into(),
            content_type: "application/json; profile=\"a\"".to_owned(),
            size_bytes: body.len() as u64,
            accepted_late_at: None,
            headers: r#"[["b","1"],["a","say \"2\""]]"#.to_owned(),
            body: body.to_owned(),
        }
    }

    fn written(format: ExportFormat, body: &str) -> String {
        let event = event(body);
        let usernames = [(event.credential_id, "rw_7f3kq2m9".to_owned())].into();
        let lines = EventLines { format, usernames, fields: Fields::default() };
        String::from_utf8(lines.write(&[event], Vec::new()).unwrap()).unwrap()
    }

    #[test]
    fn ndjson_is_one_line_and_spells_the_value_as_it_came() {
        let line = written(ExportFormat::Ndjson, "\u{feff}{\r\n \"a\": 1.50e400,\n \"a\": \"\\ud800\\u0000\" }\n");
        assert_eq!(
            line,
            "{\"id\":\"01a20790-fdd8-0000-0000-000000000000\",\"received_at\":\"2026-11-23T08:41:12.408Z\",\
             \"credential\":\"rw_7f3kq2m9\",\"remote_ip\":\"127.0.0.1\",\
             \"content_type\":\"application/json; profile=\\\"a\\\"\",\"size_bytes\":45,\
             \"headers\":{\"b\":\"1\",\"a\":\"say \\\"2\\\"\"},\
             \"body\":{   \"a\": 1.50e400,  \"a\": \"\\ud800\\u0000\" }}\n"
        );
    }

    // holds W8
    #[test]
    fn chosen_fields_become_columns() {
        let lines = EventLines {
            format: ExportFormat::Csv,
            usernames: [].into(),
            fields: "data.product_id,data.n,data.gone".parse().unwrap(),
        };
        let head = lines.head().unwrap();
        let event = event(r#"{"data":{"product_id":"=SKU","n":25}}"#);
        let text = String::from_utf8(lines.write(&[event], head).unwrap()).unwrap();
        let (head, line) = text.split_once("\r\n").unwrap();
        assert!(head.ends_with(",content_type,size_bytes,data.product_id,data.n,data.gone"), "{head}");
        assert!(line.ends_with(",'=SKU,25,\r\n"), "{line}");
    }

    // holds issue 16, section 5
    #[test]
    fn no_two_columns_of_a_csv_have_one_name() {
        let fields = "id,body.id,size_bytes,sku,id".parse().unwrap();
        let lines = EventLines { format: ExportFormat::Csv, usernames: [].into(), fields };
        let head = String::from_utf8(lines.head().unwrap()).unwrap();
        let own = "id,received_at,credential,remote_ip,content_type,size_bytes";
        assert_eq!(head, format!("{own},body.id,body.body.id,body.size_bytes,sku,body.body.body.id\r\n"));
    }

    #[test]
    fn a_cell_has_the_body_as_it_came() {
        assert!(written(ExportFormat::Csv, "\u{feff} [1,\r\n 2]\n").ends_with(",\"\u{feff} [1,\r\n 2]\n\"\r\n"));
    }

    // holds W8
    #[test]
    fn no_body_in_a_csv_is_a_formula() {
        assert!(written(ExportFormat::Csv, "-1").ends_with(",'-1\r\n"));
        assert!(written(ExportFormat::Csv, "\"=cmd\"").ends_with(",\"\"\"=cmd\"\"\"\r\n"));
    }
}
