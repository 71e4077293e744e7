//! A connection without an HTTP client: bytes out, bytes in, and the time they take.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to a server.
pub struct Wire(pub TcpStream);

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
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

impl Wire {
    /// Connects to the host of an URL.
    pub async fn connect(url: &str) -> Self {
        Self(TcpStream::connect(url.trim_start_matches("http://")).await.unwrap())
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer, whose length has to be announced.
    pub async fn answer(&mut self) -> Answer {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            let read = tokio::time::timeout(PATIENCE, self.0.read(&mut byte)).await.expect("an answer").unwrap();
            assert_eq!(read, 1, "the connection ends after {:?}", String::from_utf8_lossy(&head));
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        let mut body = vec![0; answer.header("content-length").parse().unwrap_or(0)];
        self.0.read_exact(&mut body).await.unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// What comes until the other side ends the connection, and how long that takes. A reset is an end.
    pub async fn rest(&mut self) -> (String, Duration) {
        let started = Instant::now();
        let (mut bytes, mut chunk) = (Vec::new(), [0; 4_096]);
        loop {
            match tokio::time::timeout(PATIENCE, self.0.read(&mut chunk)).await.expect("the connection ends") {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            }
        }
        (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
    }

    /// Sends a byte now and then while waiting for the end, as somebody who wants to keep the connection busy does.
    pub async fn trickle(self, byte: u8, every: Duration) -> (String, Duration) {
        let (read, mut write) = self.0.into_split();
        let trickling = tokio::spawn(async move {
            while write.write_all(&[byte]).await.is_ok() {
                tokio::time::sleep(every).await;
            }
        });
        let started = Instant::now();
        let (mut bytes, mut chunk) = (Vec::new(), [0; 4_096]);
        loop {
            read.readable().await.unwrap();
            match read.try_read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
            assert!(started.elapsed() < PATIENCE, "the connection does not end");
        }
        trickling.abort();
        (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
    }
}

/// A request of a sender, as bytes.
pub fn post(authorization: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
