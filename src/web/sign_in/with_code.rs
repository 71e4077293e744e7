//! The second step of signing in: a code from the app, or a recovery code. Who gets here has given the right password a moment ago
//! and is not signed in.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::finish_sign_in::{find_pending, finish_sign_in};
use crate::domain::account::Member;
use crate::domain::second_factor::GivenCode;
use crate::domain::secret::Secret;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, html_throttled, see_other};
use crate::web::session::PendingSecondFactor;
use crate::web::sign_in::resumed_form::go_on;
use crate::web::sign_in_attempts::{Guess, TooMany};

/// The address of the second step.
pub(crate) const PATH: &str = "/login/code";
/// Where somebody starts again.
const FIRST_STEP: &str = "/login?done=late";

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    with: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    code: Secret,
}

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct SignInCode {
    page: Page,
    host: String,
    /// The field is for a recovery code, which has letters.
    is_recovery: bool,
    /// What is wrong, and what to do.
    error: Option<(String, String)>,
}

fn form(current_user: &CurrentUser, query: &Query) -> SignInCode {
    SignInCode {
        page: current_user.page("Enter your code"),
        host: current_user.state.host().to_owned(),
        is_recovery: query.with == "recovery-code",
        error: None,
    }
}

/// Whose sign-in waits for the second factor, and what they chose with the password.
async fn pending(current_user: &CurrentUser) -> Result<Option<(Member, PendingSecondFactor)>, PageError> {
    let Some(pending) = current_user.session.pending() else { return Ok(None) };
    let found = find_pending(&current_user.state.store, pending.user, pending.password_at, current_user.now).await?;
    Ok(found.map(|member| (member, pending)))
}

/// To where somebody is sent who has nothing to do here.
fn elsewhere(current_user: &CurrentUser) -> HttpResponse {
    see_other(if current_user.member.is_some() { "/events" } else { FIRST_STEP })
}

/// `GET /login/code`
pub(crate) async fn new(current_user: CurrentUser, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    match pending(&current_user).await? {
        Some(_) => html(&form(&current_user, &query)),
        None => Ok(elsewhere(&current_user)),
    }
}

/// `POST /login/code`
pub(crate) async fn create(
    current_user: CurrentUser,
    query: web::Query<Query>,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let Some((member, pending)) = pending(&current_user).await? else { return Ok(elsewhere(&current_user)) };
    let mut template = form(&current_user, &query);
    let attempt = match Guess::at_code(&current_user, &member).await? {
        Ok(attempt) => attempt,
        Err(TooMany { seconds }) => {
            template.error = Some(("Too many attempts".to_owned(), format!("Wait {seconds} seconds, then try again.")));
            return html_throttled(&template, seconds);
        }
    };
    let (state, input) = (&current_user.state, GivenCode::read(&submitted.code));
    let browser = current_user.browser();
    if finish_sign_in(&state.store, &state.keys, &member, (&input, &browser), &current_user.act()).await? {
        attempt.was_right();
        current_user.sign_in(member.user_id, pending.remember);
        return go_on(&current_user, &pending.next, pending.form);
    }
    let remedy = match template.is_recovery {
        true => "Each recovery code works once. Use one that you haven’t used, then try again.",
        false => "Each code works once. Wait for the next one in your app, then try again.",
    };
    template.error = Some(("That code doesn’t match".to_owned(), remedy.to_owned()));
    html_invalid(&template)
}
