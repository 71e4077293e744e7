//! The backup that the README describes, with its own commands: a database of the program's own, dumped while it is in use, and
//! restored elsewhere.

use reasoner_webhooks::store::connection::migrate;
use reasoner_webhooks::store::connection::pool::{Store, StoreOptions};
use serde_json::{Value, json};

use crate::home::Home;
use crate::support::actors::Sender;
use crate::support::api_program::Program;
use crate::support::postgres;
use crate::support::server::{PASSWORD, TestServer};

const README: &str = include_str!("../../README.md");
const BODY: &str = "{ \"a\" : 1.0e400, \"a\":\"\\ud800\" }\n";

/// The commands of the README: the dump, and the restoration into a database called `webhooks`. The Operations page has the same.
fn commands() -> (&'static str, &'static str) {
    let (dump, restore) = (
        include_str!("../../templates/docs/snippets/backup.sh").trim(),
        include_str!("../../templates/docs/snippets/restore.sh").trim(),
    );
    for block in [dump, restore] {
        assert!(README.contains(&format!("```sh\n{block}\n```")), "{block}");
    }
    (dump, restore)
}

/// Restores the dump in the server of the other tests, under a name that none of them has.
async fn restore_elsewhere(home: &Home, name: &str) -> String {
    let empty = postgres::empty_database().await;
    let (server, _) = empty.split_once("/empty_").unwrap_or_else(|| panic!("{empty}"));
    let name = format!("{name}_{}", std::process::id());
    let elsewhere: tokio_postgres::Config = empty.parse().unwrap();
    let host = match &elsewhere.get_hosts()[0] {
        tokio_postgres::config::Host::Unix(path) => path.to_string_lossy().into_owned(),
        tokio_postgres::config::Host::Tcp(name) => name.clone(),
    };
    let restore = commands().1.replace(" webhooks", &format!(" {name}"));
    home.run(&restore, &[("PGHOST", &host), ("PGUSER", elsewhere.get_user().unwrap())]);
    format!("{server}/{name}{}", empty.find('?').map(|at| &empty[at..]).unwrap_or_default())
}

/// As `serve` does, which finds the schema there and opens it to the program's role.
async fn serve(restored: &str) -> TestServer {
    let store =
        Store::open_as(&postgres::as_program(restored), Some(restored), None, StoreOptions::default()).await.unwrap();
    migrate::run(&store).await.unwrap();
    TestServer::start_over(restored.to_owned(), |_| {}).await
}

// holds D8
#[tokio::test(flavor = "multi_thread")]
async fn the_backup_of_the_readme_is_whole_and_works_elsewhere() {
    let home = Home::start(&[]);
    home.json(&["account", "create", "maya@example.com", "--password-stdin"]);
    let created = home.json(&["credential", "create", "maya@example.com", "Inventory system"]);
    let (username, password) = (created["username"].as_str().unwrap(), created["password"].as_str().unwrap());
    let sender = Sender::new(&home.url, username, password);
    let stored = sender.store(BODY).await;
    let rotated = home.json(&["credential", "rotate", username, "--overlap", "24h"]);
    sender.send("not json").await;
    for _ in 0..250 {
        let noted = postgres::query(&home.database_url, "select count(*) from rejections, upkeep").await;
        if noted[0][0].as_deref() == Some("1") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    home.run(commands().0, &[]);
    let before = postgres::contents(&home.database_url).await;
    let restored = restore_elsewhere(&home, "restored").await;
    assert_eq!(postgres::contents(&restored).await, before, "every row of every table");
    assert!(before.iter().any(|(table, digest)| table == "audit_log" && !digest.starts_with("0 ")), "{before:?}");

    let there = serve(&restored).await;
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

// holds issue 17, section 3: a position from before a dump and restore never skips silently
#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_events_are_followed_by_their_ids_and_that_is_said() {
    let home = Home::start(&[]);
    home.json(&["account", "create", "maya@example.com", "--password-stdin"]);
    let created = home.json(&["credential", "create", "maya@example.com", "Inventory system"]);
    let (username, password) = (created["username"].as_str().unwrap(), created["password"].as_str().unwrap());
    let scopes = ["--scopes", "events:read,consumers:write", "--expires", "never"];
    let token = home.json(&[&["token", "create", "maya@example.com", "Import"][..], &scopes].concat());
    let here = Program::at(&home.url, token["token"].as_str().unwrap());
    let made = here.call("POST", "/consumers", json!({"name": "Import", "start": "oldest"}), 201).await;
    let consumer = format!("/consumers/{}", made["id"].as_str().unwrap());
    let sender = Sender::new(&home.url, username, password);
    let read = sender.store(BODY).await;
    let ids = |answer: &Value| -> Vec<String> {
        answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    };
    let acknowledge = async |program: &Program, cursor: &Value, status: u16| {
        program.call("POST", &format!("{consumer}/ack"), json!({"cursor": cursor}), status).await
    };
    let first = here.json(&format!("{consumer}/events")).await;
    assert_eq!(ids(&first), std::slice::from_ref(&read));
    acknowledge(&here, &first["cursor"], 200).await;
    let unread = sender.store(BODY).await;
    home.run(commands().0, &[]);
    let later = here.json(&format!("{consumer}/events")).await;

    let there = serve(&restore_elsewhere(&home, "followed").await).await;
    let program = Program::at(&there.url, token["token"].as_str().unwrap());
    acknowledge(&program, &later["cursor"], 422).await;
    for _ in 0..2 {
        let answer = program.json(&format!("{consumer}/events")).await;
        assert_eq!((ids(&answer), &answer["truncated"]), (vec![read.clone(), unread.clone()], &json!("unknown")));
    }
    let cursor = first["cursor"].as_str().unwrap();
    let followed = program.json(&format!("/events?after={cursor}")).await;
    assert_eq!((ids(&followed), &followed["truncated"]), (vec![read, unread], &json!("unknown")));
    let answer = program.json(&format!("{consumer}/events")).await;
    acknowledge(&program, &answer["cursor"], 200).await;
    let new = Sender::new(&there.url, username, password).store(BODY).await;
    let answer = program.json(&format!("{consumer}/events")).await;
    assert_eq!((ids(&answer), &answer["truncated"]), (vec![new.clone()], &json!(false)), "once");
    let followed = program.json(&format!("/events?after={}", followed["cursor"].as_str().unwrap())).await;
    assert_eq!((ids(&followed), followed["truncated"].is_null()), (vec![new], true), "once");
}
