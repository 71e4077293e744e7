//! Consumers: readers of an account's events with a name, whose position is kept until they acknowledge what they were handed out.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::credential::{CredentialName, InvalidName};
use crate::domain::event::EventId;
use crate::domain::ids::{ConsumerId, CredentialId};
use crate::domain::listing::EventFilter;
use crate::domain::position::Position;
use crate::domain::query::ast::Query;
use crate::domain::query::error::QueryError;

/// Those of an account.
pub(crate) const MAX_CONSUMERS: u32 = 100;

/// What of the events behind a position may be missing. The words are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truncated {
    /// Some may have passed the time that they are kept for.
    Retention,
    /// Some were deleted.
    Deletion,
    /// The database is another one since, so that it cannot be told, and what follows goes by the ids.
    Unknown,
}

impl Truncated {
    const ALL: [Self; 3] = [Self::Retention, Self::Deletion, Self::Unknown];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Deletion => "deletion",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for Truncated {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| text.to_owned())
    }
}

/// From where on somebody wants to read.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    Now,
    Oldest,
    Since(Timestamp),
    Cursor(Position),
}

/// The same as the audit trail keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum ReadsFrom {
    Now,
    Oldest,
    Since(Timestamp),
    Cursor,
}

impl From<&Start> for ReadsFrom {
    fn from(start: &Start) -> Self {
        match start {
            Start::Now => Self::Now,
            Start::Oldest => Self::Oldest,
            Start::Since(time) => Self::Since(*time),
            Start::Cursor(_) => Self::Cursor,
        }
    }
}

/// Reads a name.
pub(crate) fn parse_name(text: &str) -> Result<CredentialName, InvalidConsumer> {
    text.parse().map_err(|error| match error {
        InvalidName::Missing => InvalidConsumer::NoName,
        other => InvalidConsumer::Name(other),
    })
}

/// Why a consumer cannot have a name, in words for its owner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidConsumer {
    #[error("Give the consumer a name, such as Billing import.")]
    NoName,
    #[error(transparent)]
    Name(InvalidName),
}

/// What a consumer reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    /// A search; empty: all.
    pub(crate) query: String,
    /// Of these credentials; none: of all.
    pub(crate) credentials: Vec<CredentialId>,
}

impl Subject {
    /// Its credentials by their ids, with a space between.
    pub(crate) fn credential_words(&self) -> String {
        self.credentials.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    /// Its events, of those that are kept since a moment.
    pub(crate) fn filter(&self, kept_since: Option<Timestamp>) -> Result<EventFilter, QueryError> {
        let (query, within) = (Query::parse(&self.query)?, self.credentials.clone());
        Ok(EventFilter { query, within, since: kept_since, ..EventFilter::default() })
    }

    /// Whether somebody who may see these credentials, or all where there are none, may see all of it. Who sees less reads nothing: to
    /// acknowledge would pass over what they do not see.
    pub(crate) fn is_seen_by(&self, credentials: &[CredentialId]) -> bool {
        let is_seen = |id| credentials.contains(id);
        credentials.is_empty() || (!self.credentials.is_empty() && self.credentials.iter().all(is_seen))
    }
}

/// What was handed out and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandedOut {
    /// In the order of the answer, which reads one step of a position.
    pub(crate) ids: Vec<EventId>,
    /// The position behind them.
    pub(crate) end: Position,
    pub(crate) truncated: Option<Truncated>,
}

/// What becomes of a consumer that acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// It goes on from there, with what is left of what was handed out.
    Forward(Position, Option<Box<HandedOut>>),
    /// It was as far before.
    Before,
    /// That was never handed out, or not since it was moved.
    Beyond,
}

/// A consumer.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) id: ConsumerId,
    pub(crate) name: String,
    pub(crate) subject: Subject,
    /// Behind what was acknowledged.
    pub(crate) position: Position,
    /// Of how many changes this is the last.
    pub(crate) step: i64,
    pub(crate) handed_out: Option<HandedOut>,
    /// What was said last of missing events, and when.
    pub(crate) truncated: Option<(Truncated, Timestamp)>,
    pub(crate) created_at: Timestamp,
    pub(crate) last_pulled_at: Option<Timestamp>,
    pub(crate) last_acked_at: Option<Timestamp>,
}

impl Consumer {
    /// The position behind the first so many events that were handed out.
    pub(crate) fn cursor_behind(&self, handed_out: &HandedOut, count: usize) -> Position {
        let until = handed_out.end.newest();
        match (until, count.checked_sub(1).and_then(|last| handed_out.ids.get(last))) {
            (Some(until), Some(id)) if count < handed_out.ids.len() => {
                self.position.clone().understood_at(until).within(*id, until)
            }
            _ => handed_out.end.clone(),
        }
    }

