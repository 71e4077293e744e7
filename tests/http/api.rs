//! The API: who may call which route, and what it does with a token.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use jiff::SignedDuration;
use reasoner_webhooks::domain::api_token::Scope;
use reasoner_webhooks::web::api::caller::Needs;
use reasoner_webhooks::web::api::description::Description;
use reasoner_webhooks::web::routes::{API, ApiEntry};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::support::actors::Person;
use crate::support::api_program::Program;
use crate::support::chaos_proxy::Proxy;
use crate::support::postgres;
use crate::support::server::TestServer;

/// What is sent where a body belongs.
fn body_of(path: &str, username: &str, cursor: &str) -> Value {
    match path {
        "/api/v1/consumers" => json!({"name": "Made by a program"}),
        path if path.ends_with("/ack") => json!({"cursor": cursor}),
        path if path.ends_with("/seek") => json!({"to": "oldest"}),
        "/api/v1/credentials" => json!({"name": "Made by a program"}),
        path if path.ends_with("/rotation") => json!({"overlap": "1h"}),
        path if path.ends_with("/{id}") => json!({"name": "Changed by a program"}),
        path if path.ends_with("/revocation") => json!({"username": username}),
        _ => json!({}),
    }
}

async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    // A stream goes on.
    let problem: Value = if status < 300 { Value::Null } else { answer.json().await.unwrap_or_default() };
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

struct Stage {
    server: TestServer,
    alice: Person,
    event: String,
    credential: String,
    username: String,
    consumer: String,
    /// The position of the consumer.
    cursor: String,
}

async fn stage() -> Stage {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let event = sender.store(r#"{"alice":"secret"}"#).await;
    let credential = alice.credential_id(&sender.username).await;
    let program = Program::with(&server, &alice, &["consumers:write"]).await;
    let made = program.call("POST", "/consumers", json!({"name": "Import"}), 201).await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (consumer, cursor) = (text("id"), text("position"));
    Stage { server, alice, event, credential, username: sender.username, consumer, cursor }
}

impl Stage {
    fn path(&self, pattern: &str) -> String {
        let id = match pattern {
            pattern if pattern.starts_with("/api/v1/events") => &self.event,
            pattern if pattern.starts_with("/api/v1/consumers") => &self.consumer,
            _ => &self.credential,
        };
        pattern.trim_start_matches("/api/v1").replace("{id}", id)
    }

    fn body(&self, pattern: &str) -> Value {
        body_of(pattern, &self.username, &self.cursor)
    }

    async fn answer(&self, program: &Program, method: &str, pattern: &str) -> (u16, String) {
        let request = program.request(method, &self.path(pattern));
        let body = self.body(pattern);
        code(if method == "GET" { request } else { request.json(&body) }.send().await.unwrap()).await
    }
}

fn all_scopes() -> Vec<&'static str> {
    Scope::ALL.iter().map(|scope| scope.as_str()).collect()
}

