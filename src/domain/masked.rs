//! How the public part of a secret is shown: a password's, or a token's.

use crate::domain::{api_token, credential_password, token_address};

/// What pages show in a secret's place: a password's by its hint, a token's by its hint with its prefix.
pub(crate) fn masked(hint: &str) -> String {
    let is_token = [api_token::KIND, token_address::KIND].iter().any(|kind| hint.starts_with(kind.prefix));
    let prefix = if is_token { "" } else { credential_password::PREFIX };
    format!("{prefix}{hint}••••••••")
}
