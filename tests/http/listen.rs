//! `events listen`: the real binary over the API, with a program that events are forwarded to.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::command_line::Terminal;
use crate::support::actors::{Person, Sender};
use crate::support::api_program::Program;
use crate::support::server::TestServer;

const PATIENCE: Duration = Duration::from_secs(30);

/// A request as a target got it; it is answered with what it is told.
struct Posted {
    /// The request line and the headers, in lower case.
    head: String,
    body: Vec<u8>,
    answer: tokio::sync::oneshot::Sender<&'static str>,
}

impl Posted {
    fn id(&self) -> &str {
        crate::support::actors::between(&self.head, "x-event-id: ", "\r\n")
    }

    fn answer(self, status: &'static str) {
        self.answer.send(status).unwrap();
    }
}

/// The program that events are forwarded to.
struct Target {
    url: String,
    posted: mpsc::UnboundedReceiver<Posted>,
}

impl Target {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?a=1", listener.local_addr().unwrap());
        let (sender, posted) = mpsc::unbounded_channel();
        let sender = Arc::new(sender);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Self::serve(BufStream::new(stream), sender.clone()));
            }
        });
        Self { url, posted }
    }

    async fn serve(mut stream: BufStream<tokio::net::TcpStream>, posted: Arc<mpsc::UnboundedSender<Posted>>) {
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let head = head.to_lowercase();
            let length = crate::support::actors::between(&head, "content-length: ", "\r\n").parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let (answer, told) = tokio::sync::oneshot::channel();
            if posted.send(Posted { head, body, answer }).is_err() {
                return;
            }
            let Ok(status) = told.await else { return };
            let answer = format!("HTTP/1.1 {status}\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
            if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }

    async fn next(&mut self) -> Posted {
        tokio::time::timeout(PATIENCE, self.posted.recv()).await.expect("an event is posted").unwrap()
    }
}

/// The command, under way.
struct Listener {
    child: Child,
    lines: Receiver<String>,
    said: Receiver<String>,
}

impl Listener {
    fn start(terminal: &Terminal, args: &[&str]) -> Self {
        let mut command = terminal.command(&[&["events", "listen"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, said) = (lines_of(child.stdout.take().unwrap()), lines_of(child.stderr.take().unwrap()));
        Self { child, lines, said }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(PATIENCE).expect("a line is printed")).unwrap()
    }

    fn said(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("something is said")
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Its exit code, and what it printed that nobody has read.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.child.wait().unwrap().code();
        (code, self.lines.iter().collect())
    }
}

fn lines_of(output: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            // A test that has ended does not read on.
            let _ = sender.send(line.unwrap());
        }
    });
    receiver
}

async fn stage() -> (TestServer, Person, Sender, Terminal) {
    let (server, alice, sender, program) = stage_with_program().await;
    let terminal = Terminal::over_api(&server.url, &program.token);
    (server, alice, sender, terminal)
}

async fn stage_with_program() -> (TestServer, Person, Sender, Program) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let program = Program::with(&server, &alice, &["events:read", "consumers:write", "events:delete"]).await;
    (server, alice, sender, program)
}

