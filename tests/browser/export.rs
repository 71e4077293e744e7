//! Exports in a browser: the page says how many events there are, and the file is there, also after the question for the password.

use jiff::SignedDuration;

use crate::support::server::{PASSWORD, TestServer};
use crate::visit::{MAYA, Visit};

const EVENTS: usize = 16;
const EVENT_BYTES: usize = 1_000_000;

/// How many lines the downloaded files have.
fn downloaded_lines(visit: &Visit) -> Vec<usize> {
    let files = std::fs::read_dir(&visit.browser.downloads).unwrap().map(|file| file.unwrap().path());
    let whole = files.filter(|file| file.extension().is_some_and(|end| end == "ndjson" || end == "csv"));
    whole.map(|file| std::fs::read_to_string(file).unwrap().lines().count()).collect()
}

// holds C12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_says_how_many_events_it_has_and_arrives_whole() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    for _ in 0..EVENTS {
        sender.store(format!("\"{}\"", "x".repeat(EVENT_BYTES - 2))).await;
    }
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.press(".page-head details:has(#fields) > summary").await;
    visit.read(".menu[open] .menu-list", "about 16").await;
    visit.press(".menu-list a[href*='format=ndjson']").await;
    visit.until("the file", async || (downloaded_lines(&visit) == [EVENTS]).then_some(())).await;

    // The password comes first, and then the download begins.
    server.pass(SignedDuration::from_mins(16));
    visit.go("/events").await;
    visit.press(".page-head details:has(#fields) > summary").await;
    visit.fill("#fields", "a.b").await;
    visit.press_words(".menu-list button", "Export columns").await;
    visit.read("h1", "Confirm it’s you").await;
    visit.fill("#current", PASSWORD).await;
    visit.press_words("main button", "Start download").await;
    visit.until("two files", async || (downloaded_lines(&visit).len() == 2).then_some(())).await;
    visit.press_words("main a", "Back to events").await;
    visit.arrive("/events").await;
    assert_eq!(visit.complaints(&[403]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}
