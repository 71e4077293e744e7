//! `/api/v1/credentials`: listed, created, rotated, ended.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::credential_act::CredentialError;
use crate::app::issue_credential::issue_credential;
use crate::app::revoke_credential::revoke_credential;
use crate::app::rotate_credential::{Lost, rotate_credential};
use crate::app::stop_old_password::stop_old_password;
use crate::domain::credential::{Credential, CredentialName};
use crate::domain::ids::{CredentialId, SecretId};
use crate::domain::overlap::Overlap;
use crate::domain::time::{age_in_words, parse_bound, rfc3339};
use crate::store::tables::credentials;
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::json_body::JsonBody;
use crate::web::api::problem_schema::Problem;
use crate::web::api::records::{CredentialItem, PasswordItem, etag};

/// The longest external id, in characters.
const MAX_EXTERNAL_ID_CHARS: usize = 100;

/// The credentials of the account that the token may see, the oldest first: those that are not revoked, and the latest 200 that are.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialsList {
    credentials: Vec<CredentialItem>,
}

/// Lists credentials, without their passwords.
#[utoipa::path(get, path = "/api/v1/credentials", operation_id = "list_credentials", tag = "credentials",
    responses((status = 200, body = CredentialsList), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:read"])))]
pub(crate) async fn index(caller: Caller) -> Result<HttpResponse, ApiError> {
    let mut all = credentials::list(&mut *caller.state().store.connection().await?, caller.account()).await?;
    all.retain(|credential| caller.token().sees(credential.id));
    let credentials = all.iter().map(|credential| CredentialItem::new(credential, caller.now())).collect();
    Ok(HttpResponse::Ok().json(CredentialsList { credentials }))
}

/// The id of an address.
pub(crate) fn parse_id(text: &str) -> Result<CredentialId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

/// The time at which a password is to end.
pub(crate) fn parse_end(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let end: Timestamp = text.parse().map_err(|_| "Give a time, such as 2027-06-30T00:00:00Z.")?;
    if end > now { Ok(end) } else { Err("Choose a time in the future. To stop a password now, rotate it.") }
}

pub(crate) async fn find(caller: &Caller, id: &str) -> Result<Credential, ApiError> {
    let id = parse_id(id)?;
    let found = credentials::find(&mut *caller.state().store.connection().await?, caller.account(), id).await?;
    found.filter(|credential| caller.token().sees(credential.id)).ok_or(ApiError::NotFound)
}

/// A credential as an answer, with what tells whether it is changed.
pub(crate) fn answer(credential: &Credential, now: Timestamp) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, etag(credential))).json(CredentialItem::new(credential, now))
}

