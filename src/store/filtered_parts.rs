//! The events of a span that pass a filter, oldest first, a bounded part at a time: what exports write, and what is counted or deleted
//! by a search. The database drops what cannot pass. Where little does, the indexes of closed weeks say where the rest is, so that
//! a rare word is found among millions without reading them.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use uuid::Uuid;

use crate::domain::event::{EventId, WholeEvent};
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::listing::EventFilter;
use crate::domain::query::prefilter::Patterns;
use crate::store::columns::{Moment, time};
use crate::store::error::StoreError;
use crate::store::event_batches::{self, PartLimit, Taken};
use crate::store::event_removals;
use crate::store::pool::Connection;
use crate::store::scan::conditions::{By, passing};
use crate::store::scan::indexed_weeks::{Candidate, Indexes, list_candidates};
use crate::store::scan::span::Span;
use crate::store::schema::events;

/// How many candidates an index lists at once: 24 bytes each are in memory.
const MAX_CANDIDATES: i64 = 20_000;
/// How long it may take to list them. A search that takes longer is not rare.
const MAX_LISTING: Duration = Duration::from_secs(2);
/// Where one event in so many passes, reading them one after the other is no slower than an index.
const RARE: u64 = 50;

/// A part that was looked at.
#[derive(Debug)]
pub struct Part<T> {
    /// The first id that is no longer in it.
    pub end: EventId,
    /// About how many events it has, whether they pass or not.
    pub seen: u64,
    /// Those that pass.
    pub events: Vec<T>,
}

/// Events that pass a filter, of which a part is read at a time.
pub struct FilteredParts {
    account: AccountId,
    filter: EventFilter,
    patterns: Patterns,
    indexes: Indexes,
    /// What has not been looked at. The times of the filter are the span's.
    left: Range<EventId>,
    /// Little of the last part passed.
    is_rare: bool,
    listed: Option<Listed>,
}

/// What an index listed, and how far it looked.
struct Listed {
    candidates: VecDeque<Candidate>,
    end: EventId,
    /// About how many events are behind these candidates.
    seen: u64,
}

impl FilteredParts {
    pub fn new(account: AccountId, filter: EventFilter, span: Range<EventId>) -> Self {
        let patterns = filter.query.as_ref().map(Patterns::of).unwrap_or_default();
        let indexes = Indexes::new(&patterns);
        Self { account, filter, patterns, indexes, left: span, is_rare: false, listed: None }
    }

    /// The next part; `None` where no events are left. A connection that this was given has to be kept until it answers.
    pub async fn next(
        &mut self,
        conn: &mut Connection,
        limit: PartLimit,
    ) -> Result<Option<Part<WholeEvent>>, StoreError> {
        if self.is_rare && self.listed.is_none() && self.left.start < self.left.end {
            self.list(conn).await?;
        }
        let part = match self.listed.take() {
            Some(listed) => Some(self.next_listed(conn, listed, limit).await?),
            None => self.next_stored(conn, limit).await?,
        };
        if let Some(part) = &part {
            self.left.start = part.end;
        }
        Ok(part)
    }

    /// The same with ids and sizes in bytes alone.
    pub async fn next_sizes(
        &mut self,
        conn: &mut Connection,
        limit: PartLimit,
    ) -> Result<Option<Part<(EventId, u64)>>, StoreError> {
        if self.filter.query.is_some() {
            let part = self.next(conn, limit).await?;
            let size = |event: WholeEvent| (event.id, event.size_bytes);
            return Ok(part.map(|Part { end, seen, events }| Part {
                end,
                seen,
                events: events.into_iter().map(size).collect(),
            }));
        }
        let Some(part) = event_batches::next_part(conn, self.account, &self.left, limit).await? else {
            return Ok(None);
        };
        let span = self.left.start..part.end;
        let events = event_batches::list_sizes(conn, self.account, self.filter.credential, &span).await?;
        self.left.start = part.end;
        Ok(Some(Part { end: part.end, seen: part.events, events }))
    }

