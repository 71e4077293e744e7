//! `/api/v1/events`: read, searched, exported, deleted.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::delete_events_by_id::delete_events_by_id;
use crate::app::export::ExportFormat;
use crate::app::export_events::Export;
use crate::app::member_act::MemberAct;
use crate::domain::event::{EventId, EventSummary, StoredEvent};
use crate::domain::listing::{Cursor, Page};
use crate::domain::query::columns::Fields;
use crate::store::scan::budget::Budget;
use crate::store::scan::searching::search;
use crate::store::tables::{credentials, events};
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::following::{FollowedEvents, Following, deadline, follow};
use crate::web::api::lists::{MAX_WITH_CONTENTS, cursor_of, limit, page, row_behind};
use crate::web::api::problem_schema::Problem;
use crate::web::api::records::{EventItem, MAX_EMBEDDED_BYTES, strong_etag};
use crate::web::download;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::middleware::headers::SANDBOX;

/// Which events, as the page says it.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// A text that the body contains, or conditions such as `data.quantity > 20`.
    pub(crate) q: Option<String>,
    /// The username or id of a credential.
    pub(crate) credential: Option<String>,
    /// An age such as `24h`, a date, or a time.
    pub(crate) since: Option<String>,
    pub(crate) until: Option<String>,
}

impl EventsQuery {
    /// What is asked for, within what the token may see.
    pub(crate) async fn filters(&self, caller: &Caller) -> Result<Filters, ApiError> {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let query = Query {
            q: text(&self.q),
            credential: text(&self.credential),
            since: text(&self.since),
            until: text(&self.until),
            ..Query::default()
        };
        let mut owned = credentials::list(&mut *caller.state().store.connection().await?, caller.account()).await?;
        owned.retain(|credential| caller.token().sees(credential.id));
        let mut filters = Filters::new(&query, &owned, caller.now()).keeping(caller.kept_since());
        filters.filter.within.clone_from(&caller.token().credentials);
        match filters.error {
            Some(problem) => {
                Err(ApiError::InvalidQuery { problem, column: filters.search_error.map(|error| error.column) })
            }
            None => Ok(filters),
        }
    }
}

/// How a list is paged.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// `desc`, the newest first, or `asc`.
    #[param(pattern = "^(asc|desc)?$")]
    order: Option<String>,
    /// From 1 to 200; at most 50 with `include`.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// `body`, `headers`, or both with a comma.
    #[param(pattern = "^((body|headers)(,(body|headers))*)?$")]
    include: Option<String>,
}

/// A page of events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventsPage {
    events: Vec<EventItem>,
    /// The cursor of what follows; `null` at the end.
    next_cursor: Option<String>,
    /// `false`: the search stopped before it was through, and goes on at `next_cursor`.
    complete: bool,
}

/// A page; or, with `after`, the events behind a cursor.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what either answers")]
pub(crate) enum EventsAnswer {
    Page(EventsPage),
    Followed(FollowedEvents),
}

/// What is read beside the rows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Include {
    body: bool,
    headers: bool,
}

impl Include {
    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).try_fold(Self::default(), |all, word| match word
        {
            "body" => Ok(Self { body: true, ..all }),
            "headers" => Ok(Self { headers: true, ..all }),
            _ => Err(ApiError::query("include takes body and headers")),
        })
    }

    /// How many rows are asked for, of which those with contents are fewer.
    pub(crate) fn limit(self, asked: Option<usize>) -> Result<usize, ApiError> {
        let most = if self.body || self.headers { MAX_WITH_CONTENTS } else { usize::MAX };
        Ok(limit(asked)?.min(most))
    }
}

/// Lists events, or those that a search finds.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "list_events", tag = "events", params(EventsQuery, Paging, Following),
    responses((status = 200, body = EventsAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["events:read"])))]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    query: web::Query<EventsQuery>,
    paging: web::Query<Paging>,
    following: web::Query<Following>,
) -> Result<HttpResponse, ApiError> {
    let include = Include::read(paging.include.as_deref().unwrap_or_default())?;
    let (limit, until) = (include.limit(paging.limit)?, deadline(following.wait)?);
    if following.after.is_some() {
        let filters = query.filters(&caller).await?;
        let (rows, answer) = follow(&caller, &request, &filters.filter, (&following, until), limit).await?;
        return Ok(answer.with(items(&caller, &rows, include).await?));
    }
    let is_ascending = match paging.order.as_deref() {
        None | Some("desc" | "") => false,
        Some("asc") => true,
        Some(_) => return Err(ApiError::query("order is asc or desc")),
    };
    let cursor = match (row_behind(&caller, paging.cursor.as_deref())?, is_ascending) {
        (Some(id), true) => Cursor::After(id),
        (None, true) => Cursor::After(EventId(uuid::Uuid::nil())),
        (Some(id), false) => Cursor::Before(id),
        (None, false) => Cursor::Newest,
    };
    let filters = query.filters(&caller).await?;
    let mut found = list(&caller, &filters, cursor, limit).await?;
    if is_ascending {
        found.rows.reverse();
    }
    let has_more = if is_ascending { found.has_newer } else { found.has_older };
    let behind = match found.stopped_at {
        Some(Cursor::Before(id) | Cursor::After(id)) => Some(id),
        _ => found.rows.last().map(|row| row.id).filter(|_| has_more),
    };
    let items = items(&caller, &found.rows, include).await?;
    let next_cursor = behind.map(|id| cursor_of(&caller, id.0));
    let answer = EventsPage { events: items, complete: found.stopped_at.is_none(), next_cursor };
    Ok(page(&request, answer.next_cursor.as_deref(), &answer))
}

