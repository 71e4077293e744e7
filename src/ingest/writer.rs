//! Group commit: the writers that store events in batches.
//!
//! Puts events on disk. Each thread that answers senders has a writer of its own, a task with its own connection on the same
//! thread: it takes whatever has queued while its previous commit was in flight, and writes it in one transaction. No timers, so
//! a lone event waits for nobody and a crowd shares its commits; and nothing crosses threads, so nobody has to be woken there.
//! The commit is what a 200 means.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::ids::{AccountId, SecretId};
use crate::domain::rejection::Reason;
use crate::ingest::batch::{self, Entry, Written};
use crate::ingest::batch_queue::{BatchQueue, Queued};
use crate::ingest::holding::{Holding, Owner};
use crate::ingest::memory_budget::{MemoryBudget, Reservation};
use crate::ingest::notifier::Notifier;
use crate::ingest::outcomes::Batches;
use crate::ingest::storage_health::StorageHealth;
use crate::ingest::usage::Usage;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::batches::BatchConnection;
use crate::store::tables::credential_secrets::SecretRow;
use crate::store::tables::partitions;

/// A transaction that takes longer is given up, and its connection with it.
const MAX_TRANSACTION: Duration = Duration::from_secs(2);
/// Between two attempts to connect, doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// What the writers of one program have in common.
#[derive(Clone, Debug)]
pub(crate) struct Writers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    usage: Usage,
    holding: Holding,
    notifier: Notifier,
    budget: MemoryBudget,
    batches: Batches,
    health: StorageHealth,
}

impl Writers {
    pub(crate) fn new(store: Store, usage: Usage, holding: Holding, notifier: Notifier, budget: MemoryBudget) -> Self {
        let health = StorageHealth::new(store.clone());
        let batches = Batches::default();
        Self(Arc::new(Shared { store, usage, holding, notifier, budget, batches, health }))
    }

    /// Starts a writer on the runtime of the caller. It connects when it has something to write, and ends with its last handle.
    pub(crate) fn start(&self) -> Writer {
        let (queue, jobs) = mpsc::unbounded_channel();
        let shared = self.0.clone();
        let task = Task {
            shared: shared.clone(),
            counter: Uuid::new_v4(),
            connection: None,
            pause: FIRST_PAUSE,
            not_before: Instant::now(),
        };
        tokio::spawn(task.run(jobs));
        Writer { queue, shared }
    }

    /// How many events wait to be written, in all writers.
    pub(crate) fn queued_events(&self) -> usize {
        self.0.budget.events()
    }

    /// How many bytes of bodies are there, arriving or waiting.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.0.budget.bytes()
    }

    /// The most bytes of bodies that may be there.
    pub(crate) fn max_queued_bytes(&self) -> usize {
        self.0.budget.max_bytes()
    }

    /// Whether events can be stored now.
    pub(crate) fn health(&self) -> &StorageHealth {
        &self.0.health
    }

    /// What all writers have done.
    pub(crate) fn batches(&self) -> &Batches {
        &self.0.batches
    }
}

/// The handle of one writer.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: mpsc::UnboundedSender<Group>,
    shared: Arc<Shared>,
}

/// What is written in one transaction: the event of a request, or those of a batch.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are of one event, which is not to cost an allocation")]
enum Group {
    One(Job),
    Many(Vec<Job>),
}

impl Queued for Group {
    fn account(&self) -> AccountId {
        match self {
            Group::One(job) => job.entry.sender.account_id,
            Group::Many(jobs) => jobs.first().map_or(AccountId(Uuid::nil()), |job| job.entry.sender.account_id),
        }
    }

    fn events(&self) -> usize {
        match self {
            Group::One(_) => 1,
            Group::Many(jobs) => jobs.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Group::One(job) => job.entry.event.body.len(),
            Group::Many(jobs) => jobs.iter().map(|job| job.entry.event.body.len()).sum(),
        }
    }
}

/// An entry and the one who waits for what becomes of it.
#[derive(Debug)]
struct Job {
    entry: Entry,
    done: oneshot::Sender<Result<Answer, StoreError>>,
    queued_at: Instant,
    /// One of a batch has it for all.
    reservation: Option<Reservation>,
}

/// What became of an entry; and the entry, where it may be written once more under another key.
type Answer = (Written, Option<(Entry, Option<Reservation>)>);

impl Writer {
    /// Room for a request of an account, to be taken as its body arrives; `None` when there is none.
    pub(crate) fn reserve(&self, account: AccountId) -> Option<Reservation> {
        self.shared.budget.open(account)
    }

