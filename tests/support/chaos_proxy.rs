//! A line to the database that can be made slow, silent or dead, and cut at an exact byte: a proxy from a port on loopback to
//! a server's Unix socket. What the tests conclude from it is theirs.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{Notify, watch};

/// Between two pieces of one message.
const CLOSELY: Duration = Duration::from_millis(5);

/// What happens to connections, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Connections are accepted, and whatever is said on them is swallowed. One on which something was swallowed stays
    /// silent for good, as behind a firewall that has forgotten it.
    BlackHole,
    /// Old connections end, and new ones as soon as they are there.
    Refuse,
}

/// Where a connection is cut. It happens once, on a connection that has begun to write events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After so many more bytes of what the program says.
    Bytes(usize),
    /// After so many bytes of the next message that commits.
    InCommit(usize),
    /// When the whole message has been handed to the server; nobody waits for its answer.
    AfterCommit,
    /// When the server has answered it; nobody hears the answer.
    BeforeAnswer,
}

/// The proxy. It ends with the runtime that started it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: PathBuf,
    mode: watch::Sender<Mode>,
    to_server_ms: AtomicU64,
    to_client_ms: AtomicU64,
    cut: Mutex<Option<Cut>>,
    silent_from: Mutex<Option<&'static str>>,
    cuts: AtomicU32,
    commit_bytes: AtomicUsize,
    withheld_statement: Mutex<Option<&'static str>>,
    withheld: watch::Sender<u32>,
    round_trips: Mutex<Vec<String>>,
}

