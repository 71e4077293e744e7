//! Senders that make a mistake which their owner can read of: how they write their credentials, where they send, and what. They
//! themselves are told the same as ever.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;

use crate::support::actors::{Person, Sender};
use crate::support::server::TestServer;
use crate::support::wire::Wire;

async fn stage() -> (TestServer, Person, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, alice, sender)
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// The answer to a request with these `Authorization` headers, without its id.
async fn answer(server: &TestServer, values: &[&str]) -> (u16, String) {
    let mut request = reqwest::Client::new().post(format!("{}/", server.url)).header(CONTENT_TYPE, "application/json");
    for value in values {
        request = request.header(AUTHORIZATION, *value);
    }
    let answer = request.body("{}").send().await.unwrap();
    let status = answer.status().as_u16();
    let mut problem: Value = answer.json().await.unwrap();
    problem["request_id"] = Value::Null;
    (status, problem.to_string())
}

// holds C10, C15
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_how_credentials_are_written_is_read_by_their_owner_alone() {
    let (server, alice, sender) = stage().await;
    let (username, password) = (&sender.username, &sender.password);
    let (pair, right) = (format!("{username}:{password}"), sender.authorization());
    let plain = answer(&server, &[&sender.with_password("rwp_wrong").authorization()]).await;
    assert_eq!(plain.0, 401);
    server.eventually("select count(*) from rejections where reason = 'wrong_password'", 1).await;
    let mistakes: Vec<(Vec<String>, &str)> = vec![
        (vec![basic(&format!("{pair}\n"))], "a line break follows the password: use printf, or echo -n"),
        (vec![basic(&format!("{pair} "))], "a space stands before or after the password"),
        (vec![basic(&format!("{username}:'{password}'"))], "quotes stand around the password"),
        (vec![format!("Basic {pair}")], "is not encoded"),
        (vec![format!("Bearer {pair}")], "the scheme is Bearer"),
        (vec![format!("Bearer {}", &right[6..])], "the scheme is Bearer"),
        (vec![right[6..].to_owned()], "the scheme is missing"),
        (vec![pair.clone()], "the scheme is missing"),
        (vec![right.clone(), right.clone()], "there twice"),
        (vec![basic(&format!("{password}:{username}"))], "in each other’s place"),
    ];
    for (values, words) in &mistakes {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        assert_eq!(answer(&server, &values).await, plain, "{words}");
        let told = format!(
            "select count(*) from rejections where reason = 'malformed_credentials' and detail like '%{words}%'"
        );
        server.eventually(&told, 1).await;
        // The next one is a row of its own.
        server.query("delete from rejections").await;
        server.pass(jiff::SignedDuration::from_secs(2));
    }
    // Whoever does not know the password is not told that it is right but for something.
    for (value, reason) in [(basic(&format!("{username}:rwp_wrong ")), "wrong_password"), (right.clone(), "")] {
        let status = answer(&server, &[&value]).await.0;
        assert_eq!(status, if reason.is_empty() { 200 } else { 401 });
    }
    server.eventually("select count(*) from rejections where reason = 'wrong_password'", 1).await;
    let all = server.query("select detail, user_agent from rejections").await;
    assert!(!format!("{all:?}").contains(&password[8..]), "{all:?}");
    answer(&server, &[&basic(&format!("{pair}\n"))]).await;
    server.eventually("select count(*) from rejections where reason = 'malformed_credentials'", 1).await;
    let page = alice.page("/events/rejections").await;
    assert!(page.contains("A line break follows the password: use printf, or echo -n."), "{page}");
    let unknown = basic(&format!("rw_nobody00:{password}\n"));
    assert_eq!(answer(&server, &[&unknown]).await, plain);
}

