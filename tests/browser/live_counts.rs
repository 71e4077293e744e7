//! What a page costs that is open while fifty events a second arrive, in layouts and tasks (issue 16, section 3): by counts, and by no clock.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

/// Layouts in a minute, at most.
const MAX_LAYOUTS: f64 = 250.0;
/// How long events are sent, and how many a second.
const SECONDS: u32 = 8;
const PER_SECOND: u32 = 50;
/// In how many bursts a second, as they come from several senders.
const BURSTS: u32 = 10;

async fn counted(visit: &Visit, name: &str) -> f64 {
    let metrics = visit.browser.cdp("Performance.getMetrics", json!({})).await.unwrap();
    let metrics = metrics["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
}

// holds issue 16, section 3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_events_a_second_cost_a_page_few_layouts() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    sender.store("0").await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.see(".events-table tbody tr").await;
    visit.browser.cdp("Performance.enable", json!({})).await.unwrap();
    visit
        .ask(
            "window.batches = 0; new MutationObserver(() => { batches += 1; })\
             .observe(document.querySelector('.events-table tbody'), { childList: true })",
        )
        .await;
    let [layouts, styles] = [counted(&visit, "LayoutCount").await, counted(&visit, "RecalcStyleCount").await];
    let mut pace = tokio::time::interval(Duration::from_millis(1_000 / u64::from(BURSTS)));
    for burst in 0..SECONDS * BURSTS {
        pace.tick().await;
        join_all((0..PER_SECOND / BURSTS).map(|n| sender.store(format!("{{\"burst\": {burst}, \"n\": {n}}}")))).await;
    }
    let shown = "return document.querySelectorAll('.events-table tbody tr').length";
    visit.until("a full list", async || (visit.ask(shown).await == 200).then_some(())).await;
    let batches = visit.ask("return batches").await.as_f64().unwrap();
    let (layouts, styles) =
        (counted(&visit, "LayoutCount").await - layouts, counted(&visit, "RecalcStyleCount").await - styles);
    // The events of the last moments are shown after the time is over.
    let allowed = MAX_LAYOUTS * f64::from(SECONDS + 1) / 60.0;
    let found = format!("{layouts} layouts and {styles} style passes for {batches} insertions");
    assert!(batches <= f64::from(SECONDS + 1) * 4.0, "{found}");
    assert!(layouts <= allowed && styles <= 3.0 * allowed, "{found}; {allowed} layouts are allowed");
    visit.end().await;
}
