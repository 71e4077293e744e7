//! "Copy as curl": the request again, as a command for a POSIX shell, or why there is none.

use std::borrow::Cow;

use crate::domain::escape_invisible::{escape_invisible, visible_lines};
use crate::domain::event::{MAX_KEPT_TEXT_BYTES, StoredEvent};

/// The longest body that stands in the command itself, in bytes; and the longest word that shells take, on Linux.
const MAX_BODY_BYTES: usize = 64 * 1024;
const MAX_WORD_BYTES: usize = 120 * 1024;
/// The longest command that stands on the page, in bytes. A longer one would be its body once more.
const MAX_BYTES_ON_PAGE: usize = 4 * 1024;

/// What the page offers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Curl {
    /// The command, and what has to be known before it is run.
    Command { line: String, note: Option<&'static str> },
    /// It is long, and fetched when it is copied.
    Elsewhere,
    /// Why there is none.
    Absent(&'static str),
}

/// What the page of an event has.
pub(crate) fn on_page(event: &StoredEvent, endpoint: &str) -> Curl {
    match curl(event, endpoint) {
        Curl::Command { line, .. } if line.len() > MAX_BYTES_ON_PAGE => Curl::Elsewhere,
        curl => curl,
    }
}

/// A command whose characters would make a terminal show something else than what it runs is none; a body that has such is read from
/// the file that the page offers, and so is a long one.
pub(crate) fn curl(event: &StoredEvent, endpoint: &str) -> Curl {
    let summary = &event.summary;
    let query = event.query.as_deref().unwrap_or_default();
    if query.len() >= MAX_KEPT_TEXT_BYTES {
        return Curl::Absent("No curl command: the query string was too long to be kept whole.");
    }
    if !shows_itself(query) || !shows_itself(&summary.content_type) {
        return Curl::Absent("No curl command: the query string or content type has characters that terminals hide.");
    }
    let body = quoted(&event.body);
    let is_short = event.body.len() <= MAX_BODY_BYTES && body.len() <= MAX_WORD_BYTES;
    let (data, note) = match (is_short, matches!(visible_lines(&event.body), Cow::Borrowed(_))) {
        (true, true) => (format!("--data-raw {body}"), None),
        (false, _) => {
            (from_file(event), Some("The body is long: the curl command sends the file that Download JSON saves."))
        }
        (true, false) => {
            let note = "The body has characters that terminals hide: the curl command sends the file that Download JSON saves.";
            (from_file(event), Some(note))
        }
    };
    // curl itself would take these for lists of addresses, in quotes as well.
    let globoff = if query.contains(['[', ']', '{', '}']) { "--globoff " } else { "" };
    let line = format!(
        "curl {globoff}{} \\\n  --user \"{}:$WEBHOOK_PASSWORD\" \\\n  --header {} \\\n  {data}",
        quoted(&with_query(endpoint, query)),
        summary.username,
        quoted(&format!("Content-Type: {}", summary.content_type)),
    );
    Curl::Command { line, note }
}

fn shows_itself(text: &str) -> bool {
    matches!(escape_invisible(text), Cow::Borrowed(_))
}

fn from_file(event: &StoredEvent) -> String {
    format!("--data-binary '@{}.json'", event.summary.id)
}

fn with_query(endpoint: &str, query: &str) -> String {
    match query {
        "" => endpoint.to_owned(),
        query => format!("{endpoint}{}{query}", if endpoint.contains('?') { '&' } else { '?' }),
    }
}

/// One word for the shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
