//! Whose failures count for whom: by address, by customer where an address is cheap, and by client behind a proxy.

use crate::support::actors::Sender;
use crate::support::server::TestServer;

/// More failures than anybody may have at once.
const TOO_MANY: usize = 150;

/// The status of a forged password from behind a proxy that says whom it forwards.
async fn forge(sender: &Sender, client: &str) -> u16 {
    let forged = sender.with_password("rwp_wrong");
    forged.request().header("X-Forwarded-For", client).body("{}").send().await.unwrap().status().as_u16()
}

/// Fails until it is told to wait, and never longer than it should take.
async fn exhaust(sender: &Sender, client: &str) {
    for _ in 0..TOO_MANY {
        match forge(sender, client).await {
            401 => {}
            429 => return,
            other => panic!("{other} for a wrong password"),
        }
    }
    panic!("{TOO_MANY} failures of {client} at once are let through");
}

// holds A5, W12
#[tokio::test(flavor = "multi_thread")]
async fn each_client_of_a_trusted_proxy_has_failures_of_its_own() {
    let server = TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.status().await, 200);

    exhaust(&sender, "198.51.100.24").await;
    assert_eq!(forge(&sender, "198.51.100.25").await, 401, "a neighbour");
    // What a client writes into the header itself stands left of what the proxy adds.
    assert_eq!(forge(&sender, "203.0.113.9, 198.51.100.24").await, 429, "the same with a made-up past");

    exhaust(&sender, "2001:db8:1:2::a").await;
    assert_eq!(forge(&sender, "2001:db8:1:2:ffff::b").await, 429, "another address of the same customer");
    assert_eq!(forge(&sender, "2001:db8:1:3::a").await, 401, "another customer");

    for client in ["198.51.100.24", "2001:db8:1:2::a"] {
        let right = sender.request().header("X-Forwarded-For", client).body("{}");
        assert_eq!(right.send().await.unwrap().status(), 200, "a verified sender behind {client}");
    }
}

// holds A5
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_known_to_nobody_yet_is_let_in_from_an_address_that_has_failed_too_often() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (noisy, quiet) = (server.sender(&alice).await, server.sender(&alice).await);
    exhaust(&noisy, "").await;
    let runs = server.application().state.engine.verifier.argon2_runs();
    assert_eq!(quiet.status().await, 200, "it has a right password, which nobody has verified before");
    assert_eq!(quiet.status().await, 200);
    assert_eq!(server.application().state.engine.verifier.argon2_runs(), runs + 1);
    assert_eq!(forge(&noisy, "").await, 429, "its neighbour waits on");

    // Passwords that have ended have a right checksum too, so they may ask, but not as often as they like.
    let id = alice.credential_id(&quiet.username).await;
    let revocation = format!("{}/credentials/{id}/revocation", crate::support::actors::WEBHOOKS);
    assert_eq!(alice.post(&revocation, &[("confirmation", "System 2")]).await.status(), 303);
    exhaust(&noisy, "").await;
    let slow = || server.application().state.engine.verifier.verifications.slow.get();
    let (before, began) = (slow(), std::time::Instant::now());
    let mut statuses = Vec::new();
    for _ in 0..200 {
        statuses.push(quiet.status().await);
    }
    // A second gives one failure back, and ten looks, so this holds however slow the machine is.
    let seconds = began.elapsed().as_secs() + 1;
    let failures = statuses.iter().filter(|status| **status == 401).count() as u64;
    assert!(failures <= seconds + 1, "{failures} in {seconds} s: {statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert!(slow() - before <= 10 + 10 * seconds + failures, "{} asked the database in {seconds} s", slow() - before);
}

// holds S1
#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_authorization_is_asked_for_it_however_often() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let ask = async || {
        let answer = reqwest::Client::new().post(format!("{}/", server.url)).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "), "with the challenge");
    };
    for _ in 0..2 * TOO_MANY {
        ask().await;
    }
    assert_eq!(forge(&sender, "").await, 401, "none of these was a failure");
    exhaust(&sender, "").await;
    ask().await;
    assert_eq!(sender.status().await, 200);
    let engine = &server.application().state.engine;
    assert_eq!(engine.verifier.argon2_runs(), 1, "for the event that was stored");
}

// holds A5
#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_header_that_cannot_be_read_is_a_failure() {
    let server = TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.1".to_owned())).await;
    let client = reqwest::Client::new();
    let malformed: [&[&str]; 5] = [&[""], &["Bearer x"], &["Basic"], &["Basic !!!"], &["Basic eDp5", "Basic eDp5"]];
    for (number, values) in malformed.into_iter().enumerate() {
        let send = async || {
            let request =
                client.post(format!("{}/", server.url)).header("X-Forwarded-For", format!("192.0.2.{number}"));
            let request = values.iter().fold(request, |request, value| request.header("Authorization", *value));
            request.body("{}").send().await.unwrap().status().as_u16()
        };
        let mut statuses = Vec::new();
        for _ in 0..TOO_MANY {
            statuses.push(send().await);
        }
        assert!(statuses.contains(&429), "{values:?} is never told to wait");
        assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    }
}

// holds A5, W12
#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_new_failures_by_making_up_addresses() {
    let server = TestServer::start().await;
    let sender = Sender::new(&server.url, "rw_00000000", "x");
    for number in 0..TOO_MANY {
        if forge(&sender, &format!("198.51.100.{number}")).await == 429 {
            return;
        }
    }
    panic!("who makes up addresses is never told to wait");
}
