//! How long events are kept: as long as the installation says, or shorter where an account says so.

use jiff::{SignedDuration, Timestamp};

/// What holds for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Of the installation.
    pub(crate) installation_days: u32,
    /// Of the account, where it has its own. More than the installation's counts as the installation's.
    pub(crate) account_days: Option<u32>,
}

impl Retention {
    pub(crate) fn days(self) -> u32 {
        self.account_days.map_or(self.installation_days, |days| days.min(self.installation_days))
    }

    /// Whether the account's own days count.
    pub(crate) fn is_shortened(self) -> bool {
        self.days() < self.installation_days
    }

    /// The first moment whose events are shown, where the account's own days count.
    pub(crate) fn shortened_since(self, now: Timestamp) -> Option<Timestamp> {
        self.is_shortened().then(|| self.kept_since(now))
    }

    /// The first moment whose events are kept.
    pub(crate) fn kept_since(self, now: Timestamp) -> Timestamp {
        now.saturating_sub(SignedDuration::from_hours(24 * i64::from(self.days()))).unwrap_or(Timestamp::MIN)
    }
}

/// The longest that an account may say, in days.
pub(crate) const MAX_RETENTION_DAYS: u32 = 36_500;

#[cfg(test)]
mod tests {
    use super::Retention;

    #[test]
    fn an_account_keeps_events_at_most_as_long_as_the_installation() {
        let days = |account_days| Retention { installation_days: 90, account_days }.days();
        assert_eq!((days(None), days(Some(30)), days(Some(90)), days(Some(400))), (90, 30, 90, 90));
        let now = "2026-11-23T08:41:12.408Z".parse().unwrap();
        let kept = Retention { installation_days: 90, account_days: Some(1) }.kept_since(now);
        assert_eq!(kept.to_string(), "2026-11-22T08:41:12.408Z");
    }
}
