//! Somebody who was told nothing finds ten events among 32,000, in the words that people type (issue 16): each is listed first, or is one
//! suggestion away.

use thirtyfour::prelude::*;

use crate::support::actors::Sender;
use crate::support::event_rows::insert_many;
use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit};

const MANY: u32 = 32_000;
const BODY: &str = "'{\"type\": \"' || (array['order.created', 'invoice.paid', 'stock.low'])[n % 3 + 1] || '\", \"order\": \"SO-' || n || \
     '\", \"customer\": {\"name\": \"Jose Marti ' || n || '\"}, \"items\": [{\"sku\": \"HB-' || n % 5000 || '-M\"}], \
     \"at\": \"2026-11-2' || n % 9 || 'T14:02:11Z\"}'";

/// Stores an event that came from an address, with a header; answers with its id.
async fn store(sender: &Sender, body: &str, ip: &str, topic: &str) -> String {
    let request = sender.request().header("X-Forwarded-For", ip).header("X-Shop-Topic", topic);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    answer.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Types words into the field and sends them. Where nothing is found, the first suggestion is taken; the first row, and how many there are.
async fn find(visit: &Visit, list: &str, words: &str) -> (String, usize) {
    visit.go(list).await;
    let field = visit.see("#q").await;
    field.send_keys(words).await.unwrap();
    field.send_keys(Key::Enter).await.unwrap();
    visit.until("an answer", async || visit.current_url().await.unwrap().query().map(drop)).await;
    visit.arrive(list).await;
    let row = if list == "/events" { ".events-table tbody tr" } else { "#rejected tbody tr" };
    if visit.count(row).await == 0 {
        visit.press("[data-live-empty] p a").await;
        visit.see(row).await;
    }
    (visit.text(row).await, visit.count(row).await)
}

// holds issue 16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_events_among_thirty_two_thousand_are_found_in_a_strangers_words() {
    let server = TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await;
    let maya = server.pro(MAYA).await;
    let shop = server.sender(&maya).await;
    let gate = server.sender(&maya).await;
    let gate_id = maya.credential_id(&gate.username).await;
    maya.post(&format!("{}/credentials/{gate_id}/name", crate::visit::WEBHOOKS), &[("name", "Harbor gate")]).await;
    let owner =
        format!("(select account_id from users), (select id from credentials where username = '{}')", shop.username);
    server.query(&insert_many(&owner, MANY, 0, BODY)).await;
    let plain = async |body: &str| store(&shop, body, "198.51.100.4", "orders/paid").await;
    let sought = plain("{\"type\": \"needle\"}").await;
    plain("{\"items\": [{\"sku\": \"HB-7731-XL\"}]}").await;
    plain(r#"{"customer": {"name": "Jos\u00e9 Ib\u00e1\u00f1ez"}}"#).await;
    plain("{\"shipped\": \"2026-11-28T14:03:22Z\"}").await;
    plain(r#"{"Message": "{\"parcel\": \"PX-90817\"}"}"#).await;
    store(&shop, "{\"of\": \"header\"}", "198.51.100.4", "orders/refunded").await;
    store(&shop, "{\"of\": \"address\"}", "203.0.113.77", "orders/paid").await;
    store(&gate, "{\"of\": \"credential\"}", "198.51.100.4", "orders/paid").await;
    shop.request().header("X-Forwarded-For", "203.0.113.9").body("{").send().await.unwrap();
    server.eventually("select count(*) from rejections", 1).await;

    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    for (words, told) in [
        (&sought[..18], "needle"),
        ("HB-7731-XL", "HB-7731-XL"),
        ("José Ibáñez", "José Ibáñez"),
        ("X-Shop-Topic: orders/refunded", "header"),
        ("203.0.113.77", "address"),
        ("2026-11-28T14:03:22", "14:03:22"),
        ("harbor gate", "credential"),
        ("PX-90817", "PX-90817"),
    ] {
        let (row, rows) = find(&visit, "/events", words).await;
        assert!(row.contains(told) && rows == 1, "{words}: {rows} rows, of which the first is {row}");
    }
    let (row, rows) = find(&visit, "/events/rejections", "not valid json").await;
    assert!(row.contains("203.0.113.9") && rows == 1, "{rows} rows: {row}");
    visit.go("/events").await;
    visit.fill("#q", &sought).await;
    visit.see("#q").await.send_keys(Key::Enter).await.unwrap();
    visit.arrive(&format!("/events/{sought}")).await;
    visit.end().await;
}
