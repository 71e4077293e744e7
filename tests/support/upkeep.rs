//! Upkeep when a test wants it: at a time of its choice, and as often as it takes until it is its turn.

use std::time::Duration;

use jiff::Timestamp;
use reasoner_webhooks::app::prune::{self, Unfinished};
use reasoner_webhooks::store::connection::pool::Store;

/// As if upkeep had run here every hour for days, so that the next round trusts the clock.
pub const STEADY: &str = "insert into upkeep (noted_at, steady_since) values (now(), now() - interval '3 days') \
     on conflict (id) do update set noted_at = now(), steady_since = now() - interval '3 days', doubt = null";

/// Removes what is too old at a moment. A program that has just started has its own round of upkeep first.
pub async fn prune(store: &Store, retention_days: u32, now: Timestamp) -> Result<(), Unfinished> {
    for _ in 0..1_500 {
        if prune::prune(store, retention_days, now).await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("somebody else's upkeep does not end");
}
