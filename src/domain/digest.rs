//! SHA-256 digests, by the library that TLS brings along.

use ring::digest::{SHA256, digest};

/// Bytes of a digest.
const BYTES: usize = 32;

/// The SHA-256 digest of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; BYTES] {
    bytes_of(digest(&SHA256, bytes).as_ref())
}

/// A digest as an array. Those of SHA-256 have 32 bytes; of a shorter one, zeros would show in every test.
pub(crate) fn bytes_of(digest: &[u8]) -> [u8; BYTES] {
    digest.first_chunk().copied().unwrap_or_default()
}
