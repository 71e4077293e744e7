//! Error page middleware.
//!
//! The layer next to the handlers: an error that one of them gave does not know its request, so its page gets the request's id and
//! the reader's theme here, and the log gets the fault with that id.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use tracing::field::display;

use crate::domain::ids::RequestId;
use crate::web::app_state::AppState;
use crate::web::errors::{self, PageError};
use crate::web::kept_form::FormSlot;
use crate::web::session::Session;
use crate::web::theme;

/// Writes down what somebody who looks for attacks wants to know: who was throttled, and who asked for what is another's.
fn note_attempt(request: &HttpRequest, status: StatusCode, error: Option<&PageError>) {
    let page = request.match_pattern();
    let is_of_somebody = page.as_deref().is_some_and(|page| page.contains("{id}"));
    let is_foreign = matches!(error, Some(PageError::NotFound)) && is_of_somebody;
    if !is_foreign && status != StatusCode::TOO_MANY_REQUESTS {
        return;
    }
    let address = request.app_data::<web::Data<AppState>>().map(|state| state.sender(request).ip);
    let (address, user) = (address.map(display), Session::of(request).signed_in().map(|user| display(user.user.0)));
    if is_foreign {
        tracing::info!(address, user, page, "the page doesn’t exist, or belongs to another account");
    } else {
        tracing::info!(address, user, page, "somebody was told to wait");
    }
}

/// The layer.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request.extensions().get::<RequestId>().copied();
    let theme = theme::chosen(request.request());
    let response = next.call(request).await?.map_into_boxed_body();
    let error = response.response().error().and_then(|error| error.as_error::<PageError>());
    note_attempt(response.request(), response.status(), error);
    let Some((error, id)) = error.zip(id) else { return Ok(response) };
    errors::note(error, id);
    let form = response.request().extensions().get::<FormSlot>().and_then(FormSlot::kept);
    if let (PageError::SignInRequired { .. }, Some(form)) = (error, &form)
        && let Some(page) = errors::signed_out(form, theme)
    {
        return Ok(response.into_response(page));
    }
    if response.headers().contains_key(header::LOCATION) {
        return Ok(response);
    }
    let page = errors::page(error, Some(id), theme, form.as_ref());
    Ok(response.map_body(|_, _| BoxBody::new(page)))
}
