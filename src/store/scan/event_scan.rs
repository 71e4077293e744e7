//! A scan of events: those of an account in a span that pass a filter, in either direction, a bounded part at a time. No statement takes
//! long, no answer is large, and between two parts nothing is held, so that whoever has a part's rest goes on from there.
//!
//! The database drops what cannot pass, and the search is asked about the rest. Where little passes, the indexes of closed weeks list
//! what may, so that a rare word is found among millions without reading them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;

use crate::domain::event::{EventId, WholeEvent};
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::domain::position::{Position, Snapshot};
use crate::domain::query::ast::Query;
use crate::domain::query::prefilter::Prefilter;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::events;
use crate::store::scan::arrivals;
use crate::store::scan::budget::Budget;
use crate::store::scan::candidates;
use crate::store::scan::conditions::{By, passing};
use crate::store::scan::indexed_weeks::{self, Indexes};
use crate::store::scan::judging::{Judged, judge};
use crate::store::scan::keys::{self, Key};
use crate::store::scan::span::{Events, Span};
use crate::store::scan::whole_rows;
use crate::store::tables::event_removals::stored_between;

/// An index lists as many keys as so many parts take, and no more than so many: each is in memory.
const LISTED_PARTS: u64 = 10;
const MAX_LISTED: u64 = 20_000;
/// Where one event in so many passes, reading them one after the other is no slower than an index.
const RARE: u64 = 50;

/// A part that was looked at.
#[derive(Debug)]
pub struct Part<T> {
    /// Those that pass, in the order of the scan.
    pub events: Vec<T>,
    /// About how many events it has, whether they pass or not.
    pub seen: u64,
    /// What is left behind it.
    pub rest: Span,
}

/// Events that pass a filter, of which a part is read at a time.
#[derive(Debug)]
pub struct EventScan {
    account: AccountId,
    pub(super) filter: EventFilter,
    search: Option<Arc<Query>>,
    prefilter: Prefilter,
    indexes: Indexes,
    /// Only what is unseen at a position and shown by a snapshot.
    arrived: Option<(Position, Snapshot)>,
    /// Somebody wants to know how many events lie behind what an index lists.
    tells_seen: bool,
    /// What has not been looked at. The times of the filter are the span's.
    left: Span,
    /// Little of the last part passed.
    is_rare: bool,
    listed: Option<Listed>,
}

/// Keys that were listed at once, and are read a part at a time.
#[derive(Debug)]
struct Listed {
    keys: VecDeque<Key>,
    /// What is left behind the last of them.
    rest: Span,
    /// About how many events there are up to there, whether they are listed or not.
    seen: u64,
}

/// What the next part is made of.
struct Step {
    /// All that may pass.
    query: Events,
    /// Their keys, where these were listed.
    keys: Option<Vec<Key>>,
    end: End,
}

/// How a part ends.
#[derive(Clone, Copy)]
struct End {
    is_listed: bool,
    seen: u64,
    rest: Span,
}

impl EventScan {
    /// Of a range of ids, whatever times the filter has, oldest first. Its parts tell how many events they went through.
    pub fn oldest_first(account: AccountId, filter: EventFilter, ids: Range<EventId>) -> Self {
        Self { tells_seen: true, ..Self::of(account, filter, Span::oldest_first(ids)) }
    }

    /// From a cursor on: older events newest first, or newer ones oldest first.
    pub fn at(account: AccountId, filter: &EventFilter, cursor: Cursor) -> Self {
        Self::of(account, filter.clone(), Span::at(filter, cursor))
    }

    /// What is unseen at a position and shown by a snapshot.
    pub(crate) fn of_arrivals(
        account: AccountId,
        filter: &EventFilter,
        (from, until): (&Position, &Snapshot),
        newest_first: bool,
    ) -> Self {
        let mut span = Span::at(filter, Cursor::Newest);
        span = Span { from: span.from.max(arrivals::oldest_unseen(from)), newest_first, ..span };
        Self { arrived: Some((from.clone(), until.clone())), ..Self::of(account, filter.clone(), span) }
    }

    fn of(account: AccountId, filter: EventFilter, left: Span) -> Self {
        let prefilter = filter.query.as_ref().map(Prefilter::of).unwrap_or_default();
        let indexes = Indexes::new(&prefilter);
        let search = filter.query.as_ref().cloned().map(Arc::new);
        let (arrived, listed) = (None, None);
        Self { account, filter, search, prefilter, indexes, arrived, tells_seen: false, left, is_rare: false, listed }
    }

    /// What has not been looked at.
    pub(crate) fn left(&self) -> Span {
        self.left
    }

    /// Goes on from there.
    pub(super) fn go_to(&mut self, span: Span) {
        (self.left, self.listed) = (span, None);
    }

    /// The keys of the next part; `None` where no events are left. A connection that this was given has to be kept until it answers.
    pub(crate) async fn next(
        &mut self,
        conn: &mut Connection,
        budget: &Budget<'_>,
    ) -> Result<Option<Part<Key>>, StoreError> {
        if self.listed.is_none() && !self.left.is_empty() && !self.filter.needs_scan() {
            self.listed = Some(self.list_all(conn, budget.rows).await?);
        }
        let Some(step) = self.step(conn, budget).await? else { return Ok(None) };
        let Some(search) = self.search.clone() else {
            let keys = match step.keys {
                Some(keys) => keys,
                None => step.query.select(Key::as_select()).load(conn).await?,
            };
            return Ok(Some(self.part(keys, step.end)));
        };
        let read = candidates::load(conn, step.query, &search).await?;
        let count = read.len();
        let judged = judge(self.account, &search, read, budget.cost).await?;
        let part = self.judged_part(judged, count, step.end);
        Ok(Some(Part {
            events: part.events.into_iter().map(|candidate| candidate.key).collect(),
            seen: part.seen,
            rest: part.rest,
        }))
    }

