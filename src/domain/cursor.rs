//! Opaque pagination cursors.
//!
//! A position as it is handed out: sealed for the account that it is of. In clear it would have numbers of transactions in it, and
//! from two of them an account could tell how much the others store.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::domain::aead::{NONCE_BYTES, open, seal};
use crate::domain::ids::AccountId;
use crate::domain::installation::{InstallationKeys, keyed_digest};
use crate::domain::position::Position;

/// What seals the positions of one account. Every program over the same database has the same.
pub(crate) struct Cursors {
    account: AccountId,
    key: Zeroizing<[u8; 32]>,
    nonce_key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors")
    }
}

impl Cursors {
    pub(crate) fn new(keys: &InstallationKeys, account: AccountId) -> Self {
        let key = |purpose: &[u8]| Zeroizing::new(keyed_digest(&keys.session, &[purpose]));
        Self { account, key: key(b"cursors"), nonce_key: key(b"nonces of cursors") }
    }

    /// The same for the same position, so that what is said twice is seen to be the same: the nonce is made of the account and the
    /// position, of which no two share one.
    pub(crate) fn write(&self, position: &Position) -> String {
        let (plain, owner) = (position.to_string(), self.account.0.as_bytes());
        let digest = keyed_digest(&*self.nonce_key, &[owner, plain.as_bytes()]);
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&digest[..NONCE_BYTES]);
        match seal(&self.key, owner, nonce, plain.as_bytes()) {
            Ok(sealed) => BASE64_URL_SAFE_NO_PAD.encode(sealed),
            // An id alone is a position too, if a less exact one.
            Err(_) => position.at.to_string(),
        }
    }

    /// What was written here for this account, by whichever program; or an id, as somebody says who has nothing else. More than that is
    /// not believed in clear: from what becomes of made-up numbers of transactions, the newest could be found.
    pub(crate) fn read(&self, text: &str) -> Option<Position> {
        let opened = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let opened = opened.and_then(|sealed| open(&self.key, self.account.0.as_bytes(), &sealed));
        match opened {
            Some(plain) => std::str::from_utf8(&plain).ok()?.parse().ok(),
            None => text.parse().ok().map(|position: Position| Position::up_to(position.at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Cursors;
    use crate::domain::ids::AccountId;
    use crate::domain::installation::InstallationKeys;
    use crate::domain::position::Position;

    fn cursors(key: u8, account: u128) -> Cursors {
        let keys =
            InstallationKeys { session: vec![key; 64].into(), checksum: vec![key; 32].into(), outside: Vec::new() };
        Cursors::new(&keys, AccountId(Uuid::from_u128(account)))
    }

    #[test]
    fn a_cursor_shows_nothing_and_is_read_for_its_account_alone() {
        let alice = cursors(1, 1);
        for text in ["019ab000-0000-7000-8000-000000000000~812:815:812,814", "019ab000-0000-7000-8000-000000000000"] {
            let position: Position = text.parse().unwrap();
            let cursor = alice.write(&position);
            assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");
            assert_eq!(alice.read(&cursor), Some(position.clone()));
            assert_eq!(cursor, cursors(1, 1).write(&position), "another program writes the same");
            assert_eq!(cursors(1, 2).read(&cursor), None, "another account");
            assert_eq!(cursors(2, 1).read(&cursor), None, "another installation");
            assert_eq!(alice.read(&cursor[..cursor.len() - 1]), None);
            let id_alone = Position::up_to(position.at);
            assert_eq!(alice.read(text), Some(id_alone), "in clear, the id is believed and no number");
        }
        assert_eq!(alice.read(""), None);
    }
}
