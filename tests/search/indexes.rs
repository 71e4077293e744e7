//! The indexes of closed weeks: made when a week is over, used for what is rare, made again when half made, and not needed.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use jiff::SignedDuration;
use reasoner_webhooks::domain::event::EventId;
use reasoner_webhooks::domain::listing::Cursor;
use reasoner_webhooks::store::scan::budget::Budget;
use reasoner_webhooks::store::scan::event_scan::EventScan;
use reasoner_webhooks::store::scan::search_indexes;
use reasoner_webhooks::store::tables::partitions;

use crate::filled::{Filled, searching};
use crate::support::event_rows::insert_many;
use crate::support::postgres::query;

/// Makes the indexes that closed weeks lack.
pub async fn make(filled: &Filled) -> Vec<String> {
    let mut conn = filled.store.own_connection().await.unwrap();
    search_indexes::make(&mut conn, filled.now).await.unwrap()
}

async fn indexed(filled: &Filled) -> Vec<String> {
    search_indexes::list_indexed(&mut filled.store.connection().await.unwrap()).await.unwrap()
}

async fn find(filled: &Filled, search: &str) -> Vec<EventId> {
    let (mut found, mut cursor) = (Vec::new(), Some(Cursor::Newest));
    while let Some(from) = cursor {
        let mut conn = filled.store.connection().await.unwrap();
        let filter = searching(search);
        let step = EventScan::at(filled.account, &filter, from).look(&mut conn, 7, Budget::BATCH).await.unwrap();
        found.extend(step.ids);
        cursor = step.next;
    }
    found
}

/// How the database would look for something in the closed weeks.
async fn plan(filled: &Filled, condition: &str) -> String {
    let sql = format!(
        "explain select id from events where account_id = '{}' and id < '{}' and {condition} order by id::text desc limit 1000",
        filled.account,
        EventId::first_of(filled.now - SignedDuration::from_hours(24 * 8))
    );
    query(&filled.address, &sql).await.into_iter().map(|row| row[0].clone().unwrap() + "\n").collect()
}

pub const OLD: SignedDuration = SignedDuration::from_hours(24 * 15);

