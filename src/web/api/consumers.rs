//! `/api/v1/consumers`: made, listed, moved, deleted, and told what is done with.

use std::collections::HashMap;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::consumers::{ConsumerAct, ConsumerError, acknowledge, create_consumer, delete_consumer, seek_consumer};
use crate::domain::api_token::bound_to;
use crate::domain::audit::Act;
use crate::domain::consumer::{Consumer, Start, Subject, parse_name};
use crate::domain::cursor::Cursors;
use crate::domain::ids::{ConsumerId, CredentialId};
use crate::domain::query::ast::Query;
use crate::domain::time::{parse_bound, rfc3339};
use crate::store::scan::waiting::{self, Waiting};
use crate::store::tables::{consumers, credentials};
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::json_body::{JsonBody, object};
use crate::web::api::problem_schema::Problem;
use crate::web::api::rate_limit::RateLimit;

/// What a consumer reads.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsumerFilter {
    /// A search, as `q` of the list of events; all where there is none.
    #[schema(max_length = 1000)]
    q: Option<String>,
    /// Events of these credentials alone, by their usernames or ids; all where there are none.
    #[serde(default)]
    #[schema(max_items = 100)]
    credentials: Vec<String>,
}

/// What a consumer reads, as it was understood.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppliedFilter {
    q: Option<String>,
    /// The ids of its credentials; none: of all.
    credentials: Vec<String>,
    /// The usernames of these.
    usernames: Vec<String>,
}

/// From where on it reads: `now`; `oldest`; an object with `since`, an age such as `24h`, a date or a time; or one with the `cursor` of an
/// answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "use now, oldest, {\"since\": a time} or {\"cursor\": a cursor}")]
pub(crate) enum StartPoint {
    Word(StartWord),
    Since(SincePoint),
    Cursor(CursorPoint),
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StartWord {
    Now,
    Oldest,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SincePoint {
    since: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CursorPoint {
    cursor: String,
}

impl StartPoint {
    fn understand(&self, caller: &Caller, field: &str) -> Result<Start, ApiError> {
        match self {
            Self::Word(StartWord::Now) => Ok(Start::Now),
            Self::Word(StartWord::Oldest) => Ok(Start::Oldest),
            Self::Since(point) => match parse_bound(&point.since, caller.now()) {
                Ok(time) => Ok(Start::Since(time)),
                Err(error) => Err(ApiError::field(&format!("{field}.since"), error)),
            },
            Self::Cursor(point) => {
                let position = Cursors::new(&caller.state().keys, caller.account()).read(&point.cursor);
                let wrong = || ApiError::field(&format!("{field}.cursor"), NO_CURSOR);
                position.map(Start::Cursor).ok_or_else(wrong)
            }
        }
    }
}

const NO_CURSOR: &str = "The cursor is none that this account was given.";

/// What is to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConsumer {
    /// Such as Billing import; at most 60 characters.
    // Absent, it is as empty: the answer names the field.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 60)]
    name: String,
    #[serde(default, deserialize_with = "object")]
    filter: Option<ConsumerFilter>,
    /// `now` where nothing is said.
    start: Option<StartPoint>,
}

/// A consumer.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsumerItem {
    id: String,
    name: String,
    filter: AppliedFilter,
    #[schema(format = DateTime)]
    created_at: String,
    /// Where it goes on, behind what was acknowledged: a cursor, which `after` of the list of events takes too.
    position: String,
    /// About when that was; `null` before the oldest event.
    #[schema(format = DateTime)]
    position_at: Option<String>,
    /// What waits behind its position. `null` in answers to changes, and in the list where a search decides what counts.
    behind: Option<Behind>,
    #[schema(format = DateTime)]
    last_pulled_at: Option<String>,
    #[schema(format = DateTime)]
    last_acknowledged_at: Option<String>,
    /// What was said last of events that may be missing.
    truncated: Option<TruncatedItem>,
}

/// What waits for a consumer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Behind {
    events: u64,
    /// `false`: at least so many.
    exact: bool,
    /// When the oldest of them was received.
    #[schema(format = DateTime)]
    oldest_at: Option<String>,
}

/// Events that may be missing.
#[derive(Serialize, ToSchema)]
pub(crate) struct TruncatedItem {
    /// `retention`, `deletion` or `unknown`.
    reason: &'static str,
    /// When it was said.
    #[schema(format = DateTime)]
    at: String,
}

impl From<Waiting> for Behind {
    fn from(waiting: Waiting) -> Self {
        let oldest_at = waiting.oldest.map(|id| rfc3339(id.received_at()));
        Self { events: waiting.events, exact: waiting.is_exact, oldest_at }
    }
}

