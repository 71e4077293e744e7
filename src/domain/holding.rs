//! Late events: what arrives with a password whose overlap has ended is refused, and held for a while so that its owner can
//! still have it. How much, for how long, and what is said of it.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::CredentialId;

/// How long after its end a password still has its events held, and how long each of them is kept.
pub const HELD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The most that is held for one credential, in events and in bytes of their bodies.
pub const MAX_HELD_EVENTS: u64 = 1_000;
/// In bytes of their bodies.
pub const MAX_HELD_BYTES: u64 = 64 * 1024 * 1024;

/// Whether a password that ended at `end` has what arrives `now` held.
pub(crate) fn is_late(end: Timestamp, now: Timestamp) -> bool {
    end <= now && now.duration_since(end) < HELD_FOR
}

/// What arrived at this moment or before is held no longer.
pub(crate) fn forgotten_at(now: Timestamp) -> Timestamp {
    now.saturating_sub(HELD_FOR).unwrap_or(now)
}

/// What is held for one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeldEvents {
    pub(crate) credential_id: CredentialId,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Where they came from, the latest first.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

impl HeldEvents {
    /// Of a credential of which nothing was held until `at`.
    pub(crate) fn none(credential_id: CredentialId, at: Timestamp) -> Self {
        Self { credential_id, events: 0, bytes: 0, addresses: Vec::new(), first_at: at, last_at: at }
    }

    /// Adds what is held from one address; the latest comes first.
    pub(crate) fn add(&mut self, address: IpAddr, (events, bytes): (u64, u64), (first, last): (Timestamp, Timestamp)) {
        self.events += events;
        self.bytes += bytes;
        self.addresses.push(address);
        self.first_at = self.first_at.min(first);
        self.last_at = if self.addresses.len() == 1 { last } else { self.last_at.max(last) };
    }

    /// When the first of them is forgotten.
    pub(crate) fn kept_until(&self) -> Timestamp {
        self.first_at.saturating_add(HELD_FOR).unwrap_or(self.first_at)
    }

    /// Whether there is no room for more; for bytes that depends on the size of what comes, so nearly full counts.
    pub(crate) fn is_full(&self) -> bool {
        self.events >= MAX_HELD_EVENTS || self.bytes >= MAX_HELD_BYTES / 16 * 15
    }

    /// `12 events from 203.0.113.7`.
    pub(crate) fn words(&self) -> String {
        let plural = if self.events == 1 { "" } else { "s" };
        let from = match self.addresses.as_slice() {
            [] => String::new(),
            [one] => format!(" from {one}"),
            [latest, other] => format!(" from {latest} and {other}"),
            [latest, others @ ..] => format!(" from {latest} and {} other addresses", others.len()),
        };
        format!("{} event{plural}{from}", self.events)
    }
}

/// Which late events of a credential somebody decides about: all that arrived until a moment, or one of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldRange {
    pub(crate) until: Timestamp,
    pub(crate) only: Option<EventId>,
}

impl HeldRange {
    /// The first and the last id of it.
    pub(crate) fn ids(self) -> (Uuid, Uuid) {
        self.only.map_or((Uuid::nil(), Uuid::max()), |only| (only.0, only.0))
    }
}

/// What became of the events that an owner accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Accepted {
    pub stored: u64,
    /// Their idempotency key was used meanwhile, so the event is there already.
    pub(crate) repeated: u64,
    /// Older than events are kept.
    pub(crate) too_old: u64,
    /// It took so long that the rest is held still.
    pub(crate) has_more: bool,
}

impl std::ops::AddAssign for Accepted {
    fn add_assign(&mut self, other: Self) {
        self.stored += other.stored;
        self.repeated += other.repeated;
        self.too_old += other.too_old;
        self.has_more = other.has_more;
    }
}

impl Accepted {
    /// `12 stored, 1 stored before, 2 too old`, as the audit trail has it.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("{} stored", self.stored);
        for (number, what) in [(self.repeated, "stored before"), (self.too_old, "too old")] {
            if number > 0 {
                words.push_str(&format!(", {number} {what}"));
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use uuid::Uuid;

    use super::{HELD_FOR, HeldEvents, is_late};
    use crate::domain::ids::CredentialId;

    // holds C10
    #[test]
    fn a_password_is_late_for_seven_days_from_its_very_end() {
        let end: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let second = SignedDuration::from_secs(1);
        assert!(!is_late(end, end - second));
        assert!(is_late(end, end));
        assert!(is_late(end, end + HELD_FOR - second));
        assert!(!is_late(end, end + HELD_FOR));
    }

    #[test]
    fn late_events_are_told_with_their_addresses() {
        let at: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let words = |events, last: &[u8]| {
            let addresses = last.iter().map(|last| [203, 0, 113, *last].into()).collect();
            let credential_id = CredentialId(Uuid::nil());
            HeldEvents { credential_id, events, bytes: 0, addresses, first_at: at, last_at: at }.words()
        };
        assert_eq!(words(1, &[7]), "1 event from 203.0.113.7");
        assert_eq!(words(12, &[7, 8]), "12 events from 203.0.113.7 and 203.0.113.8");
        assert_eq!(words(12, &[7, 8, 9]), "12 events from 203.0.113.7 and 2 other addresses");
    }
}
