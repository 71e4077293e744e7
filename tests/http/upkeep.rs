//! Upkeep: what fails in it fails alone, and senders never wait for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::app::prune::make_partitions;
use reasoner_webhooks::store::connection::pool::Store;

use crate::support::postgres::{self, new_database};
use crate::support::server::TestServer;
use crate::support::upkeep::{STEADY, prune};

/// A connection of one's own, for what has to stay open while something else happens.
async fn connect(address: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Something that is too old in the first table that upkeep comes to, in one amid the others, and in one of the last.
pub const LEFT_BEHIND: &str = "insert into idempotency_keys (account_id, credential_id, key, event_id, body_sha256, created_at) \
     values (gen_random_uuid(), gen_random_uuid(), 'k', gen_random_uuid(), 'd', now() - interval '8 days'); \
     insert into rejections (account_id, id, credential_id, reason, second, remote_ip, count) \
     values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'invalid_json', now() - interval '91 days', '127.0.0.1', 1); \
     insert into event_removals (account_id, half_hour, events, bytes) \
     values (gen_random_uuid(), now() - interval '91 days', 1, 1)";

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_upkeep_that_fails_is_counted_and_stops_no_other() {
    let address = new_database().await;
    postgres::query(&address, &format!("{LEFT_BEHIND}; {STEADY}")).await;
    let other = connect(&address).await;
    other.batch_execute("begin; lock table idempotency_keys in access exclusive mode").await.unwrap();
    // Its first round of upkeep begins with the program.
    let server = TestServer::start_over(address, |_| {}).await;
    let failures = &server.application().state.upkeep_failures;
    for _ in 0..1_500 {
        if failures.get() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(failures.get(), 1);
    other.batch_execute("rollback").await.unwrap();
    assert_eq!(server.number("select count(*) from idempotency_keys").await, 1);
    assert_eq!(server.number("select count(*) from rejections").await, 0);
    assert_eq!(server.number("select count(*) from event_removals").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_keys_are_forgotten_at_once_no_statement_takes_long() {
    let address = new_database().await;
    // The database itself writes down how many rows each statement deletes.
    postgres::query(
        &address,
        "create table steps (n bigint); \
         create function note_step() returns trigger language plpgsql as $$ begin \
         insert into steps select count(*) from gone; return null; end $$; \
         create trigger note_step after delete on idempotency_keys referencing old table as gone \
         for each statement execute function note_step(); \
         insert into idempotency_keys (account_id, credential_id, key, event_id, body_sha256, created_at) \
         select gen_random_uuid(), gen_random_uuid(), 'k', gen_random_uuid(), 'd', \
         now() - interval '7 days' + interval '1 minute' * (n % 2 * 2 - 1) from generate_series(1, 50000) n",
    )
    .await;
    let store = Store::open(&address).await.unwrap();
    prune(&store, 90, Timestamp::now()).await.unwrap();
    let left = "select count(*), count(*) filter (where created_at > now() - interval '7 days') from idempotency_keys";
    let text = |n: &str| Some(n.to_owned());
    assert_eq!(postgres::query(&address, left).await, [[text("25000"), text("25000")]], "what is not too old stays");
    let steps = "select sum(n), max(n) <= 10000 from steps";
    assert_eq!(postgres::query(&address, steps).await, [[text("25000"), text("t")]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_go_on_while_weeks_are_made_and_detached_beside_a_long_reader() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let store = &server.application().state.store;
    let (now, week) = (server.now(), SignedDuration::from_hours(7 * 24));
    make_partitions(store, 90, now - week * 30).await.unwrap();
    let weeks = "select count(*) from pg_inherits where inhparent = 'events'::regclass";
    let made = server.number(weeks).await;
    assert_eq!(made, 12);
    assert_eq!(sender.status().await, 200);
    // Reads every partition and stays open, as a backup does.
    let reader = connect(&server.database_url).await;
    reader.batch_execute("begin; select count(*) from events").await.unwrap();
    let upkeep = async {
        make_partitions(store, 90, now + week).await.unwrap();
        prune(store, 90, now).await
    };
    let sending = async {
        loop {
            assert_eq!(sender.status().await, 200, "an event that is sent during upkeep is stored");
        }
    };
    let outcome = tokio::select! {
        outcome = upkeep => outcome,
        () = sending => unreachable!(),
    };
    assert_eq!(outcome.unwrap_err().0, ["weeks"]);
    assert_eq!(server.number(weeks).await, made + 1, "the new week is there, the old ones still are");
    reader.batch_execute("rollback").await.unwrap();
    prune(store, 90, now).await.unwrap();
    assert_eq!(server.number(weeks).await, 7, "a later round detaches them");
    assert_eq!(sender.status().await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_that_is_made_is_like_the_table_it_belongs_to() {
    let address = new_database().await;
    let store = Store::open(&address).await.unwrap();
    let now = "2026-11-23T08:41:12Z".parse().unwrap();
    make_partitions(&store, 90, now).await.unwrap();
    // What `partition of` makes is the measure.
    postgres::query(
        &address,
        "create table plain partition of events for values from ('ffffffff-0000-0000-0000-000000000000') to (maxvalue)",
    )
    .await;
    let facts = async |table: &str| {
        let columns = postgres::query(
            &address,
            &format!(
                "select attname, format_type(atttypid, atttypmod), attnotnull, attstorage, attcompression, attislocal, attinhcount, \
                 pg_get_expr(adbin, adrelid) from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum \
                 where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped order by attname"
            ),
        )
        .await;
        let constraints = postgres::query(
            &address,
            &format!(
                "select replace(conname, '{table}', 'events'), pg_get_constraintdef(oid), conislocal, coninhcount \
                 from pg_constraint where conrelid = '{table}'::regclass order by 1"
            ),
        )
        .await;
        let indexes = postgres::query(
            &address,
            &format!(
                "select replace(pg_get_indexdef(indexrelid), '{table}', 'events') from pg_index \
                 where indrelid = '{table}'::regclass order by 1"
            ),
        )
        .await;
        (columns, constraints, indexes)
    };
    assert_eq!(facts("events_20261119").await, facts("plain").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_that_is_no_longer_kept_is_not_made() {
    let address = new_database().await;
    let store = Store::open(&address).await.unwrap();
    // Monday of a week that began on Thursday: with three days kept, the week before is all too old.
    let now = "2026-11-23T08:41:12Z".parse().unwrap();
    let first = "select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'events'::regclass";
    make_partitions(&store, 3, now).await.unwrap();
    assert_eq!(postgres::query(&address, first).await, [[Some("events_20261119".to_owned())]]);
    make_partitions(&store, 5, now).await.unwrap();
    assert_eq!(postgres::query(&address, first).await, [[Some("events_20261112".to_owned())]]);
}
