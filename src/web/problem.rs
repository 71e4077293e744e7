//! Problem details (RFC 9457) for senders.
//!
//! What a sender is told when its request is refused: `application/problem+json` (RFC 9457), in the words of the contract.
//! One exhaustive match; the same situation gives the same bytes but for the request id.

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode, header};
use serde::Serialize;

use crate::domain::ids::RequestId;
use crate::ingest::refusal::Refusal;
use crate::web::problem_codes::Code;

const LENGTH_REQUIRED: &str = "the request says neither how long its body is (Content-Length) nor that it is chunked (Transfer-Encoding: chunked)";
/// How long a sender is asked to wait for its account to make room.
const STORAGE_PAUSE_SECONDS: &str = "60";
const CHALLENGE: &str = r#"Basic realm="Reasoner webhooks", charset="UTF-8""#;

/// What is wrong with one field of a body.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FieldProblem {
    pub(crate) field: String,
    pub(crate) detail: String,
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: String,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

/// What is told of a problem.
pub(crate) struct Face {
    pub(crate) code: Code,
    pub(crate) detail: String,
    /// One more header that belongs to the status.
    pub(crate) extra: Option<(header::HeaderName, String)>,
    /// Where a search went wrong, counted from 1.
    pub(crate) column: Option<usize>,
    /// Which fields of a body are wrong.
    pub(crate) errors: Vec<FieldProblem>,
}

impl Face {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), extra: None, column: None, errors: Vec::new() }
    }

    pub(crate) fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.extra = Some((name, value.into()));
        self
    }
}

/// What a refused sender is told.
pub(crate) fn face(refusal: &Refusal) -> Face {
    match refusal {
        Refusal::HttpsRequired => Face::new(
            Code::HttpsRequired,
            "this request came over plain HTTP, so its password was readable on the way: send it to the https:// \
             address, and rotate the password",
        ),
        Refusal::TooManyFailures { retry_after } => Face::new(
            Code::TooManyFailures,
            "too many requests from this address had wrong credentials: wait, and correct the username and password",
        )
        .with(header::RETRY_AFTER, seconds(*retry_after)),
        Refusal::Unauthorized => Face::new(
            Code::Unauthorized,
            "the username or password is missing, wrong or no longer valid; the owner of the credential may see the \
             reason under Events, Rejected",
        )
        .with(header::WWW_AUTHENTICATE, CHALLENGE),
        Refusal::ProRequired => Face::new(
            Code::ProRequired,
            "the credentials are right, but their account is not on the Pro plan, which webhooks are part of",
        ),
        Refusal::MethodNotAllowed => put_not_allowed(),
        Refusal::TooManyEvents { most } => Face::new(
            Code::BodyTooLarge,
            format!("the batch has more than {most} events, and nothing was stored: send less at a time"),
        ),
        Refusal::UnsupportedMediaType { problem } => Face::new(Code::UnsupportedMediaType, problem.clone()),
        Refusal::BodyTooLarge { max_bytes } => {
            Face::new(Code::BodyTooLarge, format!("the body is larger than {max_bytes} bytes: send less at a time"))
        }
        Refusal::BodyTimeout { detail } => Face::new(Code::BodyTimeout, detail.clone()),
        Refusal::LengthRequired => Face::new(Code::LengthRequired, LENGTH_REQUIRED),
        Refusal::InvalidJson(problem) => Face::new(Code::InvalidJson, problem.to_string()),
        Refusal::IdempotencyConflict { problem } => {
            Face::new(Code::IdempotencyConflict, format!("{problem}: make a new key for each event"))
        }
        Refusal::StorageFull => Face::new(
            Code::StorageFull,
            "the credentials are right, but their account stores as much as it may: its owner has to make room",
        )
        .with(header::RETRY_AFTER, STORAGE_PAUSE_SECONDS),
        Refusal::Unavailable { retry_after } => {
            Face::new(Code::Unavailable, "the event could not be stored right now: send it again after a pause")
                .with(header::RETRY_AFTER, seconds(*retry_after))
        }
    }
}

