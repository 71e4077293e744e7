//! The first run: creates the first account through the one-time link of the start-up card, and signs in. Afterwards the page
//! does not exist, and says why to whoever opens the link again.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::create_account::{CreateAccountError, NewAccount, create_account};
use crate::domain::account::Plan;
use crate::domain::secret::Secret;
use crate::store::tables::installation;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, see_other};
use crate::web::sign_in::new_account::NewAccountFields;

#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    token: String,
}

/// Unknown fields are refused: nobody chooses a plan here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    email: String,
    password: Secret,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    token: Option<String>,
}

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUp {
    page: Page,
    /// Given back in the form, so that an error does not lose it. `None`: the link is wrong, and there is no form.
    token: Option<String>,
    fields: NewAccountFields,
}

/// `GET /`: to the events, or to where one signs in.
pub(crate) async fn door(current_user: CurrentUser) -> HttpResponse {
    see_other(if current_user.member.is_some() { "/events" } else { "/login" })
}

async fn require_fresh(current_user: &CurrentUser) -> Result<(), PageError> {
    let fresh = installation::is_fresh(&mut *current_user.state.store.connection().await?).await?;
    if fresh { Ok(()) } else { Err(PageError::AlreadySetUp) }
}

fn form(current_user: &CurrentUser, token: &str) -> SetUp {
    let right = current_user.state.keys.is_setup_token(token);
    SetUp {
        page: current_user.page("Set up"),
        token: right.then(|| token.to_owned()),
        fields: NewAccountFields::default(),
    }
}

/// `GET /setup?token=`
pub(crate) async fn new(current_user: CurrentUser, link: web::Query<Link>) -> Result<HttpResponse, PageError> {
    require_fresh(&current_user).await?;
    let template = form(&current_user, &link.token);
    if template.token.is_some() { html(&template) } else { Ok(forbidden(&template)?) }
}

/// `POST /setup?token=`
pub(crate) async fn create(
    current_user: CurrentUser,
    link: web::Query<Link>,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    require_fresh(&current_user).await?;
    let Form { email, password, name, token } = submitted;
    // An empty field says nothing against the link.
    let token = token.filter(|token| !token.is_empty()).unwrap_or(link.token.clone());
    let mut template = form(&current_user, &token);
    if template.token.is_none() {
        return forbidden(&template);
    }
    let Some((email, password)) = template.fields.check(&email, password) else {
        return html_invalid(&template);
    };
    let new = NewAccount { email, name, plan: Plan::Pro, password, password_expires_at: None, is_set_up: true };
    match create_account(&current_user.state.store, &current_user.state.hasher, new, &current_user.act()).await {
        Ok((_, user)) => {
            current_user.sign_in(user, true);
            Ok(see_other("/settings/integrations/webhooks"))
        }
        Err(CreateAccountError::AlreadySetUp | CreateAccountError::EmailTaken) => Err(PageError::AlreadySetUp),
        Err(CreateAccountError::Failed(failure)) => Err(failure.into()),
    }
}

fn forbidden(template: &SetUp) -> Result<HttpResponse, PageError> {
    Ok(HttpResponse::Forbidden().content_type("text/html; charset=utf-8").body(template.render()?))
}
