//! Idempotency keys.
//!
//! Idempotency keys: the first request with a key claims it in the transaction that stores its event; the next ones find
//! what it became. Kept for seven days.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::event::IdempotencyKey;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::events::Row;
use crate::store::tables::old_rows;

/// How long a key is remembered.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A key that is older than this counts as forgotten, even before it has been pruned.
pub(crate) fn kept_since(now: Timestamp) -> Timestamp {
    now.saturating_sub(KEPT).unwrap_or(now)
}

/// The keys of a batch, in an order that is the same for every program, so that two of them never wait for each other in a circle.
#[derive(Debug, Default)]
pub(crate) struct Claims<'a> {
    rows: Vec<(&'a Row<'a>, &'a IdempotencyKey)>,
}

impl<'a> Claims<'a> {
    /// Those of the rows that have a key. Rows with one key stay in their order.
    pub(crate) fn of(rows: &'a [Row<'a>]) -> Self {
        let mut keyed: Vec<_> =
            rows.iter().filter_map(|row| row.event.idempotency.as_ref().map(|key| (row, key))).collect();
        keyed.sort_by_key(|(row, key)| (row.credential_id, &key.key));
        Self { rows: keyed }
    }

    pub(crate) fn account_ids(&self) -> Vec<Uuid> {
        self.rows.iter().map(|(row, _)| row.account_id.0).collect()
    }

    pub(crate) fn credential_ids(&self) -> Vec<Uuid> {
        self.rows.iter().map(|(row, _)| row.credential_id.0).collect()
    }

    pub(crate) fn keys(&self) -> Vec<&'a [u8]> {
        self.rows.iter().map(|(_, key)| key.key.as_slice()).collect()
    }

    pub(crate) fn event_ids(&self) -> Vec<Uuid> {
        self.rows.iter().map(|(row, _)| row.event.id.0).collect()
    }

    pub(crate) fn digests(&self) -> Vec<&'a [u8]> {
        self.rows.iter().map(|(_, key)| key.body_sha256.as_slice()).collect()
    }
}

/// Forgets the keys that are older than they are kept.
pub(crate) async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    old_rows::delete(conn, "idempotency_keys", "created_at <= $1", kept_since(now), old_rows::STEP).await
}
