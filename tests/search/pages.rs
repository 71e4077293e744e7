//! The search field on the page of events: what it finds, how it explains, and how it goes on.

use crate::support::actors::between;
use crate::support::event_rows::insert_many;
use crate::support::server::TestServer;

fn ids(page: &str) -> Vec<&str> {
    page.split("data-id=\"").skip(1).map(|part| &part[..36]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_stand_in_the_address_and_fields_are_suggested() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let small = sender.store(r#"{"event": "new_data", "data": {"product_id": "SKU-12345", "quantity": 5}}"#).await;
    let large = sender.store(r#"{"event": "new_data", "data": {"product_id": "SKU-99", "quantity": 25}}"#).await;
    for (search, expected) in [
        ("data.quantity%20%3E%2020", vec![&large]),
        ("data.product_id%20%3D%20%22SKU-12345%22", vec![&small]),
        ("event%20exists", vec![&large, &small]),
        ("event+not+exists", vec![]),
        ("sku-12345", vec![&small]),
    ] {
        assert_eq!(ids(&alice.page(&format!("/events?q={search}")).await), expected, "{search}");
    }
    let page = alice.page("/events?q=data.quantity%3E20").await;
    assert!(page.contains("<option value=\"data.product_id \">"), "suggested while typing");
    assert!(page.contains("href=\"/events?q=data.product_id%20exists\""), "and without script");
    let nothing = alice.page("/events?q=event+not+exists").await;
    assert!(nothing.contains("<option value=\"data.product_id \">"), "of the newest where nothing is found");
    let link = between(&page, "<td role=\"cell\" class=\"c-time second\"><a href=\"", "\"").replace("&#38;", "&");
    assert!(link.ends_with("?q=data.quantity%3E20"), "{link}");
    assert!(!alice.page(&link).await.contains("rel=\"next\" href"), "neighbours keep the search");
    let exported = alice.page("/events/export?format=ndjson&q=data.quantity%3E20").await;
    assert_eq!(exported.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_not_understood_is_marked_at_its_column() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = sender.store(r#"{"note": "event == new_data"}"#).await;
    let answer = alice.get("/events?q=event%20%3D%3D%20new_data").await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("event == new_data\n      ^</pre>"), "{page}");
    assert!(page.contains("Column 7:") && page.contains("aria-invalid=\"true\" data-wrong-column=\"7\""), "{page}");
    assert!(page.contains("value=\"event == new_data\""), "what was typed stays");
    let as_text = between(&page, "<a class=\"btn sm\" href=\"", "\"").to_owned();
    assert_eq!(ids(&alice.page(&as_text).await), [id]);
    assert_eq!(alice.get("/events/live?q=a%3D").await.status(), 400);
    assert!(!alice.page("/events/rejections?q=a%3D").await.contains("Column"), "reasons have no fields");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_search_shows_how_far_it_looked_and_goes_on_from_there() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let owner = "(select account_id from users limit 1), '00000000-0000-0000-0000-000000000001'";
    let body = "'{\"n\": ' || n || ', \"filler\": \"' || repeat(md5(n::text), 6) || '\"}'";
    server.query(&insert_many(owner, 150_000, 0, body)).await;
    let mut path = "/events?q=n%20%3D%20149999.0".to_owned();
    let mut looks = 0;
    let found = loop {
        let page = alice.page(&path).await;
        if !ids(&page).is_empty() || !page.contains("data-further") {
            break page;
        }
        looks += 1;
        assert!(page.contains("Nothing found so far.") && page.contains("Looked back to <time"), "{page}");
        assert!(!page.contains("No events match"), "that is not known yet");
        let further = &page[page.find("data-further").unwrap()..];
        path = between(further, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
    };
    assert!(looks > 0, "one look is not enough for so many");
    assert_eq!(ids(&found).len(), 1);
    assert!(found.contains("rel=\"prev\" href"), "and the way back is there");
    let last = alice.page(&format!("/events?q=n%20%3D%20149999.0&before={}", ids(&found)[0])).await;
    assert!(last.contains("No <span data-further-more>more </span>events match these filters"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_condition_is_a_link_away_from_being_found_as_it_was_typed() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    // The column of a mistake, or none where it means something else.
    for (typed, column) in [
        ("SGVsbG8=", Some(9)),
        ("a=b", None),
        ("x => y", Some(3)),
        ("say = \\\"hi\\\"", None),
        ("tag<br>", None),
        ("größe>=weit", None),
        ("10:30 = late", Some(3)),
    ] {
        let id = sender.store(format!("{{\"link\": \"{}\"}}", typed)).await;
        let asked = percent_encoding::utf8_percent_encode(typed, percent_encoding::NON_ALPHANUMERIC);
        let answer = alice.get(&format!("/events?q={asked}&since=1h")).await;
        assert_eq!(answer.status(), if column.is_some() { 422 } else { 200 }, "{typed}");
        let page = answer.text().await.unwrap();
        let before = match column {
            Some(column) => {
                let alert = between(&page, "role=\"alert\"", "</div>");
                assert!(alert.contains(&format!("Column {column}:")), "{typed}: {alert}");
                assert!(alert.contains("Or search for exactly what you typed."), "{typed}");
                &page[..page.find("Search for it as text</a>").unwrap()]
            }
            None => {
                let offered = page[page.find("Or search for").unwrap()..].split("Clear filters").next().unwrap();
                &offered[..offered.rfind("<code>").unwrap()]
            }
        };
        let link = before[before.rfind("href=\"").unwrap() + 6..].split('"').next().unwrap().replace("&#38;", "&");
        assert!(link.contains("since=1h"), "the other filters stay: {link}");
        assert_eq!(ids(&alice.page(&link).await), [id], "{typed}: {link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sentences_and_addresses_are_found_as_they_were_typed() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for typed in ["https://example.com/?a=1&b=<2>", "10:30", "Error: not found", "to be or not to be", "(c) 1..5"] {
        let id = sender.store(format!("{{\"note\": \"{typed}\"}}")).await;
        let asked = percent_encoding::utf8_percent_encode(typed, percent_encoding::NON_ALPHANUMERIC);
        assert_eq!(ids(&alice.page(&format!("/events?q={asked}")).await), [id], "{typed}");
    }
}