/// Reads one credential.
#[utoipa::path(get, path = "/api/v1/credentials/{id}", operation_id = "read_credential", tag = "credentials", params(("id" = String, Path)),
    responses((status = 200, body = CredentialItem, headers(("etag" = String))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:read"])))]
pub(crate) async fn show(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(answer(&find(&caller, &id).await?, caller.now()))
}

/// The passwords of a credential, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordsList {
    passwords: Vec<PasswordItem>,
}

/// Lists the passwords of a credential by their hints.
#[utoipa::path(get, path = "/api/v1/credentials/{id}/passwords", operation_id = "list_passwords", tag = "credentials", params(("id" = String, Path)),
    responses((status = 200, body = PasswordsList), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:read"])))]
pub(crate) async fn passwords(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let credential = find(&caller, &id).await?;
    let passwords = credential.passwords.iter().map(|password| PasswordItem::new(password, caller.now())).collect();
    Ok(HttpResponse::Ok().json(PasswordsList { passwords }))
}

/// What is to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCredential {
    /// Such as Inventory system; at most 60 characters.
    // Absent, it is as empty: the answer names the field.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 60)]
    name: String,
    /// What the program calls it, which makes creating it twice harmless; at most 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    external_id: Option<String>,
    /// When its password is to end; `null` or nothing for never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A new credential with its password, which no other answer has.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedCredential {
    #[serde(flatten)]
    credential: CredentialItem,
    /// `null` where the credential was created before under the same `external_id`: rotate it if the password was lost.
    password: Option<String>,
    ingest_url: String,
}

/// Creates a credential with its first password.
#[utoipa::path(post, path = "/api/v1/credentials", operation_id = "create_credential", tag = "credentials", request_body = NewCredential,
    responses((status = 201, body = CreatedCredential), (status = 200, description = "It was created before", body = CreatedCredential),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:write"])))]
pub(crate) async fn create(caller: Caller, JsonBody(new): JsonBody<NewCredential>) -> Result<HttpResponse, ApiError> {
    caller.require_pro()?;
    caller.require_unbound()?;
    let name: CredentialName = new.name.parse().map_err(|error| ApiError::field("name", error))?;
    let external_id = new.external_id.as_deref();
    let is_wrong =
        |id: &str| id.is_empty() || id.chars().count() > MAX_EXTERNAL_ID_CHARS || id.chars().any(char::is_control);
    if external_id.is_some_and(is_wrong) {
        let words = format!("Use from 1 to {MAX_EXTERNAL_ID_CHARS} characters, and no control characters.");
        return Err(ApiError::field("external_id", words));
    }
    let expires_at = new.expires_at.as_deref().map(|text| parse_end(text, caller.now())).transpose();
    let expires_at = expires_at.map_err(|detail| ApiError::field("expires_at", detail))?;
    let (state, act, id) = (caller.state(), caller.act(), CredentialId(Uuid::new_v4()));
    let most = Some(caller.member().limits().credentials);
    let on = caller.on(id, &act)?;
    let (status, id, password) =
        match issue_credential(on, (&state.hasher, &state.keys), (name, external_id), expires_at, most).await {
            Ok(issued) => (HttpResponse::Created(), issued.id, Some(issued.password)),
            Err(CredentialError::AlreadyIssued) => {
                let mut conn = state.store.connection().await?;
                let known =
                    credentials::find_by_external_id(&mut conn, caller.account(), external_id.unwrap_or_default())
                        .await?;
                (HttpResponse::Ok(), known.ok_or(ApiError::Internal)?.id, None)
            }
            Err(error) => return Err(error.into()),
        };
    let credential = find(&caller, &id.to_string()).await?;
    let mut status = status;
    status.insert_header((header::LOCATION, format!("/api/v1/credentials/{id}")));
    Ok(status.insert_header((header::ETAG, etag(&credential))).json(CreatedCredential {
        credential: CredentialItem::new(&credential, caller.now()),
        password: password.map(|password| password.secret().reveal().to_owned()),
        ingest_url: state.ingest_url.clone(),
    }))
}

/// How long the old password is to work beside the new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// `now`, `1h`, `24h` or `7d`; `24h` where nothing is said.
    #[schema(pattern = "^(now|1h|24h|7d)$")]
    overlap: Option<String>,
}

/// A new password, which no other answer has.
#[derive(Serialize, ToSchema)]
pub(crate) struct RotatedCredential {
    password: String,
    /// The first four random characters of the password.
    hint: String,
    /// The old password, while it works beside the new one.
    old: Option<OldPassword>,
}

/// The password before.
#[derive(Serialize, ToSchema)]
pub(crate) struct OldPassword {
    hint: String,
    #[schema(format = DateTime)]
    ends_at: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// Gives a credential a new password.
#[utoipa::path(post, path = "/api/v1/credentials/{id}/rotation", operation_id = "rotate_credential", tag = "credentials", params(("id" = String, Path)), request_body = Rotation,
    responses((status = 201, description = "Repeated before the new password was used, it replaces that", body = RotatedCredential),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:write"])))]
pub(crate) async fn rotate(
    caller: Caller,
    id: web::Path<String>,
    JsonBody(rotation): JsonBody<Rotation>,
) -> Result<HttpResponse, ApiError> {
    caller.require_pro()?;
    let overlap: Overlap = match rotation.overlap.as_deref() {
        None => Overlap::OneDay,
        Some(text) => text.parse().map_err(|error| ApiError::field("overlap", error))?,
    };
    let (state, act) = (caller.state(), caller.act());
    let on = caller.on(parse_id(&id)?, &act)?;
    let secret = SecretId(Uuid::new_v4());
    let rotated = rotate_credential(on, (&state.hasher, &state.keys), (secret, overlap), Lost::Perhaps).await?;
    let old = rotated.old(caller.now()).map(|(old, end)| OldPassword {
        hint: old.hint.clone(),
        ends_at: rfc3339(end),
        last_used_at: old.last_used_at.map(rfc3339),
    });
    let hint = rotated.password.hint().to_owned();
    let password = rotated.password.secret().reveal().to_owned();
    Ok(HttpResponse::Created().json(RotatedCredential { password, hint, old }))
}

/// Under which condition the old password is stopped.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopOldPassword {
    /// An age such as `1h`: a password that was used since is not stopped, and the answer says when it was. Uses that another instance has
    /// accepted less than 2 seconds ago may not be known yet.
    #[schema(pattern = "^[0-9]{1,4}[smhd]$")]
    only_if_unused_for: Option<String>,
}

/// Stops the old password of a rotation.
#[utoipa::path(post, path = "/api/v1/credentials/{id}/old-password-revocation", operation_id = "stop_old_password", tag = "credentials", params(("id" = String, Path)),
    request_body = StopOldPassword,
    responses((status = 200, body = CredentialItem), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:write"])))]
pub(crate) async fn stop_old(
    caller: Caller,
    id: web::Path<String>,
    JsonBody(condition): JsonBody<StopOldPassword>,
) -> Result<HttpResponse, ApiError> {
    let wrong = || ApiError::field("only_if_unused_for", "Say an age such as 30m, 1h or 7d.");
    let since = match condition.only_if_unused_for.as_deref() {
        None => None,
        Some(age) if age_in_words(age).is_some() => Some(parse_bound(age, caller.now()).map_err(|_| wrong())?),
        Some(_) => return Err(wrong()),
    };
    let act = caller.act();
    let on = caller.on(parse_id(&id)?, &act)?;
    if since.is_some() {
        // Uses are noted beside the requests, and written a little later.
        caller.state().engine.usage.flush().await?;
    }
    stop_old_password(on, since).await?;
    Ok(answer(&find(&caller, &id).await?, caller.now()))
}

/// Which credential is meant, said once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    /// Its username, so that no other is revoked by mistake.
    #[serde(default)]
    #[schema(required, pattern = "^rw_[a-z0-9]{8}$")]
    username: String,
}

/// Revokes a credential for good, with all its passwords.
#[utoipa::path(post, path = "/api/v1/credentials/{id}/revocation", operation_id = "revoke_credential", tag = "credentials", params(("id" = String, Path)),
    request_body = Revocation,
    responses((status = 200, body = CredentialItem), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:write"])))]
pub(crate) async fn revoke(
    caller: Caller,
    id: web::Path<String>,
    JsonBody(revocation): JsonBody<Revocation>,
) -> Result<HttpResponse, ApiError> {
    let credential = find(&caller, &id).await?;
    if revocation.username != credential.username {
        // It is never too late to end something, and this ends nothing.
        caller.count_act()?;
        return Err(ApiError::field("username", format!("This credential is {}.", credential.username)));
    }
    let act = caller.act();
    revoke_credential(caller.on(credential.id, &act)?).await?;
    Ok(answer(&find(&caller, &id).await?, caller.now()))
}
