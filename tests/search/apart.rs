//! Searches beside everything else: few at a time, and over when nobody waits for them.

use diesel_async::SimpleAsyncConnection;
use reasoner_webhooks::store::error::StoreError;
use reasoner_webhooks::store::searching::search;

use crate::filled::Filled;
use crate::support::postgres::query;

const RUNNING: &str = "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and state = 'active' \
     and datname = current_database()";

async fn eventually(filled: &Filled, expected: &str) {
    let mut last = None;
    for _ in 0..250 {
        last = query(&filled.address, RUNNING).await[0][0].clone();
        if last.as_deref() == Some(expected) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{last:?} searches run, not {expected}");
}

async fn sleep(filled: &Filled) -> Result<(), StoreError> {
    search(&filled.store, async |conn| {
        // So that nothing but giving up ends it.
        conn.batch_execute("set statement_timeout = 0").await?;
        Ok(conn.batch_execute("select pg_sleep(600)").await?)
    })
    .await
}

// holds D7
#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_nobody_waits_for_ends_in_the_database_too() {
    let filled = std::sync::Arc::new(Filled::new().await);
    let searches: Vec<_> = (0..6)
        .map(|_| {
            let filled = filled.clone();
            tokio::spawn(async move { sleep(&filled).await })
        })
        .collect();
    eventually(&filled, "4").await;
    // The others wait for their turn, and not with a connection.
    assert!(filled.store.connection().await.is_ok(), "pages have connections of their own");
    for running in &searches {
        running.abort();
    }
    eventually(&filled, "0").await;
    let again = search(&filled.store, async |conn| Ok(conn.batch_execute("select 1").await?)).await;
    assert!(again.is_ok(), "{again:?}");
}
