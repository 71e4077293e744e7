//! The part of an event's page that shows its body: as a tree, from the top or from any place in it, and as received, piece by piece.
//!
//! A body is whatever a sender chose. Reading it costs time in proportion to its length and no more, off the workers when it is
//! long, and what is shown of it has a bound, with links to the rest.

use actix_web::web;
use serde::Deserialize;

use crate::domain::escape_invisible::escape_invisible;
use crate::web::errors::PageError;
use crate::web::filters::filter_links::address;
use crate::web::format::{grouped, size};
use crate::web::json_view::extent::Reservation;
use crate::web::json_view::location::{Child, Found, ValueLocation};
use crate::web::json_view::path::{path, same_value};
use crate::web::json_view::raw::{Raw, raw};
use crate::web::json_view::tokens::{Kind, first_chars};
use crate::web::json_view::tree::{Row, Tree, tree};
use crate::web::json_view::walk::{Walk, What};

/// Longer bodies are read beside the workers, in bytes.
pub const MAX_BYTES_ON_WORKER: usize = 64 * 1024;
/// Steps of a way that are shown from its start and from its end.
const CRUMBS_AT_START: usize = 3;
const CRUMBS_AT_END: usize = 6;
/// How much of a key a step shows, in characters.
const MAX_CRUMB_CHARS: usize = 60;

/// What part of the body an address asks for. All are numbers of bytes, but for `start` in a container: there it is a number of
/// children.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Part {
    at: Option<String>,
    start: Option<String>,
    raw: Option<String>,
}

/// One step of the way to a value.
#[derive(Clone, Debug)]
pub enum Crumb {
    Step { text: String, at: usize },
    LeftOut { steps: String },
}

/// The value that an address points at.
#[derive(Clone, Debug)]
pub struct Pointed {
    pub at: usize,
    pub crumbs: Vec<Crumb>,
    /// The last of the steps: what is pointed at.
    pub name: String,
    /// What it is, and how long.
    pub kind: String,
    pub is_key: bool,
    /// The way to it in one line.
    pub shown_path: String,
    /// Its path as a search names it, where it can.
    pub path: Option<String>,
    /// Its path as a JSON Pointer, where that can be written down.
    pub pointer: Option<String>,
    /// The list of the events that have the same value there.
    pub same_value: Option<String>,
}

/// The body as the page shows it.
#[derive(Clone, Debug)]
pub struct BodyView {
    pub pointed: Option<Pointed>,
    /// Of a container, and of anything at the top.
    pub tree: Option<Tree>,
    /// Of a scalar or a key that is pointed at.
    pub text: Option<Raw>,
    pub raw: Raw,
    /// The reader asked for a piece of the raw body.
    pub is_raw: bool,
    /// The address of the page, up to a place: `?q=…&at=`.
    at_prefix: String,
    raw_prefix: String,
}

impl BodyView {
    /// Whether the address asks for something of the body, whatever the reader prefers to look at.
    pub fn is_asked(&self) -> bool {
        self.is_raw || self.pointed.is_some()
    }

    /// The address of a piece of the text that is pointed at.
    pub fn text_chunk(&self, start: &usize) -> String {
        self.from(&self.pointed.as_ref().map_or(0, |pointed| pointed.at), start)
    }

    pub fn pointed_name(&self) -> &str {
        self.pointed.as_ref().map_or("", |pointed| &pointed.name)
    }

    /// The address of the page with a value in it.
    pub fn at(&self, at: &usize) -> String {
        format!("{}{at}", self.at_prefix)
    }

    /// The same with the children, or the text, from a number on.
    pub fn from(&self, at: &usize, start: &usize) -> String {
        format!("{}{at}&start={start}", self.at_prefix)
    }

    /// The address of a piece of the raw body.
    pub fn chunk(&self, start: &usize) -> String {
        format!("{}{start}", self.raw_prefix)
    }

    pub fn count(&self, count: &usize, is_object: &bool) -> String {
        format!("{} {}", grouped(*count as u64), Row::unit(*is_object, *count))
    }

    pub fn grouped(&self, number: &usize) -> String {
        grouped(*number as u64)
    }
}

