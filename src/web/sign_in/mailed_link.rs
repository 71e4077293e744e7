//! The pages that links in mails lead to. Opening one changes nothing, so that a program that looks at links does not use it up.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::mailed_links::{LinkAct, LinkError, choose_password, confirm_address};
use crate::domain::mail::LinkPurpose;
use crate::domain::secret::Secret;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, html_throttled};
use crate::web::sign_in::with_link::go_in;
use crate::web::sign_in_attempts::{Guess, TooMany};

#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    token: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    #[serde(default)]
    token: Secret,
    #[serde(default)]
    new_password: Option<Secret>,
}

#[derive(Template)]
#[template(path = "mailed_link.html")]
struct MailedLink {
    page: Page,
    host: String,
    purpose: LinkPurpose,
    /// Brought back by the form.
    token: Secret,
    /// What is wrong, and what to do.
    error: Option<(String, String)>,
    password_error: Option<String>,
    /// The address that is now known to be its user's.
    confirmed: Option<String>,
}

fn form(current_user: &CurrentUser, purpose: &str, token: Secret) -> Result<MailedLink, PageError> {
    let purpose = LinkPurpose::ALL.into_iter().find(|known| known.as_str() == purpose);
    let Some(purpose) = purpose.filter(|_| current_user.state.mailer.is_some()) else {
        return Err(PageError::NotFound);
    };
    let title = match purpose {
        LinkPurpose::NewPassword => "Choose a new password",
        LinkPurpose::Confirmation => "Confirm your email address",
        LinkPurpose::Undo => "Take your email address back",
    };
    let (page, host) = (current_user.page(title), current_user.state.host().to_owned());
    Ok(MailedLink { page, host, purpose, token, error: None, password_error: None, confirmed: None })
}

/// `GET /links/{purpose}?token=`
pub(crate) async fn new(
    current_user: CurrentUser,
    purpose: web::Path<String>,
    link: web::Query<Link>,
) -> Result<HttpResponse, PageError> {
    html(&form(&current_user, &purpose, link.into_inner().token)?)
}

/// `POST /links/{purpose}`
pub(crate) async fn create(
    current_user: CurrentUser,
    purpose: web::Path<String>,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let mut template = form(&current_user, &purpose, submitted.token)?;
    let attempt = match Guess::at_nothing(&current_user).await {
        Ok(attempt) => attempt,
        Err(TooMany { seconds }) => {
            template.error = Some(("Too many attempts".to_owned(), format!("Wait {seconds} seconds, then try again.")));
            return html_throttled(&template, seconds);
        }
    };
    let (state, act) = (&current_user.state, current_user.act());
    let (purpose, token) = (template.purpose, &template.token);
    let link = LinkAct { store: &state.store, keys: &state.keys, purpose, token, act: &act };
    if !purpose.takes_password() {
        return match confirm_address(link).await {
            Ok(address) => {
                attempt.was_right();
                template.confirmed = Some(address);
                html(&template)
            }
            Err(error) => refused(template, error),
        };
    }
    let new = submitted.new_password.unwrap_or_default();
    match choose_password(link, &state.hasher, new, &current_user.browser()).await {
        Ok(member) => {
            attempt.was_right();
            Ok(go_in(&current_user, &member))
        }
        Err(LinkError::Weak(problem)) => {
            attempt.was_not_looked_at();
            template.password_error = Some(problem.to_string());
            html_invalid(&template)
        }
        Err(error) => refused(template, error),
    }
}

fn refused(mut template: MailedLink, error: LinkError) -> Result<HttpResponse, PageError> {
    let (what, remedy) = match error {
        LinkError::NotWorking => {
            let remedy = match template.purpose {
                LinkPurpose::NewPassword => "Ask for a new one on the sign-in page.",
                LinkPurpose::Confirmation => "Sign in and send a new one from Settings → Account.",
                LinkPurpose::Undo => "Ask your administrator to give you your account back.",
            };
            let lasts = template.purpose.lasts_words();
            ("This link doesn’t work any more", format!("Each link works once, for {lasts}. {remedy}"))
        }
        LinkError::Taken => {
            let remedy = "Another account uses this address now. Ask your administrator for help.";
            ("The address can’t be given back", remedy.to_owned())
        }
        LinkError::Weak(problem) => ("Choose another password", problem.to_string()),
        LinkError::Failed(failure) => return Err(failure.into()),
    };
    template.error = Some((what.to_owned(), remedy));
    html_invalid(&template)
}
