//! What part of the events a reader asks for, and how pages of them follow one another: by key, never by offset.

use jiff::Timestamp;

use crate::domain::event::EventId;
use crate::domain::ids::CredentialId;

/// Which events. Empty: all.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// A text that the body contains, in any case.
    pub text: Option<String>,
    pub credential: Option<CredentialId>,
    /// Received at this moment or later.
    pub since: Option<Timestamp>,
    /// Received before this moment.
    pub until: Option<Timestamp>,
}

impl EventFilter {
    /// Whether every event passes.
    pub fn is_empty(&self) -> bool {
        self.text.is_none() && self.credential.is_none() && self.since.is_none() && self.until.is_none()
    }
}

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    Newest,
    /// Older than this one.
    Before(EventId),
    /// Newer than this one; the page is still listed newest first.
    After(EventId),
}

/// Rows of one page and whether there are more beyond it.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub has_newer: bool,
    pub has_older: bool,
}

/// How many events a page of the dashboard lists.
pub const EVENTS_PER_PAGE: usize = 50;
/// How many rejections a page lists.
pub const REJECTIONS_PER_PAGE: usize = 50;
