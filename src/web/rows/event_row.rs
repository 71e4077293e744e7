//! An event as a row of the list.

use askama::Template;
use jiff::Timestamp;

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::EventSummary;
use crate::domain::event_kind::EventKind;
use crate::domain::payload::value_text;
use crate::domain::size::size;
use crate::web::filters::list_filters::Filters;
use crate::web::format::When;
use crate::web::json_view::preview::preview;
use crate::web::json_view::tokens::{Span, first_chars};
use crate::web::page::Page;

/// How much of a body a row shows, in bytes: a page of rows is light whatever is in them.
const PREVIEW_BYTES: usize = 160;

/// How much of its type or first text the name of an event has, in characters.
const NAME_CHARS: usize = 40;

/// How much of a value a chosen column shows, in characters.
const CELL_CHARS: usize = 80;

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct EventRow {
    pub(crate) id: String,
    pub(crate) link: String,
    pub(crate) received: When,
    /// What its link says beside the time: its type or first text, and the end of its id.
    pub(crate) name: String,
    pub(crate) credential: String,
    /// It arrived with an expired password, and was accepted later.
    pub(crate) is_late: bool,
    pub(crate) spans: Vec<Span>,
    /// The columns that the reader chose: names and values.
    pub(crate) cells: Vec<Cell>,
    pub(crate) size: String,
    pub(crate) ip: String,
}

/// A column that the reader chose.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// One row alone, as the live connection sends it.
#[derive(Template)]
#[template(path = "event_row.html")]
struct Alone<'a> {
    page: &'a Page,
    row: &'a EventRow,
}

impl EventRow {
    /// A row whose link keeps the filters of the list, and its page.
    pub(crate) fn new(event: &EventSummary, filters: &Filters, now: Timestamp) -> Self {
        Self {
            id: event.id.to_string(),
            link: filters.here(&format!("/events/{}", event.id)),
            received: When::ago(event.id.received_at(), now),
            name: event_name(event),
            credential: escape_invisible(&event.credential_name).into_owned(),
            is_late: event.is_late,
            cells: cells(event, filters),
            spans: preview(value_text(&event.beginning), PREVIEW_BYTES),
            size: size(event.size_bytes),
            ip: event.remote_ip.to_string(),
        }
    }

    pub(crate) fn html(&self, page: &Page) -> String {
        Alone { page, row: self }.render().unwrap_or_default()
    }
}

/// `invoice.paid …7b4e10`: what tells an event from others in few words.
pub(crate) fn event_name(event: &EventSummary) -> String {
    let (kind, id) = (EventKind::name_of(&event.beginning).unwrap_or_default(), event.id.to_string());
    format!("{} …{}", escape_invisible(first_chars(&kind, NAME_CHARS)), &id[id.len() - 6..]).trim_start().to_owned()
}

fn cells(event: &EventSummary, filters: &Filters) -> Vec<Cell> {
    let named = filters.fields.0.iter().zip(&event.cells);
    let value = |value: &str| escape_invisible(first_chars(value, CELL_CHARS)).into_owned();
    named.map(|(field, found)| Cell { name: field.shown().into_owned(), value: value(found) }).collect()
}
