//! What the program writes to its log: one JSON object a line where that was asked for, the trace of the request, and no secret.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::command_line::Terminal;
use crate::support::actors::{Person, Sender};
use crate::support::postgres;
use crate::support::server::PASSWORD;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A `serve` whose log is read to its end.
struct Logging {
    terminal: Terminal,
    child: std::process::Child,
    log: std::thread::JoinHandle<Vec<String>>,
    url: String,
    sender: Sender,
}

impl Logging {
    async fn start(format: &str, filter: &str) -> Self {
        let terminal = Terminal::new().await;
        terminal.create_account("maya@example.com");
        let created = terminal.json(&["credential", "create", "maya@example.com", "Inventory system"]);
        let mut child = terminal
            .command(&["serve", "--bind", "127.0.0.1:0", "--log-format", format])
            .env("RUST_LOG", filter)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = std::thread::spawn(move || stderr.lines().map(Result::unwrap).collect());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| line.unwrap().trim().strip_prefix("Pages").map(|url| url.trim().to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        let url = url.unwrap();
        let sender = Sender::new(&url, created["username"].as_str().unwrap(), created["password"].as_str().unwrap());
        Self { terminal, child, log, url, sender }
    }

    async fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        postgres::query(&self.terminal.database_url, sql).await
    }

    /// Ends the program; the lines that it wrote.
    fn end(mut self) -> Vec<String> {
        let process = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.log.join().unwrap()
    }
}

