//! One event in a browser: what is a page of its own without script opens in place with it, by mouse and by keyboard.

use thirtyfour::prelude::*;

use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

fn long_body() -> String {
    let orders: Vec<String> =
        (0..450).map(|n| format!("{{\"number\":{n},\"sku\":\"HB-{n}\",\"paid\":true}}")).collect();
    format!("{{\"source\":\"erp\",\"orders\":[{}],\"note\":\"{}\"}}", orders.join(","), "long ".repeat(6_000))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_levels_and_paths_open_in_place_and_keep_the_focus() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    let maya_sends = async |body: &str| sender.store(body.to_owned()).await;
    let id = maya_sends(&long_body()).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.allow_clipboard().await;
    let path = format!("/events/{id}");
    visit.go(&path).await;
    let press = async |key: Key| visit.action_chain().send_keys(key).perform().await.unwrap();
    let focused = async || visit.ask("return document.activeElement.textContent").await.as_str().unwrap().to_owned();
    let focus = async |css: &str| _ = visit.ask(&format!("document.querySelector(`{css}`).focus()")).await;

    // What can be done with a value, and back.
    focus(".tree a.j-k").await;
    press(Key::Enter).await;
    visit.see(".tree .value-bar:focus").await;
    assert!(visit.text(".tree .value-bar code").await.contains("source"));
    visit.press(".tree [data-copy-url]").await;
    visit.see(".tree [data-copy-url][data-copied]").await;
    assert_eq!(visit.ask("return navigator.clipboard.readText()").await, "erp", "a string without its quotes");
    press(Key::Escape).await;
    assert_eq!(focused().await, "source");
    assert_eq!(visit.count(".tree .value-bar").await, 0);

    // The children after the first fifty, in the place of the link, until none is left.
    visit.read(".tree > li > details > ul", "note").await;
    focus(".tree .later a").await;
    press(Key::Enter).await;
    visit.read(".tree", "HB-100").await;
    assert!(focused().await.contains("50"), "{}", focused().await);
    while visit.shows(".tree .later a").await {
        let before = visit.text(".tree").await.len();
        visit.press(".tree .later a").await;
        visit.until("more rows", async || (visit.text(".tree").await.len() > before).then_some(())).await;
    }
    visit.read(".tree", "449").await;

    // Levels, all at once.
    visit.ask("const s = document.querySelector('[data-levels]'); s.value = '1'; s.dispatchEvent(new Event('change', { bubbles: true }))").await;
    assert_eq!(visit.count(".tree details[open]").await, 1);

    // holds issue 16, section 5: all levels are all, with what the page left out.
    let deep = format!("{}1{}", r#"{"in":["#.repeat(6), "]}".repeat(6));
    let all = maya_sends(&format!("[{},{deep}]", vec![deep.as_str(); 230].join(","))).await;
    visit.go(&format!("/events/{all}")).await;
    visit.ask("const s = document.querySelector('[data-levels]'); s.value = '1000'; s.dispatchEvent(new Event('change', { bubbles: true }))").await;
    let closed = "return document.querySelectorAll('.tree details:not([open]), .tree .later').length";
    visit.until("all levels", async || (visit.ask(closed).await == 0).then_some(())).await;
    assert_eq!(visit.count(".tree details").await, 1 + 231 * 12);

    // What can be done with a value shows itself, and a keyboard gets there.
    let seen = "const a = document.querySelector('.tree .here'); a.focus(); return [getComputedStyle(a).opacity, document.activeElement === a]";
    assert_eq!(visit.ask(seen).await, serde_json::json!(["1", true]));
    press(Key::Enter).await;
    visit.see(".tree .value-bar:focus").await;
    visit.read(".tree .value-bar", "Copy JSON Pointer").await;
    let mark = "return getComputedStyle(document.querySelector('.tree a.j-k'), '::after').content";
    assert!(visit.ask(mark).await.as_str().unwrap().contains('⋯'));

    // The raw body, piece by piece.
    visit.go(&path).await;
    visit.press("label[for=view-raw]").await;
    let before = visit.text("#raw").await.len();
    visit.press("a[data-piece=raw]").await;
    visit.until("more of the body", async || (visit.text("#raw").await.len() > before).then_some(())).await;
    while visit.shows("a[data-piece=raw]").await {
        let before = visit.text("#raw").await.len();
        visit.press("a[data-piece=raw]").await;
        visit.until("more of the body", async || (visit.text("#raw").await.len() > before).then_some(())).await;
    }
    assert_eq!(visit.text("#raw").await, long_body(), "the pieces are the body");
    assert_eq!(visit.path().await, path, "all of it on one page");
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_script_every_value_and_every_change_is_a_link_away() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    let first = sender.store(r#"{"source":"erp","qty":1}"#).await;
    let id = sender.store(long_body()).await;
    let visit = Visit::begin_without_script(&server).await;
    visit.sign_in().await;
    visit.go(&format!("/events/{id}")).await;
    assert!(!visit.shows("[data-levels]").await, "what would do nothing is not shown");
    visit.press(".tree .later a").await;
    visit.read(".crumbs.path", "orders").await;
    visit.see(".tree .earlier a").await;
    visit.press_words(".tree li li a.j-k", "sku").await;
    visit.read(".value-bar", "sku").await;
    visit.press(".crumbs.path a").await;
    visit.press_words(".tree a", "note").await;
    visit.read(".value-bar", "note").await;
    visit.press("a[data-piece=text]").await;
    visit.press_words(".pieces a", "Show earlier part").await;

    visit.go(&format!("/events/{id}")).await;
    visit.press_words("aside a", "Compare with previous").await;
    visit.arrive(&format!("/events/{id}/comparison")).await;
    visit.read("h2", "2 added, 1 removed").await;
    visit.press_words(".changes a", "qty").await;
    visit.arrive(&format!("/events/{first}")).await;
    visit.read(".value-bar", "qty").await;
    visit.end().await;
    server.stop().await;
}
