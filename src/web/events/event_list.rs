//! The dashboard: what was received, newest first, with the last 24 hours above it.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::credential::Credential;
use crate::domain::cursor::Cursors;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::event::{EventId, EventSummary};
use crate::domain::grouped::grouped;
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EVENTS_PER_PAGE, EventFilter, Page as Listed};
use crate::domain::payload::value_text;
use crate::domain::position::Position;
use crate::domain::query::columns::Fields;
use crate::domain::query::fields::suggest;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Pooled, Store};
use crate::store::scan::budget::Budget;
use crate::store::scan::searching::search;
use crate::store::tables::{accounts, credentials, event_counts, events};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::events::overview::of_list;
use crate::web::events::saved_dialog::{Failed, SavedDialog};
use crate::web::events::selection::notice_words;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::format::{When, matched, span_text};
use crate::web::forms::Submitted;
use crate::web::notice::{Notice, NoticeWords};
use crate::web::overview::{Overview, count};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, see_other};
use crate::web::rows::event_row::EventRow;

/// The address of the list.
pub(crate) const PATH: &str = "/events";
/// How many names of fields are suggested.
const SUGGESTED_FIELDS: usize = 24;
/// How many of them as columns.
const SUGGESTED_COLUMNS: usize = 8;
/// How long the columns may be that are kept, in bytes.
const MAX_COLUMNS_BYTES: usize = 2_000;
/// How long the name of a field may be that is suggested, in bytes.
const MAX_SUGGESTED_BYTES: usize = 96;

#[derive(Template)]
#[template(path = "events.html")]
struct Index {
    page: Page,
    filters: Filters,
    overview: Overview,
    rows: Vec<EventRow>,
    /// The event that is shown beside them.
    peeked: Option<EventRow>,
    pager: Pager,
    endpoint: String,
    /// Who could send the first event: the newest credential that works, on a plan that includes webhooks.
    sender: Option<Sender>,
    is_pro: bool,
    /// What the page shows, so that the live connection goes on from there.
    position: String,
    fields: Vec<Field>,
    dialog: Option<SavedDialog>,
    notice: Option<NoticeWords>,
    columns: Vec<Column>,
    /// How many events an export would write, where counts tell.
    matching: Option<String>,
    path: &'static str,
}

/// The credential that an empty page sends the first event with.
struct Sender {
    id: String,
    name: String,
    username: String,
}

impl Sender {
    fn of(credential: &Credential) -> Self {
        Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            username: credential.username.clone(),
        }
    }
}

/// A field of the events, and the search for the events that have it.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) link: String,
}

/// A field that could become a column, and the columns with it.
struct Column {
    name: String,
    columns: String,
}

/// The pager: what the page spans and where it leads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pager {
    pub(crate) text: String,
    /// What the page spans in UTC, for whoever points at it.
    pub(crate) title: String,
    pub(crate) newer: Option<String>,
    pub(crate) older: Option<String>,
    pub(crate) further: Option<Further>,
}

/// A search that is not at its end: how far it looked, and where it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Further {
    pub(crate) link: String,
    pub(crate) is_older: bool,
    pub(crate) looked_to: When,
}

impl Index {
    fn is_empty_account(&self) -> bool {
        self.rows.is_empty() && !self.filters.is_active() && self.filters.is_first_page()
    }

    fn live_path(&self) -> String {
        self.filters.links.to("/events/live")
    }

    /// Whether new rows belong at the top of this page.
    fn is_live_first(&self) -> bool {
        self.filters.is_first_page() && self.filters.filter.until.is_none()
    }
}

/// `GET /events`
pub(crate) async fn index(current_user: SignedIn, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    answer(&current_user, query.into_inner(), None).await
}

