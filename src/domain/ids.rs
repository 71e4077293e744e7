//! The identities of things: UUIDs, and a number for a request, that cannot be mistaken for one another. Making one takes the time and random
//! bytes from the caller.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map($name)
            }
        }
    };
}

/// One request: in its answer, in the log, in the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{:016x}", self.0)
    }
}

id!(
    /// An account: what owns credentials and events.
    AccountId
);
id!(
    /// A person who signs in.
    UserId
);
id!(
    /// A credential: one sender's username and its passwords.
    CredentialId
);
id!(
    /// One password of a credential.
    SecretId
);
id!(
    /// An API token of an account.
    ApiTokenId
);
id!(
    /// A consumer of an account's events.
    ConsumerId
);
id!(
    /// One sign-in of one browser.
    SessionId
);
id!(
    /// A mail to a user.
    MailId
);
id!(
    /// An alert of an account.
    AlertId
);
