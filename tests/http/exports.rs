//! Exports: what is in them, in which columns, and how much of one is in memory.

use reasoner_webhooks::app::export::{Chunks, ExportFormat};
use reasoner_webhooks::app::export_events::Export;
use reasoner_webhooks::domain::audit::Act;
use reasoner_webhooks::domain::ids::AccountId;
use reasoner_webhooks::domain::listing::EventFilter;
use reasoner_webhooks::domain::query::columns::Fields;

use crate::support::event_rows::insert_many;
use crate::support::server::TestServer;

async fn begin(server: &TestServer, filter: EventFilter) -> Export {
    let account = server.query("select id::text from accounts").await[0][0].clone().unwrap();
    let account: AccountId = account.parse().unwrap();
    let form = (ExportFormat::Ndjson, Fields::default());
    Export::begin(&server.application().state.store, account, filter, form, &Act::of_time(server.now())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_fields_are_columns_of_a_csv() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"data":{"product_id":"SKU-12345","quantity":25,"note":"=1+1, \"so\""}}"#).await;
    sender.store(r#"{"data":{"quantity":1.50}}"#).await;
    sender.store("[]").await;
    let csv = alice.page("/events/export?format=csv&fields=data.product_id,%20data.quantity,data.note").await;
    let lines: Vec<&str> = csv.split("\r\n").collect();
    let cells = |line: usize| lines[line].splitn(7, ',').nth(6).unwrap();
    assert_eq!(lines.len(), 5, "{csv}");
    assert!(lines[0].starts_with("id,received_at,credential,remote_ip,content_type,size_bytes,data.product_id,"));
    assert_eq!([1, 2, 3].map(cells), ["SKU-12345,25,\"'=1+1, \"\"so\"\"\"", ",1.50,", ",,"]);
    let whole = alice.page("/events/export?format=csv&fields=").await;
    assert!(
        whole.starts_with("id,received_at,credential,remote_ip,content_type,size_bytes,headers,body\r\n"),
        "{whole}"
    );
    // holds issue 16, section 5
    let marked = alice.get("/events/export?format=csv&bom=1").await.bytes().await.unwrap();
    assert_eq!(marked.strip_prefix("\u{feff}".as_bytes()).unwrap(), whole.as_bytes(), "the same behind the mark");
    assert!(alice.page("/events/export?format=ndjson&bom=1").await.starts_with('{'), "JSON has none");
    assert!(alice.page("/settings/audit/export?format=csv&bom=1").await.starts_with("\u{feff}at,"));
    let wrong = alice.get("/events/export?format=csv&fields=data.tags%5B%5D").await;
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().await.unwrap().contains("data.tags[0]"), "it says what to write instead");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_what_was_stored_when_it_began() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let first = sender.store("1").await;
    let mut export = begin(&server, EventFilter::default()).await;
    sender.store("2").await;
    let mut text = Vec::new();
    while let Some(chunk) = export.next().await.unwrap() {
        text.extend(chunk);
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.lines().count() == 1 && text.contains(&first), "{text}");
    assert_eq!((export.progress().events, export.progress().bytes), (1, text.len() as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_in_memory_a_piece_at_a_time_however_large_the_events_are() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let body = format!("\"{}\"", "x".repeat(700_000));
    for _ in 0..6 {
        sender.store(body.clone()).await;
    }
    for n in 0..5 {
        sender.store(format!("{n}")).await;
    }
    let mut export = begin(&server, EventFilter::default()).await;
    let mut sizes = Vec::new();
    while let Some(chunk) = export.next().await.unwrap() {
        sizes.push(chunk.len());
    }
    assert!(sizes.iter().all(|bytes| *bytes < 1_100_000), "{sizes:?}");
    assert_eq!(export.progress().events, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_in_memory_a_piece_at_a_time_however_large_the_headers_are() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await;
    let owner = "(select account_id from users), (select id from credentials)";
    server.query(&insert_many(owner, 400, 0, "'[' || n || ']'")).await;
    server.query(&format!("update events set headers = '[[\"x-large\", \"{}\"]]'", "x".repeat(30_000))).await;
    let mut export = begin(&server, EventFilter::default()).await;
    let mut sizes = Vec::new();
    while let Some(chunk) = export.next().await.unwrap() {
        sizes.push(chunk.len());
    }
    assert!(sizes.iter().all(|bytes| *bytes < 1_200_000), "{sizes:?}");
    assert_eq!((export.progress().events, sizes.iter().sum::<usize>() > 12_000_000), (400, true));
}

// holds D7
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_reads_holds_no_connection() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let body = format!("\"{}\"", "x".repeat(900_000));
    for _ in 0..8 {
        sender.store(body.clone()).await;
    }
    let mut open = Vec::new();
    for _ in 0..6 {
        open.push(begin(&server, EventFilter::default()).await);
    }
    // More exports than may read at once, none of them read: whoever asks for a connection like theirs gets one.
    let store = &server.application().state.store;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(store.background_connection().await.unwrap());
    }
    drop(held);
    assert_eq!(alice.get("/events").await.status(), 200);
    drop(open);
}
