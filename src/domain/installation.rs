//! The keys of one installation, made at its first start and kept in the database, in clear or encrypted, and what is derived from them.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac::{Context, HMAC_SHA256, Key};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::domain::digest;
use crate::domain::secret::Secret;
use crate::domain::stored_key::OutsideKey;

/// Bytes of the key that signs session and device cookies and hashes recovery codes.
pub(crate) const SESSION_KEY_BYTES: usize = 64;
/// Bytes of the key under which the checksums of credential passwords are made.
pub(crate) const CHECKSUM_KEY_BYTES: usize = 32;

/// Bytes of a key under which secrets are encrypted.
pub(crate) const SECRETS_KEY_BYTES: usize = 32;

/// The keys of this installation. A dump of the database carries them, so its credentials work where it is restored.
#[derive(Clone)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct InstallationKeys {
    pub session: Zeroizing<Vec<u8>>,
    pub checksum: Zeroizing<Vec<u8>>,
    /// Those that keys in the database are encrypted under; the first one is for new ones.
    pub outside: Vec<OutsideKey>,
}

impl fmt::Debug for InstallationKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationKeys")
    }
}

impl InstallationKeys {
    /// The token in the set-up link. It is derived, not stored, so that every instance prints the same link at every
    /// start until the first account exists.
    pub(crate) fn setup_token(&self) -> Secret {
        let digest = keyed_digest(&self.session, &[b"set-up token"]);
        Secret::new(BASE64_URL_SAFE_NO_PAD.encode(&digest[..24]))
    }

    /// Compares in constant time.
    pub(crate) fn is_setup_token(&self, input: &str) -> bool {
        self.setup_token().reveal().as_bytes().ct_eq(input.as_bytes()).into()
    }
}

/// HMAC-SHA-256 over parts, each with its length in front, so that no two lists of parts look alike.
pub fn keyed_digest(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Context::with_key(&Key::new(HMAC_SHA256, key));
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    digest::bytes_of(mac.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use super::{InstallationKeys, keyed_digest};

    // holds A1
    #[test]
    fn parts_that_join_alike_have_different_digests() {
        let key = b"key";
        assert_ne!(keyed_digest(key, &[b"ab", b"c"]), keyed_digest(key, &[b"a", b"bc"]));
        assert_ne!(keyed_digest(key, &[b"ab"]), keyed_digest(key, &[b"ab", b""]));
    }

    #[test]
    fn the_setup_token_belongs_to_one_installation() {
        let keys = |byte| InstallationKeys {
            session: vec![byte; 64].into(),
            checksum: vec![byte; 32].into(),
            outside: Vec::new(),
        };
        let token = keys(1).setup_token();
        assert!(keys(1).is_setup_token(token.reveal()));
        assert!(!keys(2).is_setup_token(token.reveal()));
        assert!(!keys(1).is_setup_token(""));
    }
}
