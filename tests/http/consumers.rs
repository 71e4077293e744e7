//! Consumers: what is handed out comes again until it is acknowledged, and nothing is passed over without a word.

use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::holding::expired;
use crate::support::actors::{Person, Sender};
use crate::support::api_program::Program;
use crate::support::server::{PASSWORD, TestServer};

/// An account with a sender, a program with both scopes, and a consumer that begins with the oldest event.
struct Stage {
    server: TestServer,
    alice: Person,
    sender: Sender,
    program: Program,
    consumer: String,
}

impl Stage {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let alice = server.pro("alice@example.com").await;
        let sender = server.sender(&alice).await;
        let program = Program::with(&server, &alice, &["events:read", "consumers:write"]).await;
        let consumer = create(&program, json!({"name": "Import", "start": "oldest"})).await;
        Self { server, alice, sender, program, consumer }
    }

    async fn store(&self, count: usize) -> Vec<String> {
        let mut stored = Vec::new();
        for number in 0..count {
            stored.push(self.sender.store(format!(r#"{{"number":{number}}}"#)).await);
        }
        stored
    }

    async fn pull(&self, query: &str) -> (Vec<String>, Value) {
        pull(&self.program, &self.consumer, query).await
    }

    async fn ack(&self, cursor: &Value, status: u16) -> Value {
        self.program.call("POST", &format!("{}/ack", self.consumer), json!({"cursor": cursor}), status).await
    }

    async fn seek(&self, to: Value) -> Value {
        self.program.call("POST", &format!("{}/seek", self.consumer), json!({"to": to}), 200).await
    }

    async fn item(&self) -> Value {
        self.program.json(&self.consumer).await
    }

    /// What is handed out and acknowledged until there is no more.
    async fn drain(&self) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            let (ids, answer) = self.pull("?limit=3").await;
            if ids.is_empty() && answer["caught_up"] == true {
                return found;
            }
            found.extend(ids);
            self.ack(&answer["cursor"], 200).await;
        }
    }
}

/// The address of a new consumer.
async fn create(program: &Program, body: Value) -> String {
    let made = program.call("POST", "/consumers", body, 201).await;
    format!("/consumers/{}", made["id"].as_str().unwrap())
}

async fn pull(program: &Program, consumer: &str, query: &str) -> (Vec<String>, Value) {
    let answer = program.json(&format!("{consumer}/events{query}")).await;
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    (answer["events"].as_array().unwrap().iter().map(id).collect(), answer)
}

// holds issue 17, section 3: the same events until they are acknowledged
#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_out_comes_again_until_it_is_acknowledged() {
    let stage = Stage::start().await;
    let stored = stage.store(5).await;
    let (first, answer) = stage.pull("?limit=3").await;
    assert_eq!((&first[..], &answer["caught_up"], &answer["truncated"]), (&stored[..3], &json!(false), &json!(false)));
    let next = stage.store(1).await;
    assert_eq!(stage.pull("?limit=200").await, (first.clone(), answer.clone()), "whatever has come since");
    let (part, of_part) = stage.pull("?limit=2").await;
    assert_eq!(part, stored[..2]);
    stage.ack(&of_part["cursor"], 200).await;
    assert_eq!(stage.pull("").await.0, stored[2..3], "the rest of it");
    stage.ack(&answer["cursor"], 200).await;
    let (rest, answer) = stage.pull("?include=body").await;
    assert_eq!((&rest[..], &answer["caught_up"]), (&stored[3..], &json!(false)));
    assert_eq!(answer["events"][0]["body"], json!({"number": 3}));
    stage.ack(&answer["cursor"], 200).await;
    let (newest, answer) = stage.pull("").await;
    assert_eq!((newest, &answer["caught_up"]), (next, &json!(true)));
    let acknowledged = stage.ack(&answer["cursor"], 200).await;
    assert_eq!(acknowledged["position"], answer["cursor"]);
    let (none, answer) = stage.pull("").await;
    assert_eq!((none.len(), &answer["caught_up"]), (0, &json!(true)));
    assert_eq!(stage.ack(&answer["cursor"], 200).await["name"], "Import", "it has come so far by itself");
}