// holds C10
#[tokio::test(flavor = "multi_thread")]
async fn who_sends_to_another_address_is_told_the_right_one_and_so_is_the_owner() {
    let server = TestServer::start_with(|options| options.ingest_bind = Some("127.0.0.1:0".to_owned())).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let ingest = format!("http://{}", server.application().ingest_address.unwrap());
    for (origin, path) in
        [(&server.url, "/webhook"), (&server.url, "/v1/logs"), (&server.url, "/events"), (&ingest, "/webhook")]
    {
        let wrong = sender.with_password("rwp_wrong");
        for (who, noted) in [(&wrong, 0), (&sender, 1)] {
            let mut request = who.request().body("{}").build().unwrap();
            *request.url_mut() = format!("{origin}{path}").parse().unwrap();
            let answer = who.execute(request).await;
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["content-type"]),
                (404, &"application/problem+json".parse().unwrap())
            );
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["code"], "not_found");
            assert!(problem["detail"].as_str().unwrap().contains(&format!("{}/", server.url)), "{problem}");
            let told = format!(
                "select count(*) from rejections where reason = 'wrong_path' and detail like '%{path} was sent%'"
            );
            server.eventually(&told, noted).await;
        }
        server.query("delete from rejections").await;
        server.pass(jiff::SignedDuration::from_secs(2));
    }
    for path in ["//", "", "/?a=1", "//?a=1"] {
        let mut wire = Wire::connect(&server.url).await;
        let target = if path.is_empty() { "/" } else { path };
        let request = crate::support::wire::post(&sender.authorization(), "{}").replacen(
            "POST / ",
            &format!("POST {target} "),
            1,
        );
        wire.send(request).await;
        assert_eq!(wire.answer().await.status, 200, "{path:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_length_is_refused_with_411() {
    let (server, _, sender) = stage().await;
    for (version, authorization, status) in [
        ("1.1", sender.authorization(), 411),
        ("1.1", sender.with_password("rwp_wrong").authorization(), 401),
        ("1.0", sender.authorization(), 411),
        ("1.0", sender.with_password("rwp_wrong").authorization(), 401),
    ] {
        let mut wire = Wire::connect(&server.url).await;
        let head = format!(
            "POST / HTTP/{version}\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\r\n"
        );
        wire.send(format!("{head}{{}}")).await;
        let answer = wire.answer().await;
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, problem["status"].as_u64()), (status, Some(status.into())), "{version}");
        if status == 411 {
            assert_eq!((problem["code"].as_str(), answer.header("connection")), (Some("length_required"), "close"));
            let (rest, _) = wire.rest().await;
            assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400 "), "what follows is no request: {rest}");
        }
    }
    server.eventually("select coalesce(sum(count), 0) from rejections where reason = 'length_required'", 2).await;
    assert_eq!(server.number("select count(*) from events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_too_long_is_refused_with_414() {
    let (server, _, sender) = stage().await;
    for (bytes, status) in [(60_000, 200), (65_100, 414), (70_000, 414), (200_000, 414)] {
        let mut wire = Wire::connect(&server.url).await;
        let target = format!("/?{}", "x".repeat(bytes));
        let request = crate::support::wire::post(&sender.authorization(), "{}").replacen(
            "POST / ",
            &format!("POST {target} "),
            1,
        );
        wire.send(request).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, status, "{bytes}: {}", answer.body);
        if status == 414 {
            assert!(answer.body.contains("\"code\":\"uri_too_long\""), "{}", answer.body);
        }
    }
    server.eventually("select coalesce(sum(count), 0) from rejections where reason = 'uri_too_long'", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_called_that() {
    let (server, alice, sender) = stage().await;
    let answer = sender.request().header("Content-Encoding", "gzip").body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 415);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "unsupported_media_type");
    assert!(!problem["title"].as_str().unwrap().contains("JSON"), "{problem}");
    server.eventually("select count(*) from rejections where reason = 'unsupported_encoding'", 1).await;
    let page = alice.page("/events/rejections").await;
    assert!(page.contains("Body is compressed") && !page.contains("<b>Content type is not JSON"));
    assert_eq!(sender.request().header("Content-Encoding", "").body("{}").send().await.unwrap().status(), 200);
}

// holds C10
#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_many_requests_says_what_was_wrong_with_each_up_to_five() {
    let (server, alice, sender) = stage().await;
    // So that they are noted in one second of the server's clock, whatever this machine does meanwhile.
    for body in ["{\"a\": NaN}", "{\"a\": None}", "{'a': 1}", "[1,]", "tru", "{\"a\": NaN}", "x"] {
        assert_eq!(sender.send(body).await.status(), 400, "{body}");
    }
    server.eventually("select coalesce(sum(count), 0) from rejections", 7).await;
    let rows = server.query("select detail from rejections").await;
    let lines: Vec<&str> = rows.iter().flat_map(|row| row[0].as_deref().unwrap().lines()).collect();
    assert!(lines[0].starts_with("NaN") && lines.len() >= 5, "{lines:?}");
    assert!(rows.iter().all(|row| row[0].as_deref().unwrap().lines().count() <= 9), "{rows:?}");
    let page = alice.page("/events/rejections").await;
    assert!(page.contains("at line 1, column 7"), "{page}");
}
