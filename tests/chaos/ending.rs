//! The program is asked to end while everybody is sending: whoever has begun is answered, nobody is cut off, and it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use crate::program::Program;
use crate::stage::Acknowledged;
use crate::support::actors::Sender;
use crate::support::wire::{Answer, Wire, head};

const CONNECTIONS: usize = 20;
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// The signal is on its way.
const HEARD_WITHIN: Duration = Duration::from_millis(300);
const BODY: &str = "{\"sent\":\"until the end\"}";

// holds D6
#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_under_load_the_program_answers_whoever_has_begun_and_ends_with_0() {
    let mut program = Program::serve().await;
    let crowd = Crowd { sender: program.new_sender(), ..Crowd::new(program.address) };
    let mut open_before = Vec::new();
    for _ in 0..5 {
        open_before.push(Wire::open(program.address).await.unwrap());
    }
    let begun_anew = join_all((0..CONNECTIONS).map(|_| crowd.send_on_new_connections()));
    let kept_alive = join_all((0..CONNECTIONS).map(|_| crowd.send_on_one_connection()));
    let ending = async {
        while crowd.acknowledged.count() < 500 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        program.terminate();
        tokio::time::sleep(HEARD_WITHIN).await;
        for mut wire in open_before {
            // An idle connection may have been closed; where it was not, nobody hears on it that all is well.
            if let Ok(answer) = wire.get("/readyz").await {
                assert_eq!(answer.status, 503, "ready, although it is about to end");
            }
        }
        program.wait().await
    };
    let (_, _, (status, took)) = tokio::join!(begun_anew, kept_alive, ending);
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(took < ENDS_WITHIN, "it ended after {took:?}");
    assert_eq!(crowd.cut.load(Ordering::Relaxed), 0, "requests that were begun and got no answer");

    let export = program.run(&["events", "export", "alice@example.com"], "");
    let ids: Vec<String> = export
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    crowd.acknowledged.assert_among(&ids);
}

struct Crowd {
    sender: Sender,
    address: std::net::SocketAddr,
    acknowledged: Acknowledged,
    cut: AtomicUsize,
}

impl Crowd {
    fn new(address: std::net::SocketAddr) -> Self {
        let sender = Sender::new("", "", "");
        Self { sender, address, acknowledged: Acknowledged::default(), cut: AtomicUsize::new(0) }
    }

    /// A connection for each request, until nobody takes them. The program says that it has begun by asking for the body: a
    /// connection that ends before that was never taken, or the program had ended.
    async fn send_on_new_connections(&self) {
        while let Ok(mut wire) = Wire::open(self.address).await {
            let head = head(&self.sender.authorization(), BODY.len(), "Expect: 100-continue\r\n");
            if wire.write(head.as_bytes()).await.is_err() {
                return;
            }
            let Ok(begun) = wire.next_head().await else { return };
            assert!(begun.starts_with("HTTP/1.1 100 "), "{begun}");
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..40))).await;
            let _ = wire.write(BODY.as_bytes()).await;
            match wire.next_answer().await {
                Ok(answer) => self.note(&answer),
                Err(error) => {
                    eprintln!("cut: {error}");
                    self.cut.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    }

    /// One connection for all requests, until it is closed between two of them. Where a request and the end of an idle connection
    /// cross on the line, nobody is at fault (RFC 9112, section 9.5); half an answer would be a cut.
    async fn send_on_one_connection(&self) {
        let mut wire = Wire::open(self.address).await.unwrap();
        loop {
            match wire.post(&self.sender, BODY, "").await {
                Ok(answer) => self.note(&answer),
                Err(_) => {
                    self.cut.fetch_add(usize::from(wire.has_part()), Ordering::Relaxed);
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..10))).await;
        }
    }

    fn note(&self, answer: &Answer) {
        assert!(answer.is_stored_or_told(), "{answer:?}");
        if let Some(id) = answer.id() {
            self.acknowledged.add(&id);
        }
    }
}