pub async fn with_old_events() -> (Filled, EventId, EventId) {
    let mut filled = Filled::new().await;
    let body = "'{\"n\": ' || n || ', \"source\": \"inventory\", \"word\": \"' || md5(n::text) || '\"}'";
    let owner = format!("'{}', '{}'", filled.account, filled.credential);
    query(&filled.address, &insert_many(&owner, 20_000, 15, body)).await;
    let plain = filled.put(r#"{"animal": "Zebra", "n": 1}"#, OLD).await;
    let escaped = filled.put(r#"{"anim\u0061l": "Z\u0065bra", "n": 2}"#, OLD + SignedDuration::from_mins(1)).await;
    (filled, plain, escaped)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_that_is_over_is_indexed_and_the_index_finds_what_is_rare() {
    let (mut filled, plain, escaped) = with_old_events().await;
    let searches = ["zebra", r#"animal = "Zebra""#, r#"animal contains "EBR" n < 5"#, "20000", r#"word != "x" n <= 3"#];
    let mut before = Vec::new();
    for search in searches {
        before.push(find(&filled, search).await);
    }
    assert_eq!(before[..3], vec![vec![plain, escaped]; 3], "a text means its value");

    let old = partitions::holding(filled.now - OLD);
    assert_eq!(make(&filled).await, std::slice::from_ref(&old), "of empty weeks there is nothing to say");
    let all = indexed(&filled).await;
    assert!(all.contains(&old) && all.len() > 1, "{all:?}");
    assert!(!all.contains(&partitions::holding(filled.now)), "{all:?}");
    assert_eq!(make(&filled).await, Vec::<String>::new(), "nothing is left to do");
    for (search, expected) in searches.into_iter().zip(before) {
        assert_eq!(find(&filled, search).await, expected, "{search}");
    }

    let rare = plan(&filled, "lower(body collate \"C\") like '%zebra%'").await;
    assert!(rare.contains(&format!("{old}_trigrams")), "{rare}");
    let field = r#"(lower(body collate "C") like '%"animal"%"zebra"%' or (strpos(body, E'\\u00') > 0 and body ~ E'\\\\u00[2-7]'))"#;
    let field = plan(&filled, field).await;
    assert!(field.contains(&format!("{old}_trigrams")) && field.contains(&format!("{old}_escapes")), "{field}");
    let frequent = plan(&filled, "lower(body collate \"C\") like '%inventory%'").await;
    assert!(!frequent.contains("_trigrams"), "{frequent}");

    let late = filled.put(r#"{"animal": "zebra, accepted late"}"#, OLD - SignedDuration::from_mins(1)).await;
    assert_eq!(find(&filled, "zebra").await, [late, plain, escaped], "what comes into a closed week later is found");
}

/// It would list the candidates of the whole week for each window of a few events.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_a_closed_week_is_read_by_the_key_and_not_by_its_index() {
    let (filled, plain, _) = with_old_events().await;
    make(&filled).await;
    let old = partitions::holding(filled.now - OLD);
    let mut conn = filled.store.own_connection().await.unwrap();
    let uses = async |conn: &mut _| {
        let uses = sql::<BigInt>(&format!("pg_stat_get_xact_numscans('{old}_trigrams'::regclass)"));
        diesel::select(uses).get_result::<i64>(conn).await.unwrap()
    };
    // Within one transaction, whose uses are counted by themselves.
    conn.batch_execute("begin; set local enable_seqscan = off; set local enable_indexscan = off").await.unwrap();
    let from = Cursor::Before(plain.next());
    let one_window = Budget { time: Duration::ZERO, rows: 1, ..Budget::PAGE };
    let mut scan = EventScan::at(filled.account, &searching("zebra"), from);
    let step = scan.look(&mut conn, 7, one_window).await.unwrap();
    assert_eq!(step.ids, [plain]);
    assert_eq!(uses(&mut conn).await, 0);
    conn.batch_execute("select from events where lower(body collate \"C\") like '%zebra%'").await.unwrap();
    assert_eq!(uses(&mut conn).await, 1, "a use would be seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_a_crash_left_half_made_is_made_again() {
    let (filled, plain, escaped) = with_old_events().await;
    make(&filled).await;
    let all = indexed(&filled).await;
    let old = partitions::holding(filled.now - OLD);
    let oid = format!("select '{old}_trigrams'::regclass::oid");
    let first = query(&filled.address, &oid).await;
    let half = format!("update pg_index set indisvalid = false where indexrelid = '{old}_trigrams'::regclass");
    query(&filled.address, &half).await;
    assert!(!indexed(&filled).await.contains(&old), "it is not trusted");
    assert_eq!(find(&filled, "zebra").await, [plain, escaped]);
    assert_eq!(make(&filled).await, [old]);
    assert_ne!(query(&filled.address, &oid).await, first);
    assert_eq!(indexed(&filled).await, all);
    assert_eq!(find(&filled, "zebra").await, [plain, escaped]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_extension_searches_read_event_by_event() {
    let (filled, plain, escaped) = with_old_events().await;
    // A role that may not create extensions; roles belong to the server, so it goes again.
    let role = format!("plain_{}", std::process::id());
    query(&filled.address, &format!("create role {role}")).await;
    let mut conn = filled.store.own_connection().await.unwrap();
    conn.batch_execute(&format!("set role {role}")).await.unwrap();
    let made = search_indexes::make(&mut conn, filled.now).await.unwrap();
    drop(conn);
    query(&filled.address, &format!("drop role {role}")).await;
    assert_eq!(made, Vec::<String>::new());
    assert!(!search_indexes::has_extension(&mut filled.store.connection().await.unwrap()).await.unwrap());
    assert_eq!(find(&filled, "zebra").await, [plain, escaped]);
}
