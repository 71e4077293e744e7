//! Signing in with a link of the operator's. Opening it changes nothing, so that a program that looks at links does not use it up.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::sign_in::SignIn as Outcome;
use crate::app::sign_in_link::sign_in_by_link;
use crate::domain::account::Member;
use crate::domain::secret::Secret;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, html_throttled, see_other};
use crate::web::session::{Identity, PendingSecondFactor};
use crate::web::sign_in::with_code;
use crate::web::sign_in_attempts::{Guess, TooMany};

#[derive(Deserialize)]
pub(crate) struct Link {
    token: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    token: Option<Secret>,
}

#[derive(Template)]
#[template(path = "sign_in_link.html")]
struct SignInLink {
    page: Page,
    host: String,
    /// Brought back by the form.
    token: Secret,
    /// What is wrong, and what to do.
    error: Option<(String, String)>,
}

fn form(current_user: &CurrentUser, token: Option<Secret>) -> SignInLink {
    let token = token.unwrap_or_else(|| Secret::new(String::new()));
    let host = current_user.state.host().to_owned();
    SignInLink { page: current_user.page("Sign in with a link"), host, token, error: None }
}

/// `GET /login/link?token=`
pub(crate) async fn new(current_user: CurrentUser, link: web::Query<Link>) -> Result<HttpResponse, PageError> {
    if current_user.member.is_some() {
        return Ok(see_other("/events"));
    }
    html(&form(&current_user, link.into_inner().token))
}

/// `POST /login/link`
pub(crate) async fn create(
    current_user: CurrentUser,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let mut template = form(&current_user, submitted.token);
    let attempt = match Guess::at_nothing(&current_user).await {
        Ok(attempt) => attempt,
        Err(TooMany { seconds }) => {
            template.error = Some(("Too many attempts".to_owned(), format!("Wait {seconds} seconds, then try again.")));
            return html_throttled(&template, seconds);
        }
    };
    let browser = current_user.browser();
    let member =
        match sign_in_by_link(&current_user.state.store, &template.token, &browser, &current_user.act()).await? {
            // A link asks for no password.
            Outcome::Refused | Outcome::PasswordExpired => {
                let what = "This link doesn’t work any more".to_owned();
                let remedy = "Each link works once, for 15 minutes. Ask your administrator for a new one.".to_owned();
                template.error = Some((what, remedy));
                return html_invalid(&template);
            }
            Outcome::Done(member) | Outcome::NeedsCode(member) => member,
        };
    attempt.was_right();
    Ok(go_in(&current_user, &member))
}

/// Where a link leads that took the place of the password: in, or to the question for the code.
pub(crate) fn go_in(current_user: &CurrentUser, member: &Member) -> HttpResponse {
    const NEXT: &str = "/settings/account";
    if !member.has_second_factor {
        current_user.sign_in(member.user_id, false);
        return see_other(NEXT);
    }
    let (user, password_at) = (member.user_id, current_user.now);
    let pending = PendingSecondFactor { user, password_at, remember: false, next: NEXT.to_owned(), form: None };
    current_user.session.begin(Identity::Pending { pending });
    see_other(with_code::PATH)
}
