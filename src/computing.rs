//! The pool in which bodies are computed on: searches asked about them, two compared, one shown as a tree.
//!
//! One pool for the process, as its cores are: a part of them, so that those who send find one whatever is searched for. An account
//! computes one thing at a time, and accounts take turns between steps of bounded cost.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

use crate::domain::ids::AccountId;
use crate::fair_queue::{FairQueue, Limits, QueueError, Turn};

/// What is computed on the thread that asks: bytes, times what is asked about each.
pub(crate) const MAX_COST_ON_WORKER: u64 = 64 * 1024;
/// Computations of one account that may wait. Each stands for a page, a live feed or a background task, which have bounds of their own.
const WAITING_PER_ACCOUNT: usize = 64;

/// As `nice` says it: about a tenth of the processor time of a thread without.
const NICENESS: i32 = 10;

static POOL: LazyLock<FairQueue<AccountId>> = LazyLock::new(queue);

fn queue() -> FairQueue<AccountId> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    FairQueue::new(Limits { permits: cores.div_ceil(2), per_key: 1, waiting_per_key: WAITING_PER_ACCOUNT })
}

/// Searches have a queue of their own: who opens a page of an event does not wait behind one.
static SEARCHES: LazyLock<FairQueue<AccountId>> = LazyLock::new(queue);

/// Threads that step back where there are fewer cores than threads with something to do: whoever sends goes before whoever searches.
/// `None` where there can be none, which leaves those of the caller's runtime.
static THREADS: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let built = Builder::new_current_thread().thread_name("search").on_thread_start(step_back).build();
    built.inspect_err(|error| tracing::warn!(%error, "searches have no threads of their own")).ok()
});

/// Linux has a priority for each thread; elsewhere it would be that of the whole process.
fn step_back() {
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::setpriority_process(None, NICENESS)
    {
        tracing::debug!(%error, "searches run with the priority of all else");
    }
}

/// How many computations wait, and how many were refused since the start because too many of their account waited.
pub(crate) fn waiting_and_refused() -> (usize, u64) {
    (POOL.waiting() + SEARCHES.waiting(), POOL.refused() + SEARCHES.refused())
}

/// Computes something about events of an account, when it is its turn.
pub(crate) async fn compute<T: Send + 'static>(
    account: AccountId,
    work: impl FnOnce(&mut Turn<AccountId>) -> T + Send + 'static,
) -> Result<T, QueueError> {
    POOL.run(account, work).await
}

/// The same for a search, of which there may be much: it goes on where it stopped, so it may take longer while others send.
pub(crate) async fn search<T: Send + 'static>(
    account: AccountId,
    work: impl FnOnce(&mut Turn<AccountId>) -> T + Send + 'static,
) -> Result<T, QueueError> {
    match &*THREADS {
        Some(threads) => SEARCHES.run_on(threads.handle(), account, work).await,
        None => SEARCHES.run(account, work).await,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use uuid::Uuid;

    use super::{NICENESS, compute, search};
    use crate::domain::ids::AccountId;

    #[tokio::test]
    async fn a_search_steps_back_and_nothing_else_does() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let before = priority();
        let account = AccountId(Uuid::nil());
        assert_eq!(search(account, move |_| priority()).await.unwrap(), NICENESS.max(before));
        assert_eq!(compute(account, move |_| priority()).await.unwrap(), before);
        assert_eq!(priority(), before);
    }
}