// holds issue 17, section 4: route × who
#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_api_is_for_whom_it_is_for() {
    let stage = stage().await;
    let bob = stage.server.pro("bob@example.com").await;
    let stranger = Program::with(&stage.server, &bob, &all_scopes()).await;
    let mut programs = Vec::new();
    for scope in all_scopes() {
        programs.push((scope, Program::with(&stage.server, &stage.alice, &[scope]).await));
    }
    let all = Program::with(&stage.server, &stage.alice, &all_scopes()).await;
    let expired = Program::with(&stage.server, &stage.alice, &all_scopes()).await;
    stage.server.query(&format!("update api_tokens set expires_at = now() where id = '{}'", expired.id)).await;
    let revoked = Program::with(&stage.server, &stage.alice, &all_scopes()).await;
    stage.alice.post(&format!("/settings/api-tokens/{}/revocation", revoked.id), &[]).await;
    for entry in API {
        let (method, path) = (entry.method, entry.path);
        if entry.needs == Needs::Nothing {
            assert_eq!(stage.answer(&all.with_token(""), method, path).await.0, 200, "{path}");
            continue;
        }
        let bare = all.client.request(method.parse().unwrap(), format!("{}{}", all.url, stage.path(path)));
        let answer = bare.send().await.unwrap();
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer "), "{path}");
        assert_eq!(code(answer).await, (401, "invalid_token".to_owned()), "no token: {method} {path}");
        for (who, program) in [("expired", &expired), ("revoked", &revoked)] {
            let answer = stage.answer(program, method, path).await;
            assert_eq!(answer, (401, "invalid_token".to_owned()), "{who}: {method} {path}");
        }
        if path.contains("{id}") {
            assert_eq!(stage.answer(&stranger, method, path).await.0, 404, "stranger: {method} {path}");
        }
        let needed = entry.needs.scopes();
        let lacks = |scope: &str| needed.iter().find(|needed| needed.as_str() != scope);
        for (scope, program) in &programs {
            let Some(lacking) = lacks(scope) else { continue };
            let request = program.request(method, &stage.path(path));
            let answer = request.json(&stage.body(path)).send().await.unwrap();
            let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
            assert!(challenge.contains(&format!("scope=\"{lacking}\"")), "{challenge}");
            assert_eq!(code(answer).await, (403, "insufficient_scope".to_owned()), "{scope}: {method} {path}");
        }
    }
    let untouched = "select count(*) from credentials where name = 'System 1' and revoked_at is null";
    assert_eq!(stage.server.number(untouched).await, 1, "nobody changed what is Alice's");
    assert_eq!(stage.server.number("select count(*) from events").await, 1);
    assert_eq!(stage.server.number("select count(*) from consumers where step = 0").await, 1);
    let before = stage.server.number("select count(*) from audit_log where token_name is not null").await;
    // The right scope does it; what takes away comes last.
    let mut entries: Vec<_> = API.iter().filter(|entry| !entry.needs.scopes().is_empty()).collect();
    entries.sort_by_key(|entry| (entry.method == "DELETE", entry.path.ends_with("/revocation")));
    for entry in entries {
        let needed = entry.needs.scopes();
        let named = |(scope, _): &&(&str, Program)| needed.iter().all(|needed| needed.as_str() == *scope);
        let program = programs.iter().find(named).map_or(&all, |(_, program)| program);
        let (status, code) = stage.answer(program, entry.method, entry.path).await;
        assert!(status < 300, "{} {}: {status} {code}", entry.method, entry.path);
    }
    // Each act, and an export, is in the audit trail with the name of its token. To acknowledge is no act.
    let is_act = |entry: &&ApiEntry| entry.method != "GET" && !entry.path.ends_with("/ack");
    let acts = API.iter().filter(is_act).count() as i64 + 1;
    let by_token = "select count(*) from audit_log where token_name = 'Program' and request_id is not null";
    assert_eq!(stage.server.number(by_token).await - before, acts);
}

// holds issue 17, section 4: route × Free plan
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_free_account_reads_and_ends_and_makes_nothing() {
    let stage = stage().await;
    let program = Program::with(&stage.server, &stage.alice, &all_scopes()).await;
    stage.server.change_plan("alice@example.com", "free").await;
    let path = format!("/credentials/{}", stage.credential);
    let more = json!({"disabled": true, "name": "Other"});
    assert_eq!(program.call("PATCH", &path, more, 403).await["code"], "pro_required");
    assert_eq!(program.call("PATCH", &path, json!({"disabled": true}), 200).await["state"], "disabled");
    let mut entries: Vec<_> = API.iter().collect();
    entries.sort_by_key(|entry| entry.method == "DELETE");
    for entry in entries {
        // A change is refused by what it is: this one gives a name.
        let makes = matches!(entry.needs, Needs::Scope(Scope::CredentialsWrite))
            || entry.method == "PATCH"
            || (entry.method, entry.path) == ("POST", "/api/v1/consumers");
        let answer = stage.answer(&program, entry.method, entry.path).await;
        let done = if entry.method == "DELETE" { 204 } else { 200 };
        let expected = if makes { (403, "pro_required".to_owned()) } else { (done, String::new()) };
        assert_eq!(answer, expected, "{} {}", entry.method, entry.path);
    }
}

