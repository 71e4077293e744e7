//! One reader's place at a feed. It ends with the session that took it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::domain::ids::SessionId;

/// A seat.
#[derive(Debug)]
pub struct Seat {
    pub session: SessionId,
    is_over: AtomicBool,
    ended: Notify,
}

impl Seat {
    pub fn new(session: SessionId) -> Self {
        Self { session, is_over: AtomicBool::new(false), ended: Notify::new() }
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.ended.notify_one();
    }

    pub async fn ended(&self) {
        self.ended.notified().await;
    }
}
