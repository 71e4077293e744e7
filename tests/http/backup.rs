//! The backup that the README describes, with its own commands: a database of the program's own, dumped while it is in use, and
//! restored elsewhere.

use reasoner_webhooks::store::connection::migrate;
use reasoner_webhooks::store::connection::pool::{Store, StoreOptions};

use crate::home::Home;
use crate::support::actors::Sender;
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

    let (dump, restore) = commands();
    home.run(dump, &[]);
    let before = postgres::contents(&home.database_url).await;
    // Elsewhere is the server of the other tests, under a name that none of them has.
    let empty = postgres::empty_database().await;
    let (server, _) = empty.split_once("/empty_").unwrap_or_else(|| panic!("{empty}"));
    let name = format!("restored_{}", std::process::id());
    let elsewhere: tokio_postgres::Config = empty.parse().unwrap();
    let host = match &elsewhere.get_hosts()[0] {
        tokio_postgres::config::Host::Unix(path) => path.to_string_lossy().into_owned(),
        tokio_postgres::config::Host::Tcp(name) => name.clone(),
    };
    let restore = restore.replace(" webhooks", &format!(" {name}"));
    home.run(&restore, &[("PGHOST", &host), ("PGUSER", elsewhere.get_user().unwrap())]);
    let restored = format!("{server}/{name}{}", empty.find('?').map(|at| &empty[at..]).unwrap_or_default());
    assert_eq!(postgres::contents(&restored).await, before, "every row of every table");
    assert!(before.iter().any(|(table, digest)| table == "audit_log" && !digest.starts_with("0 ")), "{before:?}");

    // As `serve` does, which finds the schema there and opens it to the program's role.
    let store =
        Store::open_as(&postgres::as_program(&restored), Some(&restored), None, StoreOptions::default()).await.unwrap();
    migrate::run(&store).await.unwrap();
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
