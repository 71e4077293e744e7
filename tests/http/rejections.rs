//! What owners read of refused requests: why, what their sender's log shows, what to do, and from which addresses.

use crate::support::actors::{Person, Sender, WEBHOOKS, between};
use crate::support::server::TestServer;
use crate::support::upkeep::prune;

/// A server behind a proxy of this machine, which says where senders are.
async fn stage() -> (TestServer, Person, Sender) {
    let server = TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, alice, sender)
}

async fn send_from(sender: &Sender, address: &str, body: &str) -> u16 {
    let answer = sender.request().header("X-Forwarded-For", address).body(body.to_owned()).send().await.unwrap();
    answer.status().as_u16()
}

// holds C10
#[tokio::test(flavor = "multi_thread")]
async fn each_reason_on_the_page_is_explained_with_what_the_senders_log_shows() {
    let (server, alice, sender) = stage().await;
    assert!(!alice.page("/events/rejections").await.contains("<details class=\"cell reason\""), "nothing to explain");
    assert_eq!(sender.with_password("wrong").status().await, 401);
    server.eventually("select count(*) from rejections", 1).await;
    let page = alice.page("/events/rejections").await;
    assert!(page.contains("<details class=\"cell reason\" id=\"wrong_password\" open>"), "the only one is open");

    let answer = sender.send("{\"a\":}").await;
    let problem: serde_json::Value = answer.json().await.unwrap();
    server.eventually("select count(*) from rejections", 2).await;
    let page = alice.page("/events/rejections").await;
    assert_eq!(page.matches("<details class=\"cell reason\"").count(), 2);
    for (reason, status, code) in [("wrong_password", 401, "unauthorized"), ("invalid_json", 400, "invalid_json")] {
        let told = between(&page, &format!("<details class=\"cell reason\" id=\"{reason}\">"), "</details>");
        assert!(told.contains(&format!("<code>{status}</code> with the code <code>{code}</code>")), "{told}");
        assert!(told.contains("What it means") && told.contains("What to do"), "{told}");
    }
    assert_eq!(problem["code"], "invalid_json", "as the sender's log has it");
    let docs = server.visitor().page("/docs/webhooks/errors").await;
    for reason in reasoner_webhooks::domain::rejection::Reason::ALL {
        assert!(docs.contains(&format!("<code>{}</code>", reason.as_str())), "{}", reason.as_str());
    }
}

// holds C10, W9
#[tokio::test(flavor = "multi_thread")]
async fn rejections_are_put_together_by_address_with_a_way_from_the_card_and_back() {
    let (server, alice, sender) = stage().await;
    let other = server.sender(&alice).await;
    for (who, address, body) in [
        (sender.with_password("wrong"), "203.0.113.7", "1"),
        (sender.clone(), "203.0.113.7", "not json"),
        (sender.clone(), "2001:db8::5", "not json"),
        (other.clone(), "203.0.113.7", "not json"),
    ] {
        let before = server.number("select coalesce(sum(count), 0) from rejections").await;
        assert_ne!(send_from(&who, address, body).await, 200);
        server.eventually("select coalesce(sum(count), 0) from rejections", before + 1).await;
        // The next one is in a second of its own, so that it is a row of its own.
        server.pass(jiff::SignedDuration::from_secs(2));
    }
    let rows = |page: &str| -> Vec<String> {
        page.split("<tr role=\"row\"><td").skip(1).map(|row| row.split("</tr>").next().unwrap().to_owned()).collect()
    };
    let all = rows(&alice.page("/events/rejections?group=address").await);
    assert_eq!(all.len(), 3, "an address with two credentials stands there twice");

    let card = alice.page(WEBHOOKS).await;
    let link = format!("/events/rejections?credential={}&amp;group=address", sender.username);
    assert!(card.contains(&link), "the card leads to it");
    let page = alice.page(&link.replace("&amp;", "&")).await;
    let found = rows(&page);
    assert_eq!(found.len(), 2);
    assert!(found[0].contains("2001:db8::5") && found[0].contains("Not valid JSON"), "the last heard of first");
    for words in ["203.0.113.7", "Wrong password", "Not valid JSON", "2<span class=\"visually-hidden\"> attempts"] {
        assert!(found[1].contains(words), "{words}: {}", found[1]);
    }
    assert!(found[1].contains(&format!("{WEBHOOKS}/{}", alice.credential_id(&sender.username).await)), "and back");
    assert!(page.contains("name=\"group\" value=\"address\""), "filtering stays in this view");

    let list = between(&found[1], "<a href=\"", "\"").replace("&#38;", "&");
    let list = alice.page(&list).await;
    assert_eq!(list.matches("<code>203.0.113.7</code>").count(), 2, "its attempts, one by one");
    assert!(!list.contains("<code>2001:db8::5</code>"));
    assert!(alice.page("/events/rejections?q=203.0.113.").await.contains("<code>203.0.113.7</code>"), "a part of one");
    assert!(!alice.page("/events/rejections?q=203.0.113.70").await.contains("<code>203.0.113.7</code>"));
    assert!(alice.page("/events/rejections?group=address&q=nobody").await.contains("No rejected attempts match"));

    let bob = server.pro("bob@example.com").await;
    assert!(rows(&bob.page("/events/rejections?group=address").await).is_empty());
}

