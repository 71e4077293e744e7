//! Asks for the account password again before what a browser left open must not be able to do (ASVS 5.0, 7.5.3). A form that comes
//! too late is answered with a page that holds what was filled in and asks for the password; sent from there, it does in one go
//! what was wanted. Forms that know it beforehand have the field themselves. Where two-step sign-in is on, a code is asked for as well.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::app::confirm_password::{confirm_code, confirm_password};
use crate::domain::account::Member;
use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::ids::CredentialId;
use crate::domain::second_factor::GivenCode;
use crate::domain::secret::Secret;
use crate::store::tables::credentials;
use crate::web::current_user::{CurrentUser, SignedIn};
use crate::web::errors::PageError;
use crate::web::format::counted;
use crate::web::forms::{Submitted, read_again};
use crate::web::local_path::local_path;
use crate::web::page::Page;
use crate::web::responses::see_other;
use crate::web::sign_in_attempts::{Guess, TooMany};

/// The field that every form may carry the account password in.
const FIELD: &str = "current_password";
/// The field for the code beside it. Forms may have a `code` of their own.
const CODE_FIELD: &str = "confirmation_code";
/// Where a page, rather than a form, is confirmed.
const PATH: &str = "/settings/confirmation";

/// The addresses of what is done with credentials.
const CREDENTIALS: &str = "/settings/integrations/webhooks/credentials";
/// How much of what was filled in is said, in characters.
const MAX_ABOUT_CHARS: usize = 120;

/// What the page that asks says of the act behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// What happens next, as the button names it.
    pub(crate) button: &'static str,
    /// Where somebody goes who thinks better of it.
    pub(crate) cancel: &'static str,
}

/// Asked before a download, which is a page and not a form.
pub const BEFORE_DOWNLOAD: Question = Question { button: "Start download", cancel: "/events" };

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    page: Page,
    email: String,
    /// Where the form goes: where it went before.
    action: String,
    /// What was filled in, but for passwords.
    fields: Vec<(String, String)>,
    question: Question,
    /// What the act is about: a credential, an address, a number of events.
    about: Option<String>,
    is_download: bool,
    /// Two-step sign-in is on.
    takes_code: bool,
    error: Option<String>,
}

impl Confirm {
    fn new(question: Question, current_user: &CurrentUser, action: &str, fields: Vec<(String, String)>) -> Self {
        Self {
            page: current_user.page("Confirm it’s you"),
            email: current_user.member.as_ref().map(|member| member.email.clone()).unwrap_or_default(),
            question,
            about: None,
            is_download: question == BEFORE_DOWNLOAD,
            takes_code: false,
            action: action.to_owned(),
            fields,
            error: None,
        }
    }

    fn answer(&self, status: StatusCode) -> Result<HttpResponse, PageError> {
        let body = self.render()?;
        Ok(HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(body))
    }
}

/// What comes of looking for a password.
enum Checked {
    /// The act may go on. Visitors may too, since its handler sends them to the sign-in page.
    GoesOn,
    /// What was given is not right.
    Refused(HttpResponse),
    /// Nothing was given: the question.
    Asked(HttpResponse),
}

/// The layer around an act that needs a recent password.
pub(crate) async fn layer(
    question: Question,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    match checked(question, &mut request).await {
        Ok(Checked::GoesOn) => next.call(request).await,
        Ok(Checked::Refused(answer) | Checked::Asked(answer)) => Ok(request.into_response(answer)),
        Err(error) => Ok(request.error_response(error)),
    }
}

/// The layer around an act that may need one: its handler says so by [`PageError::PasswordRequired`].
pub(crate) async fn layer_on_demand(
    question: Question,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let asked = match checked(question, &mut request).await {
        Ok(Checked::GoesOn) => return next.call(request).await,
        Ok(Checked::Asked(answer)) => answer,
        Ok(Checked::Refused(answer)) => return Ok(request.into_response(answer)),
        Err(error) => return Ok(request.error_response(error)),
    };
    let response = next.call(request).await?;
    let error = response.response().error().and_then(|error| error.as_error::<PageError>());
    let is_required = matches!(error, Some(PageError::PasswordRequired));
    if is_required { Ok(response.into_response(asked)) } else { Ok(response) }
}

async fn checked(question: Question, request: &mut ServiceRequest) -> Result<Checked, Error> {
    let current_user = request.extract::<CurrentUser>().await?;
    let Some(member) = current_user.member.clone() else { return Ok(Checked::GoesOn) };
    if current_user.password_is_recent() {
        return Ok(Checked::GoesOn);
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(Checked::Asked(ask_before_page(&current_user, &member, request.uri().to_string())?));
    }
    let Submitted(fields) = request.extract::<Submitted<Vec<(String, Secret)>>>().await?;
    let given_as = |field: &str| fields.iter().find(|(name, value)| name == field && !value.reveal().is_empty());
    let kept: Vec<(String, String)> = fields
        .iter()
        .filter(|(name, _)| !name.contains("password") && name != CODE_FIELD)
        .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
        .collect();
    request.set_payload(read_again(encoded(&kept).into()));
    let mut template = Confirm::new(question, &current_user, &request.uri().to_string(), kept);
    template.takes_code = member.has_second_factor;
    template.about = about(&current_user, &member, request, &template.fields).await?;
    let code = given_as(CODE_FIELD).map(|(_, code)| code);
    let (Some((_, password)), false) = (given_as(FIELD), template.takes_code && code.is_none()) else {
        return Ok(Checked::Asked(template.answer(StatusCode::FORBIDDEN)?));
    };
    match check_both(&current_user, &member, password, code.filter(|_| template.takes_code)).await? {
        Given::Right(attempt) => attempt.was_right(),
        Given::Wrong => {
            template.error = Some(wrong(template.takes_code).to_owned());
            return Ok(Checked::Refused(template.answer(StatusCode::UNPROCESSABLE_ENTITY)?));
        }
        Given::TooMany { seconds } => {
            template.error = Some(format!("Too many wrong passwords. Wait {seconds} seconds, then try again."));
            let mut answer = template.answer(StatusCode::TOO_MANY_REQUESTS)?;
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
            return Ok(Checked::Refused(answer));
        }
    }
    current_user.session.note_password(current_user.now);
    Ok(Checked::GoesOn)
}

