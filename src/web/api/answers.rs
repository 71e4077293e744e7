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

#[cfg(test)]
mod tests {
    use actix_web::http::header;
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use actix_web::{App, HttpResponse, middleware, web};
    use serde_json::Value;

    use super::layer;
    use crate::web::api::caller::{self, Needs};

    #[actix_web::test]
    async fn a_panic_of_a_handler_is_told_as_a_problem() {
        let broken = web::get().to(async || {
            assert!(std::hint::black_box(false), "the secret of Alice");
            HttpResponse::Ok().finish()
        });
        let broken = broken.wrap(middleware::from_fn(|request, next| caller::layer(Needs::Nothing, request, next)));
        let scope = web::scope("").wrap(middleware::from_fn(layer)).route("/", broken);
        let service = init_service(App::new().service(scope)).await;
        let answer = call_service(&service, TestRequest::get().to_request()).await;
        let kind = answer.headers().get(header::CONTENT_TYPE).unwrap();
        assert_eq!((answer.status().as_u16(), kind.as_bytes()), (500, &b"application/problem+json"[..]));
        let problem: Value = read_body_json(answer).await;
        assert_eq!(problem["code"], "internal");
        assert!(!problem.to_string().contains("Alice"));
    }
}
