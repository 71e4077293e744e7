//! Of what arrived, what a search finds. It is asked in parts that are bounded in bytes: bodies may be large, and whoever has an account
//! may search. A live page also waits no longer than any page does; what it was not told by then, it is told to load.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::domain::event::{EventId, EventSummary};
use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::position::{Position, Snapshot};
use crate::domain::query::ast::Query;
use crate::domain::query::prefilter::Patterns;
use crate::store::arrivals::{self, Arrived, Key};
use crate::store::error::StoreError;
use crate::store::event_batches::{PartLimit, Taken};
use crate::store::events::list_summaries;
use crate::store::matching::Budget;
use crate::store::pool::Connection;
use crate::store::scan::conditions::{By, passing};
use crate::store::schema::events;

/// Keys that are read at once.
const STEP: usize = 200;
/// How many events a list goes through for a search, whatever it finds.
const MOST_ASKED: usize = 4_000;
/// Bodies that are asked for at once. One that is larger is asked for by itself.
const PART: PartLimit = PartLimit { events: STEP, bytes: 8 << 20 };
/// How long a list asks for somebody who looks at a page.
const MOST_TIME: Duration = Budget::PAGE.time;

/// The newest of what is unseen at a position, is shown by a snapshot and passes the filter, newest first. There is more when there were
/// as many as wanted, or when a search was asked about as many, or as long, as it may be.
pub async fn list_newest(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    range: (&Position, &Snapshot),
    want: usize,
) -> Result<Arrived, StoreError> {
    let Some(search) = &filter.query else {
        return arrivals::list(conn, account, filter, range, true, want).await;
    };
    let end = Instant::now() + MOST_TIME;
    let (mut found, mut before, mut asked) = (Vec::new(), None, 0);
    loop {
        let keys = arrivals::list_keys(conn, account, filter, range, true, (before, STEP)).await?;
        for (part, rest) in parts(&keys) {
            found.extend(ask(conn, account, filter, search, part).await?);
            asked += part.len();
            before = part.last().map(|key| key.id);
            let is_last = rest.is_empty() && keys.len() < STEP;
            if !is_last && (found.len() >= want || asked >= MOST_ASKED || Instant::now() >= end) {
                return Ok(Arrived { events: found, more_after: before });
            }
        }
        if keys.len() < STEP {
            return Ok(Arrived { events: found, more_after: None });
        }
    }
}

/// The oldest of it, oldest first, looking at no more than so many events: who wants all goes on where it ended.
pub async fn list_oldest(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    range: (&Position, &Snapshot),
    most: usize,
) -> Result<Arrived, StoreError> {
    let Some(search) = &filter.query else {
        return arrivals::list(conn, account, filter, range, false, most).await;
    };
    let keys = arrivals::list_keys(conn, account, filter, range, false, (None, most)).await?;
    let mut found = Vec::new();
    for (part, _) in parts(&keys) {
        found.extend(ask(conn, account, filter, search, part).await?);
    }
    let more_after = keys.last().filter(|_| keys.len() == most).map(|key| key.id);
    Ok(Arrived { events: found, more_after })
}

/// Keys in parts whose bodies may be in memory at once, each with what follows it.
fn parts(keys: &[Key]) -> impl Iterator<Item = (&[Key], &[Key])> {
    let mut rest = keys;
    std::iter::from_fn(move || {
        let mut taken = Taken::default();
        let fitting = rest.iter().take_while(|key| PART.takes_body(&mut taken, key.size_bytes)).count();
        let (part, later) = rest.split_at(fitting);
        rest = later;
        (!part.is_empty()).then_some((part, later))
    })
}

/// Those of a part that pass, in its order. The database drops the bodies that cannot.
async fn ask(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    search: &Query,
    part: &[Key],
) -> Result<Vec<EventSummary>, StoreError> {
    let is_asked = |key: &&Key| filter.credential.is_none_or(|credential| credential == key.credential);
    let ids: Vec<Uuid> = part.iter().filter(is_asked).map(|key| key.id.0).collect();
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(Vec::new()) };
    let span = EventId(*first)..EventId(*last).next();
    let read = passing(account, filter, &Patterns::of(search), &span, By::Key).filter(events::id.eq_any(ids));
    let bodies: Vec<(Uuid, String)> = read.select((events::id, events::body)).load(conn).await?;
    let passed: HashSet<EventId> =
        bodies.into_iter().filter(|(_, body)| search.matches(body)).map(|(id, _)| EventId(id)).collect();
    let ids: Vec<EventId> = part.iter().map(|key| key.id).filter(|id| passed.contains(id)).collect();
    let mut events = list_summaries(conn, account, &ids).await?;
    events.sort_by_key(|event| ids.iter().position(|id| *id == event.id));
    Ok(events)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{PART, parts};
    use crate::domain::event::EventId;
    use crate::domain::ids::CredentialId;
    use crate::store::arrivals::Key;

    #[test]
    fn a_part_is_bounded_in_bytes_but_for_one_event_that_is_larger() {
        let key = |size_bytes| Key { id: EventId(Uuid::nil()), credential: CredentialId(Uuid::nil()), size_bytes };
        let split = |sizes: &[u64]| -> Vec<(usize, usize)> {
            let keys: Vec<Key> = sizes.iter().map(|size| key(*size)).collect();
            parts(&keys).map(|(part, rest)| (part.len(), rest.len())).collect()
        };
        let half = PART.bytes / 2;
        assert_eq!(split(&[]), []);
        assert_eq!(split(&[1, 1, 1]), [(3, 0)]);
        assert_eq!(split(&[half, half, 1, half]), [(2, 2), (2, 0)]);
        assert_eq!(split(&[PART.bytes * 3, 1, half, half]), [(1, 3), (2, 1), (1, 0)]);
    }
}
