//! Following events through the API: in the order in which they were committed, without missing one.

use jiff::SignedDuration;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Duration;

use crate::holding::expired;
use crate::support::actors::{Person, Sender};
use crate::support::api_program::Program;
use crate::support::event_rows::insert_many;
use crate::support::server::{PASSWORD, TestServer};

/// Less than the time that is waited for, and more than any busy machine needs to answer.
const LONG_BEFORE: Duration = Duration::from_secs(40);

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
    server.pass(SignedDuration::from_mins(31));
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
    server.pass(SignedDuration::from_secs(1));
    let cursor = pull(&program, "now", "").await.1;
    server.pass(SignedDuration::from_secs(1));
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
    for _ in 0..20 {
        let (program, path) = (program.clone(), format!("/events?after={cursor}&wait=60"));
        waiting.push(tokio::spawn(async move { program.json(&path).await }));
    }
    // More wait than an account has turns, or the program connections to the database.
    waited_by(&server, 20).await;
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
    server.pass(SignedDuration::from_hours(24 * 89));
    assert!(program.json(&format!("/events?after={cursor}")).await["truncated"].is_null());
    server.query("update api_tokens set expires_at = null").await;
    server.pass(SignedDuration::from_hours(24 * 2));
    let answer = program.json(&format!("/events?after={cursor}")).await;
    assert_eq!(answer["truncated"], "retention");
    let cursor = answer["cursor"].as_str().unwrap();
    assert!(program.json(&format!("/events?after={cursor}")).await["truncated"].is_null(), "once");
}

