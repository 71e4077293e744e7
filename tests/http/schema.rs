//! The migrations: up, down to nothing, and up again; and what the program believes about the tables is what they are.

use reasoner_webhooks::store::connection::migrate;
use reasoner_webhooks::store::connection::pool::Store;
use reasoner_webhooks::store::tables::detached_weeks::detach_before;
use reasoner_webhooks::store::tables::partitions;

use crate::support::postgres::{empty_database, new_database, query};

const TABLES: &str = "select table_name || '.' || column_name || ' ' || udt_name || ' ' || is_nullable from information_schema.columns \
     where table_schema = 'public' and table_name not like '\\_\\_diesel%' and table_name not like 'events\\_2%' order by 1";

async fn columns(address: &str) -> Vec<String> {
    query(address, TABLES).await.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_up_down_to_nothing_and_up_again() {
    let address = empty_database().await;
    let store = Store::open(&address).await.unwrap();
    assert!(!migrate::pending(&store).await.unwrap().is_empty());
    migrate::run(&store).await.unwrap();
    let up = columns(&address).await;
    assert!(migrate::pending(&store).await.unwrap().is_empty());
    migrate::revert_all(&store).await.unwrap();
    assert_eq!(columns(&address).await, Vec::<String>::new());
    migrate::run(&store).await.unwrap();
    assert_eq!(columns(&address).await, up);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_start_together_migrate_once() {
    let address = empty_database().await;
    let runs: Vec<_> = (0..5)
        .map(|_| {
            let address = address.clone();
            tokio::spawn(
                async move { migrate::run(&Store::open(&address).await.unwrap()).await.unwrap().applied.len() },
            )
        })
        .collect();
    let mut applied = Vec::new();
    for run in runs {
        applied.push(run.await.unwrap());
    }
    assert_eq!(applied.iter().filter(|count| **count > 0).count(), 1, "{applied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_builder_knows_the_tables_as_they_are() {
    let source = include_str!("../../src/store/connection/schema.rs");
    let mut known = Vec::new();
    let mut table = String::new();
    for line in source.lines().map(str::trim) {
        if line.starts_with("diesel::joinable") {
            break;
        }
        if let Some((name, kind)) = line.trim_end_matches(',').split_once(" -> ") {
            let (kind, nullable) = match kind.strip_prefix("Nullable<") {
                Some(inner) => (inner.strip_suffix('>').unwrap(), "YES"),
                None => (kind, "NO"),
            };
            let kind = match kind {
                "Uuid" => "uuid",
                "Text" => "text",
                "Bool" => "bool",
                "Bytea" => "bytea",
                "Timestamptz" => "timestamptz",
                "Inet" => "inet",
                "SmallInt" => "int2",
                "Integer" => "int4",
                "BigInt" => "int8",
                "Jsonb" => "jsonb",
                "Array<Cidr>" => "_cidr",
                "Array<BigInt>" => "_int8",
                "Array<Timestamptz>" => "_timestamptz",
                "Array<Uuid>" => "_uuid",
                other => panic!("what is {other} called in Postgres?"),
            };
            known.push(format!("{table}.{name} {kind} {nullable}"));
        } else if line.ends_with('{') && line.contains(" (") {
            table = line.split(" (").next().unwrap().to_owned();
        }
    }
    known.sort();
    let mut real = columns(&new_database().await).await;
    real.sort();
    assert_eq!(known, real);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_made_ahead_and_detached_when_all_of_them_is_old() {
    let address = new_database().await;
    let store = Store::open(&address).await.unwrap();
    let at = |text: &str| text.parse().unwrap();
    let now = at("2026-11-23T08:41:12Z");
    partitions::make_ahead(&store, at("2026-11-18T23:59:59Z"), now).await.unwrap();
    partitions::make_ahead(&store, at("2026-11-18T23:59:59Z"), now).await.unwrap();
    let mut conn = store.connection().await.unwrap();
    let names = partitions::list(&mut conn).await.unwrap();
    assert_eq!(
        names,
        [
            "events_20261112",
            "events_20261119",
            "events_20261126",
            "events_20261203",
            "events_20261210",
            "events_20261217"
        ]
    );
    assert!(detach_before(&mut conn, at("2026-11-18T23:59:59Z"), now).await.unwrap().is_empty());
    assert_eq!(detach_before(&mut conn, at("2026-11-19T00:00:00Z"), now).await.unwrap(), ["events_20261112"]);
    assert!(!partitions::list(&mut conn).await.unwrap().contains(&names[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumped_ahead_still_finds_a_partition() {
    let server = crate::support::server::TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.status().await, 200);
    server.pass(jiff::SignedDuration::from_hours(24 * 100));
    assert_eq!(sender.status().await, 200);
}
