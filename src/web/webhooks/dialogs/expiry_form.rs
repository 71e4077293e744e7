//! The dialog about the expiry date of a password.

use jiff::{SignedDuration, Timestamp};

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::time::utc;
use crate::web::webhooks::dialogs::refused::Refused;

/// The date of the current password.
pub(crate) struct ExpiryForm {
    pub(crate) id: String,
    pub(crate) name: String,
    /// As the field spells it.
    pub(crate) value: String,
    /// The first day that can be chosen.
    pub(crate) min: String,
    pub(crate) is_set: bool,
    pub(crate) error: Option<String>,
}

impl ExpiryForm {
    /// `None`: no password works that could have a date.
    pub(crate) fn new(credential: &Credential, refused: Option<Refused>, now: Timestamp) -> Option<Self> {
        let current = credential.current(now)?;
        let date = |time| utc("%F", time);
        let (typed, error) = refused.map(|refused| (refused.typed, refused.problem)).unzip();
        Some(Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            value: typed.or(current.expires_at.map(date)).unwrap_or_default(),
            min: date(now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now)),
            is_set: current.expires_at.is_some(),
            error,
        })
    }
}
