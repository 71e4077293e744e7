//! Keys of the installation: rotated beside a running program, and kept outside of the database.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use jiff::SignedDuration;
use serde_json::Value;

use crate::command_line::Terminal;
use crate::support::authenticator::Authenticator;
use crate::support::postgres;
use crate::support::server::{PASSWORD, TestServer};

const ALICE: &str = "alice@example.com";
const FIRST: &str = "Zmlyc3QgZmlyc3QgZmlyc3QgZmlyc3QgZmlyc3QgZmk=";
const SECOND: &str = "c2Vjb25kIHNlY29uZCBzZWNvbmQgc2Vjb25kIHNlY28=";
const SEALED: &str = "select encode(sealed_secret, 'hex') from second_factors";
const KEYS: &str = "select string_agg(id::text, ',' order by id) from installation_keys";

/// A file of keys, deleted with the value.
struct KeyFile(tempfile::TempDir);

impl KeyFile {
    fn of(keys: &[&str]) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        file.write(keys);
        file
    }

    fn write(&self, keys: &[&str]) {
        std::fs::write(self.path(), keys.join("\n")).unwrap();
        std::fs::set_permissions(self.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("key")
    }

    /// A program whose clock is ahead, so that codes which were used under another one are no longer right.
    async fn serve(&self, database_url: &str, minutes_ahead: i64) -> TestServer {
        let path = self.path().to_str().unwrap().to_owned();
        let server =
            TestServer::start_over(database_url.to_owned(), |options| options.installation_key_file = Some(path)).await;
        server.pass(SignedDuration::from_mins(minutes_ahead));
        server
    }
}

/// A command, with or without a file of keys.
fn run(server: &TestServer, args: &[&str], file: Option<&KeyFile>) -> Output {
    let terminal = Terminal::over(server.database_url.clone());
    let mut command: Command = terminal.command(args);
    if let Some(file) = file {
        command.env("INSTALLATION_KEY_FILE", file.path());
    }
    command.output().unwrap()
}

fn json(server: &TestServer, args: &[&str], file: Option<&KeyFile>) -> Value {
    let output = run(server, &[args, &["--json"]].concat(), file);
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `doctor` says of the keys.
fn doctor(server: &TestServer, file: Option<&KeyFile>) -> (String, String) {
    let checks = json(server, &["doctor"], file);
    let check = checks.as_array().unwrap().iter().find(|check| check["check"] == "keys").unwrap().clone();
    (check["state"].as_str().unwrap().to_owned(), check["found"].as_str().unwrap().to_owned())
}

async fn text(server: &TestServer, sql: &str) -> String {
    server.query(sql).await[0][0].clone().unwrap()
}

/// Whether a new browser gets in with password and code.
async fn signs_in(server: &TestServer, code: &str) -> bool {
    let person = server.visitor();
    assert_eq!(
        person.post("/login", &[("email", ALICE), ("password", PASSWORD)]).await.headers()["location"],
        "/login/code"
    );
    person.post("/login/code", &[("code", code)]).await.status() == 303
}

// holds issue 15: keys rotate re-seals under a new key while running
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_beside_a_program_that_goes_on() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    let (phone, codes) = Authenticator::enrol(&server, &alice).await;
    let (sealed, key) = (text(&server, SEALED).await, text(&server, "select key::text from installation_keys").await);

    let rotated = json(&server, &["keys", "rotate"], None);
    assert_eq!(rotated, serde_json::json!({ "key": 2, "secrets": 1, "resumed": false, "outside": false }));
    assert_ne!(text(&server, SEALED).await, sealed);
    assert_eq!(text(&server, KEYS).await, "2", "the key before is gone");
    assert_ne!(text(&server, "select key::text from installation_keys").await, key);

    assert_eq!(alice.get("/events").await.status(), 200, "sessions go on");
    assert!(signs_in(&server, &phone.next_code(&server)).await, "an app goes on");
    assert!(signs_in(&server, &codes[0]).await, "recovery codes go on");
    let bob = server.pro("bob@example.com").await;
    Authenticator::enrol(&server, &bob).await;
    assert_eq!(
        server.number("select count(*) from second_factors where key_id = 2").await,
        2,
        "new secrets have the new key"
    );
    let line = server.audit_lines("actor, subject", "action = 'second_factor_encrypted_anew'").await;
    assert_eq!(line, [["operator", ALICE, ""]]);
}

