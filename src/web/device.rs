//! The device cookie.
//!
//! The cookie by which a browser is known to a user who has signed in with it: see [`crate::domain::device`]. Every page that a
//! signed-in browser asks for sees to it that the browser has one that counts.

use actix_web::body::MessageBody;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use jiff::Timestamp;

use crate::domain::account::Member;
use crate::domain::device::{DEVICE_LASTS, Device};
use crate::domain::ids::SessionId;
use crate::web::app_state::AppState;

/// The name of the cookie. `__Host-` binds it to this host, https and the root path.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-device" } else { "device" }
}

/// What the browser says it is. Whether its user still knows it is another question.
pub(crate) fn of(request: &HttpRequest, state: &AppState) -> Option<Device> {
    Device::read(&state.keys, request.cookie(cookie_name(state.is_https()))?.value())
}

/// Put into the extensions of a request whose browser is to be known from now on.
struct Recognised(Device);

/// Notes that a signed-in browser is a known one, unless its cookie says so already.
pub(crate) fn recognise(
    request: &HttpRequest,
    input: Option<Device>,
    member: &Member,
    session: SessionId,
    now: Timestamp,
) {
    let is_known = input.is_some_and(|device| device.session == session && device.is_known_to(member, now));
    if !is_known {
        request.extensions_mut().insert(Recognised(Device { user: member.user_id, session, since: now }));
    }
}

/// The layer that gives a browser its cookie.
pub(crate) async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut answer = next.call(request).await?;
    let recognised = answer.request().extensions_mut().remove::<Recognised>();
    let state = answer.request().app_data::<web::Data<AppState>>().cloned();
    if let (Some(Recognised(device)), Some(state)) = (recognised, state) {
        let cookie = Cookie::build(cookie_name(state.is_https()), device.written(&state.keys))
            .path("/")
            .http_only(true)
            .secure(state.is_https())
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(DEVICE_LASTS.as_secs()))
            .finish();
        answer.response_mut().add_cookie(&cookie)?;
    }
    Ok(answer)
}
