//! Sessions.
//!
//! Sessions: actix-session with a store on Postgres, since a session that lives in a cookie cannot be ended. The cookie holds
//! a random key, the table its SHA-256.

use std::collections::HashMap;
use std::net::IpAddr;

use actix_session::config::{BrowserSession, CookieContentSecurity};
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_session::{Session, SessionExt, SessionMiddleware};
use actix_web::body::MessageBody;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::digest::sha256;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::second_factor::HALFWAY_LASTS;
use crate::random;
use crate::store::pool::Store;
use crate::store::sessions::{self, NewSession};
use crate::web::app_state::AppState;

/// The longest life of a session, in hours: 30 days when the reader asked to stay signed in, else half a day.
const REMEMBERED_HOURS: i64 = 30 * 24;
const NOT_REMEMBERED_HOURS: i64 = 12;

const USER: &str = "user";
const ID: &str = "id";
const REMEMBER: &str = "remember";
const ADDRESS: &str = "address";
const AGENT: &str = "agent";
const PASSWORD_AT: &str = "password_at";
/// The word in stored sessions, which the release before reads as well.
const PENDING: &str = "halfway";

/// The name of the cookie. `__Host-` binds it to this host, https and the root path; browsers refuse it on plain http.
pub fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-session" } else { "session" }
}

