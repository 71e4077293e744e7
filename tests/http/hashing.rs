//! argon2 under attack: what a flood of wrong passwords costs, and who notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use reasoner_webhooks::domain::basic_auth::BasicCredentials;
use reasoner_webhooks::domain::credential::Username;
use reasoner_webhooks::domain::credential_password::{CredentialPassword, RANDOM_CHARS};
use reasoner_webhooks::domain::secret::Secret;

use crate::support::actors::Sender;
use crate::support::memory::resident_mib;
use crate::support::server::TestServer;

/// A password that this installation could have made, and did not.
fn wrong_password(server: &TestServer, username: &str) -> String {
    let username: Username = username.parse().unwrap();
    let mut indices = [0; RANDOM_CHARS];
    indices.fill_with(|| rand::rng().random_range(0..62));
    let key = &server.application().state.keys.checksum;
    CredentialPassword::from_random(key, &username, indices).secret().reveal().to_owned()
}

fn said(username: &str, password: &str) -> BasicCredentials {
    BasicCredentials { username: username.to_owned(), password: Secret::new(password.to_owned()) }
}

// holds A2
#[tokio::test(flavor = "multi_thread")]
async fn a_million_junk_attempts_do_not_push_a_sender_out_of_the_cache() {
    const ATTEMPTS: u32 = 1_000_000;
    /// Of them, those with a right checksum; each of these costs an argon2 run.
    const DEAR_ONES: u32 = 40;
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.status().await, 200);
    let verifier = &server.application().state.engine.verifier;
    let (username, password) = verifier.recognise(said(&sender.username, &sender.password)).unwrap();
    let (mut asked, mut hits) = (0_u32, 0_u32);
    for number in 0..ATTEMPTS {
        if number % (ATTEMPTS / DEAR_ONES) == 0 {
            let wrong = wrong_password(&server, &sender.username);
            let (username, wrong) = verifier.recognise(said(&sender.username, &wrong)).unwrap();
            verifier.verify(&username, &wrong, server.now()).await.unwrap();
        } else {
            let junk = said(&format!("rw_{number:08}"), &format!("rwp_{number:032}"));
            assert!(verifier.recognise(junk).is_err());
        }
        if number % 1_000 == 0 {
            asked += 1;
            hits += u32::from(verifier.verify_cached(&username, &password, server.now()).is_some());
        }
    }
    assert!(hits * 100 >= asked * 99, "{hits} of {asked}");
    let runs = verifier.argon2_runs();
    assert_eq!(sender.status().await, 200);
    assert_eq!(verifier.argon2_runs(), runs);
}

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_wrong_passwords_at_once_take_bounded_memory_and_nobody_elses_turn() {
    const AT_ONCE: usize = 500;
    /// Of one argon2 run.
    const HASH_MIB: u64 = 19;
    /// What connections, buffers and other tests in this process may take meanwhile. All hashes at once would take 9,500.
    const SLACK_MIB: u64 = 150;
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.status().await, 200);
    let flood = |passwords: Vec<String>| -> Vec<_> {
        let one = |password: String| {
            let sender: Sender = sender.with_password(&password);
            tokio::spawn(async move { sender.status().await })
        };
        passwords.into_iter().map(one).collect()
    };

    let before = resident_mib().unwrap_or_default();
    let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(before)));
    let watching = {
        let (over, most) = (over.clone(), most.clone());
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(resident_mib().unwrap_or_default(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    let tries = flood((0..AT_ONCE).map(|_| wrong_password(&server, &sender.username)).collect());
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    while !tries.iter().all(tokio::task::JoinHandle::is_finished) || answered < 10 {
        let started = Instant::now();
        assert_eq!(server.visitor().get("/healthz").await.status(), 200);
        slowest = slowest.max(started.elapsed());
        assert_eq!(sender.status().await, 200, "a verified sender");
        answered += 1;
    }
    for each in tries {
        let status = each.await.unwrap();
        assert!(matches!(status, 401 | 429 | 503), "{status}");
    }
    over.store(true, Ordering::Relaxed);
    watching.await.unwrap();
    let permits = std::thread::available_parallelism().unwrap().get().clamp(2, 4) as u64;
    let growth = most.load(Ordering::Relaxed) - before;
    assert!(growth <= permits * HASH_MIB + SLACK_MIB, "{growth} MiB more");
    assert!(slowest < Duration::from_secs(5), "/healthz took {slowest:?}");
}
