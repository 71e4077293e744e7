//! `POST /` as HTTP sees it: takes a request apart for the engine, reads the body within its bounds, and spells the answer.

use std::cell::Cell;
use std::time::{Duration, Instant};

use actix_web::http::{ConnectionType, Method};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, guard, web};
use futures_util::StreamExt;
use serde::Serialize;

use crate::domain::ids::RequestId;
use crate::domain::time::rfc3339;
use crate::ingest::head::Head;
use crate::ingest::receipt::Receipt;
use crate::ingest::receive::{BODY_DEADLINE, BodyError};
use crate::ingest::refusal::Refusal;
use crate::ingest::room::Room;
use crate::ingest::writer::Writer;
use crate::random;
use crate::web::problem;
use crate::web::site::Site;

#[derive(Serialize)]
struct Accepted<'a> {
    status: &'a str,
    id: String,
    received_at: String,
}

/// Receives one event.
pub async fn receive(
    site: web::Data<Site>,
    writer: web::Data<Writer>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> HttpResponse {
    let head = Head {
        sender: site.sender(&request),
        headers: request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
        query: Some(request.query_string()),
        request_id: request_id(&request),
    };
    let announced = request.headers().get("content-length").and_then(|v| v.to_str().ok()?.parse().ok());
    let started = Instant::now();
    let read_bytes = Cell::new(0);
    let body = async |max_bytes, room: &mut Room| {
        let body = read(&mut payload, max_bytes, announced.unwrap_or(0), room).await;
        read_bytes.set(body.as_ref().map_or(MAX_DISCARDED_BYTES, Vec::len));
        body
    };
    let outcome = site.engine.receive(&writer, &head, body).await;
    match outcome {
        Ok(receipt) => accepted(receipt),
        Err(refusal) => {
            let mut response = problem::refused(&refusal, &site.public_url, request_id(&request));
            // Of a wrong password no more is read than below, and the connection ends. What came with an expired one may have been
            // read whole, and must look the same.
            let is_long = read_bytes.get() >= MAX_DISCARDED_BYTES || started.elapsed() > MAX_DISCARDING;
            if refusal == Refusal::Unauthorized && read_bytes.get() > 0 && is_long {
                response.head_mut().set_connection_type(ConnectionType::Close);
            }
            Box::pin(discard(&mut payload)).await;
            response
        }
    }
}

/// Any other method of a sender.
pub async fn method_not_allowed(site: web::Data<Site>, request: HttpRequest) -> HttpResponse {
    problem::method_not_allowed(&site.public_url, request_id(&request))
}

/// Any other address of a listener that serves ingest alone, and what is no address of a page.
pub async fn not_found(site: web::Data<Site>, request: HttpRequest) -> HttpResponse {
    problem::not_found(&site.public_url, request_id(&request))
}

/// Whether a request to `/` comes from a sender. A browser asks for the page with GET; a sender that does so by mistake
/// brings credentials, and must not be led to a page that answers 200.
pub fn is_from_sender(context: &guard::GuardContext<'_>) -> bool {
    let head = context.head();
    !matches!(head.method, Method::GET | Method::HEAD) || head.headers().contains_key("authorization")
}

fn accepted(receipt: Receipt) -> HttpResponse {
    let body = Accepted { status: "ok", id: receipt.id.to_string(), received_at: rfc3339(receipt.id.received_at()) };
    let mut response = HttpResponse::Ok();
    if receipt.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.json(body)
}

fn request_id(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().copied().unwrap_or_else(random::request_id)
}

/// Reads a body of at most `max_bytes` within the deadline.
async fn read(
    payload: &mut web::Payload,
    max_bytes: usize,
    announced: usize,
    room: &mut Room,
) -> Result<Vec<u8>, BodyError> {
    let reading = async {
        let mut body = Vec::with_capacity(announced.min(max_bytes).min(64 * 1024));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            if body.len() + chunk.len() > max_bytes {
                return Err(BodyError::TooLarge);
            }
            if !room.take_bytes(chunk.len()) {
                return Err(BodyError::NoRoom);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    tokio::time::timeout(BODY_DEADLINE, reading).await.unwrap_or(Err(BodyError::TimedOut))
}

/// How much of a refused body is read and thrown away, in bytes, and for how long. Closing a connection while the sender still
/// sends would reset it, and the sender would see that instead of the answer.
const MAX_DISCARDED_BYTES: usize = 256 * 1024;
const MAX_DISCARDING: Duration = Duration::from_millis(250);

async fn discard(payload: &mut web::Payload) {
    let mut left = MAX_DISCARDED_BYTES;
    let discarding = async {
        while let Some(Ok(chunk)) = payload.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Slow senders are not waited for: they get the answer while they are still sending.
    let _ = tokio::time::timeout(MAX_DISCARDING, discarding).await;
}
