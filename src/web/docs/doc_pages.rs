//! The documentation: open to everyone, and filled in with the reader's own endpoint and username when signed in.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::domain::confidential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::rejection::Reason;
use crate::store::tables::credentials;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::format::limit;
use crate::web::page::Page;
use crate::web::problem_codes::{Code, Retry};
use crate::web::responses::{html, see_other};
use crate::web::snippets::{Blanks, LANGUAGES, Snippet};

/// What stands in the examples until there is a credential.
const NO_USERNAME: &str = "USERNAME";

/// `GET /docs`: to the page that is read first.
pub(crate) async fn door() -> HttpResponse {
    see_other("/docs/webhooks/quick-start")
}

#[derive(Deserialize)]
pub(crate) struct Query {
    /// The username that the examples use.
    #[serde(default, rename = "as")]
    pub(super) chosen: String,
}

pub(super) struct Choice {
    pub(super) name: String,
    pub(super) username: String,
    pub(super) selected: bool,
}

/// What the pages say of this server, and of the reader.
pub(super) struct Guide {
    blanks: Blanks,
    pub(super) choices: Vec<Choice>,
    pub(super) signed_in: bool,
    pub(super) max_body: String,
    retention_days: u32,
    /// How long a connection may lie idle, in seconds.
    keep_alive: u64,
}

impl Guide {
    /// For anybody.
    fn new(current_user: &CurrentUser) -> Self {
        Self {
            blanks: Blanks {
                endpoint: current_user.state.ingest_url.clone(),
                username: NO_USERNAME.to_owned(),
                public_url: current_user.state.public_url.clone(),
            },
            choices: Vec::new(),
            signed_in: current_user.member.is_some(),
            max_body: limit(current_user.state.engine.max_body_bytes),
            retention_days: current_user.state.retention_days,
            keep_alive: current_user.state.keep_alive.as_secs(),
        }
    }

    /// For this reader: with a username of their own in the examples.
    pub(super) async fn filled_in(current_user: &CurrentUser, chosen: &str) -> Result<Self, PageError> {
        let mut guide = Self::new(current_user);
        guide.choices = choices(current_user, chosen).await?;
        if let Some(choice) = guide.choices.iter().find(|choice| choice.selected) {
            guide.blanks.username.clone_from(&choice.username);
        }
        Ok(guide)
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.blanks.endpoint
    }

    pub(super) fn username(&self) -> &str {
        &self.blanks.username
    }

    fn retention(&self) -> String {
        match self.retention_days {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        }
    }

    /// An example by the name of its file.
    pub(super) fn code(&self, name: &str) -> askama::Result<Snippet> {
        self.blanks.code(name)
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
async fn choices(current_user: &CurrentUser, chosen: &str) -> Result<Vec<Choice>, PageError> {
    let Some(member) = &current_user.member else { return Ok(Vec::new()) };
    let mut conn = current_user.state.store.connection().await?;
    let all = credentials::list(&mut conn, member.account_id).await?;
    let mut choices: Vec<Choice> = all
        .into_iter()
        .filter(|credential| credential.state(current_user.now).is_open())
        .map(|credential| Choice {
            selected: credential.username == chosen,
            name: escape_invisible(&credential.name).into_owned(),
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

pub(super) fn page(current_user: &CurrentUser, title: &str, place: &'static str) -> Page {
    current_user.page(title).at("docs", place)
}

/// `GET /docs/webhooks/quick-start`
pub(crate) async fn quick_start(
    current_user: CurrentUser,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&current_user, &query.chosen).await?;
    html(&QuickStart { page: page(&current_user, "Quick start", "quick-start"), guide })
}

/// `GET /docs/webhooks/api-reference`
pub(crate) async fn api_reference(
    current_user: CurrentUser,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&current_user, &query.chosen).await?;
    html(&ApiReference { page: page(&current_user, "API reference", "api-reference"), guide })
}

/// `GET /docs/webhooks/advanced-usage`
pub(crate) async fn advanced_usage(
    current_user: CurrentUser,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&current_user, &query.chosen).await?;
    html(&AdvancedUsage { page: page(&current_user, "Advanced usage", "advanced-usage"), guide })
}

/// `GET /docs/webhooks/search`
pub(crate) async fn search(current_user: CurrentUser, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&current_user, &query.chosen).await?;
    html(&Search { page: page(&current_user, "Search and export", "search"), guide })
}

/// `GET /docs/webhooks/errors`
pub(crate) async fn errors(current_user: CurrentUser) -> Result<HttpResponse, PageError> {
    let guide = Guide::new(&current_user);
    html(&Errors { page: page(&current_user, "Errors", "errors"), guide, reasons: Reason::ALL })
}

/// `GET /docs/webhooks/operations`
pub(crate) async fn operations(current_user: CurrentUser) -> Result<HttpResponse, PageError> {
    html(&Operations { page: page(&current_user, "Operations", "operations"), guide: Guide::new(&current_user) })
}
