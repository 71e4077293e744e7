//! Exports in a browser: how far one is, also after the question for the password, and that the file is there.

use jiff::SignedDuration;
use serde_json::json;

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
async fn the_page_that_starts_an_export_says_how_far_it_is_and_how_it_ended() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    for _ in 0..EVENTS {
        sender.store(format!("\"{}\"", "x".repeat(EVENT_BYTES - 2))).await;
    }
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    assert!(!visit.shows("[data-export-progress]").await);

    // As slowly as a line does that leaves time to look.
    let slow = json!({ "offline": false, "latency": 0, "downloadThroughput": 3_000_000, "uploadThroughput": -1 });
    visit.browser.cdp("Network.enable", json!({})).await.unwrap();
    visit.browser.cdp("Network.emulateNetworkConditions", slow).await.unwrap();
    visit.press(".page-head details.menu > summary").await;
    visit.press(".menu-list a[href*='format=ndjson']").await;
    visit.read("[data-export-progress]", "of about 16 events").await;
    visit.see("[data-export-progress] progress").await;
    assert!(!visit.shows(".page-head details.menu[open]").await, "the menu is out of the way");
    visit.read("[data-export-progress].ok", "Done: 16 events, 16.0 MB.").await;
    visit.read("[data-export-progress] [role=status]", "Done: 16 events").await;
    assert!(!visit.shows("[data-export-progress] progress").await);
    visit.until("the file", async || (downloaded_lines(&visit) == [EVENTS]).then_some(())).await;
    let fast = json!({ "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    visit.browser.cdp("Network.emulateNetworkConditions", fast).await.unwrap();

    // The password comes first, and its page says the same; so does the next.
    server.pass(SignedDuration::from_mins(16));
    visit.go("/events").await;
    visit.press(".page-head details.menu > summary").await;
    visit.fill("#fields", "a.b").await;
    visit.press_words(".menu-list button", "Export columns").await;
    visit.read("h1", "Confirm it’s you").await;
    visit.fill("#current", PASSWORD).await;
    visit.press_words("main button", "Start download").await;
    visit.read("[data-export-progress].ok", "Done: 16 events").await;
    assert_eq!(visit.see("h1").await.text().await.unwrap(), "Your download");
    assert!(!visit.shows("#current").await && !visit.shows("main button").await, "there is nothing left to ask");
    visit.until("two files", async || (downloaded_lines(&visit).len() == 2).then_some(())).await;
    visit.press_words("main a", "Back to events").await;
    visit.arrive("/events").await;
    assert_eq!(visit.complaints(&[403]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}
