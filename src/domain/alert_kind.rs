//! The kinds and states of alerts, and their words.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $($(#[$about:meta])* $variant:ident = $word:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($(#[$about])* $variant,)* }

        impl $name {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in the database, in forms and in JSON.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| text.to_owned())
            }
        }
    };
}

words! {
    /// What an alert is about.
    AlertKind:
    PasswordExpiring = "password_expiring";
    TokenExpiring = "token_expiring";
    OldPasswordUsed = "old_password_used";
    LateEvents = "late_events";
    Refusals = "refusals";
    Unused = "unused";
    Silence = "silence";
    Rejections = "rejections";
    ConsumerBehind = "consumer_behind";
}

words! {
    /// How an alert stands.
    AlertState:
    Ok = "ok";
    /// It is so, and not yet for as long as its rule says.
    Pending = "pending";
    Firing = "firing";
    Resolved = "resolved";
}

impl AlertKind {
    /// What an account is told of where it has chosen nothing.
    pub(crate) const DEFAULT: [Self; 5] =
        [Self::PasswordExpiring, Self::TokenExpiring, Self::OldPasswordUsed, Self::LateEvents, Self::Refusals];

    /// Those without rules of their own: an account is told of them or not.
    pub(crate) fn switched() -> impl Iterator<Item = Self> {
        Self::DEFAULT.into_iter().chain([Self::Unused])
    }

    /// Whether there is a rule for each subject.
    pub(crate) fn has_rules(self) -> bool {
        matches!(self, Self::Silence | Self::Rejections | Self::ConsumerBehind)
    }

    /// What it is about, in words.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::PasswordExpiring => "A password expires",
            Self::TokenExpiring => "An API token expires",
            Self::OldPasswordUsed => "An old password is still in use",
            Self::LateEvents => "Late events wait",
            Self::Refusals => "A sender is refused that used to work",
            Self::Unused => "A credential is unused for 90 days",
            Self::Silence => "No events arrive",
            Self::Rejections => "Many requests are rejected",
            Self::ConsumerBehind => "A consumer is behind",
        }
    }

    /// When it is told, in words.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::PasswordExpiring | Self::TokenExpiring => "14 days, 3 days and 1 day before.",
            Self::OldPasswordUsed => "When 50, 80 and 95 % of its overlap are over.",
            Self::LateEvents => "When they come, and 24 hours before they go.",
            Self::Refusals => "After 5 refusals in 15 minutes, unless somebody is only guessing.",
            Self::Unused => "Once it is so, and each day until you acknowledge it.",
            Self::Silence => "No event was accepted for as long as you say.",
            Self::Rejections => "As many as you say, within the time that you say.",
            Self::ConsumerBehind => "Events wait for longer than you say.",
        }
    }
}

/// What a message says of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    Firing,
    /// It was told before, and is so still.
    Still,
    Resolved,
}
