//! The dialog about the expiry date of a password, and the fields for it that a new credential has too.

use jiff::{SignedDuration, Timestamp};

use crate::domain::credential::Credential;
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::expiry::{NEVER, ON_A_DATE, PRESETS};
use crate::domain::time::utc;
use crate::web::filters::filter_choices::Choice;
use crate::web::webhooks::dialogs::refused::{ExpiryInput, Refused};

/// The choice of an end, and the date for whoever chooses one.
pub(crate) struct ExpiryFields {
    pub(crate) choices: Vec<Choice>,
    /// As the field spells it.
    pub(crate) date: String,
    /// The first day that can be chosen.
    pub(crate) min: String,
    pub(crate) error: Option<String>,
}

impl ExpiryFields {
    pub(crate) fn new(input: ExpiryInput, error: Option<String>, now: Timestamp) -> Self {
        let ExpiryInput { expires, expires_on: date } = input;
        let chosen = match expires.as_str() {
            "" if date.is_empty() => NEVER,
            "" => ON_A_DATE,
            chosen => chosen,
        };
        let presets = PRESETS.iter().map(|(value, label, _)| (*value, *label));
        let all = [(NEVER, "Never")].into_iter().chain(presets).chain([(ON_A_DATE, "On a date…")]);
        let choice = |(value, label): (&str, &str)| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            selected: value == chosen,
        };
        let tomorrow = now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now);
        Self { choices: all.map(choice).collect(), date, min: utc("%F", tomorrow), error }
    }
}

/// The date of the current password.
pub(crate) struct ExpiryForm {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) expiry: ExpiryFields,
}

impl ExpiryForm {
    /// `None`: no password works that could have a date.
    pub(crate) fn new(credential: &Credential, refused: Option<Refused>, now: Timestamp) -> Option<Self> {
        let current = credential.current(now)?;
        let date = current.expires_at.map(|end| utc("%F", end)).unwrap_or_default();
        let set = ExpiryInput { expires: String::new(), expires_on: date };
        let (input, error) = refused.map_or((set, None), |refused| (refused.expiry, refused.expiry_problem));
        Some(Self {
            id: credential.id.to_string(),
            name: escape_invisible(&credential.name).into_owned(),
            expiry: ExpiryFields::new(input, error, now),
        })
    }
}
