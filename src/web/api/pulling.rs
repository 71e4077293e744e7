//! Pulling through a consumer: the same events until they are acknowledged, then what follows; without missing one, with a wait for the next.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::consumer::{Consumer, HandedOut, Truncated};
use crate::domain::cursor::Cursors;
use crate::domain::event::{EventId, EventSummary};
use crate::domain::position::Seen;
use crate::store::connection::error::StoreError;
use crate::store::tables::{consumers, events};
use crate::web::api::caller::Caller;
use crate::web::api::consumers::find;
use crate::web::api::errors::ApiError;
use crate::web::api::events::{Include, items};
use crate::web::api::following::{LongPoll, count_only_small, deadline, has_expired, pull};
use crate::web::api::problem_schema::Problem;
use crate::web::api::records::EventItem;

/// How much, and how long to wait.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Pulling {
    /// From 1 to 200; at most 50 with `include`.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// For how many seconds to wait where there is no event yet, up to 60.
    #[param(maximum = 60)]
    wait: Option<u64>,
    /// `body`, `headers`, or both with a comma.
    #[param(pattern = "^((body|headers)(,(body|headers))*)?$")]
    include: Option<String>,
}

/// The events of a consumer that are not acknowledged, in the order in which they were committed.
#[derive(Serialize, ToSchema)]
pub(crate) struct PulledEvents {
    events: Vec<EventItem>,
    /// What to acknowledge when all of them are done with.
    cursor: String,
    /// There was no more when they were read first.
    caught_up: bool,
    /// `true`: events may be missing that were deleted or have passed the time that they are kept for. `"unknown"`: the database was
    /// restored, upgraded or failed over since, so that what was committed cannot be told, and some events may come again. Either is said
    /// until it is acknowledged.
    #[schema(value_type = serde_json::Value)]
    truncated: Missing,
}

/// `false`, `true` or `"unknown"`.
#[derive(Serialize)]
#[serde(untagged)]
enum Missing {
    Known(bool),
    Word(&'static str),
}

impl From<Option<Truncated>> for Missing {
    fn from(truncated: Option<Truncated>) -> Self {
        match truncated {
            None => Self::Known(false),
            Some(Truncated::Unknown) => Self::Word(Truncated::Unknown.as_str()),
            Some(Truncated::Retention | Truncated::Deletion) => Self::Known(true),
        }
    }
}

/// Pulls events: the same until they are acknowledged, for whoever asks.
#[utoipa::path(get, path = "/api/v1/consumers/{id}/events", operation_id = "pull_events", tag = "consumers", params(("id" = String, Path), Pulling),
    responses((status = 200, body = PulledEvents), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["events:read", "consumers:write"])))]
pub(crate) async fn events(
    caller: Caller,
    id: web::Path<String>,
    request: HttpRequest,
    query: web::Query<Pulling>,
) -> Result<HttpResponse, ApiError> {
    let include = Include::read(query.include.as_deref().unwrap_or_default())?;
    let (limit, until) = (include.limit(query.limit)?, deadline(query.wait)?);
    let mut poll = LongPoll::new(&caller, &request, until);
    // Each round but the last was somebody else's step.
    let (rows, answer) = loop {
        poll.require_let_in().await?;
        let consumer = find(&caller, &id).await?;
        let answer = match &consumer.handed_out {
            Some(handed_out) => Some(repeat(&caller, &consumer, handed_out, limit).await?),
            None => hand_out(&caller, &request, &consumer, &mut poll, limit).await?,
        };
        if let Some(answer) = answer {
            break answer;
        }
    };
    Ok(HttpResponse::Ok().json(PulledEvents { events: items(&caller, &rows, include).await?, ..answer }))
}

/// What was handed out before, as far as it is there.
async fn repeat(
    caller: &Caller,
    consumer: &Consumer,
    handed_out: &HandedOut,
    limit: usize,
) -> Result<(Vec<EventSummary>, PulledEvents), StoreError> {
    let ids = &handed_out.ids[..handed_out.ids.len().min(limit)];
    let mut conn = caller.state().store.connection().await?;
    consumers::note_pull(&mut conn, consumer.id, caller.now()).await?;
    let mut rows = events::list_summaries(&mut conn, caller.account(), ids).await?;
    let kept_since = caller.kept_since().map(EventId::first_of);
    rows.retain(|row| kept_since.is_none_or(|since| row.id >= since));
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    let is_missing = (rows.len() < ids.len()).then_some(Truncated::Deletion);
    let end = consumer.cursor_behind(handed_out, ids.len());
    Ok(answer(caller, rows, &HandedOut { ids: Vec::new(), end, truncated: handed_out.truncated.or(is_missing) }))
}

/// The next events, once there are any, or a consumer that has come further without any; `None` where somebody else was faster.
async fn hand_out(
    caller: &Caller,
    request: &HttpRequest,
    consumer: &Consumer,
    poll: &mut LongPoll<'_>,
    limit: usize,
) -> Result<Option<(Vec<EventSummary>, PulledEvents)>, ApiError> {
    let kept_since = caller.kept_since();
    let filter = consumer.subject.filter(kept_since).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let mut from = consumer.position.clone();
    let has_expired = !from.at.0.is_nil() && has_expired(caller, &from);
    let mut truncated = has_expired.then_some(Truncated::Retention);
    loop {
        let pulled = pull(caller, &filter, Some(&from), limit).await?;
        truncated = pulled.truncated(truncated);
        // What nobody has to acknowledge needs no answer that comes again.
        let is_told = !pulled.rows.is_empty() || truncated.is_some();
        if is_told || !pulled.caught_up || !poll.may_have_news().await? {
            poll.require_let_in().await?;
            let ids = pulled.rows.iter().map(|row| row.id).collect();
            let next = HandedOut { ids, end: pulled.position, truncated };
            let mut conn = caller.state().store.connection().await?;
            let (position, handed_out) = if is_told { (&pulled.from, Some(&next)) } else { (&next.end, None) };
            let is_first = consumers::step(&mut conn, consumer, position, handed_out, caller.now()).await?;
            count_only_small(caller, request, &pulled.rows);
            return Ok(is_first.then(|| answer(caller, pulled.rows, &next)));
        }
        from = pulled.position;
    }
}

/// The answer without what its events bear.
fn answer(caller: &Caller, rows: Vec<EventSummary>, handed_out: &HandedOut) -> (Vec<EventSummary>, PulledEvents) {
    let cursor = Cursors::new(&caller.state().keys, caller.account()).write(&handed_out.end);
    let caught_up = matches!(handed_out.end.seen, Seen::Shown(_));
    (rows, PulledEvents { events: Vec::new(), cursor, caught_up, truncated: handed_out.truncated.into() })
}
