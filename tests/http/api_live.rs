//! The event stream of the API: each event once, in the order in which they were committed, for as long as the token works.

use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::holding::expired;
use crate::support::actors::{Person, Sender};
use crate::support::api_program::Program;
use crate::support::follower::Follower;
use crate::support::server::{PASSWORD, TestServer};

async fn stage() -> (TestServer, Person, Sender, Program) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let program = Program::with(&server, &alice, &["events:read"]).await;
    (server, alice, sender, program)
}

/// Who reads a stream with the token of a program.
fn reader(server: &TestServer, program: &Program, query: &str) -> Follower {
    let token = HeaderValue::from_str(&format!("Bearer {}", program.token)).unwrap();
    let client = Client::builder().no_proxy().default_headers(HeaderMap::from_iter([(AUTHORIZATION, token)]));
    let person = Person { url: server.url.clone(), client: client.build().unwrap() };
    Follower::new(&person, &format!("/api/v1/events/live{query}"))
}

// holds issue 17, section 2: GET /events/live with Last-Event-ID
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_each_event_once_and_goes_on_where_it_broke_off() {
    let (server, _, sender, program) = stage().await;
    sender.store("0").await;
    let mut all = reader(&server, &program, "?include=body");
    let mut some = reader(&server, &program, "?q=number%20%3E%201");
    all.connect().await;
    some.connect().await;
    let mut stored = Vec::new();
    for number in 0..3 {
        stored.push(sender.store(format!(r#"{{"number":{number}}}"#)).await);
    }
    all.until(|said| said.len() == 3).await;
    assert_eq!(all.ids(), stored);
    assert_eq!(all.of("stored")[2]["body"], json!({"number": 2}));
    some.until(|said| said.len() == 1).await;
    assert_eq!(some.ids(), stored[2..]);
    // As if the connection had broken after the second event, and more had come than a look reads.
    all.cut();
    all.last_id.clone_from(&all.said[1].id);
    all.said.truncate(2);
    for number in 3..63 {
        stored.push(sender.store(number.to_string()).await);
    }
    all.connect().await;
    all.until(|said| said.len() == stored.len()).await;
    assert_eq!(all.ids(), stored);
    // The ids are cursors of `after` as well.
    let rest = program.json(&format!("/events?after={}", all.said[61].id)).await;
    assert_eq!(rest["events"][0]["id"], *stored.last().unwrap());
    assert_eq!(program.status("/events?after=now").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_committed_late_is_in_the_stream_as_well() {
    let (server, _, sender, program) = stage().await;
    let first = sender.store("1").await;
    let late = format!("{}0000000000", &first[..26]);
    let slow = server
        .begin(&format!(
            "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
             select account_id, '{late}', credential_id, remote_ip, content_type, headers, body, size_bytes from events"
        ))
        .await;
    let mut stream = reader(&server, &program, "");
    stream.connect().await;
    let newer = sender.store("2").await;
    stream.until(|said| said.len() == 1).await;
    slow.batch_execute("commit").await.unwrap();
    // It tells nobody of it, so the next event does.
    let newest = sender.store("3").await;
    stream.until(|said| said.len() == 3).await;
    assert_eq!(stream.ids(), [newer, late, newest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_events_are_in_the_stream_when_they_are_accepted_and_once_behind_each_id() {
    let (server, alice, sender, program) = stage().await;
    let (old, _, path) = expired(&server, &alice).await;
    for number in 0..3 {
        old.send(number.to_string()).await;
        server.eventually("select count(*) from held_events", number + 1).await;
    }
    server.pass(jiff::SignedDuration::from_hours(5));
    let mut stream = reader(&server, &program, "");
    stream.connect().await;
    let first = sender.store("1").await;
    stream.until(|said| said.len() == 1).await;
    stream.cut();
    alice.post(&format!("{path}/held-events/acceptance"), &[("current_password", PASSWORD)]).await;
    stream.connect().await;
    stream.until(|said| said.len() == 4).await;
    let late = server.query("select id::text from events where accepted_late_at is not null order by id").await;
    let late = late.iter().map(|row| row[0].clone().unwrap());
    assert_eq!(stream.ids(), std::iter::once(first).chain(late).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_what_its_token_may_see_alone() {
    let (server, alice, sender, _) = stage().await;
    let other = server.sender(&alice).await;
    let bound = [("scope", "events:read"), ("credentials", other.username.as_str())];
    let mut stream = reader(&server, &Program::granted(&server, &alice, &bound).await, "");
    stream.connect().await;
    sender.store("1").await;
    let own = other.store("2").await;
    stream.until(|said| said.len() == 1).await;
    assert_eq!(stream.ids(), [own]);
}

// holds issue 17, section 1: a revocation bites on the next look on every instance
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_without_another_event_when_its_token_does() {
    let (server, alice, sender, program) = stage().await;
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let expiring = Program::with(&server, &alice, &["events:read"]).await;
    let mut streams = [reader(&server, &program, ""), reader(&other, &program, ""), reader(&other, &expiring, "")];
    for stream in &mut streams {
        stream.connect().await;
    }
    alice.post(&format!("/settings/api-tokens/{}/revocation", program.id), &[]).await;
    server.query(&format!("update api_tokens set expires_at = now() where id = '{}'", expiring.id)).await;
    sender.store("1").await;
    for mut stream in streams {
        assert!(stream.ends().await);
        assert_eq!(stream.ids(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_says_what_may_be_missing_behind_its_id() {
    let (server, alice, sender, program) = stage().await;
    let mut stream = reader(&server, &program, "");
    stream.connect().await;
    stream.cut();
    server.pass(jiff::SignedDuration::from_secs(1));
    let gone = sender.store("1").await;
    let deleting = Program::with(&server, &alice, &["events:delete"]).await;
    deleting.call("DELETE", &format!("/events/{gone}"), Value::Null, 204).await;
    stream.connect().await;
    stream.until(|said| said.len() == 1).await;
    assert_eq!(stream.of("truncated"), [&json!({"truncated": "deletion"})]);
    stream.cut();
    stream.connect().await;
    assert_eq!(stream.said.len(), 1, "once");
    let wrong = program.request("GET", "/events/live").header("Last-Event-ID", "x").send().await.unwrap();
    assert_eq!(
        (wrong.status().as_u16(), wrong.json::<Value>().await.unwrap()["code"].as_str()),
        (400, Some("invalid_cursor"))
    );
}

// holds issue 17, section 2: streams share what an account has of waiting readers
#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_a_hundred_streams_and_the_next_is_told_so() {
    let (server, _, sender, program) = stage().await;
    let bob = server.pro("bob@example.com").await;
    let neighbour = Program::with(&server, &bob, &["events:read"]).await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = reader(&server, &program, "");
        stream.connect().await;
        streams.push(stream);
    }
    let refused = program.get("/events/live").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &HeaderValue::from_static("1")));
    assert_eq!(program.status("/self").await, 200, "they hold no turn");
    assert_eq!(neighbour.status("/events/live").await, 200);
    sender.store("1").await;
    for mut stream in streams {
        stream.until(|said| said.len() == 1).await;
    }
}
