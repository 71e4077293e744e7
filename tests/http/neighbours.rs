//! What one account asks for, and what is left to the others: counted, and never timed.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::holding::expired;
use crate::metrics::Scrape;
use crate::support::actors::{Person, WEBHOOKS, between};
use crate::support::server::{PASSWORD, TestServer};
use crate::support::wire::{Wire, head};

/// Requests of one account that are answered at once, and that may wait.
const AT_ONCE: usize = 2;
const WAITING: usize = 128;

/// Statements of pages that wait for events which somebody keeps for himself.
const LOCKED_OUT: &str = "select count(*) from pg_stat_activity where datname = current_database() \
     and wait_event_type = 'Lock' and query not like '%store_%' and query not like 'delete from sign_in_links where ctid%'";

async fn start() -> TestServer {
    TestServer::start_with(|options| options.metrics_bind = Some("127.0.0.1:0".to_owned())).await
}

async fn scrape(server: &TestServer) -> Scrape {
    let url = format!("http://{}/metrics", server.application().metrics_address.unwrap());
    Scrape::read(&reqwest::get(url).await.unwrap().text().await.unwrap())
}

async fn waiting_pages(server: &TestServer) -> f64 {
    let scrape = scrape(server).await;
    let samples = &scrape.0["reasoner_account_queue_waiting"].samples;
    samples.iter().find(|(_, labels, _)| labels["queue"] == "page_requests").unwrap().2
}

/// As many requests for pages of events as one session may have, answered and waiting.
async fn crowd(server: &TestServer, person: &Arc<Person>) -> Vec<JoinHandle<u16>> {
    let ask = |person: Arc<Person>| async move { person.get("/events").await.status().as_u16() };
    let pages = (0..AT_ONCE + WAITING).map(|_| tokio::spawn(ask(person.clone()))).collect();
    while waiting_pages(server).await < WAITING as f64 {
        tokio::task::yield_now().await;
    }
    pages
}

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_does_not_crowd_out_its_owners_other_ones() {
    let server = start().await;
    let thief = Arc::new(server.pro("alice@example.com").await);
    let owner = server.sign_in("alice@example.com").await;
    let locked = server.lock_events().await;
    let pages = crowd(&server, &thief).await;
    assert_eq!(thief.get("/settings/account").await.status(), 503);
    assert_eq!(owner.get("/settings/account").await.status(), 200);
    assert!(!pages.iter().any(JoinHandle::is_finished), "none of the crowd had to end first");
    drop(locked);
    for page in pages {
        page.await.unwrap();
    }
}

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_takes_two_connections_and_leaves_the_rest_to_others() {
    let server = TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await;
    let alice = server.pro("alice@example.com").await;
    // What visitors alone ask for.
    let locked = server.begin("lock table sign_in_links in access exclusive mode").await;
    let strangers: Vec<_> = (0..14)
        .map(|number| {
            // Of one customer, whatever address of theirs they choose.
            let stranger = Person::at(&server.url, &format!("2001:db8:0:{number}::1"));
            tokio::spawn(async move { stranger.post("/login/link", &[("token", "x")]).await })
        })
        .collect();
    server.eventually(LOCKED_OUT, AT_ONCE as i64).await;
    assert_eq!(alice.get("/settings/account").await.status(), 200, "somebody who is signed in");
    let other = Person::at(&server.url, "192.0.2.7");
    let other = other.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(other.status(), 303, "a visitor from elsewhere");
    assert_eq!(server.number(LOCKED_OUT).await, AT_ONCE as i64);
    drop(locked);
    for stranger in strangers {
        stranger.await.unwrap();
    }
}

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn one_account_takes_two_connections_of_the_pool_and_leaves_the_rest_to_others() {
    let server = start().await;
    let alice = Arc::new(server.pro("alice@example.com").await);
    let bob = server.pro("bob@example.com").await;
    server.sender(&alice).await.store("1").await;
    let locked = server.lock_events().await;
    let pages = crowd(&server, &alice).await;
    assert_eq!(server.number(LOCKED_OUT).await, AT_ONCE as i64);
    let refused = alice.get("/settings/account").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    assert!(refused.text().await.unwrap().contains("Too many requests from your account"));
    assert_eq!(bob.get("/settings/account").await.status(), 200, "the others find a connection");
    drop(locked);
    let mut answered = 0;
    for page in pages {
        let status = page.await.unwrap();
        assert!([200, 503].contains(&status), "{status}");
        answered += usize::from(status == 200);
    }
    assert!(answered >= 1 && alice.get("/events").await.status() == 200, "{answered} were answered");
}

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_devices_comes_in_pages() {
    let server = start().await;
    let alice = server.pro("alice@example.com").await;
    let more = "insert into sessions (key_hash, id, user_id, state, created_at, last_seen_at, expires_at) \
         select sha256(n::text::bytea), gen_random_uuid(), s.user_id, s.state, s.created_at, s.last_seen_at - n * interval '1 s', \
         s.expires_at from generate_series(1, 150) n, (select * from sessions where user_id is not null limit 1) s";
    server.query(more).await;
    let first = alice.page("/settings/sessions").await;
    assert!(first.contains("This browser"), "it was seen last");
    let (mut page, mut counts) = (first, Vec::new());
    loop {
        counts.push(page.matches("/revocation\"").count());
        assert!(page.contains("Sign out all others"));
        if !page.contains("rel=\"next\"") {
            break;
        }
        page = alice.page(between(&page, "rel=\"next\" href=\"", "\"")).await;
    }
    assert_eq!(counts, [50, 50, 50, 1], "each is on one page");
    assert_eq!(alice.get("/settings/sessions?before=x").await.status(), 400);
}

