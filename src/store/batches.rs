//! The frame of a batch: its begin, check, commit and rollback, on the writer's own connection. Statements that do not need
//! each other's answers are sent together.

use std::collections::HashMap;

use diesel_async::SimpleAsyncConnection;
use uuid::Uuid;

use crate::domain::ids::SecretId;
use crate::store::credential_secrets::{Lock, find_locks};
use crate::store::error::StoreError;
use crate::store::pool::Connection;

/// Begins a transaction and reads the passwords that its events came with.
pub async fn begin_and_find_locks(conn: &Connection, secrets: &[Uuid]) -> Result<HashMap<SecretId, Lock>, StoreError> {
    let mut pipeline = conn;
    let (begun, locks) = tokio::join!(biased; pipeline.batch_execute("begin"), find_locks(conn, secrets));
    begun?;
    locks
}

/// Commits. An error means that nobody knows whether the batch is on disk.
pub async fn commit(mut conn: &Connection) -> Result<(), StoreError> {
    Ok(conn.batch_execute("commit").await?)
}

/// Takes back what was not committed.
pub async fn rollback(mut conn: &Connection) -> Result<(), StoreError> {
    Ok(conn.batch_execute("rollback").await?)
}
