//! Quotas: what an account may have, and what happens at the limit, to it and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::holding::expired;
use crate::support::actors::{Person, Sender, WEBHOOKS};
use crate::support::server::{PASSWORD, TestServer};
use crate::support::upkeep::prune;

/// How often something is asked for that comes about within seconds.
const TRIES: usize = 300;

async fn set(server: &TestServer, what: &str) {
    server.query(&format!("update accounts set {what} where name = 'alice'")).await;
}

/// Sends small events until they are answered with a status.
async fn until(sender: &Sender, wanted: u16) -> reqwest::Response {
    for _ in 0..TRIES {
        let answer = sender.send("1").await;
        if answer.status().as_u16() == wanted {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no event was answered with {wanted}");
}

const LIVE: &str = "select count(*) from credentials where revoked_at is null";

// holds N8
#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_no_more_credentials_than_it_may_have_however_many_are_created_at_once() {
    let server = TestServer::start().await;
    let alice = Arc::new(server.pro("alice@example.com").await);
    assert!(!alice.page(WEBHOOKS).await.contains("of 100 credentials"), "there is none yet");
    server.sender(&alice).await;
    assert!(alice.page(WEBHOOKS).await.contains("1 of 100 credentials"));
    set(&server, "max_credentials = 3").await;
    let create = async |alice: Arc<Person>, number: usize| {
        let path = format!("{WEBHOOKS}/credentials");
        alice.post(&path, &[("name", &format!("More {number}"))]).await
    };
    let forms: Vec<_> = (0..8).map(|number| tokio::spawn(create(alice.clone(), number))).collect();
    let mut statuses = Vec::new();
    for form in forms {
        statuses.push(form.await.unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 422, 422, 422, 422, 422, 422]);
    assert_eq!(server.number(LIVE).await, 3);
    let page = create(alice.clone(), 9).await.text().await.unwrap();
    assert!(page.contains("You’ve reached the limit of 3 credentials."), "{page}");
    assert!(page.contains("value=\"More 9\""), "what was typed stays");
    server.query("update credentials set revoked_at = now() where name like 'System%'").await;
    assert_eq!(create(alice.clone(), 10).await.status(), 200, "a revoked one makes room");
    let bob = server.pro("bob@example.com").await;
    server.sender(&bob).await;
}

// holds N8
#[tokio::test(flavor = "multi_thread")]
async fn the_browser_that_was_seen_longest_ago_makes_room_for_another() {
    let server = TestServer::start().await;
    let first = server.pro("alice@example.com").await;
    assert!(first.page("/settings/sessions").await.contains("At most 100 can be signed in"));
    set(&server, "max_sessions = 3").await;
    let mut browsers = vec![first];
    for _ in 0..4 {
        server.pass(SignedDuration::from_secs(61));
        let browser = server.visitor();
        let form = [("email", "alice@example.com"), ("password", PASSWORD)];
        assert_eq!(browser.post("/login", &form).await.status(), 303);
        browsers.push(browser);
    }
    assert_eq!(server.number("select count(*) from sessions where user_id is not null").await, 3);
    let mut statuses = Vec::new();
    for browser in &browsers {
        statuses.push(browser.get("/events").await.status().as_u16());
    }
    assert_eq!(statuses, [303, 303, 200, 200, 200]);
}

// holds N8
#[tokio::test(flavor = "multi_thread")]
async fn changes_on_pages_have_a_rate_of_their_account() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let name = [("name", "Harbor")];
    let sender = server.sender(&alice).await;
    let other = server.sign_in("alice@example.com").await;
    assert_eq!(other.get("/events").await.status(), 200);
    let newest = "select s.id::text from sessions s join users u on u.id = s.user_id where u.email like 'alice%' \
         order by s.created_at desc limit 1";
    let sessions = server.query(newest).await;
    // Making the credential was a change, too.
    server.pass(SignedDuration::from_secs(4));
    let mut changed = 0;
    let refused = loop {
        let other = format!("Harbor {changed}");
        let answer = alice.post("/settings/account/name", &[("name", other.as_str())]).await;
        if answer.status() != 303 {
            break answer;
        }
        changed += 1;
        assert!(changed < 1_000, "nothing was refused");
    };
    assert!(changed >= 120, "{changed} were let through");
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(refused.status() == 429 && (1..=2).contains(&wait), "{wait}");
    assert!(refused.text().await.unwrap().contains("Too many changes at once"));
    let lines = server.number("select count(*) from audit_log where action = 'account_renamed'").await;
    assert_eq!(lines, changed, "what was refused left no line");
    assert_eq!(alice.get("/events").await.status(), 200, "reading goes on");
    // Whoever got in with a stolen session cannot keep its owner from shutting them out.
    let id = alice.credential_id(&sender.username).await;
    let (credential, session) = (format!("{WEBHOOKS}/credentials/{id}"), sessions[0][0].clone().unwrap());
    for path in [
        format!("/settings/sessions/{session}/revocation"),
        "/settings/other-sessions/ending".to_owned(),
        format!("{credential}/token-address-revocation"),
        format!("{credential}/old-password-revocation"),
        format!("{credential}/disabling"),
        format!("{credential}/revocation"),
    ] {
        assert_eq!(alice.post(&path, &[]).await.status(), 303, "{path}");
    }
    let new = [("current_password", PASSWORD), ("new_password", "an entirely different set of words")];
    assert_eq!(alice.post("/settings/account/password", &new).await.status(), 303);
    assert_eq!(bob.post("/settings/account/name", &name).await.status(), 303, "the others change what they like");
    server.pass(SignedDuration::from_secs(2));
    assert_eq!(alice.post("/settings/account/name", &name).await.status(), 303);
}

