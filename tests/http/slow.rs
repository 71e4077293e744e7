//! Who is slow is let go, whenever on a connection it happens, and nobody else is.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use tokio::time::sleep;

use crate::support::actors::Sender;
use crate::support::server::TestServer;
use crate::support::wire::{Wire, post};

/// A tenth of what everybody else gets.
const HEAD_DEADLINE: Duration = Duration::from_secs(1);
const KEEP_ALIVE: Duration = Duration::from_secs(2);
const WRITE_DEADLINE: Duration = Duration::from_secs(1);
/// Between two bytes of somebody slow.
const PAUSE: Duration = Duration::from_millis(100);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(4);

async fn stage() -> (TestServer, Sender) {
    let server = TestServer::start_configured(|config| {
        config.connections.head_deadline = HEAD_DEADLINE;
        config.connections.keep_alive = KEEP_ALIVE;
        config.connections.write_deadline = WRITE_DEADLINE;
    })
    .await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, sender)
}

/// What somebody slow is told, and that it was told in time.
fn check_let_go((said, after): &(String, Duration)) {
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("\"code\":\"head_timeout\""), "{said}");
    assert!(said.contains("x-request-id: req_") && said.contains("content-security-policy: "), "{said}");
    assert!((HEAD_DEADLINE / 2..HEAD_DEADLINE + SLACK).contains(after), "{after:?}");
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn a_first_head_that_comes_byte_by_byte_is_given_up() {
    let (server, _) = stage().await;
    let mut wire = Wire::connect(&server.url).await;
    wire.send("POST / HTTP/1.1\r\nX-Slow: ").await;
    check_let_go(&wire.trickle(b'x', PAUSE).await);
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn a_later_head_has_no_more_time_than_the_first() {
    let (server, sender) = stage().await;
    let mut wire = Wire::connect(&server.url).await;
    for _ in 0..3 {
        wire.send(post(&sender.authorization(), "{}")).await;
        assert_eq!(wire.answer().await.status, 200);
    }
    wire.send("P").await;
    check_let_go(&wire.trickle(b'O', PAUSE).await);

    let mut wire = Wire::connect(&server.url).await;
    let both = format!("{}POST / HTTP/1.1\r\nX-Slow: ", post(&sender.authorization(), "{}"));
    wire.send(both).await;
    assert_eq!(wire.answer().await.status, 200);
    check_let_go(&wire.trickle(b'x', PAUSE).await);
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_ended_without_a_word() {
    let (server, sender) = stage().await;
    let mut silent = Wire::connect(&server.url).await;
    let (said, after) = silent.rest().await;
    assert!(said.is_empty() && after < HEAD_DEADLINE + SLACK, "{said} after {after:?}");

    let mut idle = Wire::connect(&server.url).await;
    for _ in 0..4 {
        idle.send(post(&sender.authorization(), "{}")).await;
        assert_eq!(idle.answer().await.status, 200);
        sleep(KEEP_ALIVE / 3).await;
    }
    let (said, after) = idle.rest().await;
    assert!(said.is_empty() && after < KEEP_ALIVE + SLACK, "{said} after {after:?}");
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_body_that_was_answered_is_not_read_for_ever() {
    let (server, sender) = stage().await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\n",
        sender.with_password("rwp_wrong").authorization()
    );
    for goes_on in [true, false] {
        let mut wire = Wire::connect(&server.url).await;
        wire.send(&head).await;
        assert_eq!(wire.answer().await.status, 401);
        let (_, after) = if goes_on { wire.trickle(b'x', PAUSE).await } else { wire.rest().await };
        assert!(after < KEEP_ALIVE + HEAD_DEADLINE + SLACK, "{after:?}");
    }
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_take_as_long_as_it_likes() {
    let (server, _) = stage().await;
    let bob = server.pro("bob@example.com").await;
    let sender = server.sender(&bob).await;
    let mut live = bob.get("/events/live").await;
    assert_eq!(live.status(), 200);
    sleep(2 * (HEAD_DEADLINE + KEEP_ALIVE)).await;
    let id = sender.store("{}").await;
    let mut said = String::new();
    while !said.contains(&id) {
        let chunk = tokio::time::timeout(Duration::from_secs(20), live.chunk()).await.expect("the event").unwrap();
        said.push_str(&String::from_utf8_lossy(&chunk.expect("the page is still live")));
    }
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_reads_is_given_up() {
    /// More than the system keeps for a connection that it writes to.
    const EVENTS: usize = 24;
    const EVENT_BYTES: usize = 1_000_000;
    let (server, _) = stage().await;
    let bob = server.pro("bob@example.com").await;
    let sender = server.sender(&bob).await;
    for _ in 0..EVENTS {
        sender.store(format!("\"{}\"", "x".repeat(EVENT_BYTES - 2))).await;
    }
    let whole = bob.get("/events/export").await.bytes().await.unwrap();
    assert!(whole.len() > EVENTS * EVENT_BYTES);
    // With a buffer of its own, since systems differ in how much they keep for a reader who takes nothing.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stream = socket.connect(server.url.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let cookie = server.cookie("bob@example.com").await;
    let request = format!("GET /events/export HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // The deadline begins when the connection takes no more, which a busy machine brings about late.
    sleep(4 * WRITE_DEADLINE + SLACK).await;
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read).await;
    assert!(read.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&read[..read.len().min(200)]));
    assert!(read.len() < whole.len(), "it was cut off");
}

// holds X4
#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_request_do_not_hold_up_the_end() {
    let server = TestServer::start_configured(|config| {
        config.connections.head_deadline = Duration::from_secs(60);
        config.connections.keep_alive = Duration::from_secs(60);
    })
    .await;
    let mut idle = Wire::connect(&server.url).await;
    idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    let mut slow = Wire::connect(&server.url).await;
    slow.send("GET").await;
    let started = std::time::Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(idle.rest().await.0, "");
}
