//! Requests that are none, requests that hide another, and bodies that are not read: what is answered, and how it ends.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::support::actors::Sender;
use crate::support::server::TestServer;
use crate::support::wire::{Wire, post};

async fn stage() -> (TestServer, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, sender)
}

// holds W6
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_gets_an_answer_like_all_others() {
    let (server, sender) = stage().await;
    // Not a byte more than is read of it: what is left unread when a connection ends would reset it.
    let start = "GET / HTTP/1.1\r\nHost: x\r\nX-Large: ";
    let large = format!("{start}{}", "x".repeat(128 * 1024 - start.len()));
    let garbage = "\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned();
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X-Many: x\r\n".repeat(97));
    for (bytes, status, code) in [
        ("GET /\r\n\r\n".to_owned(), 400, "bad_request"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400, "bad_request"),
        (garbage, 400, "bad_request"),
        (large, 431, "head_too_large"),
        (many, 431, "head_too_large"),
    ] {
        for after_another in [false, true] {
            let mut wire = Wire::connect(&server.url).await;
            if after_another {
                wire.send(post(&sender.authorization(), "{}")).await;
                assert_eq!(wire.answer().await.status, 200);
            }
            // The server may end the connection before it has read all of it.
            let _ = wire.stream.write_all(bytes.as_bytes()).await;
            let answer = wire.answer().await;
            assert_eq!(answer.status, status, "{after_another}: {}", answer.head);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.header("connection"), "close");
            for name in ["content-security-policy", "x-content-type-options", "cross-origin-opener-policy"] {
                assert_ne!(answer.header(name), "", "{name}");
            }
            let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((problem["code"].as_str().unwrap(), problem["status"].as_u64().unwrap()), (code, status.into()));
            assert_eq!(problem["request_id"].as_str().unwrap(), answer.header("x-request-id"));
            let (said, _) = wire.rest().await;
            assert_eq!(said, "", "nothing more");
        }
    }
}

/// RFC 9112, section 3.2: a target is a path, as a rule; a proxy is sent a whole address, `OPTIONS` may have an asterisk, and `CONNECT`
/// a host.
// holds W6
#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_target_gets_an_answer_like_all_others() {
    let (server, sender) = stage().await;
    for (method, target, status) in [
        ("POST", "*", 404),
        ("GET", "*", 404),
        ("OPTIONS", "*", 404),
        ("GET", "http://elsewhere.example/healthz", 200),
        ("GET", "http://elsewhere.example/nothing", 421),
        ("GET", "http://elsewhere.example", 421),
        ("GET", "http://localhost/nothing", 404),
        ("GET", "http://localhost", 303),
        ("CONNECT", "elsewhere.example:443", 403),
        ("GET", "elsewhere.example:443", 421),
        ("GET", "healthz", 421),
        ("GET", "//elsewhere.example/", 404),
        ("GET", "?", 400),
    ] {
        let mut wire = Wire::connect(&server.url).await;
        wire.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, status, "{method} {target}: {}", answer.head);
        for name in ["x-request-id", "content-security-policy", "x-content-type-options"] {
            assert_ne!(answer.header(name), "", "{name} for {method} {target}: {}", answer.head);
        }
        assert!(status == 303 || !answer.body.is_empty(), "{method} {target}: {}", answer.head);
        if target == "*" {
            let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some("not_found"), Some(404)));
            assert_eq!(problem["request_id"].as_str().unwrap(), answer.header("x-request-id"));
        }
    }
    let mut wire = Wire::connect(&server.url).await;
    let whole = post(&sender.authorization(), "{}").replace("POST / ", "POST http://elsewhere.example/ ");
    wire.send(&whole).await;
    assert_eq!(wire.answer().await.status, 200, "a sender that is sent through a proxy");
    wire.send(whole.replace("elsewhere.example/ ", "elsewhere.example ")).await;
    assert_eq!(wire.answer().await.status, 200, "without the slash as well");
    assert_eq!(server.number("select count(*) from events").await, 2);
}

