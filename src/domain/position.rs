//! The position of a consumer in commit order: an event id and a snapshot of transactions.
//!
//! How far somebody who follows events has come. Ids are made when events arrive, and two programs may commit theirs in another
//! order, so an id alone cannot say it; what was committed at a moment can. A position is small, is carried by whoever follows, and
//! means the same to every program over the same database.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::event::EventId;

/// The longest text that is read as a position, in bytes. One that lists a transaction for each of a thousand connections is shorter.
const MAX_BYTES: usize = 16 * 1024;
/// How many transactions a position may be behind: rows bear the lower half of a number, which has half as many to either side of it.
const MOST_BEHIND: u64 = 1 << 30;
/// How much older than a position the ids of unseen events can be. A body, a place in the queue and a statement may take their
/// limits, and the clocks of two programs may be seconds apart; it bounds what is read, and costs nothing while nothing is new.
pub(crate) const LOOK_BACK: SignedDuration = SignedDuration::from_secs(30);
/// The longest name of where transactions are counted, in bytes.
const MAX_ORIGIN_BYTES: usize = 64;
/// Between the parts of a position.
const MARK: &str = "~";

/// What was committed at a moment, as Postgres writes it: `812:815:812,813`, which is the oldest transaction that was still under
/// way, the first that had not begun, and all that were under way. Behind it stands where these are counted, `:74…-1-16500`: the server,
/// its timeline and the table. A restore, an upgrade and a failover each make another of it, whose numbers mean other transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    text: Box<str>,
    /// The first transaction that had not begun.
    pub(crate) next: u64,
    /// Empty where nobody asked.
    origin: Box<str>,
}

impl Snapshot {
    /// As Postgres writes and reads it.
    pub(crate) fn as_postgres(&self) -> &str {
        &self.text
    }

    /// How far it is among those of one database, which only grow: of two with the same next transaction, the later has fewer under way.
    fn progress(&self) -> (u64, Reverse<usize>) {
        let open = self.text.rsplit(':').next().unwrap_or_default();
        (self.next, Reverse(open.split(',').filter(|number| !number.is_empty()).count()))
    }
}

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position in the events")]
pub(crate) struct NotAPosition;

impl FromStr for Snapshot {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<u64>().map_err(|_| NotAPosition),
            false => Err(NotAPosition),
        };
        let mut parts = text.split(':');
        let (Some(oldest), Some(next), Some(open)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NotAPosition);
        };
        let origin = parts.next();
        let is_origin = |text: &str| {
            (1..=MAX_ORIGIN_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        };
        if parts.next().is_some() || !origin.is_none_or(is_origin) {
            return Err(NotAPosition);
        }
        let written = format!("{oldest}:{next}:{open}");
        let (oldest, next) = (number(oldest)?, number(next)?);
        let mut last = oldest.checked_sub(1).ok_or(NotAPosition)?;
        for open in open.split(',').filter(|_| !open.is_empty()) {
            let open = number(open)?;
            if open <= last || open >= next {
                return Err(NotAPosition);
            }
            last = open;
        }
        // Postgres takes no more than 63 bits.
        if oldest > next || next > u64::MAX >> 1 {
            return Err(NotAPosition);
        }
        Ok(Self { text: written.into(), next, origin: origin.unwrap_or_default().into() })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.origin {
            "" => f.write_str(&self.text),
            origin => write!(f, "{}:{origin}", self.text),
        }
    }
}

/// What is seen, of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Everything up to the id, as somebody says who knows nothing but an id.
    UpToId,
    /// Of what the snapshot shows, everything up to the id: in the middle of what follows an id.
    ShownUpToId(Snapshot),
    /// Everything that the snapshot shows.
    Shown(Snapshot),
    /// Everything that the first snapshot shows, and of what the second shows beyond it, all up to the id: in the middle of a piece.
    PartlyShown(Snapshot, Snapshot),
    /// Everything that the first snapshot shows, and of what the second shows beyond it, the events that were accepted late, up to an id:
    /// these are far older than what arrived meanwhile, and come first.
    LateShown(Snapshot, Snapshot, EventId),
}

/// A position, written `019ab…~812:815:812`. It is handed out sealed, as a [`crate::domain::cursor`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The event reached last, or the first id of the moment. But for what was accepted late, nothing unseen is much older.
    pub(crate) at: EventId,
    pub(crate) seen: Seen,
    /// Of a position in the middle of a piece: the deletions that were told of there, which are those that this shows.
    pub(crate) told: Option<Snapshot>,
}

