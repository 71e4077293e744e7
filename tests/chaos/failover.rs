//! The address names a primary and its standby; the primary hangs, and the standby is promoted.

use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reasoner_webhooks::embedded::binaries::{candidate_directories, find_installations};
use reasoner_webhooks::embedded::owner::Owner;
use serde_json::{Value, json};

use crate::outages::in_time;
use crate::stage::{Acknowledged, only};
use crate::support::actors::between;
use crate::support::postgres;
use crate::support::private_postgres::{PrivatePostgres, kill_server, owner_of, private_directory};
use crate::support::server::TestServer;

const WELL_WITHIN: Duration = Duration::from_secs(5);
/// What a machine that is busy with other tests may add.
const TOLERANCE: Duration = Duration::from_secs(5);

// holds O2
#[tokio::test(flavor = "multi_thread")]
async fn while_the_primary_hangs_events_go_to_the_standby_that_was_promoted() {
    let (primary, standby, server) = start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let acknowledged = Acknowledged::default();
    // Each of the connections that store events has one.
    let several = async |body: &str| {
        let sent = join_all((0..40).map(|_| async { acknowledged.note(sender.send(body.to_owned()).await).await }));
        assert_eq!(sent.await, [200; 40], "{body}");
    };
    several("\"before\"").await;
    standby.wait_until("select count(*) from events", "40").await;

    primary.pause();
    for _ in 0..3 {
        assert_eq!(in_time("a sender", sender.send("\"away\"")).await.status(), 503);
    }
    postgres::query(&standby.url(), "select pg_promote()").await;
    let promoted = Instant::now();
    while acknowledged.note(sender.send("\"after\"").await).await != 200 {
        assert!(promoted.elapsed() < WELL_WITHIN + TOLERANCE, "events reach the new primary");
    }
    // The old one is back, and no longer the primary: nobody goes back to it.
    primary.resume();
    several("\"after\"").await;
    acknowledged.assert_stored(&standby.url()).await;
}

// holds issue 17, section 3: a position of another timeline never skips silently
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_told_that_another_server_has_taken_over() {
    let (primary, standby, server) = start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let fields = [("scope", "events:read"), ("scope", "consumers:write"), ("name", "x"), ("lifetime", "90")];
    let page = alice.post("/settings/api-tokens", &fields).await.text().await.unwrap();
    let token = between(&page, "<code id=\"token\">", "</code>").to_owned();
    let ask = async |method: &str, path: &str, body: Value| -> Value {
        let address = format!("{}/api/v1/consumers{path}", server.url);
        let request = alice.client.request(method.parse().unwrap(), address).bearer_auth(&token).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let made = ask("POST", "", json!({"name": "Import", "start": "oldest"})).await;
    let (pull, ack) = ["events", "ack"].map(|act| format!("/{}/{act}", made["id"].as_str().unwrap())).into();
    let read = sender.store("\"before\"").await;
    let first = ask("GET", &pull, json!({})).await;
    assert_eq!((first["events"][0]["id"].as_str(), &first["truncated"]), (Some(&*read), &json!(false)));
    ask("POST", &ack, json!({"cursor": first["cursor"]})).await;
    standby.wait_until("select count(*) from consumers where last_acked_at is not null", "1").await;

    primary.pause();
    postgres::query(&standby.url(), "select pg_promote()").await;
    let (acknowledged, promoted) = (Acknowledged::default(), Instant::now());
    while acknowledged.note(sender.send("\"after\"").await).await != 200 {
        assert!(promoted.elapsed() < WELL_WITHIN + TOLERANCE, "events reach the new primary");
    }
    let answer = ask("GET", &pull, json!({})).await;
    let ids = answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned());
    acknowledged.assert_among(&ids.collect::<Vec<_>>());
    assert_eq!(answer["truncated"], "unknown", "{answer}");
    ask("POST", &ack, json!({"cursor": answer["cursor"]})).await;
    assert_eq!(ask("GET", &pull, json!({})).await["truncated"], false, "once");
    primary.resume();
}

/// A primary, its standby, and a program that knows both.
async fn start() -> (PrivatePostgres, Standby, TestServer) {
    let primary = PrivatePostgres::start().await;
    let standby = Standby::of(&primary).await;
    let socket = primary.socket();
    let hosts = [socket.parent().unwrap(), &standby.directory];
    let hosts = hosts.map(|path| utf8_percent_encode(path.to_str().unwrap(), NON_ALPHANUMERIC).to_string());
    let url = format!("postgresql://reasoner@{}/reasoner_webhooks", hosts.join(","));
    let server = TestServer::start_over(url, |_| {}).await;
    (primary, standby, server)
}

/// A server that follows another.
struct Standby {
    directory: PathBuf,
    child: Child,
    _home: tempfile::TempDir,
}

impl Standby {
    async fn of(primary: &PrivatePostgres) -> Self {
        let from = primary.socket().parent().unwrap().to_owned();
        let home = private_directory();
        let directory = home.path().canonicalize().unwrap().join("standby");
        let owner = Owner::of_existing_cluster(&from).unwrap();
        let found = find_installations(&candidate_directories(std::env::var_os("PATH").as_deref()), &owner).await;
        let major: u32 = std::fs::read_to_string(from.join("PG_VERSION")).unwrap().trim().parse().unwrap();
        let programs = found.iter().rfind(|it| it.version.0 == major).unwrap().directory.clone();
        std::fs::DirBuilder::new().mode(0o700).create(&directory).unwrap();
        owner.take(&directory).unwrap();
        let copied = run_as_owner(&programs.join("pg_basebackup"), &from)
            .args(["--user=reasoner", "--checkpoint=fast", "--write-recovery-conf", "--host"])
            .arg(&from)
            .arg("--pgdata")
            .arg(&directory)
            .status()
            .unwrap();
        assert!(copied.success());
        // The primary's socket lies in the directory that was copied, and with it the lock that says whose it is.
        std::fs::remove_file(directory.join(".s.PGSQL.5432.lock")).unwrap();
        let setting = |name: &str, value: &Path| format!("{name}={}", value.display());
        let child = run_as_owner(&programs.join("postgres"), &from)
            .arg("-D")
            .arg(&directory)
            .stderr(Stdio::null())
            // As many as the primary has: with less, a standby refuses to follow.
            .args([
                "-c",
                "max_connections=200",
                "-c",
                "listen_addresses=",
                "-c",
                &setting("unix_socket_directories", &directory),
            ])
            .spawn()
            .unwrap();
        let standby = Self { directory, child, _home: home };
        standby.wait_until("select pg_is_in_recovery()", "t").await;
        standby
    }

    fn url(&self) -> String {
        let host = utf8_percent_encode(self.directory.to_str().unwrap(), NON_ALPHANUMERIC);
        format!("postgresql://reasoner@{host}/reasoner_webhooks")
    }

    async fn wait_until(&self, sql: &str, expected: &str) {
        let began = Instant::now();
        loop {
            let connected = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await;
            if connected.is_ok() && only(postgres::query(&self.url(), sql).await.remove(0)) == expected {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{sql} is never {expected} on the standby");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let directory = self.directory.clone();
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(kill_server(&directory)));
        let _ = self.child.wait();
    }
}

/// A program of the server, run by the user who owns a cluster.
fn run_as_owner(program: &Path, cluster: &Path) -> Command {
    let (uid, gid) = owner_of(cluster);
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).current_dir("/");
    if nix::unistd::geteuid().is_root() {
        command.uid(uid).gid(gid);
    }
    command
}
