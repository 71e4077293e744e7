//! Bearer authentication (RFC 6750): who calls, and what the token and its user may do now.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::{Ready, ready};
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use crate::app::credential_act::CredentialAct;
use crate::domain::account::Member;
use crate::domain::api_token::{ApiToken, KIND, Scope};
use crate::domain::audit::{Act, Actor};
use crate::domain::checked_token::CheckedToken;
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, CredentialId, RequestId, SessionId};
use crate::domain::network::throttle_key;
use crate::fair_queue::{Permit, QueueError};
use crate::store::connection::pool::ask_once;
use crate::store::tables::api_tokens;
use crate::web::api::errors::ApiError;
use crate::web::app_state::AppState;
use crate::web::ingest::request_id;
use crate::web::required_action::RequiredAction;

/// How long a request waits while others of its account are answered.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// How long an answer may take until it begins.
const MAX_ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long somebody may ask to wait for the next event.
pub(crate) const MAX_LONG_POLL: Duration = Duration::from_secs(60);
/// The last use is not written more often than this.
const USE_RESOLUTION: SignedDuration = SignedDuration::from_secs(60);
/// How much of a user agent is kept, in characters.
const MAX_AGENT_CHARS: usize = 500;
/// The longest header that is looked at, in bytes.
const MAX_HEADER_BYTES: usize = 256;

/// What a route asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it says nothing of any account.
    Nothing,
    /// Its handler looks: a token, or the username and password of a sender.
    TokenOrSender,
    /// A token, whatever it may do.
    Token,
    /// A token with a scope.
    Scope(Scope),
    /// The same, for what programs do all the time: it counts among the requests of the account, and not among its acts.
    ScopeOften(Scope),
    /// A token with two scopes, which may wait for events.
    ScopesToWait(Scope, Scope),
    /// The same, for what takes access away, by itself or by its body: it is never too late for that. Where a body does more, the handler
    /// counts the act.
    ScopeToEnd(Scope),
}

impl Needs {
    /// The scopes that a token has to have.
    pub fn scopes(self) -> Vec<Scope> {
        match self {
            Self::Nothing | Self::TokenOrSender | Self::Token => Vec::new(),
            Self::Scope(scope) | Self::ScopeOften(scope) | Self::ScopeToEnd(scope) => vec![scope],
            Self::ScopesToWait(one, other) => vec![one, other],
        }
    }
}

/// A place among the requests of a token and of an account.
type Permits = (Permit<SessionId>, Permit<AccountId>);

/// Whoever calls.
#[derive(Clone)]
pub(crate) struct Caller(Rc<Known>);

struct Known {
    state: web::Data<AppState>,
    token: ApiToken,
    member: Member,
    address: IpAddr,
    now: Timestamp,
    request_id: RequestId,
    /// Its place among the requests of its token and of its account, until there is an answer.
    permits: RefCell<Option<Permits>>,
}

impl Caller {
    pub(crate) fn state(&self) -> &AppState {
        &self.0.state
    }

    pub(crate) fn token(&self) -> &ApiToken {
        &self.0.token
    }

    pub(crate) fn member(&self) -> &Member {
        &self.0.member
    }

    pub(crate) fn account(&self) -> AccountId {
        self.0.member.account_id
    }

    /// Gives its place back while it waits for something.
    pub(crate) fn let_others_go(&self) {
        self.0.permits.take();
    }

    /// Waits for a place again.
    pub(crate) async fn take_turn(&self) -> Result<(), ApiError> {
        let permits = turn(self.state(), self.token(), self.account()).await?;
        self.0.permits.replace(Some(permits));
        Ok(())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.now
    }

    /// Goes on only when the account has not changed too much lately. What is sent to a route with a scope counts by itself.
    pub(crate) fn count_act(&self) -> Result<(), ApiError> {
        count_act(self.state(), self.account(), self.now())
    }

    /// The record of what this program is about to do.
    pub(crate) fn act(&self) -> Act {
        Act {
            actor: Actor::User(self.0.member.user_id),
            at: self.0.now,
            remote_ip: Some(self.0.address),
            request_id: Some(self.0.request_id),
            token: Some(self.0.token.name.clone()),
        }
    }

    /// An act on one of the credentials that it may see.
    pub(crate) fn on<'a>(&'a self, id: CredentialId, act: &'a Act) -> Result<CredentialAct<'a>, ApiError> {
        let act = CredentialAct { store: &self.state().store, account: self.account(), id, act };
        if self.token().sees(id) { Ok(act) } else { Err(ApiError::NotFound) }
    }

    /// Since when events are shown, where the account has a time of its own.
    pub(crate) fn kept_since(&self) -> Option<Timestamp> {
        self.state().retention(&self.0.member).shortened_since(self.0.now)
    }

    /// Goes on only when an event is one that is still kept.
    pub(crate) fn require_kept(&self, id: EventId) -> Result<(), ApiError> {
        let is_kept = self.kept_since().is_none_or(|since| id >= EventId::first_of(since));
        if is_kept { Ok(()) } else { Err(ApiError::NotFound) }
    }

    /// Goes on only when the account's plan includes webhooks.
    pub(crate) fn require_pro(&self) -> Result<(), ApiError> {
        if self.0.member.plan.includes_webhooks() { Ok(()) } else { Err(ApiError::ProRequired) }
    }