/// The usernames of what consumers read, where they read of some credentials alone.
async fn usernames(caller: &Caller, all: &[Consumer]) -> Result<HashMap<CredentialId, String>, ApiError> {
    let ids: Vec<CredentialId> = all.iter().flat_map(|consumer| &consumer.subject.credentials).copied().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(credentials::usernames_of(&mut *caller.state().store.connection().await?, caller.account(), &ids).await?)
}

impl ConsumerItem {
    async fn of(caller: &Caller, consumer: &Consumer, waiting: Option<Waiting>) -> Result<Self, ApiError> {
        let usernames = usernames(caller, std::slice::from_ref(consumer)).await?;
        Ok(Self::new(caller, consumer, waiting, &usernames))
    }

    fn new(
        caller: &Caller,
        consumer: &Consumer,
        waiting: Option<Waiting>,
        usernames: &HashMap<CredentialId, String>,
    ) -> Self {
        let (at, credentials) = (consumer.position.at, &consumer.subject.credentials);
        Self {
            id: consumer.id.to_string(),
            name: consumer.name.clone(),
            filter: AppliedFilter {
                q: Some(consumer.subject.query.clone()).filter(|query| !query.is_empty()),
                credentials: credentials.iter().map(ToString::to_string).collect(),
                usernames: credentials.iter().filter_map(|id| usernames.get(id).cloned()).collect(),
            },
            created_at: rfc3339(consumer.created_at),
            position: Cursors::new(&caller.state().keys, caller.account()).write(&consumer.position),
            position_at: (!at.0.is_nil()).then(|| rfc3339(at.received_at())),
            behind: waiting.map(Behind::from),
            last_pulled_at: consumer.last_pulled_at.map(rfc3339),
            last_acknowledged_at: consumer.last_acked_at.map(rfc3339),
            truncated: consumer
                .truncated
                .map(|(truncated, at)| TruncatedItem { reason: truncated.as_str(), at: rfc3339(at) }),
        }
    }
}

/// The consumers of the account that the token may use, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsumersList {
    consumers: Vec<ConsumerItem>,
}

/// Lists consumers.
#[utoipa::path(get, path = "/api/v1/consumers", operation_id = "list_consumers", tag = "consumers",
    responses((status = 200, body = ConsumersList), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["consumers:write"])))]
pub(crate) async fn index(caller: Caller) -> Result<HttpResponse, ApiError> {
    let mut conn = caller.state().store.connection().await?;
    let mut all = consumers::list(&mut conn, caller.account()).await?;
    all.retain(|consumer| consumer.subject.is_seen_by(&caller.token().credentials));
    let waiting = waiting::of_each(&mut conn, caller.account(), &all, caller.kept_since()).await?;
    drop(conn);
    let usernames = usernames(&caller, &all).await?;
    let item = |(one, waiting)| ConsumerItem::new(&caller, one, waiting, &usernames);
    let consumers = all.iter().zip(waiting).map(item).collect();
    Ok(HttpResponse::Ok().json(ConsumersList { consumers }))
}

/// The consumer of an address, where the token sees all that it reads.
pub(crate) async fn find(caller: &Caller, id: &str) -> Result<Consumer, ApiError> {
    let id: ConsumerId = id.parse().map_err(|_| ApiError::NotFound)?;
    let found = consumers::find(&mut *caller.state().store.connection().await?, caller.account(), id).await?;
    let is_seen = |consumer: &Consumer| consumer.subject.is_seen_by(&caller.token().credentials);
    found.filter(is_seen).ok_or(ApiError::NotFound)
}

/// Reads one consumer: its position, and how much waits behind that.
#[utoipa::path(get, path = "/api/v1/consumers/{id}", operation_id = "read_consumer", tag = "consumers", params(("id" = String, Path)),
    responses((status = 200, body = ConsumerItem), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["consumers:write"])))]
pub(crate) async fn show(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let consumer = find(&caller, &id).await?;
    let waiting = waiting::of(&caller.state().store, caller.account(), &consumer, caller.kept_since()).await?;
    Ok(HttpResponse::Ok().json(ConsumerItem::of(&caller, &consumer, Some(waiting)).await?))
}

fn on<'a>(caller: &'a Caller, id: ConsumerId, act: &'a Act) -> ConsumerAct<'a> {
    ConsumerAct { store: &caller.state().store, account: caller.account(), id, act }
}

