//! A search over many events, as it goes on under a reader's eyes.

use thirtyfour::prelude::*;

use crate::support::event_rows::insert_many;
use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

const ROWS: &str = ".events-table tbody tr";
const STOP: &str = "[data-further-stop]";
const ON: &str = "[data-further] a";
/// No text that the database could look for tells those that match from the others, so that all of them have to be read.
const SEARCH: &str = "/events?q=kind%20%3D%207.0";
const MANY: u32 = 100_000;
const WAITING: &str = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' \
     and query like '%sum(octet_length%'";

async fn rows(visit: &Visit) -> Vec<String> {
    let ids = visit.ask(&format!("return [...document.querySelectorAll('{ROWS}')].map(row => row.dataset.id)")).await;
    serde_json::from_value(ids).unwrap()
}

/// Maya's server with many events, some of which match, far from each other; these, newest first.
async fn filled() -> (TestServer, Vec<String>) {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    server.sender(&maya).await;
    let owner = "(select account_id from users), (select id from credentials)";
    let body =
        "'{\"kind\": ' || case n % 20000 when 0 then 7 else 8 end || ', \"filler\": \"' || md5(n::text) || '\"}'";
    server.query(&insert_many(owner, MANY, 0, body)).await;
    let matching = "select id::text from events where body like '{\"kind\": 7%' order by id desc";
    let ids = server.query(matching).await.into_iter().map(|row| row[0].clone().unwrap()).collect();
    (server, ids)
}

/// Waits for the end of the search, as long as a slow machine takes.
async fn reach_the_end(visit: &Visit) {
    for _ in 0..4 {
        let found = visit.count(ROWS).await;
        visit
            .until("progress of the search", async || {
                (visit.count(ROWS).await > found || visit.count("[data-further]").await == 0).then_some(())
            })
            .await;
        if visit.count("[data-further]").await == 0 {
            return;
        }
    }
    visit.until("the end of the search", async || (visit.count("[data-further]").await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_goes_on_by_itself_until_it_is_stopped_or_at_its_end() {
    let (server, matching) = filled().await;
    assert_eq!(matching.len(), 5);
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.go(SEARCH).await;
    visit.ask("window.isSamePage = true").await;
    visit.read("[data-further-found]", "Searching…").await;
    assert!(!visit.shows(ON).await);
    visit.press(STOP).await;
    visit.see(ON).await;
    assert!(!visit.shows(STOP).await);
    let found = visit.text("[data-further-found]").await;
    assert!(found.contains("found so far") && !found.contains("Searching"), "{found}");
    let before = visit.attribute("[data-further-looked] time", "datetime").await;
    assert!(rows(&visit).await.len() < matching.len(), "it was stopped before its end");

    // The keyboard is where it goes on.
    visit.action_chain().send_keys(Key::Enter).perform().await.unwrap();
    visit
        .until("a look further back", async || {
            let looked = visit.ask("return document.querySelector('[data-further-looked] time')?.dateTime ?? ''").await;
            (looked.as_str().unwrap() < before.as_str()).then_some(())
        })
        .await;
    reach_the_end(&visit).await;
    assert_eq!(rows(&visit).await, matching);
    assert_eq!(visit.ask("return window.isSamePage").await, true);
    assert_eq!(visit.count("[data-live-empty]").await, 0);
    visit.read(".pager", "5 events found").await;
    assert_eq!(visit.text("[data-further-said]").await, "5 events found. Search finished.");

    // What arrives now comes to the same rows, and keys walk through all of them.
    let maya = server.visitor();
    maya.post("/login", &[("email", MAYA), ("password", crate::support::server::PASSWORD)]).await;
    let newest = server.sender(&maya).await.store(r#"{"kind": 7}"#).await;
    visit.until("the new row", async || (rows(&visit).await.first() == Some(&newest)).then_some(())).await;
    for _ in 0..=matching.len() {
        visit.action_chain().send_keys("j").perform().await.unwrap();
    }
    let focused = visit.ask("return document.activeElement.closest('tr').dataset.id").await;
    assert_eq!(focused, *matching.last().unwrap());
    visit.action_chain().send_keys("o").perform().await.unwrap();
    visit.arrive(&format!("/events/{}", matching.last().unwrap())).await;
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_is_left_ends_in_the_database_and_one_that_fails_says_why() {
    let (server, matching) = filled().await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.go(SEARCH).await;
    visit.press(STOP).await;
    let events = server.lock_events().await;
    visit.press(ON).await;
    server.eventually(WAITING, 1).await;
    visit.press(STOP).await;
    server.eventually(WAITING, 0).await;
    // Leaving the page is the same, and coming back goes on.
    visit.press(ON).await;
    server.eventually(WAITING, 1).await;
    visit.ask("dispatchEvent(new PageTransitionEvent('pagehide'))").await;
    server.eventually(WAITING, 0).await;
    drop(events);
    visit.ask("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    visit.read("[data-further-found]", "Searching…").await;
    visit.press(STOP).await;

    let ended = server.query("delete from sessions returning 1").await;
    assert!(!ended.is_empty());
    visit.press(ON).await;
    visit.read("[data-further-found]", "The search stopped, because you are signed out.").await;
    visit.see(ON).await;
    assert!(rows(&visit).await.len() < matching.len());
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
}
