//! Error page middleware.
//!
//! The layer next to the handlers: an error that one of them gave does not know its request, so its page gets the request's id and
//! the reader's theme here, and the log gets the fault with that id.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

use crate::domain::ids::RequestId;
use crate::web::errors::{self, PageError};
use crate::web::theme;

/// The layer.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request.extensions().get::<RequestId>().copied();
    let theme = theme::chosen(request.request());
    let response = next.call(request).await?.map_into_boxed_body();
    let error = response.response().error().and_then(|error| error.as_error::<PageError>());
    let Some((error, id)) = error.zip(id) else { return Ok(response) };
    errors::note(error, id);
    if response.headers().contains_key(header::LOCATION) {
        return Ok(response);
    }
    let page = errors::page(error, Some(id), theme);
    Ok(response.map_body(|_, _| BoxBody::new(page)))
}