// holds W11
#[tokio::test(flavor = "multi_thread")]
async fn a_json_log_has_one_object_a_line_and_no_secret() {
    let logging = Logging::start("json", "debug").await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    logging.sender.store(r#"{"canary":"body-canary"}"#).await;
    logging.sender.send("not json body-canary").await;
    logging.sender.with_password("rwp_query-canary").status().await;
    let form = format!("email=maya%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let signing_in = client
        .post(format!("{}/login", logging.url))
        .header("Sec-Fetch-Site", "same-origin")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form);
    let cookie = signing_in.send().await.unwrap().headers()["set-cookie"].to_str().unwrap().to_owned();
    let session = cookie.split('=').nth(1).unwrap().split(';').next().unwrap().to_owned();
    assert!(session.len() > 16, "{cookie}");
    for path in ["/events?q=query-canary", "/setup?token=token-canary", "/a%0d%0ab%1b%5b31m", "/events/%22%7d%0a"] {
        let request = client.get(format!("{}{path}", logging.url)).header("Cookie", &cookie);
        request.send().await.unwrap();
    }
    let (sender, url) = (logging.sender.clone(), logging.url.clone());
    let lines = logging.end();

    assert!(lines.len() > 20, "{lines:?}");
    let mut answered = 0;
    for line in &lines {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(object[field].is_string(), "{field} in {line}");
        }
        object["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        if object["message"] == "answered" {
            answered += 1;
            assert!(object["span"]["request_id"].as_str().unwrap().starts_with("req_"), "{line}");
            assert!(object["method"].is_string() && object["path"].is_string() && object["status"].is_u64(), "{line}");
        }
        let encoded = sender.authorization().replace("Basic ", "");
        for secret in [&sender.password[8..30], &encoded[40..], PASSWORD, &session, "canary"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
    assert_eq!(answered, 8, "a line for each request to {url}");
}

// holds W4, W9, W11
#[tokio::test(flavor = "multi_thread")]
async fn what_an_attack_looks_like_is_logged_with_where_it_came_from() {
    let logging = Logging::start("json", "info").await;
    let person = Person::new(&logging.url);
    let sign_in = |password| [("email", "maya@example.com"), ("password", password)];
    assert_eq!(person.post_from("cross-site", "/login", &sign_in(PASSWORD)).await.status(), 403);
    assert_eq!(person.post("/login", &sign_in(PASSWORD)).await.status(), 303);
    let foreign = "/events/0190a5c8-7b6c-7f3e-8a42-5f0e6d1c2b3a";
    assert_eq!(person.get(foreign).await.status(), 404);
    let stranger = Person::new(&logging.url);
    while stranger.post("/login", &sign_in("a wrong password")).await.status() != 429 {}
    let lines = logging.end();
    for (message, fields) in [
        ("a form from another site was refused", ["address", "page"].as_slice()),
        ("the page doesn’t exist, or belongs to another account", &["address", "user", "page"]),
        ("somebody was told to wait", &["address", "page"]),
        ("a sign-in failed", &["address", "account"]),
    ] {
        let line = lines.iter().find(|line| line.contains(message)).unwrap_or_else(|| panic!("{message}: {lines:?}"));
        let object: Value = serde_json::from_str(line).unwrap();
        for field in fields {
            assert!(object[field].is_string(), "{field} in {line}");
        }
        assert_eq!(object["address"], "127.0.0.1");
        assert!(!line.contains("0190a5c8"), "what was asked for is not said: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_a_request_name_its_trace_and_a_malformed_one_is_ignored() {
    let logging = Logging::start("json", "debug").await;
    let send = async |traceparents: &[&str]| {
        let request = logging.sender.request().body("[]");
        let request = traceparents.iter().fold(request, |request, value| request.header("traceparent", *value));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{traceparents:?}");
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    let traced = send(&[TRACEPARENT]).await;
    let malformed = send(&[&TRACEPARENT.to_uppercase()]).await;
    let doubled = send(&[TRACEPARENT, TRACEPARENT]).await;
    let page = reqwest::Client::new().get(format!("{}/login", logging.url)).header("traceparent", TRACEPARENT);
    let page = page.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
    let kept = logging.query("select headers::text from events order by id").await;
    assert!(kept[0][0].as_deref().unwrap().contains(TRACEPARENT), "it is kept with the event: {kept:?}");
    let lines = logging.end();
    let trace_of = |id: &str| {
        let line = lines.iter().find(|line| line.contains(id)).unwrap_or_else(|| panic!("{id} in {lines:?}"));
        serde_json::from_str::<Value>(line).unwrap()["span"]["trace_id"].as_str().map(str::to_owned)
    };
    assert_eq!(trace_of(&traced).as_deref(), Some(TRACE));
    assert_eq!(trace_of(&page).as_deref(), Some(TRACE));
    assert_eq!(trace_of(&malformed), None);
    assert_eq!(trace_of(&doubled), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_with_a_traced_request_is_logged_with_its_trace() {
    for (format, written) in [("text", format!("trace_id={TRACE}")), ("json", format!("\"trace_id\":\"{TRACE}\""))] {
        let logging = Logging::start(format, "warn").await;
        logging.query("alter table credential_secrets rename to hidden").await;
        let answer = logging.sender.request().header("traceparent", TRACEPARENT).body("[]").send().await.unwrap();
        assert_eq!(answer.status(), 503);
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        logging.query("alter table hidden rename to credential_secrets").await;
        let lines = logging.end();
        let line = lines.iter().find(|line| line.contains("a sender could not be verified")).unwrap();
        assert!(line.contains(&written) && line.contains(&id), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_of_a_program_that_cannot_serve_are_json_too() {
    let terminal = Terminal::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let output = terminal.command(&["serve", "--log-format", "json", "--bind", &bind]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = String::from_utf8(output.stderr).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert!(last["message"].as_str().unwrap().contains("--bind (BIND)"), "{lines}");
    assert_eq!(last["level"], "ERROR");
}

// holds O2
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_database_refuses_is_logged_with_sqlstate_and_words() {
    let logging = Logging::start("json", "info").await;
    assert_eq!(logging.sender.status().await, 200);
    // As after a migration that went wrong: both functions of the name.
    let names = logging.query("select oid::regprocedure::text from pg_proc where proname = 'store_events'").await;
    for name in names.into_iter().flatten().flatten() {
        logging.query(&format!("alter function {name} rename to store_nothing")).await;
    }
    assert_eq!(logging.sender.status().await, 503);
    let lines = logging.end();
    let told = lines.iter().filter(|line| line.contains("\"WARN\"")).collect::<Vec<_>>();
    assert!(told.iter().any(|line| line.contains("SQLSTATE 42883") && line.contains("does not exist")), "{lines:?}");
}
