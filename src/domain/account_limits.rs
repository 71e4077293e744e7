//! The quotas of an account: how many credentials, browsers and events it may have, by its plan and by what the operator has set.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::grouped::grouped;

/// Credentials that are not revoked, of an account on Pro. Webhooks are not part of Free, so that there is nothing to create.
pub(crate) const MAX_CREDENTIALS: u32 = 100;
/// Browsers that are signed in to an account.
pub(crate) const MAX_SESSIONS: u32 = 100;
/// The largest limit that can be set for credentials: each page with filters lists them all.
pub(crate) const MOST_CREDENTIALS: u32 = 1_000;
/// The largest limit that can be set for browsers.
pub(crate) const MOST_SESSIONS: u32 = 1_000;

/// What the operator has set for one account; `None` is the default of its plan. Events and bytes have none: whoever runs the server for
/// themselves knows their disk, and an event that is refused by surprise is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLimits {
    pub(crate) credentials: Option<u32>,
    pub(crate) sessions: Option<u32>,
    pub(crate) events: Option<u64>,
    pub(crate) bytes: Option<u64>,
}

impl SetLimits {
    /// What is set, in words for the audit trail.
    pub(crate) fn words(&self) -> String {
        let number = |what: &str, number: Option<u64>| number.map(|number| format!("{} {what}", grouped(number)));
        let all = [
            number("credentials", self.credentials.map(u64::from)),
            number("browsers", self.sessions.map(u64::from)),
            number("events", self.events),
            number("bytes", self.bytes),
        ];
        let set: Vec<String> = all.into_iter().flatten().collect();
        if set.is_empty() { "as the plan has them".to_owned() } else { set.join(", ") }
    }
}

/// What an account may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// That are not revoked.
    pub(crate) credentials: u32,
    /// Live ones.
    pub(crate) sessions: u32,
    pub(crate) storage: StorageLimits,
}

/// How much an account may store; `None` is as much as the disk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StorageLimits {
    pub(crate) events: Option<u64>,
    /// Of bodies and headers.
    pub(crate) bytes: Option<u64>,
}

impl Limits {
    /// Of an account for which something was set, by whether its plan includes webhooks.
    pub(crate) fn of(includes_webhooks: bool, set: SetLimits) -> Self {
        let of_plan = if includes_webhooks { MAX_CREDENTIALS } else { 0 };
        Self {
            credentials: set.credentials.unwrap_or(of_plan),
            sessions: set.sessions.unwrap_or(MAX_SESSIONS),
            storage: StorageLimits { events: set.events, bytes: set.bytes },
        }
    }
}

impl StorageLimits {
    /// Whether there is one.
    pub(crate) fn any(self) -> bool {
        self.events.is_some() || self.bytes.is_some()
    }

    /// Whether so much is as much as may be.
    pub(crate) fn are_reached(self, events: u64, bytes: u64) -> bool {
        self.events.is_some_and(|most| events >= most) || self.bytes.is_some_and(|most| bytes >= most)
    }

    /// A tenth more, for accounts whose oldest events make room: so far they may go beyond it until that is done.
    pub(crate) fn with_slack(self) -> Self {
        let more = |most: u64| most.saturating_add((most / 10).max(1));
        Self { events: self.events.map(more), bytes: self.bytes.map(more) }
    }
}

/// What happens to new events while the storage of an account is full, as the account chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// They are refused.
    #[default]
    Refuse,
    /// The oldest ones are deleted for them.
    DeleteOldest,
}

impl WhenFull {
    /// The word in the database and in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::DeleteOldest => "delete_oldest",
        }
    }

    /// The words in the audit trail.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Refuse => "refuse new events",
            Self::DeleteOldest => "delete the oldest events",
        }
    }
}

/// The text names nothing that can be done.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is nothing that can be done when storage is full: say refuse or delete_oldest")]
pub struct UnknownChoice(String);

impl FromStr for WhenFull {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        let all = [Self::Refuse, Self::DeleteOldest];
        all.into_iter().find(|one| one.as_str() == text).ok_or_else(|| UnknownChoice(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, MAX_CREDENTIALS, SetLimits, StorageLimits};

    #[test]
    fn what_is_set_goes_before_what_the_plan_has() {
        let none = SetLimits::default();
        assert_eq!(Limits::of(true, none).credentials, MAX_CREDENTIALS);
        assert_eq!(Limits::of(false, none).credentials, 0);
        assert!(!Limits::of(true, none).storage.any());
        let set = SetLimits { credentials: Some(3), events: Some(10), ..none };
        assert_eq!(Limits::of(false, set).credentials, 3);
        assert!(Limits::of(true, set).storage.are_reached(10, 0));
    }

    #[test]
    fn each_of_both_limits_of_storage_counts_and_slack_is_a_tenth() {
        let limits = StorageLimits { events: Some(100), bytes: Some(1_000) };
        assert!(!limits.are_reached(99, 999) && limits.are_reached(100, 0) && limits.are_reached(0, 1_000));
        assert!(!limits.with_slack().are_reached(109, 1_099) && limits.with_slack().are_reached(110, 0));
        assert!(!StorageLimits { events: None, bytes: None }.are_reached(u64::MAX, u64::MAX));
    }
}
