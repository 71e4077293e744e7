//! Searches wait for their turn, and end when they are abandoned.
//!
//! Connections for searches: a few at a time, one for an account, so that searches leave the others to everybody else. One that is let
//! go before its search has ended, because the reader left, ends the search in the database as well.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use tokio::time::timeout;

use crate::domain::ids::AccountId;
use crate::fair_queue::Permit;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Pooled, Searcher, Store};

/// How long a search waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// How long the database may take to hear that a search is over.
const MAX_CANCEL: Duration = Duration::from_secs(2);

/// Runs a search on a connection of the pool, when it is its turn. Whoever stops waiting for the answer stops the search.
pub async fn search<T>(
    store: &Store,
    account: AccountId,
    act: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    search_as(store, Searcher { account, is_live: false }, act).await
}

/// The same for what pages show live.
pub(crate) async fn search_live<T>(
    store: &Store,
    account: AccountId,
    act: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    search_as(store, Searcher { account, is_live: true }, act).await
}

async fn search_as<T>(
    store: &Store,
    searcher: Searcher,
    act: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let turn = store.searches().acquire_within(searcher, MAX_WAIT).await;
    let permit = turn.map_err(|error| StoreError::Unavailable(format!("too many searches at once: {error}")))?;
    let mut running = Running { store, held: Some((store.connection().await?, permit)) };
    let answer = match &mut running.held {
        Some((conn, _)) => act(conn).await,
        None => Err(StoreError::Unavailable("no connection".to_owned())),
    };
    // Back to the pool as it is: nothing runs on it.
    running.held = None;
    answer
}

/// A search under way. Dropped with its connection, it was given up.
struct Running<'a> {
    store: &'a Store,
    held: Option<(Pooled, Permit<Searcher>)>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some((mut conn, permit)) = self.held.take() else { return };
        let (token, store) = (conn.cancel_token(), self.store.clone());
        // The connection goes back to the pool only after the statement has ended, or the next one on it would be cancelled.
        self.store.runtime().spawn(async move {
            let ending = async {
                store.cancel(token).await;
                // Within a transaction, the pool does not take the connection back all the same.
                let _ = conn.batch_execute("rollback").await;
            };
            if timeout(MAX_CANCEL, ending).await.is_err() {
                Store::give_up(&mut conn);
            }
            drop((conn, permit));
        });
    }
}
