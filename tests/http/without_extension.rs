//! A database whose role may not make extensions, as managed databases have: upkeep goes on without `pg_trgm`, searches find
//! everything, and `doctor` says what is missing.

use jiff::SignedDuration;
use reasoner_webhooks::app::prune::make_partitions;
use reasoner_webhooks::store::connection::migrate;
use reasoner_webhooks::store::connection::pool::Store;

use crate::command_line::Terminal;
use crate::support::event_rows::insert_many;
use crate::support::postgres::{self, empty_database};
use crate::support::server::TestServer;
use crate::support::upkeep::prune;

/// An empty database, and its address for a role that may make tables in it and no extensions.
async fn database_of_a_plain_role() -> (String, String) {
    let address = empty_database().await;
    let name = address.split(['/', '?']).find(|part| part.starts_with("empty_")).unwrap();
    let role = format!("plain_{name}");
    let sql = format!("create role {role} login password 'plain'; alter schema public owner to {role}");
    postgres::query(&address, &sql).await;
    let plain = address.replace("//reasoner@", &format!("//{role}:plain@"));
    assert_ne!(plain, address);
    (address, plain)
}

fn line_of_searches(terminal: &Terminal) -> String {
    let output = terminal.command(&["doctor"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains("pg_trgm") || line.contains("indexed for searches"));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_extension_upkeep_goes_on_searches_find_everything_and_doctor_says_so() {
    let (owner, plain) = database_of_a_plain_role().await;
    migrate::run(&Store::open(&plain).await.unwrap()).await.unwrap();
    let server = TestServer::start_over(plain.clone(), |_| {}).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"animal": "Heron"}"#).await;
    let store = &server.application().state.store;
    make_partitions(store, 90, server.now() - SignedDuration::from_hours(24 * 21)).await.unwrap();
    let subject = "(select account_id from credentials limit 1), (select id from credentials limit 1)";
    server.query(&insert_many(subject, 2_000, 15, "'{\"animal\": \"Zebra ' || n || '\"}'")).await;

    prune(store, 90, server.now()).await.expect("it is no failure");
    assert_eq!(server.number("select count(*) from pg_extension where extname = 'pg_trgm'").await, 0);
    for (search, found) in
        [("Zebra%201999", 1), ("animal%20%3D%20%22Zebra%207%22", 1), ("heron", 1), ("animal%20exists", 50)]
    {
        let page = alice.page(&format!("/events?q={search}")).await;
        assert_eq!(page.matches("data-id=\"").count(), found, "{search}");
    }
    let export = alice.page("/events/export?q=zebra%2019").await;
    assert_eq!(export.lines().count(), 111, "19, 190 to 199, and 1900 to 1999");

    let terminal = Terminal::over(plain);
    let line = line_of_searches(&terminal);
    assert!(
        line.starts_with("hint  the extension pg_trgm is missing") && line.contains("let the role create extensions"),
        "{line}"
    );

    // Somebody who may makes it; until upkeep has been there, no week has an index.
    postgres::query(&owner, "create extension pg_trgm").await;
    let line = line_of_searches(&terminal);
    assert!(line.starts_with("hint  0 of ") && line.contains("closed weeks are indexed for searches"), "{line}");
    prune(store, 90, server.now()).await.unwrap();
    let line = line_of_searches(&terminal);
    assert!(line.starts_with("ok    ") && !line.contains(" 0 of "), "{line}");
    assert_eq!(alice.page("/events?q=Zebra%201999").await.matches("data-id=\"").count(), 1);
}