// holds X4
#[tokio::test(flavor = "multi_thread")]
async fn a_request_cannot_hide_another() {
    let (server, sender) = stage().await;
    let authorization = sender.authorization();
    let hidden = post(&authorization, "\"hidden\"");
    let length = hidden.len();
    for framing in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        format!("Content-Length: 1\r\nContent-Length: {length}"),
        format!("Content-Length: 1, {length}"),
        "Content-Length: +1".to_owned(),
        "Content-Length: -1".to_owned(),
        "Content-Length: 0x1".to_owned(),
        "Content-Length: 1 ".to_owned() + "1",
        "Content-Length: 99999999999999999999999".to_owned(),
        "Content-Length:".to_owned(),
        "Content-Length : 1".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
        "Transfer-Encoding: chunked, identity".to_owned(),
        "Transfer-Encoding: gzip, chunked, identity".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity".to_owned(),
        "Transfer-Encoding : chunked".to_owned(),
        "Transfer-Encoding: chunked\r\n folded: x".to_owned(),
        "Transfer-Encoding:\u{b}chunked".to_owned(),
    ] {
        let mut wire = Wire::connect(&server.url).await;
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n{framing}\r\n\r\n");
        wire.send(format!("{head}0\r\n\r\n{hidden}")).await;
        let (said, _) = wire.rest().await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{framing}: {said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{framing}: {said}");
    }
    let long_extension = format!("1;{}\r\n1\r\n0\r\n\r\n", "x".repeat(1_025));
    for body in [
        "G\r\n1",
        "FFFFFFFFFFFFFFFFF\r\n1",
        "1\n1\r\n0\r\n\r\n",
        "-1\r\n1",
        "1\r\n1X\r\n",
        "1 \r\n1\r\n0\r\n\r\n",
        "1\t;x\r\n1\r\n0\r\n\r\n",
        "1\r\n1\r\n0 \r\n\r\n",
        long_extension.as_str(),
    ] {
        let mut wire = Wire::connect(&server.url).await;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        wire.send(format!("{head}{body}{hidden}")).await;
        let (said, _) = wire.rest().await;
        assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("\"code\":\"bad_request\""), "{body:?}: {said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{body:?}: {said}");
    }
    assert_eq!(server.number("select count(*) from events").await, 0);
}

/// What is refused above in its neighbourhood: small devices end lines as C does, and some clients have extensions.
// holds X4
#[tokio::test(flavor = "multi_thread")]
async fn chunks_and_heads_that_are_only_unusual_are_read() {
    let (server, sender) = stage().await;
    let authorization = sender.authorization();
    let head = format!(
        "POST / HTTP/1.1\nHost: x\nAuthorization: {authorization}\nContent-Type: application/json\n\
         Transfer-Encoding: chunked\n\n"
    );
    let extension = "x".repeat(1_024);
    let mut wire = Wire::connect(&server.url).await;
    for body in
        ["1;x=1\r\n1\r\n0\r\n\r\n", &format!("1;{extension}\r\n1\r\n0\r\n\r\n"), "0001\r\n1\r\n0\r\nTrailer: x\r\n\r\n"]
    {
        wire.send(format!("{head}{body}")).await;
        assert_eq!(wire.answer().await.status, 200, "{body:?}");
    }
    assert_eq!(server.number("select count(*) from events").await, 3);
}

// holds X4
#[test]
fn the_http_library_is_new_enough() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let version = |name: &str| -> Vec<u32> {
        let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n"))).unwrap();
        let version = entry.lines().find_map(|line| line.strip_prefix("version = ")).unwrap();
        version.trim_matches('"').split('.').map(|part| part.parse().unwrap()).collect()
    };
    assert!(version("actix-http") >= vec![3, 12, 1], "older ones let requests be smuggled");
    assert!(version("actix-web") >= vec![4, 14, 1], "older ones keep idle connections at the end of the program");
}

// holds X3
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sender_that_reads_after_it_has_sent_all_sees_its_answer_and_no_reset() {
    let (server, sender) = stage().await;
    let wrong = sender.with_password("rwp_wrong").authorization();
    let body = "x".repeat(10_000_000);
    for chunked in [false, true] {
        let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 10000000" };
        let mut wire = Wire::connect(&server.url).await;
        wire.send(format!("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {wrong}\r\n{framing}\r\n\r\n")).await;
        for part in body.as_bytes().chunks(100_000) {
            if chunked {
                wire.send(format!("{:x}\r\n", part.len())).await;
            }
            wire.send(part).await;
            if chunked {
                wire.send("\r\n").await;
            }
        }
        let answer = wire.answer().await;
        assert_eq!(answer.status, 401, "{}", answer.body);
        assert!(answer.body.contains("\"code\":\"unauthorized\""));
    }
}

// holds X3
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_asks_before_it_sends_is_refused_before_it_has_sent() {
    let (server, sender) = stage().await;
    let head = |authorization: &str, length: usize| {
        format!(
            "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let final_answer = async |wire: &mut Wire| {
        let first = wire.answer().await;
        if first.status == 100 { wire.answer().await } else { first }
    };
    let mut wire = Wire::connect(&server.url).await;
    wire.send(head(&sender.with_password("rwp_wrong").authorization(), 10_000_000)).await;
    let answer = tokio::time::timeout(Duration::from_secs(5), final_answer(&mut wire)).await.expect("soon");
    assert_eq!(answer.status, 401);

    let mut wire = Wire::connect(&server.url).await;
    wire.send(head(&sender.authorization(), 2)).await;
    assert_eq!(wire.answer().await.status, 100);
    wire.send("{}").await;
    assert_eq!(wire.answer().await.status, 200);
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn who_says_that_nothing_more_comes_gets_the_page_all_the_same() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    let cookie = server.cookie("alice@example.com").await;
    for path in ["/events", "/events?credential=", "/settings/integrations/webhooks", "/docs/webhooks/quick-start"] {
        let mut stream = tokio::net::TcpStream::connect(server.application().address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{path}: {answer:.100}");
        assert!(answer.trim_end().ends_with("</html>"), "{path} is whole");
    }
}
