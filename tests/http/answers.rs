//! The contract's table of answers: every situation, its status, its code, its headers.

use std::time::Duration;

use jiff::SignedDuration;
use reasoner_webhooks::web::problem_codes::Code;
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::Value;

use crate::support::actors::{Person, Sender, WEBHOOKS, between};
use crate::support::server::TestServer;

struct Stage {
    server: TestServer,
    alice: Person,
    sender: Sender,
}

async fn stage() -> Stage {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    Stage { server, alice, sender }
}

/// The problem in an answer, after checking what all problems share.
async fn problem(answer: Response, status: u16, code: &str) -> Value {
    assert_eq!(answer.status(), status, "{code}");
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], code);
    assert_eq!(problem["status"], status);
    assert_eq!(problem["request_id"], id);
    let kind = problem["type"].as_str().unwrap();
    assert!(kind.ends_with(&format!("/docs/webhooks/errors#{code}")), "{problem}");
    if kind.starts_with("http://127.0.0.1:") {
        let page = reqwest::get(kind).await.unwrap().text().await.unwrap();
        assert!(page.contains(&format!("<h2 id=\"{code}\">")), "{kind} leads nowhere");
    }
    assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_event_is_answered_with_its_id_and_time() {
    let Stage { sender, server, .. } = stage().await;
    let answer = sender.send(r#"{"message": "Hello from webhook!"}"#).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    assert!(answer.headers().contains_key("x-request-id"));
    let body = answer.text().await.unwrap();
    let json: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 3, "{body}");
    assert_eq!(json["status"], "ok");
    assert_eq!(json["id"].as_str().unwrap().len(), 36);
    assert_eq!(json["received_at"].as_str().unwrap().len(), "2026-11-23T08:41:12.408Z".len());
    assert_eq!(server.number("select count(*) from events").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_links_to_a_place_on_the_error_page() {
    let server = TestServer::start().await;
    let page = server.visitor().page("/docs/webhooks/errors").await;
    let places: Vec<&str> = page.split("<h2 id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(places[..codes.len()], codes, "each code has a place, in the order of their status");
    for place in &places[codes.len()..] {
        assert!(!place.contains('_'), "{place} is no code that a sender can get");
    }
    for code in Code::ALL {
        let section = between(&page, &format!("<h2 id=\"{}\">", code.as_str()), "<h2");
        assert!(section.contains("The sender sees") && section.contains("What to do"), "{section}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_of_a_sender_get_405() {
    let server = TestServer::start().await;
    let client = reqwest::Client::new();
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer = client.request(method.parse().unwrap(), format!("{}/", server.url)).send().await.unwrap();
        assert_eq!(answer.headers()["allow"], "POST", "{method}");
        problem(answer, 405, "method_not_allowed").await;
    }
}

/// Asks for `/` as a client does that sends these headers.
async fn ask_at_the_door(server: &TestServer, method: &str, headers: &[(&str, &str)]) -> Response {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let request = client.request(method.parse().unwrap(), format!("{}/", server.url));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

// holds S3
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_became_get_on_its_way_is_never_led_to_a_page() {
    let Stage { sender, server, .. } = stage().await;
    let authorization = sender.authorization();
    let clients: [&[(&str, &str)]; 10] = [
        &[],
        &[("Accept", "")],
        &[("Accept", "*/*")],
        &[("Accept", "application/json, text/plain, */*")],
        &[("Accept", "application/xhtml+xml, text/htmlx, x/text/html")],
        &[("Accept", "*/*"), ("Sec-Fetch-Mode", "cors")],
        // Java's HttpURLConnection, before and since version 17.
        &[("Accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2")],
        &[("Accept", "text/html, image/gif, image/jpeg, */*; q=0.2")],
        &[("Accept", "text/html"), ("Authorization", &authorization)],
        // wget2, which sends GET over HTTP/2 whatever it is told.
        &[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("Content-Type", "application/json")],
    ];
    for headers in clients {
        for headers in [headers.to_vec(), [headers, &[("Authorization", authorization.as_str())]].concat()] {
            let answer = ask_at_the_door(&server, "GET", &headers).await;
            assert_eq!(answer.headers()["allow"], "POST", "{headers:?}");
            let problem = problem(answer, 405, "method_not_allowed").await;
            let detail = problem["detail"].as_str().unwrap();
            for word in ["POST", "redirect", "https://"] {
                assert!(detail.contains(word), "{detail}");
            }
            // Who may send may look whether somebody is there; that is no page either.
            let may_send = headers.contains(&("Authorization", authorization.as_str()));
            let status = if may_send && headers.iter().filter(|(name, _)| *name == "Authorization").count() == 1 {
                200
            } else {
                405
            };
            assert_eq!(ask_at_the_door(&server, "HEAD", &headers).await.status(), status, "{headers:?}");
        }
    }
}

// holds S3
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_finds_the_door_to_the_pages() {
    let Stage { sender, server, alice } = stage().await;
    let authorization = sender.authorization();
    let browsers: [&[(&str, &str)]; 6] = [
        &[("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")],
        &[("Accept", "text/html, application/xhtml+xml, */*")],
        &[("Accept", "TEXT/HTML;level=1")],
        &[("Accept", "application/xhtml+xml"), ("Accept", "image/png, text/html")],
        &[("Accept", "*/*"), ("Sec-Fetch-Mode", "navigate")],
        // Behind a proxy that asks for a password of its own.
        &[("Sec-Fetch-Mode", "navigate"), ("Authorization", &authorization)],
    ];
    for headers in browsers {
        for method in ["GET", "HEAD"] {
            let door = ask_at_the_door(&server, method, headers).await;
            assert_eq!(door.status(), 303, "{method} {headers:?}");
            assert_eq!(door.headers()["location"], "/login", "{method} {headers:?}");
        }
    }
    assert_eq!(alice.get("/").await.headers()["location"], "/events");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_told_by_a_trusted_proxy_and_refused() {
    let server = TestServer::start_with(|options| {
        options.public_url = Some("https://webhooks.example".to_owned());
        options.trusted_proxies = Some("127.0.0.1".to_owned());
    })
    .await;
    let sender = Sender::new(&server.url, "rw_00000000", "x");
    let plain = sender.request().header("X-Forwarded-Proto", "http").body("{}").send().await.unwrap();
    assert!(plain.headers().contains_key("strict-transport-security"));
    problem(plain, 403, "https_required").await;
    let tls = sender.request().header("X-Forwarded-Proto", "https").body("{}").send().await.unwrap();
    problem(tls, 401, "unauthorized").await;
}

// holds C10, C15
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_the_credentials_the_sender_is_told_the_same() {
    let Stage { sender, server, alice } = stage().await;
    let disabled = server.sender(&alice).await;
    let id = alice.credential_id(&disabled.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/disabling"), &[]).await;
    let revoked = server.sender(&alice).await;
    let id = alice.credential_id(&revoked.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &[]).await;
    let expired = server.sender(&alice).await;
    let id = alice.credential_id(&expired.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/rotation"), &[("overlap", "1h")]).await;
    server.pass(SignedDuration::from_hours(2));

    let encoded = sender.authorization().replace("Basic ", "");
    let headers: Vec<Vec<String>> = vec![
        vec![],
        vec!["Bearer abc".to_owned()],
        vec!["Basic".to_owned()],
        vec!["Basic !!!".to_owned()],
        vec![format!("Basic _{}", &encoded[1..])],
        vec![format!("Basic{encoded}")],
        vec![format!("Basic {encoded}"), format!("Basic {encoded}")],
        vec![sender.with_password("rwp_wrong").authorization()],
        vec![sender.with_password(&format!("{}\n", sender.password)).authorization()],
        vec![Sender::new(&server.url, "rw_unknown1", &sender.password).authorization()],
        vec![Sender::new(&server.url, "", "").authorization()],
        vec![format!("Basic {}", "A".repeat(3_000))],
        vec![disabled.authorization()],
        vec![revoked.authorization()],
        vec![expired.authorization()],
    ];
    let mut bodies = Vec::new();
    for values in headers {
        let mut request =
            reqwest::Client::new().post(format!("{}/", server.url)).header(CONTENT_TYPE, "application/json");
        for value in &values {
            request = request.header(AUTHORIZATION, value);
        }
        let answer = request.body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 401, "{values:?}");
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert_eq!(challenge, r#"Basic realm="Reasoner webhooks", charset="UTF-8""#);
        let mut names: Vec<String> = answer.headers().keys().map(ToString::to_string).collect();
        names.sort();
        let mut problem = problem(answer, 401, "unauthorized").await;
        problem["request_id"] = Value::Null;
        bodies.push((problem.to_string(), names));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    assert_eq!(server.number("select count(*) from events").await, 0);
    for scheme in ["basic", "BASIC", "Basic "] {
        let answer = reqwest::Client::new()
            .post(format!("{}/", server.url))
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("{scheme} {encoded}"))
            .body("{}");
        assert_eq!(answer.send().await.unwrap().status(), 200, "{scheme:?}");
    }
}

// holds C13
#[tokio::test(flavor = "multi_thread")]
async fn a_downgrade_bites_on_the_next_request_and_an_upgrade_brings_the_credential_back() {
    let Stage { sender, server, .. } = stage().await;
    assert_eq!(sender.status().await, 200);
    server.change_plan("alice@example.com", "free").await;
    problem(sender.send("{}").await, 403, "pro_required").await;
    problem(sender.send("not json").await, 403, "pro_required").await;
    server.change_plan("alice@example.com", "pro").await;
    assert_eq!(sender.status().await, 200);
    server.eventually("select coalesce(sum(count), 0) from rejections where reason = 'pro_required'", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_type_has_to_say_json_and_nothing_may_be_compressed() {
    let Stage { sender, server, .. } = stage().await;
    let client = reqwest::Client::new();
    let without = client.post(format!("{}/", server.url)).header(AUTHORIZATION, sender.authorization()).body("{}");
    problem(without.send().await.unwrap(), 415, "unsupported_media_type").await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "text/html"] {
        let request = client
            .post(format!("{}/", server.url))
            .header(AUTHORIZATION, sender.authorization())
            .header(CONTENT_TYPE, kind);
        problem(request.body("{}").send().await.unwrap(), 415, "unsupported_media_type").await;
    }
    for kind in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/cloudevents+json", "text/json"] {
        let request = client
            .post(format!("{}/", server.url))
            .header(AUTHORIZATION, sender.authorization())
            .header(CONTENT_TYPE, kind);
        assert_eq!(request.body("{}").send().await.unwrap().status(), 200, "{kind}");
    }
    problem(
        sender.request().header(CONTENT_ENCODING, "gzip").body("{}").send().await.unwrap(),
        415,
        "unsupported_media_type",
    )
    .await;
    for none in ["identity", ""] {
        assert_eq!(sender.request().header(CONTENT_ENCODING, none).body("{}").send().await.unwrap().status(), 200);
    }
    // Of two that differ, somebody on the way may have believed the other.
    for (name, value) in [(CONTENT_TYPE, "text/plain"), (CONTENT_TYPE, "application/json")] {
        problem(sender.request().header(name, value).body("{}").send().await.unwrap(), 415, "unsupported_media_type")
            .await;
    }
    let twice = sender.request().header(CONTENT_ENCODING, "identity").header(CONTENT_ENCODING, "gzip");
    problem(twice.body("{}").send().await.unwrap(), 415, "unsupported_media_type").await;
}

// holds X2
#[tokio::test(flavor = "multi_thread")]
async fn the_size_limit_is_exact_with_and_without_an_announced_length() {
    let server = TestServer::start_with(|options| options.max_body_bytes = "1000".to_owned()).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let body = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    for (size, status) in [(999, 200), (1_000, 200), (1_001, 413)] {
        assert_eq!(sender.send(body(size)).await.status(), status, "{size} bytes");
        let chunks: Vec<Result<Vec<u8>, std::io::Error>> =
            body(size).into_bytes().chunks(100).map(|c| Ok(c.to_vec())).collect();
        let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
        assert_eq!(sender.send(chunked).await.status(), status, "{size} bytes in chunks");
    }
    problem(sender.send(body(5_000)).await, 413, "body_too_large").await;
    assert_eq!(server.number("select count(*) from events").await, 4);
}

// holds X3
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_with_a_large_body_gets_its_answer_and_no_reset() {
    let Stage { sender, server: _server, .. } = stage().await;
    let wrong = sender.with_password("rwp_wrong");
    for _ in 0..5 {
        let answer = wrong.send(vec![b'x'; 10_000_000]).await;
        problem(answer, 401, "unauthorized").await;
    }
}

// holds X1
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_given_up_and_others_go_on() {
    let Stage { sender, server: _server, .. } = stage().await;
    let slow = {
        let sender = sender.clone();
        tokio::spawn(async move {
            let chunks = futures_util::stream::unfold(0, |n| async move {
                tokio::time::sleep(Duration::from_millis(900)).await;
                (n < 60).then(|| (Ok::<_, std::io::Error>(b" ".to_vec()), n + 1))
            });
            sender.send(reqwest::Body::wrap_stream(chunks)).await
        })
    };
    for _ in 0..10 {
        assert_eq!(sender.status().await, 200);
    }
    problem(slow.await.unwrap(), 408, "body_timeout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_told_line_and_column() {
    let Stage { sender, server, .. } = stage().await;
    let problem = problem(sender.send("{\"a\": 1,\n \"b\": }").await, 400, "invalid_json").await;
    assert_eq!(problem["detail"], "expected value at line 2, column 7");
    assert_eq!(server.number("select count(*) from events").await, 0);
    server.eventually("select count(*) from rejections where reason = 'invalid_json'", 1).await;
}

// holds D4
#[tokio::test(flavor = "multi_thread")]
async fn a_key_stores_once_however_often_and_however_parallel() {
    let Stage { sender, server, alice } = stage().await;
    let tries: Vec<_> = (0..100)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move {
                let answer = sender.request().header("Idempotency-Key", "one").body(r#"{"n":1}"#).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                let replayed = answer.headers().get("idempotency-replayed").is_some_and(|v| v == "true");
                (answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned(), replayed)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for each in tries {
        answers.push(each.await.unwrap());
    }
    assert!(answers.iter().all(|(id, _)| *id == answers[0].0));
    assert_eq!(answers.iter().filter(|(_, replayed)| !replayed).count(), 1);
    assert_eq!(server.number("select count(*) from events").await, 1);

    let other = sender.request().header("Idempotency-Key", "one").body(r#"{"n":2}"#).send().await.unwrap();
    problem(other, 422, "idempotency_conflict").await;
    let bob_alike = server.sender(&alice).await;
    let answer = bob_alike.request().header("Idempotency-Key", "one").body(r#"{"n":2}"#).send().await.unwrap();
    assert_eq!(answer.status(), 200, "keys belong to a credential");
    let id = alice.credential_id(&sender.username).await;
    let page =
        alice.post(&format!("{WEBHOOKS}/credentials/{id}/rotation"), &[("overlap", "now")]).await.text().await.unwrap();
    let rotated = Sender::from_page(&server.url, &page);
    let again = rotated.request().header("Idempotency-Key", "one").body(r#"{"n":1}"#).send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true", "keys hold across rotations");

    server.pass(SignedDuration::from_hours(7 * 24 + 1));
    let ahead = rotated.request().header("Idempotency-Key", "one").body(r#"{"n":1}"#).send().await.unwrap();
    assert_eq!(ahead.headers()["idempotency-replayed"], "true", "a program's clock that is ahead forgets no key");
    server.query("update idempotency_keys set created_at = created_at - interval '7 days 1 hour'").await;
    let later = rotated.request().header("Idempotency-Key", "one").body(r#"{"n":2}"#).send().await.unwrap();
    assert_eq!(
        (later.status().as_u16(), later.headers().contains_key("idempotency-replayed")),
        (200, false),
        "forgotten after seven days"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_have_at_most_255_bytes() {
    let Stage { sender, server: _server, .. } = stage().await;
    let with = |length: usize| sender.request().header("Idempotency-Key", "k".repeat(length)).body("{}");
    assert_eq!(with(255).send().await.unwrap().status(), 200);
    problem(with(256).send().await.unwrap(), 422, "idempotency_conflict").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_one_key_however_often_it_is_said() {
    let Stage { sender, server, .. } = stage().await;
    let with =
        |first: &str, second: &str| sender.request().header("Idempotency-Key", first).header("webhook-id", second);
    assert_eq!(with("a", "a").body("1").send().await.unwrap().status(), 200);
    let replayed = with("a", "b").body("1").send().await.unwrap();
    assert_eq!(replayed.headers()["idempotency-replayed"], "true", "of both names Idempotency-Key counts");
    let twice = sender.request().header("Idempotency-Key", "b").header("Idempotency-Key", "c").body("1");
    problem(twice.send().await.unwrap(), 422, "idempotency_conflict").await;
    assert_eq!(server.number("select count(*) from events").await, 1);
}

// holds A5
#[tokio::test(flavor = "multi_thread")]
async fn failures_are_slowed_by_address_and_verified_senders_are_not() {
    let Stage { sender, server: _server, .. } = stage().await;
    assert_eq!(sender.status().await, 200);
    let wrong = sender.with_password("rwp_wrong");
    let mut refused = None;
    for _ in 0..400 {
        let answer = wrong.send("{}").await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status(), 401);
    }
    let refused = refused.expect("400 failures at once are too many");
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait >= 1);
    problem(refused, 429, "too_many_failures").await;
    assert_eq!(sender.status().await, 200, "a verified sender behind the same address");
}

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_answer_is_503_and_it_comes_soon() {
    let Stage { sender, server, alice } = stage().await;
    assert_eq!(sender.status().await, 200);
    // The database refuses this program from now on, and throws it out.
    let name = server.database_url.split('/').next_back().unwrap().to_owned();
    let admin = server.database_url.replace(&format!("/{name}"), "/postgres");
    use crate::support::postgres::query;
    query(&admin, &format!("alter database {name} allow_connections false")).await;
    query(&admin, &format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")).await;
    let started = std::time::Instant::now();
    let answer = sender.send("{}").await;
    assert!(answer.headers().contains_key("retry-after"));
    problem(answer, 503, "unavailable").await;
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    let page = alice.get("/events").await;
    assert_eq!(page.status(), 503);
    assert!(page.text().await.unwrap().contains("We’ll be right back"));
    assert_eq!(server.visitor().get("/readyz").await.status(), 503);
    assert_eq!(server.visitor().get("/healthz").await.status(), 200);
    query(&admin, &format!("alter database {name} allow_connections true")).await;
    for _ in 0..50 {
        if sender.status().await == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the program does not recover by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_listener_serves_ingest_and_nothing_else() {
    let server = TestServer::start_with(|options| options.ingest_bind = Some("127.0.0.1:0".to_owned())).await;
    let alice = server.pro("alice@example.com").await;
    let mut sender = server.sender(&alice).await;
    sender.url = format!("http://{}", server.application().ingest_address.unwrap());
    assert_eq!(sender.status().await, 200);
    let client = reqwest::Client::new();
    for path in ["/login", "/events", "/healthz", "/docs/webhooks/quick-start", "/static/app.css", "/metrics"] {
        problem(client.get(format!("{}{path}", sender.url)).send().await.unwrap(), 404, "not_found").await;
    }
    problem(client.get(format!("{}/", sender.url)).send().await.unwrap(), 405, "method_not_allowed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_a_listener_of_their_own() {
    let server = TestServer::start_with(|options| options.metrics_bind = Some("127.0.0.1:0".to_owned())).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store("[]").await;
    assert_eq!(sender.with_password("x").status().await, 401);
    let url = format!("http://{}/metrics", server.application().metrics_address.unwrap());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    for line in [
        "reasoner_ingest_requests_total{outcome=\"stored\"} 1",
        "reasoner_ingest_requests_total{outcome=\"unauthorized\"} 1",
        "reasoner_argon2_runs_total{pool=\"senders\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert_eq!(server.visitor().get("/metrics").await.status(), 404, "never on the public listener");
}
