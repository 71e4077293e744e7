//! The details of a line of the audit log, as data. Words are made where they are shown.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::domain::account_limits::{SetLimits, WhenFull};
use crate::domain::consumer::ReadsFrom;
use crate::domain::holding::Accepted;
use crate::domain::masked::masked;
use crate::domain::overlap::Overlap;
use crate::domain::sender_settings::SenderSettings;
use crate::domain::time::full_in;
use crate::domain::{api_token, token_address};

/// What else is worth knowing of an act. Part of the record: variants and fields are added to, never renamed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum AuditDetail {
    #[default]
    None,
    /// The words of a release that had no details as data.
    Words {
        words: String,
    },
    /// The name of what the line is about.
    Name {
        name: String,
    },
    Plan {
        plan: String,
    },
    Was {
        was: String,
    },
    EmailWas {
        was: String,
        sessions_ended: u64,
    },
    Changed {
        from: String,
        to: String,
    },
    OtherSessionsEnded {
        sessions_ended: u64,
    },
    SessionsEnded {
        sessions_ended: u64,
    },
    SignedInWithCode,
    SignedInWithLink,
    RecoveryCodesLeft {
        left: u64,
    },
    Password {
        hint: String,
    },
    /// A sender's use of a password.
    Use {
        hint: String,
        agent: Option<String>,
    },
    Rotation {
        old_works_until: Option<Timestamp>,
    },
    Extension {
        hint: String,
        overlap: Overlap,
        until: Timestamp,
    },
    Expiry {
        hint: String,
        until: Timestamp,
    },
    HeldAccepted(Accepted),
    HeldDiscarded {
        discarded: u64,
    },
    /// What a credential accepts from then on, beyond the default.
    SenderSettings(SenderSettings),
    TokenAddress {
        hint: String,
    },
    /// What a new API token may do, and until when.
    ApiToken {
        hint: String,
        scopes: String,
        until: Option<Timestamp>,
    },
    /// The value of an API token, by its hint.
    ApiTokenValue {
        hint: String,
        old_works_until: Option<Timestamp>,
    },
    /// From where on a consumer reads.
    ReadsFrom {
        from: ReadsFrom,
    },
    /// `None`: as long as the installation keeps them.
    Retention {
        days: Option<u32>,
    },
    Export {
        is_filtered: bool,
        format: String,
    },
    Search {
        search: String,
    },
    Limits(SetLimits),
    WhenFull {
        choice: WhenFull,
    },
    Deletion {
        deleted: u64,
        search: String,
        end: DeletionEnd,
    },
}

/// Why the deletion of the events of a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum DeletionEnd {
    Done,
    Cancelled,
    /// This release does not understand its search.
    Unreadable,
}

