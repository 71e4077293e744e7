//! `/api/v1/rejections`: what was refused, and why.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::rejection::Rejection;
use crate::domain::time::rfc3339;
use crate::store::tables::{credentials, rejections};
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::lists::{cursor_of, limit, page, row_behind};
use crate::web::api::problem_schema::Problem;
use crate::web::api::records::CredentialRef;
use crate::web::filters::list_filters::{Filters, Query};

/// Which rejections.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RejectionsQuery {
    /// A text in the reason, the credential, the address or the user agent.
    q: Option<String>,
    /// The username or id of a credential.
    credential: Option<String>,
    /// An age such as `24h`, a date, or a time.
    since: Option<String>,
    until: Option<String>,
    /// From 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A refused request, or several within a second.
#[derive(Serialize, ToSchema)]
pub(crate) struct RejectionItem {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    credential: CredentialRef,
    /// A word such as `wrong_password`.
    reason: &'static str,
    /// The same for people.
    title: &'static str,
    /// What to do about it.
    advice: &'static str,
    /// The status and the code that the sender got.
    status: u16,
    code: &'static str,
    detail: Option<String>,
    /// The hint of the password, where one was right but for its state.
    hint: Option<String>,
    remote_ip: String,
    user_agent: Option<String>,
    size_bytes: Option<u64>,
    /// How many requests of that second.
    count: u32,
}

impl RejectionItem {
    fn new(rejection: &Rejection) -> Self {
        let reason = rejection.reason;
        Self {
            id: rejection.id.to_string(),
            at: rfc3339(rejection.at),
            credential: CredentialRef::new(rejection.credential_id, &rejection.username, &rejection.credential_name),
            reason: reason.as_str(),
            title: reason.title(),
            advice: reason.advice(),
            status: reason.status(),
            code: reason.code(),
            detail: rejection.detail.clone(),
            hint: rejection.hint.clone(),
            remote_ip: rejection.remote_ip.to_string(),
            user_agent: rejection.user_agent.clone(),
            size_bytes: rejection.size_bytes,
            count: rejection.count,
        }
    }
}

/// A page of rejections, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct RejectionsPage {
    rejections: Vec<RejectionItem>,
    /// The cursor of what follows; `null` at the end.
    next_cursor: Option<String>,
}

/// Lists refused requests, with their reasons.
#[utoipa::path(get, path = "/api/v1/rejections", operation_id = "list_rejections", tag = "rejections", params(RejectionsQuery),
    responses((status = 200, body = RejectionsPage), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["rejections:read"])))]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    asked: web::Query<RejectionsQuery>,
) -> Result<HttpResponse, ApiError> {
    let limit = limit(asked.limit)?;
    let before = row_behind(&caller, asked.cursor.as_deref())?.map(|id| id.0);
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let query = Query {
        q: text(&asked.q),
        credential: text(&asked.credential),
        since: text(&asked.since),
        until: text(&asked.until),
        ..Query::default()
    };
    let mut conn = caller.state().store.connection().await?;
    let mut owned = credentials::list(&mut conn, caller.account()).await?;
    owned.retain(|credential| caller.token().sees(credential.id));
    let mut filters = Filters::of_rejections(&query, &owned, caller.now(), &TimeZone::UTC);
    filters.filter.within.clone_from(&caller.token().credentials);
    if let Some(problem) = &filters.error {
        return Err(ApiError::query(problem));
    }
    let found = rejections::list(&mut conn, caller.account(), filters.of_refused(), before, limit).await?;
    let next_cursor = found.rows.last().filter(|_| found.has_older).map(|row| cursor_of(&caller, row.id));
    let answer = RejectionsPage { rejections: found.rows.iter().map(RejectionItem::new).collect(), next_cursor };
    Ok(page(&request, answer.next_cursor.as_deref(), &answer))
}
