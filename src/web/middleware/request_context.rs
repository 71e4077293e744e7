//! Request context middleware: request id, panics, headers, log span.
//!
//! The outermost layer of every listener: gives each request an id, turns a panic into an answer, adds the headers that every
//! answer has, and writes one line to the log.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use futures_util::FutureExt;
use tracing::{Instrument, Level, Span};

use crate::domain::token_address::without_token;
use crate::random;
use crate::web::app_state::AppState;
use crate::web::errors::PageError;
use crate::web::kept_form::FormSlot;
use crate::web::middleware::headers::{complete, trace_id};
use crate::web::middleware::turn;

/// The layer.
pub async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // First, so that a request that waits for its connection takes none of its time.
    turn::comes(&request).await;
    let id = random::request_id();
    request.extensions_mut().insert(id);
    let https = request.app_data::<web::Data<AppState>>().is_some_and(|state| state.is_https());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let path = || neutral(without_token(uri.path()));
    let trace = trace_id(request.headers());
    let named = || {
        let trace_id = trace.map(tracing::field::display);
        // Of the highest level, so that it is there for whatever line is.
        tracing::error_span!("request", request_id = %id, trace_id)
    };
    // The log lines of a request name it and its trace. An event that belongs to no trace has none, as a rule, and does not pay
    // for a name either.
    let is_plain_event = trace.is_none() && method == Method::POST && uri.path() == "/";
    let form = (method == Method::POST && uri.path() != "/").then(FormSlot::default);
    if let Some(form) = &form {
        request.extensions_mut().insert(form.clone());
    }
    let kept = || form.as_ref().and_then(FormSlot::kept);
    let span = if is_plain_event && !tracing::enabled!(Level::DEBUG) { Span::none() } else { named() };
    let log = |write: &dyn Fn()| if span.is_none() { named().in_scope(write) } else { span.in_scope(write) };
    let started = Instant::now();
    let answer = AssertUnwindSafe(next.call(request).instrument(span.clone())).catch_unwind().await;
    let mut response = match answer {
        Ok(Ok(response)) => response,
        // Only layers fail this way, and what makes them fail is the database: a session could not be read.
        Ok(Err(error)) if error.as_error::<PageError>().is_some_and(|e| matches!(e, PageError::TimedOut)) => {
            return Err(PageError::TimedOut.in_request(id, https, kept()).into());
        }
        Ok(Err(error)) => {
            log(&|| tracing::error!(%method, path = path(), %error, "a layer failed"));
            return Err(PageError::unavailable().in_request(id, https, kept()).into());
        }
        Err(panic) => {
            let reason = panic_text(panic.as_ref());
            log(&|| tracing::error!(%method, path = path(), reason, "a handler panicked"));
            return Err(PageError::Internal.in_request(id, https, kept()).into());
        }
    };
    complete(response.headers_mut(), id, https);
    let (status, ms) = (response.status().as_u16(), started.elapsed().as_secs_f64() * 1_000.0);
    span.in_scope(|| tracing::debug!(%method, path = path(), status, ms, "answered"));
    Ok(response)
}

/// A path for the log: what could end a line or colour a terminal is escaped.
fn neutral(path: &str) -> String {
    path.chars().take(200).flat_map(char::escape_default).collect()
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::neutral;

    // holds W11
    #[test]
    fn a_path_cannot_write_lines_or_escape_codes_into_the_log() {
        assert_eq!(neutral("/a\r\nb\u{1b}[31m"), "/a\\r\\nb\\u{1b}[31m");
    }
}
