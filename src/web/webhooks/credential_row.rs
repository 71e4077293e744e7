//! One credential as a row of the table, and as the head of its own page: its state, its use, and its dates.

use jiff::Timestamp;

use crate::domain::credential::{Credential, CredentialState};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::expiry::Nearness;
use crate::domain::grouped::grouped;
use crate::domain::holding::HeldEvents;
use crate::web::format::{When, counted};
use crate::web::webhooks::spark::{self, HalfHours};

/// How a credential stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Badge {
    Active,
    Rotating,
    /// It is not disabled, and yet no password of it works.
    Expired,
    Disabled,
    Revoked,
}

impl Badge {
    pub(crate) fn of(credential: &Credential, now: Timestamp) -> Self {
        match credential.state(now) {
            CredentialState::Revoked => Self::Revoked,
            CredentialState::Disabled => Self::Disabled,
            CredentialState::Rotating => Self::Rotating,
            CredentialState::Active if credential.current(now).is_none() => Self::Expired,
            CredentialState::Active => Self::Active,
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Rotating => "Rotating",
            Self::Expired => "Expired",
            Self::Disabled => "Disabled",
            Self::Revoked => "Revoked",
        }
    }

    /// The class that goes with it.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Active => "ok",
            Self::Rotating => "busy",
            Self::Expired => "bad",
            Self::Disabled | Self::Revoked => "",
        }
    }
}

/// When a credential lets nobody in any more, unless somebody does something.
pub(crate) fn ends_at(credential: &Credential, now: Timestamp) -> Option<Timestamp> {
    credential.current(now).and_then(|current| current.expires_at).or(credential.expired_at(now))
}

/// One credential as pages show it.
pub(crate) struct CredentialRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) badge: Badge,
    pub(crate) last_used: Option<When>,
    /// In the last 24 hours.
    pub(crate) events: String,
    /// The points of a small line, and where it ends.
    pub(crate) spark: Option<(String, String)>,
    pub(crate) busiest: String,
    pub(crate) created: When,
    pub(crate) expires: Option<When>,
    /// So soon that pages warn of it.
    pub(crate) expires_soon: bool,
    pub(crate) revoked: Option<When>,
    pub(crate) holds_late_events: bool,
    /// `12 held`, where late events wait for an answer.
    pub(crate) held: Option<String>,
}

impl CredentialRow {
    pub(crate) fn new(credential: &Credential, counts: &HalfHours, held: &[HeldEvents], now: Timestamp) -> Self {
        let by_hour = spark::by_hour(counts, credential.id, now);
        let events: u64 = by_hour.iter().sum();
        let last_used = credential.last_used().and_then(|password| password.last_used_at);
        let ends = ends_at(credential, now).filter(|_| credential.revoked_at.is_none());
        let held = held.iter().find(|held| held.credential_id == credential.id);
        Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            username: credential.username.clone(),
            badge: Badge::of(credential, now),
            last_used: last_used.map(|at| When::ago(at, now)),
            events: grouped(events),
            spark: (events > 0).then(|| spark::spark(&by_hour)),
            busiest: grouped(by_hour.iter().copied().max().unwrap_or(0)),
            created: When::ago(credential.created_at, now),
            expires: ends.map(|end| if end <= now { When::ago(end, now) } else { When::left(end, now) }),
            expires_soon: ends.is_some_and(|end| Nearness::of(end, now).is_some()),
            revoked: credential.revoked_at.map(|at| When::ago(at, now)),
            holds_late_events: credential.holds_late_events,
            held: held.map(|held| counted(held.events, "event")),
        }
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.badge == Badge::Disabled
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.badge == Badge::Expired
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.badge == Badge::Revoked
    }
}
