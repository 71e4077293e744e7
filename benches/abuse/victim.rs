//! The account that is not to notice: a sender and somebody who reads, and how long each of them waited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};

/// The sender sends so often on each connection, whether the answer before has come or not: one that waits for it would hide
/// what others wait for.
const SENDS_EVERY: Duration = Duration::from_millis(20);
const READS_EVERY: Duration = Duration::from_millis(250);
/// What takes longer is not an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The account under attack.
#[derive(Clone)]
pub struct Victim {
    pub url: String,
    pub authorization: String,
    pub cookie: String,
}

/// What it saw in one phase.
pub struct Seen {
    pub p99: Duration,
    pub sent: u64,
    /// Posts that were not answered with 200.
    pub failed: u64,
    /// The slowest page; `None` where one was not answered with 200.
    pub slowest_page: Option<Duration>,
    /// Whether `/readyz` said 200 each time.
    pub is_ready: bool,
}

impl Victim {
    /// Sends and reads for so long.
    pub async fn observe(&self, time: Duration) -> Result<Seen> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let until = Instant::now() + time;
        let (posts, pages, ready) =
            tokio::join!(self.send(&client, until), self.read(&client, until), self.ask_ready(&client, until));
        let (mut times, failed) = posts?;
        times.sort_unstable();
        let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or(PATIENCE);
        Ok(Seen { p99, sent: times.len() as u64 + failed, failed, slowest_page: pages, is_ready: ready })
    }

    async fn send(&self, client: &Client, until: Instant) -> Result<(Vec<Duration>, u64)> {
        let failed = Arc::new(AtomicU64::new(0));
        let mut posts = tokio::task::JoinSet::new();
        let mut ticks = tokio::time::interval(SENDS_EVERY);
        while Instant::now() < until {
            ticks.tick().await;
            let request = client.post(format!("{}/", self.url)).header(AUTHORIZATION, &self.authorization);
            let request = request.header(CONTENT_TYPE, "application/json").body(r#"{"order":"1017","total":12.5}"#);
            let failed = failed.clone();
            posts.spawn(async move {
                let began = Instant::now();
                let is_stored = request.send().await.is_ok_and(|answer| answer.status() == 200);
                if !is_stored {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                is_stored.then(|| began.elapsed())
            });
        }
        let times = posts.join_all().await.into_iter().flatten().collect();
        Ok((times, failed.load(Ordering::Relaxed)))
    }

    async fn read(&self, client: &Client, until: Instant) -> Option<Duration> {
        let mut slowest = Some(Duration::ZERO);
        let mut ticks = tokio::time::interval(READS_EVERY);
        while Instant::now() < until {
            ticks.tick().await;
            let began = Instant::now();
            let page = client.get(format!("{}/events", self.url)).header(COOKIE, &self.cookie).send().await;
            let is_shown = match page {
                Ok(page) => page.status() == 200 && page.bytes().await.is_ok(),
                Err(_) => false,
            };
            slowest = slowest.filter(|_| is_shown).map(|slowest| slowest.max(began.elapsed()));
        }
        slowest
    }

    async fn ask_ready(&self, client: &Client, until: Instant) -> bool {
        let is_ready = AtomicBool::new(true);
        let mut ticks = tokio::time::interval(READS_EVERY);
        while Instant::now() < until {
            ticks.tick().await;
            let answer = client.get(format!("{}/readyz", self.url)).send().await;
            is_ready.fetch_and(answer.is_ok_and(|answer| answer.status() == 200), Ordering::Relaxed);
        }
        is_ready.into_inner()
    }
}
