//! Thousands of connections that want nothing but to be there, and what everybody else notices of them.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use crate::support::server::TestServer;
use crate::support::wire::{Wire, post};

const SLOW_CONNECTIONS: usize = 2_000;
/// Long enough to see a crowd that stays.
const WATCHED: Duration = Duration::from_secs(5);

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_slow_connections_take_nothing_from_the_others() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.status().await, 200);
    let mut crowd = Vec::new();
    for number in 0..SLOW_CONNECTIONS {
        let mut wire = Wire::connect(&server.url).await;
        // Some of them are slow with their first head, some with a later one, some with a body.
        match number % 3 {
            0 => wire.send("POST / HTTP/1.1\r\nX-Slow: ").await,
            1 => wire.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET ").await,
            _ => {
                let head = "POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 99\r\n\r\n";
                wire.send(head).await;
            }
        }
        crowd.push(wire);
    }
    let (mut good, mut bad) = (0, 0);
    let started = Instant::now();
    while started.elapsed() < WATCHED {
        // Who is kept waiting keeps the connection warm.
        for wire in crowd.iter_mut().skip(good % 100).step_by(100) {
            let _ = wire.stream.write_all(b"x").await;
        }
        let answers = [sender.status().await, alice.get("/events").await.status().as_u16()];
        let healthy = server.visitor().get("/healthz").await.status().as_u16();
        for status in answers.into_iter().chain([healthy]) {
            if status == 200 { good += 1 } else { bad += 1 }
        }
    }
    assert!(good >= 30, "{good} answers in {WATCHED:?}");
    assert!(bad * 100 <= good, "{bad} of {} requests failed", good + bad);
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_most_connections_new_ones_wait_and_old_ones_go_on() {
    // One for each core is the least.
    let cores = std::thread::available_parallelism().unwrap().get();
    let server = TestServer::start_configured(|config| {
        config.connections.max_connections = cores;
        config.connections.head_deadline = Duration::from_secs(3);
        config.connections.keep_alive = Duration::from_secs(60);
    })
    .await;
    let healthz = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut old = Vec::new();
    for _ in 0..cores {
        let mut wire = Wire::connect(&server.url).await;
        wire.send(healthz).await;
        assert_eq!(wire.answer().await.status, 200);
        old.push(wire);
    }
    let mut new = Wire::connect(&server.url).await;
    new.send(healthz).await;
    assert!(timeout(Duration::from_millis(500), new.answer()).await.is_err(), "it waits");
    for wire in &mut old {
        wire.send(healthz).await;
        assert_eq!(wire.answer().await.status, 200, "the old ones go on");
    }
    drop(old.pop());
    assert_eq!(new.answer().await.status, 200, "it has waited for this");

    // Slow ones cannot keep the place: it is free again when their time is over.
    drop(new);
    old.clear();
    sleep(Duration::from_millis(100)).await;
    let mut slow = Vec::new();
    for _ in 0..cores {
        let mut wire = Wire::connect(&server.url).await;
        wire.send("GET").await;
        slow.push(wire);
    }
    let mut new = Wire::connect(&server.url).await;
    new.send(post("Basic eDp5", "{}")).await;
    assert_eq!(new.answer().await.status, 401);
}
