//! Moving a database of the program's own to a newer major version of PostgreSQL, and to another PostgreSQL, with the very commands
//! of docs/upgrading.md, which the page for operators has too.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::embedded::cluster_location::ClusterLocation;
use reasoner_webhooks::embedded::files::prepare_data_directory;
use reasoner_webhooks::embedded::initdb::create_cluster;
use reasoner_webhooks::embedded::installation::{Installation, Version};
use reasoner_webhooks::embedded::owner::Owner;
use reasoner_webhooks::embedded::socket::database_url;
use reasoner_webhooks::store::connection::pool::Store;
use reasoner_webhooks::store::scan::search_indexes;
use reasoner_webhooks::store::tables::partitions;
use serde_json::Value;
use tempfile::TempDir;

use crate::stage::{EMAIL, Stage};
use crate::support::actors::{Person, Sender};
use crate::support::event_rows::insert_many;
use crate::support::not_tried::say_not_tried;
use crate::support::postgres::{contents, empty_database, query};
use crate::support::postgres_versions;
use crate::support::running::{Running, start};
use crate::support::server::PASSWORD;
use crate::support::workplace::{said, stdout};

const UPGRADING: &str = include_str!("../../docs/upgrading.md");

/// What a dump or a restore could spoil: no JSON of PostgreSQL's, what means something to COPY, ends of lines, other alphabets.
const BODIES: [&str; 6] = [
    "{ \"a\" : 1.0e400, \"a\":\"\\ud800\" }\n",
    "\"\\u0000\"",
    "\"\\\\. \\\\N \\t\"",
    "[\n\t1.10 ,\r\n2]",
    "\"\u{1f9a6} \u{2028} '$$\"",
    "null",
];
/// Older than what is kept by default, and a week that is over.
const AGES: [u32; 2] = [200, 40];
const EVENTS_OF_AN_AGE: u32 = 300;

/// Where somebody runs the program, with the servers of some versions on the path.
struct Home {
    directory: TempDir,
    path: String,
}

