//! Authorization: who calls, and what the token and its user may do now.

use std::cell::RefCell;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};
use futures_util::FutureExt;
use futures_util::future::{Ready, ready};
use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};

use crate::app::credential_act::CredentialAct;
use crate::domain::account::Member;
use crate::domain::api_token::{ApiToken, Scope};
use crate::domain::audit::{Act, Actor};
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, CredentialId, RequestId, SessionId};
use crate::fair_queue::{Permit, QueueError};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::ask_once;
use crate::web::api::authentication::{authenticate, find_opened, is_bearer, note_use, presented};
use crate::web::api::errors::ApiError;
use crate::web::api::rate_limit::RateLimit;
use crate::web::app_state::AppState;
use crate::web::ingest::request_id;
use crate::web::middleware::request_context::panic_text;
use crate::web::required_action::RequiredAction;

/// How long a request waits while others of its account are answered.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// How long an answer may take until it begins.
const MAX_ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long somebody may ask to wait for the next event.
pub(crate) const MAX_LONG_POLL: Duration = Duration::from_secs(60);

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

    /// It is never too late to take access away.
    fn never_waits(self) -> bool {
        matches!(self, Self::ScopeToEnd(_))
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
    /// The SHA-256 of its value.
    hash: String,
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

    /// Waits for a place again, until a moment at most; whether there is one.
    pub(crate) async fn take_turn_before(&self, until: Instant) -> Result<bool, ApiError> {
        let Ok(permits) = timeout_at(until, acquire(self.state(), self.token(), self.account())).await else {
            return Ok(false);
        };
        self.0.permits.replace(Some(permits?));
        Ok(true)
    }

    /// Whether its token and its user still let it in.
    pub(crate) async fn is_still_let_in(&self) -> Result<bool, StoreError> {
        let (state, address) = (self.state(), self.0.address);
        let found = find_opened(state, &self.0.hash, state.clock.now()).await?;
        Ok(found.is_some_and(|(token, member)| token.allows(address) && RequiredAction::of(state, &member).is_none()))
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
    // Beside the layer around all requests, which answers people.
    let error = match AssertUnwindSafe(timeout(MAX_ANSWER_WAIT + patience, ask_once(answering))).catch_unwind().await {
        Ok(Ok(answer)) => return answer,
        Ok(Err(_)) if has_body => ApiError::Timeout,
        Ok(Err(_)) => ApiError::Unavailable(None),
        Err(panic) => {
            tracing::error!(reason = panic_text(panic.as_ref()), "a handler of the API panicked");
            ApiError::Internal
        }
    };
    Ok(ServiceResponse::from_err(error, http))
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
    let (token, member) = authenticate(&state, request, needs.never_waits(), (sender.ip, now)).await?;
    let wait = RateLimit::take(&state, request, member.account_id);
    if let Some(wait) = wait.filter(|_| !needs.never_waits()) {
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
    let hash = presented(&state, request)?.hash();
    let permits = RefCell::new(Some(turn(&state, &token, member.account_id).await?));
    let request_id = request_id(request);
    let known = Known { state: state.clone(), token, hash, member, address, now, request_id, permits };
    request.extensions_mut().insert(Caller(Rc::new(known)));
    Ok(())
}

/// When it is the turn of a token among its own requests, and then among those of its account, as it is for pages.
async fn turn(state: &AppState, token: &ApiToken, account: AccountId) -> Result<Permits, QueueError> {
    timeout(MAX_WAIT, acquire(state, token, account)).await.map_err(|_| QueueError::TimedOut)?
}

async fn acquire(state: &AppState, token: &ApiToken, account: AccountId) -> Result<Permits, QueueError> {
    let of_token = state.page_requests.acquire(SessionId(token.id.0)).await?;
    Ok((of_token, state.account_requests.acquire(account).await?))
}

/// How much longer an answer may take, because whoever follows events asked for that.
fn asked_wait(needs: Needs, method: &Method, query: &str) -> Duration {
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let waits = parameter("after").is_some() || matches!(needs, Needs::ScopesToWait(..));
    let follows = method.is_safe() && waits;
    let wait = parameter("wait").filter(|_| follows).and_then(|wait| wait.parse().ok());
    Duration::from_secs(wait.unwrap_or(0)).min(MAX_LONG_POLL)
}
