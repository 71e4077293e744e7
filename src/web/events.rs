//! The dashboard: what was received, newest first, with the last 24 hours above it.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::domain::credential::CredentialState;
use crate::domain::event::{EventId, EventSummary};
use crate::domain::listing::{EVENTS_PER_PAGE, Page as Listed};
use crate::domain::payload::value_text;
use crate::domain::position::Position;
use crate::domain::visible::visible;
use crate::store::matching::Budget;
use crate::store::{arrivals, credentials, events};
use crate::web::answers::{html, html_invalid};
use crate::web::errors::PageError;
use crate::web::filters::{Filters, Query};
use crate::web::json_view::preview::preview;
use crate::web::json_view::tokens::Span;
use crate::web::overview::Overview;
use crate::web::page::Page;
use crate::web::reader::SignedIn;
use crate::web::shown::{When, size};

/// How much of a body a row shows, in characters.
const PREVIEW_CHARS: usize = 160;

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: String,
    pub link: String,
    pub received: When,
    pub credential: String,
    pub spans: Vec<Span>,
    pub size: String,
    pub ip: String,
}

impl Row {
    /// A row whose link keeps the filters of the list.
    pub fn new(event: &EventSummary, filters: &Filters, now: jiff::Timestamp) -> Self {
        Self {
            id: event.id.to_string(),
            link: filters.link(&format!("/events/{}", event.id)),
            received: When::ago(event.id.received_at(), now),
            credential: visible(&event.credential_name).into_owned(),
            spans: preview(value_text(&event.beginning), PREVIEW_CHARS),
            size: size(event.size_bytes),
            ip: event.remote_ip.to_string(),
        }
    }
}

/// One row alone, as the live connection sends it.
#[derive(Template)]
#[template(path = "event_row.html")]
pub struct RowTemplate<'a> {
    pub row: &'a Row,
}

#[derive(Template)]
#[template(path = "events.html")]
struct Index {
    page: Page,
    filters: Filters,
    overview: Overview,
    rows: Vec<Row>,
    pager: Pager,
    endpoint: String,
    /// The newest usable credential, for the command that sends the first event.
    username: Option<String>,
    is_pro: bool,
    /// What the page shows, so that the live connection goes on from there.
    position: Position,
    path: &'static str,
}

/// The pager: what the page spans and where it leads.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    pub text: String,
    pub newer: Option<String>,
    pub older: Option<String>,
}

impl Index {
    fn is_empty_account(&self) -> bool {
        self.rows.is_empty() && !self.filters.is_active() && self.filters.is_first_page()
    }

    fn live_path(&self) -> String {
        self.filters.link("/events/live")
    }

    /// Whether new rows belong at the top of this page.
    fn is_live_first(&self) -> bool {
        self.filters.is_first_page() && self.filters.filter.until.is_none()
    }
}

/// `GET /events`
pub async fn index(reader: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let account = reader.member.account_id;
    let now = reader.now();
    let mut conn = reader.site().store.connection().await?;
    let credentials = credentials::list(&mut conn, account).await?;
    let filters = Filters::new(&query, &credentials, now);
    // Before the rows are read: what comes between the two is told twice, and nothing is left out.
    let position = Position::shown(EventId::first_of(now), arrivals::snapshot(&mut conn).await?);
    let overview = Overview::read(&mut conn, account, &filters, now).await?;
    let nothing = Listed { rows: Vec::new(), has_newer: false, has_older: false, stopped_at: None };
    let found = match filters.error {
        Some(_) => nothing,
        None => {
            events::list(&mut conn, account, &filters.filter, filters.cursor, EVENTS_PER_PAGE, Budget::PAGE).await?
        }
    };
    let rows: Vec<Row> = found.rows.iter().map(|event| Row::new(event, &filters, now)).collect();
    let usable =
        credentials.iter().rev().find(|c| matches!(c.state(now), CredentialState::Active | CredentialState::Rotating));
    let template = Index {
        page: reader.page("Events").at("events", ""),
        overview,
        pager: pager(&found, &filters),
        position,
        rows,
        endpoint: reader.site().ingest_url.clone(),
        username: usable.map(|credential| credential.username.clone()),
        is_pro: reader.member.plan.includes_webhooks(),
        path: "/events",
        filters,
    };
    if template.filters.error.is_some() { html_invalid(&template) } else { html(&template) }
}

fn pager(found: &Listed<EventSummary>, filters: &Filters) -> Pager {
    let (Some(newest), Some(oldest)) = (found.rows.first(), found.rows.last()) else { return Pager::default() };
    let (from, to) = (oldest.id.received_at(), newest.id.received_at());
    let link = |name, id: String| filters.link_with("/events", name, &id);
    Pager {
        text: span_text(from, to),
        newer: found.has_newer.then(|| link("after", newest.id.to_string())),
        older: found.has_older.then(|| link("before", oldest.id.to_string())),
    }
}

/// `08:36:19 to 08:41:12 UTC`, with the days where they differ.
pub fn span_text(from: jiff::Timestamp, to: jiff::Timestamp) -> String {
    use crate::domain::time::utc;
    if utc("%F", from) == utc("%F", to) {
        format!("{} to {} UTC", utc("%-d %b, %H:%M:%S", from), utc("%H:%M:%S", to))
    } else {
        format!("{} to {} UTC", utc("%-d %b, %H:%M", from), utc("%-d %b, %H:%M", to))
    }
}
