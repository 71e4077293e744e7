//! The list of events as it meets the eye: what stands where, and where the caret goes.

use serde_json::json;

use crate::support::event_rows::insert_many;
use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_event_stands_high_on_large_and_small_screens() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    server.sender(&maya).await;
    let owner = "(select account_id from users), (select id from credentials)";
    server.query(&insert_many(owner, 1_000, 0, "'{\"n\": ' || n || '}'")).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    for (width, height, most) in [(1_440, 900, 320.0), (390, 844, 420.0)] {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        visit.browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
        visit.go("/events").await;
        let top = "return document.querySelector('.events-table tbody tr').getBoundingClientRect().top";
        let top = visit.ask(top).await.as_f64().unwrap();
        assert!(top <= most, "{top} px from the top of {width} × {height}");
        let sideways = "return document.documentElement.scrollWidth > innerWidth";
        assert_eq!(visit.ask(sideways).await, json!(false), "{width}");
    }
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_search_went_wrong_the_caret_stands_and_nothing_has_moved() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    let place = "return JSON.stringify(document.querySelector('#q').getBoundingClientRect())";
    visit.go("/events?q=total%20%3E%201").await;
    let before = visit.ask(place).await;
    visit.go("/events?q=%F0%9F%8E%89%20and%20total%20%3D%3D%201").await;
    visit.see("#q-error").await;
    let caret = "const field = document.activeElement; return [field.id, field.selectionStart, field.selectionEnd]";
    let typed = "🎉 and total == 1";
    let units = typed[..typed.find("==").unwrap()].encode_utf16().count();
    assert_eq!(visit.ask(caret).await, json!(["q", units, units]));
    assert_eq!(visit.ask(place).await, before);
    let below = "return document.querySelector('#q-error').getBoundingClientRect().top \
         - document.querySelector('.toolbar').getBoundingClientRect().bottom";
    assert!((0.0..24.0).contains(&visit.ask(below).await.as_f64().unwrap()), "the mistake stands under the field");
    visit.end_after(&[422]).await;
}