/// The description, the table of routes and what is registered are one set.
#[test]
fn the_description_has_the_routes_of_the_table_and_no_others() {
    let described = serde_json::to_value(Description::document()).unwrap();
    assert_eq!(described["openapi"], "3.1.0");
    let paths = described["paths"].as_object().unwrap();
    let operations: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let here: BTreeSet<_> = API.iter().map(|entry| (entry.method.to_owned(), entry.path.to_owned())).collect();
    assert_eq!(operations.iter().cloned().collect::<BTreeSet<_>>(), here);
    for entry in API {
        let operation = &paths[entry.path][entry.method.to_lowercase()];
        let scopes = operation["security"].to_string();
        for scope in Scope::ALL {
            let is_needed = entry.needs.scopes().contains(scope);
            assert_eq!(scopes.contains(&format!("\"{scope}\"")), is_needed, "{} {}", entry.method, entry.path);
        }
    }
}

/// The page is made of the description.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_each_field_that_a_body_takes() {
    let server = TestServer::start().await;
    let page = reqwest::get(format!("{}/docs/webhooks/api", server.url)).await.unwrap().text().await.unwrap();
    let described = serde_json::to_value(Description::document()).unwrap();
    let items = described["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut bodies = 0;
    for operation in items {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(schema) = schema.as_str().and_then(|name| described.pointer(&name[1..])) else { continue };
        let id = operation["operationId"].as_str().unwrap().replace('_', "-");
        let section = page.split(&format!("<h3 id=\"{id}\">")).nth(1).unwrap().split("<h3").next().unwrap();
        for field in schema["properties"].as_object().unwrap().keys() {
            assert!(section.contains(&format!("<li><code>{field}</code>")), "{id}: {field}");
        }
        bodies += 1;
    }
    assert_eq!(bodies, API.iter().filter(|entry| matches!(entry.method, "POST" | "PATCH")).count());
    for field in ["settings.batches", "filter.credentials"] {
        assert!(page.contains(&format!("<li><code>{field}</code>")), "{field}");
    }
}

// holds issue 17, section 4: forged tokens 0 queries
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_costs_no_query() {
    let (proxy, address) = Proxy::in_front_of(&postgres::new_database().await).await;
    let server = TestServer::start_over(address, |_| {}).await;
    let alice = server.pro("alice@example.com").await;
    let program = Program::with(&server, &alice, &["events:read"]).await;
    let turned: String = program.token.chars().rev().collect();
    let forgeries = [
        format!("rwt_{}", "A".repeat(32)),
        program.token.replace("rwt_", "rwi_"),
        turned,
        program.token[..35].to_owned(),
        format!("{}x", program.token),
        String::new(),
    ];
    // What goes on beside the requests may ask as well, but not in each of so many tries.
    for forgery in forgeries {
        let forged = program.with_token(&forgery);
        let mut fewest = usize::MAX;
        for _ in 0..10 {
            proxy.take_round_trips();
            assert_eq!(forged.status("/events").await, 401, "{forgery}");
            fewest = fewest.min(proxy.take_round_trips().len());
        }
        assert_eq!(fewest, 0, "{forgery}");
    }
    assert_eq!(program.status("/events").await, 200);
}