/// What a filter asks for, within what the token may see.
async fn subject(caller: &Caller, filter: ConsumerFilter) -> Result<Subject, ApiError> {
    let query = filter.q.unwrap_or_default().trim().to_owned();
    Query::parse(&query).map_err(|error| ApiError::field("filter.q", format!("{error}.")))?;
    let mut owned = credentials::list(&mut *caller.state().store.connection().await?, caller.account()).await?;
    owned.retain(|credential| caller.token().sees(credential.id));
    let named = bound_to(filter.credentials.iter().map(String::as_str), &owned);
    let credentials = named.map_err(|error| ApiError::field("filter.credentials", error))?;
    let is_unbound = credentials.is_empty();
    Ok(Subject { query, credentials: if is_unbound { caller.token().credentials.clone() } else { credentials } })
}

/// Creates a consumer. A token that sees some credentials makes one that reads of these alone.
#[utoipa::path(post, path = "/api/v1/consumers", operation_id = "create_consumer", tag = "consumers", request_body = NewConsumer,
    responses((status = 201, body = ConsumerItem), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["consumers:write"])))]
pub(crate) async fn create(caller: Caller, JsonBody(new): JsonBody<NewConsumer>) -> Result<HttpResponse, ApiError> {
    caller.require_pro()?;
    let name = parse_name(&new.name).map_err(|error| ApiError::field("name", error))?;
    let start = new.start.map_or(Ok(Start::Now), |start| start.understand(&caller, "start"))?;
    let subject = subject(&caller, new.filter.unwrap_or_default()).await?;
    let act = caller.act();
    let on = on(&caller, ConsumerId(Uuid::new_v4()), &act);
    let consumer = create_consumer(on, &name, subject, &start).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/consumers/{}", consumer.id)))
        .json(ConsumerItem::of(&caller, &consumer, None).await?))
}

/// What is done with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledgement {
    /// The `cursor` of what was pulled.
    #[serde(default)]
    #[schema(required)]
    cursor: String,
}

/// Acknowledges what was pulled up to a cursor: the next pull goes on behind it. Of several at once the furthest counts.
#[utoipa::path(post, path = "/api/v1/consumers/{id}/ack", operation_id = "acknowledge_events", tag = "consumers", params(("id" = String, Path)),
    request_body = Acknowledgement,
    responses((status = 200, description = "Also where it was acknowledged before", body = ConsumerItem),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["consumers:write"])))]
pub(crate) async fn ack(
    caller: Caller,
    id: web::Path<String>,
    request: HttpRequest,
    JsonBody(ack): JsonBody<Acknowledgement>,
) -> Result<HttpResponse, ApiError> {
    let before = find(&caller, &id).await?;
    let cursor = Cursors::new(&caller.state().keys, caller.account()).read(&ack.cursor);
    let cursor = cursor.ok_or_else(|| ApiError::field("cursor", NO_CURSOR))?;
    let consumer = acknowledge(on(&caller, before.id, &caller.act()), &cursor).await?;
    // Once for each answer, which has been counted, or was large.
    if before.handed_out.is_some() && consumer.handed_out.is_none() {
        RateLimit::give_back(caller.state(), &request, caller.account());
    }
    Ok(HttpResponse::Ok().json(ConsumerItem::of(&caller, &consumer, None).await?))
}

/// Where it is to go on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seek {
    to: StartPoint,
}

/// Moves a consumer, forwards or back. What it was handed out is forgotten.
#[utoipa::path(post, path = "/api/v1/consumers/{id}/seek", operation_id = "move_consumer", tag = "consumers", params(("id" = String, Path)),
    request_body = Seek,
    responses((status = 200, body = ConsumerItem), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["consumers:write"])))]
pub(crate) async fn seek(
    caller: Caller,
    id: web::Path<String>,
    JsonBody(seek): JsonBody<Seek>,
) -> Result<HttpResponse, ApiError> {
    let id = find(&caller, &id).await?.id;
    let start = seek.to.understand(&caller, "to")?;
    let consumer = seek_consumer(on(&caller, id, &caller.act()), &start).await?;
    Ok(HttpResponse::Ok().json(ConsumerItem::of(&caller, &consumer, None).await?))
}

/// Deletes a consumer with its position; events stay.
#[utoipa::path(delete, path = "/api/v1/consumers/{id}", operation_id = "delete_consumer", tag = "consumers", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["consumers:write"])))]
pub(crate) async fn delete(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let id = find(&caller, &id).await?.id;
    delete_consumer(on(&caller, id, &caller.act())).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<ConsumerError> for ApiError {
    fn from(error: ConsumerError) -> Self {
        match error {
            ConsumerError::NotFound => Self::NotFound,
            ConsumerError::Beyond => Self::field("cursor", error),
            ConsumerError::Failed(failure) => failure.into(),
            error => Self::Conflict(error.to_string()),
        }
    }
}
