//! API tokens: what programs read and change an account with, each made for one job.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::checked_token::TokenKind;
use crate::domain::credential::{Credential, CredentialName, InvalidName};
use crate::domain::escape_invisible::escape_invisible;
use crate::domain::ids::{ApiTokenId, CredentialId};

/// `rwt_…`
pub(crate) const KIND: TokenKind = TokenKind { prefix: "rwt_", purpose: b"api token" };
/// Those of an account that are neither revoked nor expired.
pub(crate) const MAX_TOKENS: u32 = 50;
/// How many credentials one can be bound to.
const MAX_CREDENTIALS: usize = 100;
/// How long one works where nothing else is chosen, and at most, in days.
pub(crate) const DEFAULT_DAYS: u16 = 90;
pub(crate) const MAX_DAYS: u16 = 400;

macro_rules! scopes {
    ($($variant:ident = $word:literal, $sentence:literal;)*) => {
        /// What a token may do. The words are part of the interface: added to, never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "its variants are what their names say")]
        pub enum Scope { $(#[serde(rename = $word)] $variant,)* }

        impl Scope {
            /// In the order of the page.
            pub const ALL: &'static [Scope] = &[$(Scope::$variant,)*];

            /// The word in the interface, in the database and on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Scope::$variant => $word,)* }
            }

            /// What it lets a program do, for the page.
            pub(crate) fn sentence(self) -> &'static str {
                match self { $(Scope::$variant => $sentence,)* }
            }
        }
    };
}

scopes! {
    EventsRead = "events:read", "Read, search and export events";
    EventsDelete = "events:delete", "Delete single events";
    RejectionsRead = "rejections:read", "Read what was refused, and why";
    CredentialsRead = "credentials:read", "List credentials, without their passwords";
    CredentialsWrite = "credentials:write", "Create, change, rotate and revoke credentials";
    AuditRead = "audit:read", "Read the audit trail";
    ConsumersWrite = "consumers:write", "Create, read from, move and delete consumers";
}

/// The text names no scope.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a scope: choose from {all}", all = words(Scope::ALL))]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Scope::ALL.iter().copied().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| UnknownScope(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Scopes as one text.
pub(crate) fn words(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

/// Why a token cannot be made as it was asked for, in words for its owner.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidToken {
    #[error("Enter a name, such as Nightly export.")]
    NoName,
    #[error(transparent)]
    Name(InvalidName),
    #[error("Choose at least one thing that it may do.")]
    NoScope,
    #[error("Choose 1 to {MAX_DAYS} days, or Never.")]
    Expiry,
    #[error("You have no credential with the username {0}.")]
    UnknownCredential(String),
    #[error("List at most {MAX_CREDENTIALS} credentials.")]
    TooManyCredentials,
}

/// Reads a name.
pub(crate) fn parse_name(text: &str) -> Result<CredentialName, InvalidToken> {
    text.parse().map_err(|error| match error {
        InvalidName::Missing => InvalidToken::NoName,
        other => InvalidToken::Name(other),
    })
}

/// Reads how long a token is to work: a number of days, or `never`.
pub(crate) fn parse_lifetime(text: &str) -> Result<Option<SignedDuration>, InvalidToken> {
    let days = match text.trim() {
        "never" | "none" => return Ok(None),
        text => text.strip_suffix('d').unwrap_or(text).parse::<u16>().map_err(|_| InvalidToken::Expiry)?,
    };
    if days == 0 || days > MAX_DAYS {
        Err(InvalidToken::Expiry)
    } else {
        Ok(Some(SignedDuration::from_hours(24) * i32::from(days)))
    }
}

/// The credentials that a token may see, by their usernames or ids; each once.
pub(crate) fn bound_to<'a>(
    usernames: impl Iterator<Item = &'a str>,
    owned: &[Credential],
) -> Result<Vec<CredentialId>, InvalidToken> {
    let id_of = |word: &str| {
        let is_named = |one: &&Credential| one.username == word || one.id.to_string() == word;
        let found = owned.iter().filter(is_named).find(|credential| credential.revoked_at.is_none());
        let shown = || escape_invisible(word).chars().take(40).collect();
        found.map(|credential| credential.id).ok_or_else(|| InvalidToken::UnknownCredential(shown()))
    };
    let mut ids = usernames.map(id_of).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MAX_CREDENTIALS { Err(InvalidToken::TooManyCredentials) } else { Ok(ids) }
}

