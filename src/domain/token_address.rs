//! Token addresses: the secret part of an address that a sender posts to when it can set neither a header nor userinfo. Weaker than a
//! password, since addresses end up in logs.

use crate::domain::checked_token::{CheckedToken, TokenKind};
use crate::domain::secret::Secret;

/// `rwi_…`
pub(crate) const KIND: TokenKind = TokenKind { prefix: "rwi_", purpose: b"token address" };

/// The address to post to, below the endpoint. To be shown once.
pub(crate) fn address(token: &CheckedToken, endpoint: &str) -> Secret {
    Secret::new(format!("{}/in/{}", endpoint.trim_end_matches('/'), token.secret().reveal()))
}

/// A path as it may be written down: that of a token address without its token.
pub(crate) fn without_token(path: &str) -> &str {
    if path.starts_with("/in/") { "/in/[masked]" } else { path }
}
