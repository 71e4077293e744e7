//! The part of an event's page that shows its body: as a tree, from the top or from any place in it, and as received, piece by piece.
//!
//! A body is whatever a sender chose. Reading it costs time in proportion to its length and no more, off the workers when it is
//! long, and what is shown of it has a bound, which keeps the page light from the start, with links to the rest.

use serde::Deserialize;

use crate::computing::{MAX_COST_ON_WORKER, compute};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::grouped::grouped;
use crate::domain::ids::AccountId;
use crate::domain::query::ast::Piece;
use crate::domain::size::size;
use crate::web::errors::PageError;
use crate::web::filters::filter_links::address;
use crate::web::json_view::location::{Child, Found, MAX_DEPTH, ValueLocation, held_json};
use crate::web::json_view::path::{chunks, path, same_value};
use crate::web::json_view::raw::{Raw, raw};
use crate::web::json_view::readable::readable;
use crate::web::json_view::tokens::{Kind, first_chars};
use crate::web::json_view::tree::{Row, tree};

/// How many steps of a way are shown, the last ones.
const MAX_CRUMBS: usize = 9;
/// How much of a key a step shows, in characters.
const MAX_CRUMB_CHARS: usize = 60;

/// What part of the body an address asks for. All are numbers of bytes, but for `start` in a container: there it is a number of
/// children.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Part {
    at: Option<String>,
    start: Option<String>,
    raw: Option<String>,
    /// Strings whose JSON is shown in the place of the body, each within that of the one before: `120.17`.
    #[serde(rename = "in")]
    inside: Option<String>,
}

/// How many strings may hold one another.
const MAX_HELD: usize = 8;

impl Part {
    /// Where the strings are whose JSON is shown.
    fn strings(&self) -> Result<Vec<usize>, PageError> {
        let Some(inside) = &self.inside else { return Ok(Vec::new()) };
        let strings: Result<Vec<usize>, _> = inside.split('.').map(str::parse).collect();
        strings.ok().filter(|strings| strings.len() <= MAX_HELD).ok_or(PageError::NotFound)
    }
}

/// One step of the way to a value.
#[derive(Clone, Debug)]
pub(crate) struct Crumb {
    pub(crate) text: String,
    pub(crate) at: usize,
}

/// The value that an address points at.
#[derive(Clone, Debug)]
pub(crate) struct Pointed {
    pub(crate) at: usize,
    pub(crate) crumbs: Vec<Crumb>,
    /// How many steps there are before these.
    pub(crate) steps_left_out: usize,
    /// The last of the steps: what is pointed at.
    pub(crate) name: String,
    /// What it is, and how long.
    pub(crate) kind: String,
    /// The way to it in one line.
    pub(crate) shown_path: String,
    /// Its path as a search names it, where it can.
    pub(crate) path: Option<String>,
    /// Its path as a JSON Pointer, where that can be written down.
    pub(crate) pointer: Option<String>,
    /// The list of the events that have the same value there.
    pub(crate) same_value: Option<String>,
    /// The page with the JSON that it holds, if it is a string with some.
    pub(crate) held: Option<String>,
}

/// The body as the page shows it.
#[derive(Clone, Debug)]
pub(crate) struct BodyView {
    pub(crate) pointed: Option<Pointed>,
    /// Of a container, and of anything at the top.
    pub(crate) tree: Option<Vec<Row>>,
    /// Of a scalar that is pointed at.
    pub(crate) text: Option<Raw>,
    pub(crate) raw: Raw,
    /// The reader asked for a piece of the raw body.
    pub(crate) is_raw: bool,
    /// The address of the page, up to a place: `?q=…&at=`.
    at_prefix: String,
    raw_prefix: String,
    /// The address of the page with the JSON that a string holds, up to its place.
    in_prefix: String,
    /// The string whose JSON is shown: its path.
    pub(crate) inside: Option<String>,
    /// What a download of a value has in its address: `in=120&`.
    pub(crate) download: String,
}

