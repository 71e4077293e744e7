//! Somebody who reads server-sent events as a browser does: block by block, with the last id of a whole block to go on from. What was
//! only half received counts for nothing.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

use crate::support::actors::Person;

/// One block that said something.
#[derive(Clone, Debug)]
pub struct Said {
    pub id: String,
    pub kind: String,
    pub data: Value,
}

/// A reader, connected or not.
pub struct Follower {
    person: Person,
    path: String,
    pub last_id: String,
    pub said: Vec<Said>,
    body: Option<BoxStream<'static, reqwest::Result<Vec<u8>>>>,
    text: Vec<u8>,
}

impl Follower {
    pub fn new(person: &Person, path: &str) -> Self {
        let (person, path) = (person.clone(), path.to_owned());
        Self { person, path, last_id: String::new(), said: Vec::new(), body: None, text: Vec::new() }
    }

    /// The same reader with the pages of another instance.
    pub fn go_to(&mut self, url: &str) {
        url.clone_into(&mut self.person.url);
    }

    /// Connects, and goes on where the last connection broke off. It answers once the server has begun.
    pub async fn connect(&mut self) {
        let mut request = self.person.client.get(format!("{}{}", self.person.url, self.path));
        if !self.last_id.is_empty() {
            request = request.header("Last-Event-ID", &self.last_id);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        self.body = Some(answer.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed());
        while !self.read().await {}
    }

    /// The connection is cut: what is in the middle of a block is lost.
    pub fn cut(&mut self) {
        self.body = None;
        self.text.clear();
    }

    /// Reads for a while, and no more than so many bytes: a connection may break anywhere. `false` when it has ended.
    pub async fn read_some(&mut self, most: usize, within: Duration) -> bool {
        let reading = async {
            let mut left = most;
            while left > 0 {
                let Some(Ok(chunk)) = self.body.as_mut().unwrap().next().await else { return false };
                let taken = chunk.len().min(left);
                left -= taken;
                self.text.extend_from_slice(&chunk[..taken]);
                self.take_blocks();
            }
            true
        };
        tokio::time::timeout(within, reading).await.unwrap_or(true)
    }

    /// Reads one piece; whether a whole block was in it.
    async fn read(&mut self) -> bool {
        let chunk = self.body.as_mut().unwrap().next().await.expect("the connection goes on").unwrap();
        self.text.extend_from_slice(&chunk);
        self.take_blocks()
    }

    /// Reads until something is true of what was said.
    pub async fn until(&mut self, is_enough: impl Fn(&[Said]) -> bool) {
        let reading = async {
            while !is_enough(&self.said) {
                self.read().await;
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(20), reading).await;
        assert!(read.is_ok(), "this is all that was said: {:?}", self.kinds());
    }

    /// Whether the server ends the connection.
    pub async fn ends(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(40), async {
            while self.read_some(usize::MAX, Duration::from_secs(40)).await {}
        })
        .await
        .is_ok()
    }

    fn take_blocks(&mut self) -> bool {
        let mut any = false;
        while let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.text.drain(..end + 2).collect();
            let block = String::from_utf8(block).unwrap();
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(id) = field("id: ") {
                self.last_id = id;
                any = true;
            }
            if let (Some(kind), Some(data)) = (field("event: "), field("data: ")) {
                self.said.push(Said { id: self.last_id.clone(), kind, data: serde_json::from_str(&data).unwrap() });
            }
        }
        any
    }

    /// What was said of one kind.
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.said.iter().filter(|said| said.kind == kind).map(|said| &said.data).collect()
    }

    /// The ids of the events, in the order in which they came.
    pub fn ids(&self) -> Vec<String> {
        self.of("stored").iter().map(|data| data["id"].as_str().unwrap().to_owned()).collect()
    }

    fn kinds(&self) -> Vec<&str> {
        self.said.iter().map(|said| said.kind.as_str()).collect()
    }
}
