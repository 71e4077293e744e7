//! One event: its body as a tree and as it came, its headers, where it came from; download and deletion.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::domain::confidential::MASK;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::{EventId, StoredEvent};
use crate::domain::grouped::grouped;
use crate::domain::handshake::subscription_to_confirm;
use crate::domain::size::size;
use crate::store::connection::pool::Connection;
use crate::store::scan::look::Found;
use crate::store::scan::searching::search;
use crate::store::tables::{credentials, events, held_views};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::events::curl::{Curl, curl, on_page};
use crate::web::events::event_body::{self, BodyView, Part};
use crate::web::events::selection::{back_to_list, delete_selected};
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::format::When;
use crate::web::json_view::tokens::first_bytes;
use crate::web::json_view::tree::{Row as TreeRow, TREE_BYTES};
use crate::web::middleware::headers::SANDBOX;
use crate::web::notice::EventsNotice;
use crate::web::page::Page;
use crate::web::responses::html;
use crate::web::rows::event_row::event_name;
use crate::web::rows::rejection_row::credential_page;

/// How much of all headers is shown, in bytes; of one more, its beginning.
const MAX_HEADER_BYTES: usize = 4 * 1024;
const MAX_BYTES_OF_LATER_HEADERS: usize = 64;
/// How much of the tree is shown beside the longest headers, in bytes.
const MIN_TREE_BYTES: usize = TREE_BYTES / 3;

struct Header {
    name: String,
    value: String,
    masked: bool,
    /// Only the beginning of one of them is shown.
    is_cut: bool,
}

/// The addresses of what is done with credentials.
const CREDENTIALS: &str = "/settings/integrations/webhooks/credentials";

#[derive(Template)]
#[template(path = "event.html", blocks = ["part"])]
struct Show {
    page: Page,
    id: String,
    received: When,
    ago: When,
    accepted_late: Option<When>,
    credential: String,
    username: String,
    credential_link: Option<String>,
    ip: String,
    agent: Option<String>,
    query: Option<String>,
    size: String,
    content_type: String,
    body: BodyView,
    headers: Vec<Header>,
    curl: Curl,
    /// Where a subscription waits to be confirmed, and the host in it.
    confirmation: Option<(String, String)>,
    /// The address of the page in full, for whoever is sent it.
    permalink: String,
    /// The address of the page with the filters of the list, from its top.
    top: String,
    /// The page that compares it with the one before.
    compare: String,
    /// The page with the question before deleting.
    delete: String,
    /// Where the answer to it goes.
    deletion: String,
    back: String,
    newer: Beside,
    older: Beside,
    /// The question before deleting is open.
    deleting: bool,
    /// It is held: where one decides about it.
    held: Option<String>,
}

/// What a page of an event is made from.
struct Shown<'a> {
    current_user: &'a SignedIn,
    filters: &'a Filters,
    event: &'a StoredEvent,
    deleting: bool,
}

impl Show {
    fn new(shown: &Shown<'_>, body: BodyView, headers: Vec<Header>, [newer, older]: [Beside; 2]) -> Self {
        let Shown { current_user, filters, event, deleting } = *shown;
        let (summary, id) = (&event.summary, event.summary.id);
        let own = format!("/events/{id}");
        let visible = |text: &str| escape_invisible(text).into_owned();
        Self {
            page: current_user.page(&format!("Event {}", event_name(summary))).at("events", "").behind_dialog(deleting),
            id: id.to_string(),
            received: When::exactly(id.received_at()),
            ago: When::ago(id.received_at(), current_user.now()),
            accepted_late: event.accepted_late_at.map(When::exactly),
            credential: visible(&summary.credential_name),
            username: summary.username.clone(),
            credential_link: (!event.credential_revoked && !summary.username.is_empty())
                .then(|| credential_page(summary.credential_id)),
            ip: summary.remote_ip.to_string(),
            agent: event.user_agent.as_deref().map(visible),
            query: event.query.as_deref().map(visible),
            size: size_text(summary.size_bytes),
            content_type: visible(&summary.content_type),
            body,
            headers,
            curl: on_page(event, &current_user.state().ingest_url),
            confirmation: subscription_to_confirm(&event.body),
            permalink: format!("{}{own}", current_user.state().public_url),
            compare: filters.links.to(&format!("{own}/comparison")),
            delete: asked_to_delete(&filters.here(&own)),
            deletion: filters.here(&format!("{own}/deletion")),
            top: filters.here(&own),
            back: filters.here("/events"),
            newer,
            older,
            deleting,
            held: (event.is_held).then(|| format!("{CREDENTIALS}/{}/held-events", summary.credential_id)),
        }
    }