impl BodyView {
    /// Whether the address asks for something of the body, whatever the reader prefers to look at.
    pub(crate) fn is_asked(&self) -> bool {
        self.is_raw || self.pointed.is_some() || self.inside.is_some()
    }

    /// The address of a piece of the text that is pointed at.
    pub(crate) fn text_chunk(&self, start: &usize) -> String {
        self.from(&self.pointed.as_ref().map_or(0, |pointed| pointed.at), start)
    }

    pub(crate) fn pointed_name(&self) -> &str {
        self.pointed.as_ref().map_or("", |pointed| &pointed.name)
    }

    /// The address of the page with a value in it.
    pub(crate) fn at(&self, at: &usize) -> String {
        format!("{}{at}", self.at_prefix)
    }

    /// The page with the JSON that a string holds.
    pub(crate) fn held(&self, at: &usize) -> String {
        format!("{}{at}", self.in_prefix)
    }

    /// The same with the children, or the text, from a number on.
    pub(crate) fn from(&self, at: &usize, start: &usize) -> String {
        format!("{}{at}&start={start}", self.at_prefix)
    }

    /// The address of a piece of the raw body.
    pub(crate) fn chunk(&self, start: &usize) -> String {
        format!("{}{start}", self.raw_prefix)
    }

    pub(crate) fn count(&self, count: &usize, is_object: &bool) -> String {
        format!("{} {}", grouped(*count as u64), Row::unit(*is_object, *count))
    }

    pub(crate) fn grouped(&self, number: &usize) -> String {
        grouped(*number as u64)
    }

    pub(crate) fn max_depth(&self) -> usize {
        MAX_DEPTH
    }
}

/// Shows what an address asks for; 404 when nothing starts where it points. `query` is what the page's address has beside that,
/// `tree_bytes` how much of the page is left for the tree.
pub(crate) async fn show(
    (account, body): (AccountId, &str),
    part: &Part,
    query: &str,
    tree_bytes: usize,
) -> Result<BodyView, PageError> {
    let number = |input: &Option<String>| match input {
        None => Ok(None),
        Some(text) => text.parse::<usize>().map(Some).map_err(|_| PageError::NotFound),
    };
    let (at, start, chunk) = (number(&part.at)?, number(&part.start)?.unwrap_or(0), number(&part.raw)?);
    let strings = part.strings()?;
    let download = part.inside.as_ref().map(|inside| format!("in={inside}&")).unwrap_or_default();
    let prefix = |name: &str| match query {
        "" => format!("?{name}"),
        query => format!("?{query}&{name}"),
    };
    let (at_prefix, raw_prefix) = (prefix(&format!("{download}at=")), prefix("raw="));
    let in_prefix = prefix(&part.inside.as_ref().map_or_else(|| "in=".to_owned(), |inside| format!("in={inside}.")));
    let read = move |whole: &str| {
        let held = Held::read(whole, &strings)?;
        let body = held.text.as_deref().unwrap_or(whole);
        let location = match at {
            Some(at) => Some(ValueLocation::find(body, at)?),
            None => ValueLocation::top(body),
        };
        let target = location.as_ref().filter(|_| at.is_some());
        let text = target.and_then(ValueLocation::scalar).map(|text| raw(text, start));
        let tree = location.as_ref().filter(|_| text.is_none()).map(|location| tree(body, location, start, tree_bytes));
        let pointed = target.map(|location| pointed(body, &held.path, location, &in_prefix));
        let raw = raw(whole, chunk.unwrap_or(0));
        let inside = held.text.is_some().then(|| held.shown_path.clone());
        let is_raw = chunk.is_some();
        Some(BodyView { pointed, tree, text, raw, is_raw, at_prefix, raw_prefix, in_prefix, inside, download })
    };
    let view = beside_workers(account, body, read).await?;
    view.ok_or(PageError::NotFound)
}

/// The text of the value that starts at a place, as received; `None` when none does.
pub(crate) async fn value_at(
    account: AccountId,
    body: &str,
    part: &Part,
    at: usize,
) -> Result<Option<String>, PageError> {
    let strings = part.strings()?;
    let read = move |whole: &str| {
        let held = Held::read(whole, &strings)?;
        let body = held.text.as_deref().unwrap_or(whole);
        Some(ValueLocation::find(body, at)?.text(body).to_owned())
    };
    beside_workers(account, body, read).await
}

