//! Bearer authentication (RFC 6750): which token a request brings, and whose it is.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header;
use jiff::{SignedDuration, Timestamp};

use crate::domain::account::Member;
use crate::domain::api_token::{ApiToken, KIND};
use crate::domain::checked_token::CheckedToken;
use crate::domain::network::throttle_key;
use crate::store::connection::error::StoreError;
use crate::store::tables::api_tokens;
use crate::web::api::errors::ApiError;
use crate::web::api::rate_limit::RateLimit;
use crate::web::app_state::AppState;

/// The last use is not written more often than this.
const USE_RESOLUTION: SignedDuration = SignedDuration::from_secs(60);
/// How much of a user agent is kept, in characters.
const MAX_AGENT_CHARS: usize = 500;
/// The longest header that is looked at, in bytes.
const MAX_HEADER_BYTES: usize = 256;

/// Whether a request brings a token, right or wrong.
pub(crate) fn is_bearer(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value.as_bytes().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer")))
}

/// The token of exactly one `Authorization` header; `Err` where there is one and it is none of this installation.
pub(crate) fn presented(state: &AppState, request: &HttpRequest) -> Result<CheckedToken, ApiError> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let value = values.next().ok_or(ApiError::NoToken)?;
    if values.next().is_some() || value.len() > MAX_HEADER_BYTES {
        return Err(ApiError::InvalidToken);
    }
    let text = value.to_str().map_err(|_| ApiError::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(ApiError::InvalidToken)?;
    let token = Some(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("Bearer")).ok_or(ApiError::InvalidToken)?;
    KIND.recognise(&state.keys.checksum, token).ok_or(ApiError::InvalidToken)
}

/// Who a token is of. A forgery is told by its checksum and costs no query; a right one is looked up by each request, so that a revocation
/// counts from the next one on, on every instance.
pub(crate) async fn authenticate(
    state: &AppState,
    request: &HttpRequest,
    never_waits: bool,
    (address, now): (IpAddr, Timestamp),
) -> Result<(ApiToken, Member), ApiError> {
    let key = throttle_key(address);
    let refuse = |error: ApiError| match (&error, state.engine.limiter.wait(&key, now)) {
        (ApiError::InvalidToken, Some(wait)) => ApiError::TooManyFailures(wait),
        (ApiError::InvalidToken, None) => {
            state.engine.limiter.note_failure(&key, now);
            error
        }
        _ => error,
    };
    let value = presented(state, request).map_err(refuse)?;
    let hash = value.hash();
    // Who has to wait anyway is told so without a query, by what the last look at the token told.
    match state.known_tokens.get(&hash) {
        Some(Some(account)) if !never_waits && state.api_requests.wait(&account, now).is_some() => {
            let wait = RateLimit::take(state, request, account);
            return Err(ApiError::RateLimited(wait.unwrap_or_default()));
        }
        Some(None) if state.engine.limiter.wait(&key, now).is_some() => return Err(refuse(ApiError::InvalidToken)),
        _ => {}
    }
    let found = find_opened(state, &hash, now).await?;
    let is_allowed = found.as_ref().is_none_or(|(token, _)| token.allows(address));
    // What is refused to one network is not to others.
    if is_allowed {
        state.known_tokens.insert(hash, found.as_ref().map(|(_, member)| member.account_id));
    }
    found.filter(|_| is_allowed).ok_or(ApiError::InvalidToken).map_err(refuse)
}

/// The token with a hash and its user, if it works now, from whichever network.
pub(crate) async fn find_opened(
    state: &AppState,
    hash: &str,
    now: Timestamp,
) -> Result<Option<(ApiToken, Member)>, StoreError> {
    let found = api_tokens::find_by_hash(&mut *state.store.connection().await?, hash).await?;
    Ok(found.filter(|(token, _)| token.is_opened(now)))
}

/// Notes the use beside the request, which does not wait.
pub(crate) fn note_use(state: &AppState, request: &HttpRequest, token: &ApiToken, (address, at): (IpAddr, Timestamp)) {
    let not_since = at.saturating_sub(USE_RESOLUTION).unwrap_or(at);
    if token.last_used_at.is_some_and(|used| used > not_since) {
        return;
    }
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let agent: Option<String> = agent.map(|agent| agent.chars().take(MAX_AGENT_CHARS).collect());
    let (store, id) = (state.store.clone(), token.id);
    state.store.spawn(async move {
        let noted = match store.background_connection().await {
            Ok(mut conn) => api_tokens::note_use(&mut conn, id, (at, not_since), (address, agent.as_deref())).await,
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "the use of an API token was not noted");
        }
    });
}
