//! The session cookie.
//!
//! The layer that carries sessions from page to page. The cookie holds a random key, the table its SHA-256; ingest does not pass
//! through it.

use actix_session::SessionMiddleware;
use actix_session::config::{BrowserSession, CookieContentSecurity};
use actix_web::body::MessageBody;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, Key, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::web::app_state::AppState;
use crate::web::session::{REMEMBERED_LASTS, Session};
use crate::web::session_store::PostgresSessions;

/// The name of the cookie. `__Host-` binds it to this host, https and the root path; browsers refuse it on plain http.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-session" } else { "session" }
}

/// The layer for pages.
pub(crate) fn layer(state: &AppState) -> SessionMiddleware<PostgresSessions> {
    let store = PostgresSessions { store: state.store.clone(), clock: state.clock.clone() };
    // The library gives all cookies an age or none, whatever their session says. So it gives none, and the cookie goes with the
    // browser's window, unless `keep_cookie` adds an age.
    SessionMiddleware::builder(store, Key::from(&state.keys.session))
        .cookie_name(cookie_name(state.is_https()).to_owned())
        .cookie_secure(state.is_https())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_path("/".to_owned())
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(BrowserSession::default())
        .build()
}

/// How long documentation waits for the database that knows its reader.
const KNOWN_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

/// Documentation is for everybody: while the database does not answer, it is shown as to somebody who is not signed in.
pub(crate) async fn optional_for_docs(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().filter(|_| request.path().starts_with("/docs")).cloned();
    let cookies = request.headers().get(header::COOKIE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let (Some(state), Some(cookies)) = (state, cookies) {
        let is_session = |cookie: &&str| cookie.trim().split('=').next() == Some(cookie_name(state.is_https()));
        if cookies.split(';').any(|cookie| is_session(&cookie))
            && !matches!(tokio::time::timeout(KNOWN_WITHIN, state.store.connection()).await, Ok(Ok(_)))
        {
            let others: Vec<&str> = cookies.split(';').filter(|cookie| !is_session(cookie)).collect();
            request.headers_mut().insert(header::COOKIE, HeaderValue::from_str(&others.join(";"))?);
        }
    }
    next.call(request).await
}

/// Put into the extensions of a request whose reader asked to stay signed in.
struct Remembered;

/// Within the session layer, which takes the state away when it writes the cookie: notes whether the reader asked to stay
/// signed in.
pub(crate) async fn note_remembered(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let answer = next.call(request).await?;
    if Session::of(answer.request()).signed_in().is_some_and(|signed_in| signed_in.remember) {
        answer.request().extensions_mut().insert(Remembered);
    }
    Ok(answer)
}

/// Around the session layer: the cookie of a reader who asked to stay signed in outlives the browser's window. It may outlive
/// the session too, whose end is decided on the server.
pub(crate) async fn keep_cookie(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut answer = next.call(request).await?;
    let is_remembered = answer.request().extensions().get::<Remembered>().is_some();
    let https = answer.request().app_data::<web::Data<AppState>>().is_some_and(|state| state.is_https());
    // The cookie that takes itself back has an age already.
    let is_kept = |cookie: &Cookie| is_remembered && cookie.name() == cookie_name(https) && cookie.max_age().is_none();
    let kept = answer.response().cookies().find(is_kept).map(Cookie::into_owned);
    if let Some(mut cookie) = kept {
        cookie.set_max_age(Duration::seconds(REMEMBERED_LASTS.as_secs()));
        answer.response_mut().del_cookie(cookie_name(https));
        answer.response_mut().add_cookie(&cookie)?;
    }
    Ok(answer)
}
