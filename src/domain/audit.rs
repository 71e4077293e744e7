//! What is written down of every act: who did what to what, when, from where. The names of the acts are part of the record,
//! so they are never changed, only added to.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::{RequestId, UserId};

/// Who acts, and when. Everything that changes something takes one.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Act {
    pub actor: Actor,
    pub(crate) at: Timestamp,
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) request_id: Option<RequestId>,
    /// The name of the API token that its user acts with.
    pub(crate) token: Option<String>,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody on a page.
    User(UserId),
    /// Somebody on a page who is not signed in yet.
    Visitor,
    /// Whoever may run the program on the server.
    Operator,
    /// An outside system, by its username and password.
    Sender,
    /// Nobody: time went by.
    Program,
}

impl Actor {
    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Actor::User(_) => "user",
            Actor::Visitor => "visitor",
            Actor::Operator => "operator",
            Actor::Sender => "sender",
            Actor::Program => "program",
        }
    }

    /// The word on the page, for a word of the database.
    pub(crate) fn label(word: &str) -> &str {
        match word {
            "user" => "A former user",
            "visitor" => "Visitor",
            "operator" => "Operator",
            "sender" => "Sender",
            "program" => "System",
            other => other,
        }
    }
}

impl Act {
    /// An act on the command line.
    pub fn on_command_line(at: Timestamp) -> Self {
        Self { actor: Actor::Operator, at, remote_ip: None, request_id: None, token: None }
    }

    /// What a sender did with one of its requests.
    pub(crate) fn of_sender(at: Timestamp, remote_ip: IpAddr, request_id: RequestId) -> Self {
        Self { actor: Actor::Sender, at, remote_ip: Some(remote_ip), request_id: Some(request_id), token: None }
    }

    /// What came about by itself.
    pub fn of_time(at: Timestamp) -> Self {
        Self { actor: Actor::Program, at, remote_ip: None, request_id: None, token: None }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $sentence:literal;)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Action { $($(#[$doc])* $variant,)* }

        impl Action {
            pub(crate) const ALL: &'static [Action] = &[$(Action::$variant,)*];

            /// The word in the database.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Action::$variant => $word,)* }
            }

            /// The words on the page.
            pub(crate) fn sentence(self) -> &'static str {
                match self { $(Action::$variant => $sentence,)* }
            }
        }
    };
}

