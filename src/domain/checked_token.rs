//! Tokens with a keyed checksum: a prefix, 26 random characters, 6 that are a checksum over the 26.
//!
//! As a credential's password has it: the first 4 of the 26 are the public hint, and the checksum tells a forgery without a query. What
//! is kept is a SHA-256, since 131 random bits need no slow hash.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::domain::credential_password::{ALPHABET, CHECKSUM_CHARS, HINT_CHARS, RANDOM_CHARS, in_alphabet};
use crate::domain::digest::sha256;
use crate::domain::installation::keyed_digest;
use crate::domain::secret::Secret;

/// Bytes of every prefix.
const PREFIX_BYTES: usize = 4;

/// What tokens of one kind begin with, and what their checksums are made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenKind {
    pub(crate) prefix: &'static str,
    pub(crate) purpose: &'static [u8],
}

/// A token whose checksum is right.
#[derive(Clone)]
pub(crate) struct CheckedToken(Secret);

impl fmt::Debug for CheckedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckedToken")
    }
}

impl TokenKind {
    /// A new token from uniformly random numbers below 62, one a character.
    pub(crate) fn make(self, key: &[u8], indices: [u8; RANDOM_CHARS]) -> CheckedToken {
        let random: String = indices.iter().map(|i| char::from(ALPHABET[usize::from(*i) % 62])).collect();
        let checksum: String = self.checksum(key, &random).into_iter().map(char::from).collect();
        CheckedToken(Secret::new(format!("{}{random}{checksum}", self.prefix)))
    }

    /// Takes a text that somebody sent. `None` for whatever this installation cannot have made.
    pub(crate) fn recognise(self, key: &[u8], input: &str) -> Option<CheckedToken> {
        let tail = input.strip_prefix(self.prefix)?;
        if tail.len() != RANDOM_CHARS + CHECKSUM_CHARS || !tail.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let (random, end) = tail.split_at(RANDOM_CHARS);
        let is_right: bool = self.checksum(key, random).as_slice().ct_eq(end.as_bytes()).into();
        is_right.then(|| CheckedToken(Secret::new(input.to_owned())))
    }

    /// The public part of a token where another kind's could stand as well: with its prefix.
    pub(crate) fn prefixed(self, hint: &str) -> String {
        format!("{}{hint}", self.prefix)
    }

    fn checksum(self, key: &[u8], random: &str) -> [u8; CHECKSUM_CHARS] {
        in_alphabet(keyed_digest(key, &[self.purpose, random.as_bytes()]))
    }
}

impl CheckedToken {
    /// All of it, to be shown once.
    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }

    /// The public part.
    pub(crate) fn hint(&self) -> &str {
        &self.0.reveal()[PREFIX_BYTES..PREFIX_BYTES + HINT_CHARS]
    }

    /// What is kept of it, in hexadecimal.
    pub(crate) fn hash(&self) -> String {
        sha256(self.0.reveal().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::TokenKind;
    use crate::domain::credential_password::RANDOM_CHARS;

    const ONE: TokenKind = TokenKind { prefix: "rw1_", purpose: b"one" };
    const TWO: TokenKind = TokenKind { prefix: "rw2_", purpose: b"two" };

    #[test]
    fn a_token_is_recognised_by_its_installation_alone_and_with_no_character_changed() {
        for (kind, other) in [(ONE, TWO), (TWO, ONE)] {
            let token = kind.make(b"key", [7; RANDOM_CHARS]);
            let text = token.secret().reveal();
            assert_eq!((text.len(), token.hint()), (36, "7777"));
            assert_eq!(kind.recognise(b"key", text).unwrap().hash(), token.hash());
            assert!(kind.recognise(b"other key", text).is_none());
            for place in 0..text.len() {
                let mut changed = text.as_bytes().to_vec();
                changed[place] = if changed[place] == b'x' { b'y' } else { b'x' };
                assert!(kind.recognise(b"key", std::str::from_utf8(&changed).unwrap()).is_none(), "at {place}");
            }
            assert!(kind.recognise(b"key", kind.prefix).is_none());
            let as_other = text.replace(kind.prefix, other.prefix);
            assert!(other.recognise(b"key", &as_other).is_none(), "one kind is not taken for another");
        }
    }
}