// holds issue 17, section 3: nothing is passed over without a word, be it accepted hours after it arrived
#[tokio::test(flavor = "multi_thread")]
async fn late_events_that_are_accepted_are_pulled_once_wherever_somebody_stands() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let program = Program::with(&server, &alice, &["events:read"]).await;
    let (old, new, path) = expired(&server, &alice).await;
    for number in 0..5 {
        assert_eq!(old.send(format!(r#"{{"late":{number}}}"#)).await.status(), 401);
        server.eventually("select count(*) from held_events", number + 1).await;
    }
    server.pass(SignedDuration::from_hours(5));
    let stored = [new.store("1").await, new.store("2").await];
    let at_the_end = pull(&program, "oldest", "").await.1;
    let first = program.json("/events?after=oldest&limit=1").await;
    let in_the_middle = first["cursor"].as_str().unwrap().to_owned();
    let waiting = tokio::spawn({
        let (program, path) = (program.clone(), format!("/events?after={at_the_end}&wait=60&limit=2"));
        async move { program.json(&path).await }
    });
    waited_by(&server, 1).await;
    alice.post(&format!("{path}/held-events/acceptance"), &[("current_password", PASSWORD)]).await;
    let late = server.query("select id::text from events where accepted_late_at is not null order by id").await;
    let late: Vec<String> = late.iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!((late.len(), ids(&waiting.await.unwrap())), (5, late[..2].to_vec()), "whoever waits is told");
    let newer = new.store("3").await;
    for (after, before) in [(&at_the_end, &[][..]), (&in_the_middle, &stored[1..])] {
        let (found, end) = pull(&program, after, "").await;
        assert_eq!(found, [before, &late[..], std::slice::from_ref(&newer)].concat(), "{after}");
        assert_eq!(pull(&program, &end, "").await.0, Vec::<String>::new());
    }
    assert_eq!(pull(&program, &at_the_end, "&q=late%20%3E%202").await.0, late[3..]);
    assert_eq!(pull(&program, &at_the_end, &format!("&credential={}", new.username)).await.0.len(), 6);
    let other = server.sender(&alice).await;
    let of_other = pull(&program, &at_the_end, &format!("&credential={}", other.username)).await.0;
    assert_eq!(of_other, Vec::<String>::new());
}

// holds issue 17, section 3: deletion passed a position that is in the middle of what waits
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_ahead_of_who_is_in_the_middle_is_told_once() {
    let (server, alice, sender, program) = stage().await;
    let deleting = Program::with(&server, &alice, &["events:delete"]).await;
    let before = pull(&program, "now", "").await.1;
    let mut stored = Vec::new();
    for number in 0..13 {
        stored.push(sender.store(number.to_string()).await);
    }
    // Behind a moment before all of them, it is told at once of what was deleted by then.
    for (after, told) in [("oldest", Value::Null), (&before, "deletion".into())] {
        let mut cursor = after.to_owned();
        let mut next = async || {
            let answer = program.json(&format!("/events?after={cursor}&limit=2")).await;
            answer["cursor"].as_str().unwrap().clone_into(&mut cursor);
            (ids(&answer), answer["truncated"].clone())
        };
        assert_eq!(next().await, (stored[..2].to_vec(), told));
        let gone = stored.pop().unwrap();
        deleting.call("DELETE", &format!("/events/{gone}"), Value::Null, 204).await;
        assert_eq!(next().await, (stored[2..4].to_vec(), "deletion".into()), "{after}");
        assert_eq!(next().await, (stored[4..6].to_vec(), Value::Null), "once");
        let gone = stored.pop().unwrap();
        deleting.call("DELETE", &format!("/events/{gone}"), Value::Null, 204).await;
        let (rest, truncated) = next().await;
        assert_eq!((&rest[..], truncated), (&stored[6..8], "deletion".into()), "of another one");
        while !next().await.0.is_empty() {}
        assert_eq!(next().await.1, Value::Null, "once");
    }
}

// holds issue 17, section 3: whoever has left takes no place among those who wait
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_with_the_request_is_waited_for_by_nobody() {
    let (server, alice, _, _) = stage().await;
    let program = Program::with(&server, &alice, &["events:read", "consumers:write"]).await;
    let made = program.call("POST", "/consumers", json!({"name": "Import"}), 201).await;
    let pull = format!("/consumers/{}/events?wait=60", made["id"].as_str().unwrap());
    let address = server.url.strip_prefix("http://").unwrap();
    for path in ["/events?after=now&wait=60", pull.as_str()] {
        let mut leaving = TcpStream::connect(address).await.unwrap();
        let token = &program.token;
        let head = format!("GET /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
        leaving.write_all(head.as_bytes()).await.unwrap();
        leaving.shutdown().await.unwrap();
        // It is answered, or its connection ends: both long before the time is over.
        let mut rest = Vec::new();
        let ending = tokio::time::timeout(LONG_BEFORE, leaving.read_to_end(&mut rest)).await;
        assert!(ending.is_ok(), "{path}");
        assert_eq!(server.application().state.waiting_readers(), 0, "{path}");
    }
}

/// Waits until so many wait for the next event.
async fn waited_by(server: &TestServer, count: usize) {
    while server.application().state.waiting_readers() < count {
        tokio::task::yield_now().await;
    }
}

// holds issue 17, section 1: a revocation bites on every instance, also on who waits
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_with_a_token_that_ends_gets_nothing_more() {
    let (server, alice, sender, _) = stage().await;
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let scopes = ["events:read", "consumers:write"];
    let [revoked, expiring] = [(); 2].map(|()| Program::with(&server, &alice, &scopes));
    let (revoked, expiring) = (revoked.await, expiring.await);
    let mut waiting = Vec::new();
    for (number, program) in [&revoked, &expiring].into_iter().enumerate() {
        for (number, instance) in [(number * 2, &server), (number * 2 + 1, &other)] {
            let program = Program { url: format!("{}/api/v1", instance.url), ..program.clone() };
            let made = program.call("POST", "/consumers", json!({"name": number.to_string()}), 201).await;
            for path in [
                "/events?after=now&wait=60&include=body".to_owned(),
                format!("/consumers/{}/events?wait=60", made["id"].as_str().unwrap()),
            ] {
                let program = program.clone();
                waiting.push(tokio::spawn(async move { program.get(&path).await }));
            }
        }
    }
    waited_by(&server, 4).await;
    waited_by(&other, 4).await;
    alice.post(&format!("/settings/api-tokens/{}/revocation", revoked.id), &[]).await;
    server.query(&format!("update api_tokens set expires_at = now() where id = '{}'", expiring.id)).await;
    sender.store("1").await;
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "invalid_token");
    }
    assert_eq!(server.number("select count(*) from consumers where step = 0").await, 4, "none was handed anything");
}

// holds issue 17, section 3: who is far behind is limited by the program, and who asks for little by the account's requests
#[tokio::test(flavor = "multi_thread")]
async fn large_answers_do_not_count_among_the_requests_of_an_account_and_small_ones_do() {
    let (server, alice, sender, program) = stage().await;
    let owner = format!("(select account_id from credentials), '{}'", alice.credential_id(&sender.username).await);
    server.query(&insert_many(&owner, 600, 1, "'1'")).await;
    let consumers = Program::with(&server, &alice, &["events:read", "consumers:write"]).await;
    let made = consumers.call("POST", "/consumers", json!({"name": "Import", "start": "oldest"}), 201).await;
    let consumer = format!("/consumers/{}", made["id"].as_str().unwrap());
    let left = |answer: &Response| {
        let told = answer.headers()["ratelimit"].to_str().unwrap().to_owned();
        told.split(['=', ';']).nth(2).unwrap().parse::<u64>().unwrap()
    };
    server.pass(SignedDuration::from_secs(1));
    let mut found = 0;
    for _ in 0..12 {
        let answer = consumers.get(&format!("{consumer}/events")).await;
        assert_eq!(left(&answer), 600);
        let answer: Value = answer.json().await.unwrap();
        found += ids(&answer).len();
        let ack = consumers.request("POST", &format!("{consumer}/ack"));
        let acked = ack.json(&json!({"cursor": answer["cursor"]})).send().await.unwrap();
        assert_eq!((acked.status().as_u16(), left(&acked)), (200, 600));
        assert_eq!(left(&program.get("/events?after=oldest&include=body").await), 600);
    }
    assert_eq!(found, 600);
    assert_eq!(left(&program.get("/events?after=oldest&limit=49").await), 599, "none of the others was kept");
}

// holds issue 17, section 4: waiters that nothing is for cost little and keep their places
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_who_wait_for_something_else_are_not_refused_in_a_flood() {
    let (server, alice, sender, program) = stage().await;
    let mut waiting = Vec::new();
    for _ in 0..100 {
        let program = program.clone();
        waiting.push(tokio::spawn(async move { program.json("/events?after=now&wait=60&q=wanted%20%3D%201").await }));
    }
    waited_by(&server, 100).await;
    for number in 0..300 {
        sender.store(number.to_string()).await;
    }
    assert!(waiting.iter().all(|waiter| !waiter.is_finished()));
    assert_eq!(program.status("/events?after=now&wait=60").await, 503, "there are no more places");
    assert_eq!(alice.get("/events").await.status(), 200);
    let wanted = sender.store(r#"{"wanted":1}"#).await;
    for answer in waiting {
        assert_eq!(ids(&answer.await.unwrap()), std::slice::from_ref(&wanted));
    }
}

// holds issue 17, section 3: an event whose program was killed before it told of it
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_told_of_is_found_by_who_waits() {
    let (server, alice, sender, program) = stage().await;
    let owner = format!("(select account_id from credentials), '{}'", alice.credential_id(&sender.username).await);
    let waiting = tokio::spawn(async move { program.json("/events?after=now&wait=60").await });
    waited_by(&server, 1).await;
    let began = std::time::Instant::now();
    server.query(&insert_many(&owner, 1, 0, "'1'")).await;
    assert_eq!(ids(&waiting.await.unwrap()).len(), 1);
    assert!(began.elapsed() < std::time::Duration::from_secs(40), "{:?}", began.elapsed());
}