    /// What an acknowledgement of a cursor means: of all that was handed out, or of its first events.
    pub(crate) fn acknowledge(&self, cursor: &Position) -> Acknowledged {
        if let Some(handed_out) = &self.handed_out {
            if *cursor == handed_out.end {
                return Acknowledged::Forward(cursor.clone(), None);
            }
            let is_behind = |count: &usize| self.cursor_behind(handed_out, *count) == *cursor;
            if let Some(count) = (1..handed_out.ids.len()).find(is_behind) {
                let ids = handed_out.ids[count..].to_vec();
                let rest = HandedOut { ids, end: handed_out.end.clone(), truncated: None };
                return Acknowledged::Forward(cursor.clone(), Some(Box::new(rest)));
            }
        }
        if self.position.has_reached(cursor) { Acknowledged::Before } else { Acknowledged::Beyond }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::{Acknowledged, Consumer, HandedOut, Subject, Truncated};
    use crate::domain::event::EventId;
    use crate::domain::ids::{ConsumerId, CredentialId};
    use crate::domain::position::Position;

    fn id(number: u128) -> EventId {
        EventId(Uuid::from_u128(number << 80))
    }

    fn at(number: u128, tail: &str) -> Position {
        format!("{}{tail}", id(number).0).parse().unwrap()
    }

    fn consumer(position: Position, handed_out: Option<HandedOut>) -> Consumer {
        Consumer {
            id: ConsumerId(Uuid::nil()),
            name: "Import".to_owned(),
            subject: Subject::default(),
            position,
            step: 0,
            handed_out,
            truncated: None,
            created_at: Timestamp::UNIX_EPOCH,
            last_pulled_at: None,
            last_acked_at: None,
        }
    }

    #[test]
    fn a_part_of_what_was_handed_out_can_be_acknowledged_and_no_more() {
        let (from, end) = (at(5, "~80:80::7"), at(9, "~90:90::7"));
        let handed_out = HandedOut { ids: vec![id(6), id(7)], end: end.clone(), truncated: Some(Truncated::Unknown) };
        let reader = consumer(from.clone(), Some(handed_out.clone()));
        assert_eq!(reader.acknowledge(&end), Acknowledged::Forward(end.clone(), None));
        let first = at(6, "~80:80::7~90:90::7");
        assert_eq!(reader.cursor_behind(&handed_out, 1), first);
        let rest = HandedOut { ids: vec![id(7)], end: end.clone(), truncated: None };
        assert_eq!(reader.acknowledge(&first), Acknowledged::Forward(first.clone(), Some(Box::new(rest.clone()))));
        assert_eq!(reader.acknowledge(&from), Acknowledged::Before);
        for beyond in [at(7, "~80:80::7~91:91::7"), at(9, "~91:91::7"), at(6, "~80:80::8~90:90::8")] {
            assert_eq!(reader.acknowledge(&beyond), Acknowledged::Beyond, "{beyond}");
        }
        let further = consumer(first.clone(), Some(rest));
        assert_eq!(further.acknowledge(&first), Acknowledged::Before, "said twice");
        assert_eq!(further.acknowledge(&end), Acknowledged::Forward(end.clone(), None));
        assert_eq!(consumer(end, None).acknowledge(&first), Acknowledged::Before, "never backwards");
    }

    #[test]
    fn what_a_restored_database_handed_out_by_ids_is_acknowledged() {
        let handed_out = HandedOut { ids: vec![id(40_000), id(50_000)], end: at(60_000, "~9:9::8"), truncated: None };
        let reader = consumer(at(45_000, "~90:90::7"), Some(handed_out.clone()));
        let first = at(40_000, "~~9:9::8");
        assert_eq!(reader.cursor_behind(&handed_out, 1), first);
        assert!(matches!(reader.acknowledge(&first), Acknowledged::Forward(_, Some(_))));
        assert_eq!(reader.acknowledge(&at(46_000, "~95:95::7")), Acknowledged::Beyond);
    }

    #[test]
    fn who_sees_some_credentials_reads_what_is_of_these_alone() {
        let [one, other] = [1, 2].map(|number| CredentialId(Uuid::from_u128(number)));
        let subject =
            |credentials: &[CredentialId]| Subject { credentials: credentials.to_vec(), ..Subject::default() };
        for (of, seen, is_seen) in [
            (vec![], vec![], true),
            (vec![one], vec![], true),
            (vec![one], vec![one, other], true),
            (vec![one, other], vec![one], false),
            (vec![], vec![one], false),
        ] {
            assert_eq!(subject(&of).is_seen_by(&seen), is_seen, "{of:?} by {seen:?}");
        }
    }
}
