//! What most of these tests stand on: the program in this process, a server of its own, and the line between them.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use reqwest::Response;

use crate::support::actors::{Person, Sender};
use crate::support::chaos_proxy::Proxy;
use crate::support::postgres;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::server::TestServer;

pub struct Stage {
    pub postgres: PrivatePostgres,
    pub proxy: Proxy,
    pub server: TestServer,
    pub alice: Person,
    /// Has sent something before.
    pub sender: Sender,
}

impl Stage {
    pub async fn new() -> Self {
        Self::over(PrivatePostgres::start().await).await
    }

    pub async fn over(postgres: PrivatePostgres) -> Self {
        let proxy = Proxy::start(postgres.socket()).await;
        let server = TestServer::start_over(proxy.database_url(), |_| {}).await;
        let alice = server.pro("alice@example.com").await;
        let sender = server.sender(&alice).await;
        sender.store("\"first\"").await;
        Self { postgres, proxy, server, alice, sender }
    }

    /// Rows of the database, past the line.
    pub async fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        postgres::query(self.postgres.url(), sql).await
    }
}

/// The ids that were answered with 200.
#[derive(Default)]
pub struct Acknowledged(Mutex<Vec<String>>);

impl Acknowledged {
    /// Takes note of an answer, and gives back its status.
    pub async fn note(&self, answer: Response) -> u16 {
        let status = answer.status().as_u16();
        if status == 200 {
            let json: serde_json::Value = answer.json().await.unwrap();
            self.add(json["id"].as_str().unwrap());
        } else {
            assert_is_503(&answer);
        }
        status
    }

    pub fn add(&self, id: &str) {
        self.0.lock().unwrap().push(id.to_owned());
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The promise: whatever was acknowledged is there.
    pub async fn assert_stored(&self, database_url: &str) {
        let stored: Vec<String> =
            postgres::query(database_url, "select id from events").await.into_iter().map(only).collect();
        self.assert_among(&stored);
    }

    /// The same, with the ids of what is there.
    pub fn assert_among(&self, stored: &[String]) {
        let stored: HashSet<&String> = stored.iter().collect();
        let lost: Vec<String> = self.0.lock().unwrap().iter().filter(|id| !stored.contains(id)).cloned().collect();
        assert!(lost.is_empty(), "{} of {} acknowledged events are lost: {lost:?}", lost.len(), self.count());
    }
}

/// The only column of a row.
pub fn only(row: Vec<Option<String>>) -> String {
    row.into_iter().next().flatten().unwrap()
}

/// What a sender is told while there is nothing else to tell.
pub fn assert_is_503(answer: &Response) {
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"), "a 503 without Retry-After");
}

/// Sends with a key until the event is acknowledged; in between there is nothing but 503.
pub async fn send_until_acknowledged(sender: &Sender, key: &str, body: String, acknowledged: &Acknowledged) {
    let began = Instant::now();
    loop {
        let answer = sender.request().header("Idempotency-Key", key).body(body.clone()).send().await.unwrap();
        if acknowledged.note(answer).await == 200 {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{key} is never acknowledged");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
