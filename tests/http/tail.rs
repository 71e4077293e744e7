//! `events tail`: the real binary, followed while events arrive and while the database goes away.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::command_line::Terminal;
use crate::holding::expired;
use crate::support::actors::{Person, Sender};
use crate::support::api_program::Program;
use crate::support::server::{PASSWORD, TestServer};

const PATIENCE: Duration = Duration::from_secs(20);

/// The command, under way.
struct Tail {
    child: Child,
    lines: Receiver<String>,
    /// Its token is in a file there.
    _terminal: Terminal,
}

impl Tail {
    async fn start(server: &TestServer, args: &[&str]) -> Self {
        Self::start_at(Terminal::over(server.database_url.clone()), server, args).await
    }

    async fn start_at(terminal: Terminal, server: &TestServer, args: &[&str]) -> Self {
        // One that has just ended gives its place back.
        while terminal.is_over_api() && server.application().state.waiting_readers() > 0 {
            tokio::task::yield_now().await;
        }
        let mut command = terminal.command(&[&["events", "tail", "alice@example.com"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        // It follows once it listens: ours is the connection beside that of the server; or once it waits for an answer of the API.
        while terminal.is_over_api() && server.application().state.waiting_readers() < 1 {
            tokio::task::yield_now().await;
        }
        server
            .eventually(
                "select count(*) from pg_stat_activity where query = 'listen reasoner_webhooks' \
                 and datname = current_database()",
                if terminal.is_over_api() { 1 } else { 2 },
            )
            .await;
        Self { child, lines, _terminal: terminal }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line is printed")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Its exit code and what it said on standard error, once it is asked to end.
    fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(self.lines.iter().collect::<Vec<_>>(), Vec::<String>::new(), "nothing more is printed");
        (code, said)
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            // A test that has ended does not read on.
            let _ = sender.send(line.unwrap());
        }
    });
    receiver
}

async fn started() -> (TestServer, Person, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, alice, sender)
}

#[tokio::test(flavor = "multi_thread")]
async fn new_events_are_printed_a_line_each_until_ctrl_c() {
    for over_api in [false, true] {
        let (server, alice, sender) = started().await;
        let program = Program::with(&server, &alice, &["events:read"]).await;
        let start = async |args: &[&str]| {
            let terminal = match over_api {
                true => Terminal::over_api(&server.url, &program.token),
                false => Terminal::over(server.database_url.clone()),
            };
            Tail::start_at(terminal, &server, args).await
        };
        sender.store(r#""before""#).await;
        let tail = start(&[]).await;
        let id = sender.store("{\"a\":\n 1, \"b\": \"\u{202e}\"}").await;
        let line = tail.line();
        assert!(line.contains(&id) && line.contains(&sender.username) && line.contains("127.0.0.1"), "{line}");
        assert!(line.ends_with("{\"a\": 1, \"b\": \"\\u202E\"}"), "one line, in which nothing hides: {line}");
        assert_eq!(tail.end(Signal::SIGINT), (Some(0), String::new()));

        let other = server.sender(&alice).await;
        let tail = start(&["--json", "--credential", &other.username, "--query", "WANTED"]).await;
        sender.store(r#""wanted""#).await;
        other.store(r#""something else""#).await;
        let wanted = other.store(r#""wanted""#).await;
        let record = tail.json();
        assert_eq!((record["id"].as_str(), record["size_bytes"].as_u64()), (Some(wanted.as_str()), Some(8)));
        assert_eq!(record["credential"], other.username);
        assert_eq!(tail.end(Signal::SIGTERM).0, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_when_the_database_is_back_and_leaves_nothing_out() {
    let (server, _alice, sender) = started().await;
    let tail = Tail::start(&server, &["--json"]).await;
    let mut stored = vec![sender.store("1").await];
    assert_eq!(tail.json()["id"], stored[0]);
    let others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    server.query(&format!("select pg_terminate_backend(pid) {others}")).await;
    for _ in 0..600 {
        // The server's own connections were ended as well, and its senders try again.
        let answer = sender.send("2").await;
        if answer.status() == 200 {
            stored.push(answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned());
        }
    }
    for id in &stored[1..] {
        assert_eq!(tail.json()["id"], *id);
    }
    let (code, said) = tail.end(Signal::SIGINT);
    assert_eq!(code, Some(0));
    assert!(said.contains("trying again until it answers") && said.contains("The database answers again"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_nobody_reads_and_says_what_it_does_not_know() {
    let (server, _alice, sender) = started().await;
    let terminal = Terminal::over(server.database_url.clone());
    let mut command = terminal.command(&["events", "tail", "alice@example.com"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = async {
        while child.try_wait().unwrap().is_none() {
            sender.store("1").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let output = terminal.command(&["events", "tail", "nobody@example.com"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("nobody@example.com"));
}

// holds issue 17, section 3: nothing is passed over, be it accepted hours after it arrived
#[tokio::test(flavor = "multi_thread")]
async fn late_events_are_printed_when_they_are_accepted() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (old, new, path) = expired(&server, &alice).await;
    assert_eq!(old.send("1").await.status(), 401);
    server.eventually("select count(*) from held_events", 1).await;
    // The command has a clock of its own, by which it came hours ago.
    let earlier = "update held_events set received_at = received_at - interval '9 hours', id = (lpad(to_hex((extract( \
                   epoch from received_at - interval '9 hours') * 1000)::bigint), 12, '0') \
                   || substr(replace(id::text, '-', ''), 13))::uuid returning id::text";
    let late = server.query(earlier).await[0][0].clone().unwrap();
    let tail = Tail::start(&server, &["--json"]).await;
    alice.post(&format!("{path}/held-events/acceptance"), &[("current_password", PASSWORD)]).await;
    assert_eq!(tail.json()["id"], late);
    let newer = new.store("2").await;
    assert_eq!(tail.json()["id"], newer, "once");
    assert_eq!(tail.end(Signal::SIGINT).0, Some(0));
}
