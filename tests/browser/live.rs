//! The Events page as it changes under a reader's eyes, and the keys that walk through it.

use futures_util::future::join_all;
use thirtyfour::prelude::*;

use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

const FIRST_ROW: &str = ".events-table tbody tr:first-child";
const PILL: &str = "[data-live-pill]";

/// The ids of the rows, as the reader sees them.
async fn rows(visit: &Visit) -> Vec<String> {
    let ids =
        visit.ask("return [...document.querySelectorAll('.events-table tbody tr')].map(row => row.dataset.id)").await;
    serde_json::from_value(ids).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_to_a_reader_at_the_top_and_wait_for_one_who_paused_or_reads_further_down() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    for _ in 0..50 {
        sender.store("1").await;
    }
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.see(FIRST_ROW).await;

    let second = sender.store(r#""at the top""#).await;
    visit.read(FIRST_ROW, "at the top").await;
    assert!(!visit.shows(PILL).await);
    // Totals follow, so that the page says one thing.
    visit.read("[data-overview] .totals dd", "51").await;

    visit.ask("document.querySelector('.pager').scrollIntoView()").await;
    sender.store(r#""while reading""#).await;
    assert!(visit.read(PILL, "1 new event").await.trim().ends_with("1 new event"));
    assert_eq!(rows(&visit).await[0], second, "nothing moves");
    visit.press(PILL).await;
    visit.read(FIRST_ROW, "while reading").await;
    assert!(!visit.shows(PILL).await);

    visit.ask("scrollTo(0, 0)").await;
    visit.action_chain().send_keys("l").perform().await.unwrap();
    visit.read("[data-live-label]", "Paused").await;
    sender.store(r#""paused 1""#).await;
    sender.store(r#""paused 2""#).await;
    visit.read(PILL, "2 new events").await;
    assert!(!visit.text(FIRST_ROW).await.contains("paused"));
    visit.action_chain().send_keys("l").perform().await.unwrap();
    visit.read(FIRST_ROW, "paused 2").await;

    // In a tab that nobody sees, the title counts.
    visit.ask("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })").await;
    sender.store(r#""unseen""#).await;
    visit
        .until("a title that counts", async || visit.title().await.unwrap().starts_with("(1) Events").then_some(()))
        .await;
    visit.ask("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))").await;
    assert!(visit.title().await.unwrap().starts_with("Events"));

    let mut sorted = rows(&visit).await;
    sorted.sort();
    sorted.reverse();
    assert_eq!(rows(&visit).await, sorted, "newest first");
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_hold_under_a_pointer_and_a_selection() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    sender.store("1").await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.go("/events?since=1h").await;
    visit.read("[data-matches]", "1 matches").await;
    let row = visit.see(FIRST_ROW).await;
    visit.action_chain().move_to_element_center(&row).move_by_offset(3, 0).perform().await.unwrap();
    sender.store(r#""while pointing""#).await;
    visit.read(PILL, "1 new event").await;
    assert_eq!(rows(&visit).await.len(), 1, "nothing moves");
    let title = visit.see("h1").await;
    visit.action_chain().move_to_element_center(&title).perform().await.unwrap();
    visit.read(FIRST_ROW, "while pointing").await;
    visit.read("[data-matches]", "2 match").await;

    visit.ask("getSelection().selectAllChildren(document.querySelector('.events-table tbody code'))").await;
    sender.store(r#""while selecting""#).await;
    visit.read(PILL, "1 new event").await;
    assert_eq!(rows(&visit).await.len(), 2);
    visit.ask("getSelection().removeAllRanges()").await;
    visit.read(FIRST_ROW, "while selecting").await;

    // Events that are selected stay where they are.
    let tick = ".events-table tbody tr:nth-child(2) [form=pick]";
    visit.ask(&format!("document.querySelector('{tick}').click()")).await;
    sender.store(r#""while ticked""#).await;
    visit.read(PILL, "1 new event").await;
    assert_eq!(rows(&visit).await.len(), 3);
    visit.ask(&format!("document.querySelector('{tick}').click()")).await;
    visit.read(FIRST_ROW, "while ticked").await;

    // And the list beside an event that is open.
    visit.press(&format!("{FIRST_ROW} a")).await;
    visit.see("#peek:not([hidden]) #event-id").await;
    sender.store(r#""while open""#).await;
    visit.read(PILL, "1 new event").await;
    assert_eq!(rows(&visit).await.len(), 4);
    visit.press("[data-peek-close]").await;
    visit.ask("document.activeElement.blur()").await;
    visit.see("h1").await.click().await.unwrap();
    visit.read(FIRST_ROW, "while open").await;

    // How many match a search is said with the totals.
    visit.go("/events?q=while").await;
    visit.read("[data-matches]", "4 match").await;
    sender.store(r#""while searching""#).await;
    visit.read("[data-matches]", "5 match").await;
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_arrivals_are_shown_together_and_not_one_by_one() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    sender.store("0").await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.see(FIRST_ROW).await;
    visit
        .ask(
            "window.insertions = []; new MutationObserver(records => insertions.push(\
             [performance.now(), records.flatMap(record => [...record.addedNodes]).length]))\
             .observe(document.querySelector('.events-table tbody'), { childList: true })",
        )
        .await;
    for _ in 0..6 {
        join_all((0..20).map(|n| sender.store(n.to_string()))).await;
    }
    visit.until("all rows", async || (rows(&visit).await.len() == 121).then_some(())).await;
    let insertions: Vec<(f64, usize)> = serde_json::from_value(visit.ask("return insertions").await).unwrap();
    assert_eq!(insertions.iter().map(|(_, rows)| rows).sum::<usize>(), 120);
    // A timer may be a little early by the page's clock, which is rounded.
    let pauses: Vec<f64> = insertions.windows(2).map(|two| two[1].0 - two[0].0).collect();
    assert!(pauses.iter().all(|pause| *pause > 230.0), "{pauses:?}");
    let mut sorted = rows(&visit).await;
    sorted.sort();
    sorted.reverse();
    assert_eq!(rows(&visit).await, sorted, "newest first");
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_was_away_for_long_is_told_to_reload() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    sender.store("1").await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.see(FIRST_ROW).await;
    // The page keeps its position when it is left, and goes on from there when it is back.
    let leave = async || visit.ask("dispatchEvent(new PageTransitionEvent('pagehide'))").await;
    let come_back = async || visit.ask("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    leave().await;
    for _ in 0..5 {
        join_all((0..50).map(|_| sender.store("2"))).await;
    }
    come_back().await;
    visit.read(PILL, "250 new events. Reload").await;
    // What it was told of is not told again when the page begins another connection, as it does after an answer with an error.
    leave().await;
    come_back().await;
    let newest = sender.store("3").await;
    visit.read(PILL, "251 new events. Reload").await;
    assert_eq!(rows(&visit).await.len(), 1, "no row stands beside a gap");
    visit.press(PILL).await;
    visit.until("the first page", async || (rows(&visit).await.len() == 50).then_some(())).await;
    assert_eq!(rows(&visit).await[0], newest);
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_walk_through_the_rows_and_open_one_until_they_are_switched_off() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    let mut stored = Vec::new();
    for n in 0..3 {
        stored.push(sender.store(n.to_string()).await);
    }
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.see(FIRST_ROW).await;
    let press = async |key: &str| visit.action_chain().send_keys(key).perform().await.unwrap();
    let focused = async || visit.ask("return document.activeElement.closest('tr')?.dataset.id ?? ''").await;

    press("j").await;
    assert_eq!(focused().await, stored[2]);
    press("j").await;
    assert_eq!(focused().await, stored[1]);
    // Whoever is among the rows is not moved.
    let late = sender.store("4").await;
    visit.read(PILL, "1 new event").await;
    assert_eq!(focused().await, stored[1]);
    press("o").await;
    visit.arrive(&format!("/events/{}", stored[1])).await;
    press("j").await;
    visit.arrive(&format!("/events/{}", stored[0])).await;
    for newer in [&stored[1], &stored[2], &late] {
        press("k").await;
        visit.arrive(&format!("/events/{newer}")).await;
    }

    visit.go("/settings/account").await;
    press("?").await;
    visit.see("dialog:modal #shortcuts-title").await;
    press(&Key::Escape.value().to_string()).await;
    visit.press("[data-shortcuts-switch]").await;
    visit.go("/events").await;
    visit.see(FIRST_ROW).await;
    press("j").await;
    assert_eq!(focused().await, "", "switched off");
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_attempts_come_by_themselves_and_wait_for_a_reader_among_them() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.go("/events/rejections").await;
    visit.read("#rejected", "Nothing was rejected").await;
    let refuse = async || assert_eq!(sender.with_password("wrong").status().await, 401);
    refuse().await;
    visit.read("#rejected td.first", "Wrong password").await;
    assert_eq!(visit.count("#rejected tbody tr").await, 1);
    visit.read("#announcer", "1 new rejected attempt").await;
    // Totals and chart come with it, and stay those of this list.
    visit.read("[data-overview] .totals div:nth-child(2) dd", "1").await;
    for (link, name) in [(".overview .segmented a", "href"), (".overview .plot", "data-zoom")] {
        let address = visit.attribute(link, name).await;
        assert!(address.starts_with("/events/rejections"), "{address}");
    }
    // Repeats of one cause change the row that is there.
    server.pass(jiff::SignedDuration::from_secs(2));
    refuse().await;
    visit.read("#rejected td.first b", "× 2").await;
    // Whoever is among the rows finds them where they are, and a way to what waits.
    visit.ask("document.querySelector('#rejected td.first a').focus()").await;
    server.pass(jiff::SignedDuration::from_secs(2));
    refuse().await;
    visit.read("[data-live-label]", "Show 1 new").await;
    visit.read("#rejected td.first b", "× 2").await;
    visit.ask("document.activeElement.blur()").await;
    visit.read("#rejected td.first b", "× 3").await;

    // A filter stays: what is refused for another reason does not appear.
    visit.go("/events/rejections?reason=wrong_password").await;
    visit.read("[data-matches]", "3 match").await;
    assert_eq!(sender.send("not json").await.status(), 400);
    server.pass(jiff::SignedDuration::from_secs(2));
    refuse().await;
    visit.read("#rejected td.first b", "× 4").await;
    visit.read("[data-matches]", "4 match").await;
    assert_eq!(visit.count("#rejected tbody tr").await, 1);

    // Keys walk through the rows, as through those of events.
    visit.go("/events/rejections").await;
    visit.read("#rejected td.first", "Wrong password").await;
    let press = async |key: &str| visit.action_chain().send_keys(key).perform().await.unwrap();
    let focused =
        "return [...document.querySelectorAll('#rejected tbody tr')].indexOf(document.activeElement.closest('tr'))";
    for (key, row) in [("j", 0), ("j", 1), ("k", 0)] {
        press(key).await;
        assert_eq!(visit.ask(focused).await, row, "{key}");
    }
    press("o").await;
    visit.read("h1", "Wrong password").await;
    visit.read("#next-title", "What to do").await;
    visit.end().await;
}