impl Position {
    /// Where somebody is who knows nothing but an id.
    pub(crate) fn up_to(at: EventId) -> Self {
        Self { at, seen: Seen::UpToId, told: None }
    }

    /// Before all events.
    pub(crate) fn oldest() -> Self {
        Self::up_to(EventId(Uuid::nil()))
    }

    /// Where everything that a snapshot shows was seen, taken at about the time of an id.
    pub(crate) fn shown(at: EventId, snapshot: Snapshot) -> Self {
        Self { at, seen: Seen::Shown(snapshot), told: None }
    }

    /// The same as far as a clock knows: one that was set back makes ids that are older than a moment it had before, and these are
    /// unseen. What was seen says the snapshot.
    pub(crate) fn not_after(self, now: EventId) -> Self {
        match self.seen {
            Seen::Shown(_) | Seen::LateShown(..) => Self { at: self.at.min(now), ..self },
            _ => self,
        }
    }

    /// The position after an event of what `until` shows beyond this one, read in the order of ids.
    pub(crate) fn within(&self, id: EventId, until: &Snapshot) -> Self {
        let (at, seen) = match &self.seen {
            Seen::UpToId | Seen::ShownUpToId(_) => (id, Seen::ShownUpToId(until.clone())),
            Seen::Shown(all) | Seen::PartlyShown(all, _) => (id, Seen::PartlyShown(all.clone(), until.clone())),
            Seen::LateShown(all, ..) => (self.at, Seen::LateShown(all.clone(), until.clone(), id)),
        };
        Self { at, seen, told: self.told.clone() }
    }

    /// From where to where to read at a moment, so that everything until a snapshot is read then. Who stopped in the middle of a piece
    /// reads the rest of that piece first: each event has one position so. `has_late`: behind the last snapshot events were accepted late.
    pub(crate) fn steps(&self, until: &Snapshot, now: EventId, has_late: bool) -> Vec<(Self, Snapshot)> {
        let at = |seen| Self { at: self.at, seen, told: self.told.clone() }.not_after(now);
        let late = |all: &Snapshot| at(Seen::LateShown(all.clone(), until.clone(), EventId(Uuid::nil())));
        let all = |all: &Snapshot| at(Seen::Shown(all.clone()));
        let mut steps = match &self.seen {
            Seen::UpToId => vec![(self.clone(), until.clone())],
            Seen::Shown(_) => Vec::new(),
            Seen::ShownUpToId(part) | Seen::PartlyShown(_, part) => vec![(self.clone(), part.clone())],
            Seen::LateShown(first, part, _) => vec![(self.clone(), part.clone()), (all(first), part.clone())],
        };
        if let Some(newest) = self.newest() {
            steps.extend(has_late.then(|| (late(newest), until.clone())));
            steps.push((all(newest), until.clone()));
        }
        steps
    }

    /// The snapshot that it goes by last; an id alone goes by none.
    pub(crate) fn newest(&self) -> Option<&Snapshot> {
        match &self.seen {
            Seen::UpToId => None,
            Seen::ShownUpToId(snapshot)
            | Seen::Shown(snapshot)
            | Seen::PartlyShown(_, snapshot)
            | Seen::LateShown(_, snapshot, _) => Some(snapshot),
        }
    }

    /// The snapshot that shows which deletions were told of; `None` where all behind its id are to be told.
    pub(crate) fn deletions_told(&self) -> Option<&Snapshot> {
        self.told.as_ref().or(if matches!(self.seen, Seen::Shown(_)) { None } else { self.newest() })
    }

    /// Whether its numbers are those of the database that has come as far as a snapshot. After a restore, an upgrade or a failover they are
    /// not, and of a position that is billions behind, the numbers that rows bear begin again.
    pub(crate) fn is_understood_at(&self, newest: &Snapshot) -> bool {
        self.newest().is_none_or(|snapshot| {
            let behind = newest.next.checked_sub(snapshot.next);
            snapshot.origin == newest.origin && behind.is_some_and(|behind| behind < MOST_BEHIND)
        })
    }

    /// The same as a database understands it that has come as far as a snapshot. Where the numbers are not its own, what is left is the id:
    /// all that can have been unseen there is seen once more.
    pub(crate) fn understood_at(self, newest: &Snapshot) -> Self {
        if self.is_understood_at(newest) { self } else { Self::up_to(self.oldest_unseen()) }
    }

