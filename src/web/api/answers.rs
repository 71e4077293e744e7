//! The layer around the API: spells errors with the id of their request, and says how much more may be asked.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use crate::store::connection::error::with_causes;
use crate::web::api::caller::Caller;
use crate::web::api::errors::ApiError;
use crate::web::api::rate_limit::RateLimit;
use crate::web::app_state::AppState;
use crate::web::ingest::request_id;
use crate::web::problem;

/// The layer.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let error = response.response().error().and_then(|error| error.as_error::<ApiError>());
    if let Some(problem) = error.map(|error| spelled(error, response.request())) {
        response = response.into_response(problem);
    }
    let request = response.request().clone();
    if let Some(limit) = request.extensions().get::<RateLimit>() {
        limit.tell(response.headers_mut());
    }
    // What the caller holds goes back with the answer, and not with the connection.
    request.extensions_mut().remove::<Caller>();
    Ok(response)
}

fn spelled(error: &ApiError, request: &HttpRequest) -> HttpResponse {
    let id = request_id(request);
    match error {
        ApiError::Failed(_) | ApiError::Internal | ApiError::Unavailable(_) => {
            tracing::error!(request_id = %id, causes = with_causes(error), "a request of the API failed");
        }
        // Whoever looks for attacks wants to know.
        ApiError::TooManyFailures(_) => {
            let address = request.app_data::<web::Data<AppState>>().map(|state| state.sender(request).ip);
            tracing::info!(address = address.map(tracing::field::display), "a program was told to wait");
        }
        _ => {}
    }
    let origin = request.app_data::<web::Data<AppState>>().map(|state| state.public_url.clone());
    problem::respond(error.face(), &origin.unwrap_or_default(), id)
}

/// The answer for every address that nobody serves.
pub(crate) async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}
