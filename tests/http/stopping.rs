//! The program is asked to end: all its doors close at once, and what it still has to write down doesn't hold it up.

use std::time::Duration;

use jiff::SignedDuration;

use crate::support::actors::{Sender, WEBHOOKS};
use crate::support::server::{PASSWORD, TestServer};
use crate::support::wire::{Wire, head};

/// What is promised of the end.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn no_listener_takes_anybody_in_while_another_finishes_what_is_in_flight() {
    let server = TestServer::start_with(|options| options.ingest_bind = Some("127.0.0.1:0".to_owned())).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store("1").await;
    let (pages, ingest) = (server.application().address, server.application().ingest_address.unwrap());
    let mut in_flight = Wire::open(pages).await.unwrap();
    in_flight.write(head(&sender.authorization(), 1, "Expect: 100-continue\r\n").as_bytes()).await.unwrap();
    let begun = in_flight.next_head().await.unwrap();
    assert!(begun.starts_with("HTTP/1.1 100 "), "{begun}");
    let stopping = tokio::spawn(server.stop());
    let closed = async {
        while let Ok(wire) = Wire::open(ingest).await {
            drop(wire);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // The one in flight has less than that for its body.
    tokio::time::timeout(Duration::from_secs(8), closed).await.expect("the other listener closes meanwhile");
    in_flight.write(b"2").await.unwrap();
    assert_eq!(in_flight.next_answer().await.unwrap().status, 200, "who had begun is answered");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn late_events_that_the_database_does_not_take_do_not_keep_the_program_from_ending() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let late = server.sender(&alice).await;
    let path = format!("{WEBHOOKS}/credentials/{}/rotation", alice.credential_id(&late.username).await);
    let rotated = alice.post(&path, &[("overlap", "1h"), ("current_password", PASSWORD)]).await;
    let current = Sender::from_page(&server.url, &rotated.text().await.unwrap());
    current.store("1").await;
    server.pass(SignedDuration::from_hours(2));
    assert_eq!(late.status().await, 401);
    server.eventually("select count(*) from held_events", 1).await;
    let (other, connection) = tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    other.batch_execute("begin; lock table held_events in access exclusive mode").await.unwrap();
    // Each of them waits for the table as long as a statement may.
    for _ in 0..16 {
        assert_eq!(late.status().await, 401);
    }
    tokio::time::timeout(ENDS_WITHIN, server.stop()).await.expect("the program ends");
}
