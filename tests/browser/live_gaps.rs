//! What a live page says when it cannot show all that came, or does not hear of it: the reader knows, and one press puts it right.

use futures_util::future::join_all;

use crate::support::actors::Sender;
use crate::support::event_rows::insert_many;
use crate::support::follower::Follower;
use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

const FIRST_ROW: &str = ".events-table tbody tr:first-child";
const PILL: &str = "[data-live-pill]";
const LABEL: &str = "[data-live-label]";

async fn ids(visit: &Visit) -> Vec<String> {
    let ids =
        visit.ask("return [...document.querySelectorAll('.events-table tbody tr')].map(row => row.dataset.id)").await;
    serde_json::from_value(ids).unwrap()
}

async fn store_many(sender: &Sender, fifties: usize) {
    for _ in 0..fifties {
        join_all((0..50).map(|_| sender.store("1"))).await;
    }
}

async fn press_l(visit: &Visit, then: &str) {
    visit.action_chain().send_keys("l").perform().await.unwrap();
    visit.read(LABEL, then).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_on_after_a_pause_is_told_of_what_the_page_does_not_show() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    store_many(&sender, 2).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.see(FIRST_ROW).await;
    press_l(&visit, "Paused").await;
    store_many(&sender, 5).await;
    visit.read(PILL, "250 new events. Reload").await;
    press_l(&visit, "Live").await;
    assert!(visit.text(PILL).await.contains("250 new events. Reload"), "there is a gap, and the page says so");
    assert_eq!(ids(&visit).await.len(), 50);
    visit.press(PILL).await;
    visit.until("no gap", async || (!visit.shows(PILL).await).then_some(())).await;

    // Rows are not inserted further down in the list, so there a pause changes nothing.
    visit.press(".pager a[rel=next]").await;
    visit.until("the second page", async || visit.current_url().await.ok()?.query().map(drop)).await;
    visit.see(FIRST_ROW).await;
    let shown = ids(&visit).await;
    press_l(&visit, "Paused").await;
    press_l(&visit, "Live").await;
    assert!(!visit.shows(PILL).await, "nothing came");
    sender.store("2").await;
    visit.read(PILL, "1 new event").await;
    press_l(&visit, "Paused").await;
    press_l(&visit, "Live").await;
    assert!(visit.text(PILL).await.contains("1 new event"));
    assert_eq!(ids(&visit).await, shown);
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_into_an_empty_account_is_told_where_no_row_was() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    server.sender(&maya).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.see("[data-live-empty]").await;
    let owner = server.query("select account_id::text, id::text from credentials").await;
    let owner = format!("'{}'::uuid, '{}'::uuid", owner[0][0].clone().unwrap(), owner[0][1].clone().unwrap());
    server.query(&insert_many(&owner, 250, 0, "'1'")).await;
    server.application().feeds.look_after_once().await.unwrap();
    visit.read(PILL, "250 new events. Reload").await;
    visit.see(PILL).await;
    assert!(!visit.shows("[data-live-empty]").await, "“No events yet” is not true any more");
    visit.press(PILL).await;
    visit.until("the rows", async || (ids(&visit).await.len() == 50).then_some(())).await;
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_was_not_asked_about_everything_says_what_to_do() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.go("/events?q=wanted").await;
    visit.see("[data-live-empty]").await;
    visit.ask("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })").await;
    let owner = server.query("select account_id::text, id::text from credentials").await;
    let owner = format!("'{}'::uuid, '{}'::uuid", owner[0][0].clone().unwrap(), owner[0][1].clone().unwrap());
    server.query(&insert_many(&owner, 5_000, 0, "'\"other\"'")).await;
    server.application().feeds.look_after_once().await.unwrap();
    visit.read(PILL, "Many events arrived. Reload to search them").await;
    visit.see(PILL).await;
    assert!(visit.shows("[data-live-empty]").await, "as far as it was asked, none matches");
    assert!(visit.title().await.unwrap().starts_with("(new) Events"));
    sender.store(r#""wanted""#).await;
    visit.read(PILL, "1+ new events. Reload").await;
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_one_filter_too_many_says_that_it_is_not_live() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let mut browsers = vec![maya];
    for _ in 0..3 {
        browsers.push(server.sign_in(MAYA).await);
    }
    let path = |number: usize| format!("/events/live?q={number}");
    let mut others: Vec<Follower> =
        (0..64).map(|number| Follower::new(&browsers[number / 16], &path(number))).collect();
    join_all(others.iter_mut().map(Follower::connect)).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.read(LABEL, "Not live: too many live pages are open in your account. Refresh").await;
    // The answer that it speaks of.
    visit.end_after(&[429]).await;
}
