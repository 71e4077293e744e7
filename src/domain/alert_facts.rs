//! What is known of an alert: facts as data, how urgent they are, and what is said of them.

use std::net::IpAddr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::alert_kind::{AlertKind, Told};
use crate::domain::grouped::grouped;
use crate::domain::holding::HELD_FOR;
use crate::domain::time::full_in;

/// How long before its end a password or token is told of, the first time first.
const BEFORE_END: [SignedDuration; 3] =
    [SignedDuration::from_hours(14 * 24), SignedDuration::from_hours(3 * 24), SignedDuration::from_hours(24)];
/// How much of its overlap is over, in percent.
const OF_OVERLAP: [i128; 3] = [50, 80, 95];
/// Late events are told of again so long before they go.
const BEFORE_LATE_EVENTS_GO: SignedDuration = SignedDuration::from_hours(24);

/// What is so. Variants and fields are added to, never renamed: they lie in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Facts {
    PasswordExpiring {
        hint: String,
        made_at: Timestamp,
        ends_at: Timestamp,
    },
    TokenExpiring {
        made_at: Timestamp,
        ends_at: Timestamp,
    },
    OldPasswordUsed {
        hint: String,
        replaced_at: Timestamp,
        ends_at: Timestamp,
        last_used_at: Timestamp,
        from: Option<IpAddr>,
    },
    LateEvents {
        events: u64,
        first_at: Timestamp,
    },
    Refusals {
        refused: u64,
        /// The word of the last one's reason.
        reason: String,
        from: IpAddr,
        last_at: Timestamp,
    },
    Unused {
        last_used_at: Option<Timestamp>,
    },
    Silence {
        minutes: u32,
        last_event_at: Option<Timestamp>,
    },
    Rejections {
        rejected: u64,
        accepted: u64,
        minutes: u32,
    },
    ConsumerBehind {
        position_at: Option<Timestamp>,
        newest_at: Timestamp,
    },
}

impl Facts {
    pub(crate) fn kind(&self) -> AlertKind {
        match self {
            Self::PasswordExpiring { .. } => AlertKind::PasswordExpiring,
            Self::TokenExpiring { .. } => AlertKind::TokenExpiring,
            Self::OldPasswordUsed { .. } => AlertKind::OldPasswordUsed,
            Self::LateEvents { .. } => AlertKind::LateEvents,
            Self::Refusals { .. } => AlertKind::Refusals,
            Self::Unused { .. } => AlertKind::Unused,
            Self::Silence { .. } => AlertKind::Silence,
            Self::Rejections { .. } => AlertKind::Rejections,
            Self::ConsumerBehind { .. } => AlertKind::ConsumerBehind,
        }
    }

    /// How urgent it is, from 1; `None` while it is too early to say anything.
    pub(crate) fn level(&self, now: Timestamp) -> Option<i16> {
        let passed = |count: usize| i16::try_from(count).ok().filter(|level| *level > 0);
        match self {
            Self::PasswordExpiring { made_at, ends_at, .. } | Self::TokenExpiring { made_at, ends_at } => {
                let left = ends_at.duration_since(now);
                // What never had so long is not told of when it was made.
                let has_begun = |before: SignedDuration| left <= before && ends_at.duration_since(*made_at) > before;
                let last = BEFORE_END.into_iter().rposition(has_begun);
                passed(last.map_or(0, |place| place + 1)).filter(|_| left.is_positive())
            }
            Self::OldPasswordUsed { replaced_at, ends_at, .. } => {
                let (over, whole) = (now.duration_since(*replaced_at), ends_at.duration_since(*replaced_at));
                let is_over = |percent: &&i128| over.as_millis() * 100 >= whole.as_millis() * **percent;
                passed(OF_OVERLAP.iter().filter(is_over).count())
            }
            Self::LateEvents { first_at, .. } => {
                let left = late_events_go_at(*first_at).duration_since(now);
                Some(if left <= BEFORE_LATE_EVENTS_GO { 2 } else { 1 })
            }
            _ => Some(1),
        }
    }

    /// What somebody reads of it: a sentence about a subject, whose name stands before it, with times in a zone.
    pub(crate) fn sentence(&self, told: Told, zone: &TimeZone) -> String {
        let full = |time: Timestamp| full_in(time, zone);
        if told == Told::Resolved { self.ended(full) } else { self.is_so(full) }
    }

    /// That it is over, with times as they are written.
    fn ended(&self, full: impl Fn(Timestamp) -> String) -> String {
        let words = match self {
            Self::PasswordExpiring { ends_at, .. } => {
                let end = full(*ends_at);
                return format!(
                    "Its password that was to expire on {end} was replaced, given another date, or has expired."
                );
            }
            Self::TokenExpiring { ends_at, .. } => {
                return format!("The token that was to expire on {} was revoked or has expired.", full(*ends_at));
            }
            Self::OldPasswordUsed { .. } => "Its old password is no longer in use, or has ended.",
            Self::LateEvents { .. } => "No late events wait any more.",
            Self::Refusals { .. } => "Its sender is no longer refused.",
            Self::Unused { .. } => "It is in use again.",
            Self::Silence { .. } => "Events arrive again.",
            Self::Rejections { .. } => "Fewer requests are rejected again.",
            Self::ConsumerBehind { .. } => "It has caught up.",
        };
        words.to_owned()
    }

