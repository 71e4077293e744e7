//! HTTP/1.1 without anybody's help, for tests that have to know exactly what was sent and what came back: a client of a
//! library sends again by itself, or takes another connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::actors::Sender;

/// An answer that takes longer is none.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// One connection.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer, all of it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The id of a stored event.
    pub fn id(&self) -> Option<String> {
        let json: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        (self.status == 200).then(|| json["id"].as_str().unwrap().to_owned())
    }

    /// Whether it is one of the two that a sender with a good password and a good body can get.
    pub fn is_stored_or_told(&self) -> bool {
        self.status == 200 || self.status == 503 && self.head.to_lowercase().contains("\r\nretry-after:")
    }

    /// Whether the connection can be used again.
    pub fn keeps_alive(&self) -> bool {
        !self.head.to_lowercase().contains("\r\nconnection: close")
    }
}

/// The head of a request that stores an event of so many bytes. `more` are further lines.
pub fn head(sender: &Sender, length: usize, more: &str) -> String {
    let authorization = sender.authorization();
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{more}\r\n"
    )
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    pub async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.write(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
        self.answer().await
    }

    pub async fn post(&mut self, sender: &Sender, body: &str, more: &str) -> io::Result<Answer> {
        self.write(format!("{}{body}", head(sender, body.len(), more)).as_bytes()).await?;
        self.answer().await
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next answer. An error, if the connection ends before all of it is there.
    pub async fn answer(&mut self) -> io::Result<Answer> {
        let head = self.next_head().await?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        self.read_until(|read| (read.len() >= length).then_some(length)).await.map(|body| Answer { status, head, body })
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
            if timeout(TIME_LIMIT, reading).await.map_err(|_| io::ErrorKind::TimedOut)?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
