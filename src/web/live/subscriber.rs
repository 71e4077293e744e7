//! A subscriber of a feed.
//!
//! One reader's place at a feed. It ends with the session that took it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::domain::ids::SessionId;

/// One subscription, which ends with the session that began it.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) session: SessionId,
    has_ended: AtomicBool,
    ended: Notify,
}

impl Subscriber {
    pub(crate) fn new(session: SessionId) -> Self {
        Self { session, has_ended: AtomicBool::new(false), ended: Notify::new() }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
        self.ended.notify_one();
    }

    pub(crate) async fn ended(&self) {
        self.ended.notified().await;
    }
}