    /// That it is so, with times as they are written.
    fn is_so(&self, full: impl Fn(Timestamp) -> String) -> String {
        match self {
            Self::PasswordExpiring { ends_at, .. } => {
                format!("Its password expires on {}. Then its senders get 401.", full(*ends_at))
            }
            Self::TokenExpiring { ends_at, .. } => {
                format!("The token expires on {}. Then programs that use it get 401.", full(*ends_at))
            }
            Self::OldPasswordUsed { ends_at, last_used_at, from, .. } => {
                let from = from.map(|ip| format!(" from {ip}")).unwrap_or_default();
                format!("Its old password was used{from} on {}, and ends on {}.", full(*last_used_at), full(*ends_at))
            }
            Self::LateEvents { events, first_at } => late_events(*events, full(late_events_go_at(*first_at))),
            Self::Refusals { refused, from, .. } => refusals(*refused, *from),
            Self::Unused { last_used_at: Some(at) } => {
                format!("It was last used on {}. Revoke it if nobody needs it.", full(*at))
            }
            Self::Unused { last_used_at: None } => {
                "It is 90 days old and was never used. Revoke it if nobody needs it.".to_owned()
            }
            Self::Silence { last_event_at: Some(at), .. } => format!("No event has arrived since {}.", full(*at)),
            Self::Silence { minutes, .. } => format!("No event has arrived for {}.", span(*minutes)),
            Self::Rejections { rejected, minutes, .. } => {
                format!("{} requests were rejected within {}.", grouped(*rejected), span(*minutes))
            }
            Self::ConsumerBehind { position_at: Some(at), .. } => {
                format!("Events wait for it. It has read up to {}.", full(*at))
            }
            Self::ConsumerBehind { position_at: None, .. } => "Events wait for it. It has read none.".to_owned(),
        }
    }
}

fn late_events(events: u64, go_at: String) -> String {
    let (count, what) = (grouped(events), if events == 1 { "event" } else { "events" });
    format!("{count} late {what} came with an expired password. Accept or discard them: they start to go on {go_at}.")
}

fn refusals(refused: u64, from: IpAddr) -> String {
    let count = grouped(refused);
    format!("{count} requests were refused within 15 minutes, the last from {from}. This credential has worked before.")
}

fn late_events_go_at(first_at: Timestamp) -> Timestamp {
    first_at.saturating_add(HELD_FOR).unwrap_or(first_at)
}

/// `2 h`, `90 min`, `3 d`, for minutes.
pub(crate) fn span(minutes: u32) -> String {
    match minutes {
        minutes if minutes % (24 * 60) == 0 => format!("{} d", minutes / (24 * 60)),
        minutes if minutes % 60 == 0 => format!("{} h", minutes / 60),
        minutes => format!("{minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::Facts;
    use crate::domain::alert_kind::AlertKind;

    fn start() -> Timestamp {
        "2026-11-30T00:00:00Z".parse().unwrap()
    }

    fn level(facts: &Facts, hours: i64) -> Option<i16> {
        facts.level(start() + SignedDuration::from_hours(hours))
    }

    // holds issue 18, section 2: 14, 3, 1 day; 50, 80, 95 %; 24 h before late events go
    #[test]
    fn facts_get_more_urgent_as_time_goes_by() {
        let ends_at = start() + SignedDuration::from_hours(480);
        let long = Facts::TokenExpiring { made_at: start(), ends_at };
        let levels = [143, 144, 407, 408, 455, 456, 479, 480].map(|hours| level(&long, hours));
        assert_eq!(levels, [None, Some(1), Some(1), Some(2), Some(2), Some(3), Some(3), None]);
        let short = Facts::TokenExpiring { made_at: start() + SignedDuration::from_hours(460), ends_at };
        assert_eq!(level(&short, 461), None, "a token for a day is no news when it is made");
        let overlap = Facts::OldPasswordUsed {
            hint: "k3Qz".to_owned(),
            replaced_at: start(),
            ends_at: start() + SignedDuration::from_hours(100),
            last_used_at: start(),
            from: None,
        };
        let levels = [49, 50, 79, 80, 94, 95].map(|hours| level(&overlap, hours));
        assert_eq!(levels, [None, Some(1), Some(1), Some(2), Some(2), Some(3)]);
        let late = Facts::LateEvents { events: 3, first_at: start() };
        assert_eq!([0, 143, 144].map(|hours| level(&late, hours)), [Some(1), Some(1), Some(2)]);
    }

    #[test]
    fn facts_are_read_by_the_word_of_their_kind() {
        let text = r#"{"kind":"late_events","events":3,"first_at":"2026-11-30T00:00:00+00:00"}"#;
        let facts: Facts = serde_json::from_str(text).unwrap();
        assert_eq!(facts, Facts::LateEvents { events: 3, first_at: start() });
        assert_eq!(facts.kind(), AlertKind::LateEvents);
    }
}
