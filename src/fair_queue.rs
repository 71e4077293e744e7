//! A semaphore that is fair between keys, which are accounts for the most part.
//!
//! Each key has a bounded queue of its own, and the queues take turns: however many wait under one key, whoever waits under another is
//! the next but for those of the other keys. Work that computes runs in `run`, on a thread beside those that answer requests.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::metrics::Counter;

/// What permits may be held and waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Permits at once, and of those under one key.
    pub(crate) permits: usize,
    pub(crate) per_key: usize,
    /// How many may wait under one key.
    pub(crate) waiting_per_key: usize,
}

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueueError {
    #[error("as many wait already as may")]
    Full,
    #[error("the wait was too long")]
    TimedOut,
    #[error("the work broke off")]
    Failed,
}

/// What tells the waiting apart.
pub(crate) trait Key: Copy + Eq + Hash + Send + std::fmt::Debug + 'static {}
impl<K: Copy + Eq + Hash + Send + std::fmt::Debug + 'static> Key for K {}

/// The semaphore.
#[derive(Clone, Debug)]
pub(crate) struct FairQueue<K: Key>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K: Key> {
    limits: Limits,
    state: Mutex<State<K>>,
    refused: Counter,
}

#[derive(Debug)]
struct State<K> {
    held: usize,
    waiting: usize,
    next_ticket: u64,
    keys: HashMap<K, OfKey>,
    /// The keys under which somebody waits who may have the next permit, each of them once.
    turns: VecDeque<K>,
}

#[derive(Debug, Default)]
struct OfKey {
    held: usize,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl<K: Key> FairQueue<K> {
    pub(crate) fn new(limits: Limits) -> Self {
        let state = State { held: 0, waiting: 0, next_ticket: 0, keys: HashMap::new(), turns: VecDeque::new() };
        Self(Arc::new(Inner { limits, state: Mutex::new(state), refused: Counter::default() }))
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().waiting
    }

    /// How many permits are held.
    pub(crate) fn held(&self) -> usize {
        self.0.lock().held
    }

    /// How many found the queue of their key full since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.get()
    }

    /// A permit, when it is the turn of its key.
    pub(crate) async fn acquire(&self, key: K) -> Result<Permit<K>, QueueError> {
        let mut waiting = match self.0.lock().enter(key, &self.0.limits) {
            Entered::At(ticket, granted) => Waiting { queue: self, key, ticket, granted, is_over: false },
            Entered::Granted => return Ok(Permit { queue: self.clone(), key }),
            Entered::Full => {
                self.0.refused.add(1);
                return Err(QueueError::Full);
            }
        };
        let granted = (&mut waiting.granted).await;
        // From here on the permit is what gives it back.
        waiting.is_over = true;
        granted.map(|()| Permit { queue: self.clone(), key }).map_err(|_| QueueError::Failed)
    }

    /// The same, for who does not wait longer than so long.
    pub(crate) async fn acquire_within(&self, key: K, longest: Duration) -> Result<Permit<K>, QueueError> {
        tokio::time::timeout(longest, self.acquire(key)).await.map_err(|_| QueueError::TimedOut)?
    }

    /// Computes something beside the threads that answer requests. The work goes on when its caller is gone, and so does its permit:
    /// or callers who hang up would get as many runs as they like. It is told, and may break off.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        key: K,
        work: impl FnOnce(&mut Turn<K>) -> T + Send + 'static,
    ) -> Result<T, QueueError> {
        self.run_on(&Handle::current(), key, work).await
    }

    /// The same on the threads of another runtime.
    pub(crate) async fn run_on<T: Send + 'static>(
        &self,
        threads: &Handle,
        key: K,
        work: impl FnOnce(&mut Turn<K>) -> T + Send + 'static,
    ) -> Result<T, QueueError> {
        let permit = self.acquire(key).await?;
        let caller = Caller(Arc::new(AtomicBool::new(false)));
        let mut turn = Turn { permit, caller_is_gone: caller.0.clone() };
        threads.spawn_blocking(move || work(&mut turn)).await.map_err(|_| QueueError::Failed)
    }
}

impl<K: Key> Inner<K> {
    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of asking for a permit.
enum Entered {
    Granted,
    At(u64, oneshot::Receiver<()>),
    Full,
}

impl<K: Key> State<K> {
    fn enter(&mut self, key: K, limits: &Limits) -> Entered {
        let of_key = self.keys.entry(key).or_default();
        if self.held < limits.permits && of_key.held < limits.per_key && of_key.waiting.is_empty() {
            of_key.held += 1;
            self.held += 1;
            return Entered::Granted;
        }
        if of_key.waiting.len() >= limits.waiting_per_key {
            return Entered::Full;
        }
        let (grant, granted) = oneshot::channel();
        let ticket = self.next_ticket;
        of_key.waiting.push_back((ticket, grant));
        if of_key.waiting.len() == 1 && of_key.held < limits.per_key {
            self.turns.push_back(key);
        }
        self.next_ticket += 1;
        self.waiting += 1;
        Entered::At(ticket, granted)
    }

