//! Error pages for people.
//!
//! What a person sees when a page cannot be shown: what happened, and the way out. One exhaustive match; the chain of causes
//! goes to the log, never onto a page.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use crate::app::credential_act::CredentialError;
use crate::app::failure::Failure;
use crate::domain::ids::{AccountId, RequestId};
use crate::fair_queue::QueueError;
use crate::store::connection::error::{StoreError, with_causes};
use crate::web::export_permits::NoExportPermit;
use crate::web::format::whole_seconds;
use crate::web::kept_form::KeptForm;
use crate::web::middleware::headers;
use crate::web::page::Page;
use crate::web::required_action::RequiredAction;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// No such page, or it belongs to another account, which is the same to its reader.
    #[error("not found")]
    NotFound,
    /// The set-up page, once it has done what it is for.
    #[error("the server is set up already")]
    AlreadySetUp,
    #[error("sign-in required")]
    SignInRequired { return_to: String },
    /// Something has to be done before anything else.
    #[error("an action is required first: {0:?}")]
    ActionRequired(RequiredAction),
    /// The request names a host that is not this server's.
    #[error("another host was asked for")]
    OtherHost { address: String, answered: String },
    /// Its layer asks for it: see [`crate::web::confirm`].
    #[error("the account password has to be given again")]
    PasswordRequired,
    #[error("a form came from another site")]
    CrossSite,
    /// The account's plan does not include what was asked for.
    #[error("the account {0} is not on Pro")]
    ProRequired(AccountId),
    #[error("the method is not allowed")]
    MethodNotAllowed { allow: String },
    #[error("the request was malformed: {0}")]
    BadRequest(String),
    #[error("the form is too large")]
    TooLarge,
    #[error("the form did not arrive in time")]
    TimedOut,
    #[error("too busy or without a database")]
    Unavailable(#[source] Option<Failure>),
    /// As much is being done for the account as may be at once.
    #[error("the account has too many requests at once: {0}")]
    AccountBusy(#[from] QueueError),
    /// The account has changed as much as it may for so long.
    #[error("the account has changed too much lately")]
    TooManyActs(Duration),
    /// As many pages are live as may be.
    #[error("too many live pages: {0:?}")]
    TooManyLivePages(LiveLimit),
    /// As many exports as may be are under way.
    #[error("no place for another export: {0:?}")]
    NoExportPermit(NoExportPermit),
    #[error("failed")]
    Failed(#[source] Failure),
    #[error("rendering failed")]
    Rendering(#[from] askama::Error),
    #[error("internal")]
    Internal,
}

/// Of what there is the most: pages that are live in a session, in an account, or in all; or different filters of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiveLimit {
    InSession,
    InAccount,
    InProgram,
    Filters,
}

impl LiveLimit {
    fn cause(self) -> &'static str {
        match self {
            LiveLimit::InSession => {
                "20 pages of this browser are updated live. That’s the most at once. Close one of them. Reloading a page \
                 shows what’s new in the meantime."
            }
            LiveLimit::InAccount => {
                "100 pages of your account are updated live. That’s the most at once. Close one of them. Reloading a page \
                 shows what’s new in the meantime."
            }
            LiveLimit::InProgram => "All live places on this server are taken. Reload the page to see new events.",
            LiveLimit::Filters => {
                "Pages with 64 different filters are open in your account and updated live. That’s the most at once. Close \
                 one of them. Reloading a page shows what’s new in the meantime."
            }
        }
    }
}

impl PageError {
    pub(crate) fn unavailable() -> Self {
        PageError::Unavailable(None)
    }

    /// The same error with the id of its request on the page, for errors that are made where no handler runs.
    pub(crate) fn in_request(self, id: RequestId, https: bool, form: Option<KeptForm>) -> InRequest {
        InRequest { error: self, id, https, form }
    }

    /// Long, since it is a table: a row for each error.
    fn face(&self) -> Face {
        match self {
            PageError::NotFound => Face::new(
                StatusCode::NOT_FOUND,
                "We can’t find that page",
                "The address may be mistyped, or the event may have passed its retention period and been deleted.",
            ),
            PageError::AlreadySetUp => Face::new(
                StatusCode::NOT_FOUND,
                "This server already has its owner",
                "The set-up link works once, and it has been used. Sign in with the account that was created then. If its \
                 password is lost, your administrator can set a new one on the server, with “account password EMAIL”.",
            )
            .with(Recovery::SignIn),
            PageError::SignInRequired { .. } | PageError::ActionRequired(_) => {
                Face::new(StatusCode::SEE_OTHER, "Sign in first", "This page is for people who are signed in.")
            }
            PageError::OtherHost { address, answered } => Face::new(
                StatusCode::MISDIRECTED_REQUEST,
                "This server isn’t known by that name",
                format!(
                    "Open {address} instead. Its pages answer to: {answered}. If you run the server, --host-names (HOST_NAMES) \
                     adds the name that you used."
                ),
            )
            .with(Recovery::Nothing),
            PageError::PasswordRequired => Face::new(
                StatusCode::FORBIDDEN,
                "Confirm it’s you",
                "Nothing was changed. Sign in again, then repeat what you did.",
            )
            .with(Recovery::SignIn),
            PageError::CrossSite => Face::new(
                StatusCode::FORBIDDEN,
                "That request came from another site",
                "Nothing was changed. Forms are only accepted from the pages of this server. Open the page again and \
                 send the form from there.",
            ),
            PageError::ProRequired(_) => Face::new(
                StatusCode::FORBIDDEN,
                "Webhooks are part of the Pro plan",
                "Nothing was changed. Your account is on the Free plan; you can still read your events.",
            )
            .with(Recovery::SeePlans),
            PageError::MethodNotAllowed { .. } => Face::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "This page can’t be opened directly",
                "The address exists, but it doesn’t take this kind of request. Go back and use the buttons of the page.",
            ),
            PageError::BadRequest(_) => Face::new(
                StatusCode::BAD_REQUEST,
                "We couldn’t read that request",
                "Something in the form or the address was malformed. Open the page again and send the form from there.",
            ),
            PageError::TooLarge => Face::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "That form is too large",
                "Nothing was changed. Shorten what you entered and send it again.",
            ),
            PageError::TimedOut => Face::new(
                StatusCode::REQUEST_TIMEOUT,
                "That took too long",
                "The form didn’t arrive within 10 seconds, or couldn’t be handled in that time. Open the page again to see \
                 whether anything was changed.",
            ),
            PageError::Unavailable(_) => Face::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "We’ll be right back",
                "The server can’t reach its database or has too much to do. Senders get 503 with Retry-After in the \
                 meantime, so well-behaved ones will deliver their events again.",
            ),
            PageError::AccountBusy(_) => Face::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many requests from your account",
                "This page waited too long for other pages of your account. Wait a few seconds, then try again. Your senders \
                 aren’t affected.",
            ),
            PageError::TooManyActs(_) => Face::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many changes at once",
                "Nothing was changed. Your account has made 120 changes in a short time, and can make one every 2 seconds \
                 until things calm down. Wait a few seconds, then send the form again.",
            )
            .with(Recovery::TryAgain),
            PageError::TooManyLivePages(LiveLimit::InProgram) => {
                Face::new(StatusCode::SERVICE_UNAVAILABLE, "Too many live pages", LiveLimit::InProgram.cause())
            }
            PageError::TooManyLivePages(limit) => {
                Face::new(StatusCode::TOO_MANY_REQUESTS, "Too many live pages", limit.cause())
            }
            PageError::NoExportPermit(NoExportPermit::InAccount) => Face::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Three exports are under way",
                "That’s the most your account can download at once. Wait until one of them has ended, or cancel one in the \
                 downloads of your browser. Then start this one again.",
            ),
            PageError::NoExportPermit(NoExportPermit::InProgram) => Face::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many exports at once",
                "Other accounts are exporting as much as this server allows. Start this export again in a minute. Your administrator can \
                 also write it to a file on the server, with “events export”.",
            ),
            PageError::Failed(_) | PageError::Rendering(_) | PageError::Internal => Face::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong on our side",
                "Your request failed because of a fault in the server, not because of anything you did.",
            ),
        }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl From<Failure> for PageError {
    fn from(failure: Failure) -> Self {
        if failure.is_passing() { PageError::Unavailable(Some(failure)) } else { PageError::Failed(failure) }
    }
}

