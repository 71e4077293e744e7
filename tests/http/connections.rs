//! One connection for many events: it goes on whatever protocol its sender offers, says how long it stays open, and nothing is lost on
//! a line that is long.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::actors::Sender;
use crate::support::server::TestServer;
use crate::support::wire::{Wire, head};

async fn stage() -> (TestServer, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, sender)
}

const OFFERS: [&str; 5] = [
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
    "Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n",
    "Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n",
    "Connection:UPGRADE\r\nUpgrade:WebSocket\r\n",
    "",
];

/// RFC 9110, section 7.8: a server may ignore an offer of another protocol, and answers as if it had not been made.
#[tokio::test(flavor = "multi_thread")]
async fn an_offer_of_another_protocol_is_ignored_and_the_connection_goes_on() {
    const POSTS: usize = 1_000;
    let (server, sender) = stage().await;
    let mut wire = Wire::connect(&server.url).await;
    for number in 0..POSTS {
        let answer = wire.post(&sender, &format!("{number}"), OFFERS[number % OFFERS.len()]).await.unwrap();
        assert_eq!(answer.status, 200, "{number}: {}", answer.body);
        assert_eq!(answer.header("connection"), "", "{number}: {}", answer.head);
        assert_eq!(answer.header("upgrade"), "");
    }
    // Several at once, and one that comes in pieces.
    let all: String = OFFERS.map(|offer| format!("{}1234", head(&sender.authorization(), 4, offer))).concat();
    wire.send(&all).await;
    for offer in OFFERS {
        assert_eq!(wire.answer().await.status, 200, "{offer}");
    }
    for byte in all.as_bytes().chunks(23) {
        wire.send(byte).await;
    }
    for offer in OFFERS {
        assert_eq!(wire.answer().await.status, 200, "{offer}");
    }
    let stored = (POSTS + 2 * OFFERS.len()) as i64;
    assert_eq!(server.number("select count(*) from events").await, stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_in_a_body_stays_as_it_is_and_headers_are_kept_in_their_order() {
    let (server, sender) = stage().await;
    let mut wire = Wire::connect(&server.url).await;
    let body = "\"Connection: upgrade\\r\\nUpgrade: websocket\"";
    let more = "X-B: 1\r\nVia: a\r\nX-A: 2\r\nVia: b\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nX-Event-Key: k\r\n";
    assert_eq!(wire.post(&sender, body, more).await.unwrap().status, 200);
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\
         Connection: upgrade\r\nUpgrade: websocket\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        sender.authorization(),
        body.len()
    );
    wire.send(chunked).await;
    assert_eq!(wire.answer().await.status, 200);
    let rows = server.query("select body, headers from events order by id").await;
    assert!(rows.iter().all(|row| row[0].as_deref() == Some(body)));
    let kept: Vec<(String, String)> = serde_json::from_str(rows[0][1].as_deref().unwrap()).unwrap();
    let kept: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let length = body.len().to_string();
    assert_eq!(
        kept,
        [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("content-length", length.as_str()),
            ("x-b", "1"),
            ("via", "a"),
            ("x-a", "2"),
            ("via", "b"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("x-event-key", "k"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_that_offers_http_2_sends_all_its_events_on_one_connection() {
    let curl = async |arguments: &[&str]| {
        tokio::process::Command::new("curl").args(arguments).output().await.ok().map(|output| {
            (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
        })
    };
    let Some((version, _)) = curl(&["--version"]).await.filter(|(version, _)| version.contains("HTTP2")) else {
        eprintln!("there is no curl that speaks HTTP/2");
        return;
    };
    let (server, sender) = stage().await;
    let (url, pair) = (format!("{}/", server.url), format!("{}:{}", sender.username, sender.password));
    let mut arguments = vec!["--http2", "--silent", "--verbose", "--user", &pair];
    arguments.extend(["--header", "Content-Type: application/json", "--data", "{}"]);
    arguments.extend([url.as_str(); 3]);
    let (answers, told) = curl(&arguments).await.unwrap();
    assert_eq!(answers.matches("\"status\":\"ok\"").count(), 3, "{version}: {answers} {told}");
    assert_eq!(told.matches("Re-using existing").count(), 2, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_say_how_long_their_connection_stays_open() {
    let (server, sender) = stage().await;
    let mut wire = Wire::connect(&server.url).await;
    assert_eq!(wire.post(&sender, "{}", "").await.unwrap().header("keep-alive"), "timeout=75");
    assert_eq!(wire.get("/healthz").await.unwrap().header("keep-alive"), "timeout=75");
    let refused = wire.post(&sender.with_password("rwp_wrong"), "{}", "").await.unwrap();
    assert_eq!((refused.status, refused.header("keep-alive")), (401, "timeout=75"));
    let closed = wire.post(&sender, "{}", "Connection: close\r\n").await.unwrap();
    assert_eq!((closed.header("connection"), closed.header("keep-alive")), ("close", ""));

    let other = TestServer::start_with(|options| options.keep_alive = "2m".to_owned()).await;
    let mut wire = Wire::connect(&other.url).await;
    assert_eq!(wire.get("/healthz").await.unwrap().header("keep-alive"), "timeout=120");
    wire.send("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert_eq!(wire.answer().await.header("keep-alive"), "", "HTTP/1.0 goes on only where that is asked for");
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn where_connections_are_many_the_idlest_ends_for_a_new_one() {
    const PLACES: usize = 10;
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    let server = TestServer::start_configured(|config| {
        config.connections.max_connections = PLACES * workers;
        config.connections.keep_alive = Duration::from_secs(600);
    })
    .await;
    let mut open = Vec::new();
    for number in 0..2 * PLACES * workers {
        let mut wire = Wire::connect(&server.url).await;
        let answer = tokio::time::timeout(Duration::from_secs(20), wire.get("/healthz")).await;
        assert_eq!(answer.expect("a place").unwrap().status, 200, "{number}");
        open.push(wire);
    }
    let mut last = open.pop().unwrap();
    assert_eq!(last.get("/healthz").await.unwrap().status, 200, "the one that was used last stays");
    let (said, after) = open.remove(0).rest().await;
    assert!(said.is_empty() && after < Duration::from_secs(20), "the idlest has ended: {said}");
}

/// A line to the server on which everything takes a while, each way, however much it is.
async fn long_line(server: SocketAddr, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(server).await else { continue };
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::spawn(late(from_client, to_server, delay));
            tokio::spawn(late(from_server, to_client, delay));
        }
    });
    address
}

async fn late(
    mut from: impl AsyncReadExt + Unpin + Send + 'static,
    mut to: impl AsyncWriteExt + Unpin,
    delay: Duration,
) {
    let (queue, mut pieces) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let _ = queue.send((Instant::now() + delay, buffer[..length].to_vec()));
        }
    });
    while let Some((at, piece)) = pieces.recv().await {
        tokio::time::sleep_until(at).await;
        if to.write_all(&piece).await.is_err() {
            break;
        }
    }
    // The end takes as long as everything else.
    tokio::time::sleep(delay).await;
    let _ = to.shutdown().await;
}

/// A client that heeds `Keep-Alive: timeout` never sends into the end of its connection, however long the line: the server waits a
/// second longer than it says, for what is on its way. Clients that heed nothing can still meet that end. They have to send again on a
/// new connection, which RFC 9112 (section 9.3.1) lets them do by themselves only for methods that may be repeated; a sender with an
/// idempotency key repeats its POST.
// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn on_a_long_line_nothing_is_lost_by_who_heeds_how_long_a_connection_stays_open() {
    const SENDERS: usize = 250;
    const POSTS: u32 = 4;
    const KEEP_ALIVE: Duration = Duration::from_secs(2);
    let server = TestServer::start_with(|options| options.keep_alive = "2s".to_owned()).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let line = long_line(server.application().address, Duration::from_millis(80)).await;
    let reused = Arc::new(AtomicUsize::new(0));
    let senders = (0..SENDERS as u32).map(|number| {
        let (sender, reused) = (sender.clone(), reused.clone());
        tokio::spawn(async move {
            let mut wire: Option<(Wire, Instant)> = None;
            // All around the time that connections stay open.
            let period = KEEP_ALIVE.mul_f64(0.8) + KEEP_ALIVE.mul_f64(0.4) * number / SENDERS as u32;
            for _ in 0..POSTS {
                let known = wire.take().filter(|(_, answered)| answered.elapsed() < KEEP_ALIVE);
                let mut open = match known {
                    Some((open, _)) => {
                        reused.fetch_add(1, Ordering::Relaxed);
                        open
                    }
                    None => Wire::open(line).await.unwrap(),
                };
                let answer =
                    open.post(&sender, "{}", "").await.unwrap_or_else(|error| panic!("after {period:?}: {error}"));
                assert_eq!((answer.status, answer.header("keep-alive")), (200, "timeout=2"));
                wire = Some((open, Instant::now()));
                tokio::time::sleep(period).await;
            }
        })
    });
    for ended in futures_util::future::join_all(senders).await {
        ended.unwrap();
    }
    assert_eq!(server.number("select count(*) from events").await, SENDERS as i64 * i64::from(POSTS));
    assert!(reused.load(Ordering::Relaxed) > SENDERS, "connections were used again");
}