    /// Gives up a place in the queue; `false` where that has become a permit.
    fn leave(&mut self, key: K, ticket: u64) -> bool {
        let Some(of_key) = self.keys.get_mut(&key) else { return false };
        let Some(at) = of_key.waiting.iter().position(|(other, _)| *other == ticket) else { return false };
        of_key.waiting.remove(at);
        self.waiting -= 1;
        if of_key.waiting.is_empty() {
            self.turns.retain(|other| *other != key);
            if of_key.held == 0 {
                self.keys.remove(&key);
            }
        }
        true
    }

    fn release(&mut self, key: K, limits: &Limits) {
        self.held -= 1;
        if let Some(of_key) = self.keys.get_mut(&key) {
            of_key.held -= 1;
            if !of_key.waiting.is_empty() && of_key.held + 1 == limits.per_key {
                self.turns.push_back(key);
            } else if of_key.waiting.is_empty() && of_key.held == 0 {
                self.keys.remove(&key);
            }
        }
        self.grant(limits);
    }

    /// Hands out what permits there are, one key after the other.
    fn grant(&mut self, limits: &Limits) {
        while self.held < limits.permits {
            let Some(key) = self.turns.pop_front() else { return };
            let Some(of_key) = self.keys.get_mut(&key) else { continue };
            if let Some((_, grant)) = of_key.waiting.pop_front() {
                self.waiting -= 1;
                // Who waits leaves under the same lock, so that somebody is there.
                if grant.send(()).is_ok() {
                    of_key.held += 1;
                    self.held += 1;
                }
            }
            if !of_key.waiting.is_empty() && of_key.held < limits.per_key {
                self.turns.push_back(key);
            }
        }
    }
}

/// A place in the queue, given up when its caller has gone.
struct Waiting<'a, K: Key> {
    queue: &'a FairQueue<K>,
    key: K,
    ticket: u64,
    granted: oneshot::Receiver<()>,
    is_over: bool,
}

impl<K: Key> Drop for Waiting<'_, K> {
    fn drop(&mut self) {
        if !self.is_over {
            let mut state = self.queue.0.lock();
            if !state.leave(self.key, self.ticket) {
                state.release(self.key, &self.queue.0.limits);
            }
        }
    }
}

/// One of the permits, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<K: Key> {
    queue: FairQueue<K>,
    key: K,
}

impl<K: Key> Permit<K> {
    /// Lets the other keys go first under which somebody waits. Blocks the thread.
    fn step_aside(&mut self) {
        let granted = {
            let limits = self.queue.0.limits;
            let mut state = self.queue.0.lock();
            if state.turns.is_empty() {
                return;
            }
            let (grant, granted) = oneshot::channel();
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.waiting += 1;
            let is_first = state.keys.get_mut(&self.key).is_some_and(|of_key| {
                // Before the others of its key: what has begun is finished first.
                of_key.waiting.push_front((ticket, grant));
                of_key.waiting.len() == 1 && of_key.held < limits.per_key
            });
            if is_first {
                state.turns.push_back(self.key);
            }
            state.release(self.key, &limits);
            granted
        };
        // It fails when nobody can grant anything any more, which is as good.
        let _ = granted.blocking_recv();
    }
}

impl<K: Key> Drop for Permit<K> {
    fn drop(&mut self) {
        self.queue.0.lock().release(self.key, &self.queue.0.limits);
    }
}

/// Tells the work that its caller has gone.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The turn of some work that runs.
#[derive(Debug)]
pub(crate) struct Turn<K: Key> {
    permit: Permit<K>,
    caller_is_gone: Arc<AtomicBool>,
}