impl From<CredentialError> for PageError {
    /// What a page does not answer in its own way.
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::NotFound => PageError::NotFound,
            CredentialError::Failed(failure) => failure.into(),
            error => PageError::BadRequest(error.to_string()),
        }
    }
}

impl From<crate::random::NoRandomness> for PageError {
    fn from(error: crate::random::NoRandomness) -> Self {
        PageError::Failed(error.into())
    }
}

struct Face {
    status: StatusCode,
    title: &'static str,
    cause: Cow<'static, str>,
    recovery: Recovery,
}

/// The way out that a page offers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recovery {
    GoToEvents,
    TryAgain,
    SignIn,
    SeePlans,
    /// Another page of this server is as far away.
    Nothing,
}

impl Recovery {
    /// Whether its reader is somebody who may look for another page.
    fn leads_to_pages(self) -> bool {
        self == Recovery::GoToEvents
    }
}

impl Face {
    fn new(status: StatusCode, title: &'static str, cause: impl Into<Cow<'static, str>>) -> Self {
        let recovery = if status.is_server_error() { Recovery::TryAgain } else { Recovery::GoToEvents };
        Self { status, title, cause: cause.into(), recovery }
    }

    fn with(self, recovery: Recovery) -> Self {
        Self { recovery, ..self }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: Page,
    code: u16,
    reason: &'a str,
    title: &'a str,
    cause: &'a str,
    recovery: Recovery,
    /// The form that nothing was done with, to be sent again or gone back to.
    form: Option<&'a KeptForm>,
    request_id: Option<String>,
}

/// What somebody sees who sent a form and is not signed in any more.
#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOut<'a> {
    page: Page,
    form: &'a KeptForm,
    carried: String,
}

