//! Requests of senders that can be no event: with another method, at another address, or with one that is too long. Where they came
//! with credentials that are right, their owner reads of it; the answer does not depend on that.

use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, guard, web};

use crate::domain::rejection::Reason;
use crate::domain::token_address::without_token;
use crate::web::app_state::AppState;
use crate::web::arrived_head::ArrivedHead;
use crate::web::handshakes;
use crate::web::ingest::{head_of, request_id};
use crate::web::problem;

/// How much of an address the owner reads, in characters.
const MAX_SHOWN_PATH: usize = 100;

/// Any other method of a sender, but for those by which some systems ask whether they may send.
pub(crate) async fn method_not_allowed(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    match handshakes::answer(&state, &request).await {
        Some(answer) => answer,
        None => problem::method_not_allowed(request.method(), &state.public_url, request_id(&request)),
    }
}

/// Any other address of a listener that serves ingest alone, and what is no address of a page.
pub(crate) async fn not_found(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    at_another_address(&state, &request)
}

/// The answer to a sender that sends to another address.
pub(crate) fn at_another_address(state: &AppState, request: &HttpRequest) -> HttpResponse {
    let path: String =
        without_token(request.path()).chars().take(MAX_SHOWN_PATH).flat_map(char::escape_default).collect();
    let detail = format!("{} {path} was sent; the endpoint is {}", request.method(), state.ingest_url);
    state.engine.note_misdirected(&head_of(state, request), Reason::WrongPath, detail);
    problem::not_found(&state.ingest_url, &state.public_url, request_id(request))
}

/// Whatever has too long an address.
pub(crate) async fn uri_too_long(state: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    let detail = "the address of the request is longer than is looked at".to_owned();
    state.engine.note_misdirected(&head_of(&state, &request), Reason::UriTooLong, detail);
    problem::uri_too_long(&state.public_url, request_id(&request))
}

/// Whether the address of a request is too long.
pub(crate) fn has_too_long_an_address(context: &guard::GuardContext<'_>) -> bool {
    context.req_data().get::<ArrivedHead>().is_some_and(|arrived| arrived.target_is_cut)
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
    // No browser says what it sends when it asks for a page. Some programs do, whose POST has become a GET.
    let sends = headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::CONTENT_TYPE);
    navigates || (!sends && headers.get_all("accept").any(accepts_html))
}

/// What Java's `HttpURLConnection` accepts, whatever it asks for. It follows redirects, and says so after one as well.
const ACCEPTED_BY_JAVA: &str = "text/html, image/gif, image/jpeg, *";

fn accepts_html(accept: &HeaderValue) -> bool {
    let Ok(accept) = accept.to_str() else { return false };
    let mut types = accept.split([',', ';']).map(str::trim);
    !accept.starts_with(ACCEPTED_BY_JAVA) && types.any(|name| name.eq_ignore_ascii_case("text/html"))
}
