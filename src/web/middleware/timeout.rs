//! Request timeout middleware for pages.
//!
//! Bounds how long a page may take until its answer begins: a form that does not arrive, a database that does not answer.

use std::time::Duration;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;

use crate::store::connection::pool::ask_once;
use crate::web::errors::PageError;

/// Streams begin at once and may then go on for as long as they like.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The layer.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let has_form = *request.method() == Method::POST;
    match tokio::time::timeout(MAX_WAIT, ask_once(next.call(request))).await {
        Ok(answer) => answer,
        Err(_) if has_form => Err(PageError::TimedOut.into()),
        Err(_) => Err(PageError::unavailable().into()),
    }
}
