//! A credential: the username of one sender, its name, and the passwords that open it. States are computed from what
//! happened and the time, never stored.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{CredentialId, SecretId};
use crate::domain::overlap::Overlap;
use crate::domain::sender_settings::SenderSettings;

/// The alphabet after `rw_`.
const USERNAME_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const USERNAME_PREFIX: &str = "rw_";
/// How many characters follow the prefix.
pub(crate) const USERNAME_RANDOM_CHARS: usize = 8;
/// How long a username is, in bytes.
pub(crate) const USERNAME_BYTES: usize = USERNAME_PREFIX.len() + USERNAME_RANDOM_CHARS;
/// The longest name of a credential, in characters.
pub(crate) const MAX_CREDENTIAL_NAME_CHARS: usize = 60;

/// `rw_` and 8 of `[a-z0-9]`. A rotation never changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Username([u8; USERNAME_BYTES]);

impl Username {
    /// From uniformly random numbers below 36, one a character.
    pub fn from_random(indices: [u8; USERNAME_RANDOM_CHARS]) -> Self {
        let mut bytes = [0; USERNAME_BYTES];
        let (prefix, tail) = bytes.split_at_mut(USERNAME_PREFIX.len());
        prefix.copy_from_slice(USERNAME_PREFIX.as_bytes());
        for (byte, index) in tail.iter_mut().zip(indices) {
            *byte = USERNAME_ALPHABET[usize::from(index) % USERNAME_ALPHABET.len()];
        }
        Self(bytes)
    }

    /// As senders give it.
    pub fn as_str(&self) -> &str {
        // Prefix and alphabet are ASCII, so this is never the empty text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The text has not the shape of a username.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a username: usernames look like rw_7f3kq2m9")]
pub struct NotAUsername(String);

impl FromStr for Username {
    type Err = NotAUsername;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tail = text.strip_prefix(USERNAME_PREFIX);
        let fits = tail.is_some_and(|tail| tail.bytes().all(|b| USERNAME_ALPHABET.contains(&b)));
        match text.as_bytes().try_into() {
            Ok(bytes) if fits => Ok(Self(bytes)),
            _ => Err(NotAUsername(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What its owner calls a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialName(String);

/// Why a text is no name for a credential, in words for its owner.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum InvalidName {
    #[error("Give the credential a name, such as Inventory system.")]
    Missing,
    #[error("Use at most {MAX_CREDENTIAL_NAME_CHARS} characters. This name has {0}.")]
    TooLong(usize),
    #[error("Use letters, digits, spaces and punctuation. This name has a control character.")]
    Control,
}

impl CredentialName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CredentialName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let chars = text.chars().count();
        if chars == 0 {
            Err(InvalidName::Missing)
        } else if chars > MAX_CREDENTIAL_NAME_CHARS {
            Err(InvalidName::TooLong(chars))
        } else if text.chars().any(char::is_control) {
            Err(InvalidName::Control)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a credential stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialState {
    Active,
    /// Two passwords work: the current one and an expiring one.
    Rotating,
    Disabled,
    Revoked,
}

impl CredentialState {
    /// The word in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            CredentialState::Active => "active",
            CredentialState::Rotating => "rotating",
            CredentialState::Disabled => "disabled",
            CredentialState::Revoked => "revoked",
        }
    }

    /// Whether its passwords, as long as they last, let senders in.
    pub(crate) fn is_open(self) -> bool {
        match self {
            CredentialState::Active | CredentialState::Rotating => true,
            CredentialState::Disabled | CredentialState::Revoked => false,
        }
    }
}

/// How one password of a credential stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordState {
    Current,
    /// Replaced, and works until its overlap ends.
    Expiring,
    Expired,
    Revoked,
}

impl PasswordState {
    /// The word in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            PasswordState::Current => "current",
            PasswordState::Expiring => "expiring",
            PasswordState::Expired => "expired",
            PasswordState::Revoked => "revoked",
        }
    }
}

/// For how long the extension of an overlap can be undone: later, somebody may rely on it.
const UNDONE_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// What is kept about one password: all but the password.
#[derive(Clone, Debug)]
pub(crate) struct PasswordRecord {
    pub(crate) id: SecretId,
    /// The public part: the first 4 of its 26 random characters.
    pub(crate) hint: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    /// Which of the two slots of its credential it has. One that expired has it until that was written down.
    pub(crate) slot: Option<i16>,
    /// Another has taken its place. One that has not may end too, at a date that its owner chose.
    pub(crate) is_replaced: bool,
    /// How long it was to work on when it was replaced, where that is known.
    pub(crate) overlap: Option<Overlap>,
    /// When its overlap was extended, which can be once.
    pub(crate) extended_at: Option<Timestamp>,
    pub(crate) first_used_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) last_used_ip: Option<IpAddr>,
    pub(crate) last_used_agent: Option<String>,
}

