//! Guesses that arrive at once: no more of them are looked at than of those that come one after the other, and whoever is right is
//! not kept out by their own haste.

use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::support::actors::{Person, WEBHOOKS};
use crate::support::authenticator::{Authenticator, SECOND_FACTOR};
use crate::support::server::{PASSWORD, TestServer};

const ALICE: &str = "alice@example.com";
const AT_ONCE: usize = 200;
/// Ten at once, and what grows back while a slow machine looks at them.
const LOOKED_AT: RangeInclusive<usize> = 5..=13;
/// Fifty at once from as many addresses, likewise.
const LOOKED_AT_EVERYWHERE: RangeInclusive<usize> = 45..=55;
/// In a browser that the user knows: its own, and then those of the rest of the world.
const LOOKED_AT_HERE: RangeInclusive<usize> = 50..=66;

/// A server behind a proxy, so that the test has many addresses.
async fn server() -> TestServer {
    TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await
}

/// The status of a form that is sent from an address of its own.
async fn send(person: &Person, from: usize, path: &str, fields: &[(&str, &str)]) -> u16 {
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let request = person.client.post(format!("{}{path}", person.url));
    let request = request.header("Sec-Fetch-Site", "same-origin").header("X-Forwarded-For", format!("192.0.2.{from}"));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").timeout(Duration::from_secs(120));
    request.body(body.join("&")).send().await.unwrap().status().as_u16()
}

/// The same, again as long as it may not even wait: of somebody who is signed in, only so many requests may.
async fn send_until_its_turn(person: &Person, from: usize, path: &str, fields: &[(&str, &str)]) -> u16 {
    loop {
        let status = send(person, from, path, fields).await;
        if status != 503 || !path.starts_with("/settings") {
            return status;
        }
        // Sooner than `Retry-After` says, as somebody who guesses would.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many of so many forms at once are answered with which status.
async fn send_at_once(person: &Person, path: &str, fields: &[(&str, &str)]) -> Vec<(u16, usize)> {
    let answers = join_all((0..AT_ONCE).map(|from| send_until_its_turn(person, from, path, fields))).await;
    let mut counts = std::collections::BTreeMap::new();
    for status in answers {
        *counts.entry(status).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

#[track_caller]
fn assert_few_are_looked_at(counts: &[(u16, usize)], most: RangeInclusive<usize>, what: &str) {
    let of = |status| counts.iter().find(|(other, _)| *other == status).map_or(0, |(_, count)| *count);
    let wrong = of(422);
    assert!(most.contains(&wrong) && wrong + of(429) == AT_ONCE, "{what}: {counts:?}");
}

async fn pending(server: &TestServer) -> Person {
    let person = server.visitor();
    assert_eq!(person.post("/login", &[("email", ALICE), ("password", PASSWORD)]).await.status(), 303);
    person
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_wrong_codes_at_once_ten_are_looked_at() {
    let server = server().await;
    let (phone, _) = Authenticator::enrol(&server, &server.pro(ALICE).await).await;
    let person = pending(&server).await;
    phone.next_code(&server);
    let wrong = phone.wrong_code(server.now());
    assert_few_are_looked_at(&send_at_once(&person, "/login/code", &[("code", &wrong)]).await, LOOKED_AT, "codes");
    let looked_at = server.number("select count(*) from audit_log where action = 'code_refused'").await;
    assert_eq!(looked_at, 10, "no other grows back within minutes");

    let code = phone.next_code(&server);
    assert_eq!(send(&person, 201, "/login/code", &[("code", &code)]).await, 429, "the right one has to wait too");
    server.pass(SignedDuration::from_mins(6));
    let code = phone.next_code(&server);
    assert_eq!(send(&pending(&server).await, 201, "/login/code", &[("code", &code)]).await, 303, "waiting is enough");
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_wrong_passwords_at_once_few_are_looked_at_at_every_door() {
    let server = server().await;
    let alice = server.pro(ALICE).await;
    Authenticator::enrol(&server, &alice).await;
    let wrong = "a wrong password";
    let new = "an entirely different set of words";
    let credentials = format!("{WEBHOOKS}/credentials");
    let removal = format!("{SECOND_FACTOR}/removal");
    let doors: [(&str, &[(&str, &str)]); 3] = [
        (&credentials, &[("name", "System"), ("current_password", wrong), ("confirmation_code", "000000")]),
        ("/settings/account/password", &[("current_password", wrong), ("new_password", new)]),
        (&removal, &[("current_password", wrong), ("code", "000000")]),
    ];
    server.pass(SignedDuration::from_mins(16));
    let sign_in = [("email", ALICE), ("password", wrong)];
    let counts = send_at_once(&server.visitor(), "/login", &sign_in).await;
    assert_few_are_looked_at(&counts, LOOKED_AT_EVERYWHERE, "signing in");
    for (path, fields) in doors {
        server.pass(SignedDuration::from_mins(30));
        assert_few_are_looked_at(&send_at_once(&alice, path, fields).await, LOOKED_AT_HERE, path);
    }
    server.pass(SignedDuration::from_mins(10));
    assert_eq!(server.visitor().post("/login", &[("email", ALICE), ("password", PASSWORD)]).await.status(), 303);
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_is_not_kept_out_by_itself_however_often_it_comes_at_once() {
    let server = server().await;
    server.create_account(ALICE, "pro").await;
    let visitor = server.visitor();
    let fields = [("email", ALICE), ("password", PASSWORD)];
    // From one address, whose failures are counted too. More wait for a turn than may be looked at at once.
    let answers = join_all((0..24).map(|_| send(&visitor, 1, "/login", &fields))).await;
    assert_eq!(answers, [303; 24]);
    let wrong = [("email", ALICE), ("password", "a wrong password")];
    assert_eq!(send(&visitor, 1, "/login", &wrong).await, 422, "and none of them counts");
}
