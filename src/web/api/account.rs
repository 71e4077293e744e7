//! `/api/v1/self` and `/api/v1/account`: what a token or a sender's password is, and what its account may have.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::api_token::{ApiToken, KIND};
use crate::domain::time::rfc3339;
use crate::store::tables::credentials;
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::problem_schema::Problem;
use crate::web::app_state::AppState;
use crate::web::ingest::head_of;

/// What an API token is.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenSelf {
    /// `api_token`.
    kind: &'static str,
    id: String,
    name: String,
    /// The part of it that is no secret.
    hint: String,
    scopes: Vec<&'static str>,
    /// The ids of the credentials that it may see; none: all.
    credentials: Vec<String>,
    /// The networks that it may be used from; none: anywhere.
    networks: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl TokenSelf {
    fn new(token: &ApiToken) -> Self {
        Self {
            kind: "api_token",
            id: token.id.to_string(),
            name: token.name.clone(),
            hint: KIND.prefixed(token.hint()),
            scopes: token.scopes.iter().map(|scope| scope.as_str()).collect(),
            credentials: token.credentials.iter().map(ToString::to_string).collect(),
            networks: token.networks.iter().map(ToString::to_string).collect(),
            created_at: rfc3339(token.created_at),
            expires_at: token.expires_at.map(rfc3339),
        }
    }
}

/// What the password of a sender is.
#[derive(Serialize, ToSchema)]
pub(crate) struct SenderSelf {
    /// `credential`.
    kind: &'static str,
    username: String,
    /// The first four random characters of the password.
    hint: String,
    /// No later password of the credential is known.
    is_newest: bool,
    /// When it ends, where it does.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// Either of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SelfAnswer {
    Token(TokenSelf),
    Sender(SenderSelf),
}

/// Says what a token is; or what the password of a sender is, which counts as no use of it and stores nothing.
#[utoipa::path(get, path = "/api/v1/self", operation_id = "read_self", tag = "account",
    responses((status = 200, body = SelfAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = []), ("sender" = [])))]
pub(crate) async fn show_self(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    use actix_web::HttpMessage;
    let caller = request.extensions().get::<Caller>().cloned();
    if let Some(caller) = caller {
        return Ok(HttpResponse::Ok().json(SelfAnswer::Token(TokenSelf::new(caller.token()))));
    }
    let row = state.engine.identify(&head_of(&state, &request)).await.map_err(ApiError::Refused)?;
    let mut conn = state.store.connection().await?;
    let credential =
        credentials::find(&mut conn, row.account_id, row.credential_id).await?.ok_or(ApiError::NotFound)?;
    Ok(HttpResponse::Ok().json(SelfAnswer::Sender(SenderSelf {
        kind: "credential",
        is_newest: credential.passwords.first().is_some_and(|newest| newest.id == row.secret_id),
        username: credential.username,
        hint: row.hint,
        expires_at: row.expires_at.map(rfc3339),
    })))
}

/// What an account may have; `null` is as much as the disk holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountLimits {
    credentials: u32,
    events: Option<u64>,
    bytes: Option<u64>,
}

/// The account of the token.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountAnswer {
    id: String,
    name: String,
    /// `free` or `pro`.
    plan: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    /// How long events are kept.
    retention_days: u32,
    /// Where its senders post to.
    ingest_url: String,
    limits: AccountLimits,
    /// What happens to new events while storage is full: `refuse` or `delete_oldest`.
    when_full: &'static str,
}

/// Says what the account of the token may have.
#[utoipa::path(get, path = "/api/v1/account", operation_id = "read_account", tag = "account",
    responses((status = 200, body = AccountAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = [])))]
pub(crate) async fn show(caller: Caller) -> Result<HttpResponse, ApiError> {
    let (member, limits) = (caller.member(), caller.member().limits());
    Ok(HttpResponse::Ok().json(AccountAnswer {
        id: member.account_id.to_string(),
        name: member.name.clone(),
        plan: member.plan.as_str(),
        created_at: rfc3339(member.created_at),
        retention_days: caller.state().retention(member).days(),
        ingest_url: caller.state().ingest_url.clone(),
        limits: AccountLimits {
            credentials: limits.credentials,
            events: limits.storage.events,
            bytes: limits.storage.bytes,
        },
        when_full: member.when_full.as_str(),
    }))
}
