//! Senders at an even pace, whatever the answers take: how long each event waits from the moment at which it was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::event_body::EVENT_BODY;
use crate::program::Program;

const CONNECTIONS: u32 = 8;
/// Of all connections together.
pub const EVENTS_PER_SECOND: u32 = 500;

/// Sends while `work` goes on; answers with how long each event waited.
pub async fn beside(program: &Program, work: impl Future<Output = Result<()>>) -> Result<Vec<Duration>> {
    let over = Arc::new(AtomicBool::new(false));
    let pause = Duration::from_secs(1) * CONNECTIONS / EVENTS_PER_SECOND;
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let first = Instant::now() + pause * number / CONNECTIONS;
            tokio::spawn(send(program.url.clone(), program.authorization.clone(), first, pause, over.clone()))
        })
        .collect();
    let done = work.await;
    over.store(true, Ordering::Relaxed);
    let mut waits = Vec::new();
    for connection in connections {
        waits.extend(connection.await??);
    }
    done?;
    Ok(waits)
}

/// The time within which 99 of 100 events were acknowledged.
pub fn p99(mut waits: Vec<Duration>) -> Result<Duration> {
    waits.sort_unstable();
    waits.get(waits.len() * 99 / 100).copied().context("nothing was sent")
}

async fn send(
    url: String,
    authorization: String,
    first: Instant,
    pause: Duration,
    over: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{EVENT_BODY}",
        EVENT_BODY.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answer = [0; 8 * 1_024];
    let (mut due, mut waits) = (first, Vec::new());
    while !over.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due).await;
        stream.write_all(request.as_bytes()).await?;
        let length = stream.read(&mut answer).await?;
        ensure!(answer[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
        waits.push(due.elapsed());
        due += pause;
    }
    Ok(waits)
}