    /// A part as it lies in the table.
    async fn next_stored(
        &mut self,
        conn: &mut Connection,
        limit: PartLimit,
    ) -> Result<Option<Part<WholeEvent>>, StoreError> {
        let Some(part) = event_batches::next_part(conn, self.account, &self.left, limit).await? else {
            return Ok(None);
        };
        let query = passing(self.account, &self.filter, &self.patterns, &(self.left.start..part.end), By::Key);
        let events = self.read(conn, query).await?;
        self.is_rare = self.filter.query.is_some() && (events.len() as u64) * RARE < part.events;
        Ok(Some(Part { end: part.end, seen: part.events, events }))
    }

    /// Asks the index of the week that comes next, where it has one.
    async fn list(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        let left = Span { from: self.left.start.0, before: self.left.end.0, newest_first: false };
        let Some(week) = self.indexes.week_ahead(conn, &left).await? else { return Ok(()) };
        let (account, filter, patterns) = (self.account, &self.filter, &self.patterns);
        match list_candidates(conn, account, filter, patterns, &week, MAX_CANDIDATES, MAX_LISTING).await? {
            None => self.indexes.give_up(),
            Some(candidates) => {
                let more_after = candidates.last().filter(|_| candidates.len() as i64 == MAX_CANDIDATES);
                let end = more_after.map_or(EventId(week.before), |(last, ..)| EventId(*last).next());
                let (since, until) = (self.left.start.received_at(), Some(end.received_at()));
                let seen = event_removals::stored_between(conn, account, since, until).await?.events;
                self.listed = Some(Listed { candidates: candidates.into(), end, seen });
            }
        }
        Ok(())
    }

    /// The next of the candidates, and with the last of them all that lies behind.
    async fn next_listed(
        &mut self,
        conn: &mut Connection,
        mut listed: Listed,
        limit: PartLimit,
    ) -> Result<Part<WholeEvent>, StoreError> {
        let (mut ids, mut taken) = (Vec::new(), Taken::default());
        while let Some((id, body, headers)) = listed.candidates.front().copied() {
            if !limit.takes(&mut taken, body, headers) {
                break;
            }
            ids.push(id);
            listed.candidates.pop_front();
        }
        let (asked, last) = (ids.len() as u64, ids.last().copied());
        let events = match last {
            Some(last) => {
                let span = self.left.start..EventId(last).next();
                let query = passing(self.account, &self.filter, &Patterns::default(), &span, By::Key);
                self.read(conn, query.filter(events::id.eq_any(ids))).await?
            }
            None => Vec::new(),
        };
        match last.filter(|_| !listed.candidates.is_empty()) {
            Some(last) => {
                listed.seen = listed.seen.saturating_sub(asked);
                self.listed = Some(listed);
                Ok(Part { end: EventId(last).next(), seen: asked, events })
            }
            None => Ok(Part { end: listed.end, seen: listed.seen.max(asked), events }),
        }
    }

    /// Those of a query that the search says yes to.
    async fn read(
        &self,
        conn: &mut Connection,
        query: events::BoxedQuery<'static, diesel::pg::Pg>,
    ) -> Result<Vec<WholeEvent>, StoreError> {
        let columns = (
            events::id,
            events::credential_id,
            events::remote_ip,
            events::content_type,
            events::size_bytes,
            events::accepted_late_at,
            events::headers,
            events::body,
        );
        let rows: Vec<Row> = query.order(events::id.asc()).select(columns).load(conn).await?;
        let asked = self.filter.query.as_ref();
        Ok(rows.into_iter().map(whole).filter(|event| asked.is_none_or(|asked| asked.matches(&event.body))).collect())
    }
}

type Row = (Uuid, Uuid, IpNet, String, i32, Option<Moment>, String, String);

fn whole((id, credential_id, ip, content_type, size_bytes, accepted_late, headers, body): Row) -> WholeEvent {
    WholeEvent {
        id: EventId(id),
        credential_id: CredentialId(credential_id),
        remote_ip: ip.addr(),
        content_type,
        size_bytes: u64::from(size_bytes.unsigned_abs()),
        accepted_late_at: time(accepted_late),
        headers,
        body,
    }
}
