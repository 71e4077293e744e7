//! Events that are selected in the list by their ids: deleted after a question, exported, and shown beside the list.

use reqwest::StatusCode;

use crate::support::actors::{Person, Sender, between};
use crate::support::server::{PASSWORD, TestServer};
use jiff::SignedDuration;

const DELETION: &str = "/events/selection/deletion";

fn has_no_peek(page: &str) -> bool {
    between(page, "<section class=\"peek", ">").ends_with(" hidden")
}

async fn with_events(server: &TestServer, number: usize) -> (Person, Sender, Vec<String>) {
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let mut ids = Vec::new();
    for n in 0..number {
        ids.push(sender.store(format!("{{\"n\": {n}}}")).await);
    }
    (alice, sender, ids)
}

fn named<'a>(ids: &'a [String], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    ids.iter().map(|id| ("id", id.as_str())).chain(more.iter().copied()).collect()
}

fn query(ids: &[String]) -> String {
    ids.iter().map(|id| format!("id={id}")).collect::<Vec<_>>().join("&")
}

// holds issue 16, section 2: select, then delete
#[tokio::test(flavor = "multi_thread")]
async fn selected_events_are_deleted_after_a_question_and_nothing_else_is() {
    let server = TestServer::start().await;
    let (alice, sender, ids) = with_events(&server, 4).await;
    let list = format!("credential={}&before={}", sender.username, ids[3]);
    let page = alice.page(&format!("{DELETION}?{}&{list}", query(&ids[..2]))).await;
    assert!(page.contains("<h1>Delete 2 events</h1>") && page.contains("can’t be brought back"));
    assert_eq!(page.matches("name=\"id\"").count(), 2);
    assert_eq!(server.number("select count(*) from events").await, 4, "a question deletes nothing");

    let fields = named(&ids[..2], &[("credential", &sender.username), ("before", &ids[3])]);
    let done = alice.post(DELETION, &fields).await;
    assert_eq!(done.headers()["location"], format!("/events?{list}"), "back to the list as it was");
    let page = alice.page(&format!("/events?{list}")).await;
    assert!(page.contains("2 events are deleted.") && page.contains(&ids[2]) && !page.contains(&ids[0]));
    let lines = "select subject from audit_log where action = 'event_deleted' order by subject";
    let lines: Vec<_> = server.query(lines).await.into_iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!(lines, ids[..2], "each has its line in the audit trail");
    assert_eq!(server.number("select sum(events)::bigint from event_removals").await, 2);
}

// holds C13
#[tokio::test(flavor = "multi_thread")]
async fn ids_of_other_accounts_select_nothing() {
    let server = TestServer::start().await;
    let (_, _, ids) = with_events(&server, 2).await;
    let bob = server.pro("bob@example.com").await;
    assert_eq!(bob.get(&format!("{DELETION}?{}", query(&ids))).await.status(), StatusCode::SEE_OTHER);
    bob.post(DELETION, &named(&ids, &[])).await;
    assert!(bob.page("/events").await.contains("Nothing was deleted."));
    assert_eq!(server.number("select count(*) from events").await, 2);
    assert_eq!(bob.page(&format!("/events/export?{}", query(&ids))).await, "");
    assert!(has_no_peek(&bob.page(&format!("/events?peek={}", ids[0])).await));
}

// holds issue 15: step-up for many single deletions
#[tokio::test(flavor = "multi_thread")]
async fn selecting_more_than_twenty_events_asks_for_the_password() {
    let server = TestServer::start().await;
    let (alice, _, ids) = with_events(&server, 24).await;
    server.pass(SignedDuration::from_mins(16));
    let asked = alice.post(DELETION, &named(&ids[..21], &[])).await;
    assert_eq!(asked.status(), 403);
    let page = asked.text().await.unwrap();
    assert!(page.contains("Delete events") && page.contains("21 events"), "{page}");
    assert_eq!(page.matches("name=\"id\"").count(), 21, "what was selected goes along");
    assert_eq!(server.number("select count(*) from events").await, 24);
    let done = alice.post(DELETION, &named(&ids[..21], &[("current_password", PASSWORD)])).await;
    assert_eq!(done.status(), 303);
    assert_eq!(server.number("select count(*) from events").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_selected_events_has_these_and_no_others() {
    let server = TestServer::start().await;
    let (alice, _, ids) = with_events(&server, 5).await;
    let chosen = [ids[3].clone(), ids[1].clone()];
    // The filters of the list are of no account: what was selected is what is exported.
    let export =
        alice.page(&format!("/events/export?format=ndjson&since=2000-01-01&until=2000-01-02&{}", query(&chosen))).await;
    let exported: Vec<String> = export.lines().map(|line| between(line, "\"id\":\"", "\"").to_owned()).collect();
    assert_eq!(exported, [ids[1].clone(), ids[3].clone()], "oldest first");
    for wrong in ["id=x", "id="] {
        let answer = alice.get(&format!("/events/export?{wrong}")).await;
        assert_eq!(answer.status(), 400, "an id that cannot be read never means all events: {wrong}");
    }
    let many: Vec<String> = (0..101).map(|n| format!("01a20938-1b93-7314-bd05-5674dc1b{n:04x}")).collect();
    assert_eq!(alice.get(&format!("/events/export?{}", query(&many))).await.status(), 400);
}

// holds issue 16, section 2: the address carries the event beside the list
#[tokio::test(flavor = "multi_thread")]
async fn an_address_shows_an_event_beside_the_list() {
    let server = TestServer::start().await;
    let (alice, _, ids) = with_events(&server, 52).await;
    let page = alice.page("/events").await;
    assert!(has_no_peek(&page));
    // The first is no longer on the first page of the list.
    for (id, payload) in [(&ids[50], "50"), (&ids[0], "0")] {
        let page = alice.page(&format!("/events?peek={id}")).await;
        let panel = between(&page, "<section class=\"peek", "</section>");
        assert!(!panel.contains(" hidden") && panel.contains(&format!("href=\"/events/{id}\"")), "{panel}");
        assert!(panel.contains(&format!("<span class=\"j-n\">{payload}</span>")), "{panel}");
    }
    let part = alice.page(&format!("/events/{}?peek=1", ids[0])).await;
    assert!(part.trim_start().starts_with("<div class=\"event-grid\">") && !part.contains("<html"), "{part}");
    assert!(part.contains("Raw body") && part.contains("Request headers"), "it is the part of the event’s own page");
    assert!(has_no_peek(&alice.page("/events?peek=nonsense").await));
}
