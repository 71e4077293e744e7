//! Others who send wrong credentials meanwhile: four connections, at a given rate or as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const CONNECTIONS: u32 = 4;

/// A flood that runs.
pub struct Flood {
    ended: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    connections: Vec<JoinHandle<()>>,
    started: Instant,
}

impl Flood {
    /// `per_second` of all connections together; `None` for as fast as they are answered.
    pub fn start(url: &str, authorization: &str, per_second: Option<u32>) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n{{}}"
        );
        let (ended, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let pause = per_second.map(|n| Duration::from_secs(1) * CONNECTIONS / n);
        let connections = (0..CONNECTIONS)
            .map(|_| {
                let (address, request) = (address.clone(), request.clone());
                let (ended, answered) = (ended.clone(), answered.clone());
                tokio::spawn(async move {
                    while !ended.load(Ordering::Relaxed) {
                        // A connection that the program closes is made anew, as a flood would.
                        let _ = send(&address, request.as_bytes(), pause, &ended, &answered).await;
                    }
                })
            })
            .collect();
        Self { ended, answered, connections, started: Instant::now() }
    }

    /// Ends it, and says how many requests it sent in a second.
    pub async fn stop(self) -> f64 {
        self.ended.store(true, Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs_f64();
        for connection in self.connections {
            let _ = connection.await;
        }
        self.answered.load(Ordering::Relaxed) as f64 / seconds
    }
}

async fn send(
    address: &str,
    request: &[u8],
    pause: Option<Duration>,
    ended: &AtomicBool,
    answered: &AtomicU64,
) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answer = [0; 8 * 1_024];
    let mut next = tokio::time::Instant::now();
    while !ended.load(Ordering::Relaxed) {
        stream.write_all(request).await?;
        // Answers of refusals are far smaller than the buffer and come in one piece.
        if stream.read(&mut answer).await? == 0 {
            break;
        }
        answered.fetch_add(1, Ordering::Relaxed);
        if let Some(pause) = pause {
            next += pause;
            tokio::time::sleep_until(next).await;
        }
    }
    Ok(())
}