/// The JSON of a string in a body, or in that of another string.
#[derive(Default)]
struct Held {
    /// `None` for the body itself.
    text: Option<String>,
    path: Vec<Piece>,
    shown_path: String,
}

impl Held {
    fn read(body: &str, strings: &[usize]) -> Option<Self> {
        let mut held = Self::default();
        for &at in strings {
            let text = held.text.as_deref().unwrap_or(body);
            let location = ValueLocation::find(text, at)?;
            let inner = held_json(location.scalar()?)?;
            held.shown_path = path_text(&held.path, &location);
            held.path.extend(chunks(&location)?);
            held.text = Some(inner);
        }
        Some(held)
    }
}

/// Reads a body, on the worker that asks when it is short, and else when it is the account's turn.
async fn beside_workers<T: Send + 'static>(
    account: AccountId,
    body: &str,
    read: impl FnOnce(&str) -> T + Send + 'static,
) -> Result<T, PageError> {
    if body.len() as u64 <= MAX_COST_ON_WORKER {
        return Ok(read(body));
    }
    let body = body.to_owned();
    Ok(compute(account, move |_| read(&body)).await?)
}

fn pointed(body: &str, base: &[Piece], location: &ValueLocation<'_>, in_prefix: &str) -> Pointed {
    let bytes = location.text(body).len() as u64;
    let what = match location.found {
        Found::Container { is_object: true } => "Object",
        Found::Container { is_object: false } => "List",
        Found::Scalar { kind: Kind::Text, .. } => "Text",
        Found::Scalar { kind: Kind::Number, .. } => "Number",
        Found::Scalar { text: "null", .. } => "Null",
        Found::Scalar { .. } => "Boolean",
    };
    let (steps_left_out, crumbs) = crumbs(location);
    Pointed {
        at: location.at,
        crumbs,
        steps_left_out,
        name: location.child().map_or_else(|| "Body".to_owned(), crumb_text),
        kind: format!("{what}, {}", if bytes < 1_000 { format!("{bytes} bytes") } else { size(bytes) }),
        shown_path: path_text(base, location),
        path: path(base, location),
        same_value: same_value(base, location).map(|query| address("/events", &[("q", &query)])),
        // Of what is in a string there is none.
        pointer: location.pointer().filter(|pointer| base.is_empty() && escape_invisible(pointer) == *pointer),
        held: location.scalar().and_then(held_json).map(|_| format!("{in_prefix}{}", location.at)),
    }
}

/// The way to a value in one line, for people.
pub(crate) fn path_text(base: &[Piece], location: &ValueLocation<'_>) -> String {
    if let Some(path) = path(base, location) {
        return if path == "$" { "Body".to_owned() } else { escape_invisible(&path).into_owned() };
    }
    let (left_out, crumbs) = crumbs(location);
    let start = if left_out > 0 { format!("… {left_out} levels …") } else { String::new() };
    let name = location.child().map(crumb_text);
    let steps = crumbs.into_iter().map(|crumb| crumb.text).chain(name);
    steps.fold(start, |path, step| format!("{path}/{step}"))
}

/// The steps above what is pointed at: how many are left out, and the others.
fn crumbs(location: &ValueLocation<'_>) -> (usize, Vec<Crumb>) {
    let above = location.way.split_last().map_or(&[][..], |(_, above)| above);
    let left_out = above.len().saturating_sub(MAX_CRUMBS);
    let shown = above.iter().skip(left_out).map(|child| Crumb { text: crumb_text(child), at: child.at });
    (left_out, shown.collect())
}

fn crumb_text(child: &Child<'_>) -> String {
    let Some(name) = child.name else { return child.index.to_string() };
    let start = first_chars(name.seen(), MAX_CRUMB_CHARS);
    let mut shown = readable(start);
    if start.len() < name.seen().len() {
        shown.push('…');
    }
    shown
}
