//! How the public part of a secret is shown: a password's, or a token address's.

use crate::domain::credential_password;
use crate::domain::token_address;

/// What pages show in a secret's place: a password's by its hint, a token's by its hint with its prefix.
pub(crate) fn masked(hint: &str) -> String {
    let prefix = if hint.starts_with(token_address::PREFIX) { "" } else { credential_password::PREFIX };
    format!("{prefix}{hint}••••••••")
}