    /// The smallest id that can be unseen here, where a snapshot tells what is, but for events that were accepted late.
    pub(crate) fn oldest_unseen(&self) -> EventId {
        EventId::first_of(self.at.received_at().saturating_sub(LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Whether it is as far as another, which was handed out on the same way.
    pub(crate) fn has_reached(&self, other: &Self) -> bool {
        let progress = |position: &Self| match &position.seen {
            Seen::UpToId | Seen::ShownUpToId(_) => (None, None, Some(position.at)),
            Seen::Shown(all) => (Some(all.progress()), None, None),
            Seen::LateShown(all, _, id) => (Some(all.progress()), Some(*id), None),
            Seen::PartlyShown(all, _) => (Some(all.progress()), Some(EventId(Uuid::max())), Some(position.at)),
        };
        let origin = |position: &Self| position.newest().map(|snapshot| snapshot.origin.clone());
        let is_same_way = origin(other).is_none_or(|theirs| origin(self).is_some_and(|own| own == theirs));
        is_same_way && progress(self) >= progress(other)
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        if text.len() > MAX_BYTES {
            return Err(NotAPosition);
        }
        let parts: Vec<&str> = text.split(MARK).collect();
        let part = |place: usize| parts.get(place).copied().filter(|part| !part.is_empty());
        let snapshot = |place: usize| part(place).map(str::parse).transpose();
        let id = |place: usize| part(place).map(|id| id.parse().map_err(|_| NotAPosition)).transpose();
        let seen = match (snapshot(1)?, snapshot(2)?, id(3)?) {
            (None, None, None) => Seen::UpToId,
            (None, Some(part), None) => Seen::ShownUpToId(part),
            (Some(all), None, None) => Seen::Shown(all),
            (Some(all), Some(part), None) => Seen::PartlyShown(all, part),
            (Some(all), Some(part), Some(late)) => Seen::LateShown(all, part, late),
            _ => return Err(NotAPosition),
        };
        let position = Self { at: id(0)?.ok_or(NotAPosition)?, seen, told: snapshot(4)? };
        if position.to_string() == text { Ok(position) } else { Err(NotAPosition) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, part, late) = match &self.seen {
            Seen::UpToId => (None, None, None),
            Seen::ShownUpToId(part) => (None, Some(part), None),
            Seen::Shown(all) => (Some(all), None, None),
            Seen::PartlyShown(all, part) => (Some(all), Some(part), None),
            Seen::LateShown(all, part, late) => (Some(all), Some(part), Some(late)),
        };
        let text = |snapshot: Option<&Snapshot>| snapshot.map(ToString::to_string).unwrap_or_default();
        let late = late.map(ToString::to_string).unwrap_or_default();
        let parts = [self.at.to_string(), text(all), text(part), late, text(self.told.as_ref())];
        let last = parts.iter().rposition(|part| !part.is_empty()).unwrap_or_default();
        f.write_str(&parts[..=last].join(MARK))
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAPosition, Position};
    use crate::domain::event::EventId;

    const ID: &str = "019ab000-0000-7000-8000-000000000000";

    #[test]
    fn a_position_reads_what_it_wrote_and_nothing_else() {
        for tail in
            ["", "~812:812:", "~812:815:812,814", "~1:1:~812:815:813", "~~812:815:813", "~812:815:812:74-1-16500"]
        {
            let text = format!("{ID}{tail}");
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        for wrong in [
            "~",
            "~812",
            "~812:815",
            "~815:812:",
            "~812:815:815",
            "~812:815:811",
            "~812:815:814,813",
            "~812:815:813,",
            "~+1:2:",
            "~a:b:",
            "~0:1:",
            "~1:9223372036854775808:",
            "~812:812:~",
            "~~",
            "~~812",
            "~1:1:~1:1:~1:1:",
            "~1:1:'",
            "~812:812::",
            "~812:812::74-1-16500:",
            "~812:812::74'",
            "~1:1:~1:1:~x",
            "~1:1:~~",
            "~~~~1:1:~",
        ] {
            assert_eq!(format!("{ID}{wrong}").parse::<Position>(), Err(NotAPosition), "{wrong}");
        }
        assert!("".parse::<Position>().is_err() && "x~1:1:".parse::<Position>().is_err());
        assert!(format!("{ID}~{}", "1".repeat(20_000)).parse::<Position>().is_err());
    }

    #[test]
    fn a_position_of_another_database_is_told_by_its_numbers() {
        let understood = |tail: &str, newest: &str| {
            let position = format!("{ID}{tail}").parse::<Position>().unwrap();
            position.understood_at(&newest.parse().unwrap()).to_string()
        };
        let newest = "812:815:812:74-1-16500";
        for tail in ["", "~815:815::74-1-16500", "~1:1::74-1-16500~812:815::74-1-16500", "~~812:815::74-1-16500"] {
            assert_eq!(understood(tail, newest), format!("{ID}{tail}"));
        }
        let earlier = "019aafff-8ad0-7000-8000-000000000000".parse::<EventId>().unwrap().received_at();
        let earlier = EventId::first_of(earlier).0.to_string();
        for tail in ["~812:816::74-1-16500", "~1:1::74-1-16500~812:816::74-1-16500", "~~812:816::74-1-16500"] {
            assert_eq!(understood(tail, newest), earlier, "restored from a dump");
        }
        for tail in ["~812:814::74-2-16500", "~812:814::75-1-16500", "~812:814::74-1-16501", "~812:814:"] {
            assert_eq!(understood(tail, newest), earlier, "another timeline, server or table: {tail}");
        }
        let far = understood("~812:815:812:74-1-16500", "2000000000:2000000000::74-1-16500");
        assert_eq!(far, earlier, "the numbers of rows begin again");
    }

    // holds issue 17, section 3: a clock that was set back while somebody was in the middle of a piece skips nothing
    #[test]
    fn every_step_but_the_rest_of_a_piece_looks_no_later_than_the_clock() {
        let now: EventId = "019aafff-0000-7000-8000-000000000000".parse().unwrap();
        let until = "820:820:".parse().unwrap();
        for (tail, rest) in [("~812:815:", 0), ("~1:1:~812:815:", 1), ("~~812:815:", 1)] {
            let position = format!("{ID}{tail}").parse::<Position>().unwrap();
            let steps = position.steps(&until, now, true);
            assert_eq!(steps.len(), rest + 2);
            assert!(steps[rest..].iter().all(|(from, _)| from.at == now), "{steps:?}");
        }
    }

    #[test]
    fn events_that_were_accepted_late_come_before_what_arrived_and_the_rest_of_a_piece_before_both() {
        let (now, until) = (ID.parse().unwrap(), "820:820:".parse().unwrap());
        let steps = |tail: &str, has_late| {
            let position = format!("{ID}{tail}").parse::<Position>().unwrap();
            let text = |(from, until): (Position, _)| format!("{from} {until}").replace(ID, "");
            position.steps(&until, now, has_late).into_iter().map(text).collect::<Vec<_>>()
        };
        let nil = "00000000-0000-0000-0000-000000000000";
        assert_eq!(steps("", true), [" 820:820:"]);
        assert_eq!(steps("~1:1:", false), ["~1:1: 820:820:"]);
        assert_eq!(steps("~1:1:", true), [format!("~1:1:~820:820:~{nil} 820:820:"), "~1:1: 820:820:".to_owned()]);
        let late = format!("~5:5:~820:820:~{nil} 820:820:");
        let rest = ["~1:1:~5:5: 5:5:", &late, "~5:5: 820:820:"];
        assert_eq!(steps("~1:1:~5:5:", true), rest);
        let piece = [&format!("~1:1:~5:5:~{nil} 5:5:"), "~1:1: 5:5:", &late, "~5:5: 820:820:"];
        assert_eq!(steps(&format!("~1:1:~5:5:~{nil}"), true), piece);
    }

    #[test]
    fn positions_of_one_way_are_told_apart_by_how_far_they_are() {
        let read = |tail: &str| format!("{ID}{tail}").parse::<Position>().unwrap();
        let way = [
            "",
            "~812:815:812,813:7",
            &format!("~812:815:812,813:7~820:820::7~{ID}"),
            "~812:815:812,813:7~820:820::7",
            "~812:815:812:7",
            "~820:820::7",
        ]
        .map(read);
        for (number, position) in way.iter().enumerate() {
            for (other, earlier) in way.iter().enumerate() {
                assert_eq!(position.has_reached(earlier), other <= number, "{position} and {earlier}");
            }
        }
        assert!(!read("~820:820::7").has_reached(&read("~812:815::8")), "another database");
        assert!(!read("").has_reached(&read("~812:815::8")));
    }
}