/// A search waits for its turn, as that of a page does.
async fn list(
    caller: &Caller,
    filters: &Filters,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<EventSummary>, ApiError> {
    let (store, account, from) = (&caller.state().store, caller.account(), (&filters.filter, cursor));
    if !filters.filter.needs_scan() {
        return Ok(events::list(&mut *store.connection().await?, account, from, limit, Budget::PAGE).await?);
    }
    let budget = Budget::PAGE.beside(store.pacing());
    let look = async |conn: &mut _| events::list(conn, account, from, limit, budget).await;
    Ok(search(store, account, look).await?)
}

/// The rows as they are answered, with what is to be included.
pub(crate) async fn items(
    caller: &Caller,
    rows: &[EventSummary],
    include: Include,
) -> Result<Vec<EventItem>, ApiError> {
    let mut items: Vec<EventItem> = rows.iter().map(EventItem::new).collect();
    if !(include.body || include.headers) {
        return Ok(items);
    }
    let ids: Vec<EventId> = rows.iter().map(|row| row.id).collect();
    let mut conn = caller.state().store.connection().await?;
    let found = events::contents(&mut conn, caller.account(), &ids, MAX_EMBEDDED_BYTES as i32).await?;
    for (id, item) in ids.iter().zip(&mut items) {
        if include.body {
            item.set_found_body(*id, &found);
        }
        if let Some((headers, _)) = found.get(id).filter(|_| include.headers) {
            item.set_headers(headers);
        }
    }
    Ok(items)
}

/// The event of an address, where the token may see it.
async fn find(caller: &Caller, id: &str) -> Result<StoredEvent, ApiError> {
    let id: EventId = id.parse().map_err(|_| ApiError::NotFound)?;
    caller.require_kept(id)?;
    let event = events::find(&mut *caller.state().store.connection().await?, caller.account(), id).await?;
    event.filter(|event| caller.token().sees(event.summary.credential_id)).ok_or(ApiError::NotFound)
}

/// Reads one event with its headers, and its body up to 65,536 bytes.
#[utoipa::path(get, path = "/api/v1/events/{id}", operation_id = "read_event", tag = "events", params(("id" = String, Path)),
    responses((status = 200, body = EventItem), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["events:read"])))]
pub(crate) async fn show(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(EventItem::whole(&find(&caller, &id).await?)))
}

/// Reads the body of an event: the bytes that were sent.
#[utoipa::path(get, path = "/api/v1/events/{id}/body", operation_id = "read_event_body", tag = "events", params(("id" = String, Path)),
    responses((status = 200, description = "The bytes that were sent", body = serde_json::Value), (status = 304),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["events:read"])))]
pub(crate) async fn body(
    caller: Caller,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let event = find(&caller, &id).await?;
    let etag = strong_etag(event.body.as_bytes());
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag));
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, etag)).insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX));
    if is_known { Ok(response.finish()) } else { Ok(response.content_type("application/json").body(event.body)) }
}

/// Deletes one event for good.
#[utoipa::path(delete, path = "/api/v1/events/{id}", operation_id = "delete_event", tag = "events", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["events:delete"])))]
pub(crate) async fn delete(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let event = find(&caller, &id).await?.summary.id;
    let acting = MemberAct { store: &caller.state().store, member: caller.member(), act: &caller.act() };
    let deleted = delete_events_by_id(acting, &[event]).await?;
    if deleted > 0 { Ok(HttpResponse::NoContent().finish()) } else { Err(ApiError::NotFound) }
}

/// How events are written.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `ndjson` or `csv`.
    #[param(pattern = "^(ndjson|csv)$")]
    format: Option<String>,
    /// Fields of the bodies that become columns of a CSV, with commas.
    fields: Option<String>,
}

/// Writes all events out that are stored now, or those that a search finds.
#[utoipa::path(get, path = "/api/v1/events/export", operation_id = "export_events", tag = "events", params(EventsQuery, ExportQuery),
    responses((status = 200, description = "The events, a line each, oldest first",
            content((String = "application/x-ndjson"), (String = "text/csv"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["events:read"])))]
pub(crate) async fn export(
    caller: Caller,
    query: web::Query<EventsQuery>,
    how: web::Query<ExportQuery>,
) -> Result<HttpResponse, ApiError> {
    let format: ExportFormat = how.format.as_deref().unwrap_or("ndjson").parse().map_err(ApiError::query)?;
    let fields: Fields = how.fields.as_deref().unwrap_or_default().parse().map_err(ApiError::query)?;
    let filter = query.filters(&caller).await?.filter;
    let state = caller.state();
    let permit = state.export_permits.take(caller.account()).map_err(ApiError::NoExportPermit)?;
    caller.count_act()?;
    let export = Export::begin(&state.store, caller.account(), filter, (format, fields), &caller.act()).await?;
    Ok(download::answer(permit.of(export), "events", (format, false), caller.now()).await?)
}