// holds N8
#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_of_storage_new_events_are_refused_with_a_code_that_says_so() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let (sender, other) = (server.sender(&alice).await, server.sender(&bob).await);
    assert!(!alice.page("/settings/events").await.contains("When storage is full"), "without a limit nothing is asked");
    set(&server, "max_events = 3").await;
    for _ in 0..3 {
        sender.store("1").await;
    }
    let refused = until(&sender, 507).await;
    assert_eq!(refused.headers()["retry-after"], "60");
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!((problem["code"].as_str(), problem["status"].as_i64()), (Some("storage_full"), Some(507)));
    other.store("1").await;
    server.eventually("select (count(*) > 0)::int from rejections where reason = 'storage_full'", 1).await;
    assert!(alice.page("/events/rejections").await.contains("Storage is full"));
    let id = alice.credential_id(&sender.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/test-event"), &[]).await;
    assert!(alice.page(WEBHOOKS).await.contains("Storage is full, so senders get 507 too."));
    let page = alice.page("/settings/events").await;
    assert!(page.contains(" of 3</dd>") && page.contains("Storage is full. New events are refused."), "{page}");
    server.query("update accounts set max_events = null, max_bytes = 1000000").await;
    until(&sender, 200).await;
}

// holds N8
#[tokio::test(flavor = "multi_thread")]
async fn at_a_limit_of_bytes_no_more_events_go_than_have_to() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for _ in 0..30 {
        sender.store("\"12345678\"").await;
    }
    // Its headers are part of what each of them stores.
    let each = server.number("select max(size_bytes + octet_length(headers)) from events").await;
    set(&server, &format!("max_bytes = {}, when_full = 'delete_oldest'", 10 * each + 1)).await;
    for _ in 0..10 {
        if server.number("select count(*) from events").await <= 10 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(server.number("select count(*) from events").await, 10, "ten of them are less than may be");
}

/// The headers that are stored, and what the counts know of them.
const HEADERS: &str = "select sum(octet_length(headers)) - (select sum(header_bytes) from (select header_bytes from event_counts \
     union all select header_bytes from daily_counts union all select -header_bytes from event_removals) as counts) from events";

// holds N8
#[tokio::test(flavor = "multi_thread")]
async fn headers_are_counted_however_an_event_comes_and_goes() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (old, new, credential) = expired(&server, &alice).await;
    assert_eq!(old.status().await, 401);
    server.eventually("select count(*) from held_events", 1).await;
    let accept = format!("{credential}/held-events/acceptance");
    assert_eq!(alice.post(&accept, &[("current_password", PASSWORD)]).await.status(), 303);
    assert_eq!(alice.post(&format!("{credential}/test-event"), &[]).await.status(), 303);
    let ids = [new.store("1").await, new.store("2").await];
    assert_eq!((server.number("select count(*) from events").await, server.number(HEADERS).await), (4, 0));
    assert_eq!(alice.post(&format!("/events/{}/deletion", ids[0]), &[]).await.status(), 303);
    assert_eq!((server.number("select count(*) from events").await, server.number(HEADERS).await), (3, 0));
    server.pass(SignedDuration::from_hours(5 * 24));
    prune(&server.application().state.store, 90, server.now()).await.unwrap();
    assert_eq!(server.number("select count(*) from event_counts").await, 0, "days are over");
    assert_eq!(server.number(HEADERS).await, 0);
}

// holds N8
#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_makes_no_room_and_stays_for_who_keeps_it_longer_again() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for _ in 0..3 {
        sender.store("\"hidden\"").await;
    }
    server.pass(SignedDuration::from_hours(40 * 24));
    for _ in 0..6 {
        sender.store("1").await;
    }
    set(&server, "retention_days = 30, max_events = 5, when_full = 'delete_oldest'").await;
    for _ in 0..TRIES {
        if server.number("select count(*) from events where body = '1'").await == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.number("select count(*) from events where body = '1'").await, 4, "one less than may be");
    assert_eq!(server.number("select count(*) from events").await, 7, "the oldest of those that count have gone");
}

// holds N8
#[tokio::test(flavor = "multi_thread")]
async fn an_account_can_have_its_oldest_events_deleted_for_new_ones() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let oldest = sender.store("1").await;
    for number in 2..=30 {
        sender.store(number.to_string()).await;
    }
    let other = server.pro("bob@example.com").await;
    server.sender(&other).await.store("1").await;
    set(&server, "max_events = 10").await;
    let choice = [("when_full", "delete_oldest")];
    assert_eq!(alice.post("/settings/events/when-full", &[("when_full", "x")]).await.status(), 422);
    assert_eq!(alice.post("/settings/events/when-full", &choice).await.status(), 303);
    assert!(alice.page("/settings/events").await.contains("Your choice is saved."));
    let stored =
        "select count(*) from events where account_id = (select account_id from users where email like 'alice%')";
    for _ in 0..3 {
        // Until it has been looked at, or while too many are there, new ones may be refused.
        if server.number(stored).await == 9 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    assert_eq!(server.number(stored).await, 9, "one less than may be");
    assert_eq!(alice.get(&format!("/events/{oldest}")).await.status(), 404);
    let newest = until(&sender, 200).await.json::<serde_json::Value>().await.unwrap();
    assert_eq!(alice.get(&format!("/events/{}", newest["id"].as_str().unwrap())).await.status(), 200);
    assert!(alice.page("/settings/events").await.contains("10 of 10</dd>"), "totals know what is gone");
    assert_eq!(server.number("select count(*) from events").await, 11, "the others keep theirs");
    let lines = server.audit_lines("action, actor", "action = 'when_full_changed'").await;
    assert_eq!(lines, [["when_full_changed", "user", "delete the oldest events"]]);
}
