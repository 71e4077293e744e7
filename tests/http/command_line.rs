//! The command line as scripts use it: the real binary against a database, and the seed's `curl` line run literally.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::support::actors::Sender;
use crate::support::postgres::new_database;
use crate::support::server::PASSWORD;

const PROGRAM: &str = env!("CARGO_BIN_EXE_reasoner-webhooks");

const MAYA: &str = "maya@example.com";

/// The binary with one database, or with the API of a server.
pub struct Terminal {
    pub database_url: String,
    api: Option<(String, NamedTempFile)>,
}

impl Terminal {
    pub async fn new() -> Self {
        Self::over(new_database().await)
    }

    pub fn over(database_url: String) -> Self {
        Self { database_url, api: None }
    }

    /// One that speaks to the API with a token, and knows of no database.
    pub fn over_api(server: &str, token: &str) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        writeln!(file, "{token}").unwrap();
        Self { database_url: String::new(), api: Some((server.to_owned(), file)) }
    }

    /// One of somebody with an account, over the database or over the API of a program that serves.
    async fn of_maya(over_api: bool) -> (Self, Option<(Serving, String)>) {
        let terminal = Self::new().await;
        terminal.create_account(MAYA);
        if !over_api {
            return (terminal, None);
        }
        let served = terminal.serve();
        let scopes = "events:read,credentials:read,credentials:write";
        let token = terminal.json(&["token", "create", MAYA, "Terminal", "--scopes", scopes]);
        (Self::over_api(&served.1, token["token"].as_str().unwrap()), Some(served))
    }

    pub fn is_over_api(&self) -> bool {
        self.api.is_some()
    }

    /// Over the API, the token says whose account it is.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        match &self.api {
            None => command.args(args).env("DATABASE_URL", &self.database_url),
            Some((server, token)) => command
                .args(args.iter().filter(|word| !word.ends_with("@example.com")))
                .args(["--server", server, "--token-file"])
                .arg(token.path()),
        };
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().unwrap()
    }

    /// What a command that has to succeed prints.
    pub fn output(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.output(&[args, &["--json"]].concat())).unwrap()
    }

    /// The one line of a command that has to fail with a code.
    pub fn failure(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {line}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert_eq!(line.lines().count(), 1, "{args:?}: {line}");
        line
    }

    pub fn create_account(&self, email: &str) {
        let mut child = self
            .command(&["account", "create", email, "--password-stdin", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let account: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(account["email"], email);
        assert!(account["password"].is_null(), "a given password is not printed");
    }

    /// `serve` on a free port, and its address.
    pub fn serve(&self) -> (Serving, String) {
        let mut child = self
            .command(&["serve", "--bind", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| line.unwrap().trim().strip_prefix("Pages").map(|rest| rest.trim().to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        (Serving(child), line.unwrap())
    }
}

/// A running `serve`, ended with SIGTERM as an init system does.
pub struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let status = self.0.wait().unwrap();
        if !std::thread::panicking() {
            assert!(status.success(), "serve ends cleanly: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_created_listed_and_changed() {
    let terminal = Terminal::new().await;
    assert_eq!(terminal.json(&["account", "list"]), serde_json::json!([]));
    terminal.create_account("maya@example.com");
    let generated = terminal.json(&["account", "create", "bob@example.com", "--name", "Bob", "--plan", "free"]);
    assert!(generated["password"].as_str().unwrap().len() >= 20);
    let list = terminal.json(&["account", "list"]);
    assert_eq!(list[0]["plan"], "pro");
    assert_eq!(
        (&list[1]["email"], &list[1]["name"], &list[1]["plan"]),
        (&"bob@example.com".into(), &"Bob".into(), &"free".into())
    );
    assert_eq!(terminal.json(&["account", "plan", "BOB@example.com", "pro"])["plan"], "pro");
    assert!(terminal.output(&["account", "list"]).contains("bob@example.com"));
    assert!(terminal.json(&["account", "password", "bob@example.com"])["password"].is_string());
    assert!(terminal.failure(&["account", "create", "maya@example.com"], 1).contains("exists"));
    assert!(terminal.failure(&["account", "plan", "eve@example.com", "pro"], 1).contains("no account"));
    assert!(terminal.failure(&["account", "create", "nonsense"], 1).contains("one @"));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_through_their_life_on_the_command_line() {
    for over_api in [false, true] {
        let (terminal, served) = Terminal::of_maya(over_api).await;
        let created = terminal.json(&["credential", "create", "maya@example.com", "Inventory system"]);
        let keys: Vec<&String> = created.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 5, "{keys:?}");
        assert_eq!(created["name"], "Inventory system");
        let endpoint = served.as_ref().map_or("http://127.0.0.1:8080/".to_owned(), |(_, url)| format!("{url}/"));
        assert_eq!(created["ingest_url"], endpoint);
        let username = created["username"].as_str().unwrap();
        let hint = &created["password"].as_str().unwrap()[4..8];
        let list = terminal.json(&["credential", "list", "maya@example.com"]);
        assert_eq!(list[0]["state"], "active");
        assert_eq!(list[0]["passwords"][0]["hint"], hint);
        assert_eq!(list[0]["passwords"][0]["state"], "current");
        assert!(list[0]["passwords"][0]["last_used_at"].is_null());
        let rotated = terminal.json(&["credential", "rotate", username, "--overlap", "1h"]);
        assert!(rotated["previous_expires_at"].as_str().unwrap().ends_with('Z'));
        assert_ne!(rotated["password"], created["password"]);
        let list = terminal.json(&["credential", "list", "maya@example.com"]);
        assert_eq!(list[0]["state"], "rotating");
        assert_eq!(
            (&list[0]["passwords"][0]["state"], &list[0]["passwords"][1]["state"]),
            (&"current".into(), &"expiring".into())
        );
        if let Some((_, url)) = &served {
            // What was never used can be rotated again over the API.
            Sender::new(url, username, rotated["password"].as_str().unwrap()).store("1").await;
            assert!(terminal.failure(&["credential", "extend", username], 2).contains("cannot be done over the API"));
        } else {
            let extended = terminal.json(&["credential", "extend", username]);
            let end = |json: &Value| json["previous_expires_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            assert_eq!(end(&extended), end(&rotated) + jiff::SignedDuration::from_hours(1));
            assert!(terminal.failure(&["credential", "extend", username], 1).contains("can be once"));
        }
        assert!(terminal.failure(&["credential", "rotate", username], 1).contains("two passwords"));
        assert!(
            terminal.json(&["credential", "rotate", username, "--overlap", "now"])["previous_expires_at"].is_null()
        );
        assert_eq!(terminal.json(&["credential", "disable", username])["state"], "disabled");
        assert_eq!(terminal.json(&["credential", "enable", username])["state"], "active");
        assert_eq!(terminal.json(&["credential", "revoke", username])["state"], "revoked");
        let list = terminal.json(&["credential", "list", "maya@example.com"]);
        assert_eq!(list[0]["state"], "revoked");
        assert!(list[0]["passwords"].as_array().unwrap().iter().all(|p| p["state"] == "revoked"));
        assert!(terminal.failure(&["credential", "enable", username], 1).contains("revoked"));
        assert!(terminal.failure(&["credential", "rotate", "rw_unknown1"], 1).contains("no credential"));
        assert!(terminal.failure(&["credential", "create", "maya@example.com", ""], 1).contains("name"));
        let create =
            |more: &'static [&'static str]| [&["credential", "create", "maya@example.com", "Till"], more].concat();
        for (expires, words) in [("soon", "Give a date"), ("2020-01-01", "after today")] {
            let told = terminal.failure(&[&create(&["--expires"])[..], &[expires]].concat(), 1);
            assert!(told.contains(words), "{told}");
        }
        let till = terminal.json(&create(&["--expires", "30d"]));
        let listed = terminal.json(&["credential", "list", "maya@example.com"]);
        assert!(listed[1]["passwords"][0]["expires_at"].as_str().unwrap().ends_with("T00:00:00.000Z"), "{listed}");
        let taken = terminal.failure(&create(&[]), 1);
        // The API does not name a credential that the token may not see.
        let names_it = over_api || taken.contains(till["username"].as_str().unwrap());
        assert!(names_it && taken.contains("has this name already"), "{taken}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_back_byte_for_byte_while_the_program_serves() {
    for over_api in [false, true] {
        let (terminal, served) = Terminal::of_maya(over_api).await;
        let created = terminal.json(&["credential", "create", "maya@example.com", "Inventory"]);
        let (username, password) = (created["username"].as_str().unwrap(), created["password"].as_str().unwrap());
        let (_serving, url) = served.unwrap_or_else(|| terminal.serve());
        let sender = Sender::new(&url, username, password);
        let bodies = ["{ \"a\" : 1.0e400, \"a\":\"\\ud800\" }\n", "\u{feff}[]", "\"\\u0000\"", "0"];
        let mut stored = Vec::new();
        for body in bodies {
            stored.push(sender.store(body).await);
        }
        for (id, body) in stored.iter().zip(bodies) {
            let output = terminal.run(&["events", "body", "maya@example.com", id]);
            assert_eq!(output.stdout, body.as_bytes());
        }
        let list = terminal.json(&["events", "list", "maya@example.com"]);
        let ids: Vec<&str> = list.as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert_eq!(ids, stored.iter().rev().map(String::as_str).collect::<Vec<_>>(), "newest first");
        assert_eq!(list[0].as_object().unwrap().len(), 6);
        assert_eq!(list[0]["credential"], username);
        assert_eq!(list[0]["size_bytes"], 1);
        let listed = |args: &[&str]| {
            terminal.json(&[&["events", "list", "maya@example.com"], args].concat()).as_array().unwrap().len()
        };
        assert_eq!(listed(&["--limit", "2"]), 2);
        assert_eq!(listed(&["--query", "1.0E400"]), 1);
        assert_eq!(listed(&["--credential", username, "--since", "1h"]), 4);
        assert_eq!(listed(&["--until", "2020-01-01"]), 0);
        assert_eq!(listed(&["--until", "9999-12-31"]), listed(&[]));
        let export = terminal.output(&["events", "export", "maya@example.com"]);
        let lines: Vec<&str> = export.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(
            lines[0].contains(&stored[0]) && lines[0].ends_with("\"body\":{ \"a\" : 1.0e400, \"a\":\"\\ud800\" }}"),
            "{}",
            lines[0]
        );
        assert!(lines[1].ends_with("\"body\":[]}"));
        assert_eq!(
            terminal
                .output(&["events", "export", "maya@example.com", "--format", "csv"])
                .lines()
                .next()
                .unwrap()
                .matches(',')
                .count(),
            7
        );
        assert!(
            terminal
                .failure(&["events", "body", "maya@example.com", "019ab000-0000-7000-8000-000000000000"], 1)
                .contains("no event")
        );
        assert!(
            terminal.failure(&["events", "list", "maya@example.com", "--since", "yesterday"], 1).contains("yesterday")
        );
        let is_noted = |_| {
            let used = terminal.json(&["credential", "list", "maya@example.com"]);
            used[0]["passwords"][0]["last_used_ip"] == "127.0.0.1"
        };
        assert!((0..100).any(is_noted), "the last use is not noted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sender_settings_are_set_over_the_database_and_the_api_alike() {
    for over_api in [false, true] {
        let (terminal, _served) = Terminal::of_maya(over_api).await;
        let created = terminal.json(&["credential", "create", MAYA, "Till"]);
        let username = created["username"].as_str().unwrap();
        let set = |more: &[&str]| terminal.json(&[&["credential", "set", username], more].concat());
        let before = set(&[]);
        assert_eq!((&before["gzip"], &before["dedupe_header"]), (&false.into(), &Value::Null));
        let chosen =
            set(&["--gzip", "on", "--dedupe-header", "X-Delivery", "--networks", "203.0.113.0/24", "--put", "on"]);
        assert_eq!((&chosen["gzip"], &chosen["dedupe_header"]), (&true.into(), &"x-delivery".into()));
        assert_eq!(chosen["networks"], serde_json::json!(["203.0.113.0/24"]));
        assert_eq!(
            (&set(&["--networks", "any"])["networks"], &set(&[])["put"]),
            (&serde_json::json!([]), &true.into())
        );
        assert!(set(&["--dedupe-header", "none"])["dedupe_header"].is_null());
        assert!(terminal.failure(&["credential", "set", username, "--networks", "here"], 1).contains("here"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_does_not_do_is_said_with_what_to_do() {
    let (terminal, served) = Terminal::of_maya(true).await;
    let (serving, url) = served.unwrap();
    for args in [&["account", "list"][..], &["token", "revoke", "x"], &["doctor"], &["credential", "check"], &["serve"]]
    {
        let line = terminal.failure(args, 2);
        assert!(line.contains("cannot be done over the API: leave --server (SERVER) out"), "{line}");
    }
    let stranger = Terminal::over_api(&url, "rwt_0123456789abcdefghijABCDEF012345");
    assert!(stranger.failure(&["events", "list"], 1).contains("the API token is wrong, expired or revoked"));
    let told = Terminal::over_api(&url, "no token").failure(&["events", "list"], 2);
    assert!(told.starts_with("--token-file (TOKEN_FILE) is") && !told.contains("no token"), "{told}");
    let told = Terminal::over_api("http://example.com", "rwt_1").failure(&["events", "list"], 2);
    assert!(told.starts_with("--server (SERVER) is") && told.contains("--insecure-http"), "{told}");
    let over_database = Terminal::new().await;
    let told =
        over_database.command(&["events", "list", MAYA]).env("SERVER", &url).env("TOKEN", "rwt_1").output().unwrap();
    assert_eq!(told.status.code(), Some(2), "whose account it is cannot be said twice");
    let listed = over_database.command(&["events", "list"]).env("SERVER", &url).env("TOKEN", "rwt_1").output().unwrap();
    assert!(
        String::from_utf8(listed.stderr).unwrap().contains("the API token is wrong"),
        "the environment has a token"
    );
    drop(serving);
    let line = terminal.failure(&["events", "list"], 1);
    assert!(line.contains(&format!("{url} cannot be asked: ")), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_curl_line_of_the_seed_works_as_printed() {
    let terminal = Terminal::new().await;
    terminal.create_account("maya@example.com");
    let (_serving, url) = terminal.serve();
    let created = terminal.json(&["credential", "create", "maya@example.com", "Seed"]);
    assert_eq!(created["ingest_url"], format!("{url}/"), "the endpoint that is served, wherever that is");
    let line = r#"curl -X POST "https://webhook.reasoner.com" \
 -H "Content-Type: application/json" \
 -H "Authorization: Basic $(echo -n 'USERNAME:PASSWORD' | base64)" \
 -d '{"message": "Hello from webhook!"}'"#
        .replace("https://webhook.reasoner.com", &url)
        .replace("USERNAME", created["username"].as_str().unwrap())
        .replace("PASSWORD", created["password"].as_str().unwrap());
    let output = Command::new("bash").args(["-c", &format!("{line} -sS -w '\\n%{{http_code}}'")]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with(r#"{"status":"ok","id":""#) && text.ends_with("\n200"),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let id = crate::support::actors::between(&text, "\"id\":\"", "\"");
    assert_eq!(terminal.output(&["events", "body", "maya@example.com", id]), r#"{"message": "Hello from webhook!"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_values_stop_the_program_before_it_opens_anything() {
    let terminal = Terminal::new().await;
    let output =
        terminal.run(&["serve", "--bind", "nowhere", "--retention-days", "0", "--public-url", "http://example.com"]);
    assert_eq!(output.status.code(), Some(2));
    let lines = String::from_utf8(output.stderr).unwrap();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    for name in ["--bind (BIND)", "--retention-days (RETENTION_DAYS)", "--public-url (PUBLIC_URL)"] {
        assert!(lines.contains(name), "{name} in {lines}");
    }
    let line = terminal.failure(&["serve", "--nonsense"], 2);
    assert_eq!(line, "there is no option \"--nonsense\"; see `reasoner-webhooks serve --help`\n");
    let line = terminal.failure(&["credential", "rotate", "rw_7f3kq2m9", "--overlap", "2h"], 2);
    let allowed = "it has to be now, 1h, 24h or 7d; see `reasoner-webhooks credential rotate --help`";
    assert_eq!(line, format!("--overlap is \"2h\": {allowed}\n"));
    let away = terminal
        .command(&["account", "list"])
        .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x")
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&away.stderr).contains("DATABASE_URL"),
        "{}",
        String::from_utf8_lossy(&away.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_reader_has_enough_ends_without_a_word() {
    let terminal = Terminal::new().await;
    for args in [&["doctor"][..], &["account", "list", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = terminal.command(args).stdin(Stdio::null()).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_is_well_and_fails_when_something_is_not() {
    let terminal = Terminal::new().await;
    let output = terminal.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    // The tests' own server has fsync off, which is exactly what doctor is for.
    assert!(text.contains("FAIL  fsync is off"), "{text}");
    assert_eq!(output.status.code(), Some(1));
    for line in [
        "ok    full_page_writes is on",
        "ok    synchronous_commit is on",
        "ok    the encoding is UTF8",
        "ok    no migration is pending",
        "ok    PostgreSQL ",
        "ok    no proxy is trusted",
        "ok    senders are shown http://127.0.0.1:8080/",
        "ok    the server allows ",
        "hint  there is no partition for events that arrive now: `serve` makes it",
        "hint  there are partitions for 0 weeks ahead: `serve` makes them",
        "ok    `serve` makes the extension pg_trgm",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let json = terminal.run(&["doctor", "--json"]);
    assert_eq!(json.status.code(), Some(1));
    let checks: Value = serde_json::from_slice(&json.stdout).unwrap();
    let checks = checks.as_array().unwrap();
    assert_eq!(checks.len(), text.lines().count(), "the same checks as a table of words");
    let fsync = checks.iter().find(|check| check["check"] == "fsync").unwrap();
    assert_eq!((&fsync["state"], &fsync["found"]), (&"fail".into(), &"fsync is off".into()));
    assert!(fsync["remedy"].as_str().unwrap().starts_with("set fsync = on"));
    let encoding = checks.iter().find(|check| check["check"] == "encoding").unwrap();
    assert_eq!((&encoding["state"], encoding.get("remedy")), (&"ok".into(), None));
    assert_eq!(terminal.output(&["migrate"]), "The database schema is current.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_when_a_role_has_too_few_connections_and_when_addresses_differ() {
    let terminal = Terminal::new().await;
    let (serving, url) = terminal.serve();
    drop(serving);
    let text = terminal.run(&["doctor", "--public-url", "https://hooks.example.com"]);
    let text = String::from_utf8(text.stdout).unwrap();
    let served = format!("hint  `serve` last showed senders {url}/, and with the options given here it is https://");
    assert!(text.contains(&served), "{text}");
    assert!(text.contains("ok    there are partitions for 4 weeks ahead"), "{text}");
    assert!(text.contains("ok    an event was stored and taken back"), "{text}");
    let text = String::from_utf8(terminal.run(&["doctor"]).stdout).unwrap();
    assert!(
        text.contains(&format!("hint  `serve` last showed senders {url}/, and the options given here say nothing"))
    );
    assert!(!text.contains("127.0.0.1:8080"), "an address that nobody serves: {text}");
    let database = terminal.database_url.split('/').next_back().unwrap();
    let sql = format!("alter database {database} connection limit 10");
    crate::support::postgres::query(&terminal.database_url, &sql).await;
    let text = String::from_utf8(terminal.run(&["doctor"]).stdout).unwrap();
    assert!(text.contains("FAIL  the server allows 10 connections, "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_a_running_program_whether_it_is_ready() {
    let terminal = Terminal::new().await;
    let (serving, url) = terminal.serve();
    let bind = url.trim_start_matches("http://").to_owned();
    assert_eq!(terminal.output(&["doctor", "--ready", "--bind", &bind]), "ready\n");
    let database = terminal.database_url.split('/').next_back().unwrap();
    let sql = format!("alter table __diesel_schema_migrations rename to hidden_{database}");
    crate::support::postgres::query(&terminal.database_url, &sql).await;
    let mut output = terminal.run(&["doctor", "--ready", "--bind", &bind]);
    for _ in 0..100 {
        if output.status.success() {
            output = terminal.run(&["doctor", "--ready", "--bind", &bind]);
        }
    }
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"the database refuses to store events\n");
    drop(serving);
    let line = terminal.failure(&["doctor", "--ready", "--bind", &bind], 1);
    assert!(line.contains(&format!("nobody answers at {bind}")) && line.contains("--bind (BIND)"), "{line}");
}

#[test]
fn help_names_every_option_with_its_variable() {
    let output = Command::new(PROGRAM).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for option in [
        "bind",
        "ingest-bind",
        "metrics-bind",
        "public-url",
        "ingest-url",
        "host-names",
        "database-url",
        "data-dir",
        "trusted-proxies",
        "signup",
        "smtp-url",
        "mail-from",
        "smtp-plain",
        "upgrade-url",
        "retention-days",
        "max-body-bytes",
        "keep-alive",
        "drain-seconds",
        "log-format",
        "insecure-http",
        "server",
        "token-file",
    ] {
        let variable = option.to_uppercase().replace('-', "_");
        assert!(
            text.contains(&format!("--{option}")) && text.contains(&format!("[env: {variable}")),
            "{option} in {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_account_needs_to_be_said_twice() {
    let terminal = Terminal::new().await;
    for email in ["ben@example.com", "ada@example.com"] {
        terminal.create_account(email);
        terminal.output(&["credential", "create", email, "Inventory system"]);
    }
    let line = terminal.failure(&["account", "delete", "ben@example.com"], 1);
    assert!(line.contains("ben@example.com has 1 credentials and 0 events") && line.contains("--yes"), "{line}");
    assert_eq!(terminal.json(&["account", "list"]).as_array().unwrap().len(), 2);
    let deleted = terminal.json(&["account", "delete", "Ben@example.com", "--yes"]);
    assert_eq!(
        (&deleted["email"], &deleted["credentials"], &deleted["events"]),
        (&"ben@example.com".into(), &1.into(), &0.into())
    );
    let left = terminal.json(&["account", "list"]);
    assert_eq!((left.as_array().unwrap().len(), &left[0]["email"]), (1, &"ada@example.com".into()));
    assert_eq!(terminal.json(&["credential", "list", "ada@example.com"]).as_array().unwrap().len(), 1);
    let line = terminal.failure(&["account", "delete", "ben@example.com", "--yes"], 1);
    assert!(line.contains("there is no account with ben@example.com"), "{line}");
    let words = terminal.output(&["account", "delete", "ada@example.com", "--yes"]);
    assert!(words.contains("The account ada@example.com is deleted"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_take_filters_and_columns_and_say_how_far_they_are() {
    for over_api in [false, true] {
        let (terminal, served) = Terminal::of_maya(over_api).await;
        let (_serving, url) = served.unwrap_or_else(|| terminal.serve());
        let mut usernames = Vec::new();
        for number in [1, 2] {
            let created = terminal.json(&["credential", "create", "maya@example.com", &format!("System {number}")]);
            let (username, password) = (created["username"].as_str().unwrap(), created["password"].as_str().unwrap());
            let sender = Sender::new(&url, username, password);
            sender.store(format!("{{\"data\":{{\"n\":{number}}}}}")).await;
            usernames.push(username.to_owned());
        }
        let export = |args: &[&str]| terminal.output(&[&["events", "export", "maya@example.com"], args].concat());
        assert_eq!(export(&[]).lines().count(), 2);
        assert!(export(&["--credential", &usernames[1]]).ends_with("\"body\":{\"data\":{\"n\":2}}}\n"));
        assert_eq!(export(&["--query", "data.n = 1"]).lines().count(), 1);
        assert_eq!(export(&["--until", "2020-01-01"]), "");
        let csv = export(&["--fields", "data.n"]);
        let cells: Vec<&str> = csv.lines().map(|line| line.rsplit(',').next().unwrap()).collect();
        assert_eq!(cells, ["data.n", "1", "2"]);
        let told = terminal.run(&["events", "export", "maya@example.com", "--progress"]);
        let line = String::from_utf8(told.stderr).unwrap();
        let far = ["2 events, ", "2 of about 2 looked at, 100 %", "0.0 MB written"];
        // How many there are to look at is known to the server alone.
        assert!(far.iter().skip(if over_api { 2 } else { 0 }).all(|words| line.contains(words)), "{line}");
        assert_eq!(
            terminal.run(&["events", "export", "maya@example.com"]).stderr,
            b"",
            "nothing is said where nobody asked"
        );
        let refused = |args: &[&str]| terminal.failure(&[&["events", "export", "maya@example.com"], args].concat(), 1);
        let marked = export(&["--fields", "data.n", "--bom"]);
        assert_eq!(marked.strip_prefix('\u{feff}'), Some(&*csv), "for Excel (issue 16, section 5)");
        assert!(refused(&["--bom"]).contains("--format csv"));
        assert!(refused(&["--fields", "data.tags[]"]).contains("data.tags[0]"));
        assert!(refused(&["--format", "ndjson", "--fields", "a"]).contains("--format csv"));
        assert!(refused(&["--credential", "rw_nobody00"]).contains("no credential"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_what_the_operator_lets_it_have() {
    let terminal = Terminal::new().await;
    terminal.create_account("maya@example.com");
    let limits = |args: &[&str]| terminal.json(&[&["account", "limits", "maya@example.com"], args].concat());
    let before = limits(&[]);
    assert_eq!((&before["credentials"], &before["sessions"]), (&100.into(), &100.into()));
    assert!(before["events"].is_null() && before["bytes"].is_null() && before["when_full"] == "refuse");
    let set = limits(&["--credentials", "5", "--events", "1000000"]);
    assert_eq!((&set["credentials"], &set["events"]), (&5.into(), &1_000_000.into()));
    assert_eq!(limits(&["--events", "default"])["set"]["credentials"], 5, "the others stay");
    let said = terminal.output(&["account", "limits", "maya@example.com", "--bytes", "5000"]);
    assert!(said.contains("5 credentials and 100 signed-in browsers"), "{said}");
    assert!(said.contains("any number of events and 5,000 bytes"), "{said}");
    for wrong in [["--sessions", "0"], ["--credentials", "many"], ["--events", "-1"], ["--bytes", "0"]] {
        let wrong = [wrong[0].to_owned(), wrong[1].to_owned()].join("=");
        let failure = terminal.failure(&["account", "limits", "maya@example.com", &wrong], 1);
        assert!(failure.contains("is not a limit"), "{failure}");
    }
    assert_eq!(limits(&["--default"])["set"]["credentials"], serde_json::Value::Null);
    assert!(terminal.failure(&["account", "limits", "eve@example.com"], 1).contains("no account"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_keeps_events_as_long_as_the_operator_says() {
    let terminal = Terminal::new().await;
    terminal.create_account("maya@example.com");
    assert_eq!(terminal.json(&["account", "retention", "maya@example.com", "30"])["retention_days"], 30);
    assert!(terminal.output(&["account", "retention", "maya@example.com", "7"]).contains("for 7 days now"));
    for wrong in ["0", "-1", "ten", "40000"] {
        assert!(
            terminal.failure(&["account", "retention", "maya@example.com", "--", wrong], 1).contains("from 1 to"),
            "{wrong}"
        );
    }
    assert!(terminal.json(&["account", "retention", "maya@example.com", "default"])["retention_days"].is_null());
    let audit = terminal.failure(&["account", "retention", "eve@example.com", "7"], 1);
    assert!(audit.contains("no account"), "{audit}");
}
