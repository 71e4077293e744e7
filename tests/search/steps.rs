//! Looks: what they find, how they end, and how they go on.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reasoner_webhooks::domain::event::EventId;
use reasoner_webhooks::domain::ids::{AccountId, CredentialId};
use reasoner_webhooks::domain::listing::{Cursor, EventFilter};
use reasoner_webhooks::domain::query::ast::{Condition, Expression, Operator, Piece, Query, Term, Test, Value};
use reasoner_webhooks::store::scan::budget::Budget;
use reasoner_webhooks::store::scan::event_scan::EventScan;
use reasoner_webhooks::store::tables::events;
use uuid::Uuid;

use crate::filled::{Filled, searching};

/// The least that a look does.
const ONE_STEP: Budget = Budget { time: Duration::ZERO, ..Budget::PAGE };

fn minutes(n: usize) -> SignedDuration {
    SignedDuration::from_mins(i64::try_from(n).unwrap())
}

/// Everything that passes, in as many looks as it takes.
async fn all(filled: &Filled, filter: &EventFilter, cursor: Cursor, want: usize, budget: Budget<'_>) -> Vec<EventId> {
    let (mut found, mut cursor) = (Vec::new(), Some(cursor));
    while let Some(from) = cursor {
        let mut conn = filled.store.connection().await.unwrap();
        let step = EventScan::at(filled.account, filter, from).look(&mut conn, want, budget).await.unwrap();
        assert!(step.ids.len() <= want);
        found.extend(step.ids);
        cursor = step.next;
    }
    found
}

const LETTERS: &str = r#"[aAbK_%\\\\"/\\n<é日]{0,4}"#;

