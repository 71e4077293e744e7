//! Responses to malformed HTTP, which never becomes a request.
//!
//! Answers to what is no request: a head that cannot be read, is too large, or does not end. They are written onto the
//! connection as they are, since there is no request that a handler could answer.

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;

use crate::random;
use crate::web::app_state::AppState;
use crate::web::middleware::headers::complete;
use crate::web::problem;

/// The whole answer, for a status that the parser gives; `None` for any other.
pub(crate) fn answer(state: &AppState, status: StatusCode) -> Option<Vec<u8>> {
    let id = random::request_id();
    let mut response = problem::malformed_request(status, &state.public_url, id)?;
    complete(response.headers_mut(), id, state.is_https());
    tracing::debug!(request_id = %id, status = status.as_u16(), "rejected malformed HTTP");
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\nconnection: close\r\n", status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    bytes.extend(body);
    Some(bytes)
}