/// Shows what an address asks for; 404 when nothing starts where it points. `query` is what the page's address has beside that.
pub async fn show(body: &str, part: &Part, query: &str, budget: Reservation) -> Result<BodyView, PageError> {
    let number = |input: &Option<String>| match input {
        None => Ok(None),
        Some(text) => text.parse::<usize>().map(Some).map_err(|_| PageError::NotFound),
    };
    let (at, start, chunk) = (number(&part.at)?, number(&part.start)?.unwrap_or(0), number(&part.raw)?);
    let prefix = |name: &str| if query.is_empty() { format!("?{name}=") } else { format!("?{query}&{name}=") };
    let (at_prefix, raw_prefix) = (prefix("at"), prefix("raw"));
    let read = move |body: &str| {
        let location = match at {
            Some(at) => Some(ValueLocation::find(body, at)?),
            None => ValueLocation::top(body),
        };
        let pointed = location.as_ref().filter(|_| at.is_some()).map(|location| pointed(body, location));
        let text = location.as_ref().filter(|_| at.is_some()).and_then(|location| match location.found {
            Found::Scalar { text, .. } | Found::Key { text } => Some(raw(text, start, budget.chunk_bytes)),
            Found::Container { .. } => None,
        });
        let tree = location.as_ref().filter(|_| text.is_none()).map(|location| tree(body, location, start, budget));
        let raw = raw(body, chunk.unwrap_or(0), budget.chunk_bytes);
        Some(BodyView { pointed, tree, text, raw, is_raw: chunk.is_some(), at_prefix, raw_prefix })
    };
    let view = beside_workers(body, read).await?;
    view.ok_or(PageError::NotFound)
}

/// The text of the value that starts at a place, as received; `None` when none does.
pub async fn value_at(body: &str, at: usize) -> Result<Option<String>, PageError> {
    beside_workers(body, move |body| {
        let location = ValueLocation::find(body, at)?;
        Some(text_of(body, &location).to_owned())
    })
    .await
}

/// Reads a body, on the worker that asks when it is short.
pub async fn beside_workers<T: Send + 'static>(
    body: &str,
    read: impl FnOnce(&str) -> T + Send + 'static,
) -> Result<T, PageError> {
    if body.len() <= MAX_BYTES_ON_WORKER {
        return Ok(read(body));
    }
    let body = body.to_owned();
    web::block(move || read(&body)).await.map_err(|_| PageError::Internal)
}

fn text_of<'a>(body: &'a str, location: &ValueLocation<'a>) -> &'a str {
    match location.found {
        Found::Scalar { text, .. } | Found::Key { text } => text,
        Found::Container { .. } => {
            let end = Walk::from(body, location.at)
                .find(|step| step.level == 0 && matches!(step.what, What::Close { .. }))
                .map_or(body.len(), |step| step.at + 1);
            &body[location.at..end]
        }
    }
}

fn pointed(body: &str, location: &ValueLocation<'_>) -> Pointed {
    let bytes = text_of(body, location).len() as u64;
    let what = match location.found {
        Found::Container { is_object: true } => "Object",
        Found::Container { is_object: false } => "List",
        Found::Key { .. } => "Key",
        Found::Scalar { kind: Kind::Text, .. } => "Text",
        Found::Scalar { kind: Kind::Number, .. } => "Number",
        Found::Scalar { text: "null", .. } => "Null",
        Found::Scalar { .. } => "Boolean",
    };
    Pointed {
        at: location.at,
        crumbs: crumbs(location),
        name: location.child().map_or_else(|| "Body".to_owned(), crumb_text),
        kind: format!("{what}, {}", if bytes < 1_000 { format!("{bytes} bytes") } else { size(bytes) }),
        is_key: matches!(location.found, Found::Key { .. }),
        shown_path: path_text(location),
        path: path(location),
        same_value: same_value(location).map(|query| address("/events", &[("q", &query)])),
        pointer: location.pointer().filter(|pointer| escape_invisible(pointer) == *pointer),
    }
}

/// The way to a value in one line, for people.
pub fn path_text(location: &ValueLocation<'_>) -> String {
    if let Some(path) = path(location) {
        return if path == "$" { "Body".to_owned() } else { escape_invisible(&path).into_owned() };
    }
    let steps = crumbs(location).into_iter().map(|crumb| match crumb {
        Crumb::Step { text, .. } => text,
        Crumb::LeftOut { steps } => format!("… {steps} levels …"),
    });
    let name = location.child().map(crumb_text);
    steps.chain(name).map(|step| format!("/{step}")).collect()
}

/// The steps above what is pointed at.
fn crumbs(location: &ValueLocation<'_>) -> Vec<Crumb> {
    let above: Vec<&Child<'_>> = location.first.iter().chain(&location.last).collect();
    let above = above.split_last().map_or(&[][..], |(_, above)| above);
    let step = |child: &&Child<'_>| Crumb::Step { text: crumb_text(child), at: child.at };
    if above.len() <= CRUMBS_AT_START + CRUMBS_AT_END + 1 {
        return above.iter().map(step).collect();
    }
    let (start, rest) = above.split_at(CRUMBS_AT_START);
    let (between, end) = rest.split_at(rest.len() - CRUMBS_AT_END);
    let left_out = Crumb::LeftOut { steps: grouped((between.len() + location.left_out()) as u64) };
    start.iter().map(step).chain([left_out]).chain(end.iter().map(step)).collect()
}

fn crumb_text(child: &Child<'_>) -> String {
    let Some(name) = child.name else { return child.index.to_string() };
    let start = first_chars(name.seen(), MAX_CRUMB_CHARS);
    let mut shown = escape_invisible(start).into_owned();
    if start.len() < name.seen().len() {
        shown.push('…');
    }
    shown
}
