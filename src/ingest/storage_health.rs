//! The health check of the path that stores.
//!
//! Whether events can be stored now: the outcome of the path that stores, and of nothing else. The last batch tells; where it did not
//! go well, or nothing is sent, an attempt on a connection of its own does. Readiness, metrics and `doctor` ask here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::store::connection::error::StoreError;
use crate::store::connection::migrate;
use crate::store::connection::pool::Store;
use crate::store::connection::storage_attempt::{MAX_ATTEMPT, Problem, attempt_to_store, no_answer};
use crate::store::tables::batches::BatchConnection;
use crate::store::tables::partitions;

/// What an attempt showed holds for so long, however many ask.
const REUSED_FOR: Duration = Duration::from_millis(250);
/// A batch that failed counts for so long, unless one succeeds: balancers that are told stop sending, and then an attempt decides.
const FAILURE_COUNTS_FOR: Duration = Duration::from_secs(1);

/// The health of the path that stores. Copies share it.
#[derive(Clone, Debug)]
pub(crate) struct StorageHealth(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    /// How the last batch that said something of the database ended, and when.
    last_batch: Mutex<Option<(Instant, Result<(), Problem>)>>,
    /// One attempt at a time; who comes meanwhile gets its outcome.
    last_attempt: tokio::sync::Mutex<LastAttempt>,
}

#[derive(Default)]
struct LastAttempt {
    connection: Option<BatchConnection>,
    connected_at: Option<Instant>,
    outcome: Option<(Instant, Result<(), Problem>)>,
}

impl std::fmt::Debug for LastAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LastAttempt").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

impl StorageHealth {
    pub(crate) fn new(store: Store) -> Self {
        Self(Arc::new(Shared { store, last_batch: Mutex::default(), last_attempt: tokio::sync::Mutex::default() }))
    }

    /// Notes how a batch ended. What its values are to blame for says nothing of the database.
    pub(crate) fn note_batch(&self, outcome: Result<(), &StoreError>) {
        let outcome = match outcome {
            Ok(()) => Ok(()),
            Err(error) if error.is_about_values() => return,
            Err(error) => Err(error.into()),
        };
        *self.0.last_batch.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), outcome));
    }

    /// Whether an event would be stored now; answers within two seconds.
    pub(crate) async fn check(&self, now: Timestamp) -> Result<(), Problem> {
        let failed_at = match &*self.0.last_batch.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((at, Err(problem))) if at.elapsed() < FAILURE_COUNTS_FOR => return Err(problem.clone()),
            Some((at, Err(_))) => Some(*at),
            _ => None,
        };
        let mut last = self.0.last_attempt.lock().await;
        if let Some((at, outcome)) = &last.outcome
            && at.elapsed() < REUSED_FOR
        {
            return outcome.clone();
        }
        // A connection from before a batch failed may be well where new ones are not.
        if last.connected_at < failed_at {
            last.connection = None;
        }
        let mut outcome = self.attempt(&mut last, now).await;
        if matches!(&outcome, Err(problem) if problem.is_missing_partition)
            && partitions::make_ahead(&self.0.store, now, now).await.is_ok()
        {
            outcome = self.attempt(&mut last, now).await;
        }
        match (&last.outcome, &outcome) {
            (None | Some((_, Ok(()))), Err(problem)) => tracing::warn!(%problem, "events cannot be stored"),
            (Some((_, Err(_))), Ok(())) => tracing::info!("events can be stored again"),
            _ => {}
        }
        last.outcome = Some((Instant::now(), outcome.clone()));
        outcome
    }

    async fn attempt(&self, last: &mut LastAttempt, now: Timestamp) -> Result<(), Problem> {
        let deadline = Instant::now() + MAX_ATTEMPT;
        let mut connection = match last.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => {
                last.connected_at = Some(Instant::now());
                let opening = timeout_at(deadline, BatchConnection::open(&self.0.store, Uuid::new_v4())).await;
                opening.map_err(|_| no_answer())?.map_err(|error| Problem::from(&error))?
            }
        };
        let newest_migration = attempt_to_store(&self.0.store, &mut connection, now, deadline).await?;
        last.connection = Some(connection);
        if migrate::is_current_version(newest_migration.as_deref()) {
            return Ok(());
        }
        Err(Problem::new("the database schema is not current", String::new()))
    }
}
