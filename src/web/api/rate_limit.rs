//! The rate limit of an account, and the header fields that tell of it.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};

use crate::domain::ids::AccountId;
use crate::web::app_state::AppState;

/// What is told of how much more the account may ask (draft-ietf-httpapi-ratelimit-headers).
pub(crate) struct RateLimit {
    most: u64,
    /// In which they come back, in seconds.
    window: u64,
    left: u64,
    /// Until all may be asked again, in seconds.
    reset: u64,
}

impl RateLimit {
    /// Takes one request of the account, or says how long it has to wait; the answer to the request says what is left.
    pub(crate) fn take(state: &AppState, request: &HttpRequest, account: AccountId) -> Option<Duration> {
        let now = state.clock.now();
        let wait = state.api_requests.wait(&account, now);
        if wait.is_none() {
            state.api_requests.note_failure(&account, now);
        }
        let ((most, window), (left, reset)) = (state.api_requests.quota(), state.api_requests.left(&account, now));
        request.extensions_mut().insert(Self { most, window, left, reset });
        wait
    }

    /// Gives back what a request took that turned out to be none of those that are counted.
    pub(crate) fn give_back(state: &AppState, request: &HttpRequest, account: AccountId) {
        state.api_requests.give_back(&account);
        if let Some(told) = request.extensions_mut().get_mut::<Self>() {
            told.left = (told.left + 1).min(told.most);
        }
    }

    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Self { most, window, left, reset } = self;
        let fields = [
            ("ratelimit-policy", format!(r#""account";q={most};w={window}"#)),
            ("ratelimit", format!(r#""account";r={left};t={reset}"#)),
        ];
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}
