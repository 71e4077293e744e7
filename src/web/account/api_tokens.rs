//! Settings → API tokens: what programs read and change the account with, and how one is made. Its value stands in the one answer that
//! made it.

use actix_web::HttpResponse;
use actix_web::http::header;
use askama::Template;
use jiff::Timestamp;
use uuid::Uuid;

use crate::app::api_tokens::{ApiTokenError, create_api_token};
use crate::domain::api_token::{
    ApiToken, DEFAULT_DAYS, InvalidToken, KIND, MAX_DAYS, MAX_TOKENS, Scope, TokenGrant, TokenState, bound_to,
    parse_lifetime, parse_name,
};
use crate::domain::checked_token::CheckedToken;
use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::expiry::Nearness;
use crate::domain::ids::ApiTokenId;
use crate::domain::masked::masked;
use crate::domain::secret::Secret;
use crate::domain::sender_settings::parse_networks;
use crate::store::tables::{api_tokens, credentials};
use crate::web::account::notice_words;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::{Submitted, id_or_new};
use crate::web::kept_form::RESUMED;
use crate::web::notice::{Notice, NoticeWords, TokensNotice};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid};

/// The address of the list.
pub(super) const PATH: &str = "/settings/api-tokens";
/// How long a token may work, in days.
const LIFETIMES: [(u16, &str); 6] =
    [(7, "7 days"), (30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "1 year"), (MAX_DAYS, "400 days")];

/// A token as pages show it.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) name: String,
    /// As it is, for the form that changes it.
    pub(super) value: String,
    pub(super) hint: String,
    pub(super) masked: String,
    pub(super) scopes: Vec<&'static str>,
    pub(super) created: When,
    pub(super) created_by: String,
    pub(super) last_used: Option<(When, String, String)>,
    pub(super) expires: Option<When>,
    /// What is said of its end: the kind of the label, and its words.
    pub(super) state: Option<(&'static str, &'static str)>,
    pub(super) former: Option<(String, When)>,
    pub(super) credentials: usize,
    pub(super) networks: Vec<String>,
}

impl Shown {
    pub(super) fn new(token: &ApiToken, created_by: String, now: Timestamp) -> Self {
        let nearness = token.expires_at.and_then(|end| Nearness::of(end, now));
        let state = match (token.state(now), nearness) {
            (TokenState::Revoked, _) => Some(("", "Revoked")),
            (TokenState::Expired, _) => Some(("bad", "Expired")),
            (TokenState::Live, Some(Nearness::Tomorrow)) => Some(("bad", "Expires within a day")),
            (TokenState::Live, Some(Nearness::Soon)) => Some(("busy", "Expires within 7 days")),
            (TokenState::Live, Some(_)) => Some(("busy", "Expires within 14 days")),
            (TokenState::Live, None) => None,
        };
        let used = |at| {
            let ip = token.last_used_ip.map(|ip| ip.to_string()).unwrap_or_default();
            let agent = escape_invisible(token.last_used_agent.as_deref().unwrap_or_default()).into_owned();
            (When::ago(at, now), ip, agent)
        };
        Self {
            id: token.id.to_string(),
            name: escape_invisible(&token.name).into_owned(),
            value: token.name.clone(),
            hint: token.hint().to_owned(),
            masked: masked(&KIND.prefixed(token.hint())),
            scopes: token.scopes.iter().map(|scope| scope.as_str()).collect(),
            created: When::minute(token.created_at, now),
            created_by,
            last_used: token.last_used_at.map(used),
            expires: token.expires_at.map(|end| When::minute(end, now)),
            state,
            former: token.former(now).map(|(old, end)| (masked(&KIND.prefixed(&old.hint)), When::minute(end, now))),
            credentials: token.credentials.len(),
            networks: token.networks.iter().map(ToString::to_string).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "api_tokens.html")]
struct Index {
    page: Page,
    notice: Option<NoticeWords>,
    tokens: Vec<Shown>,
    most: u32,
}

/// `GET /settings/api-tokens`
pub(crate) async fn index(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    let now = current_user.now();
    let mut conn = current_user.state().store.connection().await?;
    let tokens = api_tokens::list(&mut conn, current_user.member.account_id, now).await?;
    let notice = current_user.take_notice(Notice::tokens);
    html(&Index {
        page: current_user.page("API tokens").at("settings", "api-tokens"),
        notice: notice.map(|notice| notice_words::of_tokens(&notice)),
        tokens: tokens.iter().map(|(token, by)| Shown::new(token, by.clone(), now)).collect(),
        most: MAX_TOKENS,
    })
}

/// The form as it was sent. Scopes come once each.
#[derive(Default)]
struct Form {
    id: Option<String>,
    name: String,
    scopes: Vec<String>,
    lifetime: String,
    credentials: String,
    networks: String,
    resumed: bool,
}

impl Form {
    fn read(fields: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "id" => form.id = Some(value),
                "name" => form.name = value,
                "scope" => form.scopes.push(value),
                "lifetime" => form.lifetime = value,
                "credentials" => form.credentials = value,
                "networks" => form.networks = value,
                RESUMED => form.resumed = true,
                _ => {}
            }
        }
        form
    }

    /// What is asked for; or what is wrong, by the field.
    fn grant(&self, owned: &[Credential]) -> Result<TokenGrant, Errors> {
        let mut errors = Errors::default();
        let name = parse_name(&self.name).map_err(|error| errors.name = Some(error.to_string())).ok();
        let scopes: Vec<Scope> =
            Scope::ALL.iter().copied().filter(|scope| self.scopes.iter().any(|word| word == scope.as_str())).collect();
        if scopes.is_empty() {
            errors.scopes = Some(InvalidToken::NoScope.to_string());
        }
        let lifetime = parse_lifetime(&self.lifetime).map_err(|error| errors.lifetime = Some(error.to_string())).ok();
        let usernames = self.credentials.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        let credentials = bound_to(usernames, owned).map_err(|error| errors.credentials = Some(error.to_string())).ok();
        let networks = parse_networks(&self.networks).map_err(|error| errors.networks = Some(error.to_string())).ok();
        match (name, lifetime, credentials, networks) {
            (Some(name), Some(lifetime), Some(credentials), Some(networks)) if errors.scopes.is_none() => {
                Ok(TokenGrant { name, scopes, credentials, networks, lifetime })
            }
            _ => Err(errors),
        }
    }
}

