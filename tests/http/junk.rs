//! Requests that nobody in their right mind sends: whatever comes, no answer says that the fault is ours, nothing is stored that
//! was not verified, and memory stays as it is.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::{any, prop_oneof};
use proptest::sample::{Index, select};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use reqwest::header::CONTENT_ENCODING;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::actors::WEBHOOKS;
use crate::support::memory::resident_mib;
use crate::support::server::TestServer;
use crate::support::wire::{Wire, post};

/// How long requests are tried unless `FUZZ_SECONDS` says otherwise.
const USUAL_SECONDS: u64 = 3;
/// 64 KiB of spaces as a member of a gzip stream; such a stream may have any number of them.
const SPACES_IN_GZIP: &str = "1f8b0800000000000203edc18100000000802095fd2917a90a0000000000000000000000000000000000000000000000\
    000000000000000000000000000000000000000000000000000000000000000000000000000000006a94192cb4000001\
    00";

/// Pieces of requests, which mean something to the parser when they stand in another place.
const PIECES: [&str; 18] = [
    "\r\n",
    "\r\n\r\n",
    "\n",
    ":",
    " ",
    "\0",
    "POST / HTTP/1.1\r\n",
    "GET /events HTTP/1.1\r\n",
    "HTTP/1.0",
    "HTTP/2",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Authorization: Basic \r\n",
    "X-Forwarded-For: 1\r\n",
    "0\r\n\r\n",
];

/// Everything that is answered to bytes after which nothing more comes.
async fn answers(url: &str, bytes: &[u8]) -> String {
    let mut wire = Wire::connect(url).await;
    // The server may have ended the connection before it has read all of it.
    let _ = wire.stream.write_all(bytes).await;
    let _ = wire.stream.shutdown().await;
    let mut said = Vec::new();
    let reading = wire.stream.read_to_end(&mut said);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the connection ends");
    String::from_utf8_lossy(&said).into_owned()
}

// holds X5
#[tokio::test(flavor = "multi_thread")]
async fn no_head_whatever_makes_a_server_error() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let right = post(&sender.authorization(), "{\"a\":1}").into_bytes();
    let chunk = prop_oneof![select(&PIECES[..]).prop_map(|text| text.as_bytes().to_vec()), vec(any::<u8>(), 1..20)];
    let changes = vec((any::<Index>(), 0..40_usize, chunk), 1..4);
    let seconds = std::env::var("FUZZ_SECONDS").map_or(USUAL_SECONDS, |text| text.parse().unwrap());
    let seed = rand::random();
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() });
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let mut bytes = right.clone();
        for (at, removed, chunk) in changes.new_tree(&mut runner).unwrap().current() {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..(at + removed).min(bytes.len()), chunk);
        }
        let said = answers(&server.url, &bytes).await;
        let shown = String::from_utf8_lossy(&bytes);
        for status in said.split("HTTP/1.1 ").skip(1) {
            assert!(["1", "2", "3", "4"].contains(&&status[..1]), "seed {seed}: {said} to {shown:?}");
        }
    }
    assert_eq!(sender.status().await, 200);
}

// holds X2
#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_bomb_is_refused_and_never_inflated() {
    const MAX_GROWTH_MIB: u64 = 150;
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let member: Vec<u8> = (0..SPACES_IN_GZIP.len() / 2)
        .map(|at| u8::from_str_radix(&SPACES_IN_GZIP[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    // As large as a body may be, and some 600 MiB inflated.
    let bomb = member.repeat((1 << 20) / member.len());
    let before = resident_mib().unwrap_or_default();
    for _ in 0..5 {
        let announced = sender.request().header(CONTENT_ENCODING, "gzip").body(bomb.clone());
        assert_eq!(announced.send().await.unwrap().status(), 415);
        let unannounced = sender.send(bomb.clone()).await;
        assert_eq!(unannounced.status(), 400, "it is not JSON");
    }
    let growth = resident_mib().unwrap_or_default().saturating_sub(before);
    assert!(growth < MAX_GROWTH_MIB, "{growth} MiB more");
    assert_eq!(server.number("select count(*) from events").await, 0);
}

// holds W10
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_utf8_is_refused_and_nothing_is_put_in_its_place() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let send = async |path: &str, body: &[u8]| {
        let request = alice.client.post(format!("{}{path}", server.url)).header("Sec-Fetch-Site", "same-origin");
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    };
    let create = format!("{WEBHOOKS}/credentials");
    for body in [
        b"name=Inventory%FF".as_slice(),
        b"name=Inventory\xff",
        b"name=%C3&id=%A9",
        b"name=%ED%A0%80",
        b"n%FF=1&name=x",
    ] {
        assert_eq!(send(&create, body).await, 400, "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(send("/login", b"email=alice%40example.com&password=%FF").await, 400);
    assert_eq!(server.number("select count(*) from credentials").await, 0);
    assert_eq!(send(&create, "name=Caf%C3%A9+\u{fffd}".as_bytes()).await, 200, "what was typed is taken as it is");
    let name = server.query("select name from credentials").await;
    assert_eq!(name[0][0].as_deref(), Some("Café \u{fffd}"));
    assert_eq!(send(&create, &[b"name=".as_slice(), &[b'x'; 70_000]].concat()).await, 413);
}
