//! An attempt to store an event, as readiness and `doctor` make it, and what the matter is where it fails.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};

use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::connection::settings;
use crate::store::tables::batches::BatchConnection;

/// An attempt that has not committed by then has failed.
pub(crate) const MAX_ATTEMPT: Duration = Duration::from_millis(1_500);
/// How long the database may take to say what a commit waits for.
const MAX_DIAGNOSIS: Duration = Duration::from_millis(300);

/// Why nothing can be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{summary}{}{detail}", if detail.is_empty() { "" } else { ": " })]
pub(crate) struct Problem {
    /// What anybody may read.
    pub(crate) summary: &'static str,
    /// The server's words, for operators.
    pub(crate) detail: String,
    /// There is no partition for events that arrive now. Whoever stores one makes it first.
    pub(crate) is_missing_partition: bool,
}

impl Problem {
    /// With words that anybody may read, and those for operators.
    pub(crate) fn new(summary: &'static str, detail: String) -> Self {
        Self { summary, detail, is_missing_partition: false }
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        let is_missing_partition = error.is_missing_partition();
        Self { summary: error.summary(), detail: error.to_string(), is_missing_partition }
    }
}

/// Attempts to store an event of nobody, and says what the matter is where that fails or takes too long. Gives back the newest
/// migration.
pub(crate) async fn attempt_to_store(
    store: &Store,
    connection: &mut BatchConnection,
    now: Timestamp,
    deadline: Instant,
) -> Result<Option<String>, Problem> {
    let backend = timeout_at(deadline, connection.backend()).await;
    let backend = backend.map_err(|_| no_answer())?.map_err(|error| Problem::from(&error))?;
    match timeout_at(deadline, connection.attempt(now)).await {
        Ok(Ok(newest_migration)) => Ok(newest_migration),
        Ok(Err(error)) => Err((&error).into()),
        Err(_) => {
            let diagnosis = timeout(MAX_DIAGNOSIS, what_it_waits_for(store, backend)).await;
            Err(diagnosis.ok().flatten().unwrap_or_else(no_answer))
        }
    }
}

/// The problem of a database that says nothing.
pub(crate) fn no_answer() -> Problem {
    Problem::new("the database is out of reach", format!("no answer within {} ms", MAX_ATTEMPT.as_millis()))
}

async fn what_it_waits_for(store: &Store, backend: i32) -> Option<Problem> {
    let mut conn = store.connection().await.ok()?;
    let event = settings::wait_event(&mut conn, backend).await.ok()??;
    Some(match event.as_str() {
        "SyncRep" => Problem::new(
            "commits wait for a synchronous standby",
            "it does not confirm them, or is not there: see synchronous_standby_names and pg_stat_replication"
                .to_owned(),
        ),
        _ => Problem::new("the database takes too long to store events", format!("it waits for {event}")),
    })
}
