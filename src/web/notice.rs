//! Flash messages.
//!
//! What an act leaves in the session for the page that follows, which tells it once. It is data, and the pages make words of it. All
//! of it is ids, numbers, choices and at most one name, so that it is small.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::event::EventId;
use crate::domain::holding::Accepted;
use crate::domain::ids::CredentialId;
use crate::domain::sender_settings::SenderSettings;

/// Whoever comes to the page later than this is told nothing: it would be about something long ago.
pub(crate) const TOLD_FOR: SignedDuration = SignedDuration::from_mins(10);

/// What was done, by the page that tells it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notice {
    Webhooks((CredentialId, CredentialNotice)),
    Account(AccountNotice),
    Devices(DevicesNotice),
    Tokens(TokensNotice),
    Consumers(ConsumersNotice),
    Alerts(AlertsNotice),
    StoredEvents(StoredEventsNotice),
    SecondFactor(SecondFactorNotice),
    EventDeletion(EventDeletionNotice),
    Events(EventsNotice),
    SignIn(SignInNotice),
}

macro_rules! taken_by_pages {
    ($($page:ident: $variant:ident($notice:ty);)*) => {
        /// What a page takes is its own.
        impl Notice {
            $(pub(crate) fn $page(self) -> Option<$notice> {
                if let Self::$variant(notice) = self { Some(notice) } else { None }
            })*
        }
    };
}

taken_by_pages! {
    webhooks: Webhooks((CredentialId, CredentialNotice));
    account: Account(AccountNotice);
    devices: Devices(DevicesNotice);
    tokens: Tokens(TokensNotice);
    consumers: Consumers(ConsumersNotice);
    alerts: Alerts(AlertsNotice);
    stored_events: StoredEvents(StoredEventsNotice);
    second_factor: SecondFactor(SecondFactorNotice);
    event_deletion: EventDeletion(EventDeletionNotice);
    events: Events(EventsNotice);
    sign_in: SignIn(SignInNotice);
}

/// What was done with a credential, or why not.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialNotice {
    Disabled,
    Enabled,
    Unchanged,
    Revoked,
    Renamed {
        was: String,
    },
    OldPasswordStopped,
    Dated {
        was: Option<Timestamp>,
    },
    Undated {
        was: Option<Timestamp>,
    },
    NothingToDate,
    Extended,
    NotExtended,
    ExtensionUndone,
    ExtensionStays,
    Holding,
    NotHolding,
    /// What they were, where that can be put back.
    SettingsSaved {
        was: Option<SenderSettings>,
    },
    AddressShown,
    AddressRevoked,
    Accepted(Accepted),
    Discarded {
        events: u64,
    },
    Tested {
        event: EventId,
        ms: u64,
    },
    TestRefused,
    TestFull,
}

/// What was changed of the account.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountNotice {
    Name,
    Email,
    ConfirmationSent,
    ConfirmationNotSent,
    Password,
    SecondFactorOff,
}

/// How many browsers were signed out.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DevicesNotice {
    One,
    AllOthers(usize),
}

/// What was done with an API token, or why not.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokensNotice {
    Renamed,
    Revoked,
    ShownBefore,
    TwoValuesLive,
    TooMany,
}

/// What was done with a consumer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConsumersNotice {
    Created,
    CreatedBefore,
    Moved,
    Deleted,
}

/// What was done about alerts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AlertsNotice {
    Acknowledged,
    Muted,
    Unmuted,
    RuleSaved,
    RuleDeleted,
    Chosen,
    TestSent,
    TestNotSent,
}

/// What was chosen about stored events.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredEventsNotice {
    WhenFull,
}

/// Why nothing was done about two-step sign-in.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecondFactorNotice {
    AlreadyOff,
}

/// Why no deletion began. One that did, and how it ended, is on the page for longer than a notice is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventDeletionNotice {
    OtherIsRunning,
}

/// What was done with events of the list.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventsNotice {
    Deleted(usize),
    NoneSelected,
    SearchSaved,
    SearchDeleted,
}

/// What somebody is told who is signed out.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignInNotice {
    AccountDeleted,
}

/// A notice that waits for its page.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Flash {
    pub(crate) notice: Notice,
    pub(crate) at: Timestamp,
}

impl Flash {
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) <= TOLD_FOR
    }
}

/// A notice as a page shows it.
#[derive(Clone, Debug)]
pub(crate) struct NoticeWords {
    /// `ok` or `bad`.
    pub(crate) kind: &'static str,
    pub(crate) title: String,
    pub(crate) text: String,
    /// Where one can go on, and what the link says.
    pub(crate) link: Option<(String, &'static str)>,
    /// What takes it back.
    pub(crate) undo: Option<Undo>,
}

/// The form that takes back what was just done: where it goes, and its fields.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    pub(crate) action: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl NoticeWords {
    pub(crate) fn ok(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind: "ok", title: title.into(), text: text.into(), link: None, undo: None }
    }

    pub(crate) fn bad(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind: "bad", ..Self::ok(title, text) }
    }

    /// The same, with a link.
    pub(crate) fn leading_to(self, address: String, label: &'static str) -> Self {
        Self { link: Some((address, label)), ..self }
    }
}
