//! The budget of a scan: how much is read at once, and when whoever asked would rather go on later. Everybody who scans has one.

use std::time::Duration;

use crate::store::connection::pacing::Pacing;

/// Windows that take less become larger, and those that take four times as long smaller.
const WINDOW_TIME: Duration = Duration::from_millis(25);
/// The same while somebody sends: longer ones read more at once, and keep a core from those who send.
const WINDOW_TIME_BESIDE: Duration = Duration::from_millis(3);
/// Events in a window at first, and at most.
const FIRST_WINDOW: u64 = 256;
const LAST_WINDOW: u64 = 50_000;
/// What asking a search about one part may cost: bytes, times what is asked about each.
const MAX_COST: u64 = 16 << 20;
/// How long an index may take to list what a part needs. A search that takes longer is not rare.
const MAX_LISTING: Duration = Duration::from_secs(2);

/// How much work one part of a scan may be, or one look, which is as many parts as it needs.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// Events that are looked at, whether they pass or not.
    pub rows: u64,
    /// Of bodies that are in memory at once, and of headers as many again. One event that is larger is a part by itself.
    pub bytes: u64,
    /// What asking the search about one part may cost: bytes, times what is asked about each. One event may cost more.
    pub cost: u64,
    /// A look ends soon after it; an index that does not list a part within it is not asked again.
    pub time: Duration,
    /// Whom a look makes room for while they send, if for anybody.
    pub senders: Option<&'a Pacing>,
}

impl<'a> Budget<'a> {
    /// For somebody who waits for a page.
    pub const PAGE: Self =
        Self { rows: 1_000_000, bytes: 8 << 20, cost: MAX_COST, time: Duration::from_millis(250), senders: None };
    /// For those who look at a live page: what they were not told by then, they are told to load.
    pub(crate) const LIVE: Self = Self { rows: 4_000, ..Self::PAGE };
    /// For a program that reads all of it, so that no connection is kept for long.
    pub const BATCH: Self = Self { rows: 10_000_000, time: MAX_LISTING, ..Self::PAGE };

    /// For one part.
    pub const fn part(rows: u64, bytes: u64) -> Self {
        Self { rows, bytes, cost: MAX_COST, time: MAX_LISTING, senders: None }
    }

    /// The same at a fifth of the speed while somebody sends.
    pub(crate) fn beside(self, senders: &'a Pacing) -> Self {
        Self { senders: Some(senders), ..self }
    }

    /// The first part of a look that wants so many. Where all pass, no more are read.
    pub(super) fn first_window(&self, want: usize, all_pass: bool) -> u64 {
        if all_pass { want as u64 } else { FIRST_WINDOW }
    }

    /// How many events the next window has, after one that took so long.
    pub(super) fn next_window(&self, window: u64, took: Duration) -> u64 {
        let is_beside = self.senders.is_some_and(Pacing::senders_are_active);
        let aim = if is_beside { WINDOW_TIME_BESIDE } else { WINDOW_TIME };
        match took {
            _ if took < aim => (window * 2).min(LAST_WINDOW),
            _ if took > aim * 4 => (window / 2).max(FIRST_WINDOW),
            _ => window,
        }
    }

    pub(super) async fn rest_after(&self, step: Duration) {
        if let Some(senders) = self.senders {
            tokio::time::sleep(senders.rest_after(step)).await;
        }
    }
}
