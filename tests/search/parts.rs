//! Exports, counts and deletions by a search: a part after another, with the indexes of closed weeks and without them the same.

use jiff::SignedDuration;
use reasoner_webhooks::domain::event::EventId;
use reasoner_webhooks::domain::listing::EventFilter;
use reasoner_webhooks::store::scan::budget::Budget;
use reasoner_webhooks::store::scan::event_scan::EventScan;
use reasoner_webhooks::store::scan::look::stored_span;

use crate::filled::{Filled, searching};
use crate::indexes::{OLD, make, with_old_events};
use crate::support::postgres::query;

const LIMIT: Budget = Budget::part(2_000, 1 << 20);

/// What passes, in the order in which it came, and how many events were read for it.
async fn read(filled: &Filled, filter: &EventFilter) -> (Vec<EventId>, u64) {
    let mut conn = filled.store.connection().await.unwrap();
    let span = stored_span(&mut conn, filled.account, filter).await.unwrap();
    let mut scan = EventScan::oldest_first(filled.account, filter.clone(), span);
    let (mut found, mut seen) = (Vec::new(), 0);
    while let Some(part) = scan.next_whole(&mut conn, &LIMIT).await.unwrap() {
        assert!(part.events.len() as u64 <= LIMIT.rows && part.events.iter().all(|event| event.id < part.rest.from));
        found.extend(part.events.into_iter().map(|event| event.id));
        seen += part.seen;
    }
    (found, seen)
}

/// The same by asking the search about every body there is.
async fn ask_all(filled: &Filled, filter: &EventFilter) -> Vec<EventId> {
    let all = query(&filled.address, "select id::text, body from events order by id").await;
    let all = all.into_iter().map(|row| (row[0].clone().unwrap().parse::<EventId>().unwrap(), row[1].clone().unwrap()));
    let since = filter.since.map_or(EventId(uuid::Uuid::nil()), EventId::first_of);
    let passes =
        |id: &EventId, body: &str| *id >= since && filter.query.as_ref().is_none_or(|query| query.matches(body));
    all.filter(|(id, body)| passes(id, body)).map(|(id, _)| id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_by_a_rare_word_reads_what_the_index_lists_and_finds_the_same() {
    let (mut filled, plain, escaped) = with_old_events().await;
    let recent = filled.put(r#"{"animal": "zebra", "n": 3}"#, SignedDuration::from_hours(1)).await;
    for n in 0..30 {
        filled.put(&format!(r#"{{"n": {n}}}"#), SignedDuration::from_mins(5)).await;
    }
    let filters = [
        searching("zebra"),
        searching(r#"animal = "Zebra""#),
        searching(r#"animal contains "EBR" n < 5"#),
        searching("inventory"),
        searching("20000"),
        searching("n < 3"),
        searching(r#"word != "x" n <= 3"#),
        EventFilter { since: Some(plain.received_at()), ..searching(r#"animal contains "ebra""#) },
        EventFilter::default(),
    ];
    let mut expected = Vec::new();
    for filter in &filters {
        expected.push(ask_all(&filled, filter).await);
        assert_eq!(read(&filled, filter).await.0, *expected.last().unwrap(), "without indexes: {:?}", filter.query);
    }
    assert_eq!(expected[..2], [vec![escaped, plain, recent], vec![escaped, plain]]);
    let (_, before) = read(&filled, &filters[0]).await;
    assert_eq!(before, 20_033, "without an index all of it is read");

    make(&filled).await;
    for (filter, expected) in filters.iter().zip(&expected) {
        assert_eq!(read(&filled, filter).await.0, *expected, "with indexes: {:?}", filter.query);
    }
    for filter in &filters[..3] {
        let (_, read) = read(&filled, filter).await;
        assert!(read < 2_100, "{:?} read {read} events", filter.query);
    }
    let (_, frequent) = read(&filled, &filters[3]).await;
    assert_eq!(frequent, 20_033, "what is in most of them is read one after the other");

    let late = filled.put(r#"{"animal": "zebra, accepted late"}"#, OLD + SignedDuration::from_mins(1)).await;
    let (found, _) = read(&filled, &filters[0]).await;
    assert_eq!(found, [escaped, late, plain, recent], "what comes into a closed week later is found");
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_with_large_headers_are_read_a_few_at_a_time() {
    let (mut filled, _, _) = with_old_events().await;
    for n in 0..100_u32 {
        filled.put(r#"{"rare": "okapi"}"#, OLD - SignedDuration::from_mins(i64::from(n) + 1)).await;
    }
    let large =
        format!("update events set headers = '[[\"x\", \"{}\"]]' where body like '%okapi%'", "x".repeat(30_000));
    query(&filled.address, &large).await;
    make(&filled).await;
    let mut conn = filled.store.connection().await.unwrap();
    let filter = searching("okapi");
    let span = stored_span(&mut conn, filled.account, &filter).await.unwrap();
    let mut scan = EventScan::oldest_first(filled.account, filter, span);
    let mut found = 0;
    while let Some(part) = scan.next_whole(&mut conn, &LIMIT).await.unwrap() {
        let bytes: usize = part.events.iter().map(|event| event.headers.len()).sum();
        assert!(bytes as u64 <= LIMIT.bytes, "{bytes}");
        found += part.events.len();
    }
    assert_eq!(found, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_candidate_is_a_part_by_itself() {
    let (mut filled, _, _) = with_old_events().await;
    let mut large = Vec::new();
    for n in 0..5_u32 {
        let body = format!(r#"{{"large": "okapi", "n": {n}, "x": "{}"}}"#, "x".repeat(700_000));
        large.push(filled.put(&body, OLD - SignedDuration::from_mins(i64::from(n) + 1)).await);
    }
    make(&filled).await;
    let mut conn = filled.store.connection().await.unwrap();
    let filter = searching("okapi");
    let span = stored_span(&mut conn, filled.account, &filter).await.unwrap();
    let mut scan = EventScan::oldest_first(filled.account, filter, span);
    let mut found = Vec::new();
    while let Some(part) = scan.next_whole(&mut conn, &LIMIT).await.unwrap() {
        assert!(part.events.len() <= 1, "two of them are more than a part may be");
        found.extend(part.events.into_iter().map(|event| event.id));
    }
    assert_eq!(found, large);
}