/// The page that signs somebody in and brings a form back; `None` where the form is too long for it.
pub(crate) fn signed_out(form: &KeptForm, theme: Option<&'static str>) -> Option<HttpResponse> {
    let page = Page::new("You’re signed out", "", None, theme);
    let template = SignedOut { page, form, carried: form.carried()? };
    let body = template.render().ok()?;
    Some(HttpResponse::Forbidden().content_type("text/html; charset=utf-8").body(body))
}

/// The page of an error, with what only its request knows: the id that the log has too, the reader's theme, and the form.
pub(crate) fn page(
    error: &PageError,
    id: Option<RequestId>,
    theme: Option<&'static str>,
    form: Option<&KeptForm>,
) -> String {
    let face = error.face();
    let template = ErrorPage {
        page: Page::new(face.title, "", None, theme),
        code: face.status.as_u16(),
        reason: face.status.canonical_reason().unwrap_or("Error"),
        title: face.title,
        cause: &face.cause,
        recovery: face.recovery,
        form,
        request_id: id.filter(|_| face.status.is_server_error()).map(|id| id.to_string()),
    };
    template.render().unwrap_or_else(|_| face.title.to_owned())
}

/// Writes a fault of the server to the log, with all that caused it.
pub(crate) fn note(error: &PageError, id: RequestId) {
    if let PageError::NoExportPermit(which) = error {
        tracing::warn!(request_id = %id, ?which, "an export had to wait: as many as may be are under way");
    } else if let PageError::AccountBusy(why) = error {
        // Whoever asks for too much is not to fill the log.
        tracing::debug!(request_id = %id, %why, "a page was refused");
    } else if error.face().status.is_server_error() {
        let causes = with_causes(error);
        tracing::error!(request_id = %id, causes, "a page failed");
    }
}

fn render(error: &PageError, id: Option<RequestId>, form: Option<&KeptForm>) -> HttpResponse {
    if let PageError::SignInRequired { return_to } = error {
        let next = percent_encoding::utf8_percent_encode(return_to, percent_encoding::NON_ALPHANUMERIC);
        let location = if return_to.is_empty() { "/login".to_owned() } else { format!("/login?next={next}") };
        return HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish();
    }
    if let PageError::ActionRequired(required) = error {
        return HttpResponse::SeeOther().insert_header((header::LOCATION, required.page())).finish();
    }
    let face = error.face();
    let mut response = HttpResponse::build(face.status);
    if matches!(face.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        let seconds = match error {
            PageError::NoExportPermit(_) | PageError::TooManyLivePages(_) => 60,
            PageError::TooManyActs(wait) => whole_seconds(*wait),
            _ => 5,
        };
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if let PageError::MethodNotAllowed { allow } = error {
        response.insert_header((header::ALLOW, allow.as_str()));
    }
    response.content_type("text/html; charset=utf-8").body(page(error, id, None, form))
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.face().status
    }

    fn error_response(&self) -> HttpResponse {
        render(self, None, None)
    }
}

/// An error that knows its request, and so its id and headers.
#[derive(Debug)]
pub(crate) struct InRequest {
    error: PageError,
    id: RequestId,
    https: bool,
    form: Option<KeptForm>,
}

impl std::fmt::Display for InRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for InRequest {
    fn status_code(&self) -> StatusCode {
        self.error.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        note(&self.error, self.id);
        let mut response = render(&self.error, Some(self.id), self.form.as_ref());
        headers::complete(response.headers_mut(), self.id, self.https);
        response
    }
}

/// The answer for every address that nobody serves.
pub(crate) async fn not_found() -> Result<HttpResponse, PageError> {
    Err(PageError::NotFound)
}
