//! Form recovery middleware: notes what may be kept of a form, for the page of an error.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::web::errors::PageError;
use crate::web::forms::read_again;
use crate::web::kept_form::{FormSlot, KeptForm};

/// The layer: reads a form before anything can fail, notes what may be kept of it, and hands it on. A body without a length, or of
/// more than a form has, is no form of a page of ours: its handler says so. A script that sends one has its page still.
pub(crate) async fn layer(
    (page_of, max_bytes): (fn(&str) -> String, usize),
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_seen = request.headers().get("sec-fetch-mode").is_none_or(|mode| mode.as_bytes() == b"navigate");
    let is_form =
        *request.method() == Method::POST && is_seen && length.is_some_and(|length: usize| length <= max_bytes);
    let slot = request.extensions().get::<FormSlot>().filter(|_| is_form).cloned();
    if let Some(slot) = slot {
        let payload = request.extract::<web::Payload>().await?;
        let body = payload.to_bytes_limited(max_bytes).await.map_err(|_| PageError::TooLarge)??;
        let action = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let page = page_of(request.path());
        // With the query that its form has too.
        let page = if page == request.path() { action.clone() } else { page };
        slot.keep(KeptForm::read(action, page, &body));
        request.set_payload(read_again(body));
    }
    next.call(request).await
}
