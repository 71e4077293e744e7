//! An event: one body that was accepted, and what is kept about its arrival. Its id is a UUIDv7, so that a range of ids is
//! a range of time.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::digest::sha256;
use crate::domain::ids::CredentialId;
use crate::domain::request_headers::KeptHeader;

/// The identity of an event and the millisecond in which it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub struct EventId(pub Uuid);

impl EventId {
    /// When the event was received, to the millisecond.
    pub fn received_at(self) -> Timestamp {
        let millis = self.0.as_u128() >> 80;
        // 48 bits of milliseconds end in the year 10889; jiff's time ends in 9999.
        Timestamp::from_millisecond(millis as i64).unwrap_or(Timestamp::MAX)
    }

    /// The smallest id of a millisecond: the bound of "since" and "until", and of partitions.
    pub fn first_of(time: Timestamp) -> Self {
        let millis = time.as_millisecond().clamp(0, (1 << 48) - 1) as u128;
        Self(Uuid::from_u128(millis << 80))
    }

    /// The ids that begin like this, as they are written: at least eight digits, of a time in this century or the next.
    pub(crate) fn beginning_with(text: &str) -> Option<RangeInclusive<Self>> {
        const PATTERN: &str = "00000000-0000-0000-0000-000000000000";
        let is_id = |(c, pattern): (char, char)| if pattern == '-' { c == '-' } else { c.is_ascii_hexdigit() };
        if !(8..=PATTERN.len()).contains(&text.len()) || !text.chars().zip(PATTERN.chars()).all(is_id) {
            return None;
        }
        let filled = |with: &str| {
            let rest = PATTERN[text.len()..].replace('0', with);
            format!("{text}{rest}").parse::<Self>().ok()
        };
        let (first, last) = (filled("0")?, filled("f")?);
        let is_time = (2000..2200).contains(&TimeZone::UTC.to_datetime(first.received_at()).year());
        is_time.then_some(first..=last)
    }

    /// The id that follows, whether an event has it or not.
    pub fn next(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_add(1)))
    }

    /// The id before.
    pub(crate) fn previous(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_sub(1)))
    }
}

impl From<Uuid> for EventId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for EventId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(EventId)
    }
}

/// An event that may be stored, but for what the database has to say.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct NewEvent {
    pub id: EventId,
    pub remote_ip: IpAddr,
    pub user_agent: Option<String>,
    pub content_type: String,
    pub query: Option<String>,
    /// As [`crate::domain::request_headers::scrub`] gives them.
    pub headers: String,
    pub body: String,
    pub idempotency: Option<IdempotencyKey>,
}

impl NewEvent {
    /// How long the body is, as its column counts.
    pub fn size_bytes(&self) -> i32 {
        i32::try_from(self.body.len()).unwrap_or(i32::MAX)
    }
}

/// What a test event says it was sent by. It does not count as a sender that has to be updated.
pub(crate) const TEST_EVENT_AGENT: &str = "Reasoner Webhooks test event";

/// The longest user agent, content type or query string that is kept, in bytes. Of a longer one its beginning is.
pub(crate) const MAX_KEPT_TEXT_BYTES: usize = 4_096;

/// The longest key, in bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;

/// What a sender calls a request, so that sending it twice stores it once, and the digest that tells whether it is the
/// same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub(crate) key: Vec<u8>,
    pub(crate) body_sha256: [u8; 32],
    /// It names a message, of which there may be several: another body under it is another event.
    pub(crate) with_body: bool,
}

impl IdempotencyKey {
    /// The key of an event whose body came under a key that belongs to another body already; `None` where that is a mistake. The first
    /// body of a key goes by the key itself, as all did in earlier releases.
    pub(crate) fn for_this_body(&self) -> Option<Self> {
        let key = || sha256(&[b"with body\0", self.key.as_slice(), b"\0", &self.body_sha256].concat()).to_vec();
        self.with_body.then(|| Self { key: key(), body_sha256: self.body_sha256, with_body: false })
    }
}

/// A row of the dashboard: an event without its headers, and only the beginning of its body.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct EventSummary {
    pub id: EventId,
    pub(crate) credential_id: CredentialId,
    pub(crate) credential_name: String,
    pub(crate) username: String,
    pub(crate) remote_ip: IpAddr,
    pub(crate) content_type: String,
    pub(crate) size_bytes: u64,
    /// It arrived with an expired password: its owner accepted it later, or it is held still.
    pub(crate) is_late: bool,
    /// At most [`PREVIEW_BYTES`] of the body, cut between characters.
    pub(crate) beginning: String,
    /// What it has in the columns that the reader chose, where they were asked for.
    pub(crate) cells: Vec<String>,
}

/// How much of a body a row of the dashboard carries.
pub(crate) const PREVIEW_BYTES: usize = 600;

/// One event as it lies in the table, for whoever goes through many of them.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct WholeEvent {
    pub id: EventId,
    pub(crate) credential_id: CredentialId,
    pub(crate) remote_ip: IpAddr,
    pub(crate) content_type: String,
    pub(crate) size_bytes: u64,
    /// It arrived with an expired password, and this is when its owner accepted it.
    pub(crate) accepted_late_at: Option<Timestamp>,
    /// As [`crate::domain::request_headers::scrub`] gives them.
    pub headers: String,
    pub(crate) body: String,
}

/// One event, whole.
#[derive(Clone, Debug)]
pub(crate) struct StoredEvent {
    pub(crate) summary: EventSummary,
    pub(crate) credential_revoked: bool,
    /// It arrived with an expired password, and its owner has not decided about it yet.
    pub(crate) is_held: bool,
    /// It arrived with an expired password, and this is when its owner accepted it.
    pub(crate) accepted_late_at: Option<Timestamp>,
    pub(crate) user_agent: Option<String>,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<KeptHeader>,
    pub(crate) body: String,
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::EventId;

    #[test]
    fn an_id_tells_its_millisecond_and_bounds_it() {
        let time: Timestamp = "2026-11-23T08:41:12.408Z".parse().unwrap();
        let seconds = time.as_second() as u64;
        let id = EventId(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, 408_000_000)));
        assert_eq!(id.received_at(), time);
        assert!(EventId::first_of(time) <= id);
        assert!(id < EventId::first_of("2026-11-23T08:41:12.409Z".parse().unwrap()));
        assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
    }

    #[test]
    fn the_beginning_of_an_id_is_told_from_other_texts() {
        let id: EventId = "019a8f3c-5d21-7c44-9a55-0123456789ab".parse().unwrap();
        for length in [8, 9, 12, 13, 18, 36] {
            let beginning = &id.to_string()[..length];
            assert!(EventId::beginning_with(beginning).is_some_and(|ids| ids.contains(&id)), "{beginning}");
            let other = beginning.replace("019a", "019b");
            assert!(EventId::beginning_with(&other).is_some_and(|ids| !ids.contains(&id)), "{other}");
        }
        assert!(EventId::beginning_with("019A8F3C").is_some());
        for text in ["019a8f3", "20261123", "019a8f3c5", "019a8f3c-5d21-", "SKU-12345", "019a8f3c-5d2x", "éééé"] {
            let is_id = EventId::beginning_with(text).is_some();
            assert_eq!(is_id, text.ends_with('-'), "{text}");
        }
    }
}
