//! `PATCH /api/v1/credentials/{id}`: several changes at once, or none.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::change_credential::{CredentialChange, change_credential};
use crate::domain::credential::CredentialName;
use crate::domain::sender_settings::{HeaderName, SenderSettings, parse_networks};
use crate::web::api::caller::Caller;
use crate::web::api::credentials::{answer, parse_end, parse_id};
use crate::web::api::errors::ApiError;
use crate::web::api::json_body::{JsonBody, object, present};
use crate::web::api::problem_schema::Problem;
use crate::web::api::records::{CredentialItem, etag};
use crate::web::problem::FieldProblem;

/// What is to be another way. What is absent stays as it is.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    #[schema(min_length = 1, max_length = 60)]
    name: Option<String>,
    disabled: Option<bool>,
    holds_late_events: Option<bool>,
    /// When the current password is to end; `null` for never.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "object")]
    settings: Option<SettingsPatch>,
}

/// What it is to accept beyond the default.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsPatch {
    any_content_type: Option<bool>,
    compressed_bodies: Option<bool>,
    batches: Option<bool>,
    put_as_post: Option<bool>,
    /// A header whose value names an event; `null` for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    stored_once_by: Option<Option<String>>,
    /// Addresses and networks; none: from anywhere.
    networks: Option<Vec<String>>,
}

/// The patch, understood.
struct Understood {
    change: CredentialChange,
    once_by: Option<Option<HeaderName>>,
    networks: Option<Vec<ipnet::IpNet>>,
}

impl Patch {
    /// Whether it takes access away and does nothing else.
    fn ends_only(&self) -> bool {
        let Self { name, disabled, holds_late_events, expires_at, settings } = self;
        *disabled == Some(true)
            && name.is_none()
            && holds_late_events.is_none()
            && expires_at.is_none()
            && settings.is_none()
    }

    /// All that is wrong with it, or what it asks for.
    fn understand(&self, now: Timestamp) -> Result<Understood, ApiError> {
        let mut errors = Vec::new();
        let mut wrong = |field: &str, detail: String| errors.push(FieldProblem { field: field.to_owned(), detail });
        let name = self.name.as_deref().map(str::parse::<CredentialName>).transpose();
        let name = name.unwrap_or_else(|error| {
            wrong("name", error.to_string());
            None
        });
        let end = |text: &Option<String>| text.as_deref().map(|text| parse_end(text, now)).transpose();
        let expires_at = self.expires_at.as_ref().map(end).transpose().unwrap_or_else(|detail| {
            wrong("expires_at", detail.to_owned());
            None
        });
        let settings = self.settings.as_ref();
        let header = |text: &Option<String>| text.as_deref().map(str::parse::<HeaderName>).transpose();
        let once_by = settings.and_then(|settings| settings.stored_once_by.as_ref()).map(header).transpose();
        let once_by = once_by.unwrap_or_else(|error| {
            wrong("settings.stored_once_by", error.to_string());
            None
        });
        let networks = settings.and_then(|settings| settings.networks.as_ref());
        let networks = networks.map(|list| parse_networks(&list.join("\n"))).transpose().unwrap_or_else(|error| {
            wrong("settings.networks", error.to_string());
            None
        });
        if !errors.is_empty() {
            return Err(ApiError::InvalidFields(errors));
        }
        let Self { disabled, holds_late_events, .. } = *self;
        Ok(Understood { change: CredentialChange { name, disabled, holds_late_events, expires_at }, once_by, networks })
    }

    fn choose(
        &self,
        before: SenderSettings,
        once_by: Option<Option<HeaderName>>,
        networks: Option<Vec<ipnet::IpNet>>,
    ) -> SenderSettings {
        let Some(patch) = &self.settings else { return before };
        SenderSettings {
            any_content_type: patch.any_content_type.unwrap_or(before.any_content_type),
            compressed_bodies: patch.compressed_bodies.unwrap_or(before.compressed_bodies),
            batches: patch.batches.unwrap_or(before.batches),
            put_as_post: patch.put_as_post.unwrap_or(before.put_as_post),
            stored_once_by: once_by.unwrap_or(before.stored_once_by),
            networks: networks.unwrap_or(before.networks),
        }
    }
}

/// Changes a credential: its name, its state, its sender settings.
#[utoipa::path(patch, path = "/api/v1/credentials/{id}", operation_id = "change_credential", tag = "credentials", params(("id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that it was read with: if it has changed since, nothing is done")),
    request_body = Patch,
    responses((status = 200, body = CredentialItem, headers(("etag" = String))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("api_token" = ["credentials:write"])))]
pub(crate) async fn change(
    caller: Caller,
    id: web::Path<String>,
    request: HttpRequest,
    JsonBody(patch): JsonBody<Patch>,
) -> Result<HttpResponse, ApiError> {
    if !patch.ends_only() {
        caller.require_pro()?;
        caller.count_act()?;
    }
    let Understood { change, once_by, networks } = patch.understand(caller.now())?;
    let expected = request.headers().get(header::IF_MATCH).map(|value| value.to_str().unwrap_or_default().to_owned());
    let act = caller.act();
    let on = caller.on(parse_id(&id)?, &act)?;
    let choose = |before| patch.choose(before, once_by, networks);
    let credential = change_credential(on, change, choose, |credential| {
        expected.is_none_or(|tags| tags.split(',').any(|tag| tag.trim() == "*" || tag.trim() == etag(credential)))
    })
    .await?;
    caller.state().engine.verifier.forget_credential(credential.id);
    Ok(answer(&credential, caller.now()))
}
