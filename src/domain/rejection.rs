//! A refused request whose username is known: why, in words for the owner of the credential. The sender is told less.

use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;

use crate::domain::ids::CredentialId;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    WrongPassword,
    ExpiredPassword,
    RevokedPassword,
    CredentialDisabled,
    ProRequired,
    UnsupportedMediaType,
    InvalidJson,
    BodyTooLarge,
    BodyTimeout,
    IdempotencyConflict,
}

impl Reason {
    pub const ALL: [Reason; 10] = [
        Reason::WrongPassword,
        Reason::ExpiredPassword,
        Reason::RevokedPassword,
        Reason::CredentialDisabled,
        Reason::ProRequired,
        Reason::UnsupportedMediaType,
        Reason::InvalidJson,
        Reason::BodyTooLarge,
        Reason::BodyTimeout,
        Reason::IdempotencyConflict,
    ];

    /// The word in the database and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::WrongPassword => "wrong_password",
            Reason::ExpiredPassword => "expired_password",
            Reason::RevokedPassword => "revoked_password",
            Reason::CredentialDisabled => "credential_disabled",
            Reason::ProRequired => "pro_required",
            Reason::UnsupportedMediaType => "unsupported_media_type",
            Reason::InvalidJson => "invalid_json",
            Reason::BodyTooLarge => "body_too_large",
            Reason::BodyTimeout => "body_timeout",
            Reason::IdempotencyConflict => "idempotency_conflict",
        }
    }

    /// What happened, as the owner reads it.
    pub fn title(self) -> &'static str {
        match self {
            Reason::WrongPassword => "Wrong password",
            Reason::ExpiredPassword => "Old password has expired",
            Reason::RevokedPassword => "Password is revoked",
            Reason::CredentialDisabled => "Credential is disabled",
            Reason::ProRequired => "Account isn’t on Pro",
            Reason::UnsupportedMediaType => "Content type is not JSON",
            Reason::InvalidJson => "Not valid JSON",
            Reason::BodyTooLarge => "Body is too large",
            Reason::BodyTimeout => "Body didn’t arrive in time",
            Reason::IdempotencyConflict => "Same idempotency key, another body",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Reason::WrongPassword => "The username exists. Check which password that sender uses.",
            Reason::ExpiredPassword => "Its overlap is over. Give this sender the current password.",
            Reason::RevokedPassword => "Somebody still uses a password that was stopped. Update that sender.",
            Reason::CredentialDisabled => "Enable the credential if this sender should work again.",
            Reason::ProRequired => "Events are accepted again as soon as the account is back on Pro.",
            Reason::UnsupportedMediaType => {
                "The sender has to say Content-Type: application/json, without compression."
            }
            Reason::InvalidJson => "Correct what the sender builds at that place.",
            Reason::BodyTooLarge => "Send less at a time.",
            Reason::BodyTimeout => "The sender started a request and was too slow to finish it.",
            Reason::IdempotencyConflict => "The sender reuses keys for different events. Make a new key for each.",
        }
    }

    /// Whether a reader who looks for a text, in any case, means this reason.
    pub fn mentions(self, text: &str) -> bool {
        let text = text.to_lowercase();
        [self.as_str(), self.title(), self.advice()].iter().any(|words| words.to_lowercase().contains(&text))
            || self.status().to_string() == text
    }

    /// The status code that the sender got.
    pub fn status(self) -> u16 {
        match self {
            Reason::WrongPassword | Reason::ExpiredPassword | Reason::RevokedPassword | Reason::CredentialDisabled => {
                401
            }
            Reason::ProRequired => 403,
            Reason::UnsupportedMediaType => 415,
            Reason::InvalidJson => 400,
            Reason::BodyTooLarge => 413,
            Reason::BodyTimeout => 408,
            Reason::IdempotencyConflict => 422,
        }
    }
}

/// The text names no reason.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a reason for a rejection")]
pub struct UnknownReason(String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Reason::ALL.into_iter().find(|r| r.as_str() == text).ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

/// A refused request as it goes into the database. Never the body, never what was tried as a password.
#[derive(Clone, Debug)]
pub struct NewRejection {
    pub credential_id: CredentialId,
    pub at: Timestamp,
    pub reason: Reason,
    /// The password's public part, when the password was one of ours.
    pub hint: Option<String>,
    /// What exactly, for the owner: the place in the JSON, the content type that was sent.
    pub detail: Option<String>,
    pub remote_ip: IpAddr,
    pub user_agent: Option<String>,
    pub size_bytes: Option<u64>,
    /// How many requests this stands for.
    pub count: u32,
}

/// A refused request as its owner sees it; repeats within a second are one of these.
#[derive(Clone, Debug)]
pub struct Rejection {
    pub id: uuid::Uuid,
    pub at: Timestamp,
    pub credential_name: String,
    pub username: String,
    pub reason: Reason,
    pub hint: Option<String>,
    pub detail: Option<String>,
    pub remote_ip: IpAddr,
    pub user_agent: Option<String>,
    pub size_bytes: Option<u64>,
    pub count: u32,
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_is_listed_and_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse::<Reason>().unwrap(), reason);
        }
        assert!("other".parse::<Reason>().is_err());
    }
}
