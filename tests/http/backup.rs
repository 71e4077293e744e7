//! The backup that the README describes, with its own commands: a database of the program's own, dumped while it is in use, and
//! restored elsewhere.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::actors::Sender;
use crate::support::postgres;
use crate::support::server::{PASSWORD, TestServer};

const PROGRAM: &str = env!("CARGO_BIN_EXE_reasoner-webhooks");
const README: &str = include_str!("../../README.md");
const BODY: &str = "{ \"a\" : 1.0e400, \"a\":\"\\ud800\" }\n";

/// The two commands of the README: the dump, and the restoration into a database called `hooks`.
fn commands() -> (&'static str, &'static str) {
    let mut lines = README.lines().skip_while(|line| !line.starts_with("pg_dump "));
    let (dump, restore) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(restore.starts_with("createdb ") && restore.contains(" hooks "), "{restore}");
    (dump, restore)
}

/// `serve` with a database of its own in the directory `data` of where it runs, ended with the value that holds it.
struct Home {
    directory: tempfile::TempDir,
    serving: Child,
    url: String,
    database_url: String,
}

fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(directory).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command
}

impl Home {
    fn start() -> Self {
        use std::os::unix::fs::PermissionsExt;
        // Not where TMPDIR says, which may be closed to the user that root becomes.
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut serve = program(directory.path(), &["serve", "--bind", "127.0.0.1:0"]);
        let mut serving = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| line.unwrap().trim().strip_prefix("Pages").map(|url| url.trim().to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        let cluster = directory.path().canonicalize().unwrap().join("data/postgres");
        let database_url = format!("host={} user=reasoner dbname=reasoner_webhooks", cluster.display());
        Self { directory, serving, url: url.unwrap(), database_url }
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut child = program(self.directory.path(), arguments)
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a line of the README as it is printed, where `serve` runs.
    fn run(&self, line: &str, variables: &[(&str, &str)]) {
        let output = Command::new("sh")
            .args(["-ec", line])
            .current_dir(self.directory.path())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let process = nix::unistd::Pid::from_raw(i32::try_from(self.serving.id()).unwrap());
        let _ = nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM);
        let _ = self.serving.wait();
    }
}

/// What is in each table, as a digest of its rows; partitions count as tables of their own.
async fn contents(address: &str) -> Vec<(String, String)> {
    let tables = "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                  where c.relkind = 'r' and n.nspname = 'public' order by 1";
    let mut contents = Vec::new();
    for row in postgres::query(address, tables).await {
        let table = row[0].clone().unwrap();
        let digest = format!(
            "select count(*) || ' rows ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} t"
        );
        contents.push((table, postgres::query(address, &digest).await[0][0].clone().unwrap()));
    }
    contents
}

// holds D8
#[tokio::test(flavor = "multi_thread")]
async fn the_backup_of_the_readme_is_whole_and_works_elsewhere() {
    let home = Home::start();
    home.json(&["account", "create", "maya@example.com", "--password-stdin"]);
    let created = home.json(&["credential", "create", "maya@example.com", "Inventory system"]);
    let (username, password) = (created["username"].as_str().unwrap(), created["password"].as_str().unwrap());
    let sender = Sender::new(&home.url, username, password);
    let stored = sender.store(BODY).await;
    let rotated = home.json(&["credential", "rotate", username, "--overlap", "24h"]);
    sender.send("not json").await;
    for _ in 0..250 {
        let noted = postgres::query(&home.database_url, "select count(*) from rejections").await;
        if noted[0][0].as_deref() == Some("1") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let (dump, restore) = commands();
    home.run(dump, &[]);
    let before = contents(&home.database_url).await;
    // Elsewhere is the server of the other tests, under a name that none of them has.
    let empty = postgres::empty_database().await;
    let (server, _) = empty.split_once("/empty_").unwrap_or_else(|| panic!("{empty}"));
    let hooks = format!("restored_{}", std::process::id());
    let elsewhere: tokio_postgres::Config = empty.parse().unwrap();
    let host = match &elsewhere.get_hosts()[0] {
        tokio_postgres::config::Host::Unix(path) => path.to_string_lossy().into_owned(),
        tokio_postgres::config::Host::Tcp(name) => name.clone(),
    };
    home.run(&restore.replace("hooks", &hooks), &[("PGHOST", &host), ("PGUSER", elsewhere.get_user().unwrap())]);
    let restored = format!("{server}/{hooks}{}", empty.find('?').map(|at| &empty[at..]).unwrap_or_default());
    assert_eq!(contents(&restored).await, before, "every row of every table");
    assert!(before.iter().any(|(table, digest)| table == "audit_log" && !digest.starts_with("0 ")), "{before:?}");

    let there = TestServer::start_over(restored.clone(), |_| {}).await;
    for password in [password, rotated["password"].as_str().unwrap()] {
        assert_eq!(Sender::new(&there.url, username, password).status().await, 200, "the same credentials work");
    }
    let form = [("email", "maya@example.com"), ("password", PASSWORD)];
    let maya = there.visitor();
    assert_eq!(maya.post("/login", &form).await.status(), 303, "the same people sign in");
    let body = maya.get(&format!("/events/{stored}/body")).await.bytes().await.unwrap();
    assert_eq!(body, BODY.as_bytes());
    let (client, connection) = tokio_postgres::connect(&restored, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    assert!(client.batch_execute("delete from audit_log").await.is_err(), "the audit trail still takes no changes");
}
