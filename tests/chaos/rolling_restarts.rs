//! Two programs behind a load balancer are restarted in turn while everybody sends: no request fails, and nothing is lost. The
//! configurations are those of the documentation.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Duration, Instant, sleep};

use crate::program::{Home, Program};
use crate::stage::Acknowledged;
use crate::support::actors::Sender;
use crate::support::nginx::start_nginx;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::running::{Running, free_address, start};
use crate::support::workplace::{Workplace, said};

const RESTARTS: usize = 20;
const SENDERS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);
const HAPROXY: &str = include_str!("../../templates/docs/snippets/haproxy.cfg");
const NGINX: &str = include_str!("../../templates/docs/snippets/nginx-instances.conf");

// holds D6, O3
#[tokio::test(flavor = "multi_thread")]
async fn rolling_restarts_behind_haproxy_and_nginx_fail_no_request() {
    let postgres = PrivatePostgres::start().await;
    let mut programs = [instance(&postgres).await, instance(&postgres).await];
    let addresses = programs.each_ref().map(|program| program.address);
    let sender = programs[0].new_sender();
    let place = Workplace::new();
    let balancers = [Haproxy::start(&place, "http", addresses).await, Haproxy::start(&place, "tcp", addresses).await];
    let (_nginx, nginx_address) = nginx(&place, addresses).await;
    let entries: Vec<&str> = balancers.iter().map(|balancer| &*balancer.address).chain([&*nginx_address]).collect();

    let crowd = Crowd::default();
    let sending = join_all(entries.iter().flat_map(|entry| {
        let sender = Sender::new(&format!("http://{entry}"), &sender.username, &sender.password);
        let crowd = &crowd;
        (0..SENDERS).map(move |number| crowd.send(entry, sender.clone(), number == 0))
    }));
    let restarting = async {
        for turn in 0..RESTARTS {
            let program = &mut programs[turn % 2];
            crowd.has_sent_through_all(&entries).await;
            program.terminate();
            let (status, _) = program.wait().await;
            assert_eq!(status.code(), Some(0), "{status}");
            program.start();
            program.wait_until_ready().await;
            for balancer in &balancers {
                balancer.until_both_are_up().await;
            }
        }
        crowd.has_sent_through_all(&entries).await;
        crowd.is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(sending, restarting);
    let failed = crowd.failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} requests failed: {failed:?}", failed.len(), crowd.acknowledged.count());
    crowd.acknowledged.assert_stored(postgres.url()).await;
}

async fn instance(postgres: &PrivatePostgres) -> Program {
    let environment = vec![("DRAIN_SECONDS".to_owned(), "1".to_owned())];
    Program::serve_with(Home::Database(postgres.url().to_owned()), environment, None).await
}

/// Those who send, and what came of it.
#[derive(Default)]
struct Crowd {
    acknowledged: Acknowledged,
    failed: Mutex<Vec<String>>,
    sent: Mutex<std::collections::HashMap<String, usize>>,
    is_over: AtomicBool,
}