/// The answer to a refused request. `origin` is where the error page lives.
pub(crate) fn refused(refusal: &Refusal, origin: &str, id: RequestId) -> HttpResponse {
    respond(face(refusal), origin, id)
}

/// The answer to another method on the endpoint. A sender that did send POST finds out why it arrives as GET.
pub(crate) fn method_not_allowed(method: &Method, origin: &str, id: RequestId) -> HttpResponse {
    let detail = match *method {
        Method::GET | Method::HEAD => {
            "the endpoint takes POST and nothing else, so nothing was stored; if the sender did send a POST, a redirect on \
             the way may have turned it into a GET: send to the final https:// address"
        }
        _ => return respond(put_not_allowed(), origin, id),
    };
    let face = Face::new(Code::MethodNotAllowed, detail);
    respond(face.with(header::ALLOW, "POST"), origin, id)
}

/// PUT and all others but GET and HEAD are told the same, whoever sends them.
fn put_not_allowed() -> Face {
    Face::new(Code::MethodNotAllowed, "the endpoint takes POST and nothing else").with(header::ALLOW, "POST")
}

/// The answer to another address than the endpoint's.
pub(crate) fn not_found(endpoint: &str, origin: &str, id: RequestId) -> HttpResponse {
    let detail = format!("there is nothing at this address: events are posted to /, which is {endpoint}");
    respond(Face::new(Code::NotFound, detail), origin, id)
}

/// The answer to too long an address.
pub(crate) fn uri_too_long(origin: &str, id: RequestId) -> HttpResponse {
    let detail = "the address of the request is too long: send the data in the body";
    respond(Face::new(Code::UriTooLong, detail), origin, id)
}

/// The answer to what is no request, for a status that the parser of requests gives.
pub(crate) fn malformed_request(status: StatusCode, origin: &str, id: RequestId) -> Option<HttpResponse> {
    let (code, detail) = match status {
        StatusCode::BAD_REQUEST => (Code::BadRequest, "the request is not valid HTTP/1.1"),
        StatusCode::LENGTH_REQUIRED => (Code::LengthRequired, LENGTH_REQUIRED),
        StatusCode::REQUEST_TIMEOUT => (
            Code::HeadTimeout,
            "the request line and the headers were not complete within 10 seconds: send them again, faster",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            (Code::HeadTooLarge, "the request line and the headers are too large or too many: send less in them")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            let detail = "your address has as many connections as one may have: close some, or use the same one again";
            let face = Face::new(Code::Unavailable, detail).with(header::RETRY_AFTER, "10");
            return Some(respond(face, origin, id));
        }
        _ => return None,
    };
    Some(respond(Face::new(code, detail), origin, id))
}

/// The answer with a problem.
pub(crate) fn respond(face: Face, origin: &str, id: RequestId) -> HttpResponse {
    let problem = Problem {
        kind: format!("{origin}/docs/webhooks/errors#{}", face.code.as_str()),
        title: face.code.title(),
        status: face.code.status().as_u16(),
        code: face.code.as_str(),
        detail: face.detail,
        request_id: id.to_string(),
        column: face.column,
        errors: face.errors,
    };
    let mut response = HttpResponse::build(face.code.status());
    if face.code == Code::LengthRequired {
        // What follows may be a body, which would be taken for the next request.
        response.force_close();
    }
    if let Some(extra) = face.extra {
        response.insert_header(extra);
    }
    // A struct of texts and numbers always serializes.
    let body = serde_json::to_string(&problem).unwrap_or_default();
    response.content_type("application/problem+json").body(body)
}

/// `Retry-After` counts whole seconds, and nobody should come back too early.
fn seconds(wait: std::time::Duration) -> String {
    wait.as_secs_f64().ceil().max(1.0).to_string()
}