actions! {
    AccountCreated = "account_created", "Created the account";
    AccountDeleted = "account_deleted", "Deleted the account";
    AccountRenamed = "account_renamed", "Changed the name of the account";
    EmailChanged = "email_changed", "Changed the email address";
    PlanChanged = "plan_changed", "Changed the plan";
    PasswordChanged = "password_changed", "Changed the account password";
    PasswordReset = "password_reset", "Reset the account password";
    SignedIn = "signed_in", "Signed in";
    SignInFailed = "sign_in_failed", "Failed to sign in";
    PasswordAccepted = "password_accepted", "Entered the right password and was asked for a code";
    CodeRefused = "code_refused", "Entered a wrong code";
    RecoveryCodeUsed = "recovery_code_used", "Used a recovery code";
    SignInLinkMade = "sign_in_link_made", "Created a sign-in link";
    SignInLinkUsed = "sign_in_link_used", "Used a sign-in link and was asked for a code";
    PasswordLinkSent = "password_link_sent", "Asked for a link to choose a new password";
    PasswordChosenByLink = "password_chosen_by_link", "Chose a new account password with a link";
    EmailConfirmed = "email_confirmed", "Confirmed the email address";
    SignedOut = "signed_out", "Signed out";
    PasswordConfirmed = "password_confirmed", "Confirmed the account password";
    PasswordConfirmationFailed = "password_confirmation_failed", "Entered a wrong account password";
    SecondFactorTurnedOn = "second_factor_turned_on", "Turned on two-step sign-in";
    SecondFactorTurnedOff = "second_factor_turned_off", "Turned off two-step sign-in";
    /// By whoever runs the server.
    SecondFactorRemoved = "second_factor_removed", "Removed two-step sign-in";
    /// By whoever runs the server, for everybody.
    SecondFactorEncryptedAnew = "second_factor_encrypted_anew", "Re-encrypted the two-step sign-in key";
    RecoveryCodesMade = "recovery_codes_made", "Generated new recovery codes";
    SessionEnded = "session_ended", "Ended a session";
    OtherSessionsEnded = "other_sessions_ended", "Ended all other sessions";
    CredentialCreated = "credential_created", "Created a credential";
    CredentialRenamed = "credential_renamed", "Renamed a credential";
    CredentialRotated = "credential_rotated", "Rotated the password of a credential";
    OldPasswordStopped = "old_password_stopped", "Stopped the old password of a credential";
    OverlapExtended = "overlap_extended", "Extended the overlap of a credential";
    OverlapExtensionUndone = "overlap_extension_undone", "Undid the extension of an overlap";
    ExpirySet = "expiry_set", "Set the expiry date of a password";
    ExpiryRemoved = "expiry_removed", "Removed the expiry date of a password";
    CredentialDisabled = "credential_disabled", "Disabled a credential";
    CredentialEnabled = "credential_enabled", "Enabled a credential";
    CredentialRevoked = "credential_revoked", "Revoked a credential";
    /// Once for each password.
    PasswordFirstUsed = "password_first_used", "Used a password for the first time";
    /// At most once a day for each password.
    PasswordUsedAfterRevoke = "password_used_after_revoke", "Tried a revoked password";
    /// Once for each token address.
    TokenAddressFirstUsed = "token_address_first_used", "Used a token address for the first time";
    /// At most once a day for each token address.
    TokenAddressUsedAfterRevoke = "token_address_used_after_revoke", "Tried a revoked token address";
    PasswordExpired = "password_expired", "Password expired";
    HoldingSwitchedOn = "holding_switched_on", "Started holding late events";
    HoldingSwitchedOff = "holding_switched_off", "Stopped holding late events";
    SenderSettingsChanged = "sender_settings_changed", "Changed the sender settings of a credential";
    TokenAddressMade = "token_address_made", "Generated a token address";
    TokenAddressRevoked = "token_address_revoked", "Revoked the token address of a credential";
    HeldEventsAccepted = "held_events_accepted", "Accepted late events of a credential";
    HeldEventsDiscarded = "held_events_discarded", "Discarded late events of a credential";
    EventDeleted = "event_deleted", "Deleted an event";
    EventDeletionStarted = "event_deletion_started", "Started deleting events";
    EventDeletionCancelled = "event_deletion_cancelled", "Stopped deleting events";
    EventsDeleted = "events_deleted", "Deleted events";
    RetentionChanged = "retention_changed", "Changed how long events are kept";
    /// By whoever runs the server.
    LimitsChanged = "limits_changed", "Changed the limits of the account";
    WhenFullChanged = "when_full_changed", "Changed what happens when storage is full";
    ApiTokenCreated = "api_token_created", "Created an API token";
    ApiTokenRenamed = "api_token_renamed", "Renamed an API token";
    ApiTokenRotated = "api_token_rotated", "Rotated an API token";
    ApiTokenRevoked = "api_token_revoked", "Revoked an API token";
    ConsumerCreated = "consumer_created", "Created a consumer";
    ConsumerMoved = "consumer_moved", "Moved a consumer";
    ConsumerDeleted = "consumer_deleted", "Deleted a consumer";
    AlertAcknowledged = "alert_acknowledged", "Acknowledged an alert";
    AlertMuted = "alert_muted", "Muted an alert";
    AlertUnmuted = "alert_unmuted", "Unmuted an alert";
    AlertRuleSaved = "alert_rule_saved", "Saved an alert rule";
    AlertRuleDeleted = "alert_rule_deleted", "Deleted an alert rule";
    AlertSettingsChanged = "alert_settings_changed", "Changed which alerts are told";
    EventsExported = "events_exported", "Exported events";
    RejectionsExported = "rejections_exported", "Exported rejected attempts";
    AuditExported = "audit_exported", "Exported the audit trail";
}

impl std::str::FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Action::ALL.iter().copied().find(|a| a.as_str() == text).ok_or_else(|| text.to_owned())
    }
}

/// What an act writes down.
#[derive(Clone, Debug)]
pub(crate) struct AuditLine<'a> {
    pub(crate) action: Action,
    /// What it was done to: a credential's username, an event's id.
    pub(crate) subject: &'a str,
    pub(crate) detail: AuditDetail,
}

impl<'a> AuditLine<'a> {
    /// Without details.
    pub(crate) fn new(action: Action, subject: &'a str) -> Self {
        Self { action, subject, detail: AuditDetail::None }
    }

    /// With details.
    pub(crate) fn with(self, detail: AuditDetail) -> Self {
        Self { detail, ..self }
    }
}

/// A line of the audit trail as its reader sees it.
#[derive(Clone, Debug)]
pub(crate) struct AuditEntry {
    pub(crate) at: Timestamp,
    /// The e-mail address of the user, or what else acted.
    pub(crate) actor: String,
    pub(crate) action: Action,
    /// What it was done to: a credential's username, an event's id.
    pub(crate) subject: String,
    /// What else is worth knowing, such as the overlap of a rotation.
    pub(crate) detail: AuditDetail,
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) request_id: Option<String>,
}

/// Which lines. Empty: all.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditFilter {
    pub(crate) action: Option<Action>,
    /// A text that the subject contains, in any case.
    pub(crate) subject: Option<String>,
}

impl AuditFilter {
    /// Whether every line passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.action.is_none() && self.subject.is_none()
    }
}
