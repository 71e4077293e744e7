//! Signing in and out. One message for an unknown address and a wrong password, the same time, and a limit by address and by
//! account.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::sign_in::{SignIn as Outcome, sign_in};
use crate::app::sign_out::sign_out;
use crate::domain::account_password::MAX_PASSWORD_CHARS;
use crate::domain::email::Email;
use crate::domain::secret::Secret;
use crate::store::tables::installation;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::forms::Submitted;
use crate::web::kept_form::KeptForm;
use crate::web::local_path::local_path;
use crate::web::notice::{Notice, SignInNotice};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, html_throttled, see_other};
use crate::web::session::{Identity, PendingSecondFactor};
use crate::web::sign_in::resumed_form::go_on;
use crate::web::sign_in::with_code;
use crate::web::sign_in_attempts::{Guess, TooMany};

/// What a browser forgets at sign-out.
const CLEARED: &str = "\"cache\", \"storage\"";

#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
    #[serde(default)]
    done: String,
}

#[derive(Deserialize)]
pub(crate) struct Form {
    email: String,
    password: Secret,
    #[serde(default)]
    remember: Option<String>,
    #[serde(default)]
    next: String,
    /// One that was lost with a session.
    #[serde(default)]
    form: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    page: Page,
    host: String,
    email: String,
    next: String,
    /// A form that is brought back after signing in, as it was carried here.
    form: String,
    remember: bool,
    /// What is wrong, and what to do.
    error: Option<(String, String)>,
    signup_open: bool,
    /// Whoever has lost the password can have a link sent.
    sends_links: bool,
    /// The reader has just deleted the account.
    is_deleted: bool,
    /// The reader took too long for the code.
    is_late: bool,
    /// Nobody has an account yet.
    is_fresh: bool,
}

fn form(current_user: &CurrentUser, next: &str) -> SignIn {
    SignIn {
        page: current_user.page("Sign in"),
        host: current_user.state.host().to_owned(),
        email: String::new(),
        next: local_path(next).unwrap_or("").to_owned(),
        form: String::new(),
        remember: true,
        error: None,
        signup_open: current_user.state.signup_open,
        sends_links: current_user.state.mailer.is_some(),
        is_deleted: false,
        is_late: false,
        is_fresh: false,
    }
}

/// `GET /login`
pub(crate) async fn new(current_user: CurrentUser, next: web::Query<Next>) -> Result<HttpResponse, PageError> {
    if current_user.member.is_some() {
        return Ok(see_other(local_path(&next.next).unwrap_or("/events")));
    }
    let mut template = form(&current_user, &next.next);
    // The address alone says nothing: the first step is there, and counts no longer.
    template.is_late = next.done == "late" && current_user.session.pending().is_some();
    template.is_fresh = installation::is_fresh(&mut *current_user.state.store.connection().await?).await?;
    template.is_deleted = current_user.take_notice(Notice::sign_in) == Some(SignInNotice::AccountDeleted);
    html(&template)
}

/// `POST /login`
pub(crate) async fn create(
    current_user: CurrentUser,
    link: web::Query<Next>,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let Form { email, password, remember, next, form: carried } = submitted;
    let next = if next.is_empty() { link.into_inner().next } else { next };
    let mut template = form(&current_user, &next);
    template.email = email.trim().chars().take(300).collect();
    template.remember = remember.is_some();
    let kept = KeptForm::brought_back(&carried);
    template.form = kept.as_ref().map(|_| carried).unwrap_or_default();
    let state = &current_user.state;
    // Hashing takes longer with longer texts, and none of ours is longer.
    let plausible = password.reveal().chars().count() <= MAX_PASSWORD_CHARS;
    let email = email.parse::<Email>().ok();
    let attempt = match &email {
        Some(email) => Guess::at_sign_in(&current_user, email.as_str()).await?,
        None => Guess::at_nothing(&current_user).await,
    };
    let attempt = match attempt {
        Ok(attempt) => attempt,
        Err(TooMany { seconds }) => {
            template.error = Some(("Too many attempts".to_owned(), format!("Wait {seconds} seconds, then try again.")));
            return html_throttled(&template, seconds);
        }
    };
    let outcome = match email.filter(|_| plausible) {
        None => Outcome::Refused,
        Some(email) => {
            let (given, browser) = ((&email, &password), current_user.browser());
            match sign_in(&state.store, &state.hasher, given, &browser, &current_user.act()).await {
                Ok(outcome) => outcome,
                Err(failure) => {
                    attempt.was_not_looked_at();
                    return Err(failure.into());
                }
            }
        }
    };
    answer(&current_user, outcome, attempt, (template, kept))
}

/// What follows an attempt to sign in: the page that was wanted, the second step, or the form again with what is wrong.
fn answer(
    current_user: &CurrentUser,
    outcome: Outcome,
    attempt: Guess,
    (mut template, kept): (SignIn, Option<KeptForm>),
) -> Result<HttpResponse, PageError> {
    match outcome {
        Outcome::Done(member) => {
            attempt.signed_in(&member);
            current_user.sign_in(member.user_id, template.remember);
            go_on(current_user, &template.next, kept)
        }
        Outcome::NeedsCode(member) => {
            attempt.signed_in(&member);
            let pending = PendingSecondFactor {
                user: member.user_id,
                password_at: current_user.now,
                remember: template.remember,
                next: template.next,
                form: kept,
            };
            current_user.session.begin(Identity::Pending { pending });
            Ok(see_other(with_code::PATH))
        }
        Outcome::PasswordExpired => {
            let cause = "It was generated for you and worked for 7 days. Ask your administrator for a new one.";
            template.error = Some(("This password has expired".to_owned(), cause.to_owned()));
            html_invalid(&template)
        }
        Outcome::Refused => {
            let what = "That email and password don’t match".to_owned();
            template.error = Some((what, "Check both, then try again.".to_owned()));
            html_invalid(&template)
        }
    }
}

/// `POST /logout`
pub(crate) async fn destroy(current_user: CurrentUser) -> Result<HttpResponse, PageError> {
    if let (Some(member), Some(id)) = (&current_user.member, current_user.session_id) {
        sign_out(&current_user.state.store, member, id, &current_user.act()).await?;
    }
    current_user.session.end();
    let mut answer = see_other("/login");
    // What pages left in the browser. Cookies stay: by one of them the browser is known when its user signs in again, whoever guesses
    // at the password meanwhile. The session's takes itself back.
    answer.headers_mut().insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static(CLEARED));
    Ok(answer)
}
