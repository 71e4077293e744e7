//! The pool in which bodies are computed on: searches asked about them, two compared, one shown as a tree.
//!
//! One pool for the process, as its cores are: a part of them, so that those who send find one whatever is searched for. An account
//! computes one thing at a time, and accounts take turns between steps of bounded cost.

use std::sync::LazyLock;

use crate::domain::ids::AccountId;
use crate::fair_queue::{FairQueue, Limits, QueueError, Turn};

/// What is computed on the thread that asks: bytes, times what is asked about each.
pub(crate) const MAX_COST_ON_WORKER: u64 = 64 * 1024;
/// Computations of one account that may wait. Each stands for a page, a live feed or a background task, which have bounds of their own.
const WAITING_PER_ACCOUNT: usize = 64;

static POOL: LazyLock<FairQueue<AccountId>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    FairQueue::new(Limits { permits: cores.div_ceil(2), per_key: 1, waiting_per_key: WAITING_PER_ACCOUNT })
});

/// How many computations wait, and how many were refused since the start because too many of their account waited.
pub(crate) fn waiting_and_refused() -> (usize, u64) {
    (POOL.waiting(), POOL.refused())
}

/// Computes something about events of an account, when it is its turn.
pub(crate) async fn compute<T: Send + 'static>(
    account: AccountId,
    work: impl FnOnce(&mut Turn<AccountId>) -> T + Send + 'static,
) -> Result<T, QueueError> {
    POOL.run(account, work).await
}
