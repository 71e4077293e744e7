//! The documentation: open to everyone, and filled in with the reader's own endpoint and username when signed in.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::domain::credential::CredentialState;
use crate::domain::rejection::Reason;
use crate::domain::visible::visible;
use crate::store::credentials;
use crate::web::answers::html;
use crate::web::errors::PageError;
use crate::web::page::Page;
use crate::web::reader::Reader;
use crate::web::shown::limit;

/// What stands in the examples until there is a credential.
const NO_USERNAME: &str = "USERNAME";

#[derive(Deserialize)]
pub struct Query {
    /// The username that the examples use.
    #[serde(default, rename = "as")]
    chosen: String,
}

struct Choice {
    name: String,
    username: String,
    selected: bool,
}

#[derive(Template)]
#[template(path = "docs/quick_start.html")]
struct QuickStart {
    page: Page,
    endpoint: String,
    username: String,
    choices: Vec<Choice>,
    signed_in: bool,
    max_body: String,
}

#[derive(Template)]
#[template(path = "docs/api_reference.html")]
struct ApiReference {
    page: Page,
    endpoint: String,
    username: String,
    choices: Vec<Choice>,
    signed_in: bool,
    max_body: String,
    retention_days: u32,
    public_url: String,
}

#[derive(Template)]
#[template(path = "docs/advanced_usage.html")]
struct AdvancedUsage {
    page: Page,
    endpoint: String,
    username: String,
    choices: Vec<Choice>,
    signed_in: bool,
    retention_days: u32,
    public_url: String,
}

#[derive(Template)]
#[template(path = "docs/errors.html")]
struct Errors {
    page: Page,
    endpoint: String,
    max_body: String,
    reasons: &'static [Reason],
}

/// The reader's credentials that can send, the chosen one marked; the newest where none was chosen.
async fn choices(reader: &Reader, chosen: &str) -> Result<(Vec<Choice>, String), PageError> {
    let Some(member) = &reader.member else { return Ok((Vec::new(), NO_USERNAME.to_owned())) };
    let mut conn = reader.site.store.connection().await?;
    let all = credentials::list(&mut conn, member.account_id).await?;
    let usable = |state| matches!(state, CredentialState::Active | CredentialState::Rotating);
    let mut choices: Vec<Choice> = all
        .into_iter()
        .filter(|credential| usable(credential.state(reader.now)))
        .map(|credential| Choice {
            selected: credential.username == chosen,
            name: visible(&credential.name).into_owned(),
            username: credential.username,
        })
        .collect();
    choices.reverse();
    if !choices.iter().any(|choice| choice.selected)
        && let Some(newest) = choices.first_mut()
    {
        newest.selected = true;
    }
    let username = choices.iter().find(|choice| choice.selected).map(|choice| choice.username.clone());
    Ok((choices, username.unwrap_or_else(|| NO_USERNAME.to_owned())))
}

fn page(reader: &Reader, title: &str, place: &'static str) -> Page {
    reader.page(title).at("docs", place)
}

/// `GET /docs/webhooks/quick-start`
pub async fn quick_start(reader: Reader, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (choices, username) = choices(&reader, &query.chosen).await?;
    html(&QuickStart {
        page: page(&reader, "Quick start", "quick-start"),
        endpoint: reader.site.ingest_url.clone(),
        username,
        choices,
        signed_in: reader.member.is_some(),
        max_body: limit(reader.site.engine.max_body_bytes),
    })
}

/// `GET /docs/webhooks/api-reference`
pub async fn api_reference(reader: Reader, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (choices, username) = choices(&reader, &query.chosen).await?;
    html(&ApiReference {
        page: page(&reader, "API reference", "api-reference"),
        endpoint: reader.site.ingest_url.clone(),
        username,
        choices,
        signed_in: reader.member.is_some(),
        max_body: limit(reader.site.engine.max_body_bytes),
        retention_days: reader.site.retention_days,
        public_url: reader.site.public_url.clone(),
    })
}

/// `GET /docs/webhooks/advanced-usage`
pub async fn advanced_usage(reader: Reader, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (choices, username) = choices(&reader, &query.chosen).await?;
    html(&AdvancedUsage {
        page: page(&reader, "Advanced usage", "advanced-usage"),
        endpoint: reader.site.ingest_url.clone(),
        username,
        choices,
        signed_in: reader.member.is_some(),
        retention_days: reader.site.retention_days,
        public_url: reader.site.public_url.clone(),
    })
}

/// `GET /docs/webhooks/errors`
pub async fn errors(reader: Reader) -> Result<HttpResponse, PageError> {
    html(&Errors {
        page: page(&reader, "Errors", "errors"),
        endpoint: reader.site.ingest_url.clone(),
        max_body: limit(reader.site.engine.max_body_bytes),
        reasons: Reason::ALL,
    })
}
