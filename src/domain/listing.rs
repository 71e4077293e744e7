//! Filters and keyset pagination of events.
//!
//! What part of the events a reader asks for, and how pages of them follow one another: by key, never by offset.

use jiff::Timestamp;

use crate::domain::event::EventId;
use crate::domain::ids::CredentialId;
use crate::domain::query::ast::Query;

/// Which events. Empty: all.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct EventFilter {
    /// What is asked of the body.
    pub query: Option<Query>,
    pub credential: Option<CredentialId>,
    /// Of these credentials alone; none: of all.
    pub within: Vec<CredentialId>,
    /// Received at this moment or later.
    pub since: Option<Timestamp>,
    /// Received before this moment.
    pub until: Option<Timestamp>,
    /// These and no others.
    pub ids: Option<Vec<EventId>>,
}

impl EventFilter {
    /// Whether every event passes.
    pub(crate) fn is_empty(&self) -> bool {
        !self.needs_scan() && self.since.is_none() && self.until.is_none() && self.ids.is_none()
    }

    /// Whether events have to be looked at to know whether they pass: it asks for more than a range of the key.
    pub(crate) fn needs_scan(&self) -> bool {
        self.query.is_some() || self.credential.is_some() || !self.within.is_empty()
    }
}

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Cursor {
    Newest,
    /// Older than this one.
    Before(EventId),
    /// Newer than this one; the page is still listed newest first.
    After(EventId),
}

/// Rows of one page and whether there are more beyond it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub has_newer: bool,
    pub has_older: bool,
    /// Where a look goes on that ended before the page was full, because it was enough work for once. What lies beyond has not
    /// been looked at.
    pub stopped_at: Option<Cursor>,
}

/// How many events a page of the dashboard lists.
pub(crate) const EVENTS_PER_PAGE: usize = 50;
/// How many rejections a page lists.
pub(crate) const REJECTIONS_PER_PAGE: usize = 50;
