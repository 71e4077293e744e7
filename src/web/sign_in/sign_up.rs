//! Creating a Free account, where the installation lets visitors do so.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use crate::app::create_account::{CreateAccountError, NewAccount, create_account};
use crate::domain::account::Plan;
use crate::domain::network::throttle_key;
use crate::domain::secret::Secret;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, see_other};
use crate::web::sign_in::new_account::NewAccountFields;

/// Unknown fields are refused: nobody chooses a plan here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    email: String,
    password: Secret,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_up.html")]
struct SignUp {
    page: Page,
    host: String,
    fields: NewAccountFields,
}

fn form(current_user: &CurrentUser) -> Result<SignUp, PageError> {
    if !current_user.state.signup_open {
        return Err(PageError::NotFound);
    }
    Ok(SignUp {
        page: current_user.page("Create an account"),
        host: current_user.state.host().to_owned(),
        fields: NewAccountFields::default(),
    })
}

/// `GET /signup`
pub(crate) async fn new(current_user: CurrentUser) -> Result<HttpResponse, PageError> {
    html(&form(&current_user)?)
}

/// `POST /signup`
pub(crate) async fn create(
    current_user: CurrentUser,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let mut template = form(&current_user)?;
    let Form { email, password, name } = submitted;
    template.fields.email = email.trim().to_owned();
    let state = &current_user.state;
    let address = throttle_key(current_user.address);
    let Ok(attempt) = state.sign_in_failures_by_address.take(&address, current_user.now).await else {
        template.fields.email_error =
            Some("Too many attempts from your address. Wait a minute, then try again.".to_owned());
        return html_invalid(&template);
    };
    let Some((email, password)) = template.fields.check(&email, password) else {
        attempt.give_back();
        return html_invalid(&template);
    };
    // An account costs a hash and a row, so creating them is limited like failing to sign in.
    drop(attempt);
    let new = NewAccount { email, name, plan: Plan::Free, password, password_expires_at: None, is_set_up: false };
    match create_account(&state.store, &state.hasher, new, &current_user.act()).await {
        Ok((_, user)) => {
            current_user.sign_in(user, true);
            Ok(see_other("/settings/integrations/webhooks"))
        }
        Err(CreateAccountError::EmailTaken) => {
            let words = "This email address can’t be used for a new account. If it’s yours, sign in instead.";
            template.fields.email_error = Some(words.to_owned());
            html_invalid(&template)
        }
        Err(CreateAccountError::AlreadySetUp) => Err(PageError::NotFound),
        Err(CreateAccountError::Failed(failure)) => Err(failure.into()),
    }
}
