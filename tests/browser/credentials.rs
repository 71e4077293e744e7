//! Many credentials on a small screen, and acts that answer where they were done.

use thirtyfour::prelude::*;

use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit, WEBHOOKS};

const HEIGHTS: &str = "return [...document.querySelectorAll('tr.cred')].map(row => row.getBoundingClientRect().height)";
const OVERFLOW: &str = "return document.documentElement.scrollWidth - innerWidth";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_a_card_of_ninety_pixels_on_a_small_screen() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let long = maya.create_credential("Lagerbestandsverwaltungssystemschnittstellenadapter_produkti").await;
    maya.create_credential("Till").await;
    long.store("1").await;
    let (id, now) = (maya.credential_id(&long.username).await, server.now());
    let ends = format!(
        "update credential_secrets set expires_at = timestamptz '{now}' + interval '3 days' where credential_id = '{id}'"
    );
    server.query(&ends).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.go(WEBHOOKS).await;
    for width in [390, 320] {
        let screen = serde_json::json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": true });
        visit.browser.cdp("Emulation.setDeviceMetricsOverride", screen).await.unwrap();
        let heights: Vec<f64> = serde_json::from_value(visit.ask(HEIGHTS).await).unwrap();
        assert!(heights.len() == 2 && heights.iter().all(|height| *height <= 90.0), "{width}: {heights:?}");
        assert!(visit.ask(OVERFLOW).await.as_f64().unwrap() <= 0.0, "{width}");
        assert!(visit.shows(".cred .copy").await && visit.shows(".cred .status").await);
    }
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_answers_beside_its_row_and_is_taken_back_by_keyboard() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let senders = [server.sender(&maya).await, server.sender(&maya).await, server.sender(&maya).await];
    senders[0].store("1").await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.go(&format!("{WEBHOOKS}?sort=newest")).await;
    let row = format!("#{}", senders[0].username);
    visit.press(&format!("{row} details.menu > summary")).await;
    visit.press_words(&format!("{row} .menu-list button"), "Disable").await;
    visit.read(&format!("{row} + .told .notice"), "System 1 is disabled.").await;
    assert_eq!(visit.current_url().await.unwrap().query(), Some("sort=newest"), "the list is as it was");
    assert_eq!(visit.ask("return document.activeElement.id").await, "told");
    assert!(
        visit.ask("return document.querySelector('#told').getBoundingClientRect().top < innerHeight").await == true
    );

    visit.action_chain().send_keys(Key::Tab).send_keys(Key::Enter).perform().await.unwrap();
    visit.read(&format!("{row} + .told .notice"), "System 1 is enabled.").await;
    assert_eq!(senders[0].status().await, 200);
    assert_eq!(visit.ask("return document.activeElement.id").await, "told");
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_can_be_taken_back_for_ten_seconds() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    server.sender(&maya).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    visit.open_credential().await;
    visit.open_menu().await;
    visit.press_words(".cred .menu-list button", "Disable").await;
    visit.see(".undo button").await;
    let lasts = "return getComputedStyle(document.querySelector('.undo')).animationDelay";
    assert_eq!(visit.ask(lasts).await, "10s");
    visit.until("the end of it", async || (!visit.shows(".undo button").await).then_some(())).await;
    visit.read(".notice", "System 1 is disabled.").await;
    visit.end().await;
    server.stop().await;
}