impl AuditDetail {
    /// As exports say it.
    pub fn words(&self) -> Cow<'_, str> {
        self.words_in(&TimeZone::UTC)
    }

    /// As a page says it, with times in a zone.
    pub fn words_in(&self, zone: &TimeZone) -> Cow<'_, str> {
        let made = match self {
            Self::None => return Cow::Borrowed(""),
            Self::SignedInWithCode => return Cow::Borrowed("with a code"),
            Self::SignedInWithLink => return Cow::Borrowed("with a sign-in link"),
            Self::Words { words: text } | Self::Name { name: text } | Self::Plan { plan: text } => {
                return Cow::Borrowed(text);
            }
            Self::WhenFull { choice } => return Cow::Borrowed(choice.words()),
            Self::Limits(set) => set.words(),
            Self::Search { search } => return Cow::Borrowed(search),
            Self::Was { was } => format!("was {was}"),
            Self::EmailWas { was, sessions_ended } => format!("was {was}; {sessions_ended} other sessions ended"),
            Self::Changed { from, to } => format!("{from} to {to}"),
            Self::OtherSessionsEnded { sessions_ended } => format!("{sessions_ended} other sessions ended"),
            Self::SessionsEnded { sessions_ended } => format!("{sessions_ended} sessions ended"),
            Self::RecoveryCodesLeft { left } => format!("{left} left"),
            Self::Password { hint } | Self::Use { hint, agent: None } => masked(hint),
            Self::Use { hint, agent: Some(agent) } => format!("{} by {agent}", masked(hint)),
            Self::Rotation { old_works_until: Some(end) } => {
                format!("the old password works until {}", full_in(*end, zone))
            }
            Self::Rotation { old_works_until: None } => "no older password works".to_owned(),
            Self::Extension { hint, overlap, until } => {
                format!("{} for another {}, until {}", masked(hint), overlap.words(), full_in(*until, zone))
            }
            Self::Expiry { hint, until } => format!("{}, until {}", masked(hint), full_in(*until, zone)),
            Self::HeldAccepted(accepted) => accepted.words(),
            Self::HeldDiscarded { discarded } => format!("{discarded} discarded"),
            Self::SenderSettings(settings) => match settings.words().join(", ") {
                words if words.is_empty() => "the default".to_owned(),
                words => words,
            },
            Self::ApiToken { hint, scopes, until } => {
                let until =
                    until.map_or_else(|| "with no expiry".to_owned(), |end| format!("until {}", full_in(end, zone)));
                format!("{}, {scopes}, {until}", masked(&api_token::KIND.prefixed(hint)))
            }
            Self::ApiTokenValue { hint, old_works_until } => {
                let old = old_works_until.map(|end| format!(", the old value works until {}", full_in(end, zone)));
                format!("{}{}", masked(&api_token::KIND.prefixed(hint)), old.unwrap_or_default())
            }
            Self::TokenAddress { hint } => masked(&token_address::KIND.prefixed(hint)),
            Self::ReadsFrom { from: ReadsFrom::Since(time) } => format!("from {} on", full_in(*time, zone)),
            Self::ReadsFrom { from: ReadsFrom::Now } => return Cow::Borrowed("from then on"),
            Self::ReadsFrom { from: ReadsFrom::Oldest } => return Cow::Borrowed("from the oldest event on"),
            Self::ReadsFrom { from: ReadsFrom::Cursor } => return Cow::Borrowed("from a cursor on"),
            Self::Retention { days: Some(days) } => format!("{days} days"),
            Self::Retention { days: None } => "as long as the installation".to_owned(),
            Self::Export { is_filtered, format } => {
                format!("{}, as {format}", if *is_filtered { "filtered" } else { "all" })
            }
            Self::Deletion { deleted, search, end } => {
                let events = if *deleted == 1 { "event" } else { "events" };
                let end = match end {
                    DeletionEnd::Done => "",
                    DeletionEnd::Cancelled => ", then called off",
                    DeletionEnd::Unreadable => ", then ended: its search can’t be read",
                };
                format!("{deleted} {events}: {search}{end}")
            }
        };
        Cow::Owned(made)
    }

    /// For a password that its hint names.
    pub(crate) fn password(hint: &str) -> Self {
        Self::Password { hint: hint.to_owned() }
    }

    /// For something that has a name.
    pub(crate) fn name(name: &str) -> Self {
        Self::Name { name: name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::{AuditDetail, DeletionEnd};
    use crate::domain::holding::Accepted;
    use crate::domain::overlap::Overlap;

    #[test]
    fn details_are_stored_as_data_and_shown_as_words() {
        let until = "2026-11-30T09:00:00Z".parse().unwrap();
        let accepted = Accepted { stored: 12, repeated: 1, too_old: 2, has_more: false };
        let extension = AuditDetail::Extension { hint: "ab12".to_owned(), overlap: Overlap::SevenDays, until };
        let deletion = AuditDetail::Deletion { deleted: 1, search: "type = a".to_owned(), end: DeletionEnd::Cancelled };
        for (detail, json, words) in [
            (AuditDetail::None, r#"{"kind":"none"}"#, ""),
            (
                AuditDetail::HeldAccepted(accepted),
                r#"{"kind":"held_accepted","stored":12,"repeated":1,"too_old":2,"has_more":false}"#,
                "12 stored, 1 stored before, 2 too old",
            ),
            (
                extension,
                r#"{"kind":"extension","hint":"ab12","overlap":"7d","until":"2026-11-30T09:00:00Z"}"#,
                "rwp_ab12•••••••• for another 7 days, until 30 Nov 2026, 09:00:00 UTC",
            ),
            (
                deletion,
                r#"{"kind":"deletion","deleted":1,"search":"type = a","end":"cancelled"}"#,
                "1 event: type = a, then called off",
            ),
        ] {
            assert_eq!(serde_json::to_string(&detail).unwrap(), json);
            assert_eq!(serde_json::from_str::<AuditDetail>(json).unwrap(), detail);
            assert_eq!(detail.words(), words);
        }
    }
}
