//! What programs read and change through the API: events page by page, credentials and their passwords.

use reqwest::Client;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::support::actors::{Person, Sender};
use crate::support::api_program::Program;
use crate::support::server::TestServer;

async fn stage(scopes: &[&str]) -> (TestServer, Person, Sender, Program) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let program = Program::with(&server, &alice, scopes).await;
    (server, alice, sender, program)
}

fn ids(page: &Value) -> Vec<String> {
    page["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_events_come_page_by_page_in_either_order() {
    let (server, alice, sender, program) = stage(&["events:read"]).await;
    let mut stored = Vec::new();
    for number in 0..7 {
        stored.push(sender.store(format!(r#"{{"number":{number}}}"#)).await);
    }
    for order in ["desc", "asc"] {
        let (mut found, mut path) = (Vec::new(), format!("/events?order={order}&limit=3"));
        loop {
            let answer = program.get(&path).await;
            let link = answer.headers().get("link").map(|value| value.to_str().unwrap().to_owned());
            let page: Value = answer.json().await.unwrap();
            assert_eq!(page["complete"], true);
            found.extend(ids(&page));
            let Some(cursor) = page["next_cursor"].as_str() else {
                assert_eq!(link, None);
                break;
            };
            let next = link.unwrap();
            assert!(next.ends_with(">; rel=\"next\"") && !cursor.contains(found.last().unwrap()), "{next}");
            path = next.split("/api/v1").nth(1).unwrap().split('>').next().unwrap().to_owned();
        }
        if order == "asc" {
            found.reverse();
        }
        found.reverse();
        assert_eq!(found, stored, "{order}");
    }
    let id = alice.credential_id(&sender.username).await;
    let credential = json!({"id": id, "username": sender.username, "name": "System 1"});
    assert_eq!(program.json("/events?limit=1").await["events"][0]["credential"], credential);
    let bob = server.pro("bob@example.com").await;
    let stranger = Program::with(&server, &bob, &["events:read"]).await;
    let cursor = program.json("/events?limit=1").await["next_cursor"].as_str().unwrap().to_owned();
    for (caller, cursor) in [(&stranger, cursor.as_str()), (&program, "x")] {
        let problem = caller.call("GET", &format!("/events?cursor={cursor}"), Value::Null, 400).await;
        assert_eq!(problem["code"], "invalid_cursor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_the_page_finds_and_says_where_it_is_wrong() {
    let (_, _, sender, program) = stage(&["events:read"]).await;
    sender.store(r#"{"quantity":3}"#).await;
    let found = sender.store(r#"{"quantity":30}"#).await;
    assert_eq!(ids(&program.json("/events?q=quantity%20%3E%2020").await), [found]);
    let problem = program.call("GET", "/events?q=quantity%20==%201", Value::Null, 400).await;
    assert_eq!((&problem["code"], &problem["column"]), (&json!("invalid_query"), &json!(10)), "{problem}");
    for query in ["since=yesterday", "credential=rw_00000000", "limit=0", "limit=201", "order=up", "include=all"] {
        let problem = program.call("GET", &format!("/events?{query}"), Value::Null, 400).await;
        assert_eq!(problem["code"], "invalid_query", "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stand_in_the_answer_up_to_a_size_and_come_as_they_were_sent() {
    let (_, _, sender, program) = stage(&["events:read", "events:delete"]).await;
    let small = sender.store(" {\"a\" : 1.0}\n").await;
    let large = sender.store(format!("\"{}\"", "x".repeat(70_000))).await;
    let page = program.json("/events?include=body,headers").await;
    assert_eq!((&page["events"][1]["body"], &page["events"][0]["body_omitted"]), (&json!({"a": 1.0}), &json!(true)));
    assert!(page["events"][0]["body"].is_null());
    let names: Vec<_> = page["events"][1]["headers"].as_array().unwrap().iter().map(|header| &header["name"]).collect();
    assert!(names.contains(&&json!("content-type")), "{names:?}");
    assert_eq!(program.json(&format!("/events/{large}")).await["body_omitted"], true);
    assert_eq!(program.json(&format!("/events/{small}")).await["body"], json!({"a": 1.0}));
    let path = format!("/events/{small}/body");
    let answer = program.get(&path).await;
    let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(answer.text().await.unwrap(), " {\"a\" : 1.0}\n");
    let again = program.request("GET", &path).header("If-None-Match", &etag).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.text().await.unwrap()), (304, String::new()));
    program.call("DELETE", &format!("/events/{small}"), Value::Null, 204).await;
    program.call("DELETE", &format!("/events/{small}"), Value::Null, 404).await;
    assert_eq!(ids(&program.json("/events").await), [large]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_by_token_is_in_the_audit_trail_with_the_tokens_name() {
    let scopes = ["events:read", "events:delete", "credentials:write", "audit:read"];
    let (_, alice, sender, program) = stage(&scopes).await;
    let event = sender.store("1").await;
    program.call("DELETE", &format!("/events/{event}"), Value::Null, 204).await;
    program.call("POST", "/credentials", json!({"name": "Made"}), 201).await;
    assert_eq!(program.get("/events/export").await.status(), 200);
    let lines = program.json("/audit?limit=3").await["lines"].clone();
    for (line, action) in
        lines.as_array().unwrap().iter().zip(["events_exported", "credential_created", "event_deleted"])
    {
        let expected = json!([action, "alice@example.com (API token Program)", "127.0.0.1"]);
        assert_eq!(json!([line["action"], line["actor"], line["remote_ip"]]), expected);
        assert!(line["request_id"].as_str().unwrap().starts_with("req_"));
    }
    assert!(alice.page("/settings/audit").await.contains("alice@example.com (API token Program)"));
    let searched = program.json("/audit?action=event_deleted").await;
    assert_eq!((searched["lines"].as_array().unwrap().len(), &searched["complete"]), (1, &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_learns_what_its_password_is_without_using_it() {
    let (server, alice, sender, program) = stage(&["credentials:write"]).await;
    let ask = async |authorization: String| {
        let client = Client::builder().no_proxy().build().unwrap();
        client.get(format!("{}/api/v1/self", server.url)).header(AUTHORIZATION, authorization).send().await.unwrap()
    };
    let told = ask(sender.authorization()).await;
    assert!(told.headers()["ratelimit"].to_str().unwrap().starts_with("\"account\";r=5"), "counted as others");
    let told: Value = told.json().await.unwrap();
    let expected = json!({"kind": "credential", "username": sender.username, "hint": sender.password[4..8], "is_newest": true, "expires_at": null});
    assert_eq!(told, expected);
    let id = alice.credential_id(&sender.username).await;
    let rotated = program.call("POST", &format!("/credentials/{id}/rotation"), json!({"overlap": "1h"}), 201).await;
    let told: Value = ask(sender.authorization()).await.json().await.unwrap();
    assert_eq!((&told["is_newest"], &told["expires_at"]), (&json!(false), &rotated["old"]["ends_at"]));
    let wrong = ask(sender.with_password("rwp_wrong").authorization()).await;
    assert_eq!(wrong.status(), 401);
    let challenge = wrong.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert_eq!(challenge, "Basic realm=\"Reasoner webhooks\", charset=\"UTF-8\"");
    assert_eq!(wrong.json::<Value>().await.unwrap()["code"], "unauthorized");
    let used = "select count(*) from credential_secrets where last_used_at is not null";
    server.eventually("select count(*) from rejections", 1).await;
    assert_eq!((server.number(used).await, server.number("select count(*) from events").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_created_once_by_its_external_id() {
    let (server, _, _, program) = stage(&["credentials:write", "credentials:read"]).await;
    let new = json!({"name": "Inventory", "external_id": "terraform/inventory"});
    let made = program.call("POST", "/credentials", new.clone(), 201).await;
    let password = made["password"].as_str().unwrap();
    let sender = Sender::new(&server.url, made["username"].as_str().unwrap(), password);
    assert_eq!(sender.status().await, 200);
    let again = program.call("POST", "/credentials", new.clone(), 200).await;
    assert_eq!((&again["id"], &again["password"]), (&made["id"], &Value::Null));
    let path = format!("/credentials/{}", made["id"].as_str().unwrap());
    let read = program.get(&path).await.text().await.unwrap();
    assert!(!read.contains(password) && read.contains("terraform/inventory"));
    program.call("POST", &format!("{path}/revocation"), json!({"username": "rw_00000000"}), 422).await;
    assert_eq!(sender.status().await, 200);
    let revoked = program.call("POST", &format!("{path}/revocation"), json!({"username": made["username"]}), 200).await;
    assert_eq!((&revoked["state"], sender.status().await), (&json!("revoked"), 401));
    program.call("POST", "/credentials", new, 201).await;
    for end in ["2020-01-01T00:00:00Z", "soon"] {
        let refused = program.call("POST", "/credentials", json!({"name": "Till", "expires_at": end}), 422).await;
        assert_eq!(refused["errors"][0]["field"], "expires_at", "{refused}");
    }
}

// holds issue 17, section 4: an old password is not called unused by a last use that is not written yet
#[tokio::test(flavor = "multi_thread")]
async fn a_use_just_now_keeps_an_old_password_from_being_called_unused() {
    let (server, alice, sender, program) = stage(&["credentials:write"]).await;
    let path = format!("/credentials/{}", alice.credential_id(&sender.username).await);
    program.call("POST", &format!("{path}/rotation"), json!({"overlap": "7d"}), 201).await;
    let stop = async |age: &str, status| {
        let body = json!({"only_if_unused_for": age});
        program.call("POST", &format!("{path}/old-password-revocation"), body, status).await
    };
    // More than once within a second, which is how often uses are written.
    for _ in 0..10 {
        assert_eq!(sender.status().await, 200);
        assert_eq!(stop("1h", 409).await["code"], "still_used");
        server.pass(jiff::SignedDuration::from_hours(2));
    }
    stop("1h", 200).await;
    assert_eq!(sender.status().await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_whose_answer_was_lost_is_repeated_until_it_was_used() {
    let (server, alice, sender, program) = stage(&["credentials:write"]).await;
    let path = format!("/credentials/{}", alice.credential_id(&sender.username).await);
    let rotate =
        async |status| program.call("POST", &format!("{path}/rotation"), json!({"overlap": "24h"}), status).await;
    let lost = rotate(201).await;
    assert_eq!(rotate(409).await["code"], "overlap_running", "a use may not be written down yet");
    server.pass(jiff::SignedDuration::from_secs(5));
    let kept = rotate(201).await;
    let with = |answer: &Value| sender.with_password(answer["password"].as_str().unwrap());
    assert_eq!(kept["old"], lost["old"], "the old password ends as it was to");
    let old = json!([kept["hint"], kept["old"]["hint"], kept["old"]["last_used_at"]]);
    assert_eq!(old, json!([kept["password"].as_str().unwrap()[4..8], sender.password[4..8], Value::Null]));
    assert_eq!((with(&lost).status().await, with(&kept).status().await, sender.status().await), (401, 200, 200));
    server.eventually("select count(*) from credential_secrets where last_used_at is not null", 2).await;
    assert_eq!(rotate(409).await["code"], "overlap_running");
    assert_eq!((with(&kept).status().await, sender.status().await), (200, 200), "nothing was changed");

    let stop =
        async |body, status| program.call("POST", &format!("{path}/old-password-revocation"), body, status).await;
    let problem = stop(json!({"only_if_unused_for": "1h"}), 409).await;
    assert_eq!(problem["code"], "still_used");
    assert_eq!(stop(json!({"only_if_unused_for": "soon"}), 422).await["errors"][0]["field"], "only_if_unused_for");
    assert_eq!(sender.status().await, 200);
    server.pass(jiff::SignedDuration::from_hours(2));
    stop(json!({"only_if_unused_for": "1h"}), 200).await;
    assert_eq!((sender.status().await, with(&kept).status().await), (401, 200));
    let now = program.call("POST", &format!("{path}/rotation"), json!({"overlap": "now"}), 201).await;
    assert_eq!((&now["old"], with(&kept).status().await, with(&now).status().await), (&Value::Null, 401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_whole_or_none_and_never_over_somebody_elses() {
    let (server, alice, sender, program) = stage(&["credentials:write", "credentials:read"]).await;
    let path = format!("/credentials/{}", alice.credential_id(&sender.username).await);
    let read = async || program.get(&path).await.headers()["etag"].to_str().unwrap().to_owned();
    let etag = read().await;
    let wrong =
        json!({"name": "", "disabled": true, "settings": {"networks": ["10.0.0.0/33"], "stored_once_by": "a b"}});
    let problem = program.call("PATCH", &path, wrong, 422).await;
    let fields: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["name", "settings.stored_once_by", "settings.networks"]);
    for (body, field) in
        [(json!({"names": "x"}), "names"), (json!({"settings": {"batches": "on"}}), "settings.batches")]
    {
        let problem = program.call("PATCH", &path, body, 422).await;
        assert!(problem["errors"][0].to_string().contains(field), "{problem}");
    }
    assert_eq!(read().await, etag);
    sender.status().await;
    server.eventually("select count(*) from credential_secrets where last_used_at is not null", 1).await;
    assert_eq!(read().await, etag, "a use is no change");

    let patch = json!({"name": "Lager", "settings": {"batches": true, "networks": ["127.0.0.1"]}, "expires_at": "2100-01-01T00:00:00Z"});
    let request = || program.request("PATCH", &path).header("If-Match", &etag).json(&patch);
    let changed = request().send().await.unwrap();
    assert_eq!(changed.status(), 200);
    let changed: Value = changed.json().await.unwrap();
    assert_eq!(
        json!([
            changed["name"],
            changed["settings"]["networks"],
            changed["settings"]["put_as_post"],
            changed["passwords"][0]["expires_at"]
        ]),
        json!(["Lager", ["127.0.0.1/32"], false, "2100-01-01T00:00:00.000Z"])
    );
    let late = request().send().await.unwrap();
    assert_eq!(
        (late.status().as_u16(), late.json::<Value>().await.unwrap()["code"].clone()),
        (412, json!("precondition_failed"))
    );
    let undone = json!({"expires_at": null, "disabled": true, "settings": {"networks": []}});
    let undone = program.call("PATCH", &path, undone, 200).await;
    assert_eq!((&undone["state"], &undone["passwords"][0]["expires_at"]), (&json!("disabled"), &Value::Null));
    assert_eq!(sender.status().await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_or_too_large_changes_nothing() {
    let (server, alice, sender, program) = stage(&["credentials:write"]).await;
    let send = async |kind: &str, body: String| {
        let request = program.request("POST", "/credentials").header("Content-Type", kind).body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned())
    };
    for (kind, body, expected) in [
        ("application/json", "{".to_owned(), (400, "invalid_json")),
        ("application/json", format!("{{\"name\":\"{}\"}}", "x".repeat(70_000)), (413, "body_too_large")),
        ("text/plain", "{\"name\":\"x\"}".to_owned(), (415, "unsupported_media_type")),
        ("application/json", "[]".to_owned(), (422, "invalid_fields")),
        ("application/json", "{}".to_owned(), (422, "invalid_fields")),
        ("application/json", "[\"x\",null]".to_owned(), (422, "invalid_fields")),
    ] {
        assert_eq!(send(kind, body).await, (expected.0, expected.1.to_owned()), "{kind}");
    }
    assert_eq!(server.number("select count(*) from credentials").await, 1);
    let path = format!("/credentials/{}", alice.credential_id(&sender.username).await);
    for (method, path, body, field) in [
        ("POST", "/credentials", json!({}), "name"),
        ("POST", &format!("{path}/revocation"), json!({}), "username"),
        ("PATCH", &path, json!({"settings": [true]}), "settings"),
        ("PATCH", &path, json!({"settings": {"batches": 1}}), "settings.batches"),
    ] {
        let problem = program.call(method, path, body, 422).await;
        let error = &problem["errors"][0];
        assert_eq!(error["field"], field, "{problem}");
        assert!(!error["detail"].as_str().unwrap().contains("line"), "{problem}");
    }
    let settings = "select count(*) from credentials where any_content_type or batches or revoked_at is not null";
    assert_eq!(server.number(settings).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_by_a_program_are_counted_as_acts_and_ends_never_wait() {
    let (_server, alice, sender, program) = stage(&["events:read", "credentials:write"]).await;
    let path = format!("/credentials/{}", alice.credential_id(&sender.username).await);
    let mut exported = 0;
    while program.status("/events/export").await == 200 {
        exported += 1;
        assert!(exported <= 120, "each leaves a line in the audit trail");
    }
    let problem = program.call("GET", "/events/export", Value::Null, 429).await;
    assert_eq!(problem["code"], "rate_limited");
    program.call("PATCH", &path, json!({"name": "Other"}), 429).await;
    while program.status("/self").await != 429 {}
    let disabled = program.call("PATCH", &path, json!({"disabled": true}), 200).await;
    assert_eq!(disabled["state"], "disabled");
    program.call("POST", &format!("{path}/revocation"), json!({"username": sender.username}), 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_ends_nothing_is_an_act_and_one_that_ends_something_never_waits() {
    let (_server, alice, sender, program) = stage(&["credentials:write"]).await;
    let path = format!("/credentials/{}/revocation", alice.credential_id(&sender.username).await);
    let ask = async |username: &str| {
        let answer = program.request("POST", &path).json(&json!({"username": username})).send().await.unwrap();
        answer.status().as_u16()
    };
    let mut asked = 0;
    while ask("rw_00000000").await == 422 {
        asked += 1;
        assert!(asked < 400, "an account has few acts");
    }
    assert_eq!((ask("rw_00000000").await, ask(&sender.username).await), (429, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_and_the_account_are_told_as_pages_show_them() {
    let (server, alice, sender, program) = stage(&["events:read", "rejections:read"]).await;
    sender.store("12").await;
    sender.send("not json").await;
    server.eventually("select count(*) from rejections", 1).await;
    server.eventually("select coalesce(sum(rejected), 0)::bigint from event_counts", 1).await;
    let overview = program.json("/overview").await;
    let numbers = json!([overview["accepted"], overview["rejected"], overview["bytes"]]);
    assert_eq!(numbers, json!([1, 1, 2]));
    let without = Program::with(&server, &alice, &["events:read"]).await.json("/overview").await;
    assert_eq!(
        json!([without["accepted"], without["rejected"]]),
        json!([1, null]),
        "what was refused is another scope"
    );
    let rejections = program.json("/rejections").await;
    let first = &rejections["rejections"][0];
    let told = json!([first["reason"], first["status"], first["credential"]["username"]]);
    assert_eq!(told, json!(["invalid_json", 400, sender.username]));
    assert_eq!(program.json("/rejections?reason=wrong_password").await["rejections"], json!([]));
    assert_eq!(program.status("/rejections?reason=none").await, 400);
    let account = program.json("/account").await;
    assert_eq!(json!([account["plan"], account["limits"]["credentials"]]), json!(["pro", 100]));
}