// holds issue 17, section 3: forwards only; beyond what was handed out 422
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_leads_forwards_and_never_beyond_what_was_handed_out() {
    let stage = Stage::start().await;
    stage.store(4).await;
    let refused = async |cursor: &Value| {
        let problem = stage.ack(cursor, 422).await;
        assert_eq!(problem["errors"][0]["field"], "cursor", "{problem}");
    };
    let beyond = stage.program.json("/events?after=oldest").await["cursor"].clone();
    refused(&beyond).await;
    let (_, first) = stage.pull("?limit=2").await;
    for wrong in [beyond.clone(), json!(""), json!("x"), json!(null)] {
        refused(&wrong).await;
    }
    let bob = stage.server.pro("bob@example.com").await;
    let stranger = Program::with(&stage.server, &bob, &["events:read"]).await;
    refused(&stranger.json("/events?after=now").await["cursor"]).await;
    stage.ack(&first["cursor"], 200).await;
    let (_, second) = stage.pull("?limit=1").await;
    let forward = stage.ack(&second["cursor"], 200).await;
    assert_eq!(stage.ack(&first["cursor"], 200).await["position"], forward["position"], "never back");
    assert_eq!(stage.ack(&second["cursor"], 200).await["position"], forward["position"], "twice is once");
    stage.seek(json!("oldest")).await;
    refused(&second["cursor"]).await;
    assert_eq!(stage.drain().await.len(), 4);
}

