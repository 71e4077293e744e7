//! Sender settings: what a credential accepts beyond the default, each chosen on its page or on the command line, and its token address.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::command_line::Terminal;
use crate::holding::expired;
use crate::leaks;
use crate::support::actors::{Person, Sender, WEBHOOKS, between};
use crate::support::server::{PASSWORD, TestServer};

struct Stage {
    server: TestServer,
    alice: Person,
    sender: Sender,
    path: String,
}

async fn stage() -> Stage {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    let path = format!("{WEBHOOKS}/credentials/{id}");
    Stage { server, alice, sender, path }
}

impl Stage {
    async fn set(&self, fields: &[(&str, &str)]) {
        let answer = self.alice.post(&format!("{}/sender-settings", self.path), fields).await;
        let page = self.alice.follow(answer).await;
        assert!(page.contains("are saved"), "{fields:?}");
    }

    /// The page of rejections, as soon as it has some words.
    async fn rejection(&self, words: &str) -> String {
        loop {
            let page = self.alice.page("/events/rejections").await;
            if page.contains(words) {
                return page;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    async fn bodies(&self) -> Vec<String> {
        let rows = self.server.query("select body from events order by id").await;
        rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
    }

    fn with_type(&self, content_type: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        let request = self.sender.request().body(body);
        let request = request.build().unwrap();
        let mut headers = request.headers().clone();
        headers.insert("content-type", content_type.parse().unwrap());
        reqwest::Client::new()
            .post(request.url().clone())
            .headers(headers)
            .body(request.body().unwrap().as_bytes().unwrap().to_vec())
    }
}

async fn status(request: reqwest::RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn json_under_another_content_type_is_stored_once_that_is_chosen() {
    let stage = stage().await;
    assert_eq!(status(stage.with_type("text/plain; charset=UTF-8", "{\"n\": 1}")).await, 415);
    stage.set(&[("any_content_type", "on")]).await;
    assert_eq!(status(stage.with_type("text/plain; charset=UTF-8", "{\"n\": 1}")).await, 200);
    assert_eq!(status(stage.with_type("application/x-www-form-urlencoded", "{\"n\": 2}")).await, 200);
    assert_eq!(status(stage.with_type("application/x-www-form-urlencoded", "payload=%7B%22n%22%3A+3%7D")).await, 200);
    assert_eq!(status(stage.with_type("text/plain", "n = 1")).await, 400);
    assert_eq!(status(stage.with_type("multipart/form-data; boundary=x", "{}")).await, 415);
    assert_eq!(status(stage.with_type("application/xml", "{}")).await, 415);
    assert_eq!(stage.bodies().await, ["{\"n\": 1}", "{\"n\": 2}", "{\"n\": 3}"]);
    stage.set(&[]).await;
    assert_eq!(status(stage.with_type("text/plain", "{}")).await, 415);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_stored_inflated_and_a_bomb_is_too_large() {
    let stage = stage().await;
    let send = |body: Vec<u8>| stage.sender.request().header("content-encoding", "gzip").body(body);
    assert_eq!(status(send(gzip(b"{\"n\": 1}"))).await, 415);
    stage.set(&[("compressed_bodies", "on")]).await;
    assert_eq!(status(send(gzip(b"{\"n\": 1}"))).await, 200);
    assert_eq!(status(send(gzip(&vec![b' '; 2 * 1024 * 1024]))).await, 413);
    assert_eq!(status(send(b"{\"n\": 1}".to_vec())).await, 415);
    assert_eq!(stage.bodies().await, ["{\"n\": 1}"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_batch_is_an_event_and_each_refused_one_is_told() {
    let stage = stage().await;
    assert_eq!(status(stage.with_type("application/x-ndjson", "1\n2\n")).await, 415);
    stage.set(&[("batches", "on")]).await;
    let lines = "{\"n\": 1}\n{\"n\": 2}\r\n\n{\"n\": }\n";
    let answer = stage.with_type("application/x-ndjson", lines).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let told = json_of(answer).await;
    assert_eq!((&told["status"], &told["accepted"]), (&json!("partial"), &json!(2)));
    assert_eq!(told["results"].as_array().unwrap().len(), 3);
    assert_eq!(told["results"][2], json!({"code": "invalid_json", "detail": "expected value at line 4, column 7"}));
    assert!(told["results"][0]["id"].as_str().unwrap() < told["results"][1]["id"].as_str().unwrap());
    let list = stage.sender.request().body("[{\"n\":  3}, \"four\"]").send().await.unwrap();
    assert_eq!(json_of(list).await["status"], "ok");
    assert_eq!(stage.bodies().await, ["{\"n\": 1}", "{\"n\": 2}", "{\"n\":  3}", "\"four\""]);
    assert_eq!(status(stage.with_type("application/x-ndjson", "{\n[\n")).await, 400);
    assert_eq!(status(stage.with_type("application/x-ndjson", "1\n".repeat(1_001))).await, 413);
    let page = stage.rejection("1 of 3 events of a batch").await;
    assert!(page.contains("event 3: expected value at line 4, column 7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_sent_again_under_its_key_is_stored_once() {
    let stage = stage().await;
    stage.set(&[("batches", "on")]).await;
    let send = |body: &'static str| stage.with_type("application/x-ndjson", body).header("idempotency-key", "batch-1");
    let first = send("1\n2\n").send().await.unwrap();
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let first = json_of(first).await;
    let again = send("1\n2\n").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(json_of(again).await["results"], first["results"]);
    let other = json_of(send("1\n3\n").send().await.unwrap()).await;
    assert_eq!(other["results"][0], first["results"][0]);
    assert_eq!(other["results"][1]["code"], "idempotency_conflict");
    assert_eq!(stage.bodies().await, ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_stored_once_by_the_header_that_was_chosen() {
    let stage = stage().await;
    let send = |delivery: &'static str, body: &'static str| {
        stage.sender.request().header("X-GitHub-Delivery", delivery).body(body)
    };
    assert_eq!(status(send("a", "1")).await, 200);
    assert_eq!(status(send("a", "1")).await, 200);
    stage.set(&[("stored_once_by", "X-GitHub-Delivery")]).await;
    let first = json_of(send("b", "{\"try\": 1}").send().await.unwrap()).await;
    let again = send("b", "{\"try\": 2}").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(json_of(again).await["id"], first["id"]);
    assert_eq!(status(send("c", "{\"try\": 1}")).await, 200);
    assert_eq!(stage.bodies().await, ["1", "1", "{\"try\": 1}", "{\"try\": 1}"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_is_post_where_that_is_chosen_and_405_for_everybody_else() {
    let stage = stage().await;
    let put = |sender: &Sender| {
        let request = sender.request().body("{\"n\": 1}").build().unwrap();
        let client = reqwest::Client::new();
        client.request(Method::PUT, request.url().clone()).headers(request.headers().clone()).body("{\"n\": 1}")
    };
    let wrong = stage.sender.with_password("rwp_wrong");
    let face = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), answer.text().await.unwrap().replace(&id, "ID"))
    };
    let refused = face(put(&stage.sender)).await;
    assert_eq!((refused.0, face(put(&wrong)).await), (405, refused.clone()));
    stage.set(&[("put_as_post", "on")]).await;
    assert_eq!(face(put(&stage.sender)).await.0, 200);
    assert_eq!(face(put(&wrong)).await, refused);
    assert_eq!(stage.bodies().await, ["{\"n\": 1}"]);
    stage.rejection("PUT isn’t accepted").await;
}

// holds C10
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_allowed_gets_the_401_of_everybody_and_its_owner_reads_why() {
    let stage = stage().await;
    assert_eq!(stage.sender.status().await, 200);
    let path = format!("{}/sender-settings", stage.path);
    let fields = [("networks", "203.0.113.0/24")];
    let warned = stage.alice.post(&path, &fields).await;
    assert_eq!(warned.status(), 422);
    assert!(warned.text().await.unwrap().contains("You would have refused 1 of the last 1 event."));
    assert_eq!(stage.sender.status().await, 200);
    stage.set(&[fields[0], ("warned_of", "203.0.113.0/24")]).await;
    let face = async |sender: &Sender| {
        let answer = sender.send("1").await;
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), answer.text().await.unwrap().replace(&id, "ID"))
    };
    let refused = face(&stage.sender).await;
    assert_eq!((refused.0, refused), (401, face(&stage.sender.with_password("rwp_wrong")).await));
    stage.rejection("Address isn’t allowed").await;
    stage.set(&[("networks", "203.0.113.0/24 127.0.0.1 ::1")]).await;
    assert_eq!(stage.sender.status().await, 200);
}

// holds D4
#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_on_one_instance_holds_on_the_others() {
    let stage = stage().await;
    let other = TestServer::start_over(stage.server.database_url.clone(), |_| {}).await;
    let there = Sender::new(&other.url, &stage.sender.username, &stage.sender.password);
    let put = |sender: &Sender| {
        let request = sender.request().header("content-encoding", "gzip").body(gzip(b"1")).build().unwrap();
        reqwest::Client::new().post(request.url().clone()).headers(request.headers().clone()).body(gzip(b"1"))
    };
    assert_eq!((there.status().await, status(put(&there)).await), (200, 415));
    stage.set(&[("compressed_bodies", "on")]).await;
    assert_eq!(status(put(&there)).await, 200, "what was off is asked for again");
    stage.set(&[]).await;
    other.pass(jiff::SignedDuration::from_secs(6));
    while status(put(&there)).await != 415 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stage.set(&[("networks", "203.0.113.0/24"), ("warned_of", "203.0.113.0/24")]).await;
    assert_eq!(there.status().await, 401, "the transaction that stores has the last word");
    stage.set(&[("networks", "")]).await;
    assert_eq!(there.status().await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_address_stores_without_credentials_until_it_is_revoked() {
    let stage = stage().await;
    let form = stage.alice.page(&format!("{}/sender-settings", stage.path)).await;
    let id = between(&form, "name=\"id\" value=\"", "\"").to_owned();
    let path = format!("{}/token-address", stage.path);
    let made = stage.alice.post(&path, &[("id", &id)]).await;
    assert_eq!((made.status().as_u16(), made.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
    let page = made.text().await.unwrap();
    let address = between(&page, "<code id=\"address\">", "</code>").to_owned();
    let token = address.rsplit('/').next().unwrap().to_owned();
    let post = |address: String| {
        reqwest::Client::new().post(address).header("content-type", "application/json").body("{\"n\": 1}")
    };
    let here = format!("{}/in/{token}", stage.server.url);
    assert_eq!(status(post(here.clone())).await, 200);
    assert_eq!(status(post(here.clone())).await, 200);
    assert_eq!(status(post(here[..here.len() - 1].to_owned())).await, 401);
    assert_eq!(stage.bodies().await.len(), 2);
    let terminal = Terminal::over(stage.server.database_url.clone());
    let log = format!("POST https://webhook.example.com/in/{token} 200\n");
    let found = leaks::check(&terminal, log.as_bytes(), &["--json"]);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!((&found[0]["username"], &found[0]["state"]), (&json!(stage.sender.username), &json!("live")));
    // Sent again, the form makes no second one, and shows nothing.
    let again = stage.alice.post(&path, &[("id", &id)]).await;
    assert!(stage.alice.follow(again).await.contains("You’ve already sent this form."));
    assert_eq!(status(post(here.clone())).await, 200);
    let stored = stage.server.query("select hash, hint from credential_secrets where kind = 'address'").await;
    assert!(!format!("{stored:?}").contains(&token));
    // A password history that knows nothing of it, which the trail below does.
    let page = stage.alice.credential_page(&stage.sender.username).await;
    let history = page.split("id=\"audit-title\"").next().unwrap();
    assert!(!history.contains(stored[0][1].as_deref().unwrap()));
    let revoked = stage.alice.post(&format!("{}/token-address-revocation", stage.path), &[]).await;
    assert!(stage.alice.follow(revoked).await.contains("is revoked"));
    assert_eq!(status(post(here)).await, 401);
    stage.rejection("Token address is revoked").await;
    // The trail calls it what it is, with the beginning that people see on its page.
    let hint = format!("rwi_{}••••••••", stored[0][1].as_deref().unwrap());
    stage.server.eventually("select count(*) from audit_log where action = 'token_address_used_after_revoke'", 1).await;
    let trail = stage.alice.page("/settings/audit").await;
    let trail = trail.split_once("<tbody").unwrap().1;
    for action in ["Used a token address for the first time", "Tried a revoked token address"] {
        assert!(between(trail, action, "</tr>").contains(&hint), "{action}: {trail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_setting_would_have_accepted_is_counted_and_offered_once() {
    let stage = stage().await;
    for _ in 0..3 {
        let mut request = stage.sender.request().body("{}").build().unwrap();
        request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        assert_eq!(stage.sender.execute(request).await.status(), 415);
    }
    stage.server.eventually("select coalesce(sum(count), 0) from rejections", 3).await;
    let page = stage.alice.page("/events/rejections").await;
    let offer = between(&page, "System 1: 3 requests weren’t labelled as JSON.", "</a>");
    assert!(offer.contains("/sender-settings#any-content-type\">Accept any content type"), "{offer}");
    stage.set(&[("any_content_type", "on")]).await;
    assert!(!stage.alice.page("/events/rejections").await.contains("weren’t labelled as JSON."));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_setting_is_said_beside_its_field() {
    let stage = stage().await;
    let path = format!("{}/sender-settings", stage.path);
    for (field, value, words) in [
        ("stored_once_by", "Content-Type", "so it can’t name one"),
        ("stored_once_by", "two words", "is not the name of a header"),
        ("networks", "10.0.0.0/8 10.0.0.300", "10.0.0.300"),
    ] {
        let answer = stage.alice.post(&path, &[(field, value), ("batches", "on")]).await;
        assert_eq!(answer.status(), 422);
        let page = answer.text().await.unwrap();
        assert!(page.contains(words) && page.contains(value), "{value}");
        assert!(page.contains("id=\"batches\" checked"), "what was chosen beside it stays");
    }
    let settings = "select batches, stored_once_by, networks::text from credentials";
    assert_eq!(stage.server.query(settings).await, [[Some("f".to_owned()), None, Some("{}".to_owned())]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_prints_settings_and_chooses_them() {
    let stage = stage().await;
    let terminal = Terminal::over(stage.server.database_url.clone());
    let set = |args: &[&str]| terminal.json(&[&["credential", "set", &stage.sender.username], args].concat());
    let default = json!({"username": stage.sender.username, "any_content_type": false, "gzip": false, "batches": false,
        "dedupe_header": null, "networks": [], "put": false});
    assert_eq!(set(&[]), default);
    let chosen = ["--gzip", "on", "--dedupe-header", "ce-id", "--networks", "127.0.0.1,203.0.113.7/24"];
    let printed = set(&chosen);
    assert_eq!((&printed["gzip"], &printed["dedupe_header"]), (&json!(true), &json!("ce-id")));
    assert_eq!(printed["networks"], json!(["127.0.0.1/32", "203.0.113.0/24"]));
    assert_eq!(set(&["--put", "on"])["gzip"], true, "what is not given stays");
    assert_eq!(set(&["--gzip", "off", "--dedupe-header", "none", "--networks", "any", "--put", "off"]), default);
    let made = terminal.json(&["credential", "address", &stage.sender.username]);
    let token = made["address"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let post = || {
        let request = reqwest::Client::new().post(format!("{}/in/{token}", stage.server.url));
        request.header("content-type", "application/json").body("1")
    };
    assert_eq!(status(post()).await, 200);
    terminal.json(&["credential", "address", &stage.sender.username, "--revoke"]);
    assert_eq!(status(post()).await, 401);
    let audit =
        stage.server.query("select details->>'kind' from audit_log where action = 'sender_settings_changed'").await;
    assert_eq!(audit.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_came_late_and_is_sent_again_is_stored_once() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (old, new, path) = expired(&server, &alice).await;
    server.query("update credentials set batches = true").await;
    let send = async |sender: &Sender| {
        let request = reqwest::Client::new().post(&sender.url).header("authorization", sender.authorization());
        let request = request.header("content-type", "application/x-ndjson").header("idempotency-key", "night");
        request.body("1\n{\n3\n").send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(&old).await, 401);
    server.eventually("select count(*) from held_events", 2).await;
    assert_eq!(send(&new).await, 200);
    let accepting = format!("{path}/held-events/acceptance");
    let accepted = alice.post(&accepting, &[("current_password", PASSWORD)]).await;
    let page = alice.follow(accepted).await;
    assert!(page.contains("2 had already been stored"), "each line has the key that it would have had in time");
    let bodies = server.query("select body from events order by id").await;
    assert_eq!(bodies, [[Some("1".to_owned())], [Some("3".to_owned())]]);
}