/// The list as its filters ask, and what was wrong with a search that somebody would have saved.
pub(crate) async fn answer(
    current_user: &SignedIn,
    mut query: Query,
    failed: Option<Failed>,
) -> Result<HttpResponse, PageError> {
    let account = current_user.member.account_id;
    let now = current_user.now();
    let store = &current_user.state().store;
    query.fields.get_or_insert_with(|| current_user.member.event_columns.clone());
    let is_failed = failed.is_some();
    let mut conn = store.connection().await?;
    let credentials = credentials::list(&mut conn, account).await?;
    let mut filters =
        Filters::in_zone(&query, &credentials, now, current_user.zone()).keeping(current_user.kept_since());
    if let Some(address) = other_address(&mut conn, current_user, &filters).await? {
        return Ok(see_other(&address));
    }
    let filter = &filters.filter;
    // The snapshot is taken before the rows are read: what comes between the two is told twice, and nothing is left out.
    let span = (filter.since, filter.until);
    let (accepted, snapshot) = event_counts::count_accepted(&mut conn, account, filter.credential, span).await?;
    let matching = (filter.query.is_none() && filters.error.is_none()).then(|| grouped(accepted));
    let position = Position::shown(EventId::first_of(now), snapshot);
    let dialog = match failed {
        None if query.saved.is_empty() => None,
        failed => Some(SavedDialog::read(&mut conn, account, &filters, failed).await?),
    };
    let mut found = list_found(store, conn, account, &filters).await?;
    let overview = of_list(current_user, &filters).await?;
    if !filters.fields.0.is_empty() {
        events::add_columns(&mut *store.connection().await?, account, &filters.fields, &mut found.rows).await?;
    }
    filters.matches = count_matching(store, account, &filters, (&found, &overview)).await?.map(matched);
    let names = suggest_names(store, account, &found.rows).await?;
    let (fields, columns) = (list_fields(&names, &filters), list_columns(&names, &filters));
    let rows: Vec<EventRow> = found.rows.iter().map(|event| EventRow::new(event, &filters, now)).collect();
    let peeked = find_peeked(current_user, &query.peek, &rows, &filters).await?;
    let is_pro = current_user.member.plan.includes_webhooks();
    let newest_open = credentials.iter().rfind(|credential| credential.state(now).is_open());
    let sender = newest_open.filter(|_| is_pro).map(Sender::of);
    let template = Index {
        page: current_user.page("Events").at("events", "").behind_dialog(dialog.is_some()),
        overview,
        pager: pager(&found, &filters, now, current_user.zone()),
        position: Cursors::new(&current_user.state().keys, account).write(&position),
        rows,
        peeked,
        matching,
        notice: current_user.take_notice(Notice::events).as_ref().map(notice_words),
        endpoint: current_user.state().ingest_url.clone(),
        sender,
        is_pro,
        fields,
        dialog,
        columns,
        path: PATH,
        filters,
    };
    if template.filters.error.is_some() || is_failed {
        return html_invalid(&template);
    }
    html(&template)
}

/// Where the reader is led instead: to the same filters in exact times, or to the event whose whole id was searched for.
async fn other_address(
    conn: &mut Connection,
    current_user: &SignedIn,
    filters: &Filters,
) -> Result<Option<String>, StoreError> {
    if let Some(address) = filters.exact_address(PATH) {
        return Ok(Some(address));
    }
    let kept = |id: &EventId| Some(id.received_at()) >= current_user.kept_since();
    let Some(id) = whole_id(&filters.text).filter(kept) else { return Ok(None) };
    let found = events::list_summaries(conn, current_user.member.account_id, &[id]).await?;
    Ok((!found.is_empty()).then(|| format!("{PATH}/{id}")))
}

/// How many match, where anything is asked for, and whether these are all.
async fn count_matching(
    store: &Store,
    account: AccountId,
    filters: &Filters,
    (found, overview): (&Listed<EventSummary>, &Overview),
) -> Result<Option<(u64, bool)>, StoreError> {
    if !filters.is_active() || filters.error.is_some() {
        return Ok(None);
    }
    let is_whole = filters.is_first_page() && !found.has_older && found.stopped_at.is_none();
    Ok(Some(match overview.found {
        _ if is_whole => (found.rows.len() as u64, true),
        Some(counted) => counted,
        None => count(store, account, filters).await?,
    }))
}

/// `POST /events/columns`: from now on the list has these columns, for everybody in the account.
pub(crate) async fn choose_columns(
    current_user: SignedIn,
    Submitted(mut query): Submitted<Query>,
) -> Result<HttpResponse, PageError> {
    let chosen = query.typed_fields().to_owned();
    // PostgreSQL keeps no NUL in a text.
    let fits = chosen.len() <= MAX_COLUMNS_BYTES && !chosen.contains('\0');
    let is_understood = fits && chosen.parse::<Fields>().is_ok();
    if is_understood {
        let mut conn = current_user.state().store.connection().await?;
        accounts::set_event_columns(&mut conn, current_user.member.account_id, &chosen).await?;
        query.fields = None;
    }
    // What is wrong with them is told by the list.
    Ok(see_other(&Filters::new(&query, &[], current_user.now()).links.to(PATH)))
}

/// The names of fields come from the rows that are shown; only where there are none, the newest events are read for them.
async fn suggest_names(store: &Store, account: AccountId, rows: &[EventSummary]) -> Result<Vec<String>, StoreError> {
    let newest = if rows.is_empty() { list_newest(store, account).await? } else { Vec::new() };
    let beginnings = rows.iter().chain(&newest).map(|event| value_text(&event.beginning));
    let mut names = suggest(beginnings, SUGGESTED_FIELDS);
    names.retain(|name| name.len() <= MAX_SUGGESTED_BYTES);
    Ok(names)
}