// holds issue 17, section 3: two pullers of one consumer
#[tokio::test(flavor = "multi_thread")]
async fn two_who_pull_at_once_get_the_same_and_acknowledge_once() {
    let stage = Stage::start().await;
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let (program, consumer) = (stage.program.clone(), stage.consumer.clone());
            tokio::spawn(async move { pull(&program, &consumer, "?wait=60").await })
        })
        .collect();
    while stage.server.application().state.waiting_readers() < 8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.alice.get("/events").await.status(), 200, "more wait than an account has turns");
    let stored = stage.store(1).await;
    let answers: Vec<_> = join_all(waiting).await.into_iter().map(Result::unwrap).collect();
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
        assert_eq!(answer.0, stored);
    }
    let more = stage.store(3).await;
    join_all(answers.iter().map(|(_, answer)| stage.ack(&answer["cursor"], 200))).await;
    assert_eq!(stage.drain().await, more);
    assert_eq!(stage.program.status(&format!("{}/events?wait=61", stage.consumer)).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_committed_late_is_handed_out_although_its_id_is_older() {
    let stage = Stage::start().await;
    let first = stage.store(1).await;
    let late = format!("{}0000000000", &first[0][..26]);
    let slow = stage
        .server
        .begin(&format!(
            "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
             select account_id, '{late}', credential_id, remote_ip, content_type, headers, body, size_bytes from events"
        ))
        .await;
    let newer = stage.store(5).await;
    let (part, answer) = stage.pull("?limit=2").await;
    assert_eq!(part, [&first[..], &newer[..1]].concat());
    slow.batch_execute("commit").await.unwrap();
    assert_eq!(stage.pull("?limit=2").await.0, part);
    stage.ack(&answer["cursor"], 200).await;
    assert_eq!(stage.item().await["behind"], json!({"events": 5, "exact": true, "oldest_at": received_at(&late)}));
    let rest = stage.drain().await;
    assert_eq!(rest, [&newer[1..], &[late]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_what_was_committed_late_is_acknowledged_without_repeats() {
    let stage = Stage::start().await;
    let first = stage.store(1).await;
    let late: Vec<String> = (0..2).map(|number| format!("{}000000000{number}", &first[0][..26])).collect();
    let slow = stage
        .server
        .begin(&format!(
            "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
             select account_id, late::uuid, credential_id, remote_ip, content_type, headers, body, size_bytes \
             from events, unnest(array['{}', '{}']) as late",
            late[0], late[1]
        ))
        .await;
    let newer = stage.store(3).await;
    for part in [[&first[..], &newer[..1]].concat(), newer[1..].to_vec()] {
        let (ids, answer) = stage.pull("?limit=2").await;
        assert_eq!(ids, part);
        stage.ack(&answer["cursor"], 200).await;
    }
    slow.batch_execute("commit").await.unwrap();
    assert_eq!(stage.pull("").await.0, late);
    let (part, answer) = stage.pull("?limit=1").await;
    stage.ack(&answer["cursor"], 200).await;
    assert_eq!((&part[..], stage.drain().await), (&late[..1], late[1..].to_vec()));
}

fn received_at(id: &str) -> String {
    let id: reasoner_webhooks::domain::event::EventId = id.parse::<uuid::Uuid>().unwrap().into();
    format!("{:.3}", id.received_at())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_begins_and_is_moved_anywhere_which_is_in_the_audit_trail() {
    let stage = Stage::start().await;
    let old = stage.store(1).await;
    stage.server.pass(SignedDuration::from_hours(2));
    let lately = stage.store(1).await;
    let cursor = stage.program.json("/events?after=now").await["cursor"].clone();
    let new = stage.store(1).await;
    let all = [old, lately.clone(), new.clone()].concat();
    for (number, (start, expected)) in [
        (json!("oldest"), all.clone()),
        (json!("now"), Vec::new()),
        (json!({"since": "1h"}), [lately, new.clone()].concat()),
        (json!({"cursor": cursor}), new),
    ]
    .into_iter()
    .enumerate()
    {
        stage.seek(start.clone()).await;
        assert_eq!(stage.drain().await, expected, "{start}");
        let made = create(&stage.program, json!({"name": format!("Number {number}"), "start": start})).await;
        assert_eq!(pull(&stage.program, &made, "").await.0, expected, "{start}");
        stage.program.call("DELETE", &made, Value::Null, 204).await;
        assert_eq!(stage.program.status(&made).await, 404);
    }
    for (wrong, field) in [
        (json!("new"), "to"),
        (json!({"since": "x"}), "to.since"),
        (json!({"cursor": "x"}), "to.cursor"),
        (json!(1), "to"),
    ] {
        let path = format!("{}/seek", stage.consumer);
        let problem = stage.program.call("POST", &path, json!({"to": wrong}), 422).await;
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let lines = "select count(*) from audit_log where token_name = 'Program' and action = ";
    for (action, count) in [("consumer_created", 5), ("consumer_moved", 4), ("consumer_deleted", 4)] {
        assert_eq!(stage.server.number(&format!("{lines}'{action}'")).await, count, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_reads_what_its_search_finds_and_says_how_far_it_is_behind() {
    let stage = Stage::start().await;
    let other = stage.server.sender(&stage.alice).await;
    let filter = json!({"q": "number > 1", "credentials": [stage.sender.username]});
    let found = create(&stage.program, json!({"name": "Found", "filter": filter, "start": "oldest"})).await;
    let stored = stage.store(4).await;
    other.store(r#"{"number":7}"#).await;
    let item = stage.program.json(&found).await;
    assert_eq!((&item["behind"]["events"], &item["behind"]["exact"]), (&json!(2), &json!(true)), "{item}");
    assert_eq!(item["filter"]["q"], "number > 1");
    let listed = stage.program.json("/consumers").await;
    assert_eq!((&listed["consumers"][0]["name"], &listed["consumers"][0]["behind"]), (&json!("Found"), &json!(null)));
    assert_eq!(listed["consumers"][1]["behind"]["events"], 5, "{listed}");
    let (ids, answer) = pull(&stage.program, &found, "").await;
    assert_eq!(ids, stored[2..]);
    stage.program.call("POST", &format!("{found}/ack"), json!({"cursor": answer["cursor"]}), 200).await;
    other.store(r#"{"number":8}"#).await;
    let before = stage.program.json(&found).await["position"].clone();
    assert_eq!(pull(&stage.program, &found, "").await.0.len(), 0);
    let item = stage.program.json(&found).await;
    assert!(item["position"] != before && item["last_pulled_at"].is_string(), "it goes on past what it does not read");
    assert_eq!((&item["behind"]["events"], &item["behind"]["oldest_at"]), (&json!(0), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_cannot_be_made_says_which_field_is_wrong() {
    let stage = Stage::start().await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": "x".repeat(61)}), "name"),
        (json!({"name": "x", "filter": {"q": "number >"}}), "filter.q"),
        (json!({"name": "x", "filter": {"credentials": ["rw_00000000"]}}), "filter.credentials"),
        (json!({"name": "x", "filter": []}), "filter"),
        (json!({"name": "x", "start": "yesterday"}), "start"),
        (json!({"name": "x", "start": {"since": "yesterday"}}), "start.since"),
        (json!({"name": "x", "more": 1}), "more"),
    ] {
        let problem = stage.program.call("POST", "/consumers", body, 422).await;
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let again = stage.program.call("POST", "/consumers", json!({"name": "Import"}), 409).await;
    assert!(again["detail"].as_str().unwrap().contains("has this name already"), "{again}");
    stage
        .server
        .query("insert into consumers (id, account_id, name, query, credentials, position, created_at) select \
                gen_random_uuid(), account_id, 'x' || n, '', '', position, created_at from consumers, generate_series(1, 99) n")
        .await;
    let problem = stage.program.call("POST", "/consumers", json!({"name": "One more"}), 409).await;
    assert!(problem["detail"].as_str().unwrap().contains("has 100 consumers"), "{problem}");
    assert_eq!(stage.program.json("/consumers").await["consumers"].as_array().unwrap().len(), 100);
}

// holds issue 17, section 1: a token that is bound to credentials sees their events alone
#[tokio::test(flavor = "multi_thread")]
async fn a_token_bound_to_credentials_uses_consumers_of_these_alone() {
    let stage = Stage::start().await;
    let other = stage.server.sender(&stage.alice).await;
    let fields = [("scope", "events:read"), ("scope", "consumers:write"), ("credentials", other.username.as_str())];
    let bound = Program::granted(&stage.server, &stage.alice, &fields).await;
    let own = create(&bound, json!({"name": "Bound", "start": "oldest"})).await;
    stage.store(1).await;
    let seen = other.store("2").await;
    assert_eq!(pull(&bound, &own, "").await.0, [seen], "its own alone");
    let filter = json!({"credentials": [stage.sender.username]});
    bound.call("POST", "/consumers", json!({"name": "Not its own", "filter": filter}), 422).await;
    // To acknowledge would pass over what it does not see, for everybody.
    for (method, act) in [("GET", ""), ("GET", "/events"), ("POST", "/ack"), ("POST", "/seek"), ("DELETE", "")] {
        let body = if act == "/ack" { json!({"cursor": "x"}) } else { json!({"to": "now"}) };
        let body = if method == "POST" { body } else { Value::Null };
        bound.call(method, &format!("{}{act}", stage.consumer), body, 404).await;
    }
    let listed = bound.json("/consumers").await;
    assert_eq!(listed["consumers"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(stage.program.json("/consumers").await["consumers"].as_array().unwrap().len(), 2);
}

// holds issue 17, section 3: retention or deletion passed a position
#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_before_it_was_read_is_told_until_it_is_acknowledged() {
    let stage = Stage::start().await;
    assert_eq!(stage.drain().await.len(), 0);
    stage.server.pass(SignedDuration::from_mins(31));
    let stored = stage.store(2).await;
    let deleting = Program::with(&stage.server, &stage.alice, &["events:delete"]).await;
    let delete = async |id: &str| deleting.call("DELETE", &format!("/events/{id}"), Value::Null, 204).await;
    delete(&stored[0]).await;
    for _ in 0..2 {
        let (ids, answer) = stage.pull("").await;
        assert_eq!((&ids[..], &answer["truncated"]), (&stored[1..], &json!(true)));
    }
    assert_eq!(stage.item().await["truncated"]["reason"], "deletion");
    let (_, answer) = stage.pull("").await;
    delete(&stored[1]).await;
    let (ids, again) = stage.pull("").await;
    assert_eq!((ids.len(), &again["truncated"], &again["cursor"]), (0, &json!(true), &answer["cursor"]));
    stage.ack(&answer["cursor"], 200).await;
    assert_eq!(stage.pull("").await.1["truncated"], false, "once");
    assert_eq!(stage.item().await["truncated"]["reason"], "deletion", "its owner still reads it");
    assert!(stage.seek(json!("now")).await["truncated"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_ahead_of_a_consumer_in_the_middle_is_told_until_it_is_acknowledged() {
    let stage = Stage::start().await;
    let stored = stage.store(6).await;
    let deleting = Program::with(&stage.server, &stage.alice, &["events:delete"]).await;
    let (_, answer) = stage.pull("?limit=2").await;
    stage.ack(&answer["cursor"], 200).await;
    deleting.call("DELETE", &format!("/events/{}", stored[5]), Value::Null, 204).await;
    for _ in 0..2 {
        let (ids, answer) = stage.pull("?limit=2").await;
        assert_eq!((&ids[..], &answer["truncated"]), (&stored[2..4], &json!(true)));
    }
    let (_, first) = stage.pull("?limit=1").await;
    stage.ack(&first["cursor"], 200).await;
    assert_eq!(stage.pull("").await.0, stored[3..4]);
    stage.ack(&stage.pull("").await.1["cursor"], 200).await;
    let (ids, answer) = stage.pull("").await;
    assert_eq!((&ids[..], &answer["truncated"]), (&stored[4..5], &json!(false)), "once");
}

// holds issue 17, section 3: nothing is passed over, be it accepted hours after it arrived
#[tokio::test(flavor = "multi_thread")]
async fn late_events_that_are_accepted_are_handed_out_once() {
    let stage = Stage::start().await;
    let (old, new, path) = expired(&stage.server, &stage.alice).await;
    for number in 0..5 {
        old.send(number.to_string()).await;
        stage.server.eventually("select count(*) from held_events", number + 1).await;
    }
    stage.server.pass(SignedDuration::from_hours(5));
    new.store("9").await;
    assert_eq!(stage.drain().await.len(), 1);
    stage.alice.post(&format!("{path}/held-events/acceptance"), &[("current_password", PASSWORD)]).await;
    let newer = new.store("10").await;
    let late = stage.server.query("select id::text from events where accepted_late_at is not null order by id").await;
    let late: Vec<String> = late.iter().map(|row| row[0].clone().unwrap()).collect();
    let behind = &stage.item().await["behind"];
    let oldest = json!(received_at(&late[0]));
    assert_eq!((&behind["events"], &behind["oldest_at"]), (&json!(6), &oldest), "{behind}");
    // Of the first three, two are acknowledged.
    assert_eq!(stage.pull("?limit=3").await.0, late[..3]);
    let (_, first) = stage.pull("?limit=2").await;
    stage.ack(&first["cursor"], 200).await;
    assert_eq!(stage.ack(&first["cursor"], 200).await["behind"], Value::Null);
    assert_eq!(stage.item().await["behind"]["events"], 4);
    assert_eq!(stage.drain().await, [&late[2..], &[newer]].concat());
    assert_eq!(stage.item().await["behind"]["events"], 0);
    stage.seek(json!("oldest")).await;
    assert_eq!(stage.drain().await.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_has_passed_is_told_until_it_is_acknowledged() {
    let stage = Stage::start().await;
    stage.store(1).await;
    stage.drain().await;
    stage.server.query("update api_tokens set expires_at = null").await;
    stage.server.pass(SignedDuration::from_hours(24 * 91));
    for _ in 0..2 {
        let (ids, answer) = stage.pull("?wait=60").await;
        assert_eq!((ids.len(), &answer["truncated"]), (0, &json!(true)));
    }
    let (_, answer) = stage.pull("").await;
    stage.ack(&answer["cursor"], 200).await;
    assert_eq!(stage.pull("").await.1["truncated"], false, "once");
    stage.seek(json!("oldest")).await;
    assert_eq!(stage.pull("").await.1["truncated"], false, "all there are were asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledging_is_no_act_of_which_an_account_has_few() {
    let stage = Stage::start().await;
    let cursor = stage.item().await["position"].clone();
    for _ in 0..130 {
        stage.ack(&cursor, 200).await;
    }
    assert_eq!(stage.seek(json!("now")).await["name"], "Import");
}

const CONSUMERS: &str = "/settings/consumers";

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_made_watched_moved_and_deleted_on_its_pages() {
    let stage = Stage::start().await;
    stage.program.call("DELETE", &stage.consumer, Value::Null, 204).await;
    let alice = &stage.alice;
    assert!(alice.page(CONSUMERS).await.contains("You have no consumers."));
    stage.store(3).await;
    let id = "0195b3c8-5f3a-7d57-8f5d-7c1b0d7a4e10";
    let username = stage.sender.username.as_str();
    let form = [("id", id), ("name", "A <b>"), ("q", "number > 0"), ("credentials", username), ("start", "oldest")];
    let made = alice.post(CONSUMERS, &form).await;
    let page = alice.follow(made).await;
    for words in ["The consumer is created.", "A &#60;b&#62;", "2 events behind", "number &#62; 0", "System 1"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains(&format!("{}/api/v1/consumers/{id}/events", stage.server.url)));
    let again = alice.post(CONSUMERS, &form).await;
    assert!(alice.follow(again).await.contains("You’ve already sent this form."));
    let named = alice.post(CONSUMERS, &[("name", "A <b>"), ("start", "now")]).await;
    assert_eq!(named.status(), 422);
    assert!(named.text().await.unwrap().contains("You have a consumer with this name already."));

    let (_, answer) = pull(&stage.program, &format!("/consumers/{id}"), "").await;
    let ack = format!("/consumers/{id}/ack");
    stage.program.call("POST", &ack, json!({"cursor": answer["cursor"]}), 200).await;
    let page = alice.page(&format!("{CONSUMERS}/{id}")).await;
    assert!(page.contains("Up to date") && !page.contains("<dd>Never</dd>"), "{page}");
    for (fields, words) in
        [(vec![("start", "since"), ("since", "<soon>")], "is not a time"), (vec![], "Choose where to start.")]
    {
        let wrong = alice.post(&format!("{CONSUMERS}/{id}/position"), &fields).await;
        assert_eq!(wrong.status(), 422);
        let page = wrong.text().await.unwrap();
        assert!(page.contains(words) && (fields.is_empty() || page.contains("value=\"&#60;soon&#62;\"")), "{page}");
    }
    let moved = alice.post(&format!("{CONSUMERS}/{id}/position"), &[("start", "oldest")]).await;
    let page = alice.follow(moved).await;
    assert!(page.contains("The consumer is moved.") && page.contains("2 events behind"), "{page}");
    stage.server.query("update consumers set truncated = 'deletion', truncated_at = now()").await;
    assert!(alice.page(CONSUMERS).await.contains("Missed events"));
    assert!(alice.page(&format!("{CONSUMERS}/{id}")).await.contains("Events were deleted before it read them."));
    let deleted = alice.post(&format!("{CONSUMERS}/{id}/deletion"), &[]).await;
    assert!(alice.follow(deleted).await.contains("The consumer is deleted."));
    assert_eq!(stage.program.status(&format!("/consumers/{id}/events")).await, 404);
    let lines = stage.server.audit_lines("action, subject", "action like 'consumer%' and subject = 'A <b>'").await;
    let actions: Vec<&str> = lines.iter().map(|line| line[0].as_str()).collect();
    assert_eq!(actions, ["consumer_created", "consumer_moved", "consumer_deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_form_that_is_wrong_comes_back_with_what_was_typed() {
    let stage = Stage::start().await;
    let typed =
        [("name", " "), ("q", "number > \"<"), ("credentials", "rw_00000000"), ("start", "since"), ("since", "soon")];
    let answer = stage.alice.post(CONSUMERS, &typed).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    for words in [
        "Give the consumer a name",
        "id=\"q-error\"",
        "value=\"number &#62; &#34;&#60;\"",
        "no credential with the username rw_00000000",
        "is not a time",
        "value=\"since\" checked",
        "value=\"soon\"",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(stage.server.number("select count(*) from consumers").await, 1);
}
