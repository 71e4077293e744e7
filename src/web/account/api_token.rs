//! One API token: its name, a new value, and its end.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::api_tokens::{ApiTokenAct, ApiTokenError, rename_api_token, revoke_api_token, rotate_api_token};
use crate::domain::api_token::parse_name;
use crate::domain::audit::Act;
use crate::domain::ids::ApiTokenId;
use crate::domain::overlap::Overlap;
use crate::store::tables::api_tokens;
use crate::web::account::api_tokens::{PATH, Shown, created};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::Submitted;
use crate::web::notice::{Notice, TokensNotice};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid};

/// How long an old value may work beside the new one.
const OVERLAPS: [Overlap; 3] = [Overlap::OneDay, Overlap::OneHour, Overlap::Now];

#[derive(Template)]
#[template(path = "api_token.html")]
struct Show {
    page: Page,
    token: Shown,
    name_error: Option<String>,
}

impl Show {
    /// What may be chosen: the value, and its words.
    fn overlaps(&self) -> [(&'static str, &'static str, &'static str); 3] {
        OVERLAPS.map(|overlap| match overlap {
            Overlap::Now => (overlap.as_str(), "Stop the old value now", "The token has leaked, or nothing uses it."),
            _ => (overlap.as_str(), overlap.words(), "The old value works that long beside the new one."),
        })
    }
}

fn parse_id(text: &str) -> Result<ApiTokenId, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

fn on<'a>(current_user: &'a SignedIn, id: ApiTokenId, act: &'a Act) -> ApiTokenAct<'a> {
    ApiTokenAct { store: &current_user.state().store, account: current_user.member.account_id, id, act }
}

async fn find(current_user: &SignedIn, id: &str) -> Result<Shown, PageError> {
    let (account, now) = (current_user.member.account_id, current_user.now());
    let mut conn = current_user.state().store.connection().await?;
    let token = api_tokens::find(&mut conn, account, parse_id(id)?).await?;
    let token = token.filter(|token| token.revoked_at.is_none()).ok_or(PageError::NotFound)?;
    Ok(Shown::new(&token, String::new(), now))
}

/// `GET /settings/api-tokens/{id}`
pub(crate) async fn show(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let token = find(&current_user, &id).await?;
    html(&Show { page: page(&current_user, &token), token, name_error: None })
}

fn page(current_user: &SignedIn, token: &Shown) -> Page {
    current_user.page(&format!("API token {}", token.name)).at("settings", "api-tokens")
}

#[derive(Deserialize)]
pub(crate) struct Rename {
    #[serde(default)]
    name: String,
    #[serde(default)]
    resumed: Option<String>,
}

/// `POST /settings/api-tokens/{id}/name`
pub(crate) async fn rename(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Rename>,
) -> Result<HttpResponse, PageError> {
    if form.resumed.is_some() {
        let token = Shown { value: form.name, ..find(&current_user, &id).await? };
        return html(&Show { page: page(&current_user, &token), token, name_error: None });
    }
    let name = match parse_name(&form.name) {
        Ok(name) => name,
        Err(problem) => {
            let mut token = find(&current_user, &id).await?;
            token.value = form.name;
            return html_invalid(&Show {
                page: page(&current_user, &token),
                token,
                name_error: Some(problem.to_string()),
            });
        }
    };
    rename_api_token(on(&current_user, parse_id(&id)?, &current_user.act()), &name).await?;
    Ok(current_user.redirect_with(PATH, Notice::Tokens(TokensNotice::Renamed)))
}

#[derive(Deserialize)]
pub(crate) struct Rotation {
    #[serde(default)]
    overlap: Option<String>,
    /// Of the value that the form was shown with.
    #[serde(default)]
    hint: Option<String>,
}

/// `POST /settings/api-tokens/{id}/rotation`, behind the question for the password.
pub(crate) async fn rotate(
    current_user: SignedIn,
    id: web::Path<String>,
    Submitted(form): Submitted<Rotation>,
) -> Result<HttpResponse, PageError> {
    let id = parse_id(&id)?;
    let overlap = match &form.overlap {
        None => Overlap::OneDay,
        Some(text) => OVERLAPS
            .into_iter()
            .find(|overlap| overlap.as_str() == text)
            .ok_or_else(|| PageError::BadRequest("the overlap of an API token is now, 1h or 24h".to_owned()))?,
    };
    let act = current_user.act();
    let keys = &current_user.state().keys;
    let refused = match rotate_api_token(on(&current_user, id, &act), keys, (overlap, form.hint.as_deref())).await {
        Ok((token, value, until)) => {
            return created(&current_user, &token.name, &value, Some(until.map(|at| When::minute(at, act.at))));
        }
        Err(ApiTokenError::AlreadyRotated) => TokensNotice::ShownBefore,
        Err(ApiTokenError::TwoValuesLive(_)) => TokensNotice::TwoValuesLive,
        Err(ApiTokenError::TooMany) => TokensNotice::TooMany,
        Err(ApiTokenError::Revoked) => TokensNotice::Revoked,
        Err(error) => return Err(error.into()),
    };
    Ok(current_user.redirect_with(PATH, Notice::Tokens(refused)))
}

/// `POST /settings/api-tokens/{id}/revocation`, behind the question for the password.
pub(crate) async fn revoke(current_user: SignedIn, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    revoke_api_token(on(&current_user, parse_id(&id)?, &current_user.act())).await?;
    Ok(current_user.redirect_with(PATH, Notice::Tokens(TokensNotice::Revoked)))
}
