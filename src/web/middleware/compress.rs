//! Compression middleware.
//!
//! Smaller answers. Files are compressed when the program starts, pages when they are asked for. A page whose size says something about
//! what is on it can be made to tell by whoever adds to it and watches the wire (BREACH). So only the pages named here are compressed, none
//! of which shows a password, token or code, and only for a reader who came from this site or by hand: nobody else chooses what is
//! searched for. Bodies of requests are never inflated; this is about answers alone.

use actix_web::Error;
use actix_web::body::{BodySize, EitherBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use flate2::Compression;

use crate::web::errors::PageError;
use crate::web::middleware::gzip::{gzip, takes_gzip};

/// Lists, events, documentation and records. What is not named is sent as it is.
const PAGES: [&str; 6] =
    ["/events", "/events/", "/docs/", "/settings/integrations/webhooks", "/settings/audit", "/settings/sessions"];
/// Below this it is not worth it; above, it would keep others waiting.
const SIZES: std::ops::RangeInclusive<u64> = 1_024..=2 * 1_024 * 1_024;

/// The layer.
pub(crate) async fn layer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Bytes>>, Error> {
    let may = *request.method() == Method::GET
        && PAGES.iter().any(|page| request.path() == *page || page.ends_with('/') && request.path().starts_with(page))
        && takes_gzip(request.headers())
        && came_by_itself(request.headers());
    let response = next.call(request).await?;
    if !may || !is_page(&response) {
        return Ok(response.map_into_left_body());
    }
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|_| PageError::Internal)?;
    let body = Bytes::from(gzip(&body, Compression::default()).unwrap_or_default());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding, Sec-Fetch-Site"));
    Ok(ServiceResponse::new(request, response.set_body(body).map_into_right_body()))
}

fn is_page<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_sized = matches!(response.response().body().size(), BodySize::Sized(size) if SIZES.contains(&size));
    is_sized && kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// Another site can send a reader here with a search of its choice. Browsers say so; who says nothing is not helped.
fn came_by_itself(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|state| state == "same-origin" || state == "none")
}
