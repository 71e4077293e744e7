//! What all exports share: their two formats, cells that no spreadsheet takes for a formula, and that they come piece by piece.

use std::borrow::Cow;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use crate::store::connection::error::StoreError;

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
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
            other => Err(UnknownFormat(other.chars().take(40).collect())),
        }
    }
}

impl ExportFormat {
    /// The media type of a download.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            ExportFormat::Ndjson => "application/x-ndjson",
            ExportFormat::Csv => "text/csv; charset=utf-8",
        }
    }

    /// The end of a file's name.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            ExportFormat::Ndjson => "ndjson",
            ExportFormat::Csv => "csv",
        }
    }
}

/// What Excel takes for the sign of UTF-8 at the beginning of a CSV, where somebody wants it.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// An export under way, of which one piece is in memory at a time.
pub trait Chunks {
    /// The next piece, or `None` after the last.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>>;
}

/// How far an export that goes by a key has come.
#[derive(Debug)]
pub(crate) enum Reached {
    NotStarted,
    After(Uuid),
    Done,
}

/// Writes a record as a line of JSON.
pub(crate) fn write_json_line(record: &impl Serialize, out: &mut Vec<u8>) -> Result<(), StoreError> {
    serde_json::to_writer(&mut *out, record).map_err(unreadable)?;
    out.push(b'\n');
    Ok(())
}

/// Lines of CSV (RFC 4180), written one after the other.
pub(crate) struct CsvLines(csv::Writer<Vec<u8>>);

impl CsvLines {
    pub(crate) fn after(out: Vec<u8>) -> Self {
        Self(csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out))
    }

    pub(crate) fn push<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> Result<(), StoreError> {
        for cell in cells {
            self.0.write_field(neutral(cell).as_bytes()).map_err(unreadable)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(unreadable)
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, StoreError> {
        self.0.into_inner().map_err(unreadable)
    }
}

/// A stored value that an export cannot write.
pub(crate) fn unreadable(what: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable(what.to_string())
}

/// A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV injection), also where space or a byte
/// order mark comes first or the sign is one of the wide ones, which some programs take for the narrow. No JSON begins with one, so
/// that a body without it is the body that was sent.
fn neutral(cell: &str) -> Cow<'_, str> {
    let is_sign = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    let beginning = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let dangerous = cell.starts_with(['\t', '\r', '\n']) || beginning.starts_with(is_sign);
    if dangerous { format!("'{cell}").into() } else { cell.into() }
}

#[cfg(test)]
mod tests {
    use super::CsvLines;

    // holds W8
    #[test]
    fn no_cell_of_a_csv_is_a_formula() {
        let line = |cell: &str| {
            let mut lines = CsvLines::after(Vec::new());
            lines.push(["x", cell]).unwrap();
            String::from_utf8(lines.finish().unwrap()).unwrap()
        };
        for cell in ["=1+1", "+1", "-1", "@sum", "\tx", "  =1", "\u{feff}=1", "＝1", "＋1"] {
            assert_eq!(line(cell), format!("x,'{cell}\r\n"));
        }
        assert_eq!(line("\rx"), "x,\"'\rx\"\r\n");
        assert_eq!(line("\n=2"), "x,\"'\n=2\"\r\n");
        assert_eq!(line("{\"a\":1}"), "x,\"{\"\"a\"\":1}\"\r\n");
    }
}