    fn has_cut_headers(&self) -> bool {
        self.headers.iter().any(|header| header.is_cut)
    }
}

/// The address of an event's page with the question before deleting.
fn asked_to_delete(page: &str) -> String {
    format!("{page}{}delete=1", if page.contains('?') { '&' } else { '?' })
}

fn size_text(bytes: u64) -> String {
    if bytes < 1_000 { format!("{bytes} bytes") } else { format!("{} ({} bytes)", size(bytes), grouped(bytes)) }
}

/// What is before or after an event within the filters.
enum Beside {
    /// The address of an event.
    Event(String),
    /// The next one is so far away that looking for it was too much for this page: the address of the list that goes on.
    FarAway(String),
    Nothing,
}

/// The id in an address; what is none is not found.
pub(crate) fn parse_id(text: &str) -> Result<EventId, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

/// What of the page an address asks for.
#[derive(serde::Deserialize)]
pub(crate) struct View {
    /// The question before deleting.
    delete: Option<String>,
    /// Only what a list shows beside its rows.
    peek: Option<String>,
}

/// An event, or one that is held: about those an account on Free decides nothing.
async fn find(conn: &mut Connection, current_user: &SignedIn, id: EventId) -> Result<StoredEvent, PageError> {
    let account = current_user.member.account_id;
    let found = match events::find(conn, account, id).await? {
        None if current_user.member.plan.includes_webhooks() => {
            held_views::find(conn, account, id, current_user.now()).await?
        }
        found => found,
    };
    found.ok_or(PageError::NotFound)
}

/// `GET /events/{id}`
pub(crate) async fn show(
    current_user: SignedIn,
    id: web::Path<String>,
    query: web::Query<Query>,
    view: web::Query<View>,
    part: web::Query<Part>,
) -> Result<HttpResponse, PageError> {
    let id = parse_id(&id)?;
    current_user.require_kept(id)?;
    let account = current_user.member.account_id;
    let mut conn = current_user.state().store.connection().await?;
    let event = find(&mut conn, &current_user, id).await?;
    let credentials = credentials::list(&mut conn, account).await?;
    drop(conn);
    let filters = Filters::new(&query, &credentials, current_user.now()).keeping(current_user.kept_since());
    let beside = match view.peek {
        Some(_) => [Beside::Nothing, Beside::Nothing],
        None => neighbours(&current_user, &filters, id).await?,
    };
    let headers = headers(&event);
    let tree_bytes = TREE_BYTES.saturating_sub(bytes_beside(&event, &headers)).max(MIN_TREE_BYTES);
    let in_list = filters.here("");
    let body = event_body::show((account, &event.body), &part, in_list.trim_start_matches('?'), tree_bytes).await?;
    let shown =
        Shown { current_user: &current_user, filters: &filters, event: &event, deleting: view.delete.is_some() };
    let page = Show::new(&shown, body, headers, beside);
    if view.peek.is_some() { html(&page.as_part()) } else { html(&page) }
}

