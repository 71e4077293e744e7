//! The second step of signing in: six digits that an authenticator app makes of a shared secret and the time (TOTP, RFC 6238), and
//! recovery codes for whoever has lost the app. Time and random bytes come in as arguments.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::domain::aead::{self, NONCE_BYTES, NotSealed};
use crate::domain::ids::UserId;
use crate::domain::installation::{InstallationKeys, keyed_digest};
use crate::domain::secret::Secret;
use crate::domain::stored_key::{KeyPlace, NoOutsideKey, OutsideKey, StoredKey};

/// Bytes of a secret: as many as the digest of HMAC-SHA-1 has (RFC 4226, section 4).
pub(crate) const SECRET_BYTES: usize = 20;
/// How many recovery codes somebody gets.
pub(crate) const RECOVERY_CODES: usize = 10;
/// Characters of a recovery code: 24 of 32, which is 120 bits (ASVS 5.0, 6.5.2 asks for 112), too many to be tried out even by who has
/// the hash.
pub(crate) const RECOVERY_CODE_CHARS: usize = 24;
/// Those of codes that were made before they became longer.
const OLD_RECOVERY_CODE_CHARS: usize = 16;
/// For how long a right password waits for the code.
pub(crate) const PENDING_LASTS: SignedDuration = SignedDuration::from_mins(10);

/// A code stands for so long.
const STEP_SECONDS: i64 = 30;
/// Clocks of phones may be so many steps away (RFC 6238, section 5.2).
const DRIFT_STEPS: i64 = 1;
/// One more than the largest code.
const CODES: u32 = 1_000_000;
/// What apps call the account's home.
const ISSUER: &str = "Reasoner Webhooks";
/// Crockford's: without letters that look like others.
pub(crate) const RECOVERY_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What an authenticator app and this server share.
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret")
    }
}

/// Where a sealed secret lies. One place does not take what was sealed for the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SealedFor {
    /// In the form of somebody who is about to turn the second step on.
    Form,
    /// In the database.
    Row,
}

impl SealedFor {
    fn owner(self, user: UserId) -> Vec<u8> {
        let word: &[u8] = match self {
            SealedFor::Form => b"form",
            SealedFor::Row => b"row.",
        };
        [word, user.0.as_bytes()].concat()
    }
}

/// What secrets are encrypted under.
pub(crate) struct SecretsKey(Zeroizing<[u8; 32]>);

impl SecretsKey {
    /// For what is in a form for a few minutes.
    pub(crate) fn of_forms(keys: &InstallationKeys) -> Self {
        Self::derived_from(&keys.session)
    }

    /// For what is in the database.
    pub(crate) fn open(number: i32, stored: &StoredKey, outside: &[OutsideKey]) -> Result<Self, NoOutsideKey> {
        Ok(Self::derived_from(&stored.open(KeyPlace::Secrets(number), outside)?))
    }

    fn derived_from(key: &[u8]) -> Self {
        Self(Zeroizing::new(keyed_digest(key, &[b"secrets of second factors"])))
    }
}

