//! The extractors `CurrentUser` and `SignedIn`.
//!
//! Who asks for a page: taken from the request once, for every handler. `CurrentUser` is anybody; `SignedIn` has an account, and a
//! handler that takes one cannot be reached without.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::timeout;
use uuid::Uuid;

use crate::app::credential_act::CredentialAct;
use crate::app::member_act::MemberAct;
use crate::domain::account::Member;
use crate::domain::account_password::PASSWORD_VOUCHES_FOR;
use crate::domain::audit::{Act, Actor};
use crate::domain::device::{Browser, Device};
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, CredentialId, RequestId, SessionId, UserId};
use crate::domain::retention::Retention;
use crate::fair_queue::{Permit, QueueError};
use crate::store::tables::users;
use crate::web::app_state::AppState;
use crate::web::errors::PageError;
use crate::web::kept_form::FormSlot;
use crate::web::notice::Notice;
use crate::web::page::{Page, Viewer};
use crate::web::required_action::RequiredAction;
use crate::web::responses::see_other;
use crate::web::session::{Identity, Session, SignedInSession};
use crate::web::zone::Clock;
use crate::web::{device, theme};

/// How long a request waits while others of its account are answered.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// What shuts somebody out who got in: whoever got in cannot keep the owner from it by using up the rate of changes.
const NEVER_LATE: [&str; 8] = [
    "/settings/account/password",
    "/settings/other-sessions/ending",
    "/settings/sessions/{id}/revocation",
    "/settings/api-tokens/{id}/revocation",
    "/settings/integrations/webhooks/credentials/{id}/revocation",
    "/settings/integrations/webhooks/credentials/{id}/disabling",
    "/settings/integrations/webhooks/credentials/{id}/old-password-revocation",
    "/settings/integrations/webhooks/credentials/{id}/token-address-revocation",
];
/// The header of a script that shows the notice of the page that it loads.
const SHOWS_NOTICE: &str = "x-shows-notice";

/// Whom a request comes from, in its extensions: layers and handlers ask one after another, and it is looked up once.
struct Found(Option<Member>);

async fn find_member(request: &HttpRequest, state: &AppState, user: UserId) -> Result<Option<Member>, PageError> {
    if let Some(Found(member)) = request.extensions().get() {
        return Ok(member.clone());
    }
    let member = users::find(&mut *state.store.connection().await?, user).await?;
    request.extensions_mut().insert(Found(member.clone()));
    Ok(member)
}

/// Whether what is asked for is a page that somebody is about to see. A script that loads one for a dialog or for another part of it
/// must not take a notice from who waits for it; the script that shows the notice says so.
fn tells_notices(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
    let is_seen = header("sec-fetch-mode").is_none_or(|mode| mode == b"navigate") && header("sec-purpose").is_none();
    *request.method() == Method::GET && (is_seen || header(SHOWS_NOTICE).is_some())
}

/// Anybody who asks for a page.
#[derive(Debug)]
pub(crate) struct CurrentUser {
    pub(crate) state: web::Data<AppState>,
    pub(crate) member: Option<Member>,
    pub(crate) session: Session,
    /// Which of the user's sessions it is.
    pub(crate) session_id: Option<SessionId>,
    /// The browser, where somebody has signed in with it before.
    pub(crate) device: Option<Device>,
    pub(crate) address: IpAddr,
    pub(crate) agent: Option<String>,
    pub(crate) now: Timestamp,
    /// How the reader reads times, and what those mean that they type.
    pub(crate) clock: Clock,
    /// Notices are told here: this is a page that somebody sees.
    tells_notices: bool,
    password_at: Option<Timestamp>,
    request_id: Option<RequestId>,
    path: String,
    theme: Option<&'static str>,
}