/// The event whose id somebody looks for, as pages show it.
fn whole_id(text: &str) -> Option<EventId> {
    EventId::beginning_with(text)?;
    text.parse().ok()
}

/// The event that an address shows beside the list; of those that are not on the page, as well.
async fn find_peeked(
    current_user: &SignedIn,
    input: &str,
    rows: &[EventRow],
    filters: &Filters,
) -> Result<Option<EventRow>, PageError> {
    let Ok(id) = input.parse::<EventId>() else { return Ok(None) };
    if let Some(row) = rows.iter().find(|row| row.id == input) {
        return Ok(Some(row.clone()));
    }
    let mut conn = current_user.state().store.connection().await?;
    let found = events::list_summaries(&mut conn, current_user.member.account_id, &[id]).await?;
    let kept = found.first().filter(|_| current_user.require_kept(id).is_ok());
    Ok(kept.map(|event| EventRow::new(event, filters, current_user.now())))
}

/// The fields of the events, as the help of the search lists them.
fn list_fields(names: &[String], filters: &Filters) -> Vec<Field> {
    let field = |name: &String| Field {
        link: filters.links.to_search(&format!("{name} exists")),
        name: escape_invisible(name).into_owned(),
    };
    names.iter().map(field).collect()
}

/// The fields that could become columns: each of them is in one place of an event.
fn list_columns(names: &[String], filters: &Filters) -> Vec<Column> {
    let is_chosen = |name: &str| filters.fields.0.iter().any(|field| field.name == name);
    let names = names.iter().filter(|name| !name.contains("[]") && !is_chosen(name)).take(SUGGESTED_COLUMNS);
    let with = |name: &str| match filters.typed_fields.as_str() {
        "" => name.to_owned(),
        chosen => format!("{chosen}, {name}"),
    };
    let column = |name: &String| Column { columns: with(name), name: escape_invisible(name).into_owned() };
    names.map(column).collect()
}

/// The events of the page. A search waits for its turn, and not with a connection that others could use.
async fn list_found(
    store: &Store,
    mut conn: Pooled,
    account: AccountId,
    filters: &Filters,
) -> Result<Listed<EventSummary>, StoreError> {
    let from = (&filters.filter, filters.cursor);
    if filters.error.is_some() {
        return Ok(Listed { rows: Vec::new(), has_newer: false, has_older: false, stopped_at: None });
    }
    if !filters.filter.needs_scan() {
        return events::list(&mut conn, account, from, EVENTS_PER_PAGE, Budget::PAGE).await;
    }
    drop(conn);
    let budget = Budget::PAGE.beside(store.pacing());
    let look = async |conn: &mut _| events::list(conn, account, from, EVENTS_PER_PAGE, budget).await;
    search(store, account, look).await
}

/// The newest events of an account, whatever the filters say.
async fn list_newest(store: &Store, account: AccountId) -> Result<Vec<EventSummary>, StoreError> {
    let mut conn = store.connection().await?;
    let newest = (&EventFilter::default(), Cursor::Newest);
    Ok(events::list(&mut conn, account, newest, EVENTS_PER_PAGE, Budget::PAGE).await?.rows)
}

fn pager(found: &Listed<EventSummary>, filters: &Filters, now: Timestamp, zone: &TimeZone) -> Pager {
    let link = |name, id: EventId| filters.links.with(PATH, name, &id.to_string());
    let (newest, oldest) = (found.rows.first().map(|row| row.id), found.rows.last().map(|row| row.id));
    // A page of a search may have no row, and still lies between others.
    let (begins, ends) = match filters.cursor {
        Cursor::Newest => (newest, oldest),
        Cursor::Before(id) => (newest.or(Some(id.previous())), oldest),
        Cursor::After(id) => (newest, oldest.or(Some(id.next()))),
    };
    let goes_further = |older: bool| match found.stopped_at {
        Some(Cursor::After(_)) => !older,
        Some(_) => older,
        None => false,
    };
    let span = |zone: &TimeZone| match newest.zip(oldest) {
        Some((to, from)) => span_text(from.received_at(), to.received_at(), now, zone),
        None => String::new(),
    };
    Pager {
        text: span(zone),
        title: span(&TimeZone::UTC),
        newer: begins.filter(|_| found.has_newer && !goes_further(false)).map(|id| link("after", id)),
        older: ends.filter(|_| found.has_older && !goes_further(true)).map(|id| link("before", id)),
        further: found
            .stopped_at
            .and_then(|cursor| match cursor {
                Cursor::Newest => None,
                Cursor::Before(id) => Some((link("before", id), true, id)),
                Cursor::After(id) => Some((link("after", id), false, id)),
            })
            .map(|(link, is_older, id)| Further { link, is_older, looked_to: When::minute(id.received_at(), now) }),
    }
}
