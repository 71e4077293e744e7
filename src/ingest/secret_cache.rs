//! Cache of what the database says of secrets, read again while in use.
//!
//! What a credential accepts is in these rows, so a change that another instance made is known here after a few seconds. What ends a
//! password or narrows its addresses does not wait for that: the transaction that stores asks the database.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use quick_cache::sync::Cache;

use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::credential_secrets::{self, SecretRow};

/// A row is read again after this time, in milliseconds.
const READ_AGAIN_MS: i64 = 5_000;
/// How long the database may take to answer one question.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// A sender whose password was right and, as far as we knew, usable.
pub(crate) type Verified = Arc<SecretRow>;

/// Rows by what picks them.
#[derive(Debug)]
pub(super) struct SecretCache<K> {
    store: Store,
    rows: Arc<Cache<K, Arc<Cached>>>,
}

#[derive(Debug)]
struct Cached {
    row: Verified,
    /// When it was read, or somebody last set out to read it again; in milliseconds since 1970.
    read_at: AtomicI64,
}

impl Cached {
    fn new(row: Verified, now: Timestamp) -> Arc<Self> {
        Arc::new(Self { row, read_at: AtomicI64::new(now.as_millisecond()) })
    }

    /// Whether it is time to read it again, and the caller is the one who does.
    fn is_due(&self, now: Timestamp) -> bool {
        let (read_at, now) = (self.read_at.load(Ordering::Relaxed), now.as_millisecond());
        let is_old = now - read_at >= READ_AGAIN_MS;
        is_old && self.read_at.compare_exchange(read_at, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> SecretCache<K> {
    pub(super) fn new(store: Store, entries: usize) -> Self {
        Self { store, rows: Arc::new(Cache::new(entries)) }
    }

    /// The row as it was read last. One that is old is read again, beside the request, which does not wait.
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<Verified> {
        let cached = self.rows.get(key)?;
        if cached.is_due(now) {
            self.read_again(key.clone(), &cached.row, now);
        }
        Some(cached.row.clone())
    }

    pub(super) fn insert(&self, key: K, row: Verified, now: Timestamp) {
        self.rows.insert(key, Cached::new(row, now));
    }

    pub(super) fn retain(&self, is_kept: impl Fn(&SecretRow) -> bool) {
        self.rows.retain(|_, cached| is_kept(&cached.row));
    }

    fn read_again(&self, key: K, row: &SecretRow, now: Timestamp) {
        let (store, rows, secret) = (self.store.clone(), self.rows.clone(), row.secret_id);
        tokio::spawn(async move {
            let reading = async { credential_secrets::find_row(&mut *store.connection().await?, secret).await };
            match in_time(reading).await {
                // Unless it was forgotten meanwhile.
                Ok(Some(row)) => drop(rows.replace(key, Cached::new(Arc::new(row), now), false)),
                Ok(None) => drop(rows.remove(&key)),
                // The row of before is as good as none.
                Err(error) => tracing::debug!(%error, "a credential could not be read again"),
            }
        });
    }
}

/// A database that hangs is as good as none: its sender is told to come back.
pub(super) async fn in_time<T>(question: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = || StoreError::Unavailable(format!("no answer within {} s", MAX_WAIT.as_secs()));
    tokio::time::timeout(MAX_WAIT, question).await.unwrap_or_else(|_| Err(late()))
}
