//! A form that came to nothing, for the dialog that is opened with it again.

use crate::domain::expiry::{InvalidExpiry, ON_A_DATE, parse_choice};
use jiff::Timestamp;
use serde::Deserialize;

/// What was typed into a dialog, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused {
    pub(crate) typed: String,
    pub(crate) problem: Option<String>,
    /// What was chosen as the end of a password, and what is wrong with that.
    pub(crate) expiry: ExpiryInput,
    pub(crate) expiry_problem: Option<String>,
}

/// The fields for the end of a password: a preset, and a date where none is chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExpiryInput {
    pub(crate) expires: String,
    pub(crate) expires_on: String,
}

impl ExpiryInput {
    /// The moment that is meant. A form without a choice means its date.
    pub(crate) fn read(&self, now: Timestamp) -> Result<Option<Timestamp>, InvalidExpiry> {
        match (self.expires.as_str(), self.expires_on.trim()) {
            (ON_A_DATE, "") => Err(InvalidExpiry::NotADate),
            ("" | ON_A_DATE, date) => parse_choice(date, now),
            (choice, _) => parse_choice(choice, now),
        }
    }
}

impl Refused {
    /// Whether nothing is wrong with it: its session had ended, and it goes on.
    pub(crate) fn is_resumed(&self) -> bool {
        self.problem.is_none() && self.expiry_problem.is_none()
    }

    /// What was typed, and what is wrong with it.
    pub(crate) fn new(typed: String, problem: impl ToString) -> Self {
        Self { typed, problem: Some(problem.to_string()), ..Self::default() }
    }

    /// The same about the end of a password.
    pub(crate) fn expiry(expiry: ExpiryInput, problem: impl ToString) -> Self {
        Self { expiry, expiry_problem: Some(problem.to_string()), ..Self::default() }
    }
}