/// A string as JSON may spell it: any character may be an escape.
fn spelled(text: String, escapes: &[bool]) -> String {
    let mut out = String::from("\"");
    for (place, unit) in text.chars().enumerate() {
        match unit {
            _ if escapes[place % escapes.len()] => {
                let mut units = [0; 2];
                for unit in unit.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
            '/' if escapes[(place + 1) % escapes.len()] => out.push_str("\\/"),
            '"' | '\\' => out.extend(['\\', unit]),
            '\n' => out.push_str("\\n"),
            unit => out.push(unit),
        }
    }
    out + "\""
}

fn any_string() -> impl Strategy<Value = String> {
    let escapes = prop_oneof![Just(vec![false]), prop::collection::vec(any::<bool>(), 1..5)];
    (LETTERS, escapes).prop_map(|(text, escapes)| spelled(text, &escapes))
}

/// A body: an object of strings, numbers and words, some of them one object or list further down.
fn any_body() -> impl Strategy<Value = String> {
    let value = || prop_oneof![any_string(), Just("true".to_owned()), Just("null".to_owned()), "[0-9]"];
    let member = || (any_string(), value()).prop_map(|(key, value)| format!("{key}: {value}"));
    let object = move || prop::collection::vec(member(), 0..4).prop_map(|members| format!("{{{}}}", members.join(",")));
    let nested = (any_string(), object()).prop_map(|(key, inner)| format!("{{{key}:[{inner}]}}"));
    prop_oneof![object(), nested, any_string()]
}

fn any_search() -> impl Strategy<Value = Query> {
    let text = || LETTERS.prop_filter("some", |text| !text.is_empty());
    let chunk = prop_oneof![4 => LETTERS.prop_map(Piece::Key), 1 => Just(Piece::Each)];
    let value = prop_oneof![
        LETTERS.prop_map(Value::Text),
        Just(Value::True),
        Just(Value::Null),
        "[0-9]".prop_map(Value::Number)
    ];
    let test = prop_oneof![
        Just(Test::Exists),
        Just(Test::Missing),
        text().prop_map(Test::Contains),
        (prop_oneof![Just(Operator::Equal), Just(Operator::NotEqual)], value)
            .prop_map(|(operator, value)| Test::Compare(operator, value)),
        "[0-9]".prop_map(|n| Test::Compare(Operator::Less, Value::Number(n))),
        "[0-9]".prop_map(|n| Test::Between(Value::Number(n), Value::Number("5".to_owned()))),
        text().prop_map(|text| Test::In(vec![Value::Text(text), Value::True])),
    ];
    let condition =
        (prop::collection::vec(chunk, 0..3), test).prop_map(|(path, test)| Term::Field(Condition { path, test }));
    let term = prop_oneof![1 => text().prop_map(Term::Text), 3 => condition].prop_map(Expression::Term);
    let expression = term.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| Expression::all(parts).unwrap()),
            2 => prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| Expression::any(parts).unwrap()),
            1 => inner.prop_map(|part| Expression::Not(Box::new(part))),
        ]
    });
    expression.prop_map(|root| Query { root })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_drops_no_body_that_the_search_would_take() {
    let mut runner = TestRunner::default();
    let mut filled = Filled::new().await;
    let mut bodies = Vec::new();
    for n in 0..300 {
        let body = any_body().new_tree(&mut runner).unwrap().current();
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok(), "{body}");
        bodies.push((filled.put(&body, minutes(n)).await, body));
    }
    let mut most = 0;
    for _ in 0..400 {
        let query = any_search().new_tree(&mut runner).unwrap().current();
        let expected: Vec<EventId> = bodies.iter().filter(|(_, body)| query.matches(body)).map(|(id, _)| *id).collect();
        most = most.max(expected.len());
        let words = query.to_string();
        let filter = EventFilter { query: Some(query), ..EventFilter::default() };
        assert_eq!(all(&filled, &filter, Cursor::Newest, 40, Budget::PAGE).await, expected, "{words}");
    }
    assert!(most > 10, "the searches find something");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_in_steps_finds_everything_exactly_once_in_both_directions() {
    let mut filled = Filled::new().await;
    let mut wanted = Vec::new();
    for n in 0..5_200 {
        let id = filled.put(&format!(r#"{{"n": {n}, "third": {}}}"#, n % 3 == 0), minutes(2 * n)).await;
        if n % 3 == 0 {
            wanted.push(id);
        }
    }
    let filter = searching("third = true");
    assert_eq!(all(&filled, &filter, Cursor::Newest, 1_000_000, ONE_STEP).await, wanted, "step by step");
    assert_eq!(all(&filled, &filter, Cursor::Newest, 7, Budget::PAGE).await, wanted, "page by page");
    let mut oldest_first = wanted.clone();
    oldest_first.reverse();
    let beginning = Cursor::After(EventId(Uuid::nil()));
    assert_eq!(all(&filled, &filter, beginning, 1_000_000, ONE_STEP).await, oldest_first);

    let mut conn = filled.store.connection().await.unwrap();
    let mut scan = EventScan::at(filled.account, &filter, Cursor::Newest);
    let first = scan.look(&mut conn, 1_000_000, ONE_STEP).await.unwrap();
    assert!(!first.ids.is_empty() && first.ids.len() < wanted.len(), "one step is not everything");
    assert!(matches!(first.next, Some(Cursor::Before(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_during_a_search_neither_repeats_nor_hides_what_was_there() {
    let mut filled = Filled::new().await;
    let mut wanted = Vec::new();
    for n in 0..3_000 {
        wanted.push(filled.put("{\"found\": 1}", minutes(n + 10)).await);
    }
    let filter = searching("found exists");
    let (mut found, mut cursor) = (Vec::new(), Some(Cursor::Newest));
    while let Some(from) = cursor {
        let mut conn = filled.store.connection().await.unwrap();
        let step = EventScan::at(filled.account, &filter, from).look(&mut conn, 400, ONE_STEP).await.unwrap();
        drop(conn);
        found.extend(step.ids);
        cursor = step.next;
        filled.put("{\"found\": 2}", minutes(1)).await;
    }
    assert_eq!(found, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_how_far_it_looked_and_the_next_goes_on_there() {
    let mut filled = Filled::new().await;
    let oldest = filled.put("{\"needle\": 1}", minutes(20_000)).await;
    for n in 0..2_500 {
        filled.put("{\"hay\": 1}", minutes(n)).await;
    }
    let filter = searching("needle");
    let mut conn = filled.store.connection().await.unwrap();
    let page =
        async |conn: &mut _, cursor| events::list(conn, filled.account, (&filter, cursor), 50, ONE_STEP).await.unwrap();
    let first = page(&mut conn, Cursor::Newest).await;
    assert!(first.rows.is_empty() && first.has_older && !first.has_newer);
    let mut cursor = first.stopped_at;
    let mut found = Vec::new();
    while let Some(from) = cursor {
        let next = page(&mut conn, from).await;
        assert!(next.has_newer);
        found.extend(next.rows.iter().map(|row| row.id));
        cursor = next.stopped_at;
    }
    assert_eq!(found, [oldest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_credentials_and_accounts_bound_what_is_found() {
    let mut filled = Filled::new().await;
    let body = r#"{"shared": "secret of nobody"}"#;
    let (account, credential) = (filled.account, filled.credential);
    let (other, stranger) = (CredentialId(Uuid::from_u128(2)), AccountId(Uuid::from_u128(2)));
    let mut ids = Vec::new();
    for n in 0..30 {
        ids.push(filled.put_for(account, if n % 2 == 0 { credential } else { other }, body, minutes(n)).await);
        filled.put_for(stranger, credential, body, minutes(n)).await;
    }
    let search = searching(r#"shared contains "NOBODY""#);
    assert_eq!(all(&filled, &search, Cursor::Newest, 10, Budget::PAGE).await, ids, "nothing of another account");
    let of_other = EventFilter { credential: Some(other), ..search.clone() };
    let odd: Vec<EventId> = ids.iter().copied().skip(1).step_by(2).collect();
    assert_eq!(all(&filled, &of_other, Cursor::Newest, 10, Budget::PAGE).await, odd);
    let credential_alone = EventFilter { credential: Some(other), ..EventFilter::default() };
    assert_eq!(all(&filled, &credential_alone, Cursor::Newest, 10, ONE_STEP).await, odd);
    let range = EventFilter { since: Some(ids[20].received_at()), until: Some(ids[10].received_at()), ..search };
    assert_eq!(all(&filled, &range, Cursor::Newest, 10, Budget::PAGE).await, ids[11..=20]);
    assert_eq!(all(&filled, &range, Cursor::After(ids[15]), 10, ONE_STEP).await, [ids[14], ids[13], ids[12], ids[11]]);
    let mut conn = filled.store.connection().await.unwrap();
    let [newer, older] = events::neighbours(&mut conn, account, &of_other, ids[4]).await.unwrap();
    assert_eq!((newer.ids, older.ids), (vec![ids[3]], vec![ids[5]]));
}

// holds W9
#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_never_sql() {
    let mut filled = Filled::new().await;
    let hostile = r#"x' or 1=1; drop table events; -- $1 \' %_"#;
    let id = filled.put(&serde_json::json!({ hostile: hostile }).to_string(), minutes(1)).await;
    filled.put("{\"other\": 1}", minutes(2)).await;
    let key = serde_json::to_string(hostile).unwrap();
    for search in [format!("{key} = {key}"), format!("{key} exists"), format!("{key} contains {key}")] {
        assert_eq!(all(&filled, &searching(&search), Cursor::Newest, 10, Budget::PAGE).await, [id], "{search}");
    }
    for search in ["agent", "credential", "ip"].map(|part| format!("{part}:{key}")) {
        assert_eq!(all(&filled, &searching(&search), Cursor::Newest, 10, Budget::PAGE).await, [], "{search}");
    }
    for search in ["' or ''='", "%", "_", "\\", "'; drop table events; --", "$1", "\u{0}"] {
        let filter = EventFilter { query: Some(Query::of(Term::Text(search.to_owned()))), ..EventFilter::default() };
        let found = all(&filled, &filter, Cursor::Newest, 10, Budget::PAGE).await;
        let stands_in_it = ["%", "_", "\\", "$1"].contains(&search);
        assert_eq!(found, if stands_in_it { vec![id] } else { vec![] }, "{search}");
    }
}
