//! The attacker: an account of its own, or nobody at all, and what it was answered.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use reqwest::{Client, Method, RequestBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Who was refused with a status is back so soon: somebody who means harm does not obey `Retry-After`.
const AGAIN_AFTER: Duration = Duration::from_millis(5);

/// How often each answer was given.
#[derive(Default)]
pub struct Answers(Mutex<BTreeMap<String, u64>>);

impl Answers {
    pub fn add(&self, answer: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(answer.into()).or_default() += 1;
    }

    /// How many there were in all.
    pub fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// `200 ×12, 429 ×340`
    pub fn list(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let words: Vec<String> = counts.iter().map(|(answer, count)| format!("{answer} ×{count}")).collect();
        if words.is_empty() { "no answer".to_owned() } else { words.join(", ") }
    }
}

/// Whoever attacks.
#[derive(Clone)]
pub struct Attacker {
    /// The origin of the product.
    pub url: String,
    /// Of a sender in the attacker's own account.
    pub authorization: String,
    /// Of a session of the attacker's own account.
    pub cookie: String,
    /// The address that the account under attack signs in with.
    pub victim_email: String,
    client: Client,
    pub answers: Arc<Answers>,
}

impl Attacker {
    pub fn new(url: &str, authorization: &str, cookie: &str, victim_email: &str) -> reqwest::Result<Self> {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let [url, authorization, cookie, victim_email] =
            [url, authorization, cookie, victim_email].map(|text| text.trim_end_matches('/').to_owned());
        Ok(Self { url, authorization, cookie, victim_email, client, answers: Arc::default() })
    }

    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// A request for a page, signed in.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A form, as a page of the same site sends it.
    pub fn form(&self, path: &str, body: String) -> RequestBuilder {
        let request = self.request(Method::POST, path).header("Sec-Fetch-Site", "same-origin");
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).header(COOKIE, &self.cookie)
    }

    /// An event of the attacker's own account.
    pub fn post(&self, body: String) -> RequestBuilder {
        let request = self.client.post(format!("{}/", self.url)).header(AUTHORIZATION, &self.authorization);
        request.header(CONTENT_TYPE, "application/json").body(body)
    }

    /// Sends, reads the whole answer and counts it; gives its text.
    pub async fn count(&self, request: RequestBuilder) -> Option<String> {
        let Ok(answer) = request.send().await else {
            self.answers.add("no answer");
            tokio::time::sleep(AGAIN_AFTER).await;
            return None;
        };
        let status = answer.status();
        self.answers.add(status.as_str());
        let text = answer.text().await.ok();
        if !status.is_success() {
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        text
    }

    /// A connection on which the attacker says exactly what it wants.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.host()).await
    }

    /// Writes, reads the beginning of what is answered, and counts it by its status.
    pub async fn exchange(&self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await?;
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await?;
        let status = buffer[..read].strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
        self.answers.add(status.map_or("closed", |status| std::str::from_utf8(status).unwrap_or("closed")));
        Ok(())
    }
}

/// Does the same at once so many times, again and again, for as long as it is not dropped.
pub async fn again_and_again<F: Future<Output = ()> + Send + 'static>(
    attacker: &Attacker,
    times: usize,
    act: impl Fn(Attacker, usize) -> F + Clone + Send + 'static,
) {
    let mut tasks = JoinSet::new();
    for number in 0..times {
        let (attacker, act) = (attacker.clone(), act.clone());
        tasks.spawn(async move {
            loop {
                act(attacker.clone(), number).await;
                tokio::task::yield_now().await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}