/// The layer for pages. Ingest does not pass through it.
pub fn layer(state: &AppState) -> SessionMiddleware<PostgresSessions> {
    let store = PostgresSessions { store: state.store.clone(), clock: state.clock.clone() };
    // The cookie goes with the browser's window, unless `keep_cookie` gives it an age.
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

/// Put into the extensions of a request whose reader asked to stay signed in.
struct Remembered;

/// Within the session layer, which takes the state away when it writes the cookie: notes whether the reader asked to stay
/// signed in.
pub async fn note_remembered(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let answer = next.call(request).await?;
    if answer.request().get_session().get::<bool>(REMEMBER).is_ok_and(|input| input == Some(true)) {
        answer.request().extensions_mut().insert(Remembered);
    }
    Ok(answer)
}

/// Around the session layer: the cookie of a reader who asked to stay signed in outlives the browser's window. It may outlive
/// the session too, whose end is decided on the server.
pub async fn keep_cookie(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut answer = next.call(request).await?;
    if answer.request().extensions().get::<Remembered>().is_none() {
        return Ok(answer);
    }
    let max_age = Duration::hours(REMEMBERED_HOURS).whole_seconds();
    let kept = |cookie: &HeaderValue| {
        let text = cookie.to_str().ok()?;
        let is_session = [true, false]
            .into_iter()
            .any(|https| text.strip_prefix(cookie_name(https)).is_some_and(|rest| rest.starts_with('=')));
        // The cookie that takes itself back has an age already.
        let lasts = is_session && !text.contains("Max-Age");
        lasts.then(|| HeaderValue::from_str(&format!("{text}; Max-Age={max_age}")).ok()).flatten()
    };
    let cookies: Vec<HeaderValue> = answer.headers_mut().remove(header::SET_COOKIE).collect();
    for cookie in cookies {
        let cookie = kept(&cookie).unwrap_or(cookie);
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// What a signed-in session knows.
#[derive(Clone, Copy, Debug)]
pub struct SessionUser {
    pub user: UserId,
    pub session: SessionId,
    /// When the account password was last given. Sessions of releases that did not note it have none.
    pub password_at: Option<Timestamp>,
}

/// Who is signed in, if anybody.
pub fn user(session: &Session) -> Option<SessionUser> {
    let user: Uuid = session.get(USER).ok()??;
    let id: Uuid = session.get(ID).ok()??;
    let password_at = session.get::<String>(PASSWORD_AT).ok().flatten().and_then(|text| text.parse().ok());
    Some(SessionUser { user: UserId(user), session: SessionId(id), password_at })
}

/// Signs in under a new key: whatever key the browser had before is worth nothing.
pub fn sign_in(
    session: &Session,
    user: UserId,
    remember: bool,
    address: String,
    agent: Option<String>,
    now: Timestamp,
) {
    session.clear();
    session.renew();
    // Inserting texts and ids into a map of texts cannot fail.
    let _ = session.insert(USER, user.0);
    let _ = session.insert(ID, Uuid::new_v4());
    let _ = session.insert(REMEMBER, remember);
    let _ = session.insert(ADDRESS, address);
    let _ = session.insert(AGENT, agent);
    note_password(session, now);
}

/// What is kept of somebody who gave the right password and has yet to give a code. It stands apart from what a signed-in session
/// knows, so that no other page takes one for the other.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PendingSecondFactor {
    user: Uuid,
    password_at: String,
    /// What was chosen with the password.
    pub remember: bool,
    pub next: String,
}

impl PendingSecondFactor {
    pub fn user(&self) -> UserId {
        UserId(self.user)
    }

    /// When the password was given; long ago, where that cannot be read.
    pub fn password_at(&self) -> Timestamp {
        self.password_at.parse().unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Whose sign-in waits for the second factor, if anybody's.
pub fn pending(session: &Session) -> Option<PendingSecondFactor> {
    session.get(PENDING).ok().flatten()
}

/// Notes the right password under a new key. Nobody is signed in by this.
pub fn begin_pending(session: &Session, user: UserId, remember: bool, next: &str, now: Timestamp) {
    session.clear();
    session.renew();
    let pending = PendingSecondFactor { user: user.0, password_at: now.to_string(), remember, next: next.to_owned() };
    let _ = session.insert(PENDING, pending);
}

/// Notes from where a session is used, where that has changed.
pub fn note_address(session: &Session, address: IpAddr) {
    let address = address.to_string();
    if session.get::<String>(ADDRESS).ok().flatten().as_ref() != Some(&address) {
        let _ = session.insert(ADDRESS, address);
    }
}

/// Notes that the account password was given. The key stays: a new one would begin the session's longest life anew.
pub fn note_password(session: &Session, now: Timestamp) {
    let _ = session.insert(PASSWORD_AT, now.to_string());
}

/// Signs out: the session is gone on the server, not only in the browser.
pub fn sign_out(session: &Session) {
    session.purge();
}

/// The table of sessions, as actix-session wants it.
#[derive(Clone, Debug)]
pub struct PostgresSessions {
    store: Store,
    clock: Clock,
}

type State = HashMap<String, String>;

/// States hold JSON texts, as actix-session writes them.
fn value<T: serde::de::DeserializeOwned>(state: &State, name: &str) -> Option<T> {
    serde_json::from_str(state.get(name)?).ok()
}

fn password_at(state: &State) -> Option<Timestamp> {
    value::<String>(state, PASSWORD_AT)?.parse().ok()
}

fn address(state: &State) -> Option<IpAddr> {
    value::<String>(state, ADDRESS)?.parse().ok()
}

fn key_hash(key: &str) -> [u8; 32] {
    sha256(key.as_bytes())
}

impl SessionStore for PostgresSessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let mut conn = self.store.connection().await.map_err(|e| LoadError::Other(e.into()))?;
        let found = sessions::find_state(&mut conn, &key_hash(key.as_ref()), self.clock.now()).await;
        let text = found.map_err(|e| LoadError::Other(e.into()))?;
        text.map(|text| serde_json::from_str(&text).map_err(|e| LoadError::Deserialization(e.into()))).transpose()
    }

    async fn save(&self, state: State, _: &Duration) -> Result<SessionKey, SaveError> {
        let random = random::bytes::<32>().map_err(|e| SaveError::Other(e.into()))?;
        let key = BASE64_URL_SAFE_NO_PAD.encode(random);
        let now = self.clock.now();
        let lasts = if state.contains_key(PENDING) {
            HALFWAY_LASTS
        } else if value(&state, REMEMBER).unwrap_or(false) {
            SignedDuration::from_hours(REMEMBERED_HOURS)
        } else {
            SignedDuration::from_hours(NOT_REMEMBERED_HOURS)
        };
        let session = NewSession {
            key_hash: key_hash(&key),
            id: SessionId(value(&state, ID).unwrap_or_else(Uuid::new_v4)),
            user: value(&state, USER).map(|user| (UserId(user), password_at(&state).unwrap_or(Timestamp::UNIX_EPOCH))),
            state: serde_json::to_string(&state).map_err(|e| SaveError::Serialization(e.into()))?,
            expires_at: now.saturating_add(lasts).unwrap_or(now),
            remote_ip: address(&state),
            user_agent: value::<Option<String>>(&state, AGENT).flatten(),
        };
        // Where no session begins, the key opens nothing, and the next page asks to sign in.
        let inserting = self.store.transaction(async |conn| sessions::insert(conn, &session, now).await);
        inserting.await.map_err(|e| SaveError::Other(e.into()))?;
        SessionKey::try_from(key).map_err(|e| SaveError::Other(e.into()))
    }

    async fn update(&self, key: SessionKey, state: State, _: &Duration) -> Result<SessionKey, UpdateError> {
        let text = serde_json::to_string(&state).map_err(|e| UpdateError::Serialization(e.into()))?;
        let mut conn = self.store.connection().await.map_err(|e| UpdateError::Other(e.into()))?;
        // A session that was ended while this request ran stays ended.
        sessions::update_state(&mut conn, &key_hash(key.as_ref()), &text, address(&state))
            .await
            .map_err(|e| UpdateError::Other(e.into()))?;
        Ok(key)
    }

    /// The end of a session is fixed when it begins, so there is nothing to extend; idleness is measured by its use.
    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let mut conn = self.store.connection().await?;
        Ok(sessions::delete(&mut conn, &key_hash(key.as_ref())).await?)
    }
}
