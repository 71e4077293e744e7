//! The ledger: senders write down every id that was acknowledged, while the program and its PostgreSQL are killed with -9 at
//! random moments. In the end everything that was written down has to be there, and what was sent with a key exactly once.
//!
//! A short run is part of every run of the tests. A long one:
//! `LEDGER_PROGRAM_KILLS=1000 LEDGER_POSTGRES_KILLS=100 cargo test --test chaos ledger`

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use crate::program::Program;
use crate::stage::Acknowledged;
use crate::support::actors::Sender;
use crate::support::wire::Wire;

/// Of a short run.
const PROGRAM_KILLS: u32 = 20;
const POSTGRES_KILLS: u32 = 5;
const CONNECTIONS: u64 = 8;
/// Between two attempts while nobody answers.
const PAUSE: Duration = Duration::from_millis(10);
/// What a sender does at most in this time, so that the end is not spent on counting.
const PACE: Duration = Duration::from_millis(2);

// holds D2, D4
#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_says_was_acknowledged_is_there_however_often_everything_is_killed() {
    let program_kills = number_from("LEDGER_PROGRAM_KILLS", PROGRAM_KILLS);
    let postgres_kills = number_from("LEDGER_POSTGRES_KILLS", POSTGRES_KILLS);
    let mut program = Program::serve().await;
    let ledger = Arc::new(Ledger::of(program.new_sender()));
    let address = program.address;
    let sending: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.send(address, number).await })
        })
        .collect();

    // Spread evenly, so that neither is over before the other has begun.
    let (mut program_left, mut postgres_left) = (program_kills, postgres_kills);
    while program_left + postgres_left > 0 {
        ledger.wait_for_more().await;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..100))).await;
        if rand::random_range(0..program_left + postgres_left) < program_left {
            program_left -= 1;
            program.kill();
            program.start();
        } else {
            postgres_left -= 1;
            program.kill_postgres().await;
        }
    }
    ledger.wait_for_more().await;
    ledger.over.store(true, Ordering::SeqCst);
    let keyed: Vec<String> = join_all(sending).await.into_iter().flat_map(Result::unwrap).collect();
    program.wait_until_ready().await;

    // Whoever waits for an answer at the end gets it, so the last of it is stored by now.
    let export = program.run(&["events", "export", "alice@example.com"], "");
    let mut bodies: HashMap<String, u32> = HashMap::new();
    let mut ids = Vec::new();
    for line in export.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        ids.push(event["id"].as_str().unwrap().to_owned());
        *bodies.entry(event["body"].to_string()).or_default() += 1;
    }
    ledger.acknowledged.assert_among(&ids);
    for body in &keyed {
        assert_eq!(bodies.get(body), Some(&1), "rows of {body}");
    }
    let twice: Vec<_> = bodies.iter().filter(|(_, rows)| **rows > 1).collect();
    assert!(twice.is_empty(), "stored more than once: {twice:?}");
    assert!(ledger.acknowledged.count() as u32 > program_kills + postgres_kills, "hardly anything was sent");
}

struct Ledger {
    sender: Sender,
    acknowledged: Acknowledged,
    next: AtomicU64,
    over: AtomicBool,
}

impl Ledger {
    fn of(sender: Sender) -> Self {
        Self { sender, acknowledged: Acknowledged::default(), next: AtomicU64::new(0), over: AtomicBool::new(false) }
    }

    /// Sends until it is over: every second event with a key, again and again until it is acknowledged, the others once.
    /// Gives back the bodies of the former.
    async fn send(&self, address: std::net::SocketAddr, connection: u64) -> Vec<String> {
        let mut keyed = Vec::new();
        let mut wire = None;
        while !self.over.load(Ordering::SeqCst) {
            tokio::time::sleep(PACE).await;
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let with_key = (number + connection).is_multiple_of(2);
            let body = format!("{{\"number\":{number}}}");
            let more = if with_key { format!("Idempotency-Key: key-{number}\r\n") } else { String::new() };
            while !self.attempt(&mut wire, address, &body, &more).await && with_key {
                tokio::time::sleep(PAUSE).await;
            }
            if with_key {
                keyed.push(body);
            }
        }
        keyed
    }

    /// One request, on the connection of the last one where that is still good. Says whether it was acknowledged.
    async fn attempt(&self, wire: &mut Option<Wire>, address: std::net::SocketAddr, body: &str, more: &str) -> bool {
        let mut used = match wire.take() {
            Some(wire) => wire,
            None => match Wire::open(address).await {
                Ok(wire) => wire,
                Err(_) => return false,
            },
        };
        let Ok(answer) = used.post(&self.sender, body, more).await else { return false };
        assert!(answer.is_stored_or_told(), "{answer:?}");
        if answer.keeps_alive() {
            *wire = Some(used);
        }
        match answer.id() {
            Some(id) => self.acknowledged.add(&id),
            None => return false,
        }
        true
    }

    /// Until a few more were acknowledged, which shows that all is well again.
    async fn wait_for_more(&self) {
        let before = self.acknowledged.count();
        let began = std::time::Instant::now();
        while self.acknowledged.count() < before + 20 {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing is acknowledged any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub fn number_from(variable: &str, default: u32) -> u32 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}
