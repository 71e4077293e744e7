//! Schema migrations.
//!
//! Brings the schema up to date: the migrations are part of the program and run under an advisory lock, so that programs
//! that start together do not run them twice. What they made is then opened to the program's role.

use diesel::migration::MigrationSource;
use diesel::sql_query;
use diesel_async::{AsyncMigrationHarness, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::connection::privileges;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();
/// Any number will do, as long as every release uses the same.
const LOCK: i64 = 0x7265_6173_6f6e;

/// What a migration run came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The versions that were applied now, oldest first.
    pub applied: Vec<String>,
}

/// Applies what is pending.
pub async fn run(store: &Store) -> Result<Migrated, StoreError> {
    let migrated = on_locked_connection(store, |harness| {
        let pending = harness.pending_migrations(MIGRATIONS)?.len();
        if pending > 0 {
            tracing::info!(target: "progress", "Preparing its tables ({pending} migrations)");
        }
        let versions = harness.run_pending_migrations(MIGRATIONS)?;
        Ok(Migrated { applied: versions.iter().map(ToString::to_string).collect() })
    })
    .await?;
    privileges::grant(store).await?;
    Ok(migrated)
}

/// The versions that are not applied yet.
pub async fn pending(store: &Store) -> Result<Vec<String>, StoreError> {
    on_locked_connection(store, |harness| {
        let pending = harness.pending_migrations(MIGRATIONS)?;
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    })
    .await
}

/// Whether a database whose newest migration this is has the schema that this program was built with. A newer release may have
/// migrated already: two releases can run side by side.
pub(crate) fn is_current_version(newest: Option<&str>) -> bool {
    let known = MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS).unwrap_or_default();
    let last = known.iter().map(|migration| migration.name().version().to_string()).max();
    newest >= last.as_deref()
}

/// Takes every migration back, newest first. For the test that runs them up, down and up again.
pub async fn revert_all(store: &Store) -> Result<(), StoreError> {
    on_locked_connection(store, |harness| harness.revert_all_migrations(MIGRATIONS).map(|_| ())).await
}

type HarnessResult<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The harness blocks its thread, so it gets one of its own. The lock belongs to the session and goes with it, also when
/// the program is killed.
async fn on_locked_connection<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut AsyncMigrationHarness<Connection>) -> HarnessResult<T> + Send + 'static,
) -> Result<T, StoreError> {
    let mut connection = store.owner_connection().await?;
    connection.batch_execute("set statement_timeout = 0; set lock_timeout = '60s'").await?;
    sql_query("select pg_advisory_lock($1)")
        .bind::<diesel::sql_types::BigInt, _>(LOCK)
        .execute(&mut connection)
        .await?;
    let runtime = tokio::runtime::Handle::current();
    let finished = tokio::task::spawn_blocking(move || {
        let _context = runtime.enter();
        let mut harness = AsyncMigrationHarness::new(connection);
        work(&mut harness).map_err(|e| e.to_string())
    })
    .await;
    match finished {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(problem)) if problem.contains("permission denied") => Err(StoreError::Migration(format!(
            "{problem}. The role has to own the database, or be allowed to create tables in its schema: \
             alter database NAME owner to ROLE"
        ))),
        Ok(Err(problem)) => Err(StoreError::Migration(problem)),
        Err(_) => Err(StoreError::Migration("it panicked".to_owned())),
    }
}
