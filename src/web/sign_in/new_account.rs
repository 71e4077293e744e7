//! The two fields of every form that creates an account, and what was wrong with them.

use crate::domain::account_password::NewPassword;
use crate::domain::email::Email;
use crate::domain::secret::Secret;

/// What was typed, but for the password, and what has to be corrected.
#[derive(Debug, Default)]
pub(crate) struct NewAccountFields {
    pub(crate) email: String,
    pub(crate) email_error: Option<String>,
    pub(crate) password_error: Option<String>,
}

impl NewAccountFields {
    /// Takes what was typed. `None`: the form has to be shown again, with the errors that are noted here.
    pub(crate) fn check(&mut self, email: &str, password: Secret) -> Option<(Email, NewPassword)> {
        self.email = email.trim().to_owned();
        let parsed = email.parse::<Email>();
        match (parsed, NewPassword::check(password, &[email])) {
            (Ok(email), Ok(password)) => Some((email, password)),
            (email, password) => {
                self.email_error = email.err().map(|error| error.to_string());
                self.password_error = password.err().map(|error| error.to_string());
                None
            }
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.email_error.is_some() || self.password_error.is_some()
    }
}
