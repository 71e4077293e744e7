//! The live connection: what arrives is told once and without a gap, whoever stored it, however often the line breaks; and a thousand
//! readers do not ask a thousand times.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::SignedDuration;
use reasoner_webhooks::domain::event::EventId;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::holding::expired;
use crate::support::actors::{Person, Sender};
use crate::support::event_rows::insert_many;
use crate::support::follower::Follower;
use crate::support::server::{PASSWORD, TestServer};

async fn started() -> (TestServer, Person, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, alice, sender)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_told_and_so_is_what_was_refused() {
    let (_server, alice, sender) = started().await;
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    let new = sender.store(r#"{"live":"<b>"}"#).await;
    follower.until(|said| said.len() == 1).await;
    assert_eq!(sender.with_password("wrong").status().await, 401);
    follower.until(|said| said.len() == 2).await;
    let (stored, rejected) = (follower.of("stored"), follower.of("rejected"));
    let html = stored[0]["html"].as_str().unwrap();
    assert_eq!(stored[0]["id"], new);
    assert!(html.contains("&#60;b&#62;") && !html.contains("<b>"), "rows are rendered by the server: {html}");
    assert_eq!(rejected[0]["title"], "Wrong password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_from_what_it_shows() {
    let (server, alice, sender) = started().await;
    sender.store("1").await;
    let page = alice.page("/events").await;
    let position = crate::support::actors::between(&page, "data-live-position=\"", "\"").to_owned();
    assert!(!position.contains(['~', ':']), "nobody reads in it how much others store: {position}");
    let between = sender.store("2").await;
    let mut follower = Follower::new(&alice, &format!("/events/live?last_event_id={position}"));
    follower.connect().await;
    assert_eq!(follower.ids(), std::slice::from_ref(&between), "what came between the page and its connection");
    // Who knows nothing but the id of an event goes on after it.
    let mut follower = Follower::new(&alice, "/events/live");
    follower.last_id = between.clone();
    follower.connect().await;
    assert_eq!(follower.ids(), Vec::<String>::new());
    assert!(!follower.last_id.contains(['~', ':']), "{}", follower.last_id);
    for nonsense in ["x", "019ab000-0000-7000-8000-000000000000~1:2", "019ab000-0000-7000-8000-000000000000~9:1:"] {
        follower.last_id = nonsense.to_owned();
        follower.connect().await;
        assert_eq!(follower.ids(), Vec::<String>::new(), "as if nothing was said");
    }
    // Numbers of transactions in clear mean nothing: else trying them out would tell how many everybody has stored.
    let newest = server.number("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint").await;
    for number in [3, newest - 1, newest + 1_000_000] {
        for clear in [format!("{between}~{number}:{number}:"), format!("{between}~3:3:~{number}:{number}:")] {
            follower.last_id = clear;
            follower.connect().await;
            assert_eq!(follower.ids(), Vec::<String>::new(), "{number} of {newest}");
        }
    }
    // A position of another database: what is newer by its id is told, and nothing is held back.
    follower.last_id = format!("{}~900000000:900000000:", &between);
    follower.connect().await;
    let newest = sender.store("3").await;
    follower.until(|said| said.len() == 1).await;
    assert_eq!(follower.ids(), [newest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_after_the_clock_was_set_back_is_told_and_has_its_own_time() {
    let (server, alice, sender) = started().await;
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    let before = sender.store("1").await;
    follower.until(|said| said.len() == 1).await;
    server.pass(SignedDuration::from_hours(-2));
    let corrected = server.now();
    let after = sender.store("2").await;
    follower.until(|said| said.len() == 2).await;
    assert_eq!(follower.ids(), [before, after.clone()]);
    let received = after.parse::<EventId>().unwrap().received_at();
    assert!(received.duration_since(corrected) < SignedDuration::from_hours(1), "{received}");
}

/// Transactions that take their ids early and commit late, as of a program whose commits are slow: several after one another, and several
/// of these at once.
async fn commit_late(server: &TestServer, account: &str, credential: &str) -> Vec<String> {
    let late = (1..=12).map(|number| async move {
        let mut ids = Vec::new();
        for _ in 0..4 {
            let id = Uuid::now_v7();
            let seconds = 0.06 * f64::from(number);
            // Told in the words of a program that nobody knows.
            let transaction = format!(
                "begin; insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
                 values ('{account}', '{id}', '{credential}', '10.0.0.9', 'application/json', '[]', '1', 1); \
                 select pg_sleep({seconds}); commit; notify reasoner_webhooks, '{} {account}'",
                Uuid::nil()
            );
            server.query(&transaction).await;
            ids.push(id.to_string());
        }
        ids
    });
    join_all(late).await.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_and_nothing_comes_twice_when_ids_commit_out_of_order_and_the_line_breaks_anywhere() {
    let (here, alice, sender) = started().await;
    let there = TestServer::start_over(here.database_url.clone(), |_| {}).await;
    let sender_there = Sender::new(&there.url, &sender.username, &sender.password);
    let owner = here.query("select account_id::text, id::text from credentials").await;
    let (account, credential) = (owner[0][0].clone().unwrap(), owner[0][1].clone().unwrap());

    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    let storing = async {
        let one = async |sender: &Sender| {
            let mut ids = Vec::new();
            for _ in 0..150 {
                ids.push(sender.store("1").await);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            ids
        };
        let (mut a, b, c) = tokio::join!(one(&sender), one(&sender_there), commit_late(&here, &account, &credential));
        a.extend(b);
        a.extend(c);
        a
    };
    let is_done = std::cell::Cell::new(false);
    let storing = async {
        let ids = storing.await;
        is_done.set(true);
        ids
    };
    let following = async {
        let mut cuts = 0;
        // As many bytes as a few rows have, and each time another number, so that cuts fall into every part of a block.
        while !is_done.get() || cuts < 30 {
            follower.read_some(1 + (cuts * 7_919) % 9_000, Duration::from_millis(150)).await;
            follower.cut();
            cuts += 1;
            follower.go_to(if cuts % 2 == 0 { &here.url } else { &there.url });
            follower.connect().await;
        }
        follower
    };
    let (expected, mut follower) = tokio::join!(storing, following);
    let last = sender.store("2").await;
    follower.until(|said| said.iter().any(|said| said.data["id"] == last)).await;

    let told = follower.ids();
    let distinct: HashSet<&String> = told.iter().collect();
    assert_eq!(distinct.len(), told.len(), "nothing twice");
    let missed: Vec<&String> = expected.iter().filter(|id| !distinct.contains(id)).collect();
    assert_eq!(missed, Vec::<&String>::new(), "nothing missed");
    assert!(follower.of("skipped").is_empty());
    let mut sorted = told.clone();
    sorted.sort();
    assert_ne!(sorted, told, "ids did commit out of order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_after_a_restart_of_the_program() {
    let (server, alice, sender) = started().await;
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    let before = sender.store("1").await;
    follower.until(|said| said.len() == 1).await;
    let database_url = server.database_url.clone();
    let (stopped, ended) = tokio::join!(server.stop(), follower.ends());
    assert_eq!((stopped, ended), ((), true), "the program ends, and does not wait for its readers");
    let server = TestServer::start_over(database_url, |_| {}).await;
    let meanwhile = Sender::new(&server.url, &sender.username, &sender.password).store("2").await;
    follower.cut();
    follower.go_to(&server.url);
    follower.connect().await;
    follower.until(|said| said.len() == 2).await;
    assert_eq!(follower.ids(), [before, meanwhile]);
}

/// Less than the pause after which feeds are looked after.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn what_another_instance_stored_arrives_because_that_one_tells() {
    let (server, alice, sender) = started().await;
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let there = Sender::new(&other.url, &sender.username, &sender.password);
    let arrives = async || {
        let mut follower = Follower::new(&alice, "/events/live");
        follower.connect().await;
        let id = there.store("1").await;
        let told = follower.until(|said| said.len() == 1);
        tokio::time::timeout(TOLD_WITHIN, told).await.expect("it is told");
        assert_eq!(follower.ids(), [id]);
    };
    arrives().await;
    // The connections that listen are lost, and made again.
    let killed = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                  where query = 'listen reasoner_webhooks' and datname = current_database()";
    assert_eq!(server.number(killed).await, 2);
    server.eventually(&killed.replace("pg_terminate_backend(pid)", "pid"), 2).await;
    arrives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_was_told_of_is_found_all_the_same() {
    let (server, alice, sender) = started().await;
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    let owner = server.query("select account_id::text, id::text from credentials").await;
    let (account, credential) = (owner[0][0].clone().unwrap(), owner[0][1].clone().unwrap());
    let id = Uuid::now_v7();
    server
        .query(&format!(
            "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
             values ('{account}', '{id}', '{credential}', '10.0.0.9', 'application/json', '[]', '1', 1)"
        ))
        .await;
    follower.until(|said| said.len() == 1).await;
    assert_eq!(follower.ids(), [id.to_string()]);
    drop(sender);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_for_more_than_a_page_is_told_how_much_and_loses_nothing_after_that() {
    let (_server, alice, sender) = started().await;
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    follower.cut();
    for _ in 0..5 {
        join_all((0..50).map(|_| sender.store("1"))).await;
    }
    sender.store("2").await;
    follower.connect().await;
    assert_eq!(follower.of("skipped"), [&serde_json::json!({ "count": 251, "more": false })]);
    assert_eq!(follower.ids(), Vec::<String>::new());
    // What is told has a position of its own: a script that goes on from there is not told again.
    let mut script = Follower::new(&alice, "/events/live");
    script.last_id = follower.said[0].id.clone();
    script.connect().await;
    assert!(script.said.is_empty(), "{:?}", script.said);
    let next = sender.store("3").await;
    follower.until(|said| said.len() == 2).await;
    assert_eq!(follower.ids(), [next]);
    // Within a page, each is told.
    follower.cut();
    let missed = sender.store("4").await;
    follower.connect().await;
    assert_eq!(follower.ids()[1..], [missed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_wakes_nobody_more_than_ten_times_a_second() {
    let (here, alice, sender) = started().await;
    let there = TestServer::start_over(here.database_url.clone(), |_| {}).await;
    let sender_there = Sender::new(&there.url, &sender.username, &sender.password);
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    let (polls, began) = (here.application().feeds.polls(), Instant::now());
    let flood = |sender: Sender| async move {
        for _ in 0..100 {
            join_all((0..4).map(|_| sender.store("1"))).await;
        }
    };
    tokio::join!(flood(sender.clone()), flood(sender_there));
    let last = sender.store("2").await;
    let told = |follower: &Follower| {
        let skipped: u64 = follower.of("skipped").iter().map(|data| data["count"].as_u64().unwrap()).sum();
        follower.ids().len() as u64 + skipped
    };
    follower.until(|said| said.iter().any(|said| said.kind == "skipped" || said.data["id"] == last)).await;
    while told(&follower) < 801 {
        follower.read_some(usize::MAX, Duration::from_millis(50)).await;
    }
    let most = 10.0 * began.elapsed().as_secs_f64() + 1.0;
    let looked = here.application().feeds.polls() - polls;
    assert!((looked as f64) <= most, "{looked} polls, at most {most}");
    assert_eq!(told(&follower), 801, "each event is a row, or counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_with_the_same_filters_share_their_looks_and_idle_ones_need_none() {
    let (server, alice, sender) = started().await;
    let other = server.sender(&alice).await;
    let bob = server.pro("bob@example.com").await;
    let mut idle = Follower::new(&bob, "/events/live");
    idle.connect().await;
    let elsewhere = [server.sign_in("alice@example.com").await, server.sign_in("alice@example.com").await];
    let mut followers: Vec<Follower> =
        (0..40).map(|number| Follower::new(&elsewhere[number % 2], "/events/live")).collect();
    join_all(followers.iter_mut().map(Follower::connect)).await;
    let mut filtered = Follower::new(&alice, &format!("/events/live?credential={}", other.username));
    filtered.connect().await;

    let polls = server.application().feeds.polls();
    let id = sender.store("1").await;
    for follower in &mut followers {
        follower.until(|said| said.len() == 1).await;
        assert_eq!(follower.ids(), std::slice::from_ref(&id));
    }
    // Two feeds of this account; a note of the first use, and the word of another program, may be a look more for each.
    let looked = server.application().feeds.polls() - polls;
    assert!((2..=6).contains(&looked), "{looked} polls for 42 readers");
    let of_other = other.store("2").await;
    filtered.until(|said| said.len() == 1).await;
    assert_eq!(filtered.ids(), [of_other]);

    // Now nothing arrives, and nobody asks, once notes of uses are written: however slow the machine is, there come seconds in which
    // nothing is polled, and all feeds together are looked after in one question at most.
    let mut last = String::new();
    for _ in 0..10 {
        let polls = server.application().feeds.polls();
        let now = server.query("select now()::text").await[0][0].clone().unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let asked = format!(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
             and query_start > '{now}'"
        );
        let (polled, asked) = (server.application().feeds.polls() - polls, server.number(&asked).await);
        last = format!("{polled} polls, and {asked} connections asked something, while 42 readers read nothing");
        if polled == 0 && asked <= 1 {
            last.clear();
            break;
        }
    }
    assert_eq!(last, "");
    assert!(idle.of("stored").is_empty(), "somebody else's");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_while_feeds_were_looked_after_is_told_when_it_is_committed() {
    let (server, alice, sender) = started().await;
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    let before = sender.store("1").await;
    follower.until(|said| said.len() == 1).await;
    let owner = server.query("select account_id::text, id::text from credentials").await;
    let (account, credential) = (owner[0][0].clone().unwrap(), owner[0][1].clone().unwrap());
    let (client, connection) = tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let slow = Uuid::now_v7();
    let insert = format!(
        "begin; insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
         values ('{account}', '{slow}', '{credential}', '10.0.0.9', 'application/json', '[]', '1', 1)"
    );
    client.batch_execute(&insert).await.unwrap();
    // Nothing is new, so each time the feed goes on from where this began, past transactions that came later.
    let polls = server.application().feeds.polls();
    for _ in 0..3 {
        server.query("select pg_current_xact_id()").await;
        server.application().feeds.look_after_once().await.unwrap();
    }
    assert_eq!(server.application().feeds.polls(), polls, "nobody had to look");
    client.batch_execute("commit").await.unwrap();
    server.application().feeds.look_after_once().await.unwrap();
    follower.until(|said| said.len() == 2).await;
    assert_eq!(follower.ids(), [before, slow.to_string()]);
    // Whoever comes back goes on from there.
    follower.cut();
    follower.connect().await;
    assert_eq!(follower.ids().len(), 2, "nothing twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_flood_are_looked_at_once_more_and_then_left_alone() {
    let (server, alice, _sender) = started().await;
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    let owner = server.query("select account_id::text, id::text from credentials").await;
    let owner = format!("'{}'::uuid, '{}'::uuid", owner[0][0].clone().unwrap(), owner[0][1].clone().unwrap());
    server.query(&insert_many(&owner, 25_000, 0, "'1'")).await;
    let feeds = &server.application().feeds;
    feeds.look_after_once().await.unwrap();
    follower.until(|said| said.len() == 1).await;
    assert_eq!(follower.of("skipped"), [&serde_json::json!({ "count": 10_000, "more": true })]);
    // More of them are as young as unseen ones may be than are looked at for one account: so it is told to look, and finds nothing.
    let polls = feeds.polls();
    feeds.look_after_once().await.unwrap();
    let looked = async {
        while feeds.polls() == polls {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), looked).await.expect("it polls");
    // Half a minute later nothing is left to go through, and nobody polls.
    server.pass(SignedDuration::from_secs(60));
    feeds.look_after_once().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let polls = feeds.polls();
    for _ in 0..3 {
        feeds.look_after_once().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(feeds.polls(), polls);
    assert_eq!(follower.said.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_asked_as_much_as_it_may_says_so_and_goes_on_from_there() {
    let (server, alice, sender) = started().await;
    let first = sender.store("1").await;
    let owner = server.query("select account_id::text, id::text from credentials").await;
    let owner = format!("'{}'::uuid, '{}'::uuid", owner[0][0].clone().unwrap(), owner[0][1].clone().unwrap());
    server.query(&insert_many(&owner, 5_000, 0, "'\"other\"'")).await;
    let mut follower = Follower::new(&alice, "/events/live?q=wanted");
    follower.last_id = first.replace(&first[..8], "01900000");
    follower.connect().await;
    assert_eq!(follower.of("skipped"), [&serde_json::json!({ "count": 0, "more": true })]);
    let (wanted, _other) = (sender.store(r#""wanted""#).await, sender.store("1").await);
    follower.until(|said| said.len() == 2).await;
    assert_eq!(follower.ids(), [wanted]);
}

/// As many different filters as an account may have live pages with, and as many pages, in all and in one session.
const MAX_FEEDS: usize = 64;
const MAX_READERS: usize = 100;
const MAX_READERS_OF_SESSION: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_and_a_browser_have_so_many_live_pages_and_leave_places_to_others() {
    let (server, alice, sender) = started().await;
    let bob = server.pro("bob@example.com").await;
    let mut browsers = vec![alice.clone()];
    for _ in 1..6 {
        browsers.push(server.sign_in("alice@example.com").await);
    }
    let path = |number: usize| format!("/events/live?q={number}");
    let mut followers: Vec<Follower> =
        (1..=MAX_FEEDS).map(|number| Follower::new(&browsers[number % 4], &path(number))).collect();
    join_all(followers.iter_mut().map(Follower::connect)).await;
    let refused = alice.get(&path(MAX_FEEDS + 1)).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"60".parse().unwrap()));
    assert!(refused.text().await.unwrap().contains("64 different filters"));
    // Whoever reads what is read already is let in, as long as there is room in the session and in the account.
    let mut same: Vec<Follower> = (0..MAX_READERS_OF_SESSION).map(|_| Follower::new(&browsers[4], &path(1))).collect();
    join_all(same.iter_mut().map(Follower::connect)).await;
    let of_session = browsers[4].get(&path(1)).await;
    assert_eq!(of_session.status(), 429);
    assert!(of_session.text().await.unwrap().contains("20 pages of this browser"));
    let left = MAX_READERS - MAX_FEEDS - MAX_READERS_OF_SESSION;
    let mut last: Vec<Follower> = (0..left).map(|_| Follower::new(&browsers[5], &path(1))).collect();
    join_all(last.iter_mut().map(Follower::connect)).await;
    let of_account = browsers[5].get(&path(1)).await;
    assert_eq!(of_account.status(), 429);
    assert!(of_account.text().await.unwrap().contains("100 pages of your account"));
    // And so is everybody else's account.
    Follower::new(&bob, &path(MAX_FEEDS + 1)).connect().await;
    same.append(&mut last);
    let stored = sender.store("1").await;
    for follower in same.iter_mut().chain(&mut followers[..1]) {
        follower.until(|said| said.len() == 1).await;
        assert_eq!(follower.ids(), std::slice::from_ref(&stored));
    }
    // A place that is given up is free for another filter, and before anything could be sent to who has left.
    drop(followers.pop());
    let again = async {
        while browsers[5].get(&path(MAX_FEEDS + 1)).await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_left_before_it_is_live_takes_no_place() {
    let (server, _, _) = started().await;
    let cookie = server.cookie("alice@example.com").await;
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask =
        async || browser.get(format!("{}/events/live", server.url)).header("Cookie", &cookie).send().await.unwrap();
    let head =
        format!("GET /events/live HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", server.application().address);
    for _ in 0..2 * MAX_READERS {
        let mut left = tokio::net::TcpStream::connect(server.application().address).await.unwrap();
        left.write_all(head.as_bytes()).await.unwrap();
        left.shutdown().await.unwrap();
    }
    let again = async {
        while ask().await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("nobody is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn late_events_that_are_accepted_are_told_as_such_on_every_instance() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (old, new, path) = expired(&server, &alice).await;
    assert_eq!(old.send("1").await.status(), 401);
    assert_eq!(old.send("2").await.status(), 401);
    server.eventually("select count(*) from held_events", 2).await;
    server.pass(SignedDuration::from_hours(1));
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    other.pass(SignedDuration::from_hours(3));
    let mut followers: Vec<Follower> = (0..2).map(|_| Follower::new(&alice, "/events/live")).collect();
    followers[1].go_to(&other.url);
    let mut of_another =
        Follower::new(&alice, &format!("/events/live?credential={}", server.sender(&alice).await.username));
    join_all(followers.iter_mut().chain([&mut of_another]).map(Follower::connect)).await;
    let accepted = alice.post(&format!("{path}/held-events/acceptance"), &[("current_password", PASSWORD)]).await;
    assert_eq!(accepted.status(), 303);
    for follower in &mut followers {
        follower.until(|said| said.iter().any(|said| said.kind == "late")).await;
        assert_eq!(follower.of("late"), [&serde_json::json!({ "count": 2 })]);
    }
    // It is said once, and only where the credential may be shown.
    let stored = new.store("3").await;
    for follower in &mut followers {
        follower.until(|said| said.iter().any(|said| said.data["id"] == stored)).await;
        assert_eq!((follower.of("late").len(), follower.ids()), (1, vec![stored.clone()]));
    }
    assert!(of_another.of("late").is_empty());
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn a_live_connection_ends_with_its_session_and_says_nothing_more() {
    let (server, alice, sender) = started().await;
    let mut follower = Follower::new(&alice, "/events/live");
    follower.connect().await;
    assert_eq!(alice.post("/logout", &[]).await.status(), 303);
    sender.store(r#"{"canary":"after"}"#).await;
    assert!(follower.ends().await);
    assert!(follower.said.is_empty(), "{:?}", follower.said);
    // Its page connects again by itself: that there is nothing is all that a script can be told.
    let live = || alice.client.get(format!("{}/events/live", alice.url));
    assert_eq!(live().header("Sec-Fetch-Mode", "cors").send().await.unwrap().status(), 204);
    for reader in [live(), live().header("Sec-Fetch-Mode", "navigate")] {
        assert_eq!(reader.send().await.unwrap().headers()["location"], "/login?next=%2Fevents%2Flive");
    }
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_told_apart_where_their_numbers_begin_again() {
    let server = TestServer::start().await;
    // The lower halves of the numbers alone are kept with the rows.
    let after = async |xid: &str, snapshot: &str| {
        let sql = format!("select committed_after('{xid}'::xid, '{snapshot}'::pg_snapshot)::int::bigint");
        server.number(&sql).await == 1
    };
    let newest = server.number("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint").await;
    let (low, seen) = (newest - 1, format!("{newest}:{newest}:"));
    assert!(!after(&low.to_string(), &seen).await, "committed before it was taken");
    assert!(after(&low.to_string(), &format!("{low}:{newest}:{low}")).await, "under way when it was taken");
    assert!(after(&low.to_string(), &format!("1:{low}:")).await, "not begun when it was taken");
    assert!(!after("4294967295", &format!("1:{low}:")).await, "of the numbers before they began again");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_pages_leave_half_of_the_connections_to_senders() {
    let server = TestServer::start_configured(|config| config.connections.max_connections = 12).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let mut followers: Vec<Follower> = (0..6).map(|_| Follower::new(&alice, "/events/live")).collect();
    join_all(followers.iter_mut().map(Follower::connect)).await;
    let refused = alice.get("/events/live").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"60".parse().unwrap()));
    assert_eq!(sender.status().await, 200);
    drop(followers);
}