/// Whether a token works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenState {
    Live,
    Expired,
    Revoked,
}

impl TokenState {
    /// The word in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// What a token is to be.
#[derive(Clone, Debug)]
pub(crate) struct TokenGrant {
    pub(crate) name: CredentialName,
    pub(crate) scopes: Vec<Scope>,
    /// The credentials that it may see; none: all.
    pub(crate) credentials: Vec<CredentialId>,
    /// The networks that it may be used from; none: anywhere.
    pub(crate) networks: Vec<IpNet>,
    /// `None`: it does not expire.
    pub(crate) lifetime: Option<SignedDuration>,
}

/// A value that opens a token, without the value.
#[derive(Clone, Debug)]
pub(crate) struct TokenValue {
    pub(crate) hint: String,
    pub(crate) issued_at: Timestamp,
    /// Another has taken its place.
    pub(crate) ends_at: Option<Timestamp>,
}

/// A token, without its values.
#[derive(Clone, Debug)]
pub(crate) struct ApiToken {
    pub(crate) id: ApiTokenId,
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) credentials: Vec<CredentialId>,
    pub(crate) networks: Vec<IpNet>,
    /// That are kept, or the one that was presented; the newest first.
    pub(crate) values: Vec<TokenValue>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) last_used_ip: Option<IpAddr>,
    pub(crate) last_used_agent: Option<String>,
}

impl ApiToken {
    pub(crate) fn state(&self, now: Timestamp) -> TokenState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => TokenState::Revoked,
            (None, Some(end)) if end <= now => TokenState::Expired,
            (None, _) => TokenState::Live,
        }
    }

    /// The public part of its newest value.
    pub(crate) fn hint(&self) -> &str {
        self.values.first().map(|value| value.hint.as_str()).unwrap_or_default()
    }

    /// The value before, where it works still, and when it ends.
    pub(crate) fn former(&self, now: Timestamp) -> Option<(&TokenValue, Timestamp)> {
        self.values.iter().find_map(|value| Some((value, value.ends_at.filter(|end| *end > now)?)))
    }

    /// Whether a value that was presented opens it.
    pub(crate) fn is_opened(&self, now: Timestamp) -> bool {
        self.state(now) == TokenState::Live && self.values.iter().any(|value| value.ends_at.is_none_or(|end| end > now))
    }

    pub(crate) fn allows(&self, ip: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Whether it may see a credential.
    pub(crate) fn sees(&self, credential: CredentialId) -> bool {
        self.credentials.is_empty() || self.credentials.contains(&credential)
    }

    /// When a new value ends, made now: it lasts as long as the one before was to.
    pub(crate) fn renewed_end(&self, now: Timestamp) -> Option<Timestamp> {
        let issued_at = self.values.first().map_or(self.created_at, |value| value.issued_at);
        self.expires_at.map(|end| now + end.duration_since(issued_at))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{InvalidToken, Scope, parse_lifetime, parse_name};

    #[test]
    fn a_lifetime_is_days_up_to_a_limit_or_none_by_choice() {
        assert_eq!(parse_lifetime("90"), Ok(Some(SignedDuration::from_hours(90 * 24))));
        assert_eq!(parse_lifetime("400d"), Ok(Some(SignedDuration::from_hours(400 * 24))));
        for text in ["none", "never"] {
            assert_eq!(parse_lifetime(text), Ok(None), "{text}");
        }
        for text in ["", "0", "401", "-1", "a year", "1h"] {
            assert_eq!(parse_lifetime(text), Err(InvalidToken::Expiry), "{text}");
        }
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().unwrap(), *scope);
        }
        assert!("events".parse::<Scope>().unwrap_err().to_string().contains("events:read"));
        assert_eq!(parse_name(" "), Err(InvalidToken::NoName));
    }
}
