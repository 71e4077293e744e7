//! The span of a scan: the part of the events' key that is still to be read, and in which direction.

use std::ops::Range;

use diesel::pg::Pg;
use diesel::sql_types::Bool;
use diesel::{BoxableExpression, ExpressionMethods, QueryDsl};
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::listing::{Cursor, EventFilter};
use crate::store::connection::schema::events;

/// A condition on events.
pub(crate) type OnEvents = Box<dyn BoxableExpression<events::table, Pg, SqlType = Bool>>;
/// A query of events.
pub(crate) type Events = events::BoxedQuery<'static, Pg>;

/// The ids that a scan goes through: from the first on, and before the second.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: EventId,
    pub(crate) before: EventId,
    pub(crate) newest_first: bool,
}

impl Span {
    /// The times of a filter, from a cursor on.
    pub(crate) fn at(filter: &EventFilter, cursor: Cursor) -> Self {
        let from = filter.since.map_or(EventId(Uuid::nil()), EventId::first_of);
        let before = filter.until.map_or(EventId(Uuid::max()), EventId::first_of);
        match cursor {
            Cursor::Newest => Self { from, before, newest_first: true },
            Cursor::Before(id) => Self { from, before: before.min(id), newest_first: true },
            Cursor::After(id) => Self { from: from.max(id.next()), before, newest_first: false },
        }
    }

    /// A range of ids, oldest first.
    pub(crate) fn oldest_first(ids: Range<EventId>) -> Self {
        Self { from: ids.start, before: ids.end, newest_first: false }
    }

    /// The events of an account in it.
    pub(crate) fn events(&self, account: AccountId) -> Events {
        events::table
            .filter(events::account_id.eq(account.0))
            .filter(events::id.ge(self.from.0))
            .filter(events::id.lt(self.before.0))
            .into_boxed()
    }

    /// A query in its direction.
    pub(crate) fn ordered(&self, query: Events) -> Events {
        if self.newest_first { query.order(events::id.desc()) } else { query.order(events::id.asc()) }
    }

    /// Nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.from >= self.before
    }

    /// What follows its end, which is nothing.
    pub(crate) fn end(self) -> Self {
        self.beyond(&self)
    }

    /// As far as an id, with it.
    pub(crate) fn up_to(self, last: EventId) -> Self {
        if self.newest_first { Self { from: last, ..self } } else { Self { before: last.next(), ..self } }
    }

    /// What follows an id.
    pub(crate) fn after(self, last: EventId) -> Self {
        if self.newest_first { Self { before: last, ..self } } else { Self { from: last.next(), ..self } }
    }

    /// The cursor of whoever begins here.
    pub(crate) fn cursor(self) -> Cursor {
        if self.newest_first { Cursor::Before(self.before) } else { Cursor::After(self.from.previous()) }
    }

    /// The part of a week that lies ahead, from where this begins.
    pub(crate) fn within(self, from: Timestamp, before: Timestamp) -> Self {
        let (from, before) = (EventId::first_of(from), EventId::first_of(before));
        Self { from: self.from.max(from), before: self.before.min(before), ..self }
    }

    /// What is left when a part at the beginning has been read.
    pub(crate) fn beyond(self, part: &Self) -> Self {
        if self.newest_first { Self { before: part.from, ..self } } else { Self { from: part.before, ..self } }
    }

    /// When the next event is to be expected.
    pub(crate) fn place(self) -> Timestamp {
        let next = if self.newest_first { self.before.previous() } else { self.from };
        next.received_at()
    }
}
