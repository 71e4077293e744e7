//! The HTTP handler of the ingest endpoint.
//!
//! `POST /` as HTTP sees it: takes a request apart for the engine, reads the body within its bounds, and spells the answer.

use std::cell::Cell;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, guard, web};
use futures_util::StreamExt;
use serde::Serialize;

use crate::domain::ids::RequestId;
use crate::domain::time::rfc3339;
use crate::ingest::head::Head;
use crate::ingest::memory_budget::Reservation;
use crate::ingest::receipt::{Receipt, Refused, Stored};
use crate::ingest::receive::{BodyError, REFUSED_BODY_DEADLINE};
use crate::ingest::refusal::Refusal;
use crate::ingest::writer::Writer;
use crate::random;
use crate::web::app_state::AppState;
use crate::web::problem;

#[derive(Serialize)]
struct Accepted<'a> {
    status: &'a str,
    id: String,
    received_at: String,
}

/// Receives one event.
pub(crate) async fn receive(
    state: web::Data<AppState>,
    writer: web::Data<Writer>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> HttpResponse {
    let head = Head {
        sender: state.sender(&request),
        headers: request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
        query: Some(request.query_string()),
        token: request.match_info().get("token"),
        is_put: *request.method() == Method::PUT,
        request_id: request_id(&request),
    };
    let announced = request.headers().get("content-length").and_then(|v| v.to_str().ok()?.parse().ok());
    let was_read = Cell::new(false);
    let body = async |max_bytes, deadline, reservation: &mut Reservation| {
        was_read.set(true);
        read(&mut payload, max_bytes, deadline, announced.unwrap_or(0), reservation).await
    };
    let outcome = state.engine.receive(&writer, &head, body).await;
    match outcome {
        Ok(receipt) => accepted(receipt),
        Err(refusal) => {
            let response = problem::refused(&refusal, &state.public_url, request_id(&request));
            let max_bytes = state.engine.max_body_bytes;
            let is_bounded = announced.is_none_or(|bytes: usize| bytes <= max_bytes);
            match refusal {
                // What comes with an expired password may be held, and has been read then. All others are read alike, so that
                // no sender can tell one from another by when it is answered, or by what becomes of the connection.
                Refusal::Unauthorized | Refusal::TooManyFailures { .. } if is_bounded => {
                    if !was_read.get() {
                        Box::pin(discard(&mut payload, max_bytes, REFUSED_BODY_DEADLINE)).await;
                    }
                }
                _ => Box::pin(discard(&mut payload, MAX_DISCARDED_BYTES, MAX_DISCARDING)).await,
            }
            response
        }
    }
}

/// Any other method of a sender.
pub(crate) async fn method_not_allowed(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    problem::method_not_allowed(request.method(), &state.public_url, request_id(&request))
}

/// Any other address of a listener that serves ingest alone, and what is no address of a page.
pub(crate) async fn not_found(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    problem::not_found(&state.public_url, request_id(&request))
}

/// Whether a request to `/` comes from a sender. The page there is for browsers alone: where a redirect has turned the POST of a
/// sender into GET, often without its credentials, the sender must not be led to a page that answers 200.
pub(crate) fn is_from_sender(context: &guard::GuardContext<'_>) -> bool {
    let head = context.head();
    !matches!(head.method, Method::GET | Method::HEAD) || !is_from_browser(head.headers())
}

/// A browser says that it navigates (Fetch Metadata); one that is too old for that names HTML among what it accepts.
fn is_from_browser(headers: &HeaderMap) -> bool {
    let navigates = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    navigates || (!headers.contains_key("authorization") && headers.get_all("accept").any(accepts_html))
}

/// What Java's `HttpURLConnection` accepts, whatever it asks for. It follows redirects, and says so after one as well.
const ACCEPTED_BY_JAVA: &str = "text/html, image/gif, image/jpeg, *";

fn accepts_html(accept: &HeaderValue) -> bool {
    let Ok(accept) = accept.to_str() else { return false };
    let mut types = accept.split([',', ';']).map(str::trim);
    !accept.starts_with(ACCEPTED_BY_JAVA) && types.any(|name| name.eq_ignore_ascii_case("text/html"))
}

#[derive(Serialize)]
struct AcceptedBatch {
    status: &'static str,
    accepted: usize,
    results: Vec<PartResult>,
}

/// What became of one event of a batch.
#[derive(Serialize)]
#[serde(untagged)]
enum PartResult {
    Stored { id: String },
    Refused { code: &'static str, detail: String },
}

fn accepted(receipt: Receipt) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if receipt.is_replayed() {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    match receipt {
        Receipt::Event(Stored { id, .. }) => {
            response.json(Accepted { status: "ok", id: id.to_string(), received_at: rfc3339(id.received_at()) })
        }
        Receipt::Batch(parts) => {
            let accepted = parts.iter().filter(|part| part.is_ok()).count();
            let status = if accepted == parts.len() { "ok" } else { "partial" };
            let result = |part: Result<Stored, Refused>| match part {
                Ok(stored) => PartResult::Stored { id: stored.id.to_string() },
                Err(Refused { reason, detail }) => PartResult::Refused { code: reason.code(), detail },
            };
            response.json(AcceptedBatch { status, accepted, results: parts.into_iter().map(result).collect() })
        }
    }
}

fn request_id(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().copied().unwrap_or_else(random::request_id)
}

/// Reads a body of at most `max_bytes` within the deadline.
async fn read(
    payload: &mut web::Payload,
    max_bytes: usize,
    deadline: Duration,
    announced: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, BodyError> {
    let reading = async {
        let mut body = Vec::with_capacity(announced.min(max_bytes).min(64 * 1024));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            if body.len() + chunk.len() > max_bytes {
                return Err(BodyError::TooLarge);
            }
            if !reservation.take_bytes(chunk.len()) {
                return Err(BodyError::NoMemory);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    tokio::time::timeout(deadline, reading).await.unwrap_or(Err(BodyError::TimedOut))
}

/// How much of a refused body is read and thrown away, in bytes, and for how long. Closing a connection while the sender still
/// sends would reset it, and the sender would see that instead of the answer.
const MAX_DISCARDED_BYTES: usize = 256 * 1024;
const MAX_DISCARDING: Duration = Duration::from_millis(250);

async fn discard(payload: &mut web::Payload, max_bytes: usize, deadline: Duration) {
    let mut read_bytes = 0;
    let discarding = async {
        while let Some(Ok(chunk)) = payload.next().await {
            read_bytes += chunk.len();
            if read_bytes > max_bytes {
                break;
            }
        }
    };
    // Slow senders are not waited for: they get the answer while they are still sending.
    let _ = tokio::time::timeout(deadline, discarding).await;
}
