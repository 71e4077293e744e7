//! Help with searches: suggestions while typing, searches kept by a name, and each filter by itself.

use serde_json::{Value, json};

use crate::support::actors::{Person, between};
use crate::support::event_rows::insert_many;
use crate::support::server::TestServer;

const BODIES: [&str; 3] = [
    r#"{"type": "invoice.paid", "customer": "José", "lines": [{"sku": "A-1"}]}"#,
    r#"{"type": "invoice.paid", "customer": "Ada"}"#,
    r#"{"type": "order.created", "customer": "Ada"}"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn fields_and_values_of_recent_events_are_suggested() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let sender = server.sender(&alice).await;
    for body in BODIES {
        sender.store(body.to_owned()).await;
    }
    let suggested = async |person: &Person, typed: &str| -> Value {
        let answer = person.get(&format!("/events/completions?q={typed}")).await;
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    };
    assert_eq!(
        suggested(&alice, "type%20%3D%20").await,
        json!({ "from": 7, "offers": [
            { "text": "\"invoice.paid\"", "label": "\"invoice.paid\"", "count": 2 },
            { "text": "\"order.created\"", "label": "\"order.created\"", "count": 1 },
        ] })
    );
    assert_eq!(
        suggested(&alice, "not%20sk").await["offers"][0],
        json!({ "text": "lines[].sku ", "label": "lines[].sku", "count": 1 })
    );
    assert_eq!(suggested(&alice, "customer:jos").await["offers"][0]["text"], "\"José\"");
    assert_eq!(suggested(&alice, "credential:sys").await["offers"][0]["text"], "\"System 1\"");
    // Nobody is told of events that are not theirs, or that are no longer shown.
    assert_eq!(suggested(&bob, "type%20%3D%20").await["offers"], json!([]));
    let owner = "(select account_id from credentials), (select id from credentials)";
    let old = r#"'{"type": "old"}'"#;
    server.query("delete from events").await;
    server.query(&insert_many(owner, 1, 2, old)).await;
    assert_eq!(suggested(&alice, "type:ol").await["offers"][0]["text"], "\"old\"");
    server.query("update accounts set retention_days = 1").await;
    assert_eq!(suggested(&alice, "type:ol").await["offers"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_saved_by_a_name_for_everybody_in_the_account() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let paid = [("name", " Paid  "), ("q", "type = \"invoice.paid\""), ("since", "7d")];
    let saved = alice.post("/events/searches", &paid).await;
    let list = "/events?q=type%20%3D%20%22invoice.paid%22&since=7d";
    assert_eq!(saved.headers()["location"], list);
    assert!(alice.page(list).await.contains("The search is saved."));
    let dialog = async |person: &Person, filters: &str| person.page(&format!("/events?saved=1{filters}")).await;
    let open = format!("href=\"{}\" aria-current=\"page\">Paid</a>", list.replace('&', "&#38;"));
    assert!(dialog(&alice, "&q=type%20%3D%20%22invoice.paid%22&since=7d").await.contains(&open));
    assert!(!dialog(&bob, "").await.contains(">Paid</a>"));
    // Another search by the same name takes its place.
    alice.post("/events/searches", &[("name", "Paid"), ("q", "paid")]).await;
    let page = dialog(&alice, "").await;
    assert!(page.contains("href=\"/events?q=paid\"") && !page.contains("invoice.paid"), "{page}");
    // What cannot be saved is said at its field, and nothing is.
    for (wrong, why) in
        [([("name", "  "), ("q", "a")], "Give it a name"), ([("name", "a\0b"), ("q", "a")], "Give it a name")]
    {
        let answer = alice.post("/events/searches", &wrong).await;
        assert_eq!(answer.status(), 422, "{wrong:?}");
        let page = answer.text().await.unwrap();
        assert!(
            page.contains(why) && page.contains("aria-invalid=\"true\" aria-describedby=\"saved-error\""),
            "{page}"
        );
    }
    for nothing in [[("name", "Nothing"), ("q", "")], [("name", "Wrong"), ("q", "a == 1")]] {
        let answer = alice.post("/events/searches", &nothing).await;
        assert_eq!(answer.status(), 422, "{nothing:?}");
        assert!(answer.text().await.unwrap().contains("To save one, search for something"));
    }
    assert_eq!(server.number("select count(*) from saved_searches").await, 1);
    let more = "insert into saved_searches select gen_random_uuid(), account_id, n::text, 'q=a' \
         from saved_searches, generate_series(1, 49) n";
    server.query(more).await;
    let answer = alice.post("/events/searches", &[("name", "One more"), ("q", "a")]).await;
    assert!(answer.text().await.unwrap().contains("You’ve reached the limit of 50 saved searches."));
    assert_eq!(server.number("select count(*) from saved_searches").await, 50);
    let id = server.query("select id::text from saved_searches where name = 'Paid'").await[0][0].clone().unwrap();
    assert_eq!(bob.post(&format!("/events/searches/{id}/deletion"), &[]).await.status(), 404);
    let deleted = alice.post(&format!("/events/searches/{id}/deletion"), &[("since", "7d")]).await;
    assert_eq!(deleted.headers()["location"], "/events?since=7d");
    assert!(alice.page("/events?since=7d").await.contains("The saved search is deleted."));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_stands_by_itself_and_with_how_many_match() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for body in BODIES {
        sender.store(body.to_owned()).await;
    }
    let page = alice.page("/events?q=type%3D%22invoice.paid%22%20Ada&since=7d").await;
    assert!(page.contains("<span data-matches>1 matches</span>"), "{page}");
    assert!(
        page.contains("<a class=\"chip\" href=\"/events?q=type%20%3D%20%22invoice.paid%22&amp;since=7d\"")
            || page.contains("href=\"/events?q=type%20%3D%20%22invoice.paid%22&#38;since=7d\""),
        "{page}"
    );
    assert!(alice.page("/events?q=Ada").await.contains("<span data-matches>2 match</span>"));
    assert!(alice.page("/events?q=nobody").await.contains("<span data-matches>none match</span>"));
    assert!(alice.page("/events?since=7d").await.contains("<span data-matches>3 match</span>"));
    assert!(!alice.page("/events").await.contains("class=\"chip\""));
    for n in 0..60 {
        sender.store(format!("{{\"n\": {n}}}")).await;
    }
    let says = async |path: &str, words: &str| {
        let page = alice.page(path).await;
        assert!(page.contains(&format!("<span data-matches>{words}</span>")), "{path}: {words}: {page}");
        between(&page, "class=\"pager\"", "</nav>").to_owned()
    };
    let pager = says("/events?q=n", "62 match").await;
    let second = between(&pager, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
    says(&second, "62 match").await;
    says(&format!("/events?since=7d&credential={}", sender.username), "63 match").await;
    // What is older than the chart counts all the same, and is not drawn.
    let owner = "(select account_id from credentials), (select id from credentials)";
    server.query(&insert_many(owner, 30, 2, r#"'{"n": "old"}'"#)).await;
    let page = alice.page("/events?q=n").await;
    assert!(
        page.contains("<span data-matches>92 match</span>") && page.contains("<dt>match</dt><dd>62</dd>"),
        "{page}"
    );
    let part = alice.page("/events/overview?q=n").await;
    assert!(part.contains("data-matching=\"92 match\""), "a live page says the same: {part}");
    // More than is counted.
    server.query(&insert_many(owner, 20_000, 1, r#"'{"n": "many"}'"#)).await;
    let page = alice.page("/events?q=n").await;
    // How many of them are reached is a matter of time.
    assert!(between(&page, "<span data-matches>", "<").starts_with("at least "), "{page}");
    says("/events?since=7d", "at least 20,000 match").await;
}
