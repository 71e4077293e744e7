//! What a page costs that is open while fifty events a second arrive (issue 16, section 3): by counts of layouts, and by the processor time
//! of its tasks, which is the same however busy the machine is; by no clock.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

/// Layouts in a minute, at most.
const MAX_LAYOUTS: f64 = 250.0;
/// Processor time of the page's main thread in a minute, at most, and of one task.
const MAX_CPU_SECONDS: f64 = 8.0;
const MAX_TASK_MS: f64 = 100.0;
/// How long events are sent, and how many a second.
const SECONDS: u32 = 8;
const PER_SECOND: u32 = 50;
/// How many events a page remembers, how many arrive at once, and what twice as many may leave in memory: less than their ids.
const REMEMBERED: usize = 2_000;
const AT_ONCE: usize = 50;
const MAX_GROWTH_BYTES: f64 = 100_000.0;
/// In how many bursts a second, as they come from several senders.
const BURSTS: u32 = 10;

async fn counted(visit: &Visit, name: &str) -> f64 {
    let metrics = visit.browser.cdp("Performance.getMetrics", json!({})).await.unwrap();
    let metrics = metrics["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
}

/// The most processor time of one task of a page's main thread in the last seconds, in milliseconds, and how many tasks there were. It is
/// read once: what the threads are is told at the beginning of a trace, which is while the page loads.
fn longest_task(trace: &[Value]) -> (f64, usize) {
    let thread = |event: &Value| (event["pid"].as_u64(), event["tid"].as_u64());
    let is_main = |event: &&Value| event["name"] == "thread_name" && event["args"]["name"] == "CrRendererMain";
    let main: HashSet<_> = trace.iter().filter(is_main).map(thread).collect();
    let tasks = trace.iter().filter(|event| event["name"] == "ThreadControllerImpl::RunTask" && event["ph"] == "X");
    let number = |task: &Value, name: &str| task[name].as_f64();
    let tasks = tasks.filter(|task| main.contains(&thread(task)));
    let times: Vec<(f64, f64)> = tasks.filter_map(|task| number(task, "ts").zip(number(task, "tdur"))).collect();
    let last = times.iter().map(|(at, _)| *at).fold(0.0, f64::max);
    let late = times.iter().filter(|(at, _)| last - at <= f64::from(SECONDS) * 1e6).map(|(_, micros)| micros / 1e3);
    late.fold((0.0, 0), |(longest, tasks), time| (time.max(longest), tasks + 1))
}

/// What is still in use of the heap of scripts, in bytes, and how many nodes there are.
async fn in_use(visit: &Visit) -> [f64; 2] {
    visit.browser.cdp("HeapProfiler.collectGarbage", json!({})).await.unwrap();
    [counted(visit, "JSHeapUsedSize").await, counted(visit, "Nodes").await]
}

// holds issue 16, section 3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_stays_open_needs_no_more_memory() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    sender.store("0").await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.see(".events-table tbody tr").await;
    visit.browser.cdp("Performance.enable", json!({})).await.unwrap();
    // As many as a page remembers, and as many again.
    let mut found = Vec::new();
    for _ in 0..2 {
        for batch in 0..REMEMBERED / AT_ONCE {
            let ids = join_all((0..AT_ONCE).map(|n| sender.store(format!("{{\"batch\": {batch}, \"n\": {n}}}")))).await;
            let newest = ids.into_iter().max().unwrap();
            let first = "return document.querySelector('.events-table tbody tr').dataset.id";
            visit.until("the newest event", async || (visit.ask(first).await == newest.as_str()).then_some(())).await;
        }
        // What arrived last is held until it is no longer marked.
        let marked = "return document.querySelectorAll('.events-table .fresh').length";
        visit.until("rows without a mark", async || (visit.ask(marked).await == 0).then_some(())).await;
        found.push(in_use(&visit).await);
    }
    let ([heap, nodes], [later_heap, later_nodes]) = (found[0], found[1]);
    assert!((later_nodes - nodes).abs() < nodes * 0.05, "{nodes} nodes became {later_nodes}");
    assert!(later_heap - heap < MAX_GROWTH_BYTES, "{heap} bytes became {later_heap}");
    visit.end().await;
}

// holds issue 16, section 3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_events_a_second_cost_a_page_few_layouts_and_short_tasks() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    sender.store("0").await;
    let visit = Visit::begin_traced(&server).await;
    visit.sign_in().await;
    visit.see(".events-table tbody tr").await;
    visit.browser.cdp("Performance.enable", json!({ "timeDomain": "threadTicks" })).await.unwrap();
    visit
        .ask(
            "window.batches = 0; new MutationObserver(() => { batches += 1; })\
             .observe(document.querySelector('.events-table tbody'), { childList: true })",
        )
        .await;
    let [layouts, styles] = [counted(&visit, "LayoutCount").await, counted(&visit, "RecalcStyleCount").await];
    let cpu = counted(&visit, "ThreadTime").await;
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
    let (longest, tasks) = longest_task(&visit.browser.trace().await.unwrap());
    let cpu = counted(&visit, "ThreadTime").await - cpu;
    let found = format!("{cpu:.2} s of CPU, {longest:.0} ms in the longest of {tasks} tasks");
    assert!(tasks > BURSTS as usize * SECONDS as usize && cpu > 0.0, "nothing was traced: {found}");
    assert!(longest <= MAX_TASK_MS, "{found}");
    assert!(cpu <= MAX_CPU_SECONDS * f64::from(SECONDS + 1) / 60.0, "{found}");
    visit.end().await;
}
