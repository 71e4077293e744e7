//! Any valid JSON is accepted and comes back byte for byte; nothing else is.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::support::json::{invalid, valid};
use crate::support::server::TestServer;

// holds X5
#[tokio::test(flavor = "multi_thread")]
async fn any_valid_json_comes_back_byte_for_byte() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for body in valid() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = sender.send(body.clone()).await;
        assert_eq!(answer.status(), 200, "{shown}");
        let id = answer.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
        let back = alice.get(&format!("/events/{id}/body")).await;
        assert_eq!(back.headers()["content-disposition"], format!("attachment; filename=\"{id}.json\""));
        assert!(back.bytes().await.unwrap() == body, "{shown} comes back changed");
        let page = alice.get(&format!("/events/{id}")).await;
        assert_eq!(page.status(), 200, "{shown} has a page");
        let size = page.bytes().await.unwrap().len();
        assert!(size < 3_000_000, "{shown}: a page of {size} bytes");
    }
    assert_eq!(alice.get("/events").await.status(), 200);
    let csv = alice.get("/events/export?format=csv").await.bytes().await.unwrap();
    let mut lines = csv::Reader::from_reader(&*csv);
    let cells = lines.byte_records().map(|line| line.unwrap()[7].to_vec());
    // What a spreadsheet could take for a formula stands behind an apostrophe, which no JSON begins with.
    let bodies = cells.map(|cell| cell.strip_prefix(b"'").map(<[u8]>::to_vec).unwrap_or(cell));
    assert!(bodies.eq(valid()), "a cell has the bytes that were sent");
    let export = alice.page("/events/export").await;
    assert_eq!(export.lines().count(), valid().len(), "one line for each event, whatever is in it");
    for line in export.lines() {
        assert!(reasoner_webhooks::domain::payload::Payload::check(line.as_bytes()).is_ok());
    }
}

// holds X5
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_refused_and_not_stored() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for body in invalid() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = sender.send(body).await;
        assert_eq!(answer.status(), 400, "{shown:?}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(" at line "), "{shown:?}: {problem}");
    }
    assert_eq!(server.number("select count(*) from events").await, 0);
}

// holds X5
#[tokio::test(flavor = "multi_thread")]
async fn no_bytes_whatever_make_a_server_error() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let mut runner = TestRunner::deterministic();
    let bytes = proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200);
    let json_like = proptest::string::string_regex("[\\[\\]{}\",:0-9eE+\\-.tfn\\\\u ]{0,80}").unwrap();
    for _ in 0..150 {
        let wild = bytes.new_tree(&mut runner).unwrap().current();
        let tame = json_like.new_tree(&mut runner).unwrap().current();
        for body in [wild, tame.into_bytes()] {
            let status = sender.send(body.clone()).await.status().as_u16();
            assert!(matches!(status, 200 | 400), "{status} for {body:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_beside_the_body_is_what_the_contract_lists() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let answer = sender
        .request()
        .header("User-Agent", "inventory/3.8")
        .header("X-Api-Key", "canary")
        .header("X-Hub-Signature-256", "canary")
        .header("Cookie", "a=canary")
        .header("Proxy-Authorization", "Basic canary")
        .header("X-Trace", "7")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let row = &server.query("select user_agent, content_type, host(remote_ip), headers from events").await[0];
    assert_eq!(row[0].as_deref(), Some("inventory/3.8"));
    assert_eq!(row[1].as_deref(), Some("application/json"));
    assert_eq!(row[2].as_deref(), Some("127.0.0.1"));
    let headers = row[3].as_deref().unwrap();
    assert!(!headers.contains("canary") && !headers.contains("authorization"), "{headers}");
    for kept in [r#"["x-trace","7"]"#, r#"["x-api-key","[masked]"]"#] {
        assert!(headers.contains(kept), "{headers}");
    }
    let with_query = reqwest::Client::new()
        .post(format!("{}/?source=erp&n=1", server.url))
        .header("Authorization", sender.authorization())
        .header("Content-Type", "application/json");
    assert_eq!(with_query.body("1").send().await.unwrap().status(), 200);
    assert_eq!(server.number("select count(*) from events where query = 'source=erp&n=1'").await, 1);
}
