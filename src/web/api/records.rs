//! What the API says of events and credentials.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::credential::{Credential, PasswordRecord};
use crate::domain::digest::sha256;
use crate::domain::event::{EventId, EventSummary, StoredEvent};
use crate::domain::ids::CredentialId;
use crate::domain::payload::value_text;
use crate::domain::request_headers::KeptHeader;
use crate::domain::sender_settings::SenderSettings;
use crate::domain::time::rfc3339;

/// The largest body that stands in an answer, in bytes. A larger one has an address of its own.
pub(crate) const MAX_EMBEDDED_BYTES: u64 = 64 * 1024;

/// A request header of an event.
#[derive(Serialize, ToSchema)]
pub(crate) struct Header {
    name: String,
    value: String,
}

/// The credential that a request came with.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialRef {
    id: String,
    username: String,
    name: String,
}

impl CredentialRef {
    pub(crate) fn new(id: CredentialId, username: &str, name: &str) -> Self {
        Self { id: id.to_string(), username: username.to_owned(), name: name.to_owned() }
    }
}

/// A stored event.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventItem {
    id: String,
    #[schema(format = DateTime)]
    received_at: String,
    credential: CredentialRef,
    remote_ip: String,
    content_type: String,
    size_bytes: u64,
    /// When it was accepted, if it came with an expired password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    accepted_late_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<Header>>,
    /// The JSON that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    body: Option<Box<RawValue>>,
    /// The body is larger than 65,536 bytes or too deep to stand here, and has an address of its own; or it was deleted meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_omitted: Option<bool>,
}

impl EventItem {
    pub(crate) fn new(event: &EventSummary) -> Self {
        Self {
            id: event.id.to_string(),
            received_at: rfc3339(event.id.received_at()),
            credential: CredentialRef::new(event.credential_id, &event.username, &event.credential_name),
            remote_ip: event.remote_ip.to_string(),
            content_type: event.content_type.clone(),
            size_bytes: event.size_bytes,
            accepted_late_at: None,
            user_agent: None,
            query: None,
            headers: None,
            body: None,
            body_omitted: None,
        }
    }

    /// With all that is kept of it.
    pub(crate) fn whole(event: &StoredEvent) -> Self {
        let mut item = Self::new(&event.summary);
        item.accepted_late_at = event.accepted_late_at.map(rfc3339);
        item.user_agent.clone_from(&event.user_agent);
        item.query.clone_from(&event.query);
        item.set_headers(&event.headers);
        item.set_body(&event.body);
        item
    }

    pub(crate) fn set_headers(&mut self, headers: &[KeptHeader]) {
        let header = |(name, value): &KeptHeader| Header { name: name.clone(), value: value.clone() };
        self.headers = Some(headers.iter().map(header).collect());
    }

    /// What is stored is JSON; whatever is too large, or cannot be embedded, is left out.
    pub(crate) fn set_body(&mut self, body: &str) {
        let fits = body.len() as u64 <= MAX_EMBEDDED_BYTES;
        self.body =
            Some(body).filter(|_| fits).and_then(|body| RawValue::from_string(value_text(body).to_owned()).ok());
        self.body_omitted = self.body.is_none().then_some(true);
    }

    /// The same from what was read of several; one that is not there was too large.
    pub(crate) fn set_found_body(&mut self, id: EventId, bodies: &HashMap<EventId, (Vec<KeptHeader>, Option<String>)>) {
        match bodies.get(&id).and_then(|(_, body)| body.as_deref()) {
            Some(body) => self.set_body(body),
            None => self.body_omitted = Some(true),
        }
    }
}

/// A password of a credential, without the password.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordItem {
    /// The first four of its random characters.
    hint: String,
    /// `current`, `expiring`, `expired` or `revoked`.
    state: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    last_used_ip: Option<String>,
}

impl PasswordItem {
    pub(crate) fn new(password: &PasswordRecord, now: Timestamp) -> Self {
        Self {
            hint: password.hint.clone(),
            state: password.state(now).as_str(),
            created_at: rfc3339(password.created_at),
            expires_at: password.expires_at.map(rfc3339),
            last_used_at: password.last_used_at.map(rfc3339),
            last_used_ip: password.last_used_ip.map(|ip| ip.to_string()),
        }
    }
}

/// What a credential accepts beyond the default.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsItem {
    any_content_type: bool,
    compressed_bodies: bool,
    batches: bool,
    put_as_post: bool,
    stored_once_by: Option<String>,
    networks: Vec<String>,
}

impl SettingsItem {
    fn new(settings: &SenderSettings) -> Self {
        Self {
            any_content_type: settings.any_content_type,
            compressed_bodies: settings.compressed_bodies,
            batches: settings.batches,
            put_as_post: settings.put_as_post,
            stored_once_by: settings.stored_once_by.as_ref().map(ToString::to_string),
            networks: settings.networks.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A credential of a sender.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialItem {
    id: String,
    name: String,
    username: String,
    /// What the program that created it calls it.
    external_id: Option<String>,
    /// `active`, `rotating`, `disabled` or `revoked`.
    state: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    holds_late_events: bool,
    settings: SettingsItem,
    passwords: Vec<PasswordItem>,
}

impl CredentialItem {
    pub(crate) fn new(credential: &Credential, now: Timestamp) -> Self {
        Self {
            id: credential.id.to_string(),
            name: credential.name.clone(),
            username: credential.username.clone(),
            external_id: credential.external_id.clone(),
            state: credential.state(now).as_str(),
            created_at: rfc3339(credential.created_at),
            holds_late_events: credential.holds_late_events,
            settings: SettingsItem::new(&credential.settings),
            passwords: credential.passwords.iter().map(|password| PasswordItem::new(password, now)).collect(),
        }
    }
}

/// What tells whether a credential was changed: not its use, and not the time.
pub(crate) fn etag(credential: &Credential) -> String {
    let passwords = credential.passwords.iter().map(|one| (one.id, one.expires_at, one.revoked_at)).collect::<Vec<_>>();
    let Credential { id: CredentialId(id), name, disabled_at, revoked_at, holds_late_events, settings, .. } =
        credential;
    let told = serde_json::to_vec(&(id, name, disabled_at, revoked_at, holds_late_events, settings, passwords));
    strong_etag(&told.unwrap_or_default())
}

/// A strong entity tag (RFC 9110, section 8.8.3) of some bytes.
pub(crate) fn strong_etag(bytes: &[u8]) -> String {
    let digest: String = sha256(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digest}\"")
}
