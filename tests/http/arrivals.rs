//! What is stored of what arrives: bodies that come slowly, messages under a name of their sender's, and nothing that is confidential.

use std::time::Duration;

use reasoner_webhooks::domain::body_pace::BodyPace;
use reasoner_webhooks::domain::confidential::{ENDINGS, NAMES, PARAMETERS};
use reasoner_webhooks::domain::request_headers::NEVER_KEPT;
use serde_json::Value;

use crate::support::actors::{Person, Sender};
use crate::support::server::TestServer;
use crate::support::wire::{Wire, head};

async fn stage() -> (TestServer, Person, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, alice, sender)
}

/// A tenth of what everybody else gets.
const PACE: BodyPace =
    BodyPace { within: Duration::from_secs(1), bytes_per_second: 8_000, at_most: Duration::from_secs(4) };

async fn with_pace() -> (TestServer, Sender) {
    let server = TestServer::start_configured(|config| config.body_pace = PACE).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, sender)
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_keeps_coming_has_longer_but_not_for_ever() {
    let (server, sender) = with_pace().await;
    let send = async |bytes: usize| {
        let mut wire = Wire::connect(&server.url).await;
        wire.send(head(&sender.authorization(), bytes, "")).await;
        let body = format!("\"{}\"", "x".repeat(bytes - 2));
        for piece in body.as_bytes().chunks(4_000) {
            if wire.write(piece).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        wire.answer().await
    };
    let stored = send(40_000).await;
    assert_eq!(stored.status, 200, "two seconds for one that keeps coming: {}", stored.body);
    let given_up = send(200_000).await;
    assert_eq!(given_up.status, 408);
    let problem: Value = serde_json::from_str(&given_up.body).unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("of 200,000 bytes arrived in 4 s; "), "{detail}");
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_is_given_up_and_both_ends_read_how_much_of_it_came() {
    let (server, sender) = with_pace().await;
    let mut wire = Wire::connect(&server.url).await;
    wire.send(format!("{}{}", head(&sender.authorization(), 5_500, ""), " ".repeat(2_120))).await;
    let answer = wire.answer().await;
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, problem["code"].as_str()), (408, Some("body_timeout")));
    let detail = problem["detail"].as_str().unwrap();
    assert_eq!(
        detail,
        "2,120 of 5,500 bytes arrived in 1 s; send it within 1 s, or at 8 KB/s or faster and within 4 s"
    );
    server.eventually("select count(*) from rejections where reason = 'body_timeout'", 1).await;
    assert_eq!(server.query("select detail from rejections").await[0][0].as_deref(), Some(detail));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_under_the_same_webhook_id_is_another_event() {
    let (server, _, sender) = stage().await;
    let send = async |name: &str, body: &str| {
        let answer = sender.request().header(name, "msg_1").body(body.to_owned()).send().await.unwrap();
        let replayed = answer.headers().contains_key("idempotency-replayed");
        let status = answer.status().as_u16();
        let json: Value = answer.json().await.unwrap();
        (status, replayed, json["id"].as_str().unwrap_or_default().to_owned())
    };
    let first = send("webhook-id", "1").await;
    let second = send("webhook-id", "2").await;
    let third = send("webhook-id", "3").await;
    for (status, replayed, _) in [&first, &second, &third] {
        assert_eq!((*status, *replayed), (200, false));
    }
    for (body, stored) in [("1", &first), ("2", &second), ("3", &third), ("2", &second), ("1", &first)] {
        assert_eq!(send("webhook-id", body).await, (200, true, stored.2.clone()), "{body}");
    }
    assert_eq!(server.number("select count(*) from events").await, 3);
    // Of both names, Idempotency-Key is the one that counts.
    let both = |body: &str| {
        sender.request().header("Idempotency-Key", "k").header("webhook-id", "msg_1").body(body.to_owned())
    };
    assert_eq!(both("1").send().await.unwrap().status(), 200);
    assert_eq!(both("2").send().await.unwrap().status(), 422);
    assert_eq!(server.number("select count(*) from events").await, 4);
}

// holds D4
#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_webhook_id_that_come_at_once_are_each_stored_once() {
    let (server, _, sender) = stage().await;
    let sending = (0..60).map(|number| {
        let request = sender.request().header("webhook-id", "one").body((number % 3).to_string());
        async move { request.send().await.unwrap().status().as_u16() }
    });
    let answers = futures_util::future::join_all(sending).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(server.number("select count(*) from events").await, 3);
}

// holds C5
#[tokio::test(flavor = "multi_thread")]
async fn nothing_confidential_of_a_head_is_stored_and_all_else_is() {
    let (server, alice, sender) = stage().await;
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl";
    let mut request = sender.request();
    for name in NAMES {
        request = request.header(*name, "canary");
    }
    for ending in ENDINGS {
        request = request.header(format!("x-some{ending}"), "canary");
        if *ending != "-authorization" {
            request = request.header(&ending[1..], "canary");
        }
    }
    for (name, value) in [
        ("X-Forwarded-Auth", "Bearer canary"),
        ("X-Original", "basic canary"),
        ("X-Assertion", jwt),
        ("X-Copy", &sender.authorization()[6..]),
        ("X-Debug", &format!("curl --user {}:{}", sender.username, sender.password)),
        ("Cookie", "canary"),
        ("Set-Cookie", "canary"),
        ("Proxy-Authorization", "canary"),
        ("X-Event-Key", "repo:push"),
        ("Idempotency-Key", "7"),
        ("X-Routing-Key", "orders"),
        ("X-Keycloak-Realm", "main"),
        ("User-Agent", &sender.password),
    ] {
        request = request.header(name, value);
    }
    let mut request = request.body("{}").build().unwrap();
    let query = format!("token=canary&a=1&x_password=canary&who={}&key=k", sender.password);
    request.url_mut().set_query(Some(&query));
    let answer = sender.execute(request).await;
    assert_eq!(answer.status(), 200);
    let row = &server.query("select headers, query, user_agent from events").await[0];
    let told = format!("{row:?}");
    assert!(!told.contains("canary") && !told.contains(&sender.password[8..]) && !told.contains(jwt), "{told}");
    assert!(!told.contains(&sender.authorization()[6..]), "{told}");
    let kept: Vec<(String, String)> = serde_json::from_str(row[0].as_deref().unwrap()).unwrap();
    for (name, value) in [
        ("x-event-key", "repo:push"),
        ("idempotency-key", "7"),
        ("x-routing-key", "orders"),
        ("x-keycloak-realm", "main"),
    ] {
        assert!(kept.contains(&(name.to_owned(), value.to_owned())), "{name} is not in {kept:?}");
    }
    assert!(kept.iter().all(|(name, _)| !NEVER_KEPT.contains(&name.as_str())));
    assert_eq!(row[1].as_deref(), Some("token=[masked]&a=1&x_password=[masked]&who=[masked]&key=k"));

    let page = alice.page("/docs/webhooks/api-reference").await;
    let section = page.split("id=\"kept\"").nth(1).unwrap().split("<h2").next().unwrap().to_lowercase();
    for name in NAMES.iter().chain(ENDINGS).chain(PARAMETERS).chain(&NEVER_KEPT) {
        assert!(section.contains(&format!("<code>{name}</code>")), "the documentation does not name {name}");
    }
}