impl TotpSecret {
    /// From random bytes.
    pub fn from_random(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Encrypted for a user and a place.
    pub(crate) fn seal(
        &self,
        key: &SecretsKey,
        sealed_for: SealedFor,
        user: UserId,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Vec<u8>, NotSealed> {
        aead::seal(&key.0, &sealed_for.owner(user), nonce, self.0.as_slice())
    }

    /// `None` for whatever was not sealed here, for this user and this place.
    pub(crate) fn open(key: &SecretsKey, sealed_for: SealedFor, user: UserId, sealed: &[u8]) -> Option<Self> {
        let plain = aead::open(&key.0, &sealed_for.owner(user), sealed)?;
        Some(Self(Zeroizing::new(plain.as_slice().try_into().ok()?)))
    }

    /// The secret as apps take it when it is typed, in groups of four, as people read it.
    pub(crate) fn grouped(&self) -> Secret {
        let text = Zeroizing::new(BASE32_NOPAD.encode(self.0.as_slice()));
        Secret::new(groups(&text, " "))
    }

    /// What the QR code says. Every app reads these parameters, and many read no others.
    pub(crate) fn uri(&self, email: &str) -> Secret {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (issuer, label) = (encode(ISSUER), encode(email));
        let secret = Zeroizing::new(BASE32_NOPAD.encode(self.0.as_slice()));
        let secret = secret.as_str();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{label}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP_SECONDS}"
        ))
    }

    /// The code of a step of time (RFC 4226, section 5.3).
    fn code(&self, step: i64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.as_slice());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let digest = tag.as_ref();
        let offset = digest.last().map_or(0, |last| usize::from(last & 15));
        let number = digest[offset..offset + 4].iter().fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
        (number & 0x7fff_ffff) % CODES
    }

    /// The code of a moment, as an app shows it.
    pub fn code_at(&self, now: Timestamp) -> Secret {
        Secret::new(format!("{:06}", self.code(step(now))))
    }

    /// The step whose code was said: the present one or a neighbour, and later than the last that was used.
    pub(crate) fn step_of(&self, input: u32, now: Timestamp, last_used: i64) -> Option<i64> {
        let now = step(now);
        let mut found = None;
        for step in now - DRIFT_STEPS..=now + DRIFT_STEPS {
            let is_right: bool = self.code(step).to_be_bytes().ct_eq(&input.to_be_bytes()).into();
            if is_right && step > last_used && found.is_none() {
                found = Some(step);
            }
        }
        found
    }
}

/// How many times 30 seconds have passed since 1970.
fn step(now: Timestamp) -> i64 {
    now.as_second().div_euclid(STEP_SECONDS)
}

/// `abcd-efgh-jkmn-pqrs`
fn groups(text: &str, between: &str) -> String {
    let parts: Vec<String> = text.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    parts.join(between)
}

/// One of the codes for who has lost the app.
#[derive(Clone, Debug)]
pub(crate) struct RecoveryCode(Secret);

impl RecoveryCode {
    /// A new one from uniformly random numbers below 32, one a character.
    pub(crate) fn from_random(indices: &[u8]) -> Self {
        let chars = indices.iter().map(|i| char::from(RECOVERY_ALPHABET[usize::from(*i) % RECOVERY_ALPHABET.len()]));
        Self(Secret::new(chars.collect()))
    }

    /// The code as it is shown.
    pub(crate) fn grouped(&self) -> Secret {
        Secret::new(groups(self.0.reveal(), "-"))
    }

    /// What is kept of it.
    pub(crate) fn hash(&self, keys: &InstallationKeys, user: UserId) -> [u8; 32] {
        keyed_digest(&keys.session, &[b"recovery code", user.0.as_bytes(), self.0.reveal().as_bytes()])
    }
}

/// What somebody typed as a code.
#[derive(Debug)]
pub(crate) enum GivenCode {
    /// Six digits.
    Totp(u32),
    Recovery(RecoveryCode),
    /// Whatever else.
    Neither,
}

