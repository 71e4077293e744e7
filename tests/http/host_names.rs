//! Pages and metrics answer to their own host names alone, so that a name of a stranger that is made to mean this server's address
//! (DNS rebinding) reads nothing of them. Senders are answered by whatever name they use.

use crate::support::actors::Sender;
use crate::support::server::TestServer;
use crate::support::wire::{Answer, Wire, post};

async fn get(url: &str, host: &str, path: &str) -> Answer {
    let mut wire = Wire::connect(url).await;
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n")).await;
    let (said, _) = wire.rest().await;
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

// holds W4
#[tokio::test(flavor = "multi_thread")]
async fn pages_and_metrics_answer_to_their_own_names_alone() {
    let server = TestServer::start_with(|options| {
        options.public_url = Some("https://webhooks.example.com".to_owned());
        options.ingest_url = Some("https://in.example.com/".to_owned());
        options.host_names = Some("program,Internal.example".to_owned());
        options.metrics_bind = Some("127.0.0.1:0".to_owned());
    })
    .await;
    let metrics = format!("http://{}", server.application().metrics_address.unwrap());
    let port = server.application().address.port();
    for own in
        ["webhooks.example.com", "in.example.com:443", "program:8080", "internal.example", "localhost", "[::1]:1"]
    {
        assert_eq!(get(&server.url, own, "/login").await.status, 200, "{own}");
        assert_eq!(get(&metrics, own, "/metrics").await.status, 200, "{own}");
    }
    assert_eq!(get(&server.url, &format!("127.0.0.1:{port}"), "/login").await.status, 200);
    for foreign in ["evil.example", "evil.example:8080", "192.0.2.1", "webhooks.example.com.evil.example"] {
        for path in ["/", "/login", "/events", "/docs/webhooks/quick-start", "/nowhere"] {
            let refused = get(&server.url, foreign, path).await;
            assert_eq!(refused.status, 421, "{foreign} {path}");
            assert!(refused.body.contains("Open https://webhooks.example.com instead."), "{}", refused.body);
            assert!(
                refused.body.contains("webhooks.example.com, in.example.com, program, internal.example, localhost")
            );
            assert!(
                refused.body.contains("HOST_NAMES") && !refused.header("x-request-id").is_empty(),
                "{}",
                refused.head
            );
        }
        let refused = get(&metrics, foreign, "/metrics").await;
        assert_eq!(refused.status, 421);
        assert!(refused.body.contains("webhooks.example.com") && !refused.body.contains("reasoner_ready"));
        for health in ["/healthz", "/readyz"] {
            assert_eq!(get(&server.url, foreign, health).await.status, 200, "{health}");
        }
    }
}

// holds W4
#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_the_address_that_works_is_told_with_its_port() {
    let server = TestServer::start().await;
    let refused = get(&server.url, "evil.example", "/login").await;
    assert_eq!(refused.status, 421);
    assert!(refused.body.contains(&format!("Open {} instead.", server.url)), "{}", refused.body);
}

// holds W4
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_answered_by_whatever_name_it_uses() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender: Sender = server.sender(&alice).await;
    let mut wire = Wire::connect(&server.url).await;
    wire.send(post(&sender.authorization(), "{}").replace("Host: localhost", "Host: evil.example")).await;
    assert_eq!(wire.answer().await.status, 200);
    wire.send(post(&sender.authorization(), "{}").replace("POST / ", "POST /wrong ").replace("localhost", "some.name"))
        .await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"));
}

/// Whoever opens the pages by the address of the machine finds them where they are listened for on every address.
// holds W4
#[tokio::test(flavor = "multi_thread")]
async fn on_every_address_an_address_is_as_good_as_a_name() {
    let server = TestServer::start_with(|options| {
        options.bind = "0.0.0.0:0".to_owned();
        options.insecure_http = Some("true".to_owned());
    })
    .await;
    let url = format!("http://127.0.0.1:{}", server.application().address.port());
    for (host, status) in
        [("192.168.1.5:8080", 200), ("[fd00::5]:8080", 200), ("localhost", 200), ("evil.example", 421)]
    {
        assert_eq!(get(&url, host, "/login").await.status, status, "{host}");
    }
}