/// What an act is about, by its address and by what was filled in.
async fn about(
    current_user: &CurrentUser,
    member: &Member,
    request: &ServiceRequest,
    fields: &[(String, String)],
) -> Result<Option<String>, PageError> {
    let id = request.match_info().get("id").and_then(|id| id.parse::<CredentialId>().ok());
    if let Some(id) = id.filter(|_| request.path().starts_with(CREDENTIALS)) {
        let mut conn = current_user.state.store.connection().await?;
        let credential = credentials::find(&mut conn, member.account_id, id).await?;
        let named =
            |credential: Credential| format!("{} ({})", escape_invisible(&credential.name), credential.username);
        return Ok(credential.map(named));
    }
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    let filled_in = match request.path() {
        "/events/deletion" => {
            field("confirmation").map(|number| match field("q").filter(|search| !search.is_empty()) {
                Some(search) => format!("{number} events: {search}"),
                None => format!("{number} events"),
            })
        }
        "/events/selection/deletion" => {
            let number = fields.iter().filter(|(name, _)| name == "id").count();
            Some(counted(number as u64, "event"))
        }
        CREDENTIALS | "/settings/api-tokens" => field("name").map(str::to_owned),
        "/settings/account/email" => field("email").map(str::to_owned),
        PATH => field("next").map(|path| downloaded(path, member)),
        _ => Some(member.email.clone()),
    };
    Ok(filled_in.map(|text| escape_invisible(&text).chars().take(MAX_ABOUT_CHARS).collect()))
}

/// What a download has.
fn downloaded(path: &str, member: &Member) -> String {
    let what = if path.starts_with("/settings/audit") { "The audit trail" } else { "Events" };
    format!("{what} of {}", member.email)
}

/// What came of a password that somebody gave who is signed in.
pub(crate) enum Given<'a> {
    /// Something else may be guessed at in the same turn.
    Right(Guess<'a>),
    Wrong,
    /// It was not even looked at.
    TooMany {
        seconds: u64,
    },
}

/// Looks at it, unless there were too many wrong ones: counted together with those of the sign-in page.
pub(crate) async fn check<'a>(
    current_user: &'a CurrentUser,
    member: &Member,
    password: &Secret,
) -> Result<Given<'a>, PageError> {
    let attempt = match Guess::at_password(current_user, &member.email).await? {
        Ok(attempt) => attempt,
        Err(TooMany { seconds }) => return Ok(Given::TooMany { seconds }),
    };
    let state = &current_user.state;
    match confirm_password(&state.store, &state.hasher, member, password, &current_user.act()).await {
        Ok(true) => Ok(Given::Right(attempt)),
        Ok(false) => Ok(Given::Wrong),
        Err(failure) => {
            attempt.was_not_looked_at();
            Err(failure.into())
        }
    }
}

/// Looks at a password, and at the code beside it where one is asked for.
pub(crate) async fn check_both<'a>(
    current_user: &'a CurrentUser,
    member: &Member,
    password: &Secret,
    code: Option<&Secret>,
) -> Result<Given<'a>, PageError> {
    match (check(current_user, member, password).await?, code) {
        (Given::Right(attempt), Some(code)) => check_code(current_user, member, attempt, code).await,
        (given, _) => Ok(given),
    }
}

/// What somebody is told whose password or code was wrong.
pub(crate) fn wrong(takes_code: bool) -> &'static str {
    match takes_code {
        true => "The password or the code doesn’t match. Each code works once: wait for the next one.",
        false => "This isn’t your account password.",
    }
}

/// Looks at a code that came with the right password.
async fn check_code<'a>(
    current_user: &CurrentUser,
    member: &Member,
    attempt: Guess<'a>,
    code: &Secret,
) -> Result<Given<'a>, PageError> {
    let attempt = match attempt.and_at_code(member).await {
        Ok(attempt) => attempt,
        Err(TooMany { seconds }) => return Ok(Given::TooMany { seconds }),
    };
    let (state, input) = (&current_user.state, GivenCode::read(code));
    match confirm_code(&state.store, &state.keys, member, &input, &current_user.act()).await {
        Ok(true) => Ok(Given::Right(attempt)),
        Ok(false) => Ok(Given::Wrong),
        Err(failure) => {
            attempt.was_not_looked_at();
            Err(failure.into())
        }
    }
}

/// A form as browsers write it.
fn encoded(fields: &[(String, String)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// Instead of a page, the question that comes before it.
fn ask_before_page(current_user: &CurrentUser, member: &Member, path: String) -> Result<HttpResponse, PageError> {
    let about = downloaded(&path, member);
    let mut template = Confirm::new(BEFORE_DOWNLOAD, current_user, PATH, vec![("next".to_owned(), path)]);
    template.about = Some(about);
    template.takes_code = member.has_second_factor;
    template.answer(StatusCode::FORBIDDEN)
}

#[derive(Deserialize)]
pub(crate) struct Confirmation {
    #[serde(default)]
    next: String,
}

/// `POST /settings/confirmation`: behind the layer, so that whoever gets here has given the password.
pub(crate) async fn create(_: SignedIn, Submitted(form): Submitted<Confirmation>) -> HttpResponse {
    see_other(local_path(&form.next).unwrap_or("/settings/account"))
}
