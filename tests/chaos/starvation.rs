//! Pages that wait for the database never make a sender wait: ingest has a connection of its own.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::stage::Acknowledged;
use crate::support::server::TestServer;

/// More than the pool of the pages has connections.
const READERS: usize = 16;
const PAGES_HANG_FOR: Duration = Duration::from_secs(3);
/// A sender that waited for a page would wait for seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

// holds D7
#[tokio::test(flavor = "multi_thread")]
async fn pages_that_hang_never_take_the_connection_of_senders() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let acknowledged = Acknowledged::default();
    assert_eq!(acknowledged.note(sender.send("\"before\"").await).await, 200);

    // What a page reads first, and ingest never does.
    let (blocker, connection) = tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    blocker.batch_execute("begin; lock table sessions, users in access exclusive mode").await.unwrap();

    let reading = join_all((0..READERS).map(|_| alice.get("/events")));
    let sending = async {
        // Until the pages have taken every connection that they can have.
        server
            .eventually("select count(*) from pg_locks where not granted and relation = 'sessions'::regclass", 12)
            .await;
        let began = Instant::now();
        let mut slowest = Duration::ZERO;
        while began.elapsed() < PAGES_HANG_FOR {
            let asked = Instant::now();
            assert_eq!(acknowledged.note(sender.send("\"meanwhile\"").await).await, 200);
            slowest = slowest.max(asked.elapsed());
        }
        let waiting = server.number("select count(*) from pg_locks where not granted").await;
        blocker.batch_execute("rollback").await.unwrap();
        (slowest, waiting)
    };
    let (pages, (slowest, waiting)) = tokio::join!(reading, sending);
    assert!(waiting > 0, "the pages hung all the time");
    assert!(slowest < ANSWERED_WITHIN, "a sender waited for {slowest:?}");
    for page in pages {
        // Either it was its turn after all, or it was told that the server is busy.
        assert!(matches!(page.status().as_u16(), 200 | 503), "{}", page.status());
    }
    assert!(acknowledged.count() > 10);
    acknowledged.assert_stored(&server.database_url).await;
}
