//! The way from a sender to the server, on which goes wrong what goes wrong in the world: no answer, too many failures from the
//! same address, a database that is away, an answer that is lost. The server's answers are its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::postgres::query;

/// Failures from an address before the server asks it to wait; more than it lets through at once.
const FLOOD: usize = 110;

/// One request that came along, and what came back.
#[derive(Clone, Debug)]
pub struct Passage {
    pub key: Option<String>,
    pub body: Vec<u8>,
    pub began: Instant,
    /// When the sender was about to have its answer, or to know that there is none.
    pub ended: Instant,
    /// What the server said, whether or not the sender heard it.
    pub status: Option<u16>,
    pub retry_after: Option<u64>,
    pub replayed: bool,
}

/// What goes wrong on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// The first request gets no answer, the second is one too many from its address, during the third the database is away,
    /// and the answer to the first that is stored is lost.
    Foul,
    /// The database is away during the first request.
    Cloudy,
}

#[derive(Clone, Debug)]
struct Upstream {
    address: String,
    database_url: String,
}

/// The line. It ends with the runtime that started it.
#[derive(Clone, Debug)]
pub struct Line {
    pub url: String,
    upstream: watch::Sender<Option<Upstream>>,
    weather: Arc<Mutex<Weather>>,
    passages: Arc<Mutex<Vec<Passage>>>,
}

struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// The same request with a password that somebody guessed.
    fn of_a_neighbour(&self) -> Message {
        let is_authorization = |line: &&str| line.to_lowercase().starts_with("authorization:");
        let mut lines: Vec<&str> = self.head.lines().filter(|line| !is_authorization(line)).collect();
        // rw_00000000:guess
        lines.push("Authorization: Basic cndfMDAwMDAwMDA6Z3Vlc3M=");
        Message { head: lines.join("\r\n"), body: self.body.clone() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Line {
    /// To a server that is not there yet: it has to know the address of this first.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let line = Self {
            url: format!("http://{address}/"),
            upstream: watch::Sender::new(None),
            weather: Arc::new(Mutex::new(Weather::Fair)),
            passages: Arc::default(),
        };
        let accepting = line.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let line = accepting.clone();
                tokio::spawn(async move { line.serve(client).await });
            }
        });
        line
    }

    pub fn lead_to(&self, url: &str, database_url: &str) {
        let address = url.trim_start_matches("http://").to_owned();
        self.upstream.send_replace(Some(Upstream { address, database_url: database_url.to_owned() }));
    }

    pub fn turn(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    /// What has passed since this was asked last.
    pub fn passages(&self) -> Vec<Passage> {
        std::mem::take(&mut *self.passages.lock().unwrap())
    }

    /// Requests of one connection, until one of the two hangs up or the line breaks.
    async fn serve(&self, mut client: TcpStream) {
        while let Some(request) = read(&mut client, true).await {
            let began = Instant::now();
            let (number, was_stored) = {
                let passages = self.passages.lock().unwrap();
                (passages.len() + 1, passages.iter().any(|passage| passage.status == Some(200)))
            };
            let weather = *self.weather.lock().unwrap();
            let is_foul = weather == Weather::Foul;
            let answer = if is_foul && number == 1 {
                None
            } else if is_foul && number == 2 {
                self.flood().await;
                // A right password is let in all the same, so what it gets is the answer to its neighbour.
                Some(self.hand_on(&request.of_a_neighbour()).await)
            } else if (is_foul && number == 3) || (weather == Weather::Cloudy && number == 1) {
                self.switch_database(false).await;
                let answer = self.hand_on(&request).await;
                self.switch_database(true).await;
                Some(answer)
            } else {
                Some(self.hand_on(&request).await)
            };
            let is_lost = is_foul && !was_stored && answer.as_ref().is_some_and(|answer| answer.status() == 200);
            let is_last = request.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            let heard = answer.as_ref().filter(|_| !is_lost);
            // Written down first: a sender that has its answer may end before this goes on.
            self.passages.lock().unwrap().push(Passage {
                key: request.header("Idempotency-Key").map(str::to_owned),
                began,
                ended: Instant::now(),
                status: answer.as_ref().map(Message::status),
                retry_after: answer.as_ref().and_then(|answer| answer.header("Retry-After")?.parse().ok()),
                replayed: answer.as_ref().is_some_and(|answer| answer.header("Idempotency-Replayed") == Some("true")),
                body: request.body,
            });
            let Some(answer) = heard else { return };
            let bytes = [answer.head.as_bytes(), b"\r\n\r\n", &answer.body].concat();
            if client.write_all(&bytes).await.is_err() || is_last {
                return;
            }
        }
    }

    async fn there(&self) -> Upstream {
        self.upstream.subscribe().wait_for(Option::is_some).await.unwrap().clone().unwrap()
    }

    async fn hand_on(&self, request: &Message) -> Message {
        let mut server = TcpStream::connect(self.there().await.address).await.unwrap();
        let head: Vec<&str> = request.head.lines().filter(|line| !line.to_lowercase().starts_with("expect:")).collect();
        let bytes = [head.join("\r\n").as_bytes(), b"\r\n\r\n", &request.body].concat();
        server.write_all(&bytes).await.unwrap();
        read(&mut server, false).await.unwrap()
    }

    /// Somebody else at the same address tries passwords until the server has enough of it.
    async fn flood(&self) {
        let url = format!("http://{}/", self.there().await.address);
        let client = Client::builder().no_proxy().build().unwrap();
        let mut last = 0;
        for _ in 0..FLOOD {
            last = client.post(&url).basic_auth("rw_00000000", Some("guess")).send().await.unwrap().status().as_u16();
        }
        assert_eq!(last, 429);
    }

    /// Takes the database away: nobody is let in, and who is there is shown out.
    async fn switch_database(&self, is_there: bool) {
        let url = self.there().await.database_url;
        let name = url.split("/test_").nth(1).unwrap().split('?').next().unwrap();
        let maintenance = url.replace(&format!("/test_{name}"), "/reasoner_webhooks");
        query(&maintenance, &format!("alter database test_{name} with allow_connections {is_there}")).await;
        if !is_there {
            let sql = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'test_{name}'");
            query(&maintenance, &sql).await;
        }
    }
}

/// One message with a body of an announced length; nothing when there is no more.
async fn read(from: &mut TcpStream, is_server: bool) -> Option<Message> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            break end;
        }
        if from.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut message = Message { head, body: bytes[end + 4..].to_vec() };
    assert!(message.header("Transfer-Encoding").is_none(), "a length is announced: {}", message.head);
    let length: usize = message.header("Content-Length").map_or(0, |length| length.parse().unwrap());
    if is_server && message.header("Expect").is_some() {
        from.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    while message.body.len() < length {
        let read = tokio::time::timeout(Duration::from_secs(20), from.read_buf(&mut message.body)).await.ok()?;
        if read.ok()? == 0 {
            return None;
        }
    }
    Some(message)
}
