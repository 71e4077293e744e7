//! The ledger of a consumer: what two programs over one database hand out and are told is done with, while either of them, their PostgreSQL
//! and the consumer are killed at random moments. In the end every event that was acknowledged to its sender was pulled, and nothing
//! that the consumer was told is acknowledged came once more.
//!
//! A long run: `LEDGER_PROGRAM_KILLS=1000 LEDGER_POSTGRES_KILLS=100 cargo test --test chaos consumer_ledger`

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};

use crate::ledger::number_from;
use crate::program::{Home, Program};
use crate::stage::Acknowledged;
use crate::support::actors::Sender;
use crate::support::private_postgres::PrivatePostgres;

/// Of a short run.
const PROGRAM_KILLS: u32 = 12;
const POSTGRES_KILLS: u32 = 3;
/// Between two attempts while nobody answers, and between two events of a sender.
const PAUSE: Duration = Duration::from_millis(10);
/// How long an answer may take, with the wait that is asked for.
const PATIENCE: Duration = Duration::from_secs(20);

// holds issue 17, section 4: acknowledged ⊆ pulled, each once per chain of acknowledgements
#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_acknowledged_was_pulled_once_however_often_all_is_killed() {
    let mut postgres = PrivatePostgres::start().await;
    let home = || Home::Database(postgres.url().to_owned());
    let mut programs = vec![Program::serve_at(home()).await];
    let sender = programs[0].new_sender();
    programs.push(Program::serve_at(home()).await);
    let urls: Vec<String> = programs.iter().map(|program| format!("http://{}", program.address)).collect();
    let scopes = "events:read,consumers:write";
    let made = programs[0].run(&["token", "create", "alice@example.com", "Chaos", "--scopes", scopes, "--json"], "");
    let token = serde_json::from_str::<Value>(&made).unwrap()["token"].as_str().unwrap().to_owned();
    let ledger = Arc::new(Ledger::begin(token, urls.clone()).await);
    let sending: Vec<_> = urls
        .iter()
        .map(|url| tokio::spawn(ledger.clone().send(Sender::new(url, &sender.username, &sender.password))))
        .collect();
    let mut consumer = tokio::spawn(ledger.clone().consume());

    let mut program_left = number_from("LEDGER_PROGRAM_KILLS", PROGRAM_KILLS);
    let mut postgres_left = number_from("LEDGER_POSTGRES_KILLS", POSTGRES_KILLS);
    while program_left + postgres_left > 0 {
        ledger.wait_for_more().await;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..100))).await;
        // Killed in the middle of a request: what it knew is gone with it.
        if rand::random() {
            consumer.abort();
            consumer = tokio::spawn(ledger.clone().consume());
        }
        if rand::random_range(0..program_left + postgres_left) < program_left {
            program_left -= 1;
            let program = &mut programs[rand::random_range(0..2)];
            program.kill();
            program.start();
        } else {
            postgres_left -= 1;
            postgres.kill().await;
            postgres.start_again().await;
        }
    }
    ledger.wait_for_more().await;
    ledger.is_over.store(true, Ordering::SeqCst);
    join_all(sending).await.into_iter().for_each(Result::unwrap);
    consumer.await.unwrap();
    let pulled: Vec<String> = ledger.pulled.lock().unwrap().iter().cloned().collect();
    ledger.stored.assert_among(&pulled);
    ledger.stored.assert_stored(postgres.url()).await;
    assert!(ledger.done_count() > 100, "hardly anything was acknowledged");
}

/// What a consumer writes down, which outlives it.
struct Ledger {
    client: Client,
    token: String,
    urls: Vec<String>,
    consumer: String,
    /// What was acknowledged to senders.
    stored: Acknowledged,
    pulled: Mutex<HashSet<String>>,
    /// What the consumer acknowledged and was told so.
    done: Mutex<HashSet<String>>,
    is_over: AtomicBool,
}

impl Ledger {
    async fn begin(token: String, urls: Vec<String>) -> Self {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let create = client.post(format!("{}/api/v1/consumers", urls[0])).bearer_auth(&token);
        let made = create.json(&json!({"name": "Ledger", "start": "oldest"})).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        let consumer = made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        let (pulled, done, is_over) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Self { client, token, urls, consumer, stored: Acknowledged::default(), pulled, done, is_over }
    }

    /// Sends until it is over, each event again and again until it is acknowledged.
    async fn send(self: Arc<Self>, sender: Sender) {
        while !self.is_over.load(Ordering::SeqCst) {
            let key = uuid::Uuid::new_v4().to_string();
            loop {
                let sent = sender.request().header("Idempotency-Key", &key).body(format!("\"{key}\"")).send().await;
                let answer = match sent {
                    Ok(answer) if answer.status() == 200 => answer.json::<Value>().await.ok(),
                    _ => None,
                };
                tokio::time::sleep(PAUSE).await;
                if let Some(answer) = answer {
                    self.stored.add(answer["id"].as_str().unwrap());
                    break;
                }
            }
        }
    }

    /// Pulls and acknowledges at either program, until it is over and there is no more.
    async fn consume(self: Arc<Self>) {
        loop {
            let ends = self.is_over.load(Ordering::SeqCst);
            let wait = u8::from(!ends);
            let Some(answer) = self.ask("GET", &format!("events?limit=20&wait={wait}"), None).await else { continue };
            assert_eq!(answer["truncated"], false, "{answer}");
            let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
            let batch: Vec<String> = answer["events"].as_array().unwrap().iter().map(id).collect();
            {
                let done = self.done.lock().unwrap();
                let again: Vec<_> = batch.iter().filter(|id| done.contains(*id)).collect();
                assert!(again.is_empty(), "acknowledged, and handed out once more: {again:?}");
            }
            self.pulled.lock().unwrap().extend(batch.iter().cloned());
            if batch.is_empty() {
                if ends && answer["caught_up"] == true {
                    return;
                }
                continue;
            }
            // Until somebody says that it is done: that it was done before is as good.
            let ack = json!({"cursor": answer["cursor"]});
            while self.ask("POST", "ack", Some(&ack)).await.is_none() {}
            self.done.lock().unwrap().extend(batch);
        }
    }

    /// What either program answers, if it does.
    async fn ask(&self, method: &str, act: &str, body: Option<&Value>) -> Option<Value> {
        let url = &self.urls[rand::random_range(0..self.urls.len())];
        let address = format!("{url}/api/v1/consumers/{}/{act}", self.consumer);
        let request = self.client.request(method.parse().unwrap(), address).bearer_auth(&self.token);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await;
        if let Ok(answer) = answer {
            let status = answer.status().as_u16();
            if status == 200 {
                return answer.json().await.ok();
            }
            // While the database is away, or there were more requests than an account has.
            assert!(matches!(status, 429 | 503), "{method} {act}: {status}");
        }
        tokio::time::sleep(PAUSE).await;
        None
    }

    fn done_count(&self) -> usize {
        self.done.lock().unwrap().len()
    }

    /// Until a few more were acknowledged, which shows that all is well again.
    async fn wait_for_more(&self) {
        let (before, began) = (self.done_count(), Instant::now());
        while self.done_count() < before + 10 {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing is acknowledged any more");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