impl PasswordRecord {
    /// By how long the overlap of this replaced password can still be extended; `None` when that is over or done.
    pub(crate) fn extension(&self, now: Timestamp) -> Option<Overlap> {
        let can_be = self.state(now) == PasswordState::Expiring && self.extended_at.is_none();
        can_be.then(|| self.overlap.unwrap_or(Overlap::OneDay))
    }

    /// When its overlap ends without its extension, where that was made just now and can be undone.
    pub(crate) fn end_before_extension(&self, now: Timestamp) -> Option<Timestamp> {
        let is_new = self.extended_at.is_some_and(|at| now.duration_since(at) <= UNDONE_WITHIN);
        let end = self.expires_at.filter(|_| is_new && self.state(now) == PasswordState::Expiring)?;
        Some(self.overlap.unwrap_or(Overlap::OneDay).end_before(end))
    }

    /// Whether the date at which it ends is over.
    pub(crate) fn has_ended_by_itself(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    pub(crate) fn state(&self, now: Timestamp) -> PasswordState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => PasswordState::Revoked,
            (None, Some(end)) if end <= now => PasswordState::Expired,
            (None, Some(_)) if self.is_replaced => PasswordState::Expiring,
            (None, _) => PasswordState::Current,
        }
    }
}

/// A credential with its passwords, the newest first.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Credential {
    pub id: CredentialId,
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) created_at: Timestamp,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    /// Whether what arrives with an expired password is held for the owner.
    pub(crate) holds_late_events: bool,
    /// What the program that created it calls it.
    pub(crate) external_id: Option<String>,
    pub(crate) settings: SenderSettings,
    pub(crate) passwords: Vec<PasswordRecord>,
}

impl Credential {
    pub(crate) fn state(&self, now: Timestamp) -> CredentialState {
        if self.revoked_at.is_some() {
            CredentialState::Revoked
        } else if self.disabled_at.is_some() {
            CredentialState::Disabled
        } else if self.expiring(now).is_some() {
            CredentialState::Rotating
        } else {
            CredentialState::Active
        }
    }

    /// Whether a sender that knows a password of it is let in.
    pub(crate) fn accepts_events(&self, now: Timestamp) -> bool {
        self.state(now).is_open() && (self.current(now).is_some() || self.expiring(now).is_some())
    }

    /// The password that replaced the others.
    pub(crate) fn current(&self, now: Timestamp) -> Option<&PasswordRecord> {
        self.passwords.iter().find(|p| p.state(now) == PasswordState::Current)
    }

    /// The date at which the credential's password ended, if it was the last that worked.
    pub(crate) fn expired_at(&self, now: Timestamp) -> Option<Timestamp> {
        let newest = self.passwords.first()?;
        newest.expires_at.filter(|_| newest.state(now) == PasswordState::Expired && self.expiring(now).is_none())
    }

    /// The replaced password, while it still works.
    pub(crate) fn expiring(&self, now: Timestamp) -> Option<&PasswordRecord> {
        self.passwords.iter().find(|p| p.state(now) == PasswordState::Expiring)
    }

    /// The password that was used last, and so when and from where the credential was.
    pub(crate) fn last_used(&self) -> Option<&PasswordRecord> {
        self.passwords.iter().filter(|p| p.last_used_at.is_some()).max_by_key(|p| p.last_used_at)
    }
}

#[cfg(test)]
mod tests {
    use super::{CredentialName, InvalidName, Username};

    // holds C1
    #[test]
    fn usernames_have_one_shape() {
        assert_eq!(Username::from_random([0, 25, 26, 35, 1, 2, 3, 4]).as_str(), "rw_az09bcde");
        assert!("rw_7f3kq2m9".parse::<Username>().is_ok());
        for other in ["rw_7F3kq2m9", "rw_7f3kq2m", "rw_7f3kq2m9x", "7f3kq2m9", "rw-7f3kq2m9", ""] {
            assert!(other.parse::<Username>().is_err(), "{other}");
        }
    }

    #[test]
    fn names_are_trimmed_and_bounded_in_characters() {
        assert_eq!(" Lager Süd ".parse::<CredentialName>().unwrap().as_str(), "Lager Süd");
        assert_eq!("   ".parse::<CredentialName>(), Err(InvalidName::Missing));
        assert!("ä".repeat(60).parse::<CredentialName>().is_ok());
        assert_eq!("ä".repeat(61).parse::<CredentialName>(), Err(InvalidName::TooLong(61)));
        assert_eq!("a\u{1b}b".parse::<CredentialName>(), Err(InvalidName::Control));
    }
}