/// What is wrong with a form.
#[derive(Default)]
struct Errors {
    name: Option<String>,
    scopes: Option<String>,
    lifetime: Option<String>,
    credentials: Option<String>,
    networks: Option<String>,
}

/// What a token may do, to be chosen.
struct ScopeChoice {
    id: String,
    scope: Scope,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "api_token_new.html")]
struct New {
    page: Page,
    form: Form,
    errors: Errors,
    scopes: Vec<ScopeChoice>,
    lifetimes: Vec<(String, &'static str, bool)>,
    never: bool,
    new_id: Uuid,
}

impl New {
    fn of(current_user: &SignedIn, form: Form, errors: Errors) -> Self {
        let choice = |scope: &Scope| ScopeChoice {
            id: scope.as_str().replace(':', "-"),
            scope: *scope,
            chosen: form.scopes.iter().any(|word| word == scope.as_str()),
        };
        let chosen = form.lifetime.trim_end_matches('d');
        let chosen = if chosen.is_empty() { DEFAULT_DAYS.to_string() } else { chosen.to_owned() };
        let lifetimes = LIFETIMES.iter().map(|(days, words)| (days.to_string(), *words, days.to_string() == chosen));
        Self {
            page: current_user.page("Create API token").at("settings", "api-tokens"),
            scopes: Scope::ALL.iter().map(choice).collect(),
            lifetimes: lifetimes.collect(),
            never: chosen == "none",
            new_id: Uuid::new_v4(),
            form,
            errors,
        }
    }
}

/// `GET /settings/api-tokens/new`
pub(crate) async fn new(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    html(&New::of(&current_user, Form::default(), Errors::default()))
}

/// `POST /settings/api-tokens`, behind the question for the password.
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(fields): Submitted<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    let form = Form::read(fields);
    if form.resumed {
        return html(&New::of(&current_user, form, Errors::default()));
    }
    let (state, account) = (current_user.state(), current_user.member.account_id);
    let owned = match form.credentials.trim().is_empty() {
        true => Vec::new(),
        false => credentials::list(&mut *state.store.connection().await?, account).await?,
    };
    let grant = match form.grant(&owned) {
        Ok(grant) => grant,
        Err(errors) => return html_invalid(&New::of(&current_user, form, errors)),
    };
    let id = ApiTokenId(id_or_new(form.id.as_deref()));
    match create_api_token(current_user.acting(&current_user.act()), &state.keys, id, &grant).await {
        Ok(value) => created(&current_user, grant.name.as_str(), &value, None),
        Err(ApiTokenError::AlreadyCreated) => {
            Ok(current_user.redirect_with(PATH, Notice::Tokens(TokensNotice::ShownBefore)))
        }
        Err(ApiTokenError::TooMany) => {
            let problem =
                format!("You’ve reached the limit of {MAX_TOKENS} API tokens. Revoke one that you no longer need.");
            html_invalid(&New::of(&current_user, form, Errors { name: Some(problem), ..Errors::default() }))
        }
        Err(error) => Err(error.into()),
    }
}

/// The page that shows a value, this once.
#[derive(Template)]
#[template(path = "api_token_created.html")]
struct Created {
    page: Page,
    name: String,
    /// Zeroised with the page.
    value: Secret,
    own_address: String,
    /// After a rotation: when the old value stops; `Some(None)` when it has.
    rotated: Option<Option<When>>,
}

/// The answer to who made a value, by creating a token or by rotating one.
pub(super) fn created(
    current_user: &SignedIn,
    name: &str,
    value: &CheckedToken,
    rotated: Option<Option<When>>,
) -> Result<HttpResponse, PageError> {
    let template = Created {
        page: current_user.page("API token").at("settings", "api-tokens"),
        name: escape_invisible(name).into_owned(),
        value: value.secret().clone(),
        own_address: format!("{}/api/v1/self", current_user.state().public_url),
        rotated,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(template.render()?))
}

impl From<ApiTokenError> for PageError {
    /// What a page does not answer in its own way.
    fn from(error: ApiTokenError) -> Self {
        match error {
            ApiTokenError::NotFound => PageError::NotFound,
            ApiTokenError::Failed(failure) => failure.into(),
            error => PageError::BadRequest(error.to_string()),
        }
    }
}