    /// Returns when the event is on disk, or is not going to be. A caller that goes away loses the answer, not the event.
    pub(crate) async fn write(&self, entry: Entry, mut reservation: Reservation) -> Result<Written, StoreError> {
        if !reservation.take_slot() {
            return Err(no_memory_left());
        }
        let answer = self.write_once(entry, Some(reservation)).await?;
        self.settle(answer).await
    }

    async fn write_once(&self, entry: Entry, reservation: Option<Reservation>) -> Result<Answer, StoreError> {
        let (done, answer) = oneshot::channel();
        let job = Job { entry, done, queued_at: Instant::now(), reservation };
        self.queue.send(Group::One(job)).map_err(|_| ended())?;
        outcome(answer).await
    }

    /// What became of an entry in the end: where another body is another event, it is written once more under another key.
    async fn settle(&self, answer: Answer) -> Result<Written, StoreError> {
        match answer {
            (_, Some((mut entry, reservation))) => {
                entry.event.idempotency = entry.event.idempotency.and_then(|key| key.for_this_body());
                Box::pin(self.write_once(entry, reservation)).await.map(|(written, _)| written)
            }
            (written, None) => Ok(written),
        }
    }

    /// The same for the events of one request, which are written in one transaction; what became of each, in their order. They take
    /// the place of one event among those that wait: how many bytes they are is bounded.
    pub(crate) async fn write_all(
        &self,
        entries: Vec<Entry>,
        mut reservation: Reservation,
    ) -> Vec<Result<Written, StoreError>> {
        let has_slot = reservation.take_slot();
        let mut reservation = Some(reservation);
        let (jobs, answers): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .map(|entry| {
                let (done, answer) = oneshot::channel();
                (Job { entry, done, queued_at: Instant::now(), reservation: reservation.take() }, answer)
            })
            .unzip();
        if !has_slot || jobs.is_empty() {
            return jobs.iter().map(|_| Err(no_memory_left())).collect();
        }
        // A writer that has ended drops them, and each answer says so.
        let _ = self.queue.send(Group::Many(jobs));
        let settled = answers.into_iter().map(async |answer| self.settle(outcome(answer).await?).await);
        futures_util::future::join_all(settled).await
    }
}

/// What became of a job, as soon as that is known.
async fn outcome(answer: oneshot::Receiver<Result<Answer, StoreError>>) -> Result<Answer, StoreError> {
    match tokio::time::timeout(MAX_TRANSACTION, answer).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(ended()),
        Err(_) => Err(StoreError::Unavailable("the writer is too slow".to_owned())),
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the writer has ended".to_owned())
}

/// Too much waits already.
pub(crate) fn no_memory_left() -> StoreError {
    StoreError::Unavailable("more waits to be stored than there is room for".to_owned())
}

/// What the task keeps between batches.
struct Task {
    shared: Arc<Shared>,
    /// Whom this writer counts as, whatever connection it has.
    counter: Uuid,
    connection: Option<BatchConnection>,
    pause: Duration,
    /// After a failed attempt to connect, the next one is not made before this.
    not_before: Instant,
}

