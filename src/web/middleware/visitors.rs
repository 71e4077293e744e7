//! Visitors middleware: whoever is not signed in gets connections to the database in the share of their address.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::domain::network::queue_key;
use crate::store::connection::pool::as_visitor;
use crate::web::app_state::AppState;
use crate::web::session::Session;

/// The layer, within that of sessions. An address that speaks for many has no share: nobody knows how many they are.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_signed_in = Session::of(request.request()).signed_in().is_some();
    let state = request.app_data::<web::Data<AppState>>().filter(|_| !is_signed_in);
    let address = state.and_then(|state| {
        let ip = state.sender(request.request()).ip;
        (!state.trusted_proxies.speaks_for_many(ip)).then(|| queue_key(ip))
    });
    match address {
        Some(address) => as_visitor(address, next.call(request)).await,
        None => next.call(request).await,
    }
}
