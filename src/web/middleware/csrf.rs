//! CSRF protection (cross-site request forgery) as middleware.
//!
//! Refuses writes that another site makes a browser send. Browsers say where a request comes from in `Sec-Fetch-Site`; older ones
//! say it in `Origin`; a request with neither is refused too.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};

use crate::web::app_state::AppState;
use crate::web::errors::PageError;
use crate::web::misdirected;

/// The layer, on every page and every unsafe method.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || is_own(&request) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let (request, _) = request.into_parts();
    if let Some(answer) = answer_to_sender(&request) {
        return Ok(ServiceResponse::new(request, answer).map_into_right_body());
    }
    let state = request.app_data::<web::Data<AppState>>();
    let address = state.map(|state| tracing::field::display(state.sender(&request).ip));
    let origin = request.headers().get(header::ORIGIN).map(tracing::field::debug);
    tracing::info!(address, origin, page = request.match_pattern(), "a form from another site was refused");
    Ok(ServiceResponse::from_err(PageError::CrossSite, request).map_into_right_body())
}

/// A sender that posts to a wrong address learns the right one, instead of reading a page about forms.
fn answer_to_sender(request: &HttpRequest) -> Option<HttpResponse> {
    let headers = request.headers();
    let is_sender = headers.contains_key(header::AUTHORIZATION) && !headers.contains_key("sec-fetch-site");
    let state = request.app_data::<web::Data<AppState>>().filter(|_| is_sender)?;
    Some(misdirected::at_another_address(state, request))
}

fn is_own(request: &ServiceRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(state) = header("sec-fetch-site") {
        return matches!(state, "same-origin" | "none");
    }
    let own = request.app_data::<web::Data<AppState>>().map(|state| state.public_url.as_str());
    own.is_some() && header(header::ORIGIN.as_str()) == own
}