impl GivenCode {
    /// Reads what was typed, with the spaces and hyphens that people put between groups, and the letters that Crockford's alphabet
    /// takes for digits.
    pub(crate) fn read(text: &Secret) -> Self {
        let text = text.reveal();
        // Nothing longer is a code, however many spaces it has.
        if text.len() > 100 {
            return GivenCode::Neither;
        }
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| match c.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            })
            .collect();
        if plain.len() == 6 && text.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || c == '-') {
            return plain.parse().map_or(GivenCode::Neither, GivenCode::Totp);
        }
        let fits = [RECOVERY_CODE_CHARS, OLD_RECOVERY_CODE_CHARS].contains(&plain.len())
            && plain.bytes().all(|b| RECOVERY_ALPHABET.contains(&b));
        if fits { GivenCode::Recovery(RecoveryCode(Secret::new(plain))) } else { GivenCode::Neither }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use uuid::Uuid;

    use super::{GivenCode, RecoveryCode, SealedFor, SecretsKey, TotpSecret, step};
    use crate::domain::ids::UserId;
    use crate::domain::installation::InstallationKeys;
    use crate::domain::secret::Secret;

    fn secret() -> TotpSecret {
        TotpSecret::from_random(*b"12345678901234567890")
    }

    fn keys(byte: u8) -> InstallationKeys {
        InstallationKeys { session: vec![byte; 64].into(), checksum: vec![byte; 32].into(), outside: Vec::new() }
    }

    /// RFC 6238, appendix B, of whose eight digits we use the last six; and RFC 4226, appendix D.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let at = Timestamp::from_second(seconds).unwrap();
            assert_eq!(secret().code_at(at).reveal(), code, "{seconds}");
        }
        let counted: Vec<u32> = (0..10).map(|count| secret().code(count)).collect();
        assert_eq!(counted, [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489]);
    }

    #[test]
    fn a_clock_may_be_one_step_away_and_a_step_serves_once() {
        let now: Timestamp = "2026-11-23T08:41:12Z".parse().unwrap();
        let (input, present) = (secret().code(step(now)), step(now));
        let steps = |count: i64| now + SignedDuration::from_secs(30 * count);
        for (away, expected) in [(-2, None), (-1, Some(present)), (0, Some(present)), (1, Some(present)), (2, None)] {
            assert_eq!(secret().step_of(input, steps(away), 0), expected, "{away}");
        }
        assert_eq!(secret().step_of(input, now, present - 1), Some(present));
        assert_eq!(secret().step_of(input, now, present), None, "used");
        assert_eq!(secret().step_of(input, now, present + 1), None, "a later one was used");
    }

    #[test]
    fn a_sealed_secret_belongs_to_its_user_its_place_and_its_installation() {
        let (alice, bob) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let sealed = secret().seal(&SecretsKey::of_forms(&keys(1)), SealedFor::Row, alice, [3; 12]).unwrap();
        let opened = |keys: &InstallationKeys, sealed_for, user| {
            TotpSecret::open(&SecretsKey::of_forms(keys), sealed_for, user, &sealed).is_some()
        };
        assert!(opened(&keys(1), SealedFor::Row, alice));
        assert!(!opened(&keys(1), SealedFor::Row, bob) && !opened(&keys(1), SealedFor::Form, alice));
        assert!(!opened(&keys(2), SealedFor::Row, alice));
        assert_eq!(format!("{:?}", secret()), "TotpSecret");
    }

    #[test]
    fn apps_are_told_everything_that_they_have_to_know() {
        assert_eq!(
            secret().uri("maya+ops@example.com").reveal(),
            "otpauth://totp/Reasoner%20Webhooks:maya%2Bops%40example%2Ecom?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Reasoner%20Webhooks&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(secret().grouped().reveal(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }

    #[test]
    fn what_is_typed_is_read_as_people_write_it() {
        let read = |text: &str| GivenCode::read(&Secret::new(text.to_owned()));
        for text in ["081804", " 081 804 ", "081-804", "08 18 04"] {
            assert!(matches!(read(text), GivenCode::Totp(81_804)), "{text}");
        }
        for text in ["", "08180", "0818040", "o81804", "O8I8O4", "٠٨١٨٠٤", "1234567890123456!", &" ".repeat(200)]
        {
            assert!(matches!(read(text), GivenCode::Neither), "{text}");
        }
        let code = RecoveryCode::from_random(&[0, 1, 10, 31, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17]);
        assert_eq!(code.grouped().reveal(), "01az-5678-9bcd-efgh");
        let hash = |text: &str| match read(text) {
            GivenCode::Recovery(code) => code.hash(&keys(1), UserId(Uuid::from_u128(1))),
            other => panic!("{text} is {other:?}"),
        };
        let known = code.hash(&keys(1), UserId(Uuid::from_u128(1)));
        for text in ["01az-5678-9bcd-efgh", "OLAZ 5678 9BCD EFGH", "oiaz56789bcdefgh"] {
            assert_eq!(hash(text), known, "{text}");
        }
        assert_ne!(code.hash(&keys(1), UserId(Uuid::from_u128(2))), known, "another user's would be another");
    }
}