// holds N3
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_credentials_comes_in_pages_and_knows_those_that_were_revoked_last() {
    let server = start().await;
    let alice = server.pro("alice@example.com").await;
    let more = "insert into credentials (id, account_id, name, username, created_at, revoked_at) \
         select gen_random_uuid(), account_id, 'Sender ' || n, 'rw_' || lpad(n::text, 8, '0'), now() + n * interval '1 s', \
         case when n > 60 then now() + n * interval '1 s' end from users, generate_series(1, 300) n";
    server.query(more).await;
    let (mut page, mut counts) = (alice.page(WEBHOOKS).await, Vec::new());
    assert!(page.contains("60 of 100 credentials") && page.contains("Revoked credentials (200)"));
    let count = |page: &str| page.matches("class=\"cred\" id=\"rw_").count();
    loop {
        counts.push(count(&page));
        let Some((_, rest)) = page.split_once("rel=\"next\" href=\"") else { break };
        page = alice.page(rest.split('"').next().unwrap()).await;
    }
    assert_eq!(counts, [50, 10]);
    let back = alice.page(between(&page, "rel=\"prev\" href=\"", "\"")).await;
    assert!(back.contains("id=\"rw_00000001\"") && !back.contains("id=\"rw_00000051\""));
    let mut revoked = alice.page(&format!("{WEBHOOKS}?state=revoked")).await;
    assert!(revoked.contains("id=\"rw_00000300\"") && count(&revoked) == 50, "the last revoked comes first");
    for _ in 0..3 {
        revoked = alice.page(&between(&revoked, "rel=\"next\" href=\"", "\"").replace("&#38;", "&")).await;
    }
    assert!(
        revoked.contains("id=\"rw_00000101\"") && !revoked.contains("rw_00000100") && !revoked.contains("rel=\"next\"")
    );
    let id = server.query("select id::text from credentials where username = 'rw_00000060'").await;
    let dialog = alice.page(&format!("{WEBHOOKS}?rename={}", id[0][0].as_deref().unwrap())).await;
    assert!(dialog.contains("Rename Sender 60"), "a dialog is about any of them");
}

// holds N3
#[tokio::test(flavor = "multi_thread")]
async fn a_page_knows_the_newest_passwords_of_a_credential_however_often_it_was_rotated() {
    let server = start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let more = "insert into credential_secrets (id, credential_id, hint, hash, created_at, revoked_at) \
         select gen_random_uuid(), credential_id, lpad(n::text, 4, '0'), hash, created_at - n * interval '1 s', created_at \
         from credential_secrets, generate_series(1, 5000) n";
    server.query(more).await;
    let page = alice.credential_page(&sender.username).await;
    assert!(page.contains(&sender.password[4..8]) && page.contains("rwp_0001") && !page.contains("rwp_0010"));
    sender.store("1").await;
}

const MIB: usize = 1024 * 1024;

// holds A4, D5
#[tokio::test(flavor = "multi_thread")]
async fn one_sender_with_slow_bodies_leaves_memory_to_the_others() {
    let server = start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let (greedy, other) = (server.sender(&alice).await, server.sender(&bob).await);
    greedy.store("1").await;
    let mut slow = Vec::new();
    for _ in 0..26 {
        let mut wire = Wire::connect(&server.url).await;
        wire.send(head(&greedy.authorization(), MIB, "")).await;
        // All but the last byte. Who is refused may close the connection meanwhile.
        let _ = wire.write(&vec![b' '; MIB - 1]).await;
        slow.push(wire);
    }
    let bytes = async || scrape(&server).await.0["reasoner_ingest_queue_bytes"].samples[0].2;
    while bytes().await < (14 * MIB) as f64 {
        tokio::task::yield_now().await;
    }
    other.store(format!("\"{}\"", "x".repeat(MIB - 2))).await;
    assert!(bytes().await <= (17 * MIB) as f64, "two thirds of what there is for all, and what is being refused");
}

// holds A4, C10
#[tokio::test(flavor = "multi_thread")]
async fn late_events_of_one_account_leave_memory_and_turns_to_others() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let (greedy, ..) = expired(&server, &alice).await;
    let (other, ..) = expired(&server, &bob).await;
    // Nothing late of that credential is written before this ends.
    let lock = format!("select from credentials where username = '{}' for no key update", greedy.username);
    let locked = server.begin(&lock).await;
    let mebibyte = format!("\"{}\"", "x".repeat(MIB - 2));
    for _ in 0..9 {
        assert_eq!(greedy.send(mebibyte.clone()).await.status(), 401);
    }
    assert_eq!(other.send(mebibyte).await.status(), 401);
    drop(locked);
    let others = format!("username = '{}'", other.username);
    let held = "from held_events h join credentials c on c.id = credential_id where";
    server.eventually(&format!("select count(*) {held} {others}"), 1).await;
    server.application().state.engine.holding.finish().await;
    let earlier = format!(
        "select count(*) {held} not {others} and h.xmin::text::bigint < (select h.xmin::text::bigint {held} {others})"
    );
    assert!(server.number(&earlier).await <= 1, "the next is of another account");
    let all = format!("select count(*) {held} not {others}");
    assert!((1..=6).contains(&server.number(&all).await), "two thirds of 8 MiB, and what was written meanwhile");
}
