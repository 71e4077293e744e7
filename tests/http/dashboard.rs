//! The dashboard: lists, pages, one event, exports, the overview.

use jiff::SignedDuration;

use crate::support::actors::{Person, WEBHOOKS, between};
use crate::support::follower::Follower;
use crate::support::server::TestServer;

fn ids(page: &str) -> Vec<String> {
    page.split("data-id=\"").skip(1).map(|part| part[..36].to_owned()).collect()
}

async fn filled(count: usize) -> (TestServer, Person, Vec<String>) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let mut stored = Vec::new();
    for n in 0..count {
        stored.push(sender.store(format!("{{\"n\":{n},\"text\":\"Number {n}\"}}")).await);
    }
    (server, alice, stored)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_by_a_header_of_their_request() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for (event, body) in
        [("push", "{\"n\": 1}"), ("issues", "{\"n\": 1}"), ("push", "{\"n\": 2, \"header\": {\"x\": 1}}")]
    {
        let sent = sender.request().header("X-GitHub-Event", event).header("X-Quote", "say \"hi\\\"").body(body);
        assert_eq!(sent.send().await.unwrap().status(), 200);
    }
    for (search, found) in [
        ("header.x-github-event = push", 2),
        ("header.x-github-event = push and n = 2", 1),
        ("header.x-github-event != push", 1),
        ("header.x-quote = \"say \\\"hi\\\\\\\"\"", 3),
        ("header.x-quote contains HI", 3),
        ("header.x-missing exists", 0),
        ("$.header.x = 1", 1),
    ] {
        let query = percent_encoding::utf8_percent_encode(search, percent_encoding::NON_ALPHANUMERIC).to_string();
        let page = alice.page(&format!("/events?q={query}")).await;
        assert_eq!(ids(&page).len(), found, "{search}");
        let export = alice.page(&format!("/events/export?format=ndjson&q={query}")).await;
        assert_eq!(export.lines().count(), found, "{search}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_and_headers_become_columns_of_the_list_and_of_what_arrives() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let send = async |event: &str, body: String| {
        assert_eq!(sender.request().header("X-Event", event).body(body).send().await.unwrap().status(), 200);
    };
    send("push", r#"{"total": 12.50, "item": {"sku": "A<1>"}}"#.to_owned()).await;
    let columns = "fields=item.sku,%20header.x-event";
    let page = alice.page(&format!("/events?q=total%20exists&{columns}")).await;
    let row = between(&page, "<tr role=\"row\" data-id", "</tr>").to_owned();
    for cell in ["item.sku </span>A&#60;1&#62;</td>", "header.x-event </span>push</td>"] {
        assert!(row.contains(cell), "{row}");
    }
    assert!(page.contains("scope=\"col\" class=\"c-field\">header.x-event</th>"), "{page}");
    // What can be added leads to one column more, and a new search keeps those that are there.
    let more = "name=\"fields\" value=\"item.sku, header.x-event, total\"";
    assert!(page.contains(more), "{more}");
    assert!(page.contains("name=\"fields\" value=\"item.sku, header.x-event\""));
    let event = between(&row, "href=\"", "\"").replace("&#38;", "&");
    assert!(alice.page(&event).await.contains(columns.split('=').next().unwrap()), "the way back keeps them: {event}");

    let mut follower = Follower::new(&alice, &format!("/events/live?{columns}"));
    follower.connect().await;
    // A field of a body larger than what is read for columns is found near its beginning.
    send("issues", format!(r#"{{"item": {{"sku": "B"}}, "rest": "{}"}}"#, "x".repeat(200_000))).await;
    follower.until(|said| said.len() == 1).await;
    let told = follower.of("stored")[0]["html"].as_str().unwrap().to_owned();
    assert!(told.contains("header.x-event </span>issues</td>") && told.contains("item.sku </span>B</td>"), "{told}");

    let csv = alice.page(&format!("/events/export?format=csv&{columns}")).await;
    assert!(csv.starts_with("id,") && csv.lines().nth(1).unwrap().ends_with(",A<1>,push"), "{csv}");
    assert_eq!(alice.get("/events?fields=items[].n").await.status(), 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_newest_first_and_paged_by_key() {
    let (_server, alice, mut stored) = filled(120).await;
    stored.reverse();
    let first = alice.page("/events").await;
    assert_eq!(ids(&first), stored[..50]);
    let next = between(&first, "rel=\"next\" href=\"", "\"").to_owned();
    let second = alice.page(&next).await;
    assert_eq!(ids(&second), stored[50..100]);
    let last = alice.page(between(&second, "rel=\"next\" href=\"", "\"")).await;
    assert_eq!(ids(&last), stored[100..]);
    assert!(!last.contains("rel=\"next\""));
    let back = alice.page(between(&last, "rel=\"prev\" href=\"", "\"")).await;
    assert_eq!(ids(&back), stored[50..100]);
    assert!(first.contains("Number 119"), "the beginning of the body");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_live_in_the_address_and_say_what_is_wrong_with_them() {
    let (server, alice, stored) = filled(5).await;
    let other = server.sender(&alice).await;
    let of_other = other.store(r#"{"text":"100% _percent_"}"#).await;
    assert_eq!(ids(&alice.page("/events?q=number%203").await), [stored[3].clone()], "any case");
    assert_eq!(ids(&alice.page("/events?q=100%25+_p").await), std::slice::from_ref(&of_other), "wildcards are text");
    assert_eq!(
        ids(&alice.page(&format!("/events?credential={}", other.username)).await),
        std::slice::from_ref(&of_other)
    );
    assert_eq!(ids(&alice.page("/events?since=1h").await).len(), 6);
    assert_eq!(ids(&alice.page("/events?until=2020-01-01").await).len(), 0);
    for all in ["until=9999-12-31", "since=0001-01-01&until=9999-12-31T23:59:59Z", "since=-009999-01-01"] {
        assert_eq!(ids(&alice.page(&format!("/events?{all}")).await).len(), 6, "{all}");
        alice.page(&format!("/events/rejections?{all}")).await;
    }
    let nothing = alice.page("/events?q=nowhere").await;
    assert!(nothing.contains("No events match these filters") && nothing.contains("contains “nowhere”"));
    for query in ["since=yesterday", "credential=rw_unknown1", "until=never"] {
        let answer = alice.get(&format!("/events?{query}")).await;
        assert_eq!(answer.status(), 422, "{query}");
        assert!(answer.text().await.unwrap().contains("These filters can’t be applied."), "{query}");
    }
    server.pass(SignedDuration::from_hours(2));
    assert_eq!(ids(&alice.page("/events?since=1h").await).len(), 0);
    for hostile in
        ["/events?before=x", "/events?before=%00", "/events?q=%27%3B--", "/events?q=%00", "/events?since=%F0%9F"]
    {
        let status = alice.get(hostile).await.status().as_u16();
        assert!(matches!(status, 200 | 400 | 422), "{hostile}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_is_shown_with_its_neighbours_and_can_be_deleted() {
    let (server, alice, stored) = filled(3).await;
    let page = alice.page(&format!("/events/{}", stored[1])).await;
    assert!(page.contains(&format!("rel=\"prev\" href=\"/events/{}", stored[2])));
    assert!(page.contains(&format!("rel=\"next\" href=\"/events/{}", stored[0])));
    assert!(page.contains("Event from System 1") && page.contains("Never stored"));
    let body = alice.get(&format!("/events/{}/body", stored[1])).await;
    assert_eq!(body.headers()["content-security-policy"], "default-src 'none'; sandbox");
    assert_eq!(body.headers()["x-content-type-options"], "nosniff");
    assert_eq!(body.text().await.unwrap(), r#"{"n":1,"text":"Number 1"}"#);
    assert!(alice.page(&format!("/events/{}?delete=1", stored[1])).await.contains("Delete this event"));
    assert_eq!(alice.post(&format!("/events/{}/deletion", stored[1]), &[]).await.status(), 303);
    assert_eq!(alice.get(&format!("/events/{}", stored[1])).await.status(), 404);
    assert_eq!(alice.post(&format!("/events/{}/deletion", stored[1]), &[]).await.status(), 404);
    assert_eq!(server.number("select count(*) from audit_log where action = 'event_deleted'").await, 1);
    for odd in ["x", "019ab000", "019ab000-0000-7000-8000-000000000000"] {
        assert_eq!(alice.get(&format!("/events/{odd}")).await.status(), 404, "{odd}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_page_offers_a_test_event_only_with_a_credential_that_works() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let offers = async || alice.page("/events").await.contains("/test-event\"");
    let page = alice.page("/events").await;
    assert!(page.contains("No events yet") && page.contains(&format!("href=\"{WEBHOOKS}\">Generate a credential")));
    assert!(!offers().await, "nobody could send it");

    let (older, newer) = (server.sender(&alice).await, server.sender(&alice).await);
    let id = alice.credential_id(&newer.username).await;
    let page = alice.page("/events").await;
    assert!(page.contains(&format!("credentials/{id}/test-event\"")) && page.contains(&newer.username), "{page}");
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/disabling"), &[]).await;
    let page = alice.page("/events").await;
    assert!(!page.contains(&format!("credentials/{id}/test-event\"")) && page.contains(&older.username), "{page}");

    assert!(offers().await);
    server.query("update accounts set plan = 'free'").await;
    assert!(!offers().await, "webhooks are part of Pro");
    assert!(alice.page("/events").await.contains("See what Pro includes"));
    server.query("update accounts set plan = 'pro'").await;
    older.store("{}").await;
    assert!(!offers().await, "something has arrived");
}

// holds W7
#[tokio::test(flavor = "multi_thread")]
async fn hostile_payloads_stay_text() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let hostile = "</code><script>alert(1)</script><img src=x onerror=alert(2)>";
    let body = serde_json::json!({ hostile: hostile, "bidi": "a\u{202e}b\u{200b}c" }).to_string();
    let answer =
        sender.request().header("X-Note", hostile).header("User-Agent", hostile).body(body).send().await.unwrap();
    let id = answer.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    for path in ["/events".to_owned(), format!("/events/{id}")] {
        let page = alice.page(&path).await;
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{path}");
        assert!(!page.contains('\u{202e}') && !page.contains('\u{200b}'), "{path}: shown, not obeyed");
        assert!(page.contains("\\u202E"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_hold_every_event_oldest_first() {
    let (_server, alice, stored) = filled(250).await;
    let answer = alice.get("/events/export?format=ndjson").await;
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"events-"));
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = answer.text().await.unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let exported: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(exported, stored);
    for field in ["received_at", "credential", "remote_ip", "content_type", "size_bytes", "headers"] {
        assert!(!lines[0][field].is_null(), "{field}");
    }
    assert_eq!(lines[7]["body"]["n"], 7);
    let csv = alice.page("/events/export?format=csv&q=%22n%22:12,").await;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.starts_with("id,received_at,credential,"));
    assert_eq!(alice.get("/events/export?format=xml").await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_counts_what_was_accepted_and_rejected() {
    let (server, alice, _) = filled(4).await;
    let sender = server.sender(&alice).await;
    sender.with_password("x").status().await;
    server.eventually("select coalesce(sum(rejected), 0)::bigint from event_counts", 1).await;
    let page = alice.page("/events").await;
    assert!(page.contains("<dd>4</dd>") && page.contains("<dd>1</dd>") && page.contains("<dd>80.00%</dd>"), "{page}");
    assert!(page.contains("4 accepted, at most 4 in a bar"), "a text for who cannot see the bars");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejections_are_searched_by_reason_and_detail() {
    let (server, alice, _) = filled(0).await;
    let sender = server.sender(&alice).await;
    sender.with_password("x").status().await;
    sender.send("{broken").await;
    server.eventually("select count(*) from rejections", 2).await;
    let found = async |query: &str| {
        let page = alice.page(&format!("/events/rejections?q={query}")).await;
        (page.contains("<b>Wrong password</b>"), page.contains("<b>Not valid JSON</b>"))
    };
    assert_eq!(found("").await, (true, true));
    assert_eq!(found("WRONG").await, (true, false));
    assert_eq!(found("401").await, (true, false));
    assert_eq!(found("key%20must").await, (false, true), "what the detail says");
    assert_eq!(found("nothing%25").await, (false, false));
    // What the columns show, all of it or by its name.
    for both in ["127.0.0.1", "ip:127.0.0.1", "ip:127.0.0.0/8", "ip:127.", "system", "credential:SYSTEM", "rw_"] {
        assert_eq!(found(both).await, (true, true), "{both}");
    }
    for neither in ["127.0.0.2", "ip:128.0.0.0/8", "ip:0.1", "credential:other", "agent:curl"] {
        assert_eq!(found(neither).await, (false, false), "{neither}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_by_what_their_columns_show() {
    let (server, alice, ids) = filled(3).await;
    let bob = server.pro("bob@example.com").await;
    let listed = async |query: &str| {
        let page = alice.page(&format!("/events?q={query}")).await;
        ids.iter().map(|id| page.contains(&format!("data-id=\"{id}\""))).collect::<Vec<_>>()
    };
    for all in ["ip:127.0.0.1", "ip:127.0.0.0/8", "credential:system", "credential:rw_"] {
        assert_eq!(listed(all).await, [true; 3], "{all}");
    }
    assert_eq!(listed("ip:127.0.0.1%20n%20=%201").await, [false, true, false]);
    assert_eq!(listed("agent:nobody%20or%20n%20%3E%201").await, [false, false, true]);
    assert_eq!(listed("not%20credential:system").await, [false; 3]);
    // The beginning of an id lists the event, the whole opens it, and that of somebody else is none.
    for length in [13, 23, 35] {
        let beginning = &ids[1][..length];
        let expected: Vec<bool> = ids.iter().map(|id| id.starts_with(beginning)).collect();
        assert_eq!(listed(beginning).await, expected, "{beginning}");
    }
    let answer = alice.get(&format!("/events?q={}", ids[1])).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], format!("/events/{}", ids[1]));
    assert!(bob.page(&format!("/events?q={}", ids[1])).await.contains("events match these filters"));
    // An export and a deletion ask the same.
    let export = alice.page("/events/export?format=ndjson&q=ip:127.0.0.1%20n%20%3E%200").await;
    assert_eq!(export.lines().count(), 2, "{export}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_finds_nothing_offers_what_could_have_been_meant() {
    let (_server, alice, _) = filled(2).await;
    let page = alice.page("/events?q=text%20=%20number%201").await;
    assert!(page.contains("text = &#34;number&#34; &#34;1&#34;"), "what was understood: {page}");
    let offered = "/events?q=text%20contains%20%22number%22%20%221%22";
    assert!(page.contains(offered), "{page}");
    assert!(alice.page(offered).await.contains("Number 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_once_chosen_stay_for_everybody_in_the_account() {
    let (server, alice, _) = filled(1).await;
    let bob = server.pro("bob@example.com").await;
    let head = "<th role=\"columnheader\" scope=\"col\" class=\"c-field\">text</th>";
    let chosen = alice.post("/events/columns", &[("fields", " text "), ("q", "n = 0"), ("since", "7d")]).await;
    assert_eq!(chosen.status(), 303);
    assert_eq!(chosen.headers()["location"], "/events?q=n%20%3D%200&since=7d", "the filters stay");
    let page = alice.page("/events").await;
    assert!(page.contains(head) && page.contains("Number 0</td>"), "{page}");
    assert!(page.contains("data-live=\"/events/live?fields=text\""), "what arrives has them too");
    assert!(page.contains("value=\"text, n\""), "others can be added: {page}");
    assert!(!alice.page("/events?fields=").await.contains("c-field\">"), "the address says otherwise");
    assert!(!bob.page("/events").await.contains("c-field\">"));
    assert_eq!(alice.post("/events/columns", &[("fields", "\"a\0\"")]).await.status(), 303, "no text of PostgreSQL");
    // What names no field is explained and not kept.
    let wrong = alice.post("/events/columns", &[("fields", "a b")]).await;
    let explained = alice.get(wrong.headers()["location"].to_str().unwrap()).await;
    assert_eq!(explained.status(), 422);
    assert!(alice.page("/events").await.contains(head));
    alice.post("/events/columns", &[("fields", "")]).await;
    assert!(!alice.page("/events").await.contains("c-field\">"));
}
