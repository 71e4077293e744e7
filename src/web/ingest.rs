//! The HTTP handler of the ingest endpoint.
//!
//! `POST /` as HTTP sees it: takes a request apart for the engine, reads the body within its bounds, and spells the answer.

use std::cell::Cell;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::domain::body_pace::{BodyPace, Progress};
use crate::domain::handshake::{self, Echo};
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
use crate::web::arrived_head::{ArrivedHead, unordered};
use crate::web::problem;

#[derive(Serialize)]
struct Accepted<'a> {
    status: &'a str,
    id: String,
    received_at: String,
    /// What the sender of an event that asks for an answer waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "validationResponse")]
    validation_response: Option<String>,
}

/// Receives one event.
pub(crate) async fn receive(
    state: web::Data<AppState>,
    writer: web::Data<Writer>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> HttpResponse {
    let head = head_of(&state, &request);
    let announced = request.headers().get("content-length").and_then(|v| v.to_str().ok()?.parse().ok());
    let validates = request.headers().get("aeg-event-type").is_some_and(|kind| kind == "SubscriptionValidation");
    let (was_read, echo) = (Cell::new(false), Cell::new(None));
    let body = async |max_bytes, pace, reservation: &mut Reservation| {
        was_read.set(true);
        let body = read(&mut payload, (max_bytes, pace), announced, reservation, || state.is_ending()).await?;
        echo.set(handshake::echo(&body, validates));
        Ok(body)
    };
    let outcome = state.engine.receive(&writer, &head, body).await;
    match outcome {
        Ok(receipt) => accepted(receipt, echo.take()),
        Err(refusal) => {
            if let Refusal::TooManyFailures { .. } = refusal {
                let address = tracing::field::display(state.sender(&request).ip);
                tracing::info!(address, "a sender was told to wait: too many wrong passwords came from its address");
            }
            let response = problem::refused(&refusal, &state.public_url, request_id(&request));
            if refusal == Refusal::LengthRequired {
                // What follows it is the body of nobody knows how many bytes.
                return response;
            }
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

/// The head of a request as the engine takes it.
pub(crate) fn head_of<'a>(state: &AppState, request: &'a HttpRequest) -> Head<'a> {
    let headers = request.headers();
    let arrived = request.extensions();
    Head {
        sender: state.sender(request),
        headers: arrived.get::<ArrivedHead>().map_or_else(|| unordered(headers), |arrived| arrived.in_order(headers)),
        query: Some(request.query_string()),
        token: request.match_info().get("token"),
        is_put: *request.method() == Method::PUT,
        lacks_length: arrived.get::<ArrivedHead>().is_some_and(|arrived| arrived.lacks_length),
        request_id: request_id(request),
    }
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

fn accepted(receipt: Receipt, echo: Option<Echo>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if receipt.is_replayed() {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    match receipt {
        Receipt::Event(Stored { id, .. }) => {
            let (challenge, validation_response) = match echo {
                Some(Echo::Challenge(text)) => (Some(text), None),
                Some(Echo::ValidationResponse(text)) => (None, Some(text)),
                None => (None, None),
            };
            let (id, received_at) = (id.to_string(), rfc3339(id.received_at()));
            response.json(Accepted { status: "ok", id, received_at, challenge, validation_response })
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

/// The id that the outermost layer gave a request.
pub(crate) fn request_id(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().copied().unwrap_or_else(random::request_id)
}

/// Reads a body of at most `max_bytes` at a pace.
async fn read(
    payload: &mut web::Payload,
    (max_bytes, pace): (usize, BodyPace),
    announced: Option<usize>,
    reservation: &mut Reservation,
    is_ending: impl Fn() -> bool,
) -> Result<Vec<u8>, BodyError> {
    let began = Instant::now();
    let mut body = Vec::with_capacity(announced.unwrap_or(0).min(max_bytes).min(MAX_AHEAD_BYTES));
    loop {
        let received = body.len() as u64;
        let due = pace.due(received);
        // Who is slow is looked after now and then, so that the program need not wait for it when it ends.
        let next = timeout_at(began + due.min(began.elapsed().max(pace.within) + LOOK_EVERY), payload.next()).await;
        let progress = || Progress { received, announced: announced.map(|bytes| bytes as u64), took: began.elapsed() };
        match next {
            Ok(None) => return Ok(body),
            Ok(Some(Err(_))) => return Err(BodyError::HungUp(progress())),
            Ok(Some(Ok(chunk))) if body.len() + chunk.len() > max_bytes => return Err(BodyError::TooLarge),
            Ok(Some(Ok(chunk))) => {
                if !reservation.take_bytes(chunk.len()) {
                    return Err(BodyError::NoMemory);
                }
                body.extend_from_slice(&chunk);
            }
            Err(_) if began.elapsed() < due => {}
            Err(_) => return Err(BodyError::TooSlow(progress())),
        }
        if began.elapsed() > pace.within && is_ending() {
            return Err(BodyError::Ending);
        }
        if began.elapsed() > pace.due(body.len() as u64) {
            return Err(BodyError::TooSlow(Progress { received: body.len() as u64, ..progress() }));
        }
    }
}

/// How much room a body has before any of it has arrived, in bytes.
const MAX_AHEAD_BYTES: usize = 16 * 1024;
/// Between two looks at a body that is slower than most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
