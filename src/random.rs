//! Randomness for secrets and ids: the operating system's generator for all that is secret.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use jiff::{SignedDuration, Timestamp};
use rand::TryRng;
use rand::rngs::SysRng;
use uuid::{ClockSequence, ContextV7, NoContext, Uuid};

use crate::domain::event::EventId;
use crate::domain::ids::RequestId;

/// The operating system gave no random bytes. Nothing secret can be made then.
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random generator failed")]
pub struct NoRandomness;

/// Random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Numbers below `bound`, each equally likely: bytes that would favour the smaller numbers are drawn again.
pub(crate) fn indices<const N: usize>(bound: u8) -> Result<[u8; N], NoRandomness> {
    let bound = u16::from(bound.max(1));
    let fair = 256 / bound * bound;
    let mut indices = [0; N];
    for index in &mut indices {
        *index = loop {
            let [byte] = bytes::<1>()?;
            if u16::from(byte) < fair {
                break (u16::from(byte) % bound) as u8;
            }
        };
    }
    Ok(indices)
}

/// The identity of a request. It is no secret, so this generator need not be the operating system's.
pub(crate) fn request_id() -> RequestId {
    RequestId(rand::random())
}

/// A UUIDv7 of a moment.
pub fn uuid_at(time: Timestamp) -> Uuid {
    Uuid::new_v7(uuid_time(NoContext, time))
}

/// The same for what is listed in the order of its ids: of two of one moment, the one that this program made later is greater, though
/// unlike the ids of events each keeps the moment it was made for, also when another one came before it with a later moment.
pub(crate) fn growing_uuid_at(time: Timestamp) -> Uuid {
    static COUNTED: LazyLock<Counted> = LazyLock::new(|| Counted(AtomicU64::new(u64::from(rand::random::<u32>()))));
    Uuid::new_v7(uuid_time(&*COUNTED, time))
}

/// Numbers that only grow, beginning somewhere, so that programs do not count alike. After them an id has 32 random bits.
struct Counted(AtomicU64);

impl ClockSequence for Counted {
    type Output = u64;

    fn generate_sequence(&self, _: u64, _: u32) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn usable_bits(&self) -> usize {
        42
    }
}

/// A clock that is behind the last id by more than this was set back. By less, it is being slewed, or two threads came in the other order.
const SET_BACK_BY: SignedDuration = SignedDuration::from_secs(5);

/// Makes the ids of events: within one program each is greater than the one before, also within a millisecond. When the clock is set
/// back, they begin anew with its time, for an event must not be said to have arrived when it did not; what is random in them keeps
/// them apart from those of the first time.
#[derive(Debug, Default)]
pub struct EventIds(Mutex<Growing>);

#[derive(Debug, Default)]
struct Growing {
    context: ContextV7,
    latest: Timestamp,
}

impl EventIds {
    /// The next id, later than all before.
    pub fn next(&self, time: Timestamp) -> EventId {
        // A panic elsewhere leaves nothing half done in a counter, so a poisoned lock is as good as any.
        let mut growing = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if growing.latest.duration_since(time) > SET_BACK_BY {
            *growing = Growing::default();
        }
        growing.latest = growing.latest.max(time);
        EventId(Uuid::new_v7(uuid_time(&growing.context, time)))
    }
}

fn uuid_time(context: impl ClockSequence<Output = impl Into<u128>>, time: Timestamp) -> uuid::Timestamp {
    let nanos = time.as_nanosecond().max(0).unsigned_abs();
    uuid::Timestamp::from_unix(context, (nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)
}

#[cfg(test)]
mod tests {
    use super::{EventIds, growing_uuid_at};

    #[test]
    fn ids_of_events_grow_within_a_millisecond_and_keep_its_time() {
        let ids = EventIds::default();
        let time: jiff::Timestamp = "2026-11-23T08:41:12.408Z".parse().unwrap();
        let made: Vec<_> = (0..1_000).map(|_| ids.next(time)).collect();
        assert!(made.is_sorted());
        assert_eq!(made[999].received_at(), time);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_freeze_the_time_of_events() {
        let ids = EventIds::default();
        let time: jiff::Timestamp = "2026-11-23T08:41:12.408Z".parse().unwrap();
        let ahead: Vec<_> = (0..1_000).map(|_| ids.next(time + jiff::SignedDuration::from_hours(2))).collect();
        let later = |ms: i64| time + jiff::SignedDuration::from_millis(ms / 2);
        let made: Vec<_> = (0..1_000).map(|n| ids.next(later(n))).collect();
        assert!((0..).zip(&made).all(|(n, id)| id.received_at() == later(n)));
        assert!(made.is_sorted() && made[999] < ahead[0]);
        // And when it is two hours ahead again, the ids are others than those of the first time.
        let again: Vec<_> = (0..1_000).map(|_| ids.next(time + jiff::SignedDuration::from_hours(2))).collect();
        let all: std::collections::HashSet<_> = ahead.iter().chain(&made).chain(&again).collect();
        assert_eq!(all.len(), 3_000);
    }

    #[test]
    fn ids_of_events_grow_while_the_clock_is_slewed() {
        let ids = EventIds::default();
        let time: jiff::Timestamp = "2026-11-23T08:41:12.408Z".parse().unwrap();
        let made: Vec<_> = (0..1_000).map(|n| ids.next(time - jiff::SignedDuration::from_millis(n))).collect();
        assert!(made.is_sorted());
    }

    #[test]
    fn ids_of_one_moment_grow_and_those_of_an_earlier_one_stay_before_them() {
        let time: jiff::Timestamp = "2026-11-23T08:41:12.408Z".parse().unwrap();
        let made: Vec<_> = (0..1_000).map(|_| growing_uuid_at(time)).collect();
        assert!(made.is_sorted());
        let earlier = growing_uuid_at(time - jiff::SignedDuration::from_millis(1));
        assert!(earlier < made[0]);
        let (seconds, nanos) = earlier.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (time.as_second() as u64, 407_000_000));
    }

    use super::indices;

    // holds C1
    #[test]
    fn every_index_is_about_equally_likely() {
        let mut counts = [0_u32; 62];
        for _ in 0..1_000 {
            for index in indices::<62>(62).unwrap() {
                counts[usize::from(index)] += 1;
            }
        }
        // 62,000 draws, 1,000 expected for each; 200 away from that is beyond six standard deviations.
        assert!(counts.iter().all(|c| (800..1_200).contains(c)), "{counts:?}");
    }
}
