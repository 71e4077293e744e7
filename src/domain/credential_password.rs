//! The password of a credential: `rwp_`, 26 random characters, 6 that are a keyed checksum over username and the 26.
//! The first 4 of the 26 are the public hint. The format is GitHub's idea (a prefix to search for, an underscore so that a
//! double click takes all of it, a checksum so that a forgery is told from a password without asking anybody), with a
//! key, so that nobody outside can make one that passes.

use crate::domain::credential::Username;
use crate::domain::installation::keyed_digest;
use crate::domain::secret::Secret;

use subtle::ConstantTimeEq;

pub(crate) const PREFIX: &str = "rwp_";
pub(in crate::domain) const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many characters are random; the last 22 of them are secret, which is 131 bits.
pub const RANDOM_CHARS: usize = 26;
/// How many of the random characters are public.
pub const HINT_CHARS: usize = 4;
pub(in crate::domain) const CHECKSUM_CHARS: usize = 6;
/// Bytes of a whole password. With a username of 11 and a colon that is 48, whose base64 is one unbroken line of 64.
pub(crate) const PASSWORD_BYTES: usize = PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS;

/// A password whose checksum is right for its username.
#[derive(Clone, Debug)]
pub struct CredentialPassword(Secret);

impl CredentialPassword {
    /// A new password from uniformly random numbers below 62, one a character.
    pub fn from_random(key: &[u8], username: &Username, indices: [u8; RANDOM_CHARS]) -> Self {
        let random: String = indices.iter().map(|i| char::from(ALPHABET[usize::from(*i) % 62])).collect();
        let checksum: String = checksum(key, username, &random).into_iter().map(char::from).collect();
        Self(Secret::new(format!("{PREFIX}{random}{checksum}")))
    }

    /// Takes a text that somebody sent. `None` for whatever this installation cannot have made for that username,
    /// which is decided without argon2 and without the database.
    pub fn recognise(key: &[u8], username: &Username, input: Secret) -> Option<Self> {
        let right = has_checksum(key, username, tail(&input)?);
        right.then_some(Self(input))
    }

    /// The same for a text of which nobody said whose it is: the one of many usernames that this installation made it for.
    pub(crate) fn recognise_any<'a>(
        key: &[u8],
        usernames: impl Iterator<Item = &'a Username>,
        input: &Secret,
    ) -> Option<(Username, Self)> {
        let tail = tail(input)?;
        let owner = usernames.into_iter().find(|username| has_checksum(key, username, tail))?;
        Some((*owner, Self(input.clone())))
    }

    /// What tells texts apart without keeping them.
    pub(crate) fn fingerprint(key: &[u8], input: &Secret) -> [u8; 32] {
        keyed_digest(key, &[b"a text that may be a password", input.reveal().as_bytes()])
    }

    /// All of it, to be shown once.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// The public part, which picks the row to compare with.
    pub(crate) fn hint(&self) -> &str {
        &self.0.reveal()[PREFIX.len()..PREFIX.len() + HINT_CHARS]
    }

    /// The same as bytes, of which there are always as many.
    pub(crate) fn hint_bytes(&self) -> [u8; HINT_CHARS] {
        let mut bytes = [0; HINT_CHARS];
        bytes.copy_from_slice(self.hint().as_bytes());
        bytes
    }
}

/// What follows the prefix, of a text that has the format.
fn tail(input: &Secret) -> Option<&str> {
    let tail = input.reveal().strip_prefix(PREFIX)?;
    let fits = input.reveal().len() == PASSWORD_BYTES && tail.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then_some(tail)
}

fn has_checksum(key: &[u8], username: &Username, tail: &str) -> bool {
    let (random, end) = tail.split_at(RANDOM_CHARS);
    checksum(key, username, random).as_slice().ct_eq(end.as_bytes()).into()
}

fn checksum(key: &[u8], username: &Username, random: &str) -> [u8; CHECKSUM_CHARS] {
    in_alphabet(keyed_digest(key, &[username.as_str().as_bytes(), random.as_bytes()]))
}

/// The beginning of a digest, as characters that passwords are made of.
pub(in crate::domain) fn in_alphabet(digest: [u8; 32]) -> [u8; CHECKSUM_CHARS] {
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    let mut number = u64::from_be_bytes(number);
    [(); CHECKSUM_CHARS].map(|()| {
        let char = ALPHABET[(number % 62) as usize];
        number /= 62;
        char
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::RngExt;

    use super::{CredentialPassword, PASSWORD_BYTES, RANDOM_CHARS};
    use crate::domain::credential::Username;
    use crate::domain::secret::Secret;

    fn username() -> Username {
        "rw_7f3kq2m9".parse().unwrap()
    }

    fn generate() -> CredentialPassword {
        let mut rng = rand::rng();
        let mut indices = [0; RANDOM_CHARS];
        indices.fill_with(|| rng.random_range(0..62));
        CredentialPassword::from_random(b"key", &username(), indices)
    }

    // holds C1
    #[test]
    fn a_million_passwords_all_match_the_format_and_none_repeats() {
        let mut seen = HashSet::new();
        for _ in 0..1_000_000 {
            let password = generate();
            let text = password.secret().reveal();
            assert_eq!(text.len(), PASSWORD_BYTES);
            let tail = text.strip_prefix("rwp_").unwrap();
            assert!(tail.bytes().all(|b| b.is_ascii_alphanumeric()));
            assert_eq!(password.hint(), &tail[..4]);
            // 96 of the 131 secret bits are plenty to see a repetition, and a fifth of the memory.
            assert!(seen.insert(tail.as_bytes()[4..20].to_vec()));
        }
    }

    // holds C1
    #[test]
    fn any_one_character_changed_fails_the_checksum() {
        let text = generate().secret().reveal().to_owned();
        assert!(CredentialPassword::recognise(b"key", &username(), Secret::new(text.clone())).is_some());
        for place in 0..text.len() {
            for other in (0x20_u8..0x7f).filter(|b| *b != text.as_bytes()[place]) {
                let mut changed = text.clone().into_bytes();
                changed[place] = other;
                let changed = Secret::new(String::from_utf8(changed).unwrap());
                assert!(CredentialPassword::recognise(b"key", &username(), changed).is_none(), "at {place}");
            }
        }
    }

    // holds C1
    #[test]
    fn a_password_belongs_to_one_username_and_one_installation() {
        let password = generate();
        let other: Username = "rw_00000000".parse().unwrap();
        assert!(CredentialPassword::recognise(b"key", &other, password.secret().clone()).is_none());
        assert!(CredentialPassword::recognise(b"other key", &username(), password.secret().clone()).is_none());
        for text in ["", "rwp_", "rwp_ä", &"é".repeat(18)] {
            assert!(CredentialPassword::recognise(b"key", &username(), Secret::new(text.to_owned())).is_none());
        }
    }

    // holds C1
    #[test]
    fn username_and_password_are_one_line_of_base64() {
        assert_eq!(username().as_str().len() + 1 + PASSWORD_BYTES, 48);
    }
}
