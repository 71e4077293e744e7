//! A limit on how many feeds poll the database at once, fair between accounts.
//!
//! However many feeds are read, pages find a connection.

use std::time::Duration;

use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::fair_queue::{FairQueue, Limits};
use crate::store::connection::error::StoreError;

/// Looks at once that read the key and no more. Each takes a connection for a few milliseconds.
const LOOKS: Limits = Limits { permits: 4, per_key: 2, waiting_per_key: MOST_WAITING };
/// Looks at once that go through events, as searches do. The other places for searches are left to those of pages.
const SEARCHING_LOOKS: Limits = Limits { permits: 2, per_key: 1, waiting_per_key: MOST_WAITING };
/// Looks of an account that may wait: those of its feeds, and of who joins them.
const MOST_WAITING: usize = 256;
/// How long a look waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(4);

/// The turns of one program.
#[derive(Debug)]
pub(crate) struct PollLimiter {
    plain: FairQueue<AccountId>,
    searching: FairQueue<AccountId>,
}

impl Default for PollLimiter {
    fn default() -> Self {
        Self { plain: FairQueue::new(LOOKS), searching: FairQueue::new(SEARCHING_LOOKS) }
    }
}

impl PollLimiter {
    /// Looks when it is its turn: one account after the other, and within one, first come, first served.
    pub(crate) async fn take<T>(
        &self,
        account: AccountId,
        filter: &EventFilter,
        poll: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let queue = if filter.needs_scan() { &self.searching } else { &self.plain };
        let turn = queue.acquire_within(account, MAX_WAIT).await;
        let _turn = turn.map_err(|error| StoreError::Unavailable(format!("too many live pages poll: {error}")))?;
        poll.await
    }
}
