//! Weeks that are too old are detached first: what is in them comes back where it turns out to be kept, goes a day later where it is
//! not, and keeps nobody from anything meanwhile.

use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::app::prune::make_partitions;
use reasoner_webhooks::domain::event::EventId;

use crate::support::actors::{Person, Sender};
use crate::support::postgres;
use crate::support::server::{PASSWORD, TestServer};
use crate::support::upkeep::prune;

/// The week that is detached in these tests, and when an event in it arrived.
const WEEK: &str = "events_20261112";
const ARRIVED: &str = "2026-11-13T12:00:00Z";
/// When that is kept for 30 days no longer.
const TOO_OLD: &str = "2026-12-19T12:00:00Z";
const DETACHED: &str = "select count(*) from detached_weeks where name = 'events_20261112'";
const EVENTS: &str = "select count(*) from events";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// A sender with one event, which lies in the week.
async fn with_old_event() -> (TestServer, Person, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"old":1}"#).await;
    make_partitions(&server.application().state.store, 400, at(ARRIVED)).await.unwrap();
    server.query(&format!("update events set id = '{}'", EventId::first_of(at(ARRIVED)))).await;
    (server, alice, sender)
}

/// The same, detached.
async fn detached() -> (TestServer, Person, Sender) {
    let (server, alice, sender) = with_old_event().await;
    prune(&server.application().state.store, 30, at(TOO_OLD)).await.unwrap();
    assert_eq!(server.number(EVENTS).await, 0);
    assert_eq!(server.number(DETACHED).await, 1);
    (server, alice, sender)
}

/// All that a table has beside its rows.
async fn structure(server: &TestServer) -> Vec<Vec<Option<String>>> {
    server
        .query(&format!(
            "select conname, pg_get_constraintdef(oid), conislocal::text, coninhcount::text from pg_constraint \
             where conrelid = '{WEEK}'::regclass union all select attname, attnotnull::text, attislocal::text, attinhcount::text \
             from pg_attribute where attrelid = '{WEEK}'::regclass and attnum > 0 union all \
             select pg_get_indexdef(indexrelid), indisvalid::text, (i.inhparent is not null)::text, '' from pg_index \
             left join pg_inherits i on i.inhrelid = indexrelid where indrelid = '{WEEK}'::regclass order by 1, 2, 3, 4"
        ))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_comes_back_as_it_was_where_the_clock_turns_out_to_be_wrong() {
    let (server, alice, _) = with_old_event().await;
    let store = &server.application().state.store;
    // Its indexes for searches are made.
    prune(store, 400, at(TOO_OLD)).await.unwrap();
    let before = (structure(&server).await, server.query("select * from events").await);
    prune(store, 30, at(TOO_OLD)).await.unwrap();
    assert_eq!(server.number(EVENTS).await, 0);
    prune(store, 30, at(TOO_OLD) - SignedDuration::from_hours(24)).await.unwrap();
    assert_eq!((structure(&server).await, server.query("select * from events").await), before);
    assert_eq!(server.number(DETACHED).await, 0);
    // Whoever was signed in is not, by that clock.
    alice.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    assert!(alice.page("/events?q=old").await.contains(&EventId::first_of(at(ARRIVED)).to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_comes_back_where_events_are_kept_for_longer_from_now_on() {
    let (server, ..) = detached().await;
    let store = &server.application().state.store;
    prune(store, 60, at(TOO_OLD)).await.unwrap();
    assert_eq!((server.number(EVENTS).await, server.number(DETACHED).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_counts_anew_for_weeks_that_a_clock_ahead_detached() {
    let (server, ..) = detached().await;
    let store = &server.application().state.store;
    server.query("update detached_weeks set detached_at = '2027-03-01'").await;
    let there = async |now: &str| {
        prune(store, 30, at(now)).await.unwrap();
        server.number(DETACHED).await
    };
    assert_eq!(there("2026-12-20T12:00:00Z").await, 1);
    assert_eq!(there("2026-12-21T11:59:59Z").await, 1);
    assert_eq!(there("2026-12-21T12:00:00Z").await, 0, "and not in March");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_finds_its_week_also_where_a_wrong_clock_detached_it() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let first = sender.store("1").await;
    let store = &server.application().state.store;
    prune(store, 90, server.now() + SignedDuration::from_hours(24 * 130)).await.unwrap();
    assert_eq!(server.number("select count(*) from pg_inherits where inhparent = 'events'::regclass").await, 0);
    let second = sender.store("2").await;
    let stored: Vec<_> =
        server.query("select id from events order by id").await.into_iter().flatten().flatten().collect();
    assert_eq!(stored, [first, second], "the week is back");
    make_partitions(store, 90, server.now()).await.unwrap();
    assert_eq!(server.number("select count(*) from pg_inherits where inhparent = 'events'::regclass").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_and_long_readers_go_on_while_a_week_comes_back() {
    let (server, _, sender) = detached().await;
    let (reader, connection) = tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    // As a backup does.
    reader.batch_execute("begin; select count(*) from events").await.unwrap();
    let store = &server.application().state.store;
    let sending = async {
        loop {
            assert_eq!(sender.status().await, 200);
        }
    };
    tokio::select! {
        outcome = prune(store, 60, at(TOO_OLD)) => outcome.unwrap(),
        () = sending => unreachable!(),
    }
    assert_eq!(server.number(&format!("select count(*) from {WEEK} join events using (account_id, id)")).await, 1);
    reader.batch_execute("rollback").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_erased_from_detached_weeks_as_well() {
    let (server, ..) = detached().await;
    let store = &server.application().state.store;
    let delete = "insert into deleted_accounts select id, now() from accounts; delete from accounts";
    server.query(delete).await;
    prune(store, 30, at(TOO_OLD)).await.unwrap();
    assert_eq!(server.number(&format!("select count(*) from {WEEK}")).await, 0);
    assert_eq!(server.number(DETACHED).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_that_somebody_attached_or_dropped_by_hand_is_left_alone() {
    let (server, ..) = detached().await;
    let store = &server.application().state.store;
    let later = at(TOO_OLD) + SignedDuration::from_hours(48);
    let bounds = server.query(&format!("select first_id, end_id from detached_weeks where name = '{WEEK}'")).await;
    let [first, end] = [0, 1].map(|column| bounds[0][column].clone().unwrap());
    server.query(&format!("alter table events attach partition {WEEK} for values from ('{first}') to ('{end}')")).await;
    prune(store, 30, later).await.unwrap();
    assert_eq!(server.number(&format!("select count(*) from {WEEK}")).await, 1, "detached anew, and not dropped");
    server.query(&format!("drop table {WEEK}")).await;
    prune(store, 60, at(TOO_OLD)).await.unwrap();
    assert_eq!(server.number(DETACHED).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_gets_detached_weeks_back() {
    let (server, ..) = detached().await;
    let address = server.database_url.clone();
    server.stop().await;
    postgres::query(&address, include_str!("../../migrations/2026-11-29-000800_upkeep_clock/down.sql")).await;
    assert_eq!(postgres::query(&address, EVENTS).await[0][0].as_deref(), Some("1"));
}