impl<K: Key> Turn<K> {
    /// Between two steps of the work: others go first who wait, and nothing goes on for which nobody waits.
    pub(crate) fn next_step(&mut self) -> ControlFlow<()> {
        if !self.caller_is_gone.load(Ordering::Relaxed) {
            self.permit.step_aside();
        }
        if self.caller_is_gone.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::{Arc, Mutex, mpsc};

    use futures_util::future::join_all;

    use super::{FairQueue, Limits, QueueError};

    fn queue(permits: usize, per_key: usize, waiting_per_key: usize) -> FairQueue<char> {
        FairQueue::new(Limits { permits, per_key, waiting_per_key })
    }

    // holds A4
    #[tokio::test]
    async fn keys_take_turns_however_many_wait_under_one() {
        let (queue, order) = (queue(1, 1, 30), Arc::new(Mutex::new(Vec::new())));
        let held = queue.acquire('a').await.unwrap();
        let waiting = "aaaaaabbc".chars().map(|key| {
            let (queue, order) = (queue.clone(), order.clone());
            async move {
                let _permit = queue.acquire(key).await.unwrap();
                order.lock().unwrap().push(key);
            }
        });
        let waiting = tokio::spawn(join_all(waiting.collect::<Vec<_>>()));
        while queue.waiting() < 9 {
            tokio::task::yield_now().await;
        }
        drop(held);
        waiting.await.unwrap();
        assert_eq!(order.lock().unwrap().iter().collect::<String>(), "bcabaaaaa");
        assert_eq!((queue.held(), queue.waiting(), queue.0.lock().keys.len()), (0, 0, 0));
    }

    // holds A4
    #[tokio::test]
    async fn a_key_has_its_part_of_the_permits_and_of_the_queue() {
        let queue = queue(3, 2, 1);
        let held = [queue.acquire('a').await.unwrap(), queue.acquire('a').await.unwrap()];
        let mut third = Box::pin(queue.acquire('a'));
        assert!(futures_util::poll!(third.as_mut()).is_pending(), "two are its part");
        assert_eq!(queue.acquire('a').await.unwrap_err(), QueueError::Full);
        assert_eq!(queue.refused(), 1);
        let other = queue.acquire('b').await.unwrap();
        drop(held);
        third.await.unwrap();
        drop(other);
        assert_eq!(queue.held(), 0);
    }

    // holds A4
    #[tokio::test]
    async fn who_stops_waiting_keeps_neither_place_nor_permit() {
        let queue = queue(1, 1, 2);
        let held = queue.acquire('a').await.unwrap();
        let mut gone = Box::pin(queue.acquire('a'));
        let mut granted = Box::pin(queue.acquire('b'));
        assert!(futures_util::poll!(gone.as_mut()).is_pending() && futures_util::poll!(granted.as_mut()).is_pending());
        drop(gone);
        assert_eq!(queue.waiting(), 1);
        drop(held);
        assert_eq!((queue.held(), queue.waiting()), (1, 0), "granted, and not taken yet");
        drop(granted);
        assert_eq!((queue.held(), queue.0.lock().keys.len()), (0, 0));
    }

    // holds A4
    #[tokio::test(flavor = "multi_thread")]
    async fn long_work_lets_the_others_go_between_its_steps() {
        let queue = queue(1, 1, 8);
        let (began, has_begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let order = Arc::new(Mutex::new(String::new()));
        let long = tokio::spawn({
            let (queue, order) = (queue.clone(), order.clone());
            async move {
                let steps = move |turn: &mut super::Turn<char>| {
                    began.send(()).unwrap();
                    may_go_on.recv().unwrap();
                    for _ in 0..3 {
                        order.lock().unwrap().push('a');
                        assert!(turn.next_step().is_continue());
                    }
                };
                queue.run('a', steps).await
            }
        });
        has_begun.recv().unwrap();
        let others = "aab".chars().map(|key| {
            let (queue, order) = (queue.clone(), order.clone());
            let name = if key == 'a' { 'A' } else { 'b' };
            tokio::spawn(async move { queue.run(key, move |_| order.lock().unwrap().push(name)).await })
        });
        let others: Vec<_> = others.collect();
        while queue.waiting() < 3 {
            tokio::task::yield_now().await;
        }
        go_on.send(()).unwrap();
        long.await.unwrap().unwrap();
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), "abaaAA", "what has begun goes on before what waits under its key");
    }

    // holds A4
    #[tokio::test(flavor = "multi_thread")]
    async fn work_hears_that_its_caller_has_gone_and_keeps_its_permit_until_then() {
        let queue = queue(1, 1, 8);
        let (began, has_begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let (ended, has_ended) = mpsc::channel();
        let caller = tokio::spawn({
            let queue = queue.clone();
            async move {
                let work = move |turn: &mut super::Turn<char>| {
                    began.send(()).unwrap();
                    may_go_on.recv().unwrap();
                    ended.send(turn.next_step()).unwrap();
                };
                queue.run('a', work).await
            }
        });
        has_begun.recv().unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(queue.held(), 1);
        go_on.send(()).unwrap();
        assert_eq!(has_ended.recv().unwrap(), ControlFlow::Break(()));
        queue.acquire('b').await.unwrap();
    }
}
