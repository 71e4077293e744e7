//! The address names a primary and its standby; the primary hangs, and the standby is promoted.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::outages::in_time;
use crate::stage::Acknowledged;
use crate::standby::Standby;
use crate::support::actors::between;
use crate::support::postgres;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::server::TestServer;

const WELL_WITHIN: Duration = Duration::from_secs(5);
/// What a machine that is busy with other tests may add.
const TOLERANCE: Duration = Duration::from_secs(5);

// holds O2
#[tokio::test(flavor = "multi_thread")]
async fn while_the_primary_hangs_events_go_to_the_standby_that_was_promoted() {
    let (primary, standby, server) = start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let acknowledged = Acknowledged::default();
    // Each of the connections that store events has one.
    let several = async |body: &str| {
        let sent = join_all((0..40).map(|_| async { acknowledged.note(sender.send(body.to_owned()).await).await }));
        assert_eq!(sent.await, [200; 40], "{body}");
    };
    several("\"before\"").await;
    standby.wait_until("select count(*) from events", "40").await;

    primary.pause();
    for _ in 0..3 {
        assert_eq!(in_time("a sender", sender.send("\"away\"")).await.status(), 503);
    }
    postgres::query(&standby.url(), "select pg_promote()").await;
    let promoted = Instant::now();
    while acknowledged.note(sender.send("\"after\"").await).await != 200 {
        assert!(promoted.elapsed() < WELL_WITHIN + TOLERANCE, "events reach the new primary");
    }
    // The old one is back, and no longer the primary: nobody goes back to it.
    primary.resume();
    several("\"after\"").await;
    acknowledged.assert_stored(&standby.url()).await;
}

// holds issue 17, section 3: a position of another timeline never skips silently
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_told_that_another_server_has_taken_over() {
    let (primary, standby, server) = start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let fields = [("scope", "events:read"), ("scope", "consumers:write"), ("name", "x"), ("lifetime", "90")];
    let page = alice.post("/settings/api-tokens", &fields).await.text().await.unwrap();
    let token = between(&page, "<code id=\"token\">", "</code>").to_owned();
    let ask = async |method: &str, path: &str, body: Value| -> Value {
        let address = format!("{}/api/v1/consumers{path}", server.url);
        let request = alice.client.request(method.parse().unwrap(), address).bearer_auth(&token).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let made = ask("POST", "", json!({"name": "Import", "start": "oldest"})).await;
    let (pull, ack) = ["events", "ack"].map(|act| format!("/{}/{act}", made["id"].as_str().unwrap())).into();
    let read = sender.store("\"before\"").await;
    let first = ask("GET", &pull, json!({})).await;
    assert_eq!((first["events"][0]["id"].as_str(), &first["truncated"]), (Some(&*read), &json!(false)));
    ask("POST", &ack, json!({"cursor": first["cursor"]})).await;
    standby.wait_until("select count(*) from consumers where last_acked_at is not null", "1").await;

    primary.pause();
    postgres::query(&standby.url(), "select pg_promote()").await;
    let (acknowledged, promoted) = (Acknowledged::default(), Instant::now());
    while acknowledged.note(sender.send("\"after\"").await).await != 200 {
        assert!(promoted.elapsed() < WELL_WITHIN + TOLERANCE, "events reach the new primary");
    }
    let answer = ask("GET", &pull, json!({})).await;
    let ids = answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned());
    acknowledged.assert_among(&ids.collect::<Vec<_>>());
    assert_eq!(answer["truncated"], "unknown", "{answer}");
    ask("POST", &ack, json!({"cursor": answer["cursor"]})).await;
    assert_eq!(ask("GET", &pull, json!({})).await["truncated"], false, "once");
    primary.resume();
}

/// A primary, its standby, and a program that knows both.
async fn start() -> (PrivatePostgres, Standby, TestServer) {
    let primary = PrivatePostgres::start().await;
    let standby = Standby::of(&primary).await;
    let socket = primary.socket();
    let hosts = [socket.parent().unwrap(), &standby.directory];
    let hosts = hosts.map(|path| utf8_percent_encode(path.to_str().unwrap(), NON_ALPHANUMERIC).to_string());
    let url = format!("postgresql://reasoner@{}/reasoner_webhooks", hosts.join(","));
    let server = TestServer::start_over(url, |_| {}).await;
    (primary, standby, server)
}
