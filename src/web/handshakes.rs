//! How other systems ask whether an endpoint wants what they send, before they send it: by another method than POST. Those that ask by
//! POST are in `domain/handshake.rs`, and are stored like any event.

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::web::app_state::AppState;
use crate::web::ingest::{head_of, request_id};
use crate::web::problem;

/// CloudEvents: who wants to send, by its name in the domain name system.
const REQUEST_ORIGIN: &str = "webhook-request-origin";
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");
/// Okta: a text that it wants to see again.
const OKTA_CHALLENGE: &str = "x-okta-verification-challenge";
/// The longest text that is sent back.
const MAX_ECHO_BYTES: usize = 1024;

#[derive(Serialize)]
struct Verification<'a> {
    verification: &'a str,
}

/// The answer to a request that asks whether it may send, if it is one.
pub(crate) async fn answer(state: &AppState, request: &HttpRequest) -> Option<HttpResponse> {
    match *request.method() {
        Method::OPTIONS => allow_origin(request),
        Method::HEAD if request.headers().contains_key(header::AUTHORIZATION) => head(state, request).await,
        Method::GET => verify(state, request).await,
        _ => None,
    }
}

/// HTTP 1.1 Web Hooks for Event Delivery, section 4: everybody may ask, and hears the same, with credentials or without.
fn allow_origin(request: &HttpRequest) -> Option<HttpResponse> {
    let origin = request.headers().get(REQUEST_ORIGIN)?;
    let any = HeaderValue::from_static("*");
    let origin = if origin.len() <= MAX_ECHO_BYTES { origin.clone() } else { any.clone() };
    let mut response = HttpResponse::Ok();
    response.insert_header((ALLOWED_ORIGIN, origin)).insert_header((ALLOWED_RATE, any));
    Some(response.insert_header((header::ALLOW, "POST")).finish())
}

/// Trello and others look by HEAD whether somebody is there. Who has no right to send is told what everybody is told.
async fn head(state: &AppState, request: &HttpRequest) -> Option<HttpResponse> {
    let head = head_of(state, request);
    state.engine.admit(&head).await.ok()?;
    Some(HttpResponse::build(StatusCode::OK).insert_header((header::ALLOW, "POST")).finish())
}

/// Okta sends a text by GET, with the credentials that it will send events with.
async fn verify(state: &AppState, request: &HttpRequest) -> Option<HttpResponse> {
    let challenge = request.headers().get(OKTA_CHALLENGE)?.to_str().ok().filter(|text| text.len() <= MAX_ECHO_BYTES)?;
    let head = head_of(state, request);
    match state.engine.admit(&head).await {
        Ok(()) => Some(HttpResponse::Ok().json(Verification { verification: challenge })),
        Err(refusal) => Some(problem::refused(&refusal, &state.public_url, request_id(request))),
    }
}
