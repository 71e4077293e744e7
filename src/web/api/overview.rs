//! `/api/v1/overview`: how much was received and refused, from counts alone.

use actix_web::{HttpResponse, web};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::api_token::Scope;
use crate::domain::time::rfc3339;
use crate::store::tables::counts_by_time;
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::events::EventsQuery;
use crate::web::api::problem_schema::Problem;
use crate::web::chart::{Frame, Span};

/// What is counted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OverviewQuery {
    /// The username or id of a credential. A token that sees some credentials only has to name one of them.
    credential: Option<String>,
    /// `24h`, in half hours, or `30d`, in days.
    #[param(pattern = "^(24h|30d)$")]
    span: Option<String>,
}

/// What was counted in a half hour or a day that had anything.
#[derive(Serialize, ToSchema)]
pub(crate) struct Count {
    #[schema(format = DateTime)]
    start: String,
    accepted: u64,
    /// With the scope `rejections:read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<u64>,
    bytes: u64,
}

/// How much there was.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverviewAnswer {
    #[schema(format = DateTime)]
    since: String,
    accepted: u64,
    /// With the scope `rejections:read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<u64>,
    bytes: u64,
    /// From how many addresses accepted events came.
    senders: u64,
    /// There may have been more of them.
    senders_or_more: bool,
    counts: Vec<Count>,
}

/// Says how much was received, and how much was refused.
#[utoipa::path(get, path = "/api/v1/overview", operation_id = "read_overview", tag = "events", params(OverviewQuery),
    responses((status = 200, body = OverviewAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["events:read"])))]
pub(crate) async fn show(caller: Caller, asked: web::Query<OverviewQuery>) -> Result<HttpResponse, ApiError> {
    let span = match asked.span.as_deref().unwrap_or("24h") {
        "24h" => Span::Day,
        "30d" => Span::Month,
        _ => return Err(ApiError::query("span is 24h or 30d")),
    };
    let query = EventsQuery { credential: asked.credential.clone(), ..EventsQuery::default() };
    let credential = query.filters(&caller).await?.filter.credential;
    if credential.is_none() {
        caller.require_unbound()?;
    }
    let tells_refused = caller.token().scopes.contains(&Scope::RejectionsRead);
    let frame = Frame::of(span, caller.now(), &TimeZone::UTC);
    let mut conn = caller.state().store.connection().await?;
    let counted = counts_by_time::overview(&mut conn, caller.account(), credential, frame.bounds()).await?;
    let counts = counted.counts.iter().map(|(start, counts)| Count {
        start: rfc3339(*start),
        accepted: counts.accepted,
        rejected: tells_refused.then_some(counts.rejected),
        bytes: counts.bytes,
    });
    let counts: Vec<Count> = counts.collect();
    let sum = |number: fn(&Count) -> u64| counts.iter().map(number).sum::<u64>();
    Ok(HttpResponse::Ok().json(OverviewAnswer {
        since: rfc3339(frame.first()),
        accepted: sum(|count| count.accepted),
        rejected: tells_refused.then(|| sum(|count| count.rejected.unwrap_or(0))),
        bytes: sum(|count| count.bytes),
        senders: counted.in_use.addresses,
        senders_or_more: counted.in_use.or_more,
        counts,
    }))
}
