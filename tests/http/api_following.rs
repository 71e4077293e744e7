//! Following events through the API: in the order in which they were committed, without missing one.

use serde_json::Value;

use crate::support::actors::{Person, Sender};
use crate::support::api_program::Program;
use crate::support::server::TestServer;

async fn stage() -> (TestServer, Person, Sender, Program) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let program = Program::with(&server, &alice, &["events:read"]).await;
    (server, alice, sender, program)
}

fn ids(answer: &Value) -> Vec<String> {
    answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

/// Everything behind a cursor, and the cursor behind that.
async fn pull(program: &Program, after: &str, query: &str) -> (Vec<String>, String) {
    let (mut found, mut cursor) = (Vec::new(), after.to_owned());
    loop {
        let answer = program.json(&format!("/events?after={cursor}&limit=3{query}")).await;
        found.extend(ids(&answer));
        answer["cursor"].as_str().unwrap().clone_into(&mut cursor);
        if answer["caught_up"] == true {
            return (found, cursor);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pulled_is_each_event_once_from_the_oldest_on() {
    let (_, _, sender, program) = stage().await;
    let mut stored = Vec::new();
    for number in 0..7 {
        stored.push(sender.store(format!(r#"{{"number":{number}}}"#)).await);
    }
    let (first, cursor) = pull(&program, "oldest", "").await;
    assert_eq!(first, stored);
    let next = sender.store(r#"{"number":7}"#).await;
    let (news, cursor) = pull(&program, &cursor, "").await;
    assert_eq!(news, [next]);
    assert_eq!(pull(&program, &cursor, "").await.0, Vec::<String>::new());
    assert_eq!(pull(&program, "oldest", "&q=number%20%3E%205").await.0.len(), 2);
    assert_eq!(pull(&program, "now", "").await.0, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_committed_late_is_pulled_although_its_id_is_older() {
    let (server, _, sender, program) = stage().await;
    let first = sender.store("1").await;
    let late = format!("{}0000000000", &first[..26]);
    let slow = server
        .begin(&format!(
            "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
             select account_id, '{late}', credential_id, remote_ip, content_type, headers, body, size_bytes from events"
        ))
        .await;
    let newer = sender.store("2").await;
    let (found, cursor) = pull(&program, "oldest", "").await;
    assert_eq!(found, [first.clone(), newer]);
    slow.batch_execute("commit").await.unwrap();
    let (found, cursor) = pull(&program, &cursor, "").await;
    assert!(late < first);
    assert_eq!(found, [late]);
    assert_eq!(pull(&program, &cursor, "").await.0, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_between_two_pages_from_an_id_on_is_pulled() {
    for after in ["", "oldest", "an id"] {
        let (server, _, sender, program) = stage().await;
        let mut stored = Vec::new();
        for number in 0..3 {
            stored.push(sender.store(number.to_string()).await);
        }
        let late = format!("{}0000000000", &stored[0][..26]);
        let slow = server
            .begin(&format!(
                "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) select \
                 account_id, '{late}', credential_id, remote_ip, content_type, headers, body, size_bytes from events limit 1"
            ))
            .await;
        let before = format!("{}7000-8000-000000000000", &stored[0][..14]);
        let first = program.json(&format!("/events?after={}&limit=1", after.replace("an id", &before))).await;
        assert_eq!((ids(&first), &first["truncated"]), (vec![stored[0].clone()], &Value::Null), "{after}");
        slow.batch_execute("commit").await.unwrap();
        let (rest, _) = pull(&program, first["cursor"].as_str().unwrap(), "").await;
        assert_eq!(rest, [stored[1].clone(), stored[2].clone(), late], "{after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_behind_which_events_were_deleted_says_so_once() {
    let (server, alice, sender, program) = stage().await;
    let cursor = pull(&program, "now", "").await.1;
    server.pass(jiff::SignedDuration::from_mins(31));
    let gone = sender.store("1").await;
    let kept = sender.store("2").await;
    assert!(program.json(&format!("/events?after={cursor}")).await["truncated"].is_null());
    let deleting = Program::with(&server, &alice, &["events:delete"]).await;
    deleting.call("DELETE", &format!("/events/{gone}"), Value::Null, 204).await;
    let answer = program.json(&format!("/events?after={cursor}")).await;
    assert_eq!((ids(&answer), &answer["truncated"]), (vec![kept], &Value::from("deletion")));
    let cursor = answer["cursor"].as_str().unwrap();
    assert!(program.json(&format!("/events?after={cursor}")).await["truncated"].is_null(), "once");
    assert!(program.json("/events?after=oldest").await["truncated"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_in_the_half_hour_of_a_cursor_is_told_if_it_was_behind() {
    let (server, alice, sender, program) = stage().await;
    let deleting = Program::with(&server, &alice, &["events:delete"]).await;
    let before = sender.store("1").await;
    server.pass(jiff::SignedDuration::from_secs(1));
    let cursor = pull(&program, "now", "").await.1;
    server.pass(jiff::SignedDuration::from_secs(1));
    let behind = sender.store("2").await;
    for (gone, told) in [(before, Value::Null), (behind, "deletion".into())] {
        deleting.call("DELETE", &format!("/events/{gone}"), Value::Null, 204).await;
        assert_eq!(program.json(&format!("/events?after={cursor}")).await["truncated"], told);
    }
    let next = pull(&program, &cursor, "").await.1;
    assert!(program.json(&format!("/events?after={next}")).await["truncated"].is_null(), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_answered_with_the_next_event_and_holds_nobody_up() {
    let (server, alice, sender, program) = stage().await;
    let cursor = pull(&program, "now", "").await.1;
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let (program, path) = (program.clone(), format!("/events?after={cursor}&wait=60"));
        waiting.push(tokio::spawn(async move { program.json(&path).await }));
    }
    // More wait than an account has turns, and each of them has begun to when it holds none.
    while server.application().state.waiting_readers() < 8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(alice.get("/events").await.status(), 200);
    assert_eq!(program.status("/self").await, 200);
    let event = sender.store("1").await;
    for answer in waiting {
        assert_eq!(ids(&answer.await.unwrap()), std::slice::from_ref(&event));
    }
    let answer = program.json(&format!("/events?after={cursor}&wait=0&limit=1")).await;
    assert_eq!(ids(&answer), [event]);
    assert_eq!(program.status("/events?after=now&wait=61").await, 400);
    assert_eq!(program.status("/events?after=x").await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_retention_has_passed_says_so_and_goes_on() {
    let (server, _, sender, program) = stage().await;
    sender.store("1").await;
    let cursor = pull(&program, "now", "").await.1;
    server.pass(jiff::SignedDuration::from_hours(24 * 89));
    assert!(program.json(&format!("/events?after={cursor}")).await["truncated"].is_null());
    server.query("update api_tokens set expires_at = null").await;
    server.pass(jiff::SignedDuration::from_hours(24 * 2));
    let answer = program.json(&format!("/events?after={cursor}")).await;
    assert_eq!(answer["truncated"], "retention");
    let cursor = answer["cursor"].as_str().unwrap();
    assert!(program.json(&format!("/events?after={cursor}")).await["truncated"].is_null(), "once");
}