impl CurrentUser {
    pub(crate) fn page(&self, title: &str) -> Page {
        let viewer = self.member.as_ref().map(|member| Viewer { email: member.email.clone(), plan: member.plan });
        let asked = self.member.as_ref().filter(|_| !self.password_is_recent());
        let page = Page::new(title, &self.path, viewer, self.theme).timed(self.clock.clone());
        page.asking(asked.is_some(), asked.is_some_and(|member| member.has_second_factor))
    }

    /// Whether the account password was given so lately that it need not be given again.
    pub(crate) fn password_is_recent(&self) -> bool {
        self.password_at.is_some_and(|at| self.now.duration_since(at) <= PASSWORD_VOUCHES_FOR)
    }

    /// The record of what this reader is about to do.
    pub(crate) fn act(&self) -> Act {
        let actor = self.member.as_ref().map_or(Actor::Visitor, |member| Actor::User(member.user_id));
        Act { actor, at: self.now, remote_ip: Some(self.address), request_id: self.request_id, token: None }
    }

    /// What was just done, where it is one `of` a page's own notices. It is told once.
    pub(crate) fn take_notice<T>(&self, of: impl FnOnce(Notice) -> Option<T>) -> Option<T> {
        if self.tells_notices { self.session.take_notice(self.now, of) } else { None }
    }

    /// What is known of the browser before somebody signs in with it.
    pub(crate) fn browser(&self) -> Browser {
        Browser { device: self.device, agent: self.agent.clone(), is_told_of: self.state.mailer.is_some() }
    }

    /// Signs a user in with this browser.
    pub(crate) fn sign_in(&self, user: UserId, remember: bool) {
        self.session.begin(Identity::SignedIn(SignedInSession {
            user,
            id: SessionId(Uuid::new_v4()),
            remember,
            address: Some(self.address),
            agent: self.agent.clone(),
            password_at: Some(self.now),
        }));
    }

    async fn extract(request: HttpRequest) -> Result<Self, PageError> {
        let state = request.app_data::<web::Data<AppState>>().cloned().ok_or(PageError::Internal)?;
        let session = Session::of(&request);
        let signed_in = session.signed_in();
        let member = match &signed_in {
            Some(signed_in) => find_member(&request, &state, signed_in.user).await?,
            None => None,
        };
        let session_id = signed_in.as_ref().map(|signed_in| signed_in.id).filter(|_| member.is_some());
        let (device, now) = (device::of(&request, &state), state.clock.now());
        let address = state.sender(&request).ip;
        if let (Some(member), Some(id)) = (&member, session_id) {
            device::recognise(&request, device, member, id, now);
            session.note_address(address);
        }
        let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            password_at: signed_in.and_then(|signed_in| signed_in.password_at),
            session,
            session_id,
            tells_notices: tells_notices(&request),
            device,
            member,
            address,
            agent: agent.map(|agent| agent.chars().take(500).collect()),
            now,
            clock: Clock::of(&request),
            request_id: request.extensions().get::<RequestId>().copied(),
            path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            theme: theme::chosen(&request),
            state,
        })
    }
}

impl FromRequest for CurrentUser {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        CurrentUser::extract(request.clone()).boxed_local()
    }
}

/// A reader with an account.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) current_user: CurrentUser,
    pub(crate) member: Member,
    /// Its place among the requests of its session and of its account, until there is an answer.
    _permits: (Permit<SessionId>, Permit<AccountId>),
}

impl SignedIn {
    pub(crate) fn state(&self) -> &AppState {
        &self.current_user.state
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.current_user.now
    }

    /// The zone that times are written in, and read in where a form says them.
    pub(crate) fn zone(&self) -> &TimeZone {
        &self.current_user.clock.zone
    }

    pub(crate) fn page(&self, title: &str) -> Page {
        self.current_user.page(title)
    }

    pub(crate) fn act(&self) -> Act {
        self.current_user.act()
    }

