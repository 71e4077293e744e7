//! The sessions of a user: what is shown of them, how they end, and that none begins behind the back of their end.

use std::time::Duration;

use crate::support::actors::Person;
use crate::support::server::{PASSWORD, TestServer};

const SESSIONS: &str = "/settings/sessions";

/// Somebody who is signed in with a browser of a name, from behind a proxy.
async fn signed_in(server: &TestServer, email: &str, agent: &str, address: &str) -> Person {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("user-agent", agent.parse().unwrap());
    headers.insert("x-forwarded-for", address.parse().unwrap());
    let client = reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(headers)
        .no_proxy()
        .build()
        .unwrap();
    let person = Person { url: server.url.clone(), client };
    assert_eq!(person.post("/login", &[("email", email), ("password", PASSWORD)]).await.status(), 303);
    person
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_devices_tells_which_browser_was_seen_when_and_from_where() {
    let server = TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.1".to_owned())).await;
    server.create_account("alice@example.com", "pro").await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let alice = signed_in(&server, "alice@example.com", firefox, "203.0.113.7").await;
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1";
    let other = signed_in(&server, "alice@example.com", phone, "198.51.100.24").await;
    server.pass(jiff::SignedDuration::from_mins(5));
    let page = alice.page(SESSIONS).await;
    let rows: Vec<&str> = page.split("<li class=\"cell row spread\">").skip(1).collect();
    let [first, second] = rows[..] else { panic!("{} rows: {page}", rows.len()) };
    assert!(first.contains("Firefox on Linux") && first.contains("This browser") && first.contains("203.0.113.7"));
    assert!(second.contains("Safari on iPhone") && second.contains("198.51.100.24"), "{second}");
    assert!(second.contains("5 min ago") && !second.contains("This browser"), "{second}");

    // Whoever has stolen the cookie is somewhere else.
    let stolen = server.query("select key_hash::text from sessions where user_agent like '%iPhone%'").await;
    let moved = other.client.get(format!("{}/events", server.url)).header("x-forwarded-for", "192.0.2.99");
    assert_eq!(moved.send().await.unwrap().status(), 200);
    let page = alice.page(SESSIONS).await;
    assert!(page.contains("192.0.2.99"), "the address is the one that it was used from last");
    let same = server.query("select key_hash::text from sessions where user_agent like '%iPhone%'").await;
    assert_eq!(stolen, same, "it is the same session");
}

// holds W1, C11
#[tokio::test(flavor = "multi_thread")]
async fn all_other_sessions_end_at_once_and_the_asking_one_goes_on() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let bob = server.pro("bob@example.com").await;
    let lonely = alice.page(SESSIONS).await;
    assert!(!lonely.contains("Sign out all others"), "there is no other");
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(signed_in(&server, "alice@example.com", "curl/8.5", "203.0.113.7").await);
    }
    assert!(alice.page(SESSIONS).await.contains("Sign out all others"));
    let answer = alice.post("/settings/other-sessions/ending", &[]).await;
    assert!(alice.follow(answer).await.contains("3 other browsers are signed out."));
    for other in &others {
        assert_eq!(other.get("/events").await.status(), 303);
    }
    assert_eq!(alice.get("/events").await.status(), 200);
    assert_eq!(bob.get("/events").await.status(), 200);
    assert!(alice.page("/settings/audit").await.contains("Ended all other sessions"));
}

/// Whoever knows the old password must not get in by asking just before it changes. The audit trail is locked, so that the sign-in
/// waits after its password was found right and before its session begins.
async fn sign_in_while(server: &TestServer, change: &str) -> Person {
    let (client, connection) = tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("begin; lock table audit_log in exclusive mode").await.unwrap();
    let person = server.visitor();
    let signing_in = {
        let person = person.clone();
        tokio::spawn(
            async move { person.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await },
        )
    };
    let waiting = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation \
         where c.relname = 'audit_log' and not l.granted";
    server.eventually(waiting, 1).await;
    client.batch_execute(change).await.unwrap();
    client.batch_execute("commit").await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(10), signing_in).await.unwrap().unwrap();
    assert_eq!(answer.status(), 303, "the password was right when it was looked at");
    person
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_on_its_way_while_the_password_changes_opens_nothing() {
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    // As changing the password, setting it on the command line and turning two-step sign-in on do.
    for column in ["password_changed_at", "devices_forgotten_at"] {
        let change = format!("update users set {column} = clock_timestamp(); delete from sessions");
        let intruder = sign_in_while(&server, &change).await;
        assert_eq!(intruder.get("/events").await.status(), 303, "{column}");
        assert_eq!(server.number("select count(*) from sessions").await, 0, "{column}");
    }
    let nothing = sign_in_while(&server, "select 1").await;
    assert_eq!(nothing.get("/events").await.status(), 200, "whoever merely waited is in");
}
