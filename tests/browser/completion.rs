//! Completion of the search field: what it offers while somebody types, by keys alone, and what it is called.

use serde_json::json;
use thirtyfour::prelude::*;

use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

const CHOSEN: &str = "const field = document.querySelector('#q');
    const option = document.getElementById(field.getAttribute('aria-activedescendant') ?? '');
    return [field.getAttribute('aria-expanded'), option?.getAttribute('aria-selected') ?? null, option?.textContent ?? null]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_is_put_together_from_what_is_offered_by_keys_alone() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    for body in [r#"{"type": "invoice.paid", "🎉": 1}"#, r#"{"type": "invoice.paid"}"#, r#"{"type": "order.created"}"#]
    {
        sender.store(body.to_owned()).await;
    }
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.go("/events").await;
    let keys = async |keys: &str| visit.action_chain().send_keys(keys).perform().await.unwrap();
    let key = async |key: Key| visit.action_chain().send_keys(key).perform().await.unwrap();
    visit.see("#q").await.click().await.unwrap();
    keys("\"🎉\" exists or ty").await;
    visit.read("#q-completions li", "type").await;
    key(Key::Down).await;
    assert_eq!(visit.ask(CHOSEN).await, json!(["true", "true", "typein 3"]));
    key(Key::Enter).await;
    visit.read("#q-completions li", "not exists").await;
    key(Key::Down).await;
    key(Key::Tab).await;
    visit.read("#q-completions li", "order.created").await;
    // Up from the field is the last one; Escape leaves what was typed.
    key(Key::Up).await;
    assert_eq!(visit.ask(CHOSEN).await, json!(["true", "true", "\"order.created\"in 1"]));
    key(Key::Escape).await;
    assert_eq!(visit.ask(CHOSEN).await, json!(["false", null, null]));
    key(Key::Down).await;
    visit.read("#q-completions li", "order.created").await;
    key(Key::Up).await;
    key(Key::Enter).await;
    assert_eq!(
        visit.ask("return document.querySelector('#q').value").await,
        "\"🎉\" exists or type = \"order.created\""
    );
    key(Key::Enter).await;
    visit.read("[data-matches]", "2 match").await;
    // An empty field offers what was searched for, until somebody else may sit here.
    visit.go("/events").await;
    visit.see("#q").await.click().await.unwrap();
    assert_eq!(visit.read("#q-completions li", "recent").await, "\"🎉\" exists or type = \"order.created\"recent");
    key(Key::Down).await;
    key(Key::Enter).await;
    key(Key::Enter).await;
    visit.read("[data-matches]", "2 match").await;
    let kept = "return localStorage.getItem('recent-searches')";
    assert_ne!(visit.ask(kept).await, json!(null));
    visit.delete_all_cookies().await.unwrap();
    visit.go("/login").await;
    visit.until("nothing is kept", async || (visit.ask(kept).await == json!(null)).then_some(())).await;
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_is_saved_and_opened_again() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    visit.go("/events?since=7d").await;
    visit.see("a[title='Saved searches']").await.click().await.unwrap();
    visit.see("#saved-name").await.send_keys("This week" + Key::Enter).await.unwrap();
    visit.read(".notice.ok", "The search is saved.").await;
    visit.go("/events").await;
    visit.see("a[title='Saved searches']").await.click().await.unwrap();
    visit.see("#saved li a").await.click().await.unwrap();
    visit.read(".chip", "last 7 days").await;
    visit.see(".chip").await.click().await.unwrap();
    visit.until("no filter", async || (visit.count(".chip").await == 0).then_some(())).await;
    visit.end().await;
}
