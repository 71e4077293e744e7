//! Creating a Free account, where the installation lets visitors do so.

use actix_session::Session;
use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use crate::app::create_account::{CreateAccountError, NewAccount, create_account};
use crate::domain::account::Plan;
use crate::domain::network::throttle_key;
use crate::domain::secret::Secret;
use crate::web::answers::{html, html_invalid, see_other};
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::page::Page;
use crate::web::reader::Reader;
use crate::web::sign_in::new_account::NewAccountFields;
use crate::web::sign_in::session;

/// Unknown fields are refused: nobody chooses a plan here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
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

fn form(reader: &Reader) -> Result<SignUp, PageError> {
    if !reader.site.signup_open {
        return Err(PageError::NotFound);
    }
    Ok(SignUp {
        page: reader.page("Create an account"),
        host: reader.site.host().to_owned(),
        fields: NewAccountFields::default(),
    })
}

/// `GET /signup`
pub async fn new(reader: Reader) -> Result<HttpResponse, PageError> {
    html(&form(&reader)?)
}

/// `POST /signup`
pub async fn create(
    reader: Reader,
    session: Session,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let mut template = form(&reader)?;
    let Form { email, password, name } = submitted;
    template.fields.email = email.trim().to_owned();
    let site = &reader.site;
    let address = throttle_key(reader.address);
    let Ok(attempt) = site.sign_in_failures_by_address.take(&address, reader.now).await else {
        template.fields.email_error =
            Some("Too many attempts from your address. Wait a minute, then try again.".to_owned());
        return html_invalid(&template);
    };
    let Some((email, password)) = template.fields.check(&email, password) else {
        return html_invalid(&template);
    };
    // An account costs a hash and a row, so creating them is limited like failing to sign in.
    attempt.lose();
    let new = NewAccount { email, name, plan: Plan::Free, password, is_set_up: false };
    match create_account(&site.store, &site.hasher, new, &reader.act()).await {
        Ok((_, user)) => {
            session::sign_in(&session, user, true, reader.address.to_string(), reader.agent.clone(), reader.now);
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
