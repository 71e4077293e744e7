//! Puts events on disk. One task with a connection of its own takes whatever has queued while its previous commit was in
//! flight, and writes it in one transaction: no timers, so a lone event waits for nobody and a crowd shares its commits. The
//! commit is what a 200 means.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::event::NewEvent;
use crate::ingest::batch::{self, Entry, Written};
use crate::ingest::verifier::Verified;
use crate::store::error::StoreError;
use crate::store::partitions;
use crate::store::pool::{Connection, Store};

/// The most that one transaction holds.
const MAX_BATCH_EVENTS: usize = 1_000;
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// The most that waits; beyond it a request is refused at once.
const MAX_QUEUED_EVENTS: usize = 4_096;
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// A transaction that takes longer is given up, and its connection with it.
const MAX_TRANSACTION: Duration = Duration::from_secs(2);
/// Between two attempts to connect, doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// The door to the writer of one program. `id` tells its counts from those of other programs.
#[derive(Clone, Debug)]
pub struct Writer {
    id: Uuid,
    queue: mpsc::Sender<Job>,
    queued_bytes: Arc<AtomicUsize>,
}

/// An entry and the one who waits for what becomes of it.
#[derive(Debug)]
struct Job {
    entry: Entry,
    done: oneshot::Sender<Result<Written, StoreError>>,
    _room: Room,
}

/// The bytes that a job takes in the queue, given back when it is done, however it ends.
#[derive(Debug)]
struct Room {
    bytes: usize,
    queued_bytes: Arc<AtomicUsize>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.queued_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Writer {
    /// Starts the task. After `ended` it takes nothing more, writes what has queued, and ends.
    pub fn start(store: Store, id: Uuid, ended: impl Future<Output = ()> + Send + 'static) -> (Self, JoinHandle<()>) {
        let (queue, jobs) = mpsc::channel(MAX_QUEUED_EVENTS);
        let task = Task { store, id, connection: None, pause: FIRST_PAUSE, not_before: Instant::now() };
        (Self { id, queue, queued_bytes: Arc::default() }, tokio::spawn(task.run(jobs, ended)))
    }

    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Returns when the event is on disk, or is not going to be. A caller that goes away loses the answer, not the event.
    pub async fn write(&self, sender: Verified, event: NewEvent, at: Timestamp) -> Result<Written, StoreError> {
        let bytes = event.body.len();
        let room = Room { bytes, queued_bytes: self.queued_bytes.clone() };
        if self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > MAX_QUEUED_BYTES {
            return Err(full());
        }
        let (done, answer) = oneshot::channel();
        let job = Job { entry: Entry { sender, event, at }, done, _room: room };
        self.queue.try_send(job).map_err(|_| full())?;
        match tokio::time::timeout(MAX_TRANSACTION, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(StoreError::Unavailable("the writer has ended".to_owned())),
            Err(_) => Err(StoreError::Unavailable("the writer is too slow".to_owned())),
        }
    }
}

fn full() -> StoreError {
    StoreError::Unavailable("the writer's queue is full".to_owned())
}

/// What the task keeps between batches.
struct Task {
    store: Store,
    id: Uuid,
    connection: Option<Connection>,
    pause: Duration,
    /// After a failed attempt to connect, the next one is not made before this.
    not_before: Instant,
}

impl Task {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, ended: impl Future<Output = ()>) {
        let mut ended = std::pin::pin!(ended);
        let mut open = true;
        loop {
            let first = tokio::select! {
                job = jobs.recv() => job,
                () = &mut ended, if open => {
                    open = false;
                    jobs.close();
                    continue;
                }
            };
            let Some(first) = first else { return };
            let mut bytes = first.entry.event.body.len();
            let mut batch = vec![first];
            while batch.len() < MAX_BATCH_EVENTS && bytes < MAX_BATCH_BYTES {
                let Ok(job) = jobs.try_recv() else { break };
                bytes += job.entry.event.body.len();
                batch.push(job);
            }
            self.write(batch).await;
        }
    }

    /// Writes a batch and answers everybody in it.
    async fn write(&mut self, batch: Vec<Job>) {
        let entries: Vec<&Entry> = batch.iter().map(|job| &job.entry).collect();
        let outcome = self.attempt(&entries).await;
        match outcome {
            Ok(verdicts) => {
                for (job, verdict) in batch.into_iter().zip(verdicts) {
                    // Whoever has gone is not told.
                    let _ = job.done.send(Ok(verdict));
                }
            }
            Err(error) if error.is_unavailable() => {
                tracing::warn!(%error, events = batch.len(), "a batch could not be written");
                for job in batch {
                    let _ = job.done.send(Err(StoreError::Unavailable(error.to_string())));
                }
            }
            // Something in the batch is poisonous: each is tried by itself, so that it harms nobody but its sender.
            Err(error) => {
                tracing::warn!(%error, events = batch.len(), "a batch failed; its events are written one by one");
                for job in batch {
                    let alone = self.attempt_with_partition(&job.entry).await;
                    let _ = job.done.send(alone);
                }
            }
        }
    }

    async fn attempt_with_partition(&mut self, entry: &Entry) -> Result<Written, StoreError> {
        let outcome = match self.attempt(&[entry]).await {
            // Upkeep makes partitions weeks ahead; a clock that jumped still must not lose an event.
            Err(error) if error.is_missing_partition() => {
                partitions::make_ahead(&self.store, entry.at).await?;
                self.attempt(&[entry]).await
            }
            outcome => outcome,
        };
        let missing = || StoreError::Unreadable("a batch without a verdict".to_owned());
        outcome.and_then(|verdicts| verdicts.into_iter().next().ok_or_else(missing))
    }

    /// One transaction on the writer's connection, which is made first where there is none.
    async fn attempt(&mut self, entries: &[&Entry]) -> Result<Vec<Written>, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let writing = batch::write(&mut connection, self.id, entries);
        let outcome = tokio::time::timeout(MAX_TRANSACTION, writing).await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable(format!("no answer within {} s", MAX_TRANSACTION.as_secs())))
        });
        // A connection that failed in the middle of something is not used again.
        if !matches!(&outcome, Err(error) if error.is_unavailable()) {
            self.connection = Some(connection);
        }
        outcome
    }

    async fn connect(&mut self) -> Result<Connection, StoreError> {
        if Instant::now() < self.not_before {
            return Err(StoreError::Unavailable("the database was out of reach a moment ago".to_owned()));
        }
        match self.store.own_connection().await {
            Ok(connection) => {
                self.pause = FIRST_PAUSE;
                Ok(connection)
            }
            Err(error) => {
                self.not_before = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(LAST_PAUSE);
                Err(error)
            }
        }
    }
}