    /// Goes on only when the token is bound to no credentials.
    pub(crate) fn require_unbound(&self) -> Result<(), ApiError> {
        if self.token().credentials.is_empty() { Ok(()) } else { Err(ApiError::BoundToCredentials) }
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Caller>().cloned().ok_or(ApiError::NoToken))
    }
}

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
    fn take(state: &AppState, request: &HttpRequest, account: AccountId) -> Option<Duration> {
        let now = state.clock.now();
        let wait = state.api_requests.wait(&account, now);
        if wait.is_none() {
            state.api_requests.note_failure(&account, now);
        }
        let ((most, window), (left, reset)) = (state.api_requests.quota(), state.api_requests.left(&account, now));
        request.extensions_mut().insert(Self { most, window, left, reset });
        wait
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

/// The layer around each route.
pub(crate) async fn layer(
    needs: Needs,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let (http, has_body) = (request.request().clone(), !request.method().is_safe());
    let patience = asked_wait(needs, request.method(), request.query_string());
    let answering = async {
        match admit(needs, request.request()).await {
            Ok(()) => next.call(request).await,
            Err(error) => Ok(request.error_response(error)),
        }
    };
    match timeout(MAX_ANSWER_WAIT + patience, ask_once(answering)).await {
        Ok(answer) => answer,
        Err(_) if has_body => Ok(ServiceResponse::from_err(ApiError::Timeout, http)),
        Err(_) => Ok(ServiceResponse::from_err(ApiError::Unavailable(None), http)),
    }
}

async fn admit(needs: Needs, request: &HttpRequest) -> Result<(), ApiError> {
    let is_sender = needs == Needs::TokenOrSender && !is_bearer(request);
    if needs == Needs::Nothing || (is_sender && request.headers().contains_key(header::AUTHORIZATION)) {
        return Ok(());
    }
    let state = request.app_data::<web::Data<AppState>>().cloned().ok_or(ApiError::Internal)?;
    let (sender, now) = (state.sender(request), state.clock.now());
    if state.is_https() && sender.https == Some(false) {
        return Err(ApiError::HttpsRequired);
    }
    let (token, member) = authenticate(&state, request, sender.ip, now).await?;
    let wait = RateLimit::take(&state, request, member.account_id);
    if let Some(wait) = wait.filter(|_| !matches!(needs, Needs::ScopeToEnd(_))) {
        return Err(ApiError::RateLimited(wait));
    }
    note_use(&state, request, &token, (sender.ip, now));
    if RequiredAction::of(&state, &member).is_some() {
        return Err(ApiError::ActionRequired);
    }
    if let Some(scope) = needs.scopes().into_iter().find(|scope| !token.scopes.contains(scope)) {
        return Err(ApiError::InsufficientScope(scope));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) && matches!(needs, Needs::Scope(_)) {
        count_act(&state, member.account_id, now)?;
    }
    remember(state, request, (token, member), (sender.ip, now)).await
}

/// One request of a sender that asks about itself, and its turn among those of its account.
pub(crate) async fn admit_sender(
    state: &AppState,
    request: &HttpRequest,
    account: AccountId,
) -> Result<Permit<AccountId>, ApiError> {
    if let Some(wait) = RateLimit::take(state, request, account) {
        return Err(ApiError::RateLimited(wait));
    }
    let waiting = timeout(MAX_WAIT, state.account_requests.acquire(account));
    Ok(waiting.await.map_err(|_| QueueError::TimedOut)??)
}

/// Takes one of the acts of the account, or says how long it has to wait.
fn count_act(state: &AppState, account: AccountId, now: Timestamp) -> Result<(), ApiError> {
    if let Some(wait) = state.acts_by_account.wait(&account, now) {
        return Err(ApiError::RateLimited(wait));
    }
    state.acts_by_account.note_failure(&account, now);
    Ok(())
}

/// Waits for a turn among the requests of the token and of the account, and leaves who calls for the handler.
async fn remember(
    state: web::Data<AppState>,
    request: &HttpRequest,
    (token, member): (ApiToken, Member),
    (address, now): (IpAddr, Timestamp),
) -> Result<(), ApiError> {
    let permits = RefCell::new(Some(turn(&state, &token, member.account_id).await?));
    let request_id = request_id(request);
    let known = Known { state: state.clone(), token, member, address, now, request_id, permits };
    request.extensions_mut().insert(Caller(Rc::new(known)));
    Ok(())
}

/// When it is the turn of a token among its own requests, and then among those of its account, as it is for pages.
async fn turn(state: &AppState, token: &ApiToken, account: AccountId) -> Result<Permits, QueueError> {
    let waiting = async {
        let of_token = state.page_requests.acquire(SessionId(token.id.0)).await?;
        Ok((of_token, state.account_requests.acquire(account).await?))
    };
    timeout(MAX_WAIT, waiting).await.map_err(|_| QueueError::TimedOut)?
}

/// How much longer an answer may take, because whoever follows events asked for that.
fn asked_wait(needs: Needs, method: &Method, query: &str) -> Duration {
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let waits = parameter("after").is_some() || matches!(needs, Needs::ScopesToWait(..));
    let follows = *method == Method::GET && waits;
    let wait = parameter("wait").filter(|_| follows).and_then(|wait| wait.parse().ok());
    Duration::from_secs(wait.unwrap_or(0)).min(MAX_LONG_POLL)
}

fn is_bearer(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value.as_bytes().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer")))
}

/// The token of exactly one `Authorization` header; `Err` where there is one and it is none of this installation.
fn presented(state: &AppState, request: &HttpRequest) -> Result<CheckedToken, ApiError> {
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
async fn authenticate(
    state: &AppState,
    request: &HttpRequest,
    address: IpAddr,
    now: Timestamp,
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
    let found = api_tokens::find_by_hash(&mut *state.store.connection().await?, &value.hash()).await?;
    let found = found.filter(|(token, _)| token.is_opened(now) && token.allows(address));
    found.ok_or(ApiError::InvalidToken).map_err(refuse)
}

/// Notes the use beside the request, which does not wait.
fn note_use(state: &AppState, request: &HttpRequest, token: &ApiToken, (address, at): (IpAddr, Timestamp)) {
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
