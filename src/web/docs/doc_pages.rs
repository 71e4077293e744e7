//! The documentation: open to everyone, and filled in with the reader's own endpoint and username when signed in.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::domain::rejection::Reason;
use crate::domain::visible::visible;
use crate::store::credentials;
use crate::web::answers::{html, see_other};
use crate::web::docs::snippets::{Blanks, LANGUAGES, Snippet};
use crate::web::errors::PageError;
use crate::web::page::Page;
use crate::web::problem_codes::{Code, Retry};
use crate::web::reader::Reader;
use crate::web::shown::limit;

/// What stands in the examples until there is a credential.
const NO_USERNAME: &str = "USERNAME";

/// `GET /docs`: to the page that is read first.
pub async fn door() -> HttpResponse {
    see_other("/docs/webhooks/quick-start")
}

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

/// What the pages say of this server, and of the reader.
struct Guide {
    blanks: Blanks,
    choices: Vec<Choice>,
    signed_in: bool,
    max_body: String,
    retention_days: u32,
}

impl Guide {
    /// For anybody.
    fn new(reader: &Reader) -> Self {
        Self {
            blanks: Blanks {
                endpoint: reader.site.ingest_url.clone(),
                username: NO_USERNAME.to_owned(),
                public_url: reader.site.public_url.clone(),
            },
            choices: Vec::new(),
            signed_in: reader.member.is_some(),
            max_body: limit(reader.site.engine.max_body_bytes),
            retention_days: reader.site.retention_days,
        }
    }

    /// For this reader: with a username of their own in the examples.
    async fn filled_in(reader: &Reader, chosen: &str) -> Result<Self, PageError> {
        let mut guide = Self::new(reader);
        guide.choices = choices(reader, chosen).await?;
        if let Some(choice) = guide.choices.iter().find(|choice| choice.selected) {
            guide.blanks.username.clone_from(&choice.username);
        }
        Ok(guide)
    }

    fn endpoint(&self) -> &str {
        &self.blanks.endpoint
    }

    fn username(&self) -> &str {
        &self.blanks.username
    }

    fn retention(&self) -> String {
        match self.retention_days {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        }
    }

    /// An example by the name of its file.
    fn code(&self, name: &str) -> askama::Result<Snippet> {
        self.blanks.fill_in(name).ok_or(askama::Error::Fmt)
    }
}

#[derive(Template)]
#[template(path = "docs/quick_start.html")]
struct QuickStart {
    page: Page,
    guide: Guide,
}

#[derive(Template)]
#[template(path = "docs/api_reference.html")]
struct ApiReference {
    page: Page,
    guide: Guide,
}

#[derive(Template)]
#[template(path = "docs/advanced_usage.html")]
struct AdvancedUsage {
    page: Page,
    guide: Guide,
}

#[derive(Template)]
#[template(path = "docs/search.html")]
struct Search {
    page: Page,
    guide: Guide,
}

#[derive(Template)]
#[template(path = "docs/errors.html")]
struct Errors {
    page: Page,
    guide: Guide,
    reasons: &'static [Reason],
}

#[derive(Template)]
#[template(path = "docs/operations.html")]
struct Operations {
    page: Page,
    guide: Guide,
}

/// The reader's credentials that can send, the chosen one marked; the newest where none was chosen.
async fn choices(reader: &Reader, chosen: &str) -> Result<Vec<Choice>, PageError> {
    let Some(member) = &reader.member else { return Ok(Vec::new()) };
    let mut conn = reader.site.store.connection().await?;
    let all = credentials::list(&mut conn, member.account_id).await?;
    let mut choices: Vec<Choice> = all
        .into_iter()
        .filter(|credential| credential.state(reader.now).is_open())
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
    Ok(choices)
}

fn page(reader: &Reader, title: &str, place: &'static str) -> Page {
    reader.page(title).at("docs", place)
}

/// `GET /docs/webhooks/quick-start`
pub async fn quick_start(reader: Reader, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&reader, &query.chosen).await?;
    html(&QuickStart { page: page(&reader, "Quick start", "quick-start"), guide })
}

/// `GET /docs/webhooks/api-reference`
pub async fn api_reference(reader: Reader, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&reader, &query.chosen).await?;
    html(&ApiReference { page: page(&reader, "API reference", "api-reference"), guide })
}

/// `GET /docs/webhooks/advanced-usage`
pub async fn advanced_usage(reader: Reader, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&reader, &query.chosen).await?;
    html(&AdvancedUsage { page: page(&reader, "Advanced usage", "advanced-usage"), guide })
}

/// `GET /docs/webhooks/search`
pub async fn search(reader: Reader, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&reader, &query.chosen).await?;
    html(&Search { page: page(&reader, "Search and export", "search"), guide })
}

/// `GET /docs/webhooks/errors`
pub async fn errors(reader: Reader) -> Result<HttpResponse, PageError> {
    let guide = Guide::new(&reader);
    html(&Errors { page: page(&reader, "Errors", "errors"), guide, reasons: Reason::ALL })
}

/// `GET /docs/webhooks/operations`
pub async fn operations(reader: Reader) -> Result<HttpResponse, PageError> {
    html(&Operations { page: page(&reader, "Operations", "operations"), guide: Guide::new(&reader) })
}