    /// The same with all that the events bear.
    pub async fn next_whole(
        &mut self,
        conn: &mut Connection,
        budget: &Budget<'_>,
    ) -> Result<Option<Part<WholeEvent>>, StoreError> {
        let Some(step) = self.step(conn, budget).await? else { return Ok(None) };
        let Some(search) = self.search.clone() else {
            let read = whole_rows::load(conn, step.query).await?.collect();
            return Ok(Some(self.part(read, step.end)));
        };
        let read = candidates::load_whole(conn, step.query, &search).await?;
        let count = read.len();
        let judged = judge(self.account, &search, read, budget.cost).await?;
        let part = self.judged_part(judged, count, step.end);
        let events = part.events.into_iter().map(|candidate| candidate.event).collect();
        Ok(Some(Part { events, seen: part.seen, rest: part.rest }))
    }

    /// A part of which so many events were read. Where it cost too much, it ends with the last that the search was asked about.
    fn judged_part<T>(&mut self, judged: Judged<T>, read: usize, end: End) -> Part<T> {
        let Some((last, asked)) = judged.cut else { return self.part(judged.passing, end) };
        // What was listed behind it is listed anew.
        self.listed = None;
        let seen = end.seen * asked as u64 / read.max(1) as u64;
        self.part(judged.passing, End { seen: seen.max(asked as u64), rest: self.left.after(last), ..end })
    }

    fn part<T>(&mut self, events: Vec<T>, End { is_listed, seen, rest }: End) -> Part<T> {
        if !is_listed {
            self.is_rare = (events.len() as u64) * RARE < seen;
        }
        self.left = rest;
        Part { events, seen, rest }
    }

    async fn step(&mut self, conn: &mut Connection, budget: &Budget<'_>) -> Result<Option<Step>, StoreError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        if self.listed.is_none() {
            self.listed = match self.arrived {
                Some(_) => Some(self.list_all(conn, budget.rows).await?),
                None if self.filter.ids.is_some() => Some(self.list_all(conn, budget.rows).await?),
                None if self.is_rare => self.list_indexed(conn, budget).await?,
                None => None,
            };
        }
        if let Some(listed) = self.listed.take() {
            return Ok(Some(self.listed_step(listed, budget)));
        }
        let Some((last, seen)) = keys::measure(conn, self.account, &self.left, budget).await? else {
            return Ok(None);
        };
        let query = self.passing(&self.left.up_to(last));
        let end = End { is_listed: false, seen, rest: self.left.after(last) };
        Ok(Some(Step { query, keys: None, end }))
    }

    /// Those of a span that the database lets pass, in their order.
    fn passing(&self, span: &Span) -> Events {
        span.ordered(passing(self.account, &self.filter, &self.prefilter, span, By::Key))
    }

    /// The first of the keys that were listed, and with the last of them all that lies behind.
    fn listed_step(&mut self, mut listed: Listed, budget: &Budget<'_>) -> Step {
        let fitting = keys::fitting(&listed.keys, budget);
        let part: Vec<Key> = listed.keys.drain(..fitting).collect();
        let ids: Vec<_> = part.iter().map(|key| key.id.0).collect();
        let asked = part.len() as u64;
        let span = part.last().map_or(self.left.end(), |last| self.left.up_to(last.id));
        let query = self.passing(&span).filter(events::id.eq_any(ids));
        let (seen, rest) = match part.last().filter(|_| !listed.keys.is_empty()) {
            Some(last) => (asked, self.left.after(last.id)),
            None => (listed.seen.max(asked), listed.rest),
        };
        listed.seen = listed.seen.saturating_sub(asked);
        self.listed = Some(listed).filter(|listed| !listed.keys.is_empty());
        Step { query, keys: Some(part), end: End { is_listed: true, seen, rest } }
    }

    /// Lists the next events without asking the search about them.
    async fn list_all(&self, conn: &mut Connection, most: u64) -> Result<Listed, StoreError> {
        let query = passing(self.account, &self.filter, &Prefilter::default(), &self.left, By::Key);
        let query = match &self.arrived {
            Some((from, until)) => arrivals::unseen(query, from, until),
            None => query,
        };
        let keys = keys::list(conn, query, &self.left, most).await?;
        Ok(Listed { rest: self.behind(&keys, most, self.left.end()), seen: keys.len() as u64, keys: keys.into() })
    }

    /// Asks the index of the week that comes next, where it has one.
    async fn list_indexed(&mut self, conn: &mut Connection, budget: &Budget<'_>) -> Result<Option<Listed>, StoreError> {
        let Some(week) = self.indexes.week_ahead(conn, &self.left).await? else { return Ok(None) };
        let query = passing(self.account, &self.filter, &self.prefilter, &week, By::Text);
        let most = (budget.rows * LISTED_PARTS).min(MAX_LISTED);
        let Some(keys) = indexed_weeks::list(conn, query, &week, most, budget.time).await? else {
            self.indexes.give_up();
            return Ok(None);
        };
        let rest = self.behind(&keys, most, self.left.beyond(&week));
        let seen = if self.tells_seen {
            let (since, until) = (self.left.from.received_at(), rest.from.received_at());
            stored_between(conn, self.account, since, Some(until)).await?.events
        } else {
            0
        };
        Ok(Some(Listed { keys: keys.into(), rest, seen }))
    }

    /// What is left behind keys that were listed: where there may be more of them, all that follows the last.
    fn behind(&self, keys: &[Key], most: u64, beyond: Span) -> Span {
        keys.last().filter(|_| keys.len() as u64 == most).map_or(beyond, |last| self.left.after(last.id))
    }
}