// holds C10, W9
#[tokio::test(flavor = "multi_thread")]
async fn repeats_of_one_cause_are_a_row_with_a_page_of_its_own() {
    let (server, alice, sender) = stage().await;
    for (who, address, body) in [
        (sender.with_password("wrong"), "203.0.113.7", "1"),
        (sender.clone(), "203.0.113.7", "not json"),
        (sender.with_password("wrong"), "203.0.113.7", "1"),
        (sender.with_password("wrong"), "203.0.113.8", "1"),
    ] {
        let before = server.number("select coalesce(sum(count), 0) from rejections").await;
        assert_ne!(send_from(&who, address, body).await, 200);
        server.eventually("select coalesce(sum(count), 0) from rejections", before + 1).await;
        // A second of its own makes a row of its own.
        server.pass(jiff::SignedDuration::from_secs(2));
    }
    let page = alice.page("/events/rejections").await;
    let repeated = "<b class=\"num\">× 2</b> since";
    assert_eq!(
        (page.matches("class=\"full\"><b>Wrong password</b>").count(), page.matches(repeated).count()),
        (2, 1),
        "{page}"
    );
    let wrong = alice.page("/events/rejections?reason=invalid_json").await;
    assert!(wrong.contains("<b>Not valid JSON</b>") && !wrong.contains("<b>Wrong password</b>"), "{wrong}");
    assert!(wrong.contains("<option value=\"invalid_json\" selected>") && wrong.contains("class=\"chip\""));
    assert_eq!(alice.get("/events/rejections?reason=nothing").await.status(), 422);
    assert!(alice.page("/events/rejections?reason=wrong_path").await.contains("No rejected attempts match"));

    let id = between(&wrong, "first\"><a href=\"/events/rejections/", "\"").to_owned();
    let one = alice.page(&format!("/events/rejections/{id}")).await;
    for words in
        ["What to do", "203.0.113.7", "<code>400</code> with the code <code>invalid_json</code>", &sender.username]
    {
        assert!(one.contains(words), "{words}: {one}");
    }
    let all = between(&one, "<p class=\"alone\"><a href=\"", "\"").replace("&#38;", "&");
    assert!(alice.page(&all).await.contains(&format!("/events/rejections/{id}\"")));
    let bob = server.pro("bob@example.com").await;
    assert_eq!(bob.get(&format!("/events/rejections/{id}")).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_told_beside_the_limit_in_the_same_units() {
    let (server, alice, sender) = stage().await;
    let body = format!("\"{}\"", "x".repeat(1_199_998));
    assert_eq!(sender.send(body).await.status(), 413);
    server.eventually("select count(*) from rejections", 1).await;
    let page = alice.page("/events/rejections").await;
    assert!(page.contains("<small>1.2 MB was sent; the limit is 1.05 MB. Split it up."), "{page}");
}

/// Repeats of the only rejection, each a second before the other, with ids that say so.
const REPEATS: &str = "insert into rejections (account_id, id, credential_id, reason, second, remote_ip, hint, detail) \
     select account_id, (left(id::text, 24) || lpad((5000 - n)::text, 12, '0'))::uuid, credential_id, reason, \
     second - n * interval '1 s', remote_ip, hint, 'detail ' || n from rejections, generate_series(1, 1499) n";

#[tokio::test(flavor = "multi_thread")]
async fn a_cause_is_one_row_however_often_it_repeats() {
    let (server, alice, sender) = stage().await;
    assert_eq!(send_from(&sender.with_password("wrong"), "203.0.113.7", "1").await, 401);
    server.eventually("select count(*) from rejections", 1).await;
    server.query("update rejections set id = (left(id::text, 24) || '000000005000')::uuid").await;
    server.query(REPEATS).await;
    server.pass(jiff::SignedDuration::from_secs(2));
    assert_eq!(send_from(&sender, "203.0.113.8", "not json").await, 400);
    server.eventually("select count(*) from rejections", 1_501).await;
    let page = alice.page("/events/rejections").await;
    assert_eq!(page.matches("class=\"full\"><b>").count(), 2, "{page}");
    assert!(page.contains("<b class=\"num\">× 1,500</b> since") && !page.contains("rel=\"next\" href"), "{page}");
    // Sixty causes are two pages, and none stands on both.
    let causes = "insert into rejections (account_id, id, credential_id, reason, second, remote_ip, hint) \
                  select account_id, (left(id::text, 24) || lpad((7000 + n)::text, 12, '0'))::uuid, credential_id, reason, \
                  second + n * interval '1 s', ('198.51.100.' || n)::inet, hint from rejections, generate_series(1, 58) n \
                  where right(id::text, 12) = '000000005000'";
    server.query(causes).await;
    let mut addresses = Vec::new();
    let mut next = Some(format!("/events/rejections?credential={}", sender.username));
    while let Some(path) = next.take() {
        let page = alice.page(&path).await;
        addresses.extend(
            page.split("<td role=\"cell\"><code>").skip(1).map(|cell| cell.split('<').next().unwrap().to_owned()),
        );
        next = page
            .contains("rel=\"next\" href")
            .then(|| between(&page, "rel=\"next\" href=\"", "\"").replace("&#38;", "&"));
        assert!(page.contains("<span data-matches>1,559 match</span>"), "{page}");
    }
    assert_eq!(addresses.len(), 60, "{addresses:?}");
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 60, "{addresses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_and_chart_of_rejections_follow_reason_and_search() {
    let (server, alice, sender) = stage().await;
    assert_eq!(sender.status().await, 200);
    for (who, address) in [(sender.with_password("wrong"), "203.0.113.7"), (sender.clone(), "203.0.113.8")] {
        assert_ne!(send_from(&who, address, "not json").await, 200);
    }
    server.eventually("select count(*) from rejections", 2).await;
    let overview = |page: &str| between(page, "<section class=\"overview\"", "</section>").to_owned();
    let all = overview(&alice.page("/events/rejections").await);
    assert!(all.contains("rejected</dt><dd>2</dd>") && all.contains("accepted</dt><dd>1</dd>"), "{all}");
    for filter in ["reason=invalid_json", "q=203.0.113.8"] {
        let page = alice.page(&format!("/events/rejections?{filter}")).await;
        let of_search = overview(&page);
        assert!(
            of_search.contains("<dt>matches</dt><dd>1</dd>") && !of_search.contains("accepted</dt>"),
            "{of_search}"
        );
        assert!(of_search.contains(&format!("data-zoom=\"/events/rejections?{filter}\"")), "{of_search}");
        assert!(of_search.contains(&format!("href=\"/events/rejections?{filter}&#38;since=")), "{of_search}");
        assert!(page.contains("<span data-matches>1 matches</span>"), "{page}");
    }
    let nothing = alice.page("/events/rejections?q=nobody&reason=invalid_json").await;
    assert!(nothing.contains("<p class=\"muted\">contains “nobody”, Not valid JSON</p>"), "{nothing}");
    assert!(nothing.contains("<a href=\"/events?q=nobody\"><code>accepted events: nobody</code></a>"), "{nothing}");
    assert!(nothing.contains("<span data-matches>none match</span>"), "{nothing}");
}

// holds W8, W9
#[tokio::test(flavor = "multi_thread")]
async fn rejections_leave_in_a_file_as_they_are_filtered() {
    let (server, alice, sender) = stage().await;
    for body in ["not json", "1"] {
        let who = if body == "1" { sender.with_password("wrong") } else { sender.clone() };
        assert_ne!(send_from(&who, "203.0.113.7", body).await, 200);
    }
    server.eventually("select count(*) from rejections", 2).await;
    let lines = alice.page("/events/rejections/export?reason=invalid_json").await;
    let line: serde_json::Value = serde_json::from_str(&lines).expect("one line");
    assert_eq!((&line["reason"], &line["status"], &line["count"]), (&"invalid_json".into(), &400.into(), &1.into()));
    assert_eq!((&line["credential"], &line["remote_ip"]), (&sender.username.as_str().into(), &"203.0.113.7".into()));
    let csv = alice.page("/events/rejections/export?format=csv").await;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(
        csv.starts_with(
            "at,count,reason,status,title,detail,credential,password,remote_ip,user_agent,size_bytes,id\r\n"
        )
    );
    assert!(alice.page("/events/rejections/export?format=csv&bom=1").await.starts_with('\u{feff}'));
    assert_eq!(alice.get("/events/rejections/export?reason=nothing").await.status(), 400);
    assert_eq!(server.number("select count(*) from audit_log where action = 'rejections_exported'").await, 3);
    let bob = server.pro("bob@example.com").await;
    assert_eq!(bob.page("/events/rejections/export").await, "");
}

/// Credentials beside the first, whose passwords nobody has.
const MORE_CREDENTIALS: &str = "insert into credentials (id, account_id, name, username, created_at) \
     select gen_random_uuid(), account_id, 'Sender ' || n, 'rw_' || lpad(n::text, 8, '0'), now() from users, generate_series(1, 59) n";

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn of_many_rejections_at_once_twenty_are_listed_and_all_counted() {
    let (server, _, sender) = stage().await;
    server.query(MORE_CREDENTIALS).await;
    let of = |username: String| Sender::new(&server.url, &username, "rwp_wrong");
    let locked = server.begin("lock table rejections in access exclusive mode").await;
    assert_eq!(of(sender.username).status().await, 401);
    server
        .eventually(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%rejections%'",
            1,
        )
        .await;
    // All of these are written at once, when the first is.
    let statuses =
        futures_util::future::join_all((1..=59).map(|n| of(format!("rw_{n:08}"))).map(async |of| of.status().await));
    assert!(statuses.await.iter().all(|status| *status == 401));
    drop(locked);
    server.eventually("select coalesce(sum(rejected), 0)::bigint from event_counts", 60).await;
    assert_eq!(server.number("select count(*) from rejections").await, 1 + 20);
}

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_rejections_of_an_account_are_kept_and_those_of_others_stay() {
    let (server, _, sender) = stage().await;
    let bob = server.pro("bob@example.com").await;
    let other = server.sender(&bob).await;
    for one in [&sender, &other] {
        assert_eq!(one.send("{").await.status(), 400);
    }
    server.eventually("select count(*) from rejections", 2).await;
    let more = format!(
        "insert into rejections (account_id, id, credential_id, reason, second, remote_ip) select c.account_id, \
         (left(rejections.id::text, 24) || lpad(n::text, 12, '0'))::uuid, credential_id, reason, second - n * interval '1 s', remote_ip \
         from rejections join credentials c on c.id = credential_id, generate_series(1, 20100) n where username = '{}'",
        sender.username
    );
    server.query(&more).await;
    prune(&server.application().state.store, 90, server.now()).await.unwrap();
    let left = "select count(*) from rejections group by account_id order by 1";
    let left: Vec<_> = server.query(left).await.into_iter().flatten().flatten().collect();
    assert_eq!(left, ["1", "20000"]);
    let oldest = "select count(*) from rejections where right(id::text, 12) <= '000000000101'";
    assert_eq!(server.number(oldest).await, 0, "those have gone");
}
