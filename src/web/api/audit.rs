//! `/api/v1/audit`: who did what, when, from where.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::audit::{AuditEntry, AuditFilter};
use crate::domain::time::rfc3339;
use crate::store::scan::audit_scan::{FoundLines, look};
use crate::store::scan::budget::Budget;
use crate::store::scan::searching::search;
use crate::store::tables::audit::AuditSpan;
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::lists::{cursor_of, limit, page, row_behind};
use crate::web::api::problem_schema::Problem;

/// How many lines a search looks at for one page, whether they pass or not.
const MAX_SEARCHED: u64 = 200_000;
/// The longest text that is searched for, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// Which lines.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// A word such as `credential_rotated`.
    action: Option<String>,
    /// A text that the subject contains, in any case.
    subject: Option<String>,
    /// From 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A line of the audit trail.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditItem {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// The e-mail address of the user, with the API token if it was one; or what else acted.
    actor: String,
    action: &'static str,
    subject: String,
    detail: String,
    remote_ip: Option<String>,
    request_id: Option<String>,
}

impl AuditItem {
    fn new(id: uuid::Uuid, entry: AuditEntry) -> Self {
        Self {
            id: id.to_string(),
            at: rfc3339(entry.at),
            action: entry.action.as_str(),
            detail: entry.detail.words().into_owned(),
            actor: entry.actor,
            subject: entry.subject,
            remote_ip: entry.remote_ip.map(|ip| ip.to_string()),
            request_id: entry.request_id,
        }
    }
}

/// A page of the audit trail, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPage {
    lines: Vec<AuditItem>,
    /// The cursor of what follows; `null` at the end.
    next_cursor: Option<String>,
    /// `false`: the search stopped before it was through, and goes on at `next_cursor`.
    complete: bool,
}

/// Lists the audit trail.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit_lines", tag = "audit", params(AuditQuery),
    responses((status = 200, body = AuditPage), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["audit:read"])))]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    asked: web::Query<AuditQuery>,
) -> Result<HttpResponse, ApiError> {
    caller.require_unbound()?;
    let limit = limit(asked.limit)?;
    let before = row_behind(&caller, asked.cursor.as_deref())?.map(|id| id.0);
    let action = asked.action.as_deref().filter(|word| !word.is_empty());
    let action = action.map(|word| word.parse().map_err(|_| ApiError::query("there is no such action"))).transpose()?;
    let subject: String = asked.subject.as_deref().unwrap_or_default().trim().chars().take(MAX_TEXT_CHARS).collect();
    let filter = AuditFilter { action, subject: Some(subject).filter(|text| !text.is_empty()) };
    let FoundLines { mut lines, looked_to } = list(&caller, &filter, before, limit + 1).await?;
    let is_full = lines.len() > limit;
    lines.truncate(limit);
    let stopped_at = looked_to.filter(|_| !is_full);
    let behind = if is_full { lines.last().map(|(id, _)| *id) } else { stopped_at };
    let answer = AuditPage {
        lines: lines.into_iter().map(|(id, entry)| AuditItem::new(id, entry)).collect(),
        next_cursor: behind.map(|id| cursor_of(&caller, id)),
        complete: stopped_at.is_none(),
    };
    Ok(page(&request, answer.next_cursor.as_deref(), &answer))
}

/// A search waits for its turn, as that of the page does.
async fn list(
    caller: &Caller,
    filter: &AuditFilter,
    before: Option<uuid::Uuid>,
    want: usize,
) -> Result<FoundLines, ApiError> {
    let (store, account, span) = (&caller.state().store, caller.account(), AuditSpan::newest_first(before));
    let budget = Budget { rows: MAX_SEARCHED, ..Budget::PAGE }.beside(store.pacing());
    if filter.is_empty() {
        return Ok(look(&mut *store.connection().await?, account, filter, span, want, budget).await?);
    }
    Ok(search(store, account, async |conn: &mut _| look(conn, account, filter, span, want, budget).await).await?)
}
