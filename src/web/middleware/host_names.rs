//! The host that a request names: pages answer to their own names alone (see [`crate::domain::host_names`]).

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, web};

use crate::web::app_state::AppState;
use crate::web::errors::PageError;

/// The layer of the pages.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    match state.filter(|state| !is_answered(state, request.request())) {
        None => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Some(state) => {
            let (address, answered) = (state.public_url.clone(), state.host_names.words());
            let error = PageError::OtherHost { address, answered };
            Ok(ServiceResponse::from_err(error, request.into_parts().0).map_into_right_body())
        }
    }
}

/// Whether a request names a host that is answered. One of HTTP/1.0 may name none; no browser is as old.
pub(crate) fn is_answered(state: &AppState, request: &HttpRequest) -> bool {
    let named = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    // A target that is a whole address counts more than the header (RFC 9112, section 3.2.2).
    request.uri().host().or(named).is_none_or(|host| state.host_names.include(host))
}