// holds issue 15: an interrupted rotation is resumed, and both keys are read until then
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_interrupted_is_gone_on_with() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro(ALICE).await, server.pro("bob@example.com").await);
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    // As it is when the command was killed after its first step.
    server.query("insert into installation_keys select 2, decode(repeat('ab', 32), 'hex'), null, now()").await;
    Authenticator::enrol(&server, &bob).await;
    assert_eq!(text(&server, "select string_agg(key_id::text, ',' order by key_id) from second_factors").await, "1,2");
    assert!(signs_in(&server, &phone.next_code(&server)).await, "both keys are read");
    let (state, found) = doctor(&server, None);
    assert!(state == "hint" && found.contains("has not ended"), "{found}");

    let rotated = json(&server, &["keys", "rotate"], None);
    assert_eq!((&rotated["key"], &rotated["secrets"], &rotated["resumed"]), (&2.into(), &1.into(), &true.into()));
    assert_eq!(text(&server, KEYS).await, "2");
    assert!(signs_in(&server, &phone.next_code(&server)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_secret_needs_cannot_be_deleted() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    Authenticator::enrol(&server, &alice).await;
    let (client, connection) = tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let error = client.batch_execute("delete from installation_keys").await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "23503");
}

// holds issue 15: keys may come from a file, so that a dump alone is worth nothing
#[tokio::test(flavor = "multi_thread")]
async fn under_a_key_from_outside_the_database_has_no_key_that_opens() {
    let file = KeyFile::of(&[FIRST]);
    let server = file.serve(&postgres::new_database().await, 0).await;
    let alice = server.pro(ALICE).await;
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    let in_clear = "select (select count(*) from installation where session_key_sealed_under is null) \
                    + (select count(*) from installation_keys where sealed_under is null)";
    assert_eq!(server.number(in_clear).await, 0);
    let session: String = server.application().state.keys.session.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!text(&server, "select encode(session_key, 'hex') from installation").await.contains(&session));
    assert!(doctor(&server, Some(&file)).1.contains("is encrypted under the installation key"));
    assert!(signs_in(&server, &phone.next_code(&server)).await);

    for other in [None, Some(KeyFile::of(&[SECOND]))] {
        let output = run(&server, &["keys", "rotate"], other.as_ref());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && told.contains("INSTALLATION_KEY_FILE"), "{told}");
        assert_eq!(doctor(&server, other.as_ref()).0, "fail");
    }
    let terminal = Terminal::over(server.database_url.clone());
    let from_environment = terminal.command(&["keys", "rotate"]).env("INSTALLATION_KEY", FIRST).output().unwrap();
    assert!(from_environment.status.success());
}

// holds issue 15: a key that is in the database is moved out while running
#[tokio::test(flavor = "multi_thread")]
async fn keys_move_out_of_the_database_and_from_one_outside_key_to_the_next() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    assert!(doctor(&server, None).1.contains("in every dump"));
    let file = KeyFile::of(&[FIRST]);
    let server = file.serve(&server.database_url, 5).await;
    let (state, found) = doctor(&server, Some(&file));
    assert!(state == "hint" && found.contains("is not encrypted under the installation key"), "{found}");
    json(&server, &["keys", "rotate"], Some(&file));
    assert_eq!(doctor(&server, Some(&file)).0, "ok");
    assert!(signs_in(&server, &phone.next_code(&server)).await, "the program that runs has the key");

    file.write(&[SECOND, FIRST]);
    let server = file.serve(&server.database_url, 10).await;
    assert!(signs_in(&server, &phone.next_code(&server)).await, "it reads what was sealed under the one before");
    json(&server, &["keys", "rotate"], Some(&file));
    file.write(&[SECOND]);
    let server = file.serve(&server.database_url, 15).await;
    assert!(signs_in(&server, &phone.next_code(&server)).await, "and needs that no longer");
}