impl Proxy {
    /// In front of the server that listens, or will listen, on this socket.
    pub async fn start(upstream: PathBuf) -> Self {
        let shared = Arc::new(Shared {
            upstream,
            mode: watch::Sender::new(Mode::Pass),
            to_server_ms: AtomicU64::new(0),
            to_client_ms: AtomicU64::new(0),
            cut: Mutex::new(None),
            silent_from: Mutex::new(None),
            cuts: AtomicU32::new(0),
            commit_bytes: AtomicUsize::new(0),
            withheld_statement: Mutex::new(None),
            withheld: watch::Sender::new(0),
            round_trips: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = accepting.clone();
                // How a connection ended is for its two ends to find out.
                tokio::spawn(async move { serve(client, shared).await });
            }
        });
        Self { port, shared }
    }

    /// In front of the server of a database whose address names a socket, and the address of that database behind it.
    pub async fn in_front_of(database_url: &str) -> (Self, String) {
        let config: tokio_postgres::Config = database_url.parse().unwrap();
        let Some(tokio_postgres::config::Host::Unix(directory)) = config.get_hosts().first() else {
            panic!("{database_url} names no socket");
        };
        let proxy = Self::start(directory.join(".s.PGSQL.5432")).await;
        let address = format!("postgresql://reasoner@127.0.0.1:{}/{}", proxy.port, config.get_dbname().unwrap());
        (proxy, address)
    }

    /// The address of the embedded database behind it.
    pub fn database_url(&self) -> String {
        format!("postgresql://reasoner@127.0.0.1:{}/reasoner_webhooks", self.port)
    }

    /// What was asked of the server since the last call: the statement, or what was done with it, of each round trip.
    pub fn take_round_trips(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.round_trips.lock().unwrap())
    }

    /// From the next statement with this text in it on, its connection hears nothing until [`Proxy::hand_on`].
    pub fn withhold_answer_to(&self, statement: &'static str) {
        self.shared.withheld.send_replace(0);
        *self.shared.withheld_statement.lock().unwrap() = Some(statement);
    }

    /// Hands on what was withheld.
    pub fn hand_on(&self) {
        *self.shared.withheld_statement.lock().unwrap() = None;
        self.shared.withheld.send_replace(0);
    }

    /// When somebody waits for an answer that is withheld.
    pub async fn withholds(&self) {
        self.shared.withheld.subscribe().wait_for(|connections| *connections > 0).await.unwrap();
    }

    pub fn switch(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
    }

    /// How long everything takes on its way, in either direction.
    pub fn delay(&self, to_server: Duration, to_client: Duration) {
        self.shared.to_server_ms.store(to_server.as_millis().try_into().unwrap(), Ordering::Relaxed);
        self.shared.to_client_ms.store(to_client.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    /// Cuts a connection at the next opportunity.
    pub fn cut(&self, at: Cut) {
        *self.shared.cut.lock().unwrap() = Some(at);
    }

    /// Gives up a cut that has not happened.
    pub fn cut_no_more(&self) {
        *self.shared.cut.lock().unwrap() = None;
    }

    /// Connections go silent for good with the first message that has these words in it, until there are no such words any more.
    pub fn silence_from(&self, words: Option<&'static str>) {
        *self.shared.silent_from.lock().unwrap() = words;
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> u32 {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// The size of the last message that committed events.
    pub fn commit_bytes(&self) -> usize {
        self.shared.commit_bytes.load(Ordering::Relaxed)
    }
}

/// What the two directions of a connection tell each other.
#[derive(Default)]
struct Link {
    /// Something was swallowed; from then on everything is.
    silent: AtomicBool,
    /// The answer to a commit is not to arrive.
    withhold: AtomicBool,
    /// No answer arrives for the time being.
    waits: AtomicBool,
    over: Notify,
}

async fn serve(client: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mode = *shared.mode.borrow();
    match mode {
        Mode::Refuse => return Ok(()),
        Mode::BlackHole => return swallow(client).await,
        Mode::Pass => {}
    }
    let (from_server, to_server) = UnixStream::connect(&shared.upstream).await?.into_split();
    let (from_client, to_client) = client.into_split();
    let link = Link::default();
    let mut mode = shared.mode.subscribe();
    // Whatever ends first drops, and so closes, both connections.
    tokio::select! {
        end = upward(from_client, to_server, &shared, &link) => end,
        end = downward(from_server, to_client, &shared, &link) => end,
        _ = mode.wait_for(|mode| *mode == Mode::Refuse) => Ok(()),
        () = link.over.notified() => Ok(()),
    }
}

async fn swallow(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while client.read(&mut buffer).await? > 0 {}
    Ok(())
}

impl Shared {
    /// Whether a piece is swallowed, and with it all that follows.
    fn swallows(&self, link: &Link) -> bool {
        if *self.mode.borrow() == Mode::BlackHole {
            link.silent.store(true, Ordering::Relaxed);
        }
        link.silent.load(Ordering::Relaxed)
    }

    fn withholds_answer_to(&self, message: &[u8]) -> bool {
        let statement = *self.withheld_statement.lock().unwrap();
        statement.is_some_and(|text| message.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    /// Whether a connection goes silent with this message.
    fn is_silent_from(&self, message: &[u8]) -> bool {
        let words = *self.silent_from.lock().unwrap();
        words.is_some_and(|words| message.windows(words.len()).any(|part| part == words.as_bytes()))
    }

    /// Where to cut in a message, if this is the one.
    fn cut_in(&self, message: &[u8], commits: bool) -> Option<Cut> {
        let mut cut = self.cut.lock().unwrap();
        match *cut {
            Some(Cut::Bytes(left)) if left >= message.len() => *cut = Some(Cut::Bytes(left - message.len())),
            Some(Cut::Bytes(_)) => return cut.take(),
            Some(_) if commits => return cut.take(),
            _ => {}
        }
        None
    }
}

/// What the program says, message by message.
async fn upward(
    mut client: OwnedReadHalf,
    mut server: impl AsyncWrite + Unpin,
    shared: &Shared,
    link: &Link,
) -> io::Result<()> {
    let mut conversation = Conversation::default();
    let mut delay = Delay::default();
    let mut pending = Vec::new();
    loop {
        let mut chunk = vec![0; 64 * 1024];
        let length = client.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        if shared.swallows(link) {
            continue;
        }
        delay.pass(&shared.to_server_ms).await;
        pending.extend_from_slice(&chunk[..length]);
        while let Some(length) = conversation.next_length(&pending) {
            let message: Vec<u8> = pending.drain(..length).collect();
            if shared.is_silent_from(&message) {
                link.silent.store(true, Ordering::Relaxed);
                break;
            }
            let commits = conversation.hear(&message);
            shared
                .round_trips
                .lock()
                .unwrap()
                .extend(conversation.asked.take_if(|_| matches!(message[0], b'Q' | b'S')));
            if commits && conversation.writes_events {
                shared.commit_bytes.store(message.len(), Ordering::Relaxed);
            }
            if shared.withholds_answer_to(&message) {
                link.waits.store(true, Ordering::SeqCst);
                shared.withheld.send_modify(|connections| *connections += 1);
            }
            let cut = if conversation.writes_events { shared.cut_in(&message, commits) } else { None };
            if cut.is_some() {
                shared.cuts.fetch_add(1, Ordering::Relaxed);
            }
            match cut {
                None => server.write_all(&message).await?,
                Some(Cut::Bytes(bytes) | Cut::InCommit(bytes)) => {
                    return server.write_all(&message[..bytes.min(message.len())]).await;
                }
                Some(Cut::AfterCommit) => return server.write_all(&message).await,
                Some(Cut::BeforeAnswer) => {
                    link.withhold.store(true, Ordering::SeqCst);
                    server.write_all(&message).await?;
                }
            }
        }
    }
}

/// What the server says, as it comes.
async fn downward(
    mut server: impl AsyncRead + Unpin,
    mut client: OwnedWriteHalf,
    shared: &Shared,
    link: &Link,
) -> io::Result<()> {
    // What ends the answer to a commit, and to a statement that is a transaction by itself: ready, and in no transaction.
    const COMMITTED: &[u8] = b"Z\0\0\0\x05I";
    let mut heard = Vec::new();
    let mut delay = Delay::default();
    loop {
        let mut chunk = vec![0; 64 * 1024];
        let length = server.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        if link.withhold.load(Ordering::SeqCst) {
            heard.extend_from_slice(&chunk[..length]);
            if heard.windows(COMMITTED.len()).any(|part| part == COMMITTED) {
                link.over.notify_one();
            }
            continue;
        }
        if link.waits.swap(false, Ordering::SeqCst) {
            let _ = shared.withheld.subscribe().wait_for(|connections| *connections == 0).await;
        }
        delay.pass(&shared.to_client_ms).await;
        if !shared.swallows(link) {
            client.write_all(&chunk[..length]).await?;
        }
    }
}

/// Pieces that follow each other closely are delayed once: the line is long, not narrow.
#[derive(Default)]
struct Delay {
    last: Option<Instant>,
}

impl Delay {
    async fn pass(&mut self, ms: &AtomicU64) {
        let ms = ms.load(Ordering::Relaxed);
        if ms > 0 && self.last.is_none_or(|last| last.elapsed() > CLOSELY) {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        self.last = Some(Instant::now());
    }
}

/// What has to be known of a connection to recognise its commits, however they are said: as a simple query, or by the end of a
/// call of `store_events`, which is a transaction by itself where none was begun.
#[derive(Default)]
struct Conversation {
    has_begun: bool,
    writes_events: bool,
    in_transaction: bool,
    statements: HashMap<Vec<u8>, String>,
    has_called: bool,
    /// What the current round trip asks.
    asked: Option<String>,
}

impl Conversation {
    /// The length of the first message, if all of it is there. Only the very first has no letter that says its kind.
    fn next_length(&self, bytes: &[u8]) -> Option<usize> {
        let letter = usize::from(self.has_begun);
        let said = bytes.get(letter..letter + 4)?;
        let length = letter + u32::from_be_bytes(said.try_into().unwrap()) as usize;
        (bytes.len() >= length).then_some(length)
    }

    /// Whether the message makes the server commit.
    fn hear(&mut self, message: &[u8]) -> bool {
        if !self.has_begun {
            self.has_begun = true;
            return false;
        }
        let mut texts = message[5..].split(|byte| *byte == 0);
        let mut text = || texts.next().unwrap_or_default();
        match message[0] {
            b'Q' => {
                let sql = text();
                self.asked = Some(String::from_utf8_lossy(sql).into_owned());
                match sql {
                    b"begin" => self.in_transaction = true,
                    b"commit" | b"rollback" => self.in_transaction = false,
                    _ => {}
                }
                commits(sql)
            }
            b'P' => {
                let (name, sql) = (text().to_vec(), String::from_utf8_lossy(text()).into_owned());
                self.writes_events |= stores_events(&sql);
                self.asked = Some(format!("prepare {sql}"));
                self.statements.insert(name, sql);
                false
            }
            b'B' => {
                let (_portal, name) = (text(), text());
                self.asked = self.statements.get(name).cloned();
                self.has_called = self.asked.as_deref().is_some_and(stores_events);
                false
            }
            // The end of a call is where the server commits.
            b'S' => std::mem::take(&mut self.has_called) && !self.in_transaction,
            _ => false,
        }
    }
}

/// Whether `commit` stands in a statement as a word of its own, and not as a part of `synchronous_commit`.
fn commits(sql: &[u8]) -> bool {
    let sql = String::from_utf8_lossy(sql).to_lowercase();
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "commit")
}

fn stores_events(sql: &str) -> bool {
    sql.contains("store_events(")
}
