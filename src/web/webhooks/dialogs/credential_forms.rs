//! The dialogs about a credential: a new one, its name, its end, and the end of its old password.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::web::format::When;
use crate::web::held::Held;
use crate::web::webhooks::dialogs::expiry_form::ExpiryFields;
use crate::web::webhooks::dialogs::refused::Refused;
use crate::web::webhooks::password_notices::{Use, use_of};

/// The form of a new credential. Its id makes sending it twice harmless.
pub(crate) struct NewForm {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) error: Option<String>,
    pub(crate) expiry: ExpiryFields,
}

/// Another name.
pub(crate) struct NameForm {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) error: Option<String>,
}

/// The end of a credential.
pub(crate) struct RevokeForm {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) last_used: Option<Use>,
    /// Used within a day, so that the name has to be typed.
    pub(crate) must_confirm: bool,
    /// Late events that go with it.
    pub(crate) held: Option<String>,
    pub(crate) error: Option<String>,
}

/// The end of an old password, before its time.
pub(crate) struct StopForm {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) last_used: Option<Use>,
    pub(crate) ends: When,
    pub(crate) holds_late_events: bool,
}

impl NewForm {
    pub(crate) fn new(refused: Option<Refused>, now: Timestamp) -> Self {
        let Refused { typed, problem, expiry, expiry_problem } = refused.unwrap_or_default();
        let expiry = ExpiryFields::new(expiry, expiry_problem, now);
        Self { id: Uuid::new_v4(), name: typed, error: problem, expiry }
    }
}

impl NameForm {
    pub(crate) fn new(credential: &Credential, refused: Option<Refused>) -> Self {
        let (typed, error) = refused.map(|refused| (refused.typed, refused.problem)).unzip();
        Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            value: typed.unwrap_or_else(|| credential.name.clone()),
            error: error.flatten(),
        }
    }
}

impl RevokeForm {
    pub(crate) fn new(credential: &Credential, held: Option<Held>, refused: Option<Refused>, now: Timestamp) -> Self {
        let last = credential.last_used();
        let used_at = last.and_then(|password| password.last_used_at);
        Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            last_used: last.and_then(|password| use_of(password, now)),
            must_confirm: used_at.is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(24)),
            held: held.map(|held| held.words),
            error: refused.and_then(|refused| refused.problem),
        }
    }
}

impl StopForm {
    /// `None`: no old password works.
    pub(crate) fn new(credential: &Credential, now: Timestamp) -> Option<Self> {
        let old = credential.expiring(now)?;
        Some(Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            last_used: use_of(old, now),
            ends: When::minute(old.expires_at.unwrap_or(now), now),
            holds_late_events: credential.holds_late_events,
        })
    }
}
