//! HTTP/1.1 without anybody's help, for tests that have to know exactly what was sent, what came back, and how long it took: a
//! client of a library sends again by itself, or takes another connection.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::actors::Sender;

/// What takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
pub struct Wire {
    pub stream: TcpStream,
    /// What has come and belongs to no answer yet.
    read: Vec<u8>,
}

/// One answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
    }

    /// The id of a stored event.
    pub fn id(&self) -> Option<String> {
        let json: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        (self.status == 200).then(|| json["id"].as_str().unwrap().to_owned())
    }

    /// Whether it is one of the two that a sender with a good password and a good body can get.
    pub fn is_stored_or_told(&self) -> bool {
        self.status == 200 || self.status == 503 && !self.header("retry-after").is_empty()
    }

    /// Whether the connection can be used again.
    pub fn keeps_alive(&self) -> bool {
        !self.header("connection").eq_ignore_ascii_case("close")
    }
}

/// The head of a request that stores an event of so many bytes. `more` are further lines.
pub fn head(authorization: &str, length: usize, more: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{more}\r\n"
    )
}

/// A request that stores an event.
pub fn post(authorization: &str, body: &str) -> String {
    head(authorization, body.len(), "") + body
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }
}

/// What a test reads that goes on when the other side fails.
impl Wire {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    pub async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.write(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
        self.next_answer().await
    }

    pub async fn post(&mut self, sender: &Sender, body: &str, more: &str) -> io::Result<Answer> {
        self.write(format!("{}{body}", head(&sender.authorization(), body.len(), more)).as_bytes()).await?;
        self.next_answer().await
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next answer. An error, if the connection ends before all of it is there.
    pub async fn next_answer(&mut self) -> io::Result<Answer> {
        let head = self.next_head().await?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut answer = Answer { status, head, body: String::new() };
        let length: usize = answer.header("content-length").parse().unwrap_or(0);
        answer.body = self.read_until(|read| (read.len() >= length).then_some(length)).await?;
        Ok(answer)
    }

    /// The head of what comes next, up to its empty line.
    pub async fn next_head(&mut self) -> io::Result<String> {
        self.read_until(|read| read.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)).await
    }

    /// Whether a part of an answer has come.
    pub fn has_part(&self) -> bool {
        !self.read.is_empty()
    }

    async fn read_until(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> io::Result<String> {
        loop {
            if let Some(end) = end(&self.read) {
                let part = self.read.drain(..end).collect();
                return String::from_utf8(part).map_err(|_| io::ErrorKind::InvalidData.into());
            }
            let reading = self.stream.read_buf(&mut self.read);
            if timeout(PATIENCE, reading).await.map_err(|_| io::ErrorKind::TimedOut)?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// What a test reads that fails with the other side.
impl Wire {
    /// Connects to the host of an URL.
    pub async fn connect(url: &str) -> Self {
        Self::open(url.trim_start_matches("http://").parse().unwrap()).await.unwrap()
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.write(bytes.as_ref()).await.unwrap();
    }

    /// The next answer, whose length has to be announced.
    pub async fn answer(&mut self) -> Answer {
        let answer = self.next_answer().await;
        answer.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&self.read)))
    }

    /// What comes until the other side ends the connection, and how long that takes. A reset is an end.
    pub async fn rest(&mut self) -> (String, Duration) {
        let started = Instant::now();
        while let Ok(1..) = timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.expect("the connection ends")
        {
        }
        (String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned(), started.elapsed())
    }

    /// Sends a byte now and then while waiting for the end, as somebody who wants to keep the connection busy does.
    pub async fn trickle(self, byte: u8, every: Duration) -> (String, Duration) {
        let (mut reader, mut writer) = self.stream.into_split();
        let trickling = tokio::spawn(async move {
            while writer.write_all(&[byte]).await.is_ok() {
                tokio::time::sleep(every).await;
            }
        });
        let (started, mut bytes) = (Instant::now(), self.read);
        let reading = async { while let Ok(1..) = reader.read_buf(&mut bytes).await {} };
        timeout(PATIENCE, reading).await.expect("the connection ends");
        trickling.abort();
        (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
    }
}
