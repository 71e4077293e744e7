//! One event's page: any value is a link away, what is too deep as text, no page is large, and what changed since the event before is told.

use std::collections::BTreeSet;

use reqwest::header::{CONTENT_TYPE, HeaderValue};

use crate::support::actors::{Person, between};
use crate::support::server::TestServer;

/// No page of an event is longer, whatever was sent. Compressed, that is a tenth.
const MAX_PAGE_BYTES: usize = 400_000;

/// The places that a page links to, in order.
fn places(page: &str) -> Vec<usize> {
    let links = page.split("href=\"?at=").skip(1);
    links.filter_map(|rest| rest.split(['"', '&']).next()?.parse().ok()).collect()
}

async fn small_page(alice: &Person, path: &str) -> String {
    let page = alice.page(path).await;
    assert!(page.len() < MAX_PAGE_BYTES, "{path}: a page of {} bytes", page.len());
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_a_hostile_body_is_large() {
    let server = TestServer::start_with(|options| options.max_body_bytes = (6 << 20).to_string()).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let mebibyte = 1 << 20;
    let bodies = [
        format!("\"{}\"", "x".repeat(mebibyte - 2)),
        format!("{{\"{}\":1}}", "k".repeat(mebibyte - 10)),
        format!("\"{}\"", "\u{7f}".repeat(mebibyte - 2)),
        format!("[{}0]", "\"<&>'\",".repeat(100_000)),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)),
        format!("[{}0]", "1,".repeat(mebibyte / 2 - 2)),
        format!("{{{}\"z\":1}}", (0..300_000).map(|i| format!("\"k{i}\":{i},")).collect::<String>()),
        format!("[\"{}\"]", "wide ".repeat(1_000_000)),
        format!("[{}0]", format!("[{}],", "[],".repeat(199) + "[]").repeat(1_000)),
        format!("1{}", "0".repeat(500_000)),
        " ".repeat(mebibyte - 1) + "7",
    ];
    for body in bodies {
        let id = sender.store(body).await;
        let page = small_page(&alice, &format!("/events/{id}")).await;
        for at in places(&page).iter().rev().step_by(97).take(3) {
            small_page(&alice, &format!("/events/{id}?at={at}&start=100")).await;
        }
        small_page(&alice, &format!("/events/{id}?raw=500000")).await;
        small_page(&alice, &format!("/events/{id}/comparison")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_alone_lead_to_the_last_of_many_children_and_to_what_is_too_deep_as_text() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = sender.store(format!("[{}\"the last\"]", "[7],".repeat(1_000))).await;
    let (mut next, mut seen) = (format!("/events/{id}"), BTreeSet::new());
    loop {
        assert!(seen.insert(next.clone()), "{next} again");
        let page = small_page(&alice, &next).await;
        if page.contains("the last") && !page.contains("li class=\"later\"") {
            break;
        }
        let later = between(&page, "<li class=\"later\">", "</li>");
        next = format!("/events/{id}{}", between(later, "href=\"", "\"").replace("&#38;", "&"));
    }
    assert_eq!(seen.len(), 6, "200 at a time");

    let deepest = format!("{}\"the deepest\"{}", "[".repeat(90), "]".repeat(90));
    let id = sender.store(deepest).await;
    let page = small_page(&alice, &format!("/events/{id}?at=90")).await;
    assert!(page.contains("the deepest") && page.contains("80 more levels</li>"), "the way to it is shown");
    assert!(page.contains("href=\"?at=89\""), "and one level up is a link");
    let page = small_page(&alice, &format!("/events/{id}")).await;
    assert!(page.contains("href=\"?at=48&#38;start=0\">Show 1 more"), "a page shows 48 levels at once");
    assert!(small_page(&alice, &format!("/events/{id}?at=48&start=0")).await.contains("the deepest"));

    let id = sender.store(format!("{}\"the deepest\"{}", "[".repeat(100_000), "]".repeat(100_000))).await;
    let page = small_page(&alice, &format!("/events/{id}?at=96&start=0")).await;
    assert!(page.contains("deeper than 100 levels") && page.contains("<a href=\"?raw=100\">Show raw</a>"));
    small_page(&alice, &format!("/events/{id}?raw=100")).await;
    assert!(small_page(&alice, &format!("/events/{id}?raw=99990")).await.contains("the deepest"));
    assert_eq!(alice.get(&format!("/events/{id}?at=101")).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_has_a_page_a_path_and_a_download_of_its_own() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let body = "\u{feff}{\"data\": {\"a/b\": [1, {\"\\ud800\": \"x y\", \"\": 1.50}], \"data\": 2, \"data\": 3}}";
    let id = sender.store(body).await;
    let place = |part: &str| body.find(part).unwrap();

    let page = alice.page(&format!("/events/{id}?at={}", place("1.50"))).await;
    assert!(page.contains("data-copy-text=\"/data/a~1b/1/\""), "{page}");
    assert!(page.contains("data-copy-text=\"data.&#34;a/b&#34;[1].&#34;&#34;\""), "{page}");
    let link = between(&page, "<a class=\"btn sm\" href=\"/events?", "\"");
    assert!(alice.page(&format!("/events?{link}")).await.contains(&format!("/events/{id}?q=")), "the filter finds it");
    let page = alice.page(&format!("/events/{id}?at={}", place("\"x y\""))).await;
    assert!(!page.contains("Copy JSON Pointer"), "no pointer can name half a character");
    for (part, value) in
        [("1.50", "1.50"), ("\"x y\"", "\"x y\""), ("[1,", &body[place("[1,")..=place("]")]), ("3}", "3")]
    {
        let answer = alice.get(&format!("/events/{id}/body?at={}", place(part))).await;
        assert_eq!(
            answer.headers()["content-disposition"],
            format!("attachment; filename=\"{id}-{}.json\"", place(part))
        );
        assert_eq!(answer.text().await.unwrap(), value);
    }
    for nowhere in ["0", "1", "5", "999999", "x", "-1", "99999999999999999999999"] {
        assert_eq!(alice.get(&format!("/events/{id}?at={nowhere}")).await.status(), 404, "{nowhere}");
        let status = alice.get(&format!("/events/{id}/body?at={nowhere}")).await.status();
        assert!(status == 404 || status == 400, "{nowhere}");
    }
    let bob = server.pro("bob@example.com").await;
    assert_eq!(bob.get(&format!("/events/{id}?at={}", place("1.50"))).await.status(), 404);
    assert_eq!(bob.get(&format!("/events/{id}/body?at={}", place("1.50"))).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_holds_json_is_read_as_a_tree_and_searched_by_its_path() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let inner = r#"{"detail": {"state": "ALARM"}, "again": "[\"deep\"]"}"#;
    let id = sender.store(format!(r#"{{"Message": {}, "plain": "{{a"}}"#, serde_json::to_string(inner).unwrap())).await;
    sender.store(r#"{"Message": "{\"detail\": {\"state\": \"OK\"}}"}"#).await;
    let page = alice.page(&format!("/events/{id}")).await;
    assert_eq!(page.matches(">read as JSON</a>").count(), 1, "{page}");
    let held = between(&page, "<a href=\"?in=", "\">read as JSON</a>").to_owned();
    let page = alice.page(&format!("/events/{id}?in={held}")).await;
    assert!(page.contains("<code>Message</code>, a text, read as JSON"), "{page}");
    assert!(page.contains(">detail<") && page.contains("&#34;ALARM&#34;"), "{page}");
    // A value in it has a path that a search takes, and a download.
    let at = inner.find("\"ALARM\"").unwrap();
    let value = alice.page(&format!("/events/{id}?in={held}&at={at}")).await;
    assert!(value.contains("<code>Message.detail.state</code>"), "{value}");
    assert!(value.contains("?q=Message.detail.state%20%3D%20%22ALARM%22"), "{value}");
    assert_eq!(alice.page(&format!("/events/{id}/body?in={held}&at={at}")).await, "\"ALARM\"");
    let again = inner.find("\"[").unwrap();
    let deep = alice.page(&format!("/events/{id}?in={held}.{again}")).await;
    assert!(deep.contains("<code>Message.again</code>, a text") && deep.contains("&#34;deep&#34;"), "{deep}");
    for wrong in ["0", "x", "1.2.3", &format!("{held}.0"), &[held.as_str(); 9].join(".")] {
        assert_eq!(alice.get(&format!("/events/{id}?in={wrong}")).await.status(), 404, "{wrong}");
    }
    for (search, found) in [
        ("Message.detail.state%3DALARM", true),
        ("Message.detail.state%3DOK", false),
        ("Message.again[0]%3Ddeep", true),
    ] {
        assert_eq!(alice.page(&format!("/events?q={search}")).await.contains(&id), found, "{search}");
    }
    assert!(alice.page("/events?fields=Message.detail.state").await.contains("ALARM</td>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_compared_with_the_one_before_from_the_same_credential() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (sender, other) = (server.sender(&alice).await, server.sender(&alice).await);
    let compared = async |id: &str| alice.page(&format!("/events/{id}/comparison")).await;
    let first = sender.store(r#"{"sku":"HB","qty":2,"gone":[1],"<b>":"\u202e"}"#).await;
    assert!(compared(&first).await.contains("There’s no earlier event of this credential."));

    other.store(r#"{"from":"another"}"#).await;
    let second = sender.store(r#"{"qty":2.0,"sku":"HB-1","<b>":"x","new":true}"#).await;
    let page = compared(&second).await;
    assert!(page.contains("2 changed, 1 added, 1 removed, 1 spelled differently"), "{page}");
    assert!(page.contains(&first) && !page.contains("another"));
    assert!(page.contains("\\u202e") && page.contains("&#60;b&#62;") && !page.contains("<b>\""));

    let third = sender.store(r#"{ "new":true, "sku":"HB-1", "qty":2.0, "<b>":"x" }"#).await;
    assert!(compared(&third).await.contains("The values are equal."));
    let fourth = sender.store(r#"{ "new":true, "sku":"HB-1", "qty":2.0, "<b>":"x" }"#).await;
    assert!(compared(&fourth).await.contains("They match byte for byte."));

    alice.post(&format!("/events/{third}/deletion"), &[]).await;
    assert!(compared(&fourth).await.contains(&second), "of those that are left, the last");
    let many = |value: u8| format!("[{}0]", format!("{value},").repeat(250));
    sender.store(many(1)).await;
    let last = sender.store(many(2)).await;
    let page = compared(&last).await;
    assert!(page.contains("250 changed") && page.contains("1 to 50 of 250"));
    let page = alice.page(&format!("/events/{last}/comparison?start=200")).await;
    assert!(page.contains("201 to 250 of 250") && page.contains("[249]"));
    sender.store(r#"{"n":12345678901234567890123,"a":1,"a":[{"b":2}]}"#).await;
    let last = sender.store(r#"{"n":12345678901234567890124,"a":1,"a":[{"b":3}]}"#).await;
    let page = compared(&last).await;
    assert!(page.contains("2 changed") && page.contains("12345678901234567890124"), "beyond what a float holds");
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_compared_with_the_last_one_of_its_type_first() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let paid = sender.store(r#"{"type":"invoice.paid","n":1}"#).await;
    let sent = sender.store(r#"{"type":"invoice.sent","n":2}"#).await;
    let last = sender.store(r#"{"type":"invoice.paid","n":3}"#).await;
    let page = alice.page(&format!("/events/{last}/comparison")).await;
    assert!(page.contains(&paid) && !page.contains(&sent) && page.contains("of the same type"), "{page}");
    let any =
        between(&page, "<a href=\"", "\">Compare with the one directly before").rsplit('"').next().unwrap().to_owned();
    assert!(alice.page(&any).await.contains(&sent), "{any}");
    let page = alice.page(&format!("/events/{sent}/comparison")).await;
    assert!(page.contains(&paid) && page.contains("None of the 20 events before it has the same type"), "{page}");
}

// holds issue 16
#[tokio::test(flavor = "multi_thread")]
async fn deleting_leads_back_to_the_page_of_the_list_that_the_event_was_on() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for number in 0..52 {
        sender.store(format!("{{\"order\":{number}}}")).await;
    }
    let unescaped = |html: &str| html.replace("&#38;", "&");
    let first = alice.page("/events?q=order").await;
    let second = unescaped(between(&first, "rel=\"next\" href=\"", "\""));
    let page = alice.page(&second).await;
    let row = page.split("<tr role=\"row\" data-id").nth(1).expect("a row");
    let event = alice.page(&unescaped(between(row, "<a href=\"", "\""))).await;
    let older = alice.page(&unescaped(between(&event, "rel=\"next\" href=\"", "\""))).await;
    let question = unescaped(between(&older, "btn danger\" href=\"", "\""));
    let action = unescaped(between(&alice.page(&question).await, "<form method=\"post\" action=\"/events/", "\""));
    let answer = alice.post(&format!("/events/{action}"), &[]).await;
    assert_eq!(answer.headers()["location"].to_str().unwrap(), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_deleting_the_list_is_as_it_was_and_the_event_is_gone() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = sender.store(r#"{"order":1}"#).await;
    let filters = format!("credential={}&since=7d", sender.username);
    let page = alice.page(&format!("/events/{id}?{filters}&delete=1")).await;
    let action = between(&page, "<form method=\"post\" action=\"/events/", "\"").replace("&#38;", "&");
    assert_eq!(action, format!("{id}/deletion?{filters}"));
    let answer = alice.post(&format!("/events/{action}"), &[]).await;
    assert_eq!(answer.headers()["location"], format!("/events?{filters}"));
    for path in ["", "/body", "/comparison", "?at=0"] {
        assert_eq!(alice.get(&format!("/events/{id}{path}")).await.status(), 404);
    }
    assert_eq!(alice.post(&format!("/events/{id}/deletion"), &[]).await.status(), 404);
}

// holds W7
#[tokio::test(flavor = "multi_thread")]
async fn a_line_to_copy_has_no_character_that_does_not_show_itself() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let page = async |content_type: &str, body: &'static str| {
        let value = HeaderValue::from_bytes(content_type.as_bytes()).unwrap();
        let answer = sender.request().headers([(CONTENT_TYPE, value)].into_iter().collect()).body(body).send().await;
        let stored: serde_json::Value = answer.unwrap().json().await.unwrap();
        alice.page(&format!("/events/{}", stored["id"].as_str().unwrap())).await
    };
    for content_type in ["application/json", "application/json; charset=utf-8", "application/json; note=\"Zoë’s\""] {
        assert!(page(content_type, "1").await.contains("--data-raw"), "{content_type}");
    }
    for hidden in ['\u{202e}', '\u{9b}', '\u{200b}', '\u{ad}'] {
        let page = page(&format!("application/json; note=\"a{hidden}b\""), "1").await;
        let spelled = format!("a\\u{:04X}b", hidden as u32);
        assert!(page.contains(&spelled) && !page.contains(hidden), "{spelled}");
        assert!(!page.contains("--data-raw"), "{spelled} would be copied unseen");
    }
    assert!(!page("application/json", "\"a\u{202e}b\"").await.contains("--data-raw"), "nor one of the body");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tab_says_which_event_it_is() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let bodies = [
        (r#"{"type": "invoice.<paid>"}"#, "invoice.&#60;paid&#62; "),
        (r#"{"total": 1, "customer": "Ada"}"#, "Ada "),
        ("[1]", ""),
    ];
    for (body, kind) in bodies {
        let id = sender.store(body).await;
        let page = alice.page(&format!("/events/{id}")).await;
        let title = format!("<title>Event {kind}…{} ·", &id[id.len() - 6..]);
        assert!(page.contains(&title), "{title}: {}", &page[..600]);
    }
}
