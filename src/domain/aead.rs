//! Authenticated encryption (AEAD, ChaCha20-Poly1305) of secrets that have to be read again.
//!
//! Sealing: what has to be read again, and therefore cannot be hashed, is encrypted before it is stored. What is sealed opens
//! under its key and for its owner alone. The random nonce comes in as an argument and goes out in front.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = NONCE_LEN;

/// The library refused to seal, which it does for texts of many gigabytes alone.
#[derive(Debug, thiserror::Error)]
#[error("sealing failed")]
pub struct NotSealed;

/// Encrypts `plain` for `owner`. A nonce is never used for two texts.
pub(crate) fn seal(key: &[u8; 32], owner: &[u8], nonce: [u8; NONCE_BYTES], plain: &[u8]) -> Result<Vec<u8>, NotSealed> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| NotSealed)?);
    let mut sealed = Vec::with_capacity(NONCE_BYTES + plain.len() + CHACHA20_POLY1305.tag_len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag =
        key.seal_in_place_separate_tag(nonce, Aad::from(owner), &mut sealed[NONCE_BYTES..]).map_err(|_| NotSealed)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// What was sealed under this key for this owner; `None` for everything else.
pub(crate) fn open(key: &[u8; 32], owner: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).ok()?);
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let mut plain = Zeroizing::new(rest.to_vec());
    let length = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(owner), &mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::{open, seal};

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn what_is_sealed_opens_for_its_owner_under_its_key_and_nowhere_else() {
        let sealed = seal(&KEY, b"alice", [1; 12], b"a secret of hers").unwrap();
        assert_eq!(open(&KEY, b"alice", &sealed).unwrap().as_slice(), b"a secret of hers");
        assert!(open(&KEY, b"bob", &sealed).is_none(), "another owner");
        assert!(open(&[8; 32], b"alice", &sealed).is_none(), "another key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&KEY, b"alice", &changed).is_none(), "byte {at} changed");
            assert!(open(&KEY, b"alice", &sealed[..at]).is_none(), "cut off at {at}");
        }
    }

    #[test]
    fn sealed_bytes_show_nothing_of_what_is_inside() {
        let sealed = seal(&KEY, b"alice", [1; 12], b"a secret of hers").unwrap();
        assert!(!sealed.windows(6).any(|part| b"a secret of hers".windows(6).any(|word| word == part)));
        assert_ne!(sealed[12..], seal(&KEY, b"alice", [2; 12], b"a secret of hers").unwrap()[12..]);
    }
}
