//! An account, its plan and its users. An account owns credentials and events; a user signs in to it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::domain::account_limits::{Limits, SetLimits, WhenFull};
use crate::domain::ids::{AccountId, UserId};

/// What an account may use. Webhooks are part of Pro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Plan {
    Free,
    Pro,
}

impl Plan {
    pub(crate) const ALL: [Plan; 2] = [Plan::Free, Plan::Pro];

    /// The word in the database, on the command line and in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Plan::Free => "free",
            Plan::Pro => "pro",
        }
    }

    /// The word on pages.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Plan::Free => "Free",
            Plan::Pro => "Pro",
        }
    }

    /// Whether this plan includes webhooks.
    pub(crate) fn includes_webhooks(self) -> bool {
        matches!(self, Plan::Pro)
    }
}

/// The text was neither `pro` nor `free`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a plan: say pro or free")]
pub struct UnknownPlan(String);

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "free" => Ok(Plan::Free),
            "pro" => Ok(Plan::Pro),
            other => Err(UnknownPlan(other.to_owned())),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A user together with the account it belongs to: what a signed-in page knows about its reader.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Member {
    pub user_id: UserId,
    pub(crate) account_id: AccountId,
    pub(crate) email: String,
    /// The user has opened a link that was sent to this address.
    pub(crate) email_is_confirmed: bool,
    /// The account's name; the part of the address before the `@` when none was given.
    pub(crate) name: String,
    pub(crate) plan: Plan,
    /// How long the account keeps its events, where it has a time of its own.
    pub(crate) retention_days: Option<u32>,
    /// What the operator has set for the account; see [`Member::limits`].
    pub(crate) set_limits: SetLimits,
    /// What happens when its storage is full.
    pub(crate) when_full: WhenFull,
    /// The columns of its list of events, as they were typed.
    pub(crate) event_columns: String,
    pub(crate) created_at: Timestamp,
    pub(crate) password_changed_at: Timestamp,
    /// The password was generated for the user, who has to change it, and it signs in until then.
    pub(crate) password_expires_at: Option<Timestamp>,
    /// Whatever browser was known before this time is not known any more: see [`crate::domain::device`].
    pub(crate) devices_known_since: Timestamp,
    /// Two-step sign-in is on.
    pub(crate) has_second_factor: bool,
}

impl Member {
    /// The account and the user.
    pub(crate) fn ids(&self) -> (AccountId, UserId) {
        (self.account_id, self.user_id)
    }

    /// What the account may have.
    pub(crate) fn limits(&self) -> Limits {
        Limits::of(self.plan.includes_webhooks(), self.set_limits)
    }
}

/// What an account has, as far as it is lost with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holdings {
    /// Those that are not revoked.
    pub(crate) credentials: u64,
    /// Counted to [`MOST_COUNTED`] and one more.
    pub(crate) events: u64,
    /// Counted likewise.
    pub(crate) rejections: u64,
}

/// Counting more would take long and decide nothing.
pub(crate) const MOST_COUNTED: u64 = 100_000;

/// The longest name of an account, in characters.
pub(crate) const MAX_ACCOUNT_NAME_CHARS: usize = 100;

/// The name an account gets: what was said, or the part of the e-mail address before the `@`.
pub(crate) fn account_name(input: Option<&str>, email: &str) -> String {
    let input = input.map(str::trim).filter(|name| !name.is_empty());
    let name = input.unwrap_or_else(|| email.split('@').next().unwrap_or(email));
    name.chars().filter(|c| !c.is_control()).take(MAX_ACCOUNT_NAME_CHARS).collect()
}

/// What the owner of an account calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountName(String);

/// Why a text is no name for an account, in words for its owner.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidAccountName {
    #[error("Enter a name, such as your own or that of your company.")]
    Missing,
    #[error("Use at most {MAX_ACCOUNT_NAME_CHARS} characters. This name has {0}.")]
    TooLong(usize),
    #[error("Use letters, digits, spaces and punctuation. This name has a control character.")]
    Control,
}

impl AccountName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let chars = text.chars().count();
        if chars == 0 {
            Err(InvalidAccountName::Missing)
        } else if chars > MAX_ACCOUNT_NAME_CHARS {
            Err(InvalidAccountName::TooLong(chars))
        } else if text.chars().any(char::is_control) {
            Err(InvalidAccountName::Control)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountName, InvalidAccountName};

    #[test]
    fn names_of_accounts_are_trimmed_and_kept_short_and_printable() {
        assert_eq!("  Harbor Supply ".parse::<AccountName>().unwrap().as_str(), "Harbor Supply");
        assert_eq!(" ".parse::<AccountName>(), Err(InvalidAccountName::Missing));
        assert_eq!("x".repeat(101).parse::<AccountName>(), Err(InvalidAccountName::TooLong(101)));
        assert_eq!("a\u{7}b".parse::<AccountName>(), Err(InvalidAccountName::Control));
    }
}
