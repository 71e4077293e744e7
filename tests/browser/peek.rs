//! The event beside the list, and events that are selected in it.

use serde_json::json;
use thirtyfour::prelude::*;

use crate::support::event_rows::insert_many;
use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

const ROW: &str = ".events-table tbody tr";
const PEEK: &str = "#peek:not([hidden])";

/// Maya at a list of many events.
async fn at_list(server: &TestServer) -> Visit {
    let maya = server.pro(MAYA).await;
    server.sender(&maya).await;
    let owner = "(select account_id from users), (select id from credentials)";
    server.query(&insert_many(owner, 120, 0, r#"'{"type": "order.paid", "number": ' || n || '}'"#)).await;
    let visit = Visit::begin(server).await;
    visit.sign_in().await;
    visit.see(ROW).await;
    visit
}

async fn press(visit: &Visit, key: impl Into<TypingData>) {
    visit.action_chain().send_keys(key).perform().await.unwrap();
}

/// The id of a row, counted from one.
async fn id(visit: &Visit, row: usize) -> String {
    visit.attribute(&format!("{ROW}:nth-child({row})"), "data-id").await
}

/// Waits until the panel has an event, and the row and the address say so.
async fn shows(visit: &Visit, id: &str) {
    visit.read(&format!("{PEEK} #event-id"), id).await;
    let state = "return [document.querySelector('tr[aria-current]')?.dataset.id, new URLSearchParams(location.search).get('peek'), \
                 document.querySelector('#peek').contains(document.activeElement)]";
    assert_eq!(visit.ask(state).await, json!([id, id, true]));
}

async fn is_back(visit: &Visit, id: &str) {
    visit.until("the list alone", async || (!visit.shows(PEEK).await).then_some(())).await;
    let focus = "return document.activeElement.closest('tr')?.dataset.id";
    visit.until("focus on the row", async || (visit.ask(focus).await == json!(id)).then_some(())).await;
    assert!(!visit.current_url().await.unwrap().query().unwrap_or_default().contains("peek"));
}

// holds issue 16, section 2: peek
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_opens_beside_the_list_and_back_keeps_place_and_focus() {
    let server = TestServer::start().await;
    let visit = at_list(&server).await;
    let row = visit.see(&format!("{ROW}:nth-child(30) a")).await;
    row.scroll_into_view().await.unwrap();
    let scrolled = "return Math.round(scrollY)";
    let before = visit.ask(scrolled).await;
    row.click().await.unwrap();
    shows(&visit, &id(&visit, 30).await).await;
    press(&visit, "j").await;
    shows(&visit, &id(&visit, 31).await).await;
    press(&visit, "k").await;
    press(&visit, "k").await;
    shows(&visit, &id(&visit, 29).await).await;
    visit.read("[data-peek-said]", "row 29 of 50").await;
    visit.back().await.unwrap();
    is_back(&visit, &id(&visit, 29).await).await;
    let after = visit.ask(scrolled).await;
    assert!((after.as_f64().unwrap() - before.as_f64().unwrap()).abs() < 120.0, "{before} and {after}");

    press(&visit, Key::Enter).await;
    shows(&visit, &id(&visit, 29).await).await;
    press(&visit, Key::Escape).await;
    is_back(&visit, &id(&visit, 29).await).await;
    press(&visit, Key::Down).await;
    press(&visit, Key::Enter).await;
    shows(&visit, &id(&visit, 30).await).await;
    // Its address is one of its own, for a reload and for others.
    visit.refresh().await.unwrap();
    shows(&visit, &id(&visit, 30).await).await;
    visit.press("[data-peek-close]").await;
    is_back(&visit, &id(&visit, 30).await).await;
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_beside_the_list_is_its_page_with_all_that_it_can_do() {
    let server = TestServer::start().await;
    let visit = at_list(&server).await;
    let first = id(&visit, 1).await;
    visit.press(&format!("{ROW}:first-child a")).await;
    shows(&visit, &first).await;
    visit.press("#peek .tree .j-k[href]").await;
    visit.read("#peek .tree .value-bar", "type").await;
    press(&visit, Key::Escape).await;
    assert!(visit.shows(PEEK).await, "Escape closed what can be done with the value");
    visit.press("#peek label[for=view-raw]").await;
    visit.read("#peek #raw", "order.paid").await;
    press(&visit, "j").await;
    shows(&visit, &id(&visit, 2).await).await;
    assert!(visit.shows("#peek #raw").await, "the next one is shown in the same way");
    // Arrivals do not move the rows that are gone through.
    let link = visit.attribute("[data-peek-page]", "href").await;
    assert!(link.ends_with(&format!("/events/{}", id(&visit, 2).await)), "{link}");
    visit.press("[data-peek-page]").await;
    visit.arrive(&format!("/events/{}", link.rsplit('/').next().unwrap())).await;
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_panel_fits_beside_the_list_and_on_small_screens_over_it() {
    let server = TestServer::start().await;
    let visit = at_list(&server).await;
    let newest = id(&visit, 1).await;
    for (width, height) in [(1_440, 900), (1_024, 768), (768, 1_024), (390, 844), (320, 256)] {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        visit.browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
        visit.go(&format!("/events?peek={newest}")).await;
        shows(&visit, &newest).await;
        let boxes = "const box = (css) => document.querySelector(css).getBoundingClientRect(); \
                     const [panel, list] = [box('#peek'), box('#list')]; \
                     return [panel.left >= 0 && panel.right <= innerWidth, panel.bottom <= innerHeight + 1, panel.left >= list.right, \
                     document.documentElement.scrollWidth <= innerWidth]";
        assert_eq!(visit.ask(boxes).await, json!([true, true, width >= 1_024, true]), "{width} × {height}");
    }
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_payload_has_the_room_on_a_screen_of_middle_width() {
    let server = TestServer::start().await;
    let visit = at_list(&server).await;
    for (width, least) in [(768, 0.5), (1_024, 0.45)] {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        visit.browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
        let share = "const width = (css) => document.querySelector(css).getBoundingClientRect().width; \
                     return width('.events-table tbody td.full') / width('.events-table')";
        let share = visit.ask(share).await.as_f64().unwrap();
        assert!(share >= least, "{share} of the table at {width} px");
    }
    visit.end().await;
}

// holds issue 16, section 2: select with x or a tick
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_selected_with_x_and_ticks_and_deleted_together() {
    let server = TestServer::start().await;
    let visit = at_list(&server).await;
    assert!(!visit.shows("#pick").await);
    press(&visit, "j").await;
    press(&visit, "x").await;
    visit.read("[data-pick-count]", "1 selected").await;
    let tick = async |row: usize| visit.see(&format!("{ROW}:nth-child({row}) .pick")).await;
    let (third, sixth) = (tick(3).await, tick(6).await);
    third.click().await.unwrap();
    visit.action_chain().key_down(Key::Shift).click_element(&sixth).key_up(Key::Shift).perform().await.unwrap();
    visit.read("[data-pick-count]", "5 selected").await;
    let ids = visit.attribute("[data-pick-copy]", "data-copy-text").await;
    assert_eq!(
        ids.lines().collect::<Vec<_>>(),
        [id(&visit, 1).await, id(&visit, 3).await, id(&visit, 4).await, id(&visit, 5).await, id(&visit, 6).await]
    );
    press(&visit, "a").await;
    visit
        .until("focus on the actions", async || {
            (visit.ask("return document.activeElement.closest('#pick') !== null").await == true).then_some(())
        })
        .await;
    press(&visit, Key::Enter).await;
    visit.arrive("/events/selection/deletion").await;
    visit.read("h1", "Delete 5 events").await;
    visit.press("main form button.danger").await;
    visit.arrive("/events").await;
    visit.read(".notice", "5 events are deleted.").await;
    assert_eq!(server.number("select count(*) from events").await, 115);

    visit.press(&format!("{ROW}:first-child .pick")).await;
    visit.press_words("#pick button", "Clear").await;
    visit.until("no bar", async || (!visit.shows("#pick").await).then_some(())).await;
    visit.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_selected_and_deleted_with_scripts_switched_off() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    let kept = sender.store("1").await;
    sender.store("2").await;
    let visit = Visit::begin_without_script(&server).await;
    visit.sign_in().await;
    visit.press(&format!("{ROW}:first-child .pick")).await;
    visit.press_words("#pick button", "Delete").await;
    visit.press_words("main form button", "Delete 1 event").await;
    visit.read(".notice", "The event is deleted.").await;
    assert_eq!(visit.attribute(ROW, "data-id").await, kept);
    visit.go(&format!("/events?peek={kept}")).await;
    visit.read(&format!("{PEEK} dl"), "Received").await;
    visit.press("[data-peek-close]").await;
    visit.arrive("/events").await;
    assert!(!visit.shows(PEEK).await);
    visit.end().await;
}

// holds issue 16, section 2: a drag zooms
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dragging_over_the_chart_chooses_that_time_for_the_same_search() {
    let server = TestServer::start().await;
    let visit = at_list(&server).await;
    visit.go("/events?q=number%20exists&since=24h").await;
    visit.read(".totals", "120").await;
    let plot = visit.see(".chart .plot").await;
    let width = plot.rect().await.unwrap().width as i64;
    let drag = visit.action_chain().move_to_element_center(&plot).click_and_hold().move_by_offset(width / 4, 0);
    drag.release().perform().await.unwrap();
    visit.until("a range", async || visit.current_url().await.unwrap().query()?.contains("until=").then_some(())).await;
    visit.arrive("/events").await;
    let url = visit.current_url().await.unwrap();
    let value = |name: &str| url.query_pairs().find(|(own, _)| own == name).unwrap().1.into_owned();
    assert_eq!(value("q"), "number exists");
    let [since, until] = ["since", "until"].map(|name| value(name).parse::<jiff::Timestamp>().unwrap());
    let hours = until.duration_since(since).as_secs_f64() / 3_600.0;
    assert!((5.0..7.5).contains(&hours), "{hours} hours of about 24 for a quarter of the picture");
    visit.end().await;
}
