//! Searches beside everything else: few at a time, and over when nobody waits for them.

use diesel_async::SimpleAsyncConnection;
use jiff::SignedDuration;
use reasoner_webhooks::domain::ids::AccountId;
use reasoner_webhooks::store::connection::error::StoreError;
use reasoner_webhooks::store::connection::pool::{DEFAULT_CONNECTIONS, Store};
use reasoner_webhooks::store::scan::search_indexes;
use reasoner_webhooks::store::scan::searching::search;
use reasoner_webhooks::store::tables::partitions;
use uuid::Uuid;

use crate::filled::Filled;
use crate::support::chaos_proxy::Proxy;
use crate::support::event_rows::insert_many;
use crate::support::postgres::{new_database, query};
use crate::support::server::TestServer;
use crate::support::wire::Wire;

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

async fn sleep(filled: &Filled, account: u128) -> Result<(), StoreError> {
    search(&filled.store, AccountId(Uuid::from_u128(account)), async |conn| {
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
        .map(|account| {
            let filled = filled.clone();
            tokio::spawn(async move { sleep(&filled, account).await })
        })
        .collect();
    eventually(&filled, "4").await;
    // The others wait for their turn, and not with a connection.
    assert!(filled.store.connection().await.is_ok(), "pages have connections of their own");
    for running in &searches {
        running.abort();
    }
    eventually(&filled, "0").await;
    let again = search(&filled.store, filled.account, async |conn| Ok(conn.batch_execute("select 1").await?)).await;
    assert!(again.is_ok(), "{again:?}");
}

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn an_account_searches_once_at_a_time_and_keeps_nobody_else_waiting() {
    let filled = std::sync::Arc::new(Filled::new().await);
    let start = |account| {
        let filled = filled.clone();
        tokio::spawn(async move { sleep(&filled, account).await })
    };
    let searches: Vec<_> = (0..30).map(|_| start(1)).collect();
    eventually(&filled, "1").await;
    let of_another = start(2);
    eventually(&filled, "2").await;
    for running in searches.iter().chain([&of_another]) {
        running.abort();
    }
    eventually(&filled, "0").await;
}

/// Searches that wait for events which somebody keeps for himself.
const WAITING: &str = "select count(*) from pg_stat_activity where datname = current_database() \
     and wait_event_type = 'Lock' and query like '%sum(octet_length%'";
/// Connections whose last search was given up.
const GIVEN_UP: &str = "select count(*) from pg_stat_activity where datname = current_database() \
     and state = 'idle' and query = 'rollback'";

// holds D7
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_closes_the_connection_ends_the_search_in_the_database() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let id = server.sender(&alice).await.store(r#"{"n": 1}"#).await;
    let cookie = server.cookie("alice@example.com").await;
    let events = server.lock_events().await;
    let mut reader = Wire::connect(&server.url).await;
    let request = format!("GET /events?q=n%20%3D%201 HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    reader.send(request).await;
    server.eventually(WAITING, 1).await;
    assert_eq!(server.number(GIVEN_UP).await, 0);
    drop(reader);
    server.eventually(WAITING, 0).await;
    // It was not the time limit that ended it: what gives a search up rolls back, and nothing else does here.
    server.eventually(GIVEN_UP, 1).await;
    assert!(!events.is_closed(), "the events are still kept");
    drop(events);
    assert!(alice.page("/events?q=n%20%3D%201").await.contains(&id), "the next search finds a connection and a turn");
}

/// Connections on which somebody has begun something and not ended it.
const IN_TRANSACTION: &str = "select count(*) from pg_stat_activity where datname = current_database() \
     and state like 'idle in transaction%'";

// holds D4, D7
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_its_reader_left_within_a_transaction_leaves_none_behind() {
    let database_url = new_database().await;
    let (proxy, address) = Proxy::in_front_of(&database_url).await;
    let server = TestServer::start_over(address, |_| {}).await;
    let alice = server.pro("alice@example.com").await;
    let id = server.sender(&alice).await.store("1").await;
    let store = &server.application().state.store;
    let old = server.now() - SignedDuration::from_hours(15 * 24);
    partitions::make_ahead(store, old, old).await.unwrap();
    let owner = "(select account_id from users), (select id from credentials)";
    query(&database_url, &insert_many(owner, 5_000, 15, "'{\"n\": ' || n || '}'")).await;
    // As upkeep does, which may change the schema.
    let owner = Store::open(&database_url).await.unwrap();
    search_indexes::make(&mut owner.own_connection().await.unwrap(), server.now()).await.unwrap();
    query(&database_url, "create table written (n int)").await;
    let cookie = server.cookie("alice@example.com").await;

    let mut expected = 0;
    for path in [format!("/events/{id}?q=zebra"), "/events?q=zebra".to_owned()] {
        // What asks the index of a closed week does so in a transaction.
        proxy.withhold_answer_to("events.id::text");
        let mut reader = Wire::connect(&server.url).await;
        reader.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n")).await;
        proxy.withholds().await;
        drop(reader);
        // Whoever cleans up behind the reader waits for the database as well, and not for ever.
        while store.connections().0 > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        proxy.hand_on();
        let mut all = Vec::new();
        for _ in 0..DEFAULT_CONNECTIONS {
            all.push(store.connection().await.unwrap());
        }
        for conn in &mut all {
            conn.batch_execute("insert into written values (1)").await.unwrap();
        }
        drop(all);
        expected += i64::from(DEFAULT_CONNECTIONS);
        assert_eq!(server.number("select count(*) from written").await, expected, "what was answered stays: {path}");
        server.eventually(IN_TRANSACTION, 0).await;
    }
}
