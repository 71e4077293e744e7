//! Late events: refused with everybody else, held for their owner, accepted once or discarded.

use jiff::SignedDuration;

use crate::support::actors::{Person, Sender, WEBHOOKS, between};
use crate::support::server::{PASSWORD, TestServer};
use crate::support::upkeep::prune;

/// Hours pass in these tests, so the account password has to be given again.
const CONFIRMED: [(&str, &str); 1] = [("current_password", PASSWORD)];
const HELD: &str = "select count(*) from held_events";
const EVENTS: &str = "select count(*) from events";

/// A credential that was rotated two hours ago with an overlap of one: its old password, and its new one.
pub async fn expired(server: &TestServer, owner: &Person) -> (Sender, Sender, String) {
    let old = server.sender(owner).await;
    let id = owner.credential_id(&old.username).await;
    let new = rotate(server, owner, &id, "1h").await;
    server.pass(SignedDuration::from_hours(2));
    (old, new, format!("{WEBHOOKS}/credentials/{id}"))
}

async fn rotate(server: &TestServer, owner: &Person, id: &str, overlap: &str) -> Sender {
    let answer = owner
        .post(&format!("{WEBHOOKS}/credentials/{id}/rotation"), &[("overlap", overlap), ("current_password", PASSWORD)])
        .await;
    assert_eq!(answer.status(), 200);
    Sender::from_page(&server.url, &answer.text().await.unwrap())
}

async fn stage() -> (TestServer, Person) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    (server, alice)
}

/// All of an answer that its sender can compare with another.
async fn face(request: reqwest::RequestBuilder) -> (u16, Vec<String>, String) {
    let answer = request.send().await.unwrap();
    let mut headers: Vec<String> =
        answer.headers().iter().filter(|(name, _)| *name != "date").map(|(n, v)| format!("{n}: {v:?}")).collect();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    headers.iter_mut().for_each(|header| *header = header.replace(&id, "ID"));
    headers.sort();
    (answer.status().as_u16(), headers, answer.text().await.unwrap().replace(&id, "ID"))
}

