//! The second step of signing in: a code from the app, or a recovery code. Who gets here has given the right password a moment ago
//! and is not signed in.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::finish_sign_in::{find_halfway, finish_sign_in};
use crate::domain::account::Member;
use crate::domain::second_factor::SaidCode;
use crate::domain::secret::Secret;
use crate::web::answers::{html, html_invalid, html_throttled, see_other};
use crate::web::errors::PageError;
use crate::web::forms::{Submitted, local_path};
use crate::web::page::Page;
use crate::web::reader::Reader;
use crate::web::sign_in::session::{self, Halfway};
use crate::web::sign_in::throttle::{Guess, TooMany};

/// The address of the second step.
pub const PATH: &str = "/login/code";
/// Where somebody starts again.
const FIRST_STEP: &str = "/login?done=late";

#[derive(Deserialize)]
pub struct Query {
    #[serde(default)]
    with: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
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

fn form(reader: &Reader, query: &Query) -> SignInCode {
    SignInCode {
        page: reader.page("Enter your code"),
        host: reader.site.host().to_owned(),
        is_recovery: query.with == "recovery-code",
        error: None,
    }
}

/// Who is halfway, and what they chose with the password.
async fn halfway(reader: &Reader, session: &Session) -> Result<Option<(Member, Halfway)>, PageError> {
    let Some(halfway) = session::halfway(session) else { return Ok(None) };
    let found = find_halfway(&reader.site.store, halfway.user(), halfway.password_at(), reader.now).await?;
    Ok(found.map(|member| (member, halfway)))
}

/// To where somebody is sent who has nothing to do here.
fn elsewhere(reader: &Reader) -> HttpResponse {
    see_other(if reader.member.is_some() { "/events" } else { FIRST_STEP })
}

/// `GET /login/code`
pub async fn new(reader: Reader, session: Session, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    match halfway(&reader, &session).await? {
        Some(_) => html(&form(&reader, &query)),
        None => Ok(elsewhere(&reader)),
    }
}

/// `POST /login/code`
pub async fn create(
    reader: Reader,
    session: Session,
    query: web::Query<Query>,
    Submitted(submitted): Submitted<Form>,
) -> Result<HttpResponse, PageError> {
    let Some((member, halfway)) = halfway(&reader, &session).await? else { return Ok(elsewhere(&reader)) };
    let mut template = form(&reader, &query);
    let guess = match Guess::at_code(&reader, &member).await? {
        Ok(guess) => guess,
        Err(TooMany { seconds }) => {
            template.error = Some(("Too many attempts".to_owned(), format!("Wait {seconds} seconds, then try again.")));
            return html_throttled(&template, seconds);
        }
    };
    let (site, said) = (&reader.site, SaidCode::read(&submitted.code));
    if finish_sign_in(&site.store, &site.keys, &member, &said, &reader.act()).await? {
        let (address, agent) = (reader.address.to_string(), reader.agent.clone());
        session::sign_in(&session, member.user_id, halfway.remember, address, agent, reader.now);
        return Ok(see_other(local_path(&halfway.next).unwrap_or("/events")));
    }
    guess.was_wrong();
    let remedy = match template.is_recovery {
        true => "Each recovery code works once. Use one that you haven’t used, then try again.",
        false => "Each code works once. Wait for the next one in your app, then try again.",
    };
    template.error = Some(("That code doesn’t match".to_owned(), remedy.to_owned()));
    html_invalid(&template)
}
