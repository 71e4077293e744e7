//! The queue of a writer: which events are in its next batch. While several accounts send, each has a share of every batch, so that
//! nobody waits for a large one that is another's.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::AccountId;

/// The most that one transaction holds.
const MAX_BATCH_EVENTS: usize = 1_000;
const MAX_BATCH_BYTES: usize = 512 * 1024;
/// The most of one account in a batch while others send.
const SHARE_EVENTS: usize = 32;
/// How long after its last event another account counts as sending.
const SENDS_FOR: Duration = Duration::from_secs(1);

/// Events that are written together, or one.
pub(crate) trait Queued {
    fn account(&self) -> AccountId;
    fn events(&self) -> usize;
    fn bytes(&self) -> usize;
}

/// What waits to be written, in the order in which it came.
#[derive(Debug)]
pub(crate) struct BatchQueue<T> {
    waiting: VecDeque<T>,
    /// Whose event came last.
    latest: Option<(AccountId, Instant)>,
    /// When another account's event came than the one before.
    changed_at: Option<Instant>,
}

impl<T: Queued> BatchQueue<T> {
    pub(crate) fn new() -> Self {
        Self { waiting: VecDeque::new(), latest: None, changed_at: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, queued: T, now: Instant) {
        let account = queued.account();
        if self.latest.is_some_and(|(latest, at)| latest != account && now.duration_since(at) < SENDS_FOR) {
            self.changed_at = Some(now);
        }
        self.latest = Some((account, now));
        self.waiting.push_back(queued);
    }

    /// Takes the next batch: one at least, if there is any.
    pub(crate) fn next_batch(&mut self, now: Instant) -> Vec<T> {
        let is_shared = self.changed_at.is_some_and(|at| now.duration_since(at) < SENDS_FOR);
        let (mut batch, mut events, mut bytes) = (Vec::new(), 0, 0);
        let mut of_account: HashMap<AccountId, usize> = HashMap::new();
        let mut left = VecDeque::new();
        while events < MAX_BATCH_EVENTS
            && bytes < MAX_BATCH_BYTES
            && let Some(queued) = self.waiting.pop_front()
        {
            if is_shared {
                let taken = of_account.entry(queued.account()).or_default();
                if *taken >= SHARE_EVENTS {
                    left.push_back(queued);
                    continue;
                }
                *taken += queued.events();
            }
            events += queued.events();
            bytes += queued.bytes();
            batch.push(queued);
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        batch
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;
    use uuid::Uuid;

    use super::{BatchQueue, MAX_BATCH_EVENTS, Queued, SENDS_FOR, SHARE_EVENTS};
    use crate::domain::ids::AccountId;

    struct Event(u128, usize);

    impl Queued for Event {
        fn account(&self) -> AccountId {
            AccountId(Uuid::from_u128(self.0))
        }

        fn events(&self) -> usize {
            1
        }

        fn bytes(&self) -> usize {
            100
        }
    }

    fn filled(accounts: &[(u128, usize)], now: Instant) -> BatchQueue<Event> {
        let mut queue = BatchQueue::new();
        for (account, count) in accounts {
            (0..*count).for_each(|number| queue.push(Event(*account, number), now));
        }
        queue
    }

    fn counts(batch: &[Event]) -> [usize; 2] {
        [1, 2].map(|account| batch.iter().filter(|event| event.0 == account).count())
    }

    #[test]
    fn who_sends_alone_has_whole_batches() {
        let now = Instant::now();
        let mut queue = filled(&[(1, MAX_BATCH_EVENTS + 5)], now);
        assert_eq!(queue.next_batch(now).len(), MAX_BATCH_EVENTS);
        assert_eq!(queue.next_batch(now).len(), 5);
        assert!(queue.next_batch(now).is_empty() && queue.is_empty());
    }

    #[test]
    fn while_others_send_nobody_has_more_than_a_share_of_a_batch() {
        let now = Instant::now();
        let mut queue = filled(&[(1, 100), (2, 1)], now);
        assert_eq!(counts(&queue.next_batch(now)), [SHARE_EVENTS, 1], "the last to come is in the next batch");
        let rest: Vec<usize> = std::iter::from_fn(|| Some(queue.next_batch(now)).filter(|batch| !batch.is_empty()))
            .flatten()
            .map(|event| event.1)
            .collect();
        assert_eq!(rest, (SHARE_EVENTS..100).collect::<Vec<_>>(), "each once, in order");
    }

    #[test]
    fn a_share_is_kept_for_who_sent_a_moment_ago_and_no_longer() {
        let now = Instant::now();
        let mut queue = filled(&[(1, 1), (2, 1), (1, 100)], now);
        assert_eq!(counts(&queue.next_batch(now)), [SHARE_EVENTS, 1]);
        assert_eq!(counts(&queue.next_batch(now + SENDS_FOR / 2)), [SHARE_EVENTS, 0]);
        assert_eq!(counts(&queue.next_batch(now + SENDS_FOR + Duration::from_millis(1))), [101 - 2 * SHARE_EVENTS, 0]);
    }
}
