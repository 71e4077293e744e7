//! Rate limiting of sign-in attempts.
//!
//! How guessing is slowed wherever something takes the account password or a code: wrong ones are counted by address, then by address
//! and account, and then, as a slow brake, by account. Whoever knows the address of an account could keep its owner out by guessing
//! from many places; so a browser that the user has signed in with before is counted by itself alone, and an address that the user has
//! signed in from passes the brake. Whoever has neither gets in by a sign-in link of the operator's.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::account::Member;
use crate::domain::device::Device;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::network::throttle_key;
use crate::ingest::limiter::AttemptGuard;
use crate::store::tables::{known_addresses, users};
use crate::web::app_state::AppState;
use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::format::whole_seconds;

/// Somebody's guess at the password or at the code of an account. It has its turn, so that it may be looked at; unless it is said to be
/// right, it counts as wrong.
#[must_use]
pub(crate) struct Guess<'a> {
    state: &'a AppState,
    now: Timestamp,
    guard: Vec<AttemptGuard>,
}

/// Nothing is looked at for so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMany {
    pub(crate) seconds: u64,
}

/// By what guesses are counted.
enum Counter {
    /// A browser that the user knows.
    Device(SessionId),
    Address(IpAddr),
    AddressAndEmail(IpAddr, String),
    Email(String),
    CodesOf(UserId),
}

impl Counter {
    async fn take(&self, state: &AppState, now: Timestamp) -> Result<AttemptGuard, Duration> {
        match self {
            Self::Device(device) => state.sign_in_failures_by_device.take(device, now).await,
            Self::Address(address) => state.sign_in_failures_by_address.take(address, now).await,
            Self::AddressAndEmail(address, email) => {
                state.sign_in_failures_by_pair.take(&(*address, email.clone()), now).await
            }
            Self::Email(email) => state.sign_in_failures_by_email.take(&state.email_cells.of(email), now).await,
            Self::CodesOf(user) => state.code_failures_by_user.take(user, now).await,
        }
    }

    fn wait(&self, state: &AppState, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Device(device) => state.sign_in_failures_by_device.wait(device, now),
            Self::Address(address) => state.sign_in_failures_by_address.wait(address, now),
            Self::AddressAndEmail(address, email) => {
                state.sign_in_failures_by_pair.wait(&(*address, email.clone()), now)
            }
            Self::Email(email) => state.sign_in_failures_by_email.wait(&state.email_cells.of(email), now),
            Self::CodesOf(user) => state.code_failures_by_user.wait(user, now),
        }
    }
}

impl<'a> Guess<'a> {
    /// At the password of whoever may have an address.
    pub(crate) async fn at_password(
        current_user: &'a CurrentUser,
        email: &str,
    ) -> Result<Result<Self, TooMany>, PageError> {
        let attempt = Self { state: &current_user.state, now: current_user.now, guard: Vec::new() };
        if let Some(device) = known_device(current_user, email).await?
            && let Ok(guard) = Counter::Device(device.session).take(attempt.state, attempt.now).await
        {
            return Ok(Ok(Self { guard: vec![guard], ..attempt }));
        }
        // A browser that has used its own guesses up is one of the world.
        let address = throttle_key(current_user.address);
        let near = [Counter::Address(address), Counter::AddressAndEmail(address, email.to_owned())];
        let (attempt, brake) = match attempt.counted_by(&near).await {
            Ok(attempt) => (attempt, Counter::Email(email.to_owned())),
            Err(too_many) => return Ok(Err(too_many)),
        };
        match brake.take(attempt.state, attempt.now).await {
            Ok(guard) => Ok(Ok(attempt.and(guard))),
            // Asked for whatever is typed, and only here: it tells nobody who has an account.
            Err(_) if is_known_address(current_user, email, address).await? => Ok(Ok(attempt)),
            Err(wait) => {
                attempt.was_not_looked_at();
                Ok(Err(TooMany { seconds: whole_seconds(wait) }))
            }
        }
    }