impl Crowd {
    /// Sends one event after the other, on one connection or on a new one each time.
    async fn send(&self, entry: &str, sender: Sender, is_anew: bool) {
        while !self.is_over.load(Ordering::Relaxed) {
            let own =
                if is_anew { Sender::new(&sender.url, &sender.username, &sender.password) } else { sender.clone() };
            match own.request().body("{}").send().await {
                Ok(answer) if answer.status() == 200 => {
                    self.acknowledged.note(answer).await;
                    *self.sent.lock().unwrap().entry(entry.to_owned()).or_default() += 1;
                }
                Ok(answer) => self.note_failure(format!("{entry}: {}", answer.status())),
                Err(error) => self.note_failure(format!("{entry}: {error:?}")),
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn note_failure(&self, what: String) {
        self.failed.lock().unwrap().push(what);
    }

    /// Waits until some more events have come through each balancer.
    async fn has_sent_through_all(&self, entries: &[&str]) {
        let counts = || {
            let sent = self.sent.lock().unwrap();
            entries.iter().map(|entry| sent.get(*entry).copied().unwrap_or(0)).collect::<Vec<_>>()
        };
        let before = counts();
        let began = Instant::now();
        while counts().iter().zip(&before).any(|(now, before)| *now < before + 20) {
            assert!(began.elapsed() < PATIENCE, "events come through no more: {:?}", self.failed.lock().unwrap());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

struct Haproxy {
    address: String,
    control: std::path::PathBuf,
    _process: Running,
}

impl Haproxy {
    async fn start(place: &Workplace, mode: &str, addresses: [SocketAddr; 2]) -> Self {
        let (address, name) = (free_address(), format!("haproxy-{mode}"));
        let control = place.directory().join(format!("{name}.socket"));
        let mut config = format!("global\n    stats socket {}\n{HAPROXY}", control.display())
            .replace(":443 ssl crt /etc/ssl/webhooks.example.com.pem", &address)
            .replace("inter 1s", "inter 100ms")
            .replace("10.0.0.11:8080", &addresses[0].to_string())
            .replace("10.0.0.12:8080", &addresses[1].to_string());
        if mode == "tcp" {
            config = config.replace("mode http", "mode tcp").replace("    option forwardfor\n", "");
            config = config.replace("    http-request set-header X-Forwarded-Proto https\n", "");
        }
        place.write(&name, config);
        let check = place.command(&["haproxy", "-c", "-f", &name], &[], "scripts/ensure-languages").await;
        assert!(check.status.success(), "{}", said(&check));
        let process = start(place.directory(), &format!("exec haproxy -db -f {name}"), &[]);
        let haproxy = Self { address, control, _process: process };
        haproxy.until_both_are_up().await;
        haproxy
    }

    /// Waits until its checks say that both programs should be sent requests.
    async fn until_both_are_up(&self) {
        let began = Instant::now();
        loop {
            let states = self.states().await;
            if states.len() == 2 && states.iter().all(|state| state == "UP") {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{states:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it thinks of each program.
    async fn states(&self) -> Vec<String> {
        let Ok(mut control) = UnixStream::connect(&self.control).await else { return Vec::new() };
        control.write_all(b"show stat\n").await.unwrap();
        let mut table = String::new();
        control.read_to_string(&mut table).await.unwrap();
        let mut rows = table.lines();
        let column = rows.next().unwrap_or_default().split(',').position(|name| name == "status").unwrap();
        let of_servers = rows.filter(|row| row.starts_with("instances,a,") || row.starts_with("instances,b,"));
        of_servers.map(|row| row.split(',').nth(column).unwrap().to_owned()).collect()
    }
}

async fn nginx(place: &Workplace, addresses: [SocketAddr; 2]) -> (Running, String) {
    let address = free_address();
    let upstream =
        NGINX.replace("10.0.0.11:8080", &addresses[0].to_string()).replace("10.0.0.12:8080", &addresses[1].to_string());
    let server = format!(
        "{upstream}server {{ listen {address}; location / {{ proxy_pass http://instances; proxy_http_version 1.1; \
         proxy_set_header Host $host; proxy_set_header Connection \"\"; }} }}"
    );
    (start_nginx(place, &server, &address).await, address)
}

// holds D6, O3
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_inherited_keeps_connections_for_the_next_program() {
    let postgres = PrivatePostgres::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut program = Program::serve_on(Home::Database(postgres.url().to_owned()), listener).await;
    let sender = program.new_sender();
    program.terminate();
    let (status, _) = program.wait().await;
    assert_eq!(status.code(), Some(0), "{status}");
    // Nobody takes it in yet.
    let waiting = tokio::spawn(async move { sender.store("1").await });
    TcpStream::connect(program.address).await.unwrap();
    program.start();
    assert!(!waiting.await.unwrap().is_empty());
}