impl Home {
    fn new(servers: &[&Path]) -> Self {
        // Not where TMPDIR says, which may be closed to the user that root becomes.
        let directory = tempfile::Builder::new().prefix("reasoner-moving-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
        symlink(env!("CARGO_BIN_EXE_reasoner-webhooks"), directory.path().join("reasoner-webhooks")).unwrap();
        let mut path = directory.path().display().to_string();
        for (number, server) in servers.iter().enumerate() {
            let copy = directory.path().join(format!("server-{number}"));
            let script = "cp -R \"$1\" \"$2\" && chmod -R go+rX \"$2\"";
            let copied = Command::new("sh").args(["-c", script, "sh"]).arg(server).arg(&copy).status().unwrap();
            assert!(copied.success());
            path.push_str(&format!(":{}/bin", copy.display()));
        }
        path.push_str(&format!(":{}", std::env::var("PATH").unwrap()));
        Self { directory, path }
    }

    fn join(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    /// The address of the database in a data directory.
    fn address(&self, data_dir: &str) -> String {
        database_url(&self.join(data_dir).join("postgres"), "reasoner")
    }

    /// Makes the cluster of a data directory with this server. The program itself takes the newest that is on the machine.
    async fn make_cluster(&self, data_dir: &str, server: &str) {
        let owner = Owner::of_new_cluster().unwrap();
        let place =
            ClusterLocation::choose(&prepare_data_directory(&self.join(data_dir)).unwrap(), &owner).await.unwrap();
        let installation = Installation { version: Version(15, 0), directory: self.join(server).join("bin") };
        create_cluster(&place, &installation, &owner).await.unwrap();
    }

    fn start(&self, command: &str, environment: &[(&str, &str)]) -> Running {
        let environment = [environment, &[("PATH", self.path.as_str())]].concat();
        start(self.directory.path(), &format!("exec env {command}"), &environment)
    }

    /// Runs lines as they are printed, in a second terminal.
    fn run(&self, lines: &str) -> Output {
        let mut command = Command::new("bash");
        command.args(["-c", lines]).current_dir(self.directory.path()).env_clear().env("PATH", &self.path);
        command.output().unwrap()
    }

    fn json(&self, command: &str) -> Value {
        serde_json::from_str(&stdout(&self.run(&format!("echo '{PASSWORD}' | reasoner-webhooks {command} --json"))))
            .unwrap()
    }
}

/// Who has sent something, with the newer password and the one before it, and how what was sent was named.
struct Senders {
    newer: Sender,
    older: Sender,
    ids: Vec<String>,
}

impl Senders {
    /// An account that has received events, and refused one, and changed its password in between.
    async fn send(home: &Home, url: &str) -> Self {
        home.json(&format!("account create {EMAIL} --password-stdin"));
        let created = home.json(&format!("credential create {EMAIL} System"));
        let username = created["username"].as_str().unwrap();
        let older = Sender::new(url, username, created["password"].as_str().unwrap());
        let mut ids = Vec::new();
        for number in 0..BODIES.len() {
            ids.push(deliver(&older, number).await);
        }
        let rotated = home.json(&format!("credential rotate {username} --overlap 24h"));
        let newer = older.with_password(rotated["password"].as_str().unwrap());
        assert_eq!((newer.status().await, older.status().await), (200, 200));
        assert_eq!(newer.send("not json").await.status(), 400);
        let address = home.address("data");
        for _ in 0..1_500 {
            if !query(&address, "select from rejections").await.is_empty() {
                return Self { newer, older, ids };
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the refused event is not noted");
    }

    /// All goes on with a program elsewhere: nothing that was acknowledged is missing, and nothing is stored twice.
    async fn go_on_with(&self, url: &str) {
        let there = |sender: &Sender| Sender::new(url, &sender.username, &sender.password);
        assert_eq!(there(&self.older).status().await, 200, "the older password works");
        for (number, id) in self.ids.iter().enumerate() {
            assert_eq!(deliver(&there(&self.newer), number).await, *id, "a key that is known is one event");
        }
        let person = Person::new(url);
        let form = [("email", EMAIL), ("password", PASSWORD)];
        assert_eq!(person.post("/login", &form).await.status(), 303, "the same people sign in");
        for (id, body) in self.ids.iter().zip(BODIES) {
            let received = person.get(&format!("/events/{id}/body")).await.bytes().await.unwrap();
            assert_eq!(received, body.as_bytes());
        }
    }
}

/// Sends one of the bodies with a key of its own and says what it was named.
async fn deliver(sender: &Sender, number: usize) -> String {
    let request = sender.request().header("Idempotency-Key", format!("key-{number}")).body(BODIES[number]);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Events of weeks that are over, with the indexes that such weeks get.
async fn fill_older_weeks(address: &str) {
    let owner = query(address, "select format('%L::uuid, %L::uuid', account_id, id) from credentials").await;
    let store = Store::open(address).await.unwrap();
    for days in AGES {
        let then = Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days));
        partitions::make_ahead(&store, Timestamp::UNIX_EPOCH, then).await.unwrap();
        let insert = insert_many(owner[0][0].as_deref().unwrap(), EVENTS_OF_AN_AGE, days, "'{\"n\": ' || n || '}'");
        query(address, &insert).await;
    }
    let indexed = search_indexes::make(&mut store.own_connection().await.unwrap(), Timestamp::now()).await.unwrap();
    assert!(indexed.len() >= AGES.len(), "{indexed:?}");
}

/// What the tables are beside their rows: indexes, constraints, triggers and functions.
async fn definitions(address: &str) -> Vec<Vec<Option<String>>> {
    let sql = "select indexdef as it from pg_indexes where schemaname = 'public' \
               union all select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal \
               union all select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint \
               where connamespace = 'public'::regnamespace and contype <> 'n' \
               union all select pg_get_functiondef(p.oid) from pg_proc p join pg_language l on l.oid = p.prolang \
               where pronamespace = 'public'::regnamespace and lanname in ('sql', 'plpgsql') \
               order by 1";
    query(address, sql).await
}

/// Somebody else listens where senders and the configuration look for the program, for as long as this is held: who would take
/// events there does not start.
struct Elsewhere(Vec<(&'static str, TcpListener)>);

impl Elsewhere {
    fn than(url: &str) -> Self {
        let addresses = [
            ("BIND", url.strip_prefix("http://").unwrap()),
            ("INGEST_BIND", "127.0.0.1:0"),
            ("METRICS_BIND", "127.0.0.1:0"),
        ];
        Self(addresses.map(|(name, address)| (name, TcpListener::bind(address).unwrap())).into())
    }

    /// Starts a program with the options that it usually has, which its command has to set aside.
    fn start(&self, home: &Home, command: &str) -> Running {
        let addresses = self.0.iter().map(|(name, listener)| (*name, listener.local_addr().unwrap().to_string()));
        let options: Vec<(&str, String)> = addresses.chain([("RETENTION_DAYS", "90".to_owned())]).collect();
        let options: Vec<(&str, &str)> = options.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut program = home.start(command, &options);
        program.card("Database");
        program
    }
}

/// A block of the page for operators, which the other document has too, within a list.
fn documented(block: &str) -> &str {
    let lines: Vec<String> = block
        .lines()
        .map(|line| {
            format!(
                "   {line}
"
            )
        })
        .collect();
    assert!(
        UPGRADING.contains(&format!(
            "   ```sh
{}   ```
",
            lines.concat()
        )),
        "{block}"
    );
    block
}

/// The triggers came along.
async fn assert_audit_log_takes_no_changes(address: &str) {
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    assert!(client.batch_execute("delete from audit_log").await.is_err());
}

async fn major_version(address: &str) -> u32 {
    let number = query(address, "show server_version_num").await[0][0].clone().unwrap();
    number.parse::<u32>().unwrap() / 10_000
}

/// Whether `pg_dump` is able to read a server of this version.
fn dumps(major: u32) -> bool {
    let version = Command::new("pg_dump").arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let digits: String =
        version.chars().skip_while(|it| !it.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse::<u32>().unwrap() >= major
}

/// The servers of PostgreSQL 17 and 15.
fn two_servers() -> Option<[PathBuf; 2]> {
    let what = "moving a database to a newer PostgreSQL";
    let servers = [postgres_versions::find("postgres-17", what)?, postgres_versions::find("postgres-15", what)?];
    if !dumps(15) {
        say_not_tried(what, "pg_dump is older than 15");
        return None;
    }
    Some(servers)
}

/// Runs the lines that move a database, and says what is in it: the same in both places, and a second time changes nothing.
async fn move_it(home: &Home, lines: &str, old: &str, new: &str) -> Vec<(String, String)> {
    let before = contents(old).await;
    let moved = home.run(lines);
    assert!(moved.status.success(), "{}", said(&moved));
    assert_eq!(contents(new).await, before, "every row of every table");
    assert_eq!(definitions(new).await, definitions(old).await);
    let again = home.run(lines);
    assert!(!again.status.success(), "{}", said(&again));
    assert_eq!(contents(new).await, before, "what is in use is not replaced");
    assert_eq!(contents(old).await, before, "the way back is open");
    before
}

// holds D8
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_postgresql_15_moves_to_17_with_all_that_was_acknowledged() {
    let Some([seventeen, fifteen]) = two_servers() else { return };
    let stage = Stage::set().await;
    let home = Home::new(&[&seventeen, &fifteen]);
    home.make_cluster("data", "server-1").await;
    let usual = [("BIND", "127.0.0.1:0"), ("RETENTION_DAYS", "365")];
    let mut program = home.start("reasoner-webhooks serve", &usual);
    let url = program.card("Pages");
    let senders = Senders::send(&home, &url).await;
    let (old, new) = (home.address("data"), home.address("data-17"));
    fill_older_weeks(&old).await;
    drop(program);

    let elsewhere = Elsewhere::than(&url);
    let from = elsewhere.start(&home, documented(stage.block("serve-old-sh")));
    let to = elsewhere.start(&home, documented(stage.block("serve-new-sh")));
    assert_eq!(major_version(&old).await, 15);
    assert!(major_version(&new).await >= 17);
    let moving = documented(stage.block("new-major-sh"));
    let moved = move_it(&home, moving, &old, &new).await;
    drop((from, to));

    let mut program = home.start("reasoner-webhooks serve", &[&usual[..], &[("DATA_DIR", "data-17")]].concat());
    senders.go_on_with(&program.card("Pages")).await;
    assert!(major_version(&new).await >= 17);
    assert_audit_log_takes_no_changes(&new).await;
    // With the three that only asked whether a password works.
    let expected = usize::try_from(EVENTS_OF_AN_AGE).unwrap() * AGES.len() + BODIES.len() + 3;
    assert_eq!(query(&new, "select from events").await.len(), expected);
    drop(program);

    // The way back to an older program: the dump alone, into a database that is new again.
    let _program = elsewhere.start(&home, &stage.block("serve-new-sh").replace("data-17", "data-back"));
    let lines: Vec<&str> = moving.lines().filter(|line| !line.starts_with("pg_dump")).collect();
    assert_eq!(lines.len() + 1, moving.lines().count());
    let restored = home.run(&lines.join("\n").replace("data-17", "data-back"));
    assert!(restored.status.success(), "{}", said(&restored));
    assert_eq!(contents(&home.address("data-back")).await, moved);
}

// holds D8
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_programs_own_moves_to_another_postgresql_as_documented() {
    let stage = Stage::set().await;
    let home = Home::new(&[]);
    let mut program = home.start("reasoner-webhooks serve", &[("BIND", "127.0.0.1:0")]);
    let url = program.card("Pages");
    let senders = Senders::send(&home, &url).await;
    drop(program);

    // A role that may do no more than own its database.
    let empty = empty_database().await;
    let role = format!("moving_{}", std::process::id());
    let (_, name) = empty.rsplit_once('/').unwrap();
    query(&empty, &format!("create role {role} login password 'moves'; alter database {name} owner to {role}")).await;
    let new = empty.replace("//reasoner@", &format!("//{role}:moves@"));
    let moving = documented(stage.block("own-postgres-sh"));
    let documented_address = "postgresql://reasoner:PASSWORD@db.example.com:5432/webhooks?sslmode=require";
    assert!(moving.contains(documented_address));

    let elsewhere = Elsewhere::than(&url);
    let from = elsewhere.start(&home, documented(stage.block("serve-old-sh")));
    move_it(&home, &moving.replace(documented_address, &new), &home.address("data"), &new).await;
    drop(from);

    let mut program = home.start("reasoner-webhooks serve", &[("BIND", "127.0.0.1:0"), ("DATABASE_URL", &new)]);
    senders.go_on_with(&program.card("Pages")).await;
    assert_audit_log_takes_no_changes(&new).await;
}