    /// The same at the sign-in page, where right passwords are counted too: each costs a hash and a session.
    pub(crate) async fn at_sign_in(
        current_user: &'a CurrentUser,
        email: &str,
    ) -> Result<Result<Self, TooMany>, PageError> {
        let email = email.to_owned();
        match current_user.state.sign_ins_by_email.wait(&email, current_user.now) {
            Some(wait) => Ok(Err(TooMany { seconds: whole_seconds(wait) })),
            None => Self::at_password(current_user, &email).await,
        }
    }

    /// At a password that belongs to no account, because what was typed is no address.
    pub(crate) async fn at_nothing(current_user: &'a CurrentUser) -> Result<Self, TooMany> {
        let attempt = Self { state: &current_user.state, now: current_user.now, guard: Vec::new() };
        attempt.counted_by(&[Counter::Address(throttle_key(current_user.address))]).await
    }

    /// Codes are short, so they get fewer tries than passwords, however many browsers they come from. Who gets here knows the
    /// password, so that only they can use the tries up.
    pub(crate) async fn at_code(
        current_user: &'a CurrentUser,
        member: &Member,
    ) -> Result<Result<Self, TooMany>, PageError> {
        match Self::at_password(current_user, &member.email).await? {
            Ok(attempt) => Ok(attempt.and_at_code(member).await),
            Err(TooMany { seconds }) => {
                let codes = Counter::CodesOf(member.user_id).wait(&current_user.state, current_user.now);
                Ok(Err(TooMany { seconds: codes.map_or(0, whole_seconds).max(seconds) }))
            }
        }
    }

    /// The password was right, and with it comes a code.
    pub(crate) async fn and_at_code(self, member: &Member) -> Result<Self, TooMany> {
        self.counted_by(&[Counter::CodesOf(member.user_id)]).await
    }

    /// It counts for nothing, at any counter.
    pub(crate) fn was_right(self) {
        for guard in self.guard {
            guard.give_back();
        }
    }

    /// It was right, at the sign-in page.
    pub(crate) fn signed_in(self, member: &Member) {
        self.state.sign_ins_by_email.note_failure(&member.email, self.now);
        self.was_right();
    }

    /// It was refused before anything was compared, or it cannot be told: nobody has learnt anything.
    pub(crate) fn was_not_looked_at(self) {
        self.was_right();
    }

    fn and(mut self, guard: AttemptGuard) -> Self {
        self.guard.push(guard);
        self
    }

    /// Everybody takes their turns in the same order, so that no two wait for each other.
    async fn counted_by(mut self, counters: &[Counter]) -> Result<Self, TooMany> {
        for (number, counter) in counters.iter().enumerate() {
            match counter.take(self.state, self.now).await {
                Ok(guard) => self.guard.push(guard),
                Err(wait) => {
                    let others = counters[number + 1..].iter().filter_map(|other| other.wait(self.state, self.now));
                    let wait = others.fold(wait, Duration::max);
                    self.was_not_looked_at();
                    return Err(TooMany { seconds: whole_seconds(wait) });
                }
            }
        }
        Ok(self)
    }
}

/// The reader's browser, where it is known to the user with an address. Only a browser with a genuine cookie makes us look, and always
/// for the user whom the cookie names: the time that it takes says nothing about the address.
async fn known_device(current_user: &CurrentUser, email: &str) -> Result<Option<Device>, PageError> {
    let Some(device) = current_user.device else { return Ok(None) };
    let member = users::find(&mut *current_user.state.store.connection().await?, device.user).await?;
    let is_known = member.is_some_and(|member| member.email == email && device.is_known_to(&member, current_user.now));
    Ok(is_known.then_some(device))
}

/// Whether the user with an email address has signed in from an address before.
async fn is_known_address(current_user: &CurrentUser, email: &str, address: IpAddr) -> Result<bool, PageError> {
    let conn = &mut *current_user.state.store.connection().await?;
    Ok(known_addresses::contains(conn, email, address, current_user.now).await?)
}
