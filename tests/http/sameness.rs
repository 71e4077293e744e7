//! Whoever guesses learns nothing from how long an answer takes: unknown, wrong, revoked and expired take the same way.
//!
//! A password whose checksum is wrong is told apart sooner, by design: only the holder of the installation's key can make one that
//! passes, so these have right checksums, made with the key.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::RngExt;
use rand::seq::SliceRandom;
use reasoner_webhooks::domain::credential::Username;
use reasoner_webhooks::domain::credential_password::{CredentialPassword, HINT_CHARS, RANDOM_CHARS};
use reasoner_webhooks::domain::secret::Secret;
use reasoner_webhooks::hashing::Hasher;
use reasoner_webhooks::ingest::verifier::{Verdict, Verifier};

use crate::support::actors::{Sender, WEBHOOKS};
use crate::support::server::TestServer;

/// Timed samples of all classes together.
const SAMPLES: usize = 2_000;
/// Samples before the first that is timed: connections, statements and memory.
const WARM_UP: usize = 40;
/// Of each class the slowest are cut off, as dudect does: they were interrupted.
const KEPT: f64 = 0.9;
/// Beyond this a difference is no accident.
const THRESHOLD: f64 = 4.5;
/// A machine on which others work is measured again.
const ATTEMPTS: usize = 3;

struct Class {
    name: &'static str,
    username: Username,
    password: CredentialPassword,
}

fn indices_of(text: &str) -> Vec<u8> {
    let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    text.bytes().map(|byte| u8::try_from(alphabet.iter().position(|a| *a == byte).unwrap()).unwrap()).collect()
}

/// A password with a right checksum; with a hint, if one is given.
fn made(key: &[u8], username: Username, hint: Option<&str>) -> CredentialPassword {
    let mut indices = [0; RANDOM_CHARS];
    indices.fill_with(|| rand::rng().random_range(0..62));
    if let Some(hint) = hint {
        indices[..HINT_CHARS].copy_from_slice(&indices_of(hint));
    }
    CredentialPassword::from_random(key, &username, indices)
}

async fn classes(server: &TestServer) -> Vec<Class> {
    let alice = server.pro("alice@example.com").await;
    let (known, revoked, expired) =
        (server.sender(&alice).await, server.sender(&alice).await, server.sender(&alice).await);
    let id = alice.credential_id(&revoked.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &[]).await;
    let hint = &expired.password[4..8];
    server.query(&format!("update credential_secrets set expires_at = '2020-01-01' where hint = '{hint}'")).await;
    let key = &server.application().state.keys.checksum;
    let of = |name, sender: &Sender| {
        let username: Username = sender.username.parse().unwrap();
        let password = CredentialPassword::recognise(key, &username, Secret::new(sender.password.clone())).unwrap();
        Class { name, username, password }
    };
    let (nobody, somebody): (Username, Username) = ("rw_nobody00".parse().unwrap(), known.username.parse().unwrap());
    vec![
        Class { name: "unknown username", username: nobody, password: made(key, nobody, None) },
        Class { name: "unknown password", username: somebody, password: made(key, somebody, None) },
        Class {
            name: "wrong password",
            username: somebody,
            password: made(key, somebody, Some(&known.password[4..8])),
        },
        of("revoked password", &revoked),
        of("expired password", &expired),
    ]
}

/// A verifier that has seen nothing yet.
fn cold(server: &TestServer, hasher: &Hasher) -> Verifier {
    let state = &server.application().state;
    Verifier::new(state.store.clone(), hasher.clone(), &state.keys, rand::rng().random())
}

/// How long a verifier that has seen nothing takes for one of a class.
async fn time(server: &TestServer, hasher: &Hasher, class: &Class, now: Timestamp) -> Duration {
    let verifier = cold(server, hasher);
    let started = Instant::now();
    let verdict = verifier.verify(&class.username, &class.password, now).await.unwrap();
    let took = started.elapsed();
    assert!(!matches!(verdict, Verdict::Verified(_)), "{}", class.name);
    took
}

// holds A3
#[tokio::test(flavor = "multi_thread")]
async fn every_class_costs_the_same_runs_of_argon2_the_first_time_and_afterwards() {
    let server = TestServer::start().await;
    let hasher = Hasher::new(1, 1);
    for class in classes(&server).await {
        let verifier = cold(&server, &hasher);
        let mut runs = Vec::new();
        for _ in 0..3 {
            let before = hasher.runs();
            verifier.verify(&class.username, &class.password, server.now()).await.unwrap();
            runs.push(hasher.runs() - before);
        }
        assert_eq!(runs, [1, 0, 0], "{}: an answer is remembered, whatever it was", class.name);
    }
}

// holds A3
#[tokio::test(flavor = "multi_thread")]
async fn unknown_wrong_revoked_and_expired_take_the_same_time() {
    let server = TestServer::start().await;
    let (hasher, classes, now) = (Hasher::new(1, 1), classes(&server).await, server.now());
    for _ in 0..WARM_UP {
        for class in &classes {
            time(&server, &hasher, class, now).await;
        }
    }
    let mut told = Vec::new();
    for attempt in 1..=ATTEMPTS {
        let mut samples = vec![Vec::new(); classes.len()];
        let mut order: Vec<usize> = (0..classes.len()).collect();
        for _ in 0..SAMPLES.div_ceil(classes.len()) {
            // In another order each time, so that none always follows the same one.
            order.shuffle(&mut rand::rng());
            for at in &order {
                samples[*at].push(time(&server, &hasher, &classes[*at], now).await.as_secs_f64());
            }
        }
        let cropped: Vec<Vec<f64>> = samples.into_iter().map(cropped).collect();
        let differ: Vec<String> = (0..classes.len())
            .flat_map(|a| (0..a).map(move |b| (a, b)))
            .map(|(a, b)| (a, b, welch(&cropped[a], &cropped[b])))
            .filter(|(.., t)| t.abs() >= THRESHOLD)
            .map(|(a, b, t)| format!("{} and {}: t = {t:.1}", classes[a].name, classes[b].name))
            .collect();
        if differ.is_empty() {
            return;
        }
        eprintln!("attempt {attempt} of {ATTEMPTS} finds a difference: {}", differ.join("; "));
        told = differ;
    }
    panic!("the time tells them apart: {told:?}");
}

/// Without the slowest.
fn cropped(mut samples: Vec<f64>) -> Vec<f64> {
    samples.sort_by(f64::total_cmp);
    samples.truncate((samples.len() as f64 * KEPT) as usize);
    samples
}

/// Welch's t of two samples.
fn welch(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let variance = |x: &[f64]| {
        let middle = mean(x);
        x.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / (x.len() - 1) as f64
    };
    (mean(a) - mean(b)) / (variance(a) / a.len() as f64 + variance(b) / b.len() as f64).sqrt()
}