// holds issue 17, section 2: who has to wait costs no query
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_to_wait_costs_no_query() {
    let (proxy, address) = Proxy::in_front_of(&postgres::new_database().await).await;
    let server = TestServer::start_over(address, |_| {}).await;
    let alice = server.pro("alice@example.com").await;
    let program = Program::with(&server, &alice, &["events:read"]).await;
    let other = Program::with(&server, &alice, &["events:read"]).await;
    assert_eq!(other.status("/self").await, 200);
    let fewest = async |program: &Program, status: u16| {
        while program.status("/self").await != status {}
        let mut fewest = usize::MAX;
        for _ in 0..10 {
            proxy.take_round_trips();
            assert_eq!(program.status("/self").await, status);
            fewest = fewest.min(proxy.take_round_trips().len());
        }
        fewest
    };
    assert_eq!(fewest(&program, 429).await, 0, "an account that has asked as often as it may");
    assert_eq!(fewest(&other, 429).await, 0, "the same by another of its tokens");
    server.pass(SignedDuration::from_mins(2));
    alice.post(&format!("/settings/api-tokens/{}/revocation", program.id), &[]).await;
    assert_eq!(fewest(&program, 429).await, 0, "a revoked token, of an address that has failed as often as it may");
    assert_eq!(other.status("/self").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_tokens_is_throttled_and_a_right_one_goes_on() {
    let stage = stage().await;
    let program = Program::with(&stage.server, &stage.alice, &["events:read"]).await;
    let forged = program.with_token(&format!("rwt_{}", "A".repeat(32)));
    let refused = loop {
        let answer = forged.get("/events").await;
        if answer.status() == 429 {
            break answer;
        }
        assert_eq!(answer.status(), 401);
    };
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(code(refused).await.1, "too_many_failures");
    assert_eq!(program.status("/events").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_an_id_a_rate_and_neither_cookies_nor_copies() {
    let stage = stage().await;
    let program = Program::with(&stage.server, &stage.alice, &["events:read"]).await;
    let cross = program.request("GET", "/events").header("Origin", "https://evil.example").header("Cookie", "a=b");
    for answer in [cross.send().await.unwrap(), program.get("/nothing").await, program.get("/events?limit=x").await] {
        let headers = answer.headers().clone();
        assert!(headers["x-request-id"].to_str().unwrap().starts_with("req_"));
        assert_eq!(headers["cache-control"], "no-store");
        for absent in ["set-cookie", "location", "access-control-allow-origin"] {
            assert!(!headers.contains_key(absent), "{absent}");
        }
    }
    let answer = program.get("/events").await;
    assert_eq!(answer.headers()["ratelimit-policy"], "\"account\";q=600;w=60");
    assert!(answer.headers()["ratelimit"].to_str().unwrap().starts_with("\"account\";r=5"));
    let in_query = Client::new().get(format!("{}/events?access_token={}", program.url, program.token)).send().await;
    assert_eq!(in_query.unwrap().status(), 401, "a token in the address is none");
    assert_eq!(code(program.get("/nothing").await).await, (404, "not_found".to_owned()));
    let other = program.request("PUT", "/events").send().await.unwrap();
    assert_eq!(other.headers()["allow"], "GET, HEAD");
    assert_eq!(code(other).await, (405, "method_not_allowed".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_asks_six_hundred_times_at_once_and_is_told_when_again() {
    let stage = stage().await;
    let program = Program::with(&stage.server, &stage.alice, &["events:read"]).await;
    let mut asked = 0;
    let refused = loop {
        let answers = join_all((0..50).map(|_| program.get("/self"))).await;
        asked += answers.iter().filter(|answer| answer.status() == 200).count();
        if let Some(refused) = answers.into_iter().find(|answer| answer.status() != 200) {
            break refused;
        }
    };
    assert!(asked >= 600, "{asked}");
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(code(refused).await.1, "rate_limited");
    stage.server.pass(SignedDuration::from_secs(60));
    assert_eq!(program.status("/self").await, 200);
}

// holds issue 17, section 4: revoke on A, use on B: 0 of 1,000 that begin afterwards
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_on_one_instance_counts_on_another_at_once() {
    let stage = stage().await;
    let program = Program::with(&stage.server, &stage.alice, &["events:read"]).await;
    let other = TestServer::start_over(stage.server.database_url.clone(), |_| {}).await;
    let there = Program { url: format!("{}/api/v1", other.url), ..program.clone() };
    let (used, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    // They use it all the while, and each says whether its request began when the revocation had been answered.
    let using = async || {
        let mut after = 0;
        while after < 50 {
            let began_afterwards = is_over.load(Ordering::SeqCst);
            // The clock runs faster there, so that each is looked up, and none is refused for coming too often.
            other.pass(SignedDuration::from_secs(1));
            match (there.status("/self").await, began_afterwards) {
                (401, true) => after += 1,
                (200, false) => drop(used.fetch_add(1, Ordering::SeqCst)),
                (401, false) => {}
                (status, _) => panic!("{status} where {after} had been refused since the revocation"),
            }
        }
    };
    let revoking = async {
        while used.load(Ordering::SeqCst) < 100 {
            tokio::task::yield_now().await;
        }
        stage.alice.post(&format!("/settings/api-tokens/{}/revocation", program.id), &[]).await;
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(join_all((0..20).map(|_| using())), revoking);
    assert_eq!(program.status("/self").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_works_from_its_networks_alone() {
    let stage = stage().await;
    let elsewhere = [("scope", "events:read"), ("networks", "203.0.113.0/24")];
    let program = Program::granted(&stage.server, &stage.alice, &elsewhere).await;
    assert_eq!(program.status("/self").await, 401);
    // A refusal to one network says nothing about another, which may have failed too often with other tokens.
    let there = [("scope", "events:read"), ("networks", "127.0.0.2/32")];
    let program = Program::granted(&stage.server, &stage.alice, &there).await;
    assert_eq!(program.status("/self").await, 401);
    let client = Client::builder().no_proxy().local_address(IpAddr::from([127, 0, 0, 2])).build().unwrap();
    let there = Program { client, ..program };
    let forged = there.with_token(&format!("rwt_{}", "A".repeat(32)));
    while forged.status("/self").await != 429 {}
    assert_eq!(there.status("/self").await, 200);
    let here = [("scope", "events:read"), ("networks", "127.0.0.0/8")];
    assert_eq!(Program::granted(&stage.server, &stage.alice, &here).await.status("/self").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_has_to_do_first_holds_back_their_tokens() {
    let stage = stage().await;
    let program = Program::with(&stage.server, &stage.alice, &["events:read"]).await;
    stage.server.query("update users set password_expires_at = now() + interval '1 day'").await;
    assert_eq!(code(program.get("/events").await).await, (403, "action_required".to_owned()));
    stage.server.query("update users set password_expires_at = null").await;
    assert_eq!(program.status("/events").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_sees_one_credential_sees_nothing_of_the_others() {
    let stage = stage().await;
    let other = stage.server.sender(&stage.alice).await;
    let theirs = other.store(r#"{"other":1}"#).await;
    other.send("not json").await;
    stage.server.eventually("select count(*) from rejections", 1).await;
    let id = stage.alice.credential_id(&other.username).await;
    let name = format!("select name from credentials where id = '{id}'");
    let name = stage.server.query(&name).await[0][0].clone().unwrap();
    let grant: Vec<(&str, &str)> = all_scopes()
        .into_iter()
        .map(|scope| ("scope", scope))
        .chain([("credentials", stage.username.as_str())])
        .collect();
    let program = Program::granted(&stage.server, &stage.alice, &grant).await;
    let events = program.json("/events").await;
    assert_eq!(
        events["events"].as_array().unwrap().iter().map(|event| &event["id"]).collect::<Vec<_>>(),
        [&stage.event]
    );
    assert_eq!(program.json("/rejections").await["rejections"], json!([]));
    assert_eq!(program.json("/credentials").await["credentials"].as_array().unwrap().len(), 1);
    let exported = program.get("/events/export").await.text().await.unwrap();
    assert!(exported.contains(&stage.event) && !exported.contains(&theirs));
    for path in [format!("/events/{theirs}"), format!("/events/{theirs}/body"), format!("/credentials/{id}")] {
        assert_eq!(program.status(&path).await, 404, "{path}");
    }
    assert_eq!(program.status(&format!("/events?credential={}", other.username)).await, 400);
    assert_eq!(program.status(&format!("/overview?credential={}", stage.username)).await, 200);
    for path in ["/overview", "/audit"] {
        assert_eq!(program.status(path).await, 403, "{path} is about the whole account");
    }
    program.call("POST", "/credentials", json!({"name": "x"}), 403).await;
    let taken = json!({"name": name});
    let taken = program.call("PATCH", &format!("/credentials/{}", stage.credential), taken, 409).await.to_string();
    assert!(taken.contains("this name already") && !taken.contains(&other.username), "{taken}");
    for (method, act, body) in [
        ("POST", "/revocation", json!({"username": other.username})),
        ("POST", "/rotation", json!({"overlap": "1h"})),
        ("POST", "/old-password-revocation", json!({})),
        ("PATCH", "", json!({"name": "Taken"})),
        ("PATCH", "", json!({"disabled": true})),
        ("GET", "/passwords", Value::Null),
    ] {
        program.call(method, &format!("/credentials/{id}{act}"), body, 404).await;
    }
    let followed = program.json("/events?after=oldest").await;
    assert_eq!(followed["events"].as_array().unwrap().iter().map(|one| &one["id"]).collect::<Vec<_>>(), [&stage.event]);
    program.call("DELETE", &format!("/events/{theirs}"), Value::Null, 404).await;
    assert_eq!(stage.server.number("select count(*) from events").await, 2);
}