/// Once it follows, it waits for an answer.
async fn follows(server: &TestServer) {
    while server.application().state.waiting_readers() < 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_server_is_away_follows_when_it_is_back() {
    let (mut server, _, sender, terminal) = stage().await;
    sender.store("0").await;
    let listener = Listener::start(&terminal, &[]);
    follows(&server).await;
    let first = sender.store("{\"a\":\n 1}").await;
    let line = listener.json();
    assert_eq!((&line["id"], &line["body"]), (&first.into(), &serde_json::json!({"a": 1})));
    assert!(line["headers"].as_array().unwrap().iter().any(|header| header["name"] == "content-type"));
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    server.application.take().unwrap().stop().await;
    assert!(listener.said().contains("trying again until it answers"));
    let away = Sender::new(&other.url, &sender.username, &sender.password);
    let mut stored = Vec::new();
    for number in 0..60 {
        stored.push(away.store(number.to_string()).await);
    }
    let server = TestServer::start_over(server.database_url.clone(), |options| options.bind = address).await;
    assert!(listener.said().contains("The server answers again"));
    for id in stored {
        assert_eq!(listener.json()["id"], id);
    }
    follows(&server).await;
    listener.signal(Signal::SIGINT);
    assert_eq!(listener.end(), (Some(0), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_posted_as_they_were_sent_and_in_order_until_they_are_taken() {
    let (server, _, sender, terminal) = stage().await;
    let mut target = Target::start().await;
    let listener = Listener::start(&terminal, &["--forward", &target.url, "--json"]);
    follows(&server).await;
    let large = format!("\"{}\"", "x".repeat(100_000));
    let bodies = ["\u{feff} { \"a\" : 1.0e400 }\r\n", &large, "0"];
    let mut stored = Vec::new();
    for body in bodies {
        let request = sender.request().body(body.to_owned()).header("x-api-key", "canary").header("x-kind", "order");
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        stored.push(answer["id"].as_str().unwrap().to_owned());
    }
    for (status, said) in [
        ("500 Internal Server Error", "answered with 500"),
        ("302 Found", "redirects are not followed"),
        ("200 OK", "takes events again"),
    ] {
        let posted = target.next().await;
        assert_eq!((posted.id(), posted.body.as_slice()), (stored[0].as_str(), bodies[0].as_bytes()));
        assert!(posted.head.starts_with("post /hook?a=1 http/1.1\r\n"), "{}", posted.head);
        assert!(posted.head.contains("\r\nx-kind: order\r\n"), "{}", posted.head);
        assert!(posted.head.contains("\r\ncontent-type: application/json\r\n"), "{}", posted.head);
        assert!(!posted.head.contains("authorization") && !posted.head.contains("x-api-key"), "{}", posted.head);
        assert_eq!(posted.head.matches("\r\nhost: ").count(), 1, "{}", posted.head);
        posted.answer(status);
        assert!(listener.said().contains(said), "{said}");
    }
    for (id, body) in stored.iter().zip(bodies).skip(1) {
        let posted = target.next().await;
        assert_eq!((posted.id(), posted.body.as_slice()), (id.as_str(), body.as_bytes()));
        posted.answer("200 OK");
    }
    for id in &stored {
        assert_eq!(listener.json()["id"], *id, "what was delivered is printed");
    }
    listener.signal(Signal::SIGTERM);
    assert_eq!(listener.end(), (Some(0), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_after_the_event_in_hand() {
    let (server, _, sender, terminal) = stage().await;
    let mut target = Target::start().await;
    let listener = Listener::start(&terminal, &["--forward", &target.url]);
    follows(&server).await;
    let first = sender.store("1").await;
    let posted = target.next().await;
    sender.store("2").await;
    listener.signal(Signal::SIGTERM);
    assert_eq!(listener.said(), "Ending after the event in hand.");
    posted.answer("200 OK");
    let (code, printed) = listener.end();
    assert_eq!((code, printed.len()), (Some(0), 1));
    assert!(printed[0].contains(&first), "{printed:?}");
    assert!(target.posted.try_recv().is_err(), "the next one is left");
    // Nor does a target that takes nothing keep it.
    let listener = Listener::start(&terminal, &["--forward", &target.url]);
    follows(&server).await;
    sender.store("3").await;
    target.next().await.answer("503 Service Unavailable");
    assert!(listener.said().contains("answered with 503"));
    listener.signal(Signal::SIGINT);
    assert_eq!(listener.end(), (Some(0), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_chosen_by_credential_and_query() {
    let (server, alice, sender, terminal) = stage().await;
    let other = server.sender(&alice).await;
    let listener = Listener::start(&terminal, &["--credential", &other.username, "--query", "n > 1"]);
    follows(&server).await;
    sender.store(r#"{"n":2}"#).await;
    other.store(r#"{"n":1}"#).await;
    let wanted = other.store(r#"{"n":2}"#).await;
    assert_eq!(listener.json()["id"], wanted);
    listener.signal(Signal::SIGINT);
    assert_eq!(listener.end(), (Some(0), Vec::new()));
    for (args, code, said) in [
        (&["--forward", "http://example.com"][..], 1, "--allow-remote"),
        (&["--query", "n >"], 1, "--query: "),
        (&["--credential", "rw_nobody00"], 1, "rw_nobody00"),
        (&["--allow-remote"], 2, "--forward"),
    ] {
        let line = terminal.failure(&[&["events", "listen"], args].concat(), code);
        assert!(line.contains(said), "{line}");
    }
}

// holds issue 17, section 3: with the scopes that the documentation names
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_of_one_credential_is_listened_to_again_and_again() {
    let (server, alice, sender, _) = stage().await;
    let program = Program::with(&server, &alice, &["events:read", "consumers:write"]).await;
    let terminal = Terminal::over_api(&server.url, &program.token);
    let other = server.sender(&alice).await;
    let args = ["--consumer", "Import", "--credential", &other.username];
    for number in 0..3 {
        let listener = Listener::start(&terminal, &args);
        follows(&server).await;
        sender.store(number.to_string()).await;
        let wanted = other.store(number.to_string()).await;
        assert_eq!(listener.json()["id"], wanted);
        listener.signal(Signal::SIGINT);
        assert_eq!(listener.end(), (Some(0), Vec::new()));
        while server.application().state.waiting_readers() > 0 {
            tokio::task::yield_now().await;
        }
    }
    let args = ["events", "listen", "--consumer", "Import", "--credential", &sender.username];
    assert!(terminal.failure(&args, 1).contains("was made for other events"));
}

// holds issue 17, section 3: what was missed while away, in order, and acknowledged only after 2xx
#[tokio::test(flavor = "multi_thread")]
async fn through_a_consumer_no_event_is_lost_when_the_listener_is_killed() {
    let (server, _, sender, terminal) = stage().await;
    let mut target = Target::start().await;
    let url = target.url.clone();
    let start = || Listener::start(&terminal, &["--consumer", "Import", "--forward", &url]);
    let mut listener = start();
    follows(&server).await;
    let (mut stored, mut taken) = (Vec::new(), Vec::new());
    for round in 0..6 {
        for number in 0..5 {
            stored.push(sender.store(number.to_string()).await);
        }
        // Killed while an event is in hand, or when it was taken and is not acknowledged yet.
        for _ in 0..round {
            let posted = target.next().await;
            taken.push(posted.id().to_owned());
            posted.answer("200 OK");
        }
        let posted = target.next().await;
        if round % 2 == 0 {
            taken.push(posted.id().to_owned());
            posted.answer("200 OK");
        }
        listener.signal(Signal::SIGKILL);
        assert_eq!(listener.end().0, None);
        while target.posted.try_recv().is_ok() {}
        listener = start();
    }
    while taken.last() != stored.last() {
        let posted = target.next().await;
        taken.push(posted.id().to_owned());
        posted.answer("200 OK");
    }
    let mut first = Vec::new();
    for id in &taken {
        if !first.contains(id) {
            first.push(id.clone());
        }
    }
    assert_eq!(first, stored, "each at least once, and for the first time in order");
    assert!(taken.windows(2).all(|two| {
        let at = |id: &String| stored.iter().position(|one| one == id).unwrap();
        at(&two[1]) <= at(&two[0]) + 1
    }));
    follows(&server).await;
    listener.signal(Signal::SIGTERM);
    assert_eq!(listener.end().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_before_an_end_does_not_come_again() {
    let (server, _, sender, program) = stage_with_program().await;
    let terminal = Terminal::over_api(&server.url, &program.token);
    let mut target = Target::start().await;
    let url = target.url.clone();
    let start = || Listener::start(&terminal, &["--consumer", "Import", "--forward", &url, "--query", "n > 0"]);
    let listener = start();
    follows(&server).await;
    listener.signal(Signal::SIGTERM);
    assert_eq!(listener.end().0, Some(0));
    let mut stored = Vec::new();
    for number in 0..4 {
        stored.push(sender.store(format!("{{\"n\":{number}}}")).await);
    }
    let listener = start();
    for id in &stored[1..3] {
        let posted = target.next().await;
        assert_eq!(posted.id(), *id);
        if *id == stored[2] {
            listener.signal(Signal::SIGTERM);
            assert_eq!(listener.said(), "Ending after the event in hand.");
        }
        posted.answer("200 OK");
    }
    assert_eq!(listener.end().0, Some(0));
    let listener = start();
    let posted = target.next().await;
    assert_eq!(posted.id(), stored[3]);
    posted.answer("200 OK");
    follows(&server).await;
    listener.signal(Signal::SIGTERM);
    assert_eq!(listener.end().0, Some(0));
    let other = terminal.failure(&["events", "listen", "--consumer", "Import", "--query", "n > 1"], 1);
    assert!(other.contains("was made for other events"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_says_that_events_are_missing() {
    let (server, _, sender, program) = stage_with_program().await;
    let terminal = Terminal::over_api(&server.url, &program.token);
    let start = || Listener::start(&terminal, &["--consumer", "Import"]);
    let end = |listener: Listener| {
        listener.signal(Signal::SIGINT);
        assert_eq!(listener.end().0, Some(0));
    };
    let listener = start();
    follows(&server).await;
    end(listener);
    server.pass(jiff::SignedDuration::from_mins(31));
    let gone = sender.store("1").await;
    program.call("DELETE", &format!("/events/{gone}"), Value::Null, 204).await;
    let listener = start();
    assert!(listener.said().starts_with("truncated: "));
    follows(&server).await;
    let next = sender.store("2").await;
    assert_eq!(listener.json()["id"], next);
    follows(&server).await;
    end(listener);
    let listener = start();
    follows(&server).await;
    end(listener);
}
