//! How far a download is, as the page that started it is told.

use jiff::SignedDuration;
use reasoner_webhooks::domain::export_progress::{Progress, State};
use reasoner_webhooks::domain::ids::AccountId;
use reasoner_webhooks::store::export_progress::note;
use serde_json::{Value, json};

use crate::support::actors::Person;
use crate::support::server::TestServer;
use crate::support::upkeep::prune;

const ID: &str = "0123456789abcdef";
/// More than the system keeps for a connection.
const EVENTS: usize = 24;
const EVENT_BYTES: usize = 1_000_000;

async fn progress(person: &Person, id: &str) -> Value {
    let answer = person.get(&format!("/events/export/progress?id={id}")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    answer.json().await.unwrap()
}

/// Waits for the end of an export.
async fn ended(person: &Person, state: &str) -> Value {
    let mut told = Value::Null;
    for _ in 0..250 {
        told = progress(person, ID).await;
        if told["state"] == state {
            return told;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it is never {state}: {told}");
}

/// An export of large events, of which only the beginning has been read.
async fn begun(server: &TestServer, alice: &Person) -> reqwest::Response {
    let sender = server.sender(alice).await;
    for _ in 0..EVENTS {
        sender.store(format!("\"{}\"", "x".repeat(EVENT_BYTES - 2))).await;
    }
    let mut answer = alice.get(&format!("/events/export?id={ID}")).await;
    assert_eq!(answer.status(), 200);
    answer.chunk().await.unwrap();
    answer
}

// holds D7
#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_three_exports_at_once_and_the_next_is_told_what_to_do() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let mut open = vec![begun(&server, &alice).await];
    for _ in 0..2 {
        let mut answer = alice.get("/events/export?format=csv").await;
        assert_eq!(answer.status(), 200);
        answer.chunk().await.unwrap();
        open.push(answer);
    }
    let refused = alice.get("/events/export").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"60".parse().unwrap()));
    assert!(!refused.headers().contains_key("content-disposition"), "a page and no file");
    let page = refused.text().await.unwrap();
    assert!(page.contains("Three exports are under way") && page.contains("start this one again"), "{page}");
    assert_eq!(server.number("select count(*) from audit_log where action = 'events_exported'").await, 3);
    assert_eq!(bob.get("/events/export").await.status(), 200, "others have their own");
    drop(open.pop());
    for _ in 0..250 {
        if alice.get("/events/export").await.status() == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("there is no room again");
}

// holds W9
#[tokio::test(flavor = "multi_thread")]
async fn a_download_says_how_far_it_is_to_its_owner_alone() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let answer = begun(&server, &alice).await;
    let told = progress(&alice, ID).await;
    assert_eq!((&told["state"], &told["title"]), (&json!("running"), &json!("Exporting events…")));
    let percent = told["percent"].as_u64().unwrap();
    let text = told["text"].as_str().unwrap();
    assert!(percent < 100 && text.ends_with(&format!(" of about {EVENTS} events, {percent} %")), "{told}");
    assert_eq!(progress(&bob, ID).await["state"], "unknown");
    assert_eq!(progress(&alice, "fedcba9876543210").await["state"], "unknown");

    let size = answer.bytes().await.unwrap().len();
    assert!(size > (EVENTS - 1) * EVENT_BYTES);
    let told = ended(&alice, "done").await;
    assert_eq!((&told["title"], &told["percent"]), (&json!("Done: 24 events, 24.0 MB."), &json!(100)));
    server.pass(SignedDuration::from_secs(61));
    assert_eq!(progress(&alice, ID).await["state"], "unknown", "it is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_somebody_cancels_or_that_cannot_be_read_on_says_so() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let answer = begun(&server, &alice).await;
    drop(answer);
    let told = ended(&alice, "left").await;
    assert!(told["title"].as_str().unwrap().starts_with("The download ended early, after "), "{told}");
    assert!(told["text"].as_str().unwrap().contains("isn’t complete") && told["percent"].is_null(), "{told}");

    let mut answer = alice.get(&format!("/events/export?id={ID}")).await;
    answer.chunk().await.unwrap();
    assert_eq!(progress(&alice, ID).await["state"], "running", "the same name is the new download");
    server.query("alter table events rename to events_elsewhere").await;
    while let Ok(Some(_)) = answer.chunk().await {}
    let told = ended(&alice, "broken_off").await;
    assert!(told["title"].as_str().unwrap().starts_with("The download broke off after "), "{told}");
    server.query("alter table events_elsewhere rename to events").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_says_how_many_it_found_and_a_name_has_a_form() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for n in 0..3 {
        sender.store(format!("{{\"n\":{n}}}")).await;
    }
    assert_eq!(alice.page(&format!("/events/export?id={ID}&q=n%3D1")).await.lines().count(), 1);
    assert!(ended(&alice, "done").await["title"].as_str().unwrap().starts_with("Done: 1 event, "));
    for wrong in ["short", "0123456789ABCDEF", "0123456789%2F.."] {
        let answer = alice.get(&format!("/events/export?id={wrong}")).await;
        assert_eq!(answer.status(), 400, "{wrong}");
        assert_eq!(progress(&alice, wrong).await["state"], "unknown");
    }
    let page = alice.page("/events").await;
    assert!(page.contains("data-export-progress hidden") && page.contains("format=ndjson\" data-export>"), "{page}");
}

// holds W9
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_does_not_send_an_export_says_how_far_it_is_too() {
    let server = TestServer::start().await;
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let there = |person: &Person| Person { url: other.url.clone(), ..person.clone() };
    let answer = begun(&server, &alice).await;
    let told = ended(&there(&alice), "running").await;
    assert!(told["text"].as_str().unwrap().contains(&format!(" of about {EVENTS} events, ")), "{told}");
    assert_eq!(progress(&there(&bob), ID).await["state"], "unknown");
    // Stopped by a reader who takes no more, it is written down again and again that it is under way.
    server.pass(SignedDuration::from_secs(40));
    other.pass(SignedDuration::from_secs(40));
    let again = format!(
        "select count(*) from export_progress where updated_at > timestamptz '{}' - interval '30 s'",
        server.now()
    );
    server.eventually(&again, 1).await;
    assert_eq!(progress(&there(&alice), ID).await["state"], "running");

    answer.bytes().await.unwrap();
    let told = ended(&there(&alice), "done").await;
    assert_eq!(told, progress(&alice, ID).await, "both say the same");
    assert_eq!(server.number("select count(*) from export_progress").await, 1);
    other.pass(SignedDuration::from_secs(61));
    assert_eq!(progress(&there(&alice), ID).await["state"], "unknown", "it is forgotten");
    other.pass(SignedDuration::from_mins(10));
    prune(&other.application().state.store, 90, other.now()).await.unwrap();
    assert_eq!(server.number("select count(*) from export_progress").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_instance_is_gone_is_not_under_way_for_ever() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sql =
        format!("insert into export_progress select id, '{ID}', 'running', 1, 2, 1, 9, now(), now() from accounts");
    server.query(&sql).await;
    assert_eq!(progress(&alice, ID).await["text"], "1 of about 2 events, 50 %");
    server.pass(SignedDuration::from_secs(32));
    assert_eq!(progress(&alice, ID).await["state"], "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exports_with_one_name_the_later_one_is_told_of() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let account = server.query("select id from accounts").await[0][0].clone().unwrap();
    let account = AccountId(account.parse().unwrap());
    let mut conn = server.application().state.store.connection().await.unwrap();
    let (first, second) = (server.now(), server.now() + SignedDuration::from_secs(1));
    let figures = Progress { seen: 1, expected: 2, events: 1, bytes: 9 };
    for (state, began_at) in [(State::Running, first), (State::Running, second), (State::Left, first)] {
        note(&mut conn, account, ID, (state, figures), began_at, second).await.unwrap();
        assert_eq!(progress(&alice, ID).await["state"], "running");
    }
    note(&mut conn, account, ID, (State::Done, figures), second, second).await.unwrap();
    assert_eq!(progress(&alice, ID).await["state"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_when_nobody_can_write_down_how_far_it_is() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.query("alter table export_progress rename to elsewhere").await;
    let answer = begun(&server, &alice).await;
    assert_eq!(progress(&alice, ID).await["state"], "running", "this instance knows");
    assert!(answer.bytes().await.unwrap().len() > (EVENTS - 1) * EVENT_BYTES);
    assert_eq!(ended(&alice, "done").await["title"], "Done: 24 events, 24.0 MB.");
    server.query("alter table elsewhere rename to export_progress").await;
}
