//! Asking for a link to choose a new password. The answer is the same whether or not there is such an account.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use crate::app::mailed_links::send_password_link;
use crate::domain::email::Email;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, html_throttled};
use crate::web::sign_in_attempts::{Guess, TooMany};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    email: String,
}

#[derive(Template)]
#[template(path = "forgotten_password.html")]
struct ForgottenPassword {
    page: Page,
    host: String,
    email: String,
    error: Option<String>,
    /// A link is on its way, if there is such an account.
    is_asked: bool,
}

fn form(current_user: &CurrentUser) -> Result<ForgottenPassword, PageError> {
    if current_user.state.mailer.is_none() {
        return Err(PageError::NotFound);
    }
    Ok(ForgottenPassword {
        page: current_user.page("Forgot your password?"),
        host: current_user.state.host().to_owned(),
        email: String::new(),
        error: None,
        is_asked: false,
    })
}

/// `GET /forgot-password`
pub(crate) async fn new(current_user: CurrentUser) -> Result<HttpResponse, PageError> {
    html(&form(&current_user)?)
}

/// `POST /forgot-password`
pub(crate) async fn create(
    current_user: CurrentUser,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let mut template = form(&current_user)?;
    template.email = submitted.email.trim().chars().take(300).collect();
    let email: Email = match submitted.email.parse() {
        Ok(email) => email,
        Err(problem) => {
            template.error = Some(format!("{problem}"));
            return html_invalid(&template);
        }
    };
    // Each request counts, like a wrong password: it may send a mail to somebody who did not ask for one.
    if let Err(TooMany { seconds }) = Guess::at_nothing(&current_user).await {
        template.error = Some(format!("Too many attempts from your address. Wait {seconds} seconds, then try again."));
        return html_throttled(&template, seconds);
    }
    send_password_link(&current_user.state.store, email, current_user.act()).await?;
    template.is_asked = true;
    html(&template)
}