// holds C10
#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_is_refused_with_the_same_bytes_whatever_it_is_and_held_if_it_would_have_been_stored() {
    let (server, alice) = stage().await;
    let (old, ..) = expired(&server, &alice).await;
    let wrong = old.with_password("rwp_wrong");
    let requests = |sender: &Sender| {
        [
            sender.request().body(r#"{"n": 1}"#),
            sender.request().body(format!("\"{}\"", "x".repeat(700_000))),
            sender.request().body("{"),
            sender.request().header("content-type", "text/plain").body("{}"),
            sender.request().header("content-encoding", "gzip").body("{}"),
            sender.request().header("idempotency-key", "k".repeat(256)).body("{}"),
            sender.request().body(format!("\"{}\"", "x".repeat(1 << 20))),
        ]
    };
    for (late, wrong) in requests(&old).into_iter().zip(requests(&wrong)) {
        let wrong = face(wrong).await;
        assert_eq!(wrong.0, 401);
        assert_eq!(face(late).await, wrong);
    }
    server.eventually(HELD, 2).await;
    let first = server.query("select body from held_events order by id").await;
    assert_eq!(first[0][0].as_deref(), Some(r#"{"n": 1}"#));
    server.eventually("select coalesce(sum(count), 0) from rejections where reason = 'expired_password'", 7).await;
    assert_eq!(server.number(EVENTS).await, 0);
}

// holds C10, C11
#[tokio::test(flavor = "multi_thread")]
async fn accepted_late_events_stand_where_they_first_arrived_and_say_so() {
    let (server, alice) = stage().await;
    let (old, new, path) = expired(&server, &alice).await;
    for number in 0..3 {
        assert_eq!(old.send(format!("{{\"late\": {number}}}")).await.status(), 401);
        server.eventually(HELD, number + 1).await;
    }
    let first_arrival = server.now();
    for page in [path.replace("/credentials/", "/").as_str(), "/events/rejections"] {
        let page = alice.page(page).await;
        assert!(page.contains("3 events from 127.0.0.1 are held: sent with the expired password."), "{page}");
    }
    server.pass(SignedDuration::from_hours(5));
    new.store(r#"{"on":"time"}"#).await;
    let location = alice.post(&format!("{path}/held-events/acceptance"), &CONFIRMED).await.headers()["location"]
        .to_str()
        .unwrap()
        .to_owned();
    let page = alice.page(&location).await;
    assert!(
        page.contains("3 late events of System 1 are stored.") && !page.contains("sent with the expired password"),
        "{page}"
    );

    let export = alice.page("/events/export").await;
    let events: Vec<serde_json::Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let bodies: Vec<_> = events.iter().map(|event| event["body"].to_string()).collect();
    assert_eq!(bodies, [r#"{"late":0}"#, r#"{"late":1}"#, r#"{"late":2}"#, r#"{"on":"time"}"#]);
    for event in &events[..3] {
        let received: jiff::Timestamp = event["received_at"].as_str().unwrap().parse().unwrap();
        let accepted: jiff::Timestamp = event["accepted_late_at"].as_str().unwrap().parse().unwrap();
        assert!(received <= first_arrival && accepted >= first_arrival + SignedDuration::from_hours(5), "{event}");
    }
    assert!(events[3].get("accepted_late_at").is_none());
    let event = alice.page(&format!("/events/{}", events[0]["id"].as_str().unwrap())).await;
    assert!(event.contains("Accepted late at") && event.contains("Accepted late</span>"), "{event}");
    assert_eq!(server.number("select sum(accepted) from event_counts").await, 4, "counted when accepted");
    assert_eq!(server.number("select sum(bytes) from event_counts").await, 3 * 11 + 13);
    assert_eq!(server.number("select count(*) from senders where remote_ip = '127.0.0.1'").await, 1);
    let audit = alice.page("/settings/audit").await;
    assert!(audit.contains("Accepted late events of a credential") && audit.contains("3 stored"), "{audit}");
}

// holds issue 16, section 4
#[tokio::test(flavor = "multi_thread")]
async fn late_events_that_are_accepted_on_rejected_are_listed_there_no_more() {
    let (server, alice) = stage().await;
    let (old, _, path) = expired(&server, &alice).await;
    for number in 0..3 {
        assert_eq!(old.send(format!("{{\"late\": {number}}}")).await.status(), 401);
        server.eventually(HELD, number + 1).await;
    }
    assert_eq!(old.send("{").await.status(), 401, "which no event can be made of");
    let refused = "select coalesce(sum(count), 0) from rejections";
    server.eventually(refused, 4).await;
    let list = format!("/events/rejections?credential={}", old.username);
    let page = alice.page(&list).await;
    assert!(page.contains("× 4</b>"), "{page}");
    assert_eq!(
        between(&page, "name=\"return_to\" value=\"/events/rejections", "\""),
        &list["/events/rejections".len()..]
    );
    let elsewhere = [("return_to", "https://evil.example/events/rejections"), CONFIRMED[0]];
    let first = server.query("select id::text from held_events order by id").await[0][0].clone().unwrap();
    let acceptance = format!("{path}/held-events/acceptance");
    let answer = alice.post(&acceptance, &[("event", first.as_str()), elsewhere[0], elsewhere[1]]).await;
    let own_page = format!("{}#told", path.replace("/credentials/", "/"));
    assert_eq!(answer.headers()["location"], own_page);
    assert_eq!(server.number(refused).await, 3);
    let answer = alice.post(&acceptance, &[("return_to", list.as_str()), CONFIRMED[0]]).await;
    assert_eq!(answer.headers()["location"], format!("{list}#told"));
    let page = alice.follow(answer).await;
    assert!(page.contains("2 late events of System 1 are stored.") && !page.contains("× "), "{page}");
    assert_eq!(server.number(refused).await, 1, "the one that was none");
    assert_eq!(server.number("select sum(rejected) from event_counts").await, 1);
    assert_eq!(alice.page("/events/rejections/export?format=ndjson").await.lines().count(), 1);
    assert_eq!(alice.page("/events").await.matches(">late</span>").count(), 3);
}

// holds issue 16, section 4
#[tokio::test(flavor = "multi_thread")]
async fn a_held_event_is_read_like_an_event_and_decided_about_alone() {
    let (server, alice) = stage().await;
    let (old, _, path) = expired(&server, &alice).await;
    for number in 0..3 {
        assert_eq!(old.send(format!("{{\"sku\": \"HB-{number}\"}}")).await.status(), 401);
        server.eventually(HELD, number + 1).await;
    }
    server.eventually("select coalesce(sum(rejected), 0)::bigint from event_counts", 3).await;
    let ids: Vec<String> = server
        .query("select id::text from held_events order by id")
        .await
        .into_iter()
        .map(|row| row[0].clone().unwrap())
        .collect();
    let page = alice.page(&path.replace("/credentials/", "/")).await;
    assert!(ids.iter().all(|id| page.contains(&format!("href=\"/events/{id}\""))) && page.contains("HB-2"), "{page}");
    let first = format!("/events/{}", ids[0]);
    let event = alice.page(&first).await;
    assert!(event.contains(">Held</span>") && event.contains("HB-0") && event.contains("content-type"), "{event}");
    assert!(!event.contains("Delete event…") && event.contains(&format!("{path}/held-events/acceptance")));
    assert_eq!(alice.page(&format!("{first}/body")).await, r#"{"sku": "HB-0"}"#);
    assert!(alice.page(&format!("{first}?delete=1")).await.contains("Discard this late event"));
    let bob = server.pro("bob@example.com").await;
    assert_eq!(bob.get(&first).await.status(), 404, "it is nobody else’s");
    assert!(!alice.page("/events").await.contains("HB-0"), "it is no event yet");

    let accepted = alice.post(&format!("{path}/held-events/acceptance"), &[("event", &ids[0]), CONFIRMED[0]]).await;
    assert!(alice.follow(accepted).await.contains("1 late event of System 1 is stored."));
    assert_eq!((server.number(EVENTS).await, server.number(HELD).await), (1, 2));
    let discarded = alice.post(&format!("{path}/held-events/discarding"), &[("event", &ids[1]), CONFIRMED[0]]).await;
    assert!(alice.follow(discarded).await.contains("1 late event of System 1 is discarded."));
    assert_eq!(server.query("select body from held_events").await, [[Some(r#"{"sku": "HB-2"}"#.to_owned())]]);
    assert_eq!(
        alice.post(&format!("{path}/held-events/acceptance"), &[("event", "x"), CONFIRMED[0]]).await.status(),
        404
    );

    let counted = "select sum(accepted) || ' ' || sum(rejected) from event_counts";
    assert_eq!(server.query(counted).await[0][0].as_deref(), Some("1 2"), "once as accepted, no more as rejected");
    let list = alice.page("/events").await;
    assert!(list.contains("HB-0") && list.contains(">late</span>"), "{list}");
    for figure in ["<dd>1</dd>", "<dd>2</dd>"] {
        assert!(list.contains(figure), "{figure}: {list}");
    }
    assert!(alice.page(WEBHOOKS).await.contains("All 2 in the last 24 hours"));
    assert!(alice.page(&first).await.contains("Accepted late</span>"), "the address goes on");
}

// holds C10, D6
#[tokio::test(flavor = "multi_thread")]
async fn late_events_under_one_webhook_id_are_stored_once_for_each_body() {
    let (server, alice) = stage().await;
    let (old, new, path) = expired(&server, &alice).await;
    let send = async |sender: &Sender, body: &'static str| {
        sender.request().header("webhook-id", "subscription-7").body(body).send().await.unwrap().status().as_u16()
    };
    for (number, body) in ["{\"n\":1}", "{\"n\":2}", "{\"n\":1}"].into_iter().enumerate() {
        assert_eq!(send(&old, body).await, 401);
        server.eventually("select coalesce(sum(rejected), 0) from event_counts", number as i64 + 1).await;
    }
    assert_eq!(alice.post(&format!("{path}/held-events/acceptance"), &CONFIRMED).await.status(), 303);
    assert_eq!(server.query("select body from events order by id").await.len(), 2);
    // The sender repeats one of them with its new password.
    assert_eq!(send(&new, "{\"n\":2}").await, 200);
    assert_eq!(server.number(EVENTS).await, 2);
}

// holds D4
#[tokio::test(flavor = "multi_thread")]
async fn accepting_twice_at_the_same_moment_stores_each_late_event_once() {
    let (server, alice) = stage().await;
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    other.pass(SignedDuration::from_hours(2));
    let (old, _, path) = expired(&server, &alice).await;
    for number in 0..20 {
        let request = old.request().body("{}");
        let request = if number % 2 == 0 { request.header("webhook-id", format!("m{number}")) } else { request };
        assert_eq!(request.send().await.unwrap().status(), 401);
        server.eventually(HELD, number + 1).await;
    }
    let path = format!("{path}/held-events/acceptance");
    // Another browser of hers, which is told on its own what came of it.
    let there = other.visitor();
    there.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let (one, two) = tokio::join!(alice.post(&path, &CONFIRMED), there.post(&path, &CONFIRMED));
    let (one, two) = tokio::join!(alice.follow(one), there.follow(two));
    let all = |page: &String| page.contains("20 late events of System 1 are stored.");
    let none = |page: &String| page.contains("There were no held events of System 1 left.");
    assert!(all(&one) && none(&two) || none(&one) && all(&two), "one of them had all");
    assert_eq!(server.number(EVENTS).await, 20);
    assert_eq!(server.number("select sum(accepted) from event_counts").await, 20);
    assert_eq!(server.number("select count(*) from audit_log where action = 'held_events_accepted'").await, 1);
}

// holds D4
#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_that_came_again_under_its_key_is_stored_once() {
    let (server, alice) = stage().await;
    let (old, new, path) = expired(&server, &alice).await;
    let send = async |sender: &Sender, key: &str, body: &str| {
        sender.request().header("idempotency-key", key).body(body.to_owned()).send().await.unwrap()
    };
    for (key, body) in [("a", "1"), ("a", "1"), ("a", "2"), ("b", "3")] {
        assert_eq!(send(&old, key, body).await.status(), 401);
    }
    server.eventually(HELD, 2).await;
    let retried = send(&new, "a", "1").await;
    assert_eq!(retried.status(), 200);
    let location =
        alice.post(&format!("{path}/held-events/acceptance"), &CONFIRMED).await.headers()["location"].clone();
    let page = alice.page(location.to_str().unwrap()).await;
    assert!(page.contains("1 late event of System 1 is stored."), "{page}");
    assert!(page.contains("1 had already been stored under the same idempotency key."), "{page}");
    assert_eq!(server.query("select body from events order by body").await.len(), 2);
    let replayed = send(&new, "b", "3").await;
    assert_eq!((replayed.status().as_u16(), replayed.headers().contains_key("idempotency-replayed")), (200, true));
    assert_eq!(send(&new, "b", "4").await.status(), 422);
    assert_eq!(server.number(EVENTS).await, 2);
}

// holds D4
#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_whose_key_another_event_has_taken_is_stored_all_the_same() {
    let (server, alice) = stage().await;
    let (old, new, path) = expired(&server, &alice).await;
    let late = old.request().header("idempotency-key", "a").body(r#"{"late":true}"#);
    assert_eq!(late.send().await.unwrap().status(), 401);
    server.eventually(HELD, 1).await;
    let other = new.request().header("idempotency-key", "a").body(r#"{"late":false}"#);
    assert_eq!(other.send().await.unwrap().status(), 200);
    assert_eq!(alice.post(&format!("{path}/held-events/acceptance"), &CONFIRMED).await.status(), 303);
    let bodies = server.query("select body from events order by id").await;
    assert_eq!(
        bodies,
        [[Some(r#"{"late":true}"#.to_owned())], [Some(r#"{"late":false}"#.to_owned())]],
        "nothing is lost"
    );
    assert_eq!(server.number("select sum(accepted) from event_counts").await, 2);
    let again = new.request().header("idempotency-key", "a").body(r#"{"late":false}"#).send().await.unwrap();
    assert!(again.headers().contains_key("idempotency-replayed"), "the key stays with the event that has it");
}

// holds C10, D5
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_night_of_late_events_is_held_however_they_come_and_accepted_in_steps() {
    let (server, alice) = stage().await;
    let (old, _, path) = expired(&server, &alice).await;
    assert_eq!(old.status().await, 401);
    server.eventually(HELD, 1).await;
    // Eight at a time, every other one without saying how long it is, and twelve times as many as an address may fail.
    let sending = (0..8).map(async |lane| {
        for number in (lane..1_198).step_by(8) {
            let body = format!("{{\"n\":{number},\"text\":\"{}\"}}", "x".repeat(number % 7 * 1_000));
            let request = match number % 2 {
                0 => old.request().body(body),
                _ => old.request().body(reqwest::Body::wrap_stream(futures_util::stream::once(async {
                    Ok::<_, std::io::Error>(body)
                }))),
            };
            let status = request.send().await.unwrap().status().as_u16();
            assert!([401, 429].contains(&status), "{status}");
        }
    });
    futures_util::future::join_all(sending).await;
    server.application().state.engine.holding.finish().await;
    assert_eq!(server.number(HELD).await, 1_000, "as many as there is room for");
    // Their owner reads of those that were told to wait as well.
    let told = "select (coalesce(sum(count), 0) > 1000)::int::bigint from rejections where reason = 'expired_password'";
    server.eventually(told, 1).await;
    let page = alice.follow(alice.post(&format!("{path}/held-events/acceptance"), &CONFIRMED).await).await;
    assert!(page.contains("1,000 late events of System 1 are stored."), "{page}");
    for less in ["had already been stored", "past your retention", "Accept again"] {
        assert!(!page.contains(less), "{less}: {page}");
    }
    assert_eq!((server.number(EVENTS).await, server.number(HELD).await), (1_000, 0));
    assert_eq!(server.number("select sum(accepted) from event_counts").await, 1_000);
    let listed = "select (select sum(count) from rejections) - (select sum(rejected) from event_counts)";
    server.eventually(listed, 0).await;
    let steps = server.number("select count(*) from audit_log where action = 'held_events_accepted'").await;
    assert!(steps > 1, "one transaction would hold up whatever arrives meanwhile");
}

/// How long a request waits for its answer whose body never comes to an end.
async fn answered_after(sender: &Sender) -> std::time::Duration {
    use futures_util::StreamExt;
    let body = futures_util::stream::iter([Ok::<_, std::io::Error>("{\"n\":")]).chain(futures_util::stream::pending());
    let began = std::time::Instant::now();
    let answer = sender.request().body(reqwest::Body::wrap_stream(body)).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    began.elapsed()
}

// holds C10, A3
#[tokio::test(flavor = "multi_thread")]
async fn how_long_an_answer_takes_does_not_tell_an_expired_password_from_a_wrong_one() {
    let (server, alice) = stage().await;
    let (old, ..) = expired(&server, &alice).await;
    let (late, wrong) = (answered_after(&old).await, answered_after(&old.with_password("rwp_wrong")).await);
    let difference = late.max(wrong) - late.min(wrong);
    assert!(difference < late.min(wrong) / 2, "{late:?} and {wrong:?}");
    assert_eq!(server.number(HELD).await, 0, "half an event is none");
}

// holds C10, C13
#[tokio::test(flavor = "multi_thread")]
async fn only_expired_passwords_of_working_credentials_on_pro_have_anything_held() {
    let (server, alice) = stage().await;
    let (old, new, path) = expired(&server, &alice).await;
    let refused = async |sender: &Sender, status: u16| assert_eq!(sender.status().await, status);
    refused(&old, 401).await;
    server.eventually(HELD, 1).await;

    let page = alice.credential_page(&old.username).await;
    assert!(page.contains("Stop holding late events"), "holding is on from the beginning: {page}");
    assert_eq!(alice.post(&format!("{path}/holding"), &[("holding", "perhaps"), CONFIRMED[0]]).await.status(), 400);
    let location =
        alice.post(&format!("{path}/holding"), &[("holding", "off"), CONFIRMED[0]]).await.headers()["location"].clone();
    assert!(alice.page(location.to_str().unwrap()).await.contains("Late events of System 1 are no longer held."));
    refused(&old, 401).await;
    alice.post(&format!("{path}/holding"), &[("holding", "on"), CONFIRMED[0]]).await;
    alice.post(&format!("{path}/disabling"), &[]).await;
    refused(&old, 401).await;
    alice.post(&format!("{path}/enabling"), &[]).await;
    server.change_plan("alice@example.com", "free").await;
    refused(&old, 401).await;
    server.change_plan("alice@example.com", "pro").await;
    server.pass(SignedDuration::from_hours(7 * 24));
    refused(&old, 401).await;
    server.eventually("select coalesce(sum(count), 0) from rejections where reason = 'expired_password'", 5).await;
    assert_eq!(server.number(HELD).await, 1, "all but the first were refused and no more");

    let audit = alice.page("/settings/audit").await;
    assert!(audit.contains("Stopped holding late events"), "{audit}");
    let (late, ..) = expired(&server, &alice).await;
    refused(&late, 401).await;
    server.eventually(HELD, 2).await;
    let id = alice.credential_id(&late.username).await;
    let dialog = alice.page(&format!("{WEBHOOKS}?revoke={id}")).await;
    assert!(dialog.contains("1 event from 127.0.0.1, held because"), "{dialog}");
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &CONFIRMED).await;
    refused(&late, 401).await;
    assert_eq!(server.number(HELD).await, 1, "what a revoked password brought goes, and nothing comes");
    rotate(&server, &alice, path.rsplit('/').next().unwrap(), "now").await;
    refused(&new, 401).await;
    refused(&old, 401).await;
    server.eventually("select coalesce(sum(count), 0) from rejections where reason = 'revoked_password'", 3).await;
    assert_eq!(server.number(HELD).await, 0, "so it is when the password has leaked");
    assert_eq!(server.number("select count(*) from audit_log where action = 'held_events_discarded'").await, 2);
}

// holds C10
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_whose_password_expires_between_two_requests_has_the_second_held() {
    let (server, alice) = stage().await;
    let old = server.sender(&alice).await;
    let id = alice.credential_id(&old.username).await;
    assert_eq!(old.status().await, 200);
    rotate(&server, &alice, &id, "1h").await;
    server.pass(SignedDuration::from_mins(59));
    assert_eq!(old.status().await, 200);
    server.pass(SignedDuration::from_mins(2));
    assert_eq!(old.status().await, 401, "the transaction that would have stored it says so");
    server.eventually(HELD, 1).await;
    assert_eq!(server.number(EVENTS).await, 2);
    let refused = "select count(*) from rejections";
    server.eventually(refused, 1).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/held-events/acceptance"), &CONFIRMED).await;
    assert_eq!((server.number(EVENTS).await, server.number(refused).await), (3, 0), "listed as refused no more");
}

// holds D5, A5
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_late_events_is_throttled_and_takes_bounded_room() {
    let (server, alice) = stage().await;
    let (old, _, path) = expired(&server, &alice).await;
    assert_eq!(old.status().await, 401);
    server.eventually(HELD, 1).await;
    let fill = "insert into held_events select account_id, gen_random_uuid(), credential_id, secret_id, received_at, remote_ip, \
                user_agent, content_type, query, headers, body, size_bytes from held_events, generate_series(1, 998)";
    server.query(fill).await;
    let mut statuses = Vec::new();
    for _ in 0..150 {
        statuses.push(old.status().await);
    }
    assert!(statuses[..90].iter().all(|status| *status == 401), "{statuses:?}");
    assert!(statuses.contains(&429), "late events take tokens like any failure");
    server.application().state.engine.holding.finish().await;
    assert_eq!(server.number(HELD).await, 1_000);
    assert!(alice.credential_page(&old.username).await.contains("The hold is full"));
    server.query("delete from held_events where id not in (select id from held_events limit 1)").await;
    server.query(&format!("update held_events set size_bytes = {}", (64 << 20) - 16)).await;
    server.pass(SignedDuration::from_mins(5));
    assert_eq!(old.send(r#"{"more than":"16 bytes"}"#).await.status(), 401);
    assert_eq!(old.send("1").await.status(), 401);
    server.eventually("select count(*) from held_events where body = '1'", 1).await;
    assert_eq!(server.number(HELD).await, 2, "64 MiB hold the small one and not the other");
    alice.post(&format!("{path}/held-events/discarding"), &CONFIRMED).await;
    assert_eq!(server.number(HELD).await, 0);
}

// holds D2
#[tokio::test(flavor = "multi_thread")]
async fn late_events_outlive_a_restart_and_are_forgotten_after_seven_days() {
    let (server, alice) = stage().await;
    let (old, ..) = expired(&server, &alice).await;
    for _ in 0..10 {
        assert_eq!(old.status().await, 401);
    }
    let (database, now) = (server.database_url.clone(), server.now());
    server.stop().await;
    let server = TestServer::start_over(database, |_| {}).await;
    server.pass(now.duration_since(server.now()));
    assert_eq!(server.number(HELD).await, 10, "ending writes what is on its way");
    let store = &server.application().state.store;
    prune(store, 90, now + SignedDuration::from_hours(7 * 24 - 1)).await.unwrap();
    assert_eq!(server.number(HELD).await, 10);
    prune(store, 90, now + SignedDuration::from_hours(7 * 24 + 1)).await.unwrap();
    assert_eq!(server.number(HELD).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_events_are_kept_is_not_accepted_and_the_page_says_so() {
    let server = TestServer::start_with(|options| options.retention_days = "2".to_owned()).await;
    let alice = server.pro("alice@example.com").await;
    let (old, _, path) = expired(&server, &alice).await;
    assert_eq!(old.status().await, 401);
    server.eventually(HELD, 1).await;
    server.pass(SignedDuration::from_hours(47));
    assert_eq!(old.send("2").await.status(), 401);
    server.eventually(HELD, 2).await;
    let seen = between(&alice.credential_page(&old.username).await, "name=\"until\" value=\"", "\"").to_owned();
    server.pass(SignedDuration::from_hours(2));
    assert_eq!(old.send("3").await.status(), 401);
    server.eventually(HELD, 3).await;
    let accept = async |until: &str| {
        let answer = alice
            .post(&format!("{path}/held-events/acceptance"), &[("until", until), ("current_password", PASSWORD)])
            .await;
        alice.page(answer.headers()["location"].to_str().unwrap()).await
    };
    let page = accept(&seen).await;
    assert!(page.contains("1 late event of System 1 is stored."), "{page}");
    assert!(page.contains("1 was past your retention and is gone."), "{page}");
    assert_eq!(server.query("select body from events").await, [[Some("2".to_owned())]]);
    assert!(
        page.contains("1 event from 127.0.0.1 is held: sent with the expired password"),
        "what came since is asked about again"
    );
    let dialog = alice.page(&format!("{WEBHOOKS}?discard={}", path.rsplit('/').next().unwrap())).await;
    assert!(dialog.contains("Discard event</button>"), "{dialog}");
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn accepting_late_events_needs_a_recent_password() {
    let (server, alice) = stage().await;
    let (old, _, path) = expired(&server, &alice).await;
    assert_eq!(old.status().await, 401);
    server.eventually(HELD, 1).await;
    server.pass(SignedDuration::from_mins(16));
    let acceptance = format!("{path}/held-events/acceptance");
    assert_eq!(alice.post(&acceptance, &[]).await.status(), 403);
    assert_eq!(alice.post(&acceptance, &[("current_password", "not my password")]).await.status(), 422);
    assert_eq!((server.number(HELD).await, server.number(EVENTS).await), (1, 0));
    assert_eq!(alice.post(&acceptance, &CONFIRMED).await.status(), 303);
    assert_eq!((server.number(HELD).await, server.number(EVENTS).await), (0, 1));
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn discarding_late_events_needs_a_recent_password_since_nothing_brings_them_back() {
    let (server, alice) = stage().await;
    let (old, _, path) = expired(&server, &alice).await;
    assert_eq!(old.status().await, 401);
    server.eventually(HELD, 1).await;
    let dialog = format!("{WEBHOOKS}?discard={}", path.rsplit('/').next().unwrap());
    server.pass(SignedDuration::from_mins(16));
    assert!(alice.page(&dialog).await.contains("name=\"current_password\""), "the form has the field");
    let discarding = format!("{path}/held-events/discarding");
    let asked = alice.post(&discarding, &[]).await;
    assert_eq!(asked.status(), 403);
    assert!(asked.text().await.unwrap().contains("Discard late events"), "the button says what it does");
    assert_eq!(alice.post(&discarding, &[("current_password", "not my password")]).await.status(), 422);
    assert_eq!(server.number(HELD).await, 1);
    assert_eq!(alice.post(&discarding, &CONFIRMED).await.status(), 303);
    assert_eq!(server.number(HELD).await, 0);
    assert!(!alice.page(&dialog).await.contains("name=\"current_password\""), "it was given a moment ago");
}
