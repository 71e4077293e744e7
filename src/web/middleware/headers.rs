//! Security headers, and the request id, on every response.
//!
//! The headers that every answer has, the id of its request among them. The layer that adds them is `request_context`.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::domain::ids::RequestId;
use crate::domain::trace::TraceId;

/// Deny all, then allow what the pages use: our own styles, scripts, images, forms, and the live connection.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// A stored body is data, whatever it contains.
pub(crate) const SANDBOX: &str = "default-src 'none'; sandbox";

/// The trace that a request says it belongs to, once.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<TraceId> {
    let mut input = headers.get_all("traceparent");
    let trace = TraceId::of_traceparent(input.next()?.as_bytes());
    if input.next().is_some() { None } else { trace }
}

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds what is missing; a handler may have set a stricter policy.
pub(crate) fn complete(headers: &mut HeaderMap, id: RequestId, https: bool) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(X_REQUEST_ID, value);
    }
}
