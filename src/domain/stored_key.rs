//! Key wrapping: keys as the database has them, in clear or encrypted under a key-encryption key from outside.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::domain::aead::{self, NONCE_BYTES, NotSealed};
use crate::domain::digest::sha256;
use crate::domain::secret::Secret;

/// Bytes of a key-encryption key.
const OUTSIDE_KEY_BYTES: usize = 32;
/// Bytes of its id.
const ID_BYTES: usize = 8;

/// A key from outside of the database, under which the keys in it are encrypted.
#[derive(Clone)]
pub struct OutsideKey(Zeroizing<[u8; OUTSIDE_KEY_BYTES]>);

impl fmt::Debug for OutsideKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutsideKey")
    }
}

impl OutsideKey {
    /// Reads 32 bytes in base64; `None` for everything else.
    pub(crate) fn read(text: &Secret) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.reveal()).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// Tells it from others, and nothing of it.
    pub(crate) fn id(&self) -> Vec<u8> {
        sha256(&[b"id of an outside key".as_slice(), self.0.as_slice()].concat())[..ID_BYTES].to_vec()
    }
}

/// What a key is for. One does not open in the place of another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyPlace {
    Session,
    /// With its number.
    Secrets(i32),
}

impl KeyPlace {
    fn owner(self) -> Vec<u8> {
        match self {
            KeyPlace::Session => b"session key".to_vec(),
            KeyPlace::Secrets(number) => [b"key of secrets ".as_slice(), &number.to_be_bytes()].concat(),
        }
    }
}

/// A key as the database has it.
#[derive(Clone, Debug)]
pub(crate) struct StoredKey {
    pub(crate) bytes: Vec<u8>,
    /// The id of the outside key that it is encrypted under; `None` where it is in clear.
    pub(crate) sealed_under: Option<Vec<u8>>,
}

/// No outside key that was given opens a key in the database.
#[derive(Debug, thiserror::Error)]
#[error(
    "the keys in this database are encrypted under the installation key {0}, which is not among those that were given: name its file \
     with --installation-key-file (INSTALLATION_KEY_FILE)"
)]
pub struct NoOutsideKey(String);

impl StoredKey {
    /// Encrypted where there is an outside key, else in clear.
    pub(crate) fn store(
        key: &[u8],
        place: KeyPlace,
        outside: Option<&OutsideKey>,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Self, NotSealed> {
        Ok(match outside {
            Some(outside) => {
                Self { bytes: aead::seal(&outside.0, &place.owner(), nonce, key)?, sealed_under: Some(outside.id()) }
            }
            None => Self { bytes: key.to_vec(), sealed_under: None },
        })
    }

    /// The key itself.
    pub(crate) fn open(&self, place: KeyPlace, outside: &[OutsideKey]) -> Result<Zeroizing<Vec<u8>>, NoOutsideKey> {
        let Some(id) = &self.sealed_under else { return Ok(self.bytes.clone().into()) };
        let key = outside.iter().find(|key| key.id() == *id);
        let opened = key.and_then(|key| aead::open(&key.0, &place.owner(), &self.bytes));
        opened.ok_or_else(|| NoOutsideKey(key_id_text(id)))
    }

    /// Whether it is kept as an outside key, or its absence, wants it.
    pub(crate) fn is_kept_by(&self, outside: Option<&OutsideKey>) -> bool {
        self.sealed_under == outside.map(OutsideKey::id)
    }
}

/// The id of an outside key as people are told it.
pub(crate) fn key_id_text(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{KeyPlace, OutsideKey, StoredKey};
    use crate::domain::secret::Secret;

    fn outside(byte: u8) -> OutsideKey {
        OutsideKey([byte; 32].into())
    }

    #[test]
    fn a_key_from_outside_has_32_bytes_in_base64() {
        let read = |text: &str| OutsideKey::read(&Secret::new(text.to_owned())).is_some();
        assert!(read("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        for wrong in ["", "secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "%".repeat(44).as_str()] {
            assert!(!read(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_stored_key_opens_under_its_outside_key_in_its_place_alone() {
        let key = [7; 64];
        let stored = StoredKey::store(&key, KeyPlace::Secrets(1), Some(&outside(1)), [3; 12]).unwrap();
        assert!(!stored.bytes.windows(8).any(|part| part == [7; 8]), "nothing of it is in clear");
        let opened = |place, keys: &[OutsideKey]| stored.open(place, keys).ok().map(|key| key.to_vec());
        assert_eq!(opened(KeyPlace::Secrets(1), &[outside(2), outside(1)]), Some(key.to_vec()));
        assert_eq!(opened(KeyPlace::Secrets(1), &[outside(2)]), None, "another key");
        assert_eq!(opened(KeyPlace::Secrets(1), &[]), None, "no key");
        assert_eq!(opened(KeyPlace::Secrets(2), &[outside(1)]), None, "another number");
        assert_eq!(opened(KeyPlace::Session, &[outside(1)]), None, "another purpose");
        assert!(
            stored.is_kept_by(Some(&outside(1))) && !stored.is_kept_by(Some(&outside(2))) && !stored.is_kept_by(None)
        );
    }
}
