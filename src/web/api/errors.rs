//! Errors of the API, as problem details.
//!
//! What a program is told in place of an answer. The id of its request comes from the layer in `answers`.

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use jiff::Timestamp;

use crate::app::credential_act::CredentialError;
use crate::app::failure::Failure;
use crate::domain::api_token::Scope;
use crate::domain::time::full;
use crate::fair_queue::QueueError;
use crate::ingest::refusal::Refusal;
use crate::random::NoRandomness;
use crate::store::connection::error::StoreError;
use crate::web::format::whole_seconds;
use crate::web::problem::{self, Face, FieldProblem};
use crate::web::problem_codes::Code;

/// What tells a program how to authenticate (RFC 6750, section 3).
const CHALLENGE: &str = r#"Bearer realm="Reasoner webhooks""#;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No such thing, or it belongs to another account or to a credential that the token may not see.
    #[error("not found")]
    NotFound,
    #[error("the method is not allowed")]
    MethodNotAllowed { allow: String },
    #[error("https is required")]
    HttpsRequired,
    /// No token came.
    #[error("no token")]
    NoToken,
    #[error("the token is wrong, expired or revoked")]
    InvalidToken,
    #[error("the token lacks the scope {0}")]
    InsufficientScope(Scope),
    /// The token is bound to some credentials, and this is about all.
    #[error("the token sees some credentials alone")]
    BoundToCredentials,
    #[error("too many failures")]
    TooManyFailures(Duration),
    #[error("too many requests")]
    RateLimited(Duration),
    #[error("the account is not on Pro")]
    ProRequired,
    #[error("the user has to do something on the pages first")]
    ActionRequired,
    #[error("the query is wrong: {problem}")]
    InvalidQuery { problem: String, column: Option<usize> },
    #[error("the cursor is wrong")]
    InvalidCursor,
    #[error("the body is no JSON: {0}")]
    InvalidJson(String),
    #[error("fields are wrong")]
    InvalidFields(Vec<FieldProblem>),
    #[error("the body is too large")]
    BodyTooLarge,
    #[error("the body is not JSON by its type")]
    UnsupportedMediaType,
    #[error("not done in time")]
    Timeout,
    #[error("conflict: {0}")]
    Conflict(String),
    #[error("an overlap is running")]
    OverlapRunning(Timestamp),
    #[error("the old password is still used")]
    StillUsed(Timestamp),
    #[error("changed meanwhile")]
    PreconditionFailed,
    /// As much is being done for the account as may be at once.
    #[error("the account asks for too much at once: {0}")]
    Busy(QueueError),
    /// Of a sender that asked about itself.
    #[error("refused")]
    Refused(Refusal),
    #[error("too busy or without a database")]
    Unavailable(#[source] Option<Failure>),
    #[error("failed")]
    Failed(#[source] Failure),
    #[error("failed")]
    Internal,
}

impl ApiError {
    /// About one field.
    pub(crate) fn field(field: &str, detail: impl ToString) -> Self {
        Self::InvalidFields(vec![FieldProblem { field: field.to_owned(), detail: detail.to_string() }])
    }

    /// About one parameter of the query.
    pub(crate) fn query(problem: impl ToString) -> Self {
        Self::InvalidQuery { problem: problem.to_string(), column: None }
    }

    /// Long, since it is a table: a row for each error.
    pub(crate) fn face(&self) -> Face {
        let challenge = |error: &str| format!(r#"{CHALLENGE}, error="{error}""#);
        match self {
            Self::NotFound => {
                Face::new(Code::NotFound, "there is no such thing in this account, or the token may not see it")
            }
            Self::MethodNotAllowed { allow } => {
                Face::new(Code::MethodNotAllowed, format!("this address takes {allow}")).with(header::ALLOW, allow)
            }
            Self::HttpsRequired => Face::new(
                Code::HttpsRequired,
                "this request came over plain HTTP, so its token was readable on the way: send it to the https:// address, \
                 and rotate the token",
            ),
            Self::NoToken => Face::new(
                Code::InvalidToken,
                "the request has no API token: send it in the header Authorization, as Bearer and the token",
            )
            .with(header::WWW_AUTHENTICATE, CHALLENGE),
            Self::InvalidToken => Face::new(
                Code::InvalidToken,
                "the API token is wrong, expired or revoked, or may not be used from this address",
            )
            .with(header::WWW_AUTHENTICATE, challenge("invalid_token")),
            Self::InsufficientScope(scope) => {
                Face::new(Code::InsufficientScope, format!("the API token lacks the scope {scope}"))
                    .with(header::WWW_AUTHENTICATE, format!(r#"{}, scope="{scope}""#, challenge("insufficient_scope")))
            }
            Self::BoundToCredentials => Face::new(
                Code::InsufficientScope,
                "the API token sees some credentials only, and this is about the whole account",
            )
            .with(header::WWW_AUTHENTICATE, challenge("insufficient_scope")),
            Self::TooManyFailures(wait) => Face::new(
                Code::TooManyFailures,
                "too many requests from this address had wrong credentials: wait, and correct the token",
            )
            .with(header::RETRY_AFTER, whole_seconds(*wait).to_string()),
            Self::RateLimited(wait) => {
                Face::new(Code::RateLimited, "the account has made as many requests as it may for so long: wait")
                    .with(header::RETRY_AFTER, whole_seconds(*wait).to_string())
            }
            Self::ProRequired => {
                Face::new(Code::ProRequired, "the account is not on the Pro plan, which this is part of")
            }
            Self::ActionRequired => Face::new(
                Code::ActionRequired,
                "the user of the token has to sign in first, to choose a password or to turn two-step sign-in on",
            ),
            Self::InvalidQuery { problem, column } => {
                Face { column: *column, ..Face::new(Code::InvalidQuery, problem.clone()) }
            }
            Self::InvalidCursor => {
                Face::new(Code::InvalidCursor, "the cursor is none that this account was given: begin without one")
            }
            Self::InvalidJson(problem) => Face::new(Code::InvalidJson, problem.clone()),
            Self::InvalidFields(errors) => Face {
                errors: errors.clone(),
                ..Face::new(Code::InvalidFields, "some fields of the body are wrong, and nothing was changed")
            },
            Self::BodyTooLarge => Face::new(Code::BodyTooLarge, "the body is larger than 65536 bytes"),
            Self::UnsupportedMediaType => {
                Face::new(Code::UnsupportedMediaType, "send the body as JSON, with Content-Type: application/json")
            }
            Self::Timeout => Face::new(
                Code::BodyTimeout,
                "the body did not arrive within 10 seconds, or what it asks for could not be done in that time: read whether \
                 anything was changed",
            ),
            Self::Conflict(problem) => Face::new(Code::Conflict, problem.clone()),
            Self::OverlapRunning(end) => Face::new(
                Code::OverlapRunning,
                format!(
                    "two passwords work already, and the newest was used or made less than 5 seconds ago: the old one stops on {}",
                    full(*end)
                ),
            ),
            Self::StillUsed(used) => {
                Face::new(Code::StillUsed, format!("the old password was used on {}, and works on", full(*used)))
            }
            Self::PreconditionFailed => {
                Face::new(Code::PreconditionFailed, "it was changed since it was read: read it again")
            }
            Self::Refused(refusal) => problem::face(refusal),
            Self::Busy(_) => Face::new(
                Code::Unavailable,
                "other requests of the account are still being answered: ask fewer at once",
            )
            .with(header::RETRY_AFTER, "1"),
            Self::Unavailable(_) => {
                Face::new(Code::Unavailable, "this could not be answered right now: ask again after a pause")
                    .with(header::RETRY_AFTER, "5")
            }
            Self::Failed(_) | Self::Internal => Face::new(
                Code::Internal,
                "the request failed because of a fault in the server, which its log explains by the request id",
            ),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl From<NoRandomness> for ApiError {
    fn from(error: NoRandomness) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        if failure.is_passing() { Self::Unavailable(Some(failure)) } else { Self::Failed(failure) }
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        Self::Busy(error)
    }
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::NotFound => Self::NotFound,
            CredentialError::Failed(failure) => failure.into(),
            CredentialError::TwoPasswordsLive(end) => Self::OverlapRunning(end),
            CredentialError::StillUsed(used) => Self::StillUsed(used),
            CredentialError::Changed => Self::PreconditionFailed,
            // Without its username: the token may not see that credential.
            CredentialError::NameTaken(_) => {
                Self::Conflict("another credential of this account has this name already; choose another".to_owned())
            }
            error => Self::Conflict(error.to_string()),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.face().code.status()
    }

    /// Without its request; the layer gives it one.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
