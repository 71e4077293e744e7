//! How long events are kept: the installation's weeks, and accounts that keep them shorter.

use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::app::prune::make_partitions;
use reasoner_webhooks::domain::event::EventId;

use crate::support::server::TestServer;
use crate::support::upkeep::prune;

/// Moves the only event of an account to another moment.
async fn move_event(server: &TestServer, to: Timestamp) -> String {
    let id = EventId::first_of(to).to_string();
    make_partitions(&server.application().state.store, 90, to).await.unwrap();
    server.query(&format!("update events set id = '{id}'")).await;
    id
}

async fn keep(server: &TestServer, days: &str) {
    server.query(&format!("update accounts set retention_days = {days}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_hidden_everywhere_in_the_millisecond_in_which_its_account_no_longer_keeps_it() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await.store(r#"{"canary":1}"#).await;
    // A day that is over in a minute, so that no page takes long enough to be late.
    let received = server.now() - SignedDuration::from_hours(24) + SignedDuration::from_secs(60);
    let id = move_event(&server, received).await;
    keep(&server, "1").await;
    let pages = ["/events", "/events/export", "/events?q=canary"];
    for path in pages {
        assert!(alice.page(path).await.contains(&id), "{path} shows it while it is kept");
    }
    assert_eq!(alice.get(&format!("/events/{id}")).await.status(), 200);
    server.pass(SignedDuration::from_secs(61));
    for path in pages {
        assert!(!alice.page(path).await.contains(&id), "{path} hides it after that");
    }
    for path in [format!("/events/{id}"), format!("/events/{id}/body")] {
        assert_eq!(alice.get(&path).await.status(), 404, "{path}");
    }
    assert_eq!(alice.post(&format!("/events/{id}/deletion"), &[]).await.status(), 404);
    assert!(!alice.page("/events").await.contains("Clear filters"), "it is no filter of the reader's");
    assert_eq!(server.number("select count(*) from events").await, 1, "hidden is not erased");
    keep(&server, "null").await;
    assert!(alice.page("/events").await.contains(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_erases_what_is_hidden_when_its_week_is_over_and_nothing_before() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await.store(r#"{"a":1}"#).await;
    // Wednesday, the last day of a week.
    let received: Timestamp = "2026-11-18T12:00:00Z".parse().unwrap();
    move_event(&server, received).await;
    keep(&server, "1").await;
    let store = &server.application().state.store;
    let events = async |now: &str| {
        prune(store, 90, now.parse().unwrap()).await.unwrap();
        server.number("select count(*) from events").await
    };
    assert_eq!(events("2026-11-19T11:59:59.999Z").await, 1, "kept");
    assert_eq!(events("2026-11-19T12:00:00.001Z").await, 1, "hidden, but its week has only just ended");
    assert_eq!(events("2026-11-19T23:59:59.999Z").await, 1);
    assert_eq!(events("2026-11-20T00:00:00.000Z").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_leaves_when_all_of_it_is_too_old_and_is_dropped_a_day_later() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await.store(r#"{"a":1}"#).await;
    move_event(&server, "2026-11-12T00:00:00Z".parse().unwrap()).await;
    // An account cannot keep what the installation drops.
    keep(&server, "400").await;
    let store = &server.application().state.store;
    let left = async |now: &str| {
        prune(store, 30, now.parse().unwrap()).await.unwrap();
        let table = server.number("select count(*) from pg_class where relname = 'events_20261112'").await;
        (server.number("select count(*) from events").await, table)
    };
    assert_eq!(left("2026-12-18T23:59:59.999Z").await, (1, 1));
    assert_eq!(left("2026-12-19T00:00:00.000Z").await, (0, 1), "30 days after the last moment of its week");
    assert_eq!(left("2026-12-19T23:59:59.999Z").await, (0, 1));
    assert_eq!(left("2026-12-20T00:00:00.000Z").await, (0, 0));
    assert_eq!(server.number("select count(*) from detached_weeks").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_is_stored_and_when_it_goes() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    assert!(alice.page("/settings/events").await.contains("None yet"));
    let sender = server.sender(&alice).await;
    let id = sender.store(r#"{"a":1}"#).await;
    sender.store(r#"{"a":2}"#).await;
    let page = alice.page("/settings/events").await;
    for fact in [
        "<dt>Events</dt><dd class=\"num\">2</dd>",
        "<dt>Size of their bodies</dt><dd class=\"num\">14 B</dd>",
        "<dt>Kept for</dt><dd>90 days</dd>",
    ] {
        assert!(page.contains(fact), "{fact}: {page}");
    }
    alice.post(&format!("/events/{id}/deletion"), &[]).await;
    keep(&server, "30").await;
    let page = alice.page("/settings/events").await;
    for fact in [
        "<dt>Events</dt><dd class=\"num\">1</dd>",
        "<dt>Size of their bodies</dt><dd class=\"num\">7 B</dd>",
        "<dt>Kept for</dt><dd>30 days</dd>",
        "This server keeps them for 90 days at most.",
        "<dt>Hidden from</dt>",
    ] {
        assert!(page.contains(fact), "{fact}: {page}");
    }
}
