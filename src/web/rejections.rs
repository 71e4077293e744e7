//! Refused requests with their reasons: what happened, what to do, and the status that the sender got.

use actix_web::{HttpResponse, web};
use askama::Template;
use uuid::Uuid;

use crate::domain::credential_password::masked;
use crate::domain::listing::REJECTIONS_PER_PAGE;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::visible::visible;
use crate::store::{credentials, event_counts, held_events, rejections};
use crate::web::answers::{html, html_invalid};
use crate::web::chart::{self, Chart};
use crate::web::errors::PageError;
use crate::web::events::{Pager, span_text};
use crate::web::filters::{Filters, Query};
use crate::web::held::Held;
use crate::web::page::Page;
use crate::web::reader::SignedIn;
use crate::web::shown::{When, grouped, size};

/// A row of the table, here and on the Webhooks page.
#[derive(Clone, Debug)]
pub struct Row {
    pub at: When,
    pub title: &'static str,
    pub explanation: String,
    pub credential: String,
    pub ip: String,
    pub agent: String,
    pub status: u16,
}

impl Row {
    pub fn new(rejection: &Rejection, now: jiff::Timestamp) -> Self {
        Self {
            at: When::ago(rejection.at, now),
            title: rejection.reason.title(),
            explanation: explanation(rejection),
            credential: visible(&rejection.credential_name).into_owned(),
            ip: rejection.remote_ip.to_string(),
            agent: rejection.user_agent.as_deref().map(|agent| visible(agent).into_owned()).unwrap_or_default(),
            status: rejection.reason.status(),
        }
    }
}

/// One line on what exactly and what to do; how often, where it was more than once.
fn explanation(rejection: &Rejection) -> String {
    let mut words = String::new();
    if rejection.count > 1 {
        words.push_str(&format!("{} times within a second. ", grouped(u64::from(rejection.count))));
    }
    let detail = rejection.detail.as_deref().map(|detail| visible(detail).into_owned());
    match (rejection.reason, detail, &rejection.hint) {
        (Reason::InvalidJson | Reason::UnsupportedMediaType, Some(detail), _) => {
            words.push_str(&sentence(&detail));
        }
        (Reason::BodyTooLarge, Some(detail), _) => {
            let sent = rejection.size_bytes.map(|bytes| format!("{} was sent, ", size(bytes))).unwrap_or_default();
            words.push_str(&sentence(&format!("{sent}{detail}")));
            words.push(' ');
            words.push_str(rejection.reason.advice());
        }
        (Reason::IdempotencyConflict, Some(detail), _) => {
            words.push_str(&sentence(&detail));
            words.push(' ');
            words.push_str(rejection.reason.advice());
        }
        (Reason::ExpiredPassword | Reason::RevokedPassword, _, Some(hint)) => {
            words.push_str(&format!("{}: {}", masked(hint), rejection.reason.advice()));
        }
        _ => words.push_str(rejection.reason.advice()),
    }
    words
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

#[derive(Template)]
#[template(path = "rejections.html")]
struct Index {
    page: Page,
    filters: Filters,
    chart: Chart,
    held: Vec<Held>,
    rows: Vec<Row>,
    pager: Pager,
    path: &'static str,
}

/// `GET /events/rejections`
pub async fn index(reader: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let account = reader.member.account_id;
    let now = reader.now();
    let mut conn = reader.site().store.connection().await?;
    let credentials = credentials::list(&mut conn, account).await?;
    let filters = Filters::new(&query, &credentials, now);
    let counts = event_counts::list_since(&mut conn, account, chart::start(now)).await?;
    // On Free nothing can be accepted, so nothing is asked.
    let held = match reader.member.plan.includes_webhooks() {
        true => Held::list(&held_events::list(&mut conn, account, now).await?, &credentials),
        false => Vec::new(),
    };
    let before = Uuid::try_parse(&query.before).ok();
    let found = rejections::list(&mut conn, account, &filters.filter, before, REJECTIONS_PER_PAGE).await?;
    let pager = match (found.rows.first(), found.rows.last()) {
        (Some(newest), Some(oldest)) => Pager {
            text: span_text(oldest.at, newest.at),
            newer: before.map(|_| filters.link("/events/rejections")),
            older: found.has_older.then(|| filters.link_with("/events/rejections", "before", &oldest.id.to_string())),
        },
        _ => Pager::default(),
    };
    let template = Index {
        page: reader.page("Rejected attempts").at("events", ""),
        chart: Chart::draw(&counts, filters.filter.credential, now),
        held,
        rows: found.rows.iter().map(|rejection| Row::new(rejection, now)).collect(),
        pager,
        path: "/events/rejections",
        filters,
    };
    if template.filters.error.is_some() { html_invalid(&template) } else { html(&template) }
}
