//! The same path with scripts switched off: every question is a page, and every answer is a form.

use crate::support::server::TestServer;
use crate::visit::Visit;
use crate::whole_path::{create, set_up};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_path_works_with_scripts_switched_off() {
    let server = TestServer::start().await;
    let visit = Visit::begin_without_script(&server).await;
    set_up(&server, &visit).await;
    let old = create(&server, &visit).await;
    assert!(!visit.shows(".copy").await, "a button that would do nothing is not shown");

    // The page cannot update itself, so it says where to look: in a tab of its own, because this one has the password.
    let id = old.store(r#"{"order": 48213, "status": "paid"}"#).await;
    visit.press_words("[data-waiting] a", "Check under Events").await;
    let tabs = visit.windows().await.unwrap();
    visit.switch_to_window(tabs[1].clone()).await.unwrap();
    visit.arrive("/events").await;
    assert!(!visit.shows("[data-live-switch]").await && visit.shows(".page-head a.no-js").await);
    assert!(visit.shows("form.toolbar button.no-js").await, "filters have a button");
    visit.press(".events-table tbody tr a").await;
    visit.arrive(&format!("/events/{id}")).await;
    visit.read(".tree", "48213").await;
    visit.press("label[for=view-headers]").await;
    assert!(visit.see("table[aria-label='Request headers']").await.text().await.unwrap().contains("Never stored"));

    visit.open_credential().await;
    visit.press(".cred a.btn[href^='?rotate=']").await;
    visit.see("dialog[open]").await;
    visit.press("label[for=keep-1h]").await;
    assert!(
        visit.shows("dialog .outcome[data-for='1h']").await && !visit.shows("dialog .outcome[data-for='24h']").await
    );
    visit.press_words("dialog button", "Rotate password").await;
    visit.read("h1", "New password for Inventory system").await;
    let new = old.with_password(&visit.text("#password").await);
    visit.press("a[data-saved]").await;
    assert_eq!((old.status().await, new.status().await), (200, 200));
    visit.read(".cred .status", "Rotating").await;

    visit.press(".cred a[href^='?stop=']").await;
    visit.press_words("dialog button", "Stop old password").await;
    visit.read(".notice", "The old password of Inventory system has stopped.").await;
    assert_eq!((old.status().await, new.status().await), (401, 200));

    disable_and_enable(&visit).await;
    visit.open_menu().await;
    visit.press_words(".cred .menu-list a", "Revoke…").await;
    let mut asks_for_name = false;
    if visit.shows("#confirmation").await {
        asks_for_name = true;
        visit.fill("#confirmation", "Inventory system").await;
    }
    visit.press_words("dialog button", "Revoke credential").await;
    visit.read(".notice", "Inventory system is revoked.").await;
    assert!(asks_for_name, "a credential that was just used is not revoked by a slip of the hand");
    assert_eq!(new.status().await, 401);
    visit.end().await;
    server.stop().await;
}

async fn disable_and_enable(visit: &Visit) {
    visit.open_menu().await;
    visit.press_words(".cred .menu-list button", "Disable").await;
    visit.read(".notice", "Inventory system is disabled.").await;
    visit.press_words(".cred button", "Enable").await;
    visit.read(".notice", "Inventory system is enabled.").await;
}