    /// Goes on only when the account has not changed too much lately. What is sent by a form counts by itself.
    pub(crate) fn count_act(&self) -> Result<(), PageError> {
        let (acts, account) = (&self.state().acts_by_account, self.member.account_id);
        match acts.wait(&account, self.now()) {
            Some(wait) => Err(PageError::TooManyActs(wait)),
            None => {
                acts.note_failure(&account, self.now());
                Ok(())
            }
        }
    }

    /// An act of this user on their own account.
    pub(crate) fn acting<'a>(&'a self, act: &'a Act) -> MemberAct<'a> {
        MemberAct { store: &self.state().store, member: &self.member, act }
    }

    /// To another page, which tells what was done.
    pub(crate) fn redirect_with(&self, location: &str, notice: Notice) -> HttpResponse {
        self.current_user.session.tell(notice, self.now());
        see_other(location)
    }

    pub(crate) fn take_notice<T>(&self, of: impl FnOnce(Notice) -> Option<T>) -> Option<T> {
        self.current_user.take_notice(of)
    }

    /// An act of this user on one of the account's credentials.
    pub(crate) fn on<'a>(&'a self, id: CredentialId, act: &'a Act) -> CredentialAct<'a> {
        CredentialAct { store: &self.state().store, account: self.member.account_id, id, act }
    }

    /// How long the account's events are kept.
    pub(crate) fn retention(&self) -> Retention {
        self.state().retention(&self.member)
    }

    /// Since when events are shown, where the account has a time of its own.
    pub(crate) fn kept_since(&self) -> Option<Timestamp> {
        self.retention().shortened_since(self.now())
    }

    /// Goes on only when an event is one that is still kept.
    pub(crate) fn require_kept(&self, id: EventId) -> Result<(), PageError> {
        let is_kept = self.kept_since().is_none_or(|since| id >= EventId::first_of(since));
        if is_kept { Ok(()) } else { Err(PageError::NotFound) }
    }

    /// Goes on only when the account password was given lately, for what some of a form's orders need.
    pub(crate) fn require_recent_password(&self) -> Result<(), PageError> {
        if self.current_user.password_is_recent() { Ok(()) } else { Err(PageError::PasswordRequired) }
    }

    /// Goes on only when the account's plan includes webhooks.
    pub(crate) fn require_pro(&self) -> Result<(), PageError> {
        if self.member.plan.includes_webhooks() { Ok(()) } else { Err(PageError::ProRequired(self.member.account_id)) }
    }
}

/// When it is the turn of a session among its own requests, and then among those of its account, of which it has few at once.
async fn turn(
    state: &AppState,
    session: SessionId,
    account: AccountId,
) -> Result<(Permit<SessionId>, Permit<AccountId>), QueueError> {
    let waiting = async {
        let of_session = state.page_requests.acquire(session).await?;
        Ok((of_session, state.account_requests.acquire(account).await?))
    };
    timeout(MAX_WAIT, waiting).await.map_err(|_| QueueError::TimedOut)?
}

impl FromRequest for SignedIn {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
            let form = request.extensions().get::<FormSlot>().and_then(FormSlot::kept);
            let path = request.path().to_owned();
            let is_counted =
                !is_page && !request.match_pattern().is_some_and(|page| NEVER_LATE.contains(&page.as_str()));
            let current_user = CurrentUser::extract(request).await?;
            match current_user.member.clone().zip(current_user.session_id) {
                Some((member, session)) => {
                    let _permits = turn(&current_user.state, session, member.account_id).await?;
                    let required = RequiredAction::of(&current_user.state, &member);
                    if let Some(required) = required.filter(|required| !required.needs(&path)) {
                        return Err(PageError::ActionRequired(required));
                    }
                    let signed_in = Self { current_user, member, _permits };
                    if is_counted {
                        signed_in.count_act()?;
                    }
                    Ok(signed_in)
                }
                None => {
                    let own = if is_page { current_user.path } else { String::new() };
                    Err(PageError::SignInRequired { return_to: form.map_or(own, |form| form.page) })
                }
            }
        }
        .boxed_local()
    }
}