impl Task {
    async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Group>) {
        let mut queue = BatchQueue::new();
        loop {
            if queue.is_empty() {
                match jobs.recv().await {
                    Some(first) => queue.push(first, Instant::now()),
                    None => return,
                }
            }
            // Whatever else has arrived by now gets the chance to queue: a larger batch costs the database little more.
            tokio::task::yield_now().await;
            // Before it is taken out of the queue: who has waited too long by then has been told so, and is left out.
            let _turn = self.shared.store.batch_turn().await;
            let now = Instant::now();
            while let Ok(group) = jobs.try_recv() {
                queue.push(group, now);
            }
            let mut batch = Vec::new();
            // The sender of what waited too long has been told that it was not stored. To store it after all would only delay others.
            let mut add = |job: Job| batch.extend(Some(job).filter(|job| job.queued_at.elapsed() < MAX_TRANSACTION));
            for group in queue.next_batch(now) {
                match group {
                    Group::One(job) => add(job),
                    Group::Many(jobs) => jobs.into_iter().for_each(&mut add),
                }
            }
            if !batch.is_empty() {
                self.write(batch).await;
            }
        }
    }

    /// Writes a batch and answers everybody in it.
    async fn write(&mut self, batch: Vec<Job>) {
        let entries: Vec<&Entry> = batch.iter().map(|job| &job.entry).collect();
        match self.attempt(&entries).await {
            Ok(verdicts) => {
                self.tell(&entries, &verdicts);
                for (job, verdict) in batch.into_iter().zip(verdicts) {
                    self.answer(job, Ok(verdict));
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
                    if let Ok(verdict) = &alone {
                        self.tell(&[&job.entry], &[*verdict]);
                    }
                    self.answer(job, alone);
                }
            }
        }
    }

    /// Answers one. What came just after its password expired, as a sender does that was verified before, goes into the holding.
    fn answer(&self, job: Job, outcome: Result<Written, StoreError>) {
        let Job { entry, done, reservation, .. } = job;
        let is_late = matches!(outcome, Ok(Written::Refused(Reason::ExpiredPassword)));
        let has_another_key = entry.event.idempotency.as_ref().is_some_and(|key| key.with_body);
        if matches!(outcome, Ok(Written::KeyConflict)) && has_another_key {
            let _ = done.send(Ok((Written::KeyConflict, Some((entry, reservation)))));
            return;
        }
        // One of a request has the memory for all of it, and one refusal tells of all.
        let rejected_at = reservation.as_ref().filter(|_| is_late).map(|_| self.shared.usage.late_at(&entry));
        // Whoever has gone is not told.
        let _ = done.send(outcome.map(|written| (written, None)));
        let Entry { sender, event, .. } = entry;
        if is_late
            && let Some(reserve) = self.shared.holding.reserve_now(sender.account_id, event.body.len() as u64)
            && let Some(reservation) = reservation.or_else(|| self.shared.budget.open(sender.account_id))
        {
            self.shared.holding.keep(Owner::of(&sender, rejected_at), vec![event], reservation, reserve);
        }
    }

    /// Notes the first and the last use of each password, and notifies the dashboards of each account: once for a batch.
    fn tell(&self, entries: &[&Entry], verdicts: &[Written]) {
        let mut used: HashMap<SecretId, (&Entry, &Entry)> = HashMap::new();
        for (entry, verdict) in entries.iter().zip(verdicts) {
            if matches!(verdict, Written::Stored(_) | Written::Replayed(_)) {
                used.entry(entry.sender.secret_id).or_insert((entry, entry)).1 = entry;
                let SecretRow { account_id, credential_id, .. } = *entry.sender;
                self.shared.usage.note_sender(account_id, credential_id, entry.event.remote_ip, entry.at);
            }
        }
        for (secret, (first, last)) in used {
            self.shared.usage.note_uses(secret, first.to_use(), last.to_use());
            self.shared.notifier.notify(last.sender.account_id);
        }
    }

    async fn attempt_with_partition(&mut self, entry: &Entry) -> Result<Written, StoreError> {
        let outcome = match self.attempt(&[entry]).await {
            // Upkeep makes partitions weeks ahead; a clock that jumped still must not lose an event.
            Err(error) if error.is_missing_partition() => {
                partitions::make_ahead(&self.shared.store, entry.at, entry.at).await?;
                self.attempt(&[entry]).await
            }
            outcome => outcome,
        };
        let missing = || StoreError::Unreadable("a batch without a verdict".to_owned());
        outcome.and_then(|verdicts| verdicts.into_iter().next().ok_or_else(missing))
    }

    /// One transaction on the writer's connection, which is made first where there is none.
    async fn attempt(&mut self, entries: &[&Entry]) -> Result<Vec<Written>, StoreError> {
        let outcome = self.attempt_on_connection(entries).await;
        self.shared.health.note_batch(outcome.as_ref().map(drop));
        outcome
    }

    async fn attempt_on_connection(&mut self, entries: &[&Entry]) -> Result<Vec<Written>, StoreError> {
        let mut connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let began = Instant::now();
        let writing = batch::write(&mut connection, entries);
        let outcome = tokio::time::timeout(MAX_TRANSACTION, writing).await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable(format!("no answer within {} s", MAX_TRANSACTION.as_secs())))
        });
        self.shared.batches.note(entries.len(), began.elapsed(), outcome.is_ok());
        // A connection that failed in the middle of something is not used again.
        if !matches!(&outcome, Err(error) if error.is_unavailable()) {
            self.connection = Some(connection);
        }
        outcome
    }

    async fn connect(&mut self) -> Result<BatchConnection, StoreError> {
        if Instant::now() < self.not_before {
            return Err(StoreError::Unavailable("the database was out of reach a moment ago".to_owned()));
        }
        match BatchConnection::open(&self.shared.store, self.counter).await {
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