/// What is newer and what is older within the filters.
async fn neighbours(current_user: &SignedIn, filters: &Filters, id: EventId) -> Result<[Beside; 2], PageError> {
    let (account, filter, store) = (current_user.member.account_id, &filters.filter, &current_user.state().store);
    let [newer, older] = if filter.needs_scan() {
        // A search waits for its turn, and not with a connection that others could use.
        search(store, account, async |conn| events::neighbours(conn, account, filter, id).await).await?
    } else {
        events::neighbours(&mut *store.connection().await?, account, filter, id).await?
    };
    let beside = |found: Found, name: &str| match (found.ids.first(), found.next) {
        (Some(id), _) => Beside::Event(filters.here(&format!("/events/{id}"))),
        (None, Some(_)) => Beside::FarAway(filters.links.with("/events", name, &id.to_string())),
        (None, None) => Beside::Nothing,
    };
    Ok([beside(newer, "after"), beside(older, "before")])
}

/// What a page of an event shows beside its body, in bytes.
fn bytes_beside(event: &StoredEvent, headers: &[Header]) -> usize {
    let texts = [event.user_agent.as_deref(), event.query.as_deref(), Some(&event.summary.content_type)];
    let texts: usize = texts.into_iter().flatten().map(str::len).sum();
    texts + headers.iter().map(|header| header.name.len() + header.value.len()).sum::<usize>()
}

/// By name: the HTTP stack does not keep the order in which they came.
fn headers(event: &StoredEvent) -> Vec<Header> {
    let mut kept: Vec<_> = event.headers.iter().collect();
    kept.sort();
    let mut budget = MAX_HEADER_BYTES;
    let shown = kept.into_iter().map(|(name, value)| {
        let mut beginning = |text: &str| {
            let shown = first_bytes(text, budget.max(MAX_BYTES_OF_LATER_HEADERS));
            budget = budget.saturating_sub(shown.len());
            let more = if shown.len() < text.len() { " …" } else { "" };
            (format!("{}{more}", escape_invisible(shown)), !more.is_empty())
        };
        let ((name, is_name_cut), masked) = (beginning(name), value == MASK);
        let (value, is_value_cut) = if masked { (String::new(), false) } else { beginning(value) };
        Header { name, value, masked, is_cut: is_name_cut || is_value_cut }
    });
    shown.collect()
}

/// What part of the body a download is.
#[derive(serde::Deserialize)]
pub(crate) struct Download {
    at: Option<usize>,
    /// `curl`: the command that sends it again.
    #[serde(rename = "as")]
    form: Option<String>,
}

/// `GET /events/{id}/body`: the bytes as received, those of one value, or a command with them, for saving, never for showing.
pub(crate) async fn body(
    current_user: SignedIn,
    id: web::Path<String>,
    part: web::Query<Download>,
    inside: web::Query<Part>,
) -> Result<HttpResponse, PageError> {
    let id = parse_id(&id)?;
    current_user.require_kept(id)?;
    let mut conn = current_user.state().store.connection().await?;
    let event = find(&mut conn, &current_user, id).await?;
    drop(conn);
    if part.form.as_deref() == Some("curl") {
        let Curl::Command { line, .. } = curl(&event, &current_user.state().ingest_url) else {
            return Err(PageError::NotFound);
        };
        return Ok(saved("text/plain; charset=utf-8", &format!("{id}.sh"), line));
    }
    let (name, body) = match part.at {
        None => (id.to_string(), event.body),
        Some(at) => (
            format!("{id}-{at}"),
            event_body::value_at(current_user.member.account_id, &event.body, &inside, at)
                .await?
                .ok_or(PageError::NotFound)?,
        ),
    };
    Ok(saved("application/json", &format!("{name}.json"), body))
}

fn saved(kind: &str, file: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX))
        .body(text)
}

/// `POST /events/{id}/deletion`, and back to the list as it was.
pub(crate) async fn delete(
    current_user: SignedIn,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let id = parse_id(&id)?;
    current_user.require_kept(id)?;
    if delete_selected(&current_user, &[id]).await? == 0 {
        return Err(PageError::NotFound);
    }
    back_to_list(&current_user, &query, EventsNotice::Deleted(1)).await
}
