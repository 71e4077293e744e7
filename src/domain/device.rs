//! A browser that somebody has signed in with before. It is told so in a cookie, which signs nobody in: its guesses at that one user's
//! password are counted apart from those of the rest of the world, so that the world cannot use up the turn of the user.
//! OWASP describes it as a device cookie (Slow Down Online Guessing Attacks with Device Cookies).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::domain::account::Member;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::installation::{InstallationKeys, keyed_digest};

/// For how long a browser is known that nobody signs in with.
pub const DEVICE_LASTS: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Bytes of what is signed: two identities and a time.
const SIGNED_BYTES: usize = 16 + 16 + 8;

/// A known browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) user: UserId,
    /// The sign-in that made it known. It stands for the browser: a session makes one device, so that who has stolen a session cannot
    /// make many, each with guesses of its own.
    pub(crate) session: SessionId,
    pub(crate) since: Timestamp,
}

impl Device {
    /// The words of the cookie, which nobody without the keys can write.
    pub(crate) fn written(&self, keys: &InstallationKeys) -> String {
        let signed = self.signed();
        BASE64_URL_SAFE_NO_PAD.encode([signed.as_slice(), &signature(keys, &signed)].concat())
    }

    /// `None` for whatever this installation did not write.
    pub(crate) fn read(keys: &InstallationKeys, text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, input) = bytes.split_first_chunk::<SIGNED_BYTES>()?;
        if !bool::from(signature(keys, signed).ct_eq(input)) {
            return None;
        }
        let (user, rest) = signed.split_first_chunk()?;
        let (session, micros) = rest.split_first_chunk()?;
        Some(Self {
            user: UserId(Uuid::from_bytes(*user)),
            session: SessionId(Uuid::from_bytes(*session)),
            since: Timestamp::from_microsecond(i64::from_be_bytes(micros.try_into().ok()?)).ok()?,
        })
    }

    /// Whether the member has signed in with it and has not had it forgotten since.
    pub(crate) fn is_known_to(&self, member: &Member, now: Timestamp) -> bool {
        self.user == member.user_id
            && self.since >= member.devices_known_since
            && now.duration_since(self.since) <= DEVICE_LASTS
    }

    /// Times have microseconds, as they have in the database that they are compared with.
    fn signed(&self) -> [u8; SIGNED_BYTES] {
        let mut bytes = [0; SIGNED_BYTES];
        bytes[..16].copy_from_slice(self.user.0.as_bytes());
        bytes[16..32].copy_from_slice(self.session.0.as_bytes());
        bytes[32..].copy_from_slice(&self.since.as_microsecond().to_be_bytes());
        bytes
    }
}

/// A browser that somebody signs in with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    /// Where somebody has signed in with it before.
    pub(crate) device: Option<Device>,
    pub(crate) agent: Option<String>,
    /// Mail is sent, so that its user can be told of it.
    pub(crate) is_told_of: bool,
}

impl Browser {
    /// Whether somebody signs in with it for the first time, and has to be told.
    pub(crate) fn is_news_to(&self, member: &Member, now: Timestamp) -> bool {
        self.is_told_of && !self.device.is_some_and(|device| device.is_known_to(member, now))
    }
}

fn signature(keys: &InstallationKeys, signed: &[u8; SIGNED_BYTES]) -> [u8; 32] {
    keyed_digest(&keys.session, &[b"known device", signed])
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use jiff::{SignedDuration, Timestamp};
    use uuid::Uuid;

    use super::{DEVICE_LASTS, Device};
    use crate::domain::account::{Member, Plan};
    use crate::domain::account_limits::{SetLimits, WhenFull};
    use crate::domain::ids::{AccountId, SessionId, UserId};
    use crate::domain::installation::InstallationKeys;

    fn keys(byte: u8) -> InstallationKeys {
        InstallationKeys { session: vec![byte; 64].into(), checksum: vec![byte; 32].into(), outside: Vec::new() }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn device() -> Device {
        let since = at("2026-11-23T08:00:00.000001Z");
        Device { user: UserId(Uuid::from_u128(1)), session: SessionId(Uuid::from_u128(2)), since }
    }

    // holds W3
    #[test]
    fn a_cookie_is_read_where_it_was_written_and_nowhere_else() {
        let text = device().written(&keys(1));
        assert_eq!(Device::read(&keys(1), &text), Some(device()));
        assert_eq!(Device::read(&keys(2), &text), None, "another installation");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        for changed in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[changed] ^= 1;
            assert_eq!(Device::read(&keys(1), &BASE64_URL_SAFE_NO_PAD.encode(forged)), None, "byte {changed}");
            let cut = BASE64_URL_SAFE_NO_PAD.encode(&bytes[..changed]);
            assert_eq!(Device::read(&keys(1), &cut), None, "cut at {changed}");
        }
        for junk in ["", "=", "\u{e4}", &format!("{text}AAAA")] {
            assert_eq!(Device::read(&keys(1), junk), None, "{junk}");
        }
    }

    // holds W3
    #[test]
    fn a_device_is_known_to_its_user_until_it_is_forgotten_or_half_a_year_is_over() {
        let member = |user: u128, known_since: &str| Member {
            user_id: UserId(Uuid::from_u128(user)),
            account_id: AccountId(Uuid::nil()),
            email: "alice@example.com".to_owned(),
            email_is_confirmed: false,
            name: "Alice".to_owned(),
            plan: Plan::Pro,
            retention_days: None,
            set_limits: SetLimits::default(),
            when_full: WhenFull::default(),
            event_columns: String::new(),
            created_at: at("2026-11-01T00:00:00Z"),
            password_changed_at: at("2026-11-01T00:00:00Z"),
            password_expires_at: None,
            devices_known_since: at(known_since),
            has_second_factor: false,
        };
        let alice = member(1, "2026-11-01T00:00:00Z");
        let since = device().since;
        assert!(device().is_known_to(&alice, since));
        assert!(device().is_known_to(&alice, since + DEVICE_LASTS));
        assert!(!device().is_known_to(&alice, since + DEVICE_LASTS + SignedDuration::from_secs(1)));
        assert!(!device().is_known_to(&member(3, "2026-11-01T00:00:00Z"), since), "somebody else");
        assert!(device().is_known_to(&member(1, "2026-11-23T08:00:00.000001Z"), since));
        assert!(!device().is_known_to(&member(1, "2026-11-23T08:00:00.000002Z"), since), "forgotten");
    }
}
