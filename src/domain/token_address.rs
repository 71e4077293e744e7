//! Token addresses: the secret part of an address that a sender posts to when it can set neither a header nor userinfo.
//!
//! `rwi_`, 26 random characters, 6 that are a keyed checksum over the 26, as a credential's password has: the first 4 of the 26 are the
//! public hint, and the checksum tells a forgery without a query. Weaker than a password, since addresses end up in logs.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::domain::credential_password::{ALPHABET, CHECKSUM_CHARS, HINT_CHARS, RANDOM_CHARS, in_alphabet};
use crate::domain::digest::sha256;
use crate::domain::installation::keyed_digest;
use crate::domain::secret::Secret;

pub(crate) const PREFIX: &str = "rwi_";
const TOKEN_BYTES: usize = PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS;

/// A token whose checksum is right.
#[derive(Clone)]
pub(crate) struct AddressToken(Secret);

impl fmt::Debug for AddressToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressToken")
    }
}

impl AddressToken {
    /// A new token from uniformly random numbers below 62, one a character.
    pub(crate) fn from_random(key: &[u8], indices: [u8; RANDOM_CHARS]) -> Self {
        let random: String = indices.iter().map(|i| char::from(ALPHABET[usize::from(*i) % 62])).collect();
        let checksum: String = checksum(key, &random).into_iter().map(char::from).collect();
        Self(Secret::new(format!("{PREFIX}{random}{checksum}")))
    }

    /// Takes what somebody posted to. `None` for whatever this installation cannot have made.
    pub(crate) fn recognise(key: &[u8], input: &str) -> Option<Self> {
        let tail = input.strip_prefix(PREFIX)?;
        if input.len() != TOKEN_BYTES || !tail.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let (random, end) = tail.split_at(RANDOM_CHARS);
        let is_right: bool = checksum(key, random).as_slice().ct_eq(end.as_bytes()).into();
        is_right.then(|| Self(Secret::new(input.to_owned())))
    }

    /// The address to post to, below the endpoint. To be shown once.
    pub(crate) fn address(&self, endpoint: &str) -> Secret {
        Secret::new(format!("{}/in/{}", endpoint.trim_end_matches('/'), self.0.reveal()))
    }

    /// The public part.
    pub(crate) fn hint(&self) -> &str {
        &self.0.reveal()[PREFIX.len()..PREFIX.len() + HINT_CHARS]
    }

    /// What is kept of it, in hexadecimal. 131 random bits need no slow hash.
    pub(crate) fn hash(&self) -> String {
        sha256(self.0.reveal().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The public part of a token where a password's could stand as well: with its prefix.
pub(crate) fn prefixed(hint: &str) -> String {
    format!("{PREFIX}{hint}")
}

/// A path as it may be written down: that of a token address without its token.
pub(crate) fn without_token(path: &str) -> &str {
    if path.starts_with("/in/") { "/in/[masked]" } else { path }
}

fn checksum(key: &[u8], random: &str) -> [u8; CHECKSUM_CHARS] {
    in_alphabet(keyed_digest(key, &[b"token address", random.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::{AddressToken, TOKEN_BYTES};
    use crate::domain::credential_password::RANDOM_CHARS;

    #[test]
    fn a_token_is_recognised_by_its_installation_alone_and_with_no_character_changed() {
        let token = AddressToken::from_random(b"key", [7; RANDOM_CHARS]);
        let text = token.0.reveal();
        assert_eq!((text.len(), token.hint()), (TOKEN_BYTES, "7777"));
        assert_eq!(AddressToken::recognise(b"key", text).unwrap().hash(), token.hash());
        assert!(AddressToken::recognise(b"other key", text).is_none());
        for place in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[place] = if changed[place] == b'x' { b'y' } else { b'x' };
            assert!(AddressToken::recognise(b"key", std::str::from_utf8(&changed).unwrap()).is_none(), "at {place}");
        }
        assert!(AddressToken::recognise(b"key", "rwi_").is_none());
    }
}
