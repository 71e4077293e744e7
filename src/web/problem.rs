//! What a sender is told when its request is refused: `application/problem+json` (RFC 9457), in the words of the contract.
//! One exhaustive match; the same situation gives the same bytes but for the request id.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;

use crate::ingest::refusal::Refusal;
use crate::web::headers::RequestId;

const CHALLENGE: &str = r#"Basic realm="Reasoner webhooks", charset="UTF-8""#;

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: String,
    request_id: &'a str,
}

struct Face {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    /// One more header that belongs to the status.
    extra: Option<(header::HeaderName, String)>,
}

impl Face {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), extra: None }
    }

    fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.extra = Some((name, value.into()));
        self
    }
}

fn face(refusal: &Refusal) -> Face {
    match refusal {
        Refusal::HttpsRequired => Face::new(
            StatusCode::FORBIDDEN,
            "https_required",
            "HTTPS required",
            "this request came over plain HTTP, so its password was readable on the way: send it to the https:// \
             address, and rotate the password",
        ),
        Refusal::TooManyFailures { retry_after } => Face::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_failures",
            "Too many failures",
            "too many requests from this address had wrong credentials: wait, and correct the username and password",
        )
        .with(header::RETRY_AFTER, seconds(*retry_after)),
        Refusal::Unauthorized => Face::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Unauthorized",
            "the username or password is missing, wrong or no longer valid; the owner of the credential sees the reason \
             under Events, Rejected",
        )
        .with(header::WWW_AUTHENTICATE, CHALLENGE),
        Refusal::ProRequired => Face::new(
            StatusCode::FORBIDDEN,
            "pro_required",
            "Pro plan required",
            "the credentials are right, but their account is not on the Pro plan, which webhooks are part of",
        ),
        Refusal::UnsupportedMediaType { problem } => Face::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Content type is not JSON",
            problem.clone(),
        ),
        Refusal::BodyTooLarge { max_bytes } => Face::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "Body is too large",
            format!("the body is larger than {max_bytes} bytes: send less at a time"),
        ),
        Refusal::BodyTimeout { seconds } => Face::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "Body not received in time",
            format!("the body was not complete within {seconds} seconds: send it again, faster"),
        ),
        Refusal::InvalidJson(problem) => {
            Face::new(StatusCode::BAD_REQUEST, "invalid_json", "Not valid JSON", problem.to_string())
        }
        Refusal::IdempotencyConflict { problem } => Face::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_conflict",
            "Idempotency key conflict",
            format!("{problem}: make a new key for each event"),
        ),
        Refusal::Unavailable { retry_after } => Face::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Unavailable",
            "the event could not be stored right now: send it again after a pause",
        )
        .with(header::RETRY_AFTER, seconds(*retry_after)),
    }
}

/// The answer to a refused request. `origin` is where the error page lives.
pub fn refused(refusal: &Refusal, origin: &str, id: &RequestId) -> HttpResponse {
    respond(face(refusal), origin, id)
}

/// The answer to another method on the endpoint.
pub fn method_not_allowed(origin: &str, id: &RequestId) -> HttpResponse {
    let detail = "the endpoint takes POST and nothing else";
    let face = Face::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail);
    respond(face.with(header::ALLOW, "POST"), origin, id)
}

/// The answer to another address on a listener that serves ingest alone.
pub fn not_found(origin: &str, id: &RequestId) -> HttpResponse {
    let detail = "there is nothing at this address: events are posted to /";
    respond(Face::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail), origin, id)
}

/// The answer to what is no request, for a status that the parser of requests gives.
pub fn unparsed(status: StatusCode, origin: &str, id: &RequestId) -> Option<HttpResponse> {
    let (code, title, detail) = match status {
        StatusCode::BAD_REQUEST => {
            ("bad_request", "Bad request", "what was sent is no request in the form of HTTP/1.1")
        }
        StatusCode::REQUEST_TIMEOUT => (
            "head_timeout",
            "Request not received in time",
            "the request line and the headers were not complete within 10 seconds: send them again, faster",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            "head_too_large",
            "Headers are too large",
            "the request line and the headers are too large or too many: send less in them",
        ),
        _ => return None,
    };
    Some(respond(Face::new(status, code, title, detail), origin, id))
}

fn respond(face: Face, origin: &str, id: &RequestId) -> HttpResponse {
    let problem = Problem {
        kind: format!("{origin}/docs/webhooks/errors#{}", face.code),
        title: face.title,
        status: face.status.as_u16(),
        code: face.code,
        detail: face.detail,
        request_id: &id.0,
    };
    let mut response = HttpResponse::build(face.status);
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
