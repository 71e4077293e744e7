//! A semaphore that limits how many feeds poll the database at once.
//!
//! However many feeds are read, pages find a connection.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::domain::listing::EventFilter;
use crate::store::connection::error::StoreError;

/// Looks at once that read the key and no more. Each takes a connection for a few milliseconds.
const LOOKS: usize = 4;
/// Looks at once that go through events, as searches do. The other places for searches are left to those of pages.
const SEARCHING_LOOKS: usize = 2;
/// How long a look waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(4);

/// The turns of one program.
#[derive(Debug)]
pub(crate) struct PollLimiter {
    plain: Semaphore,
    searching: Semaphore,
}

impl Default for PollLimiter {
    fn default() -> Self {
        Self { plain: Semaphore::new(LOOKS), searching: Semaphore::new(SEARCHING_LOOKS) }
    }
}

impl PollLimiter {
    /// Looks when it is its turn: first come, first served.
    pub(crate) async fn take<T>(
        &self,
        filter: &EventFilter,
        poll: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let poll_limiter = if filter.needs_scan() { &self.searching } else { &self.plain };
        let late = || StoreError::Unavailable("too many live pages are polling".to_owned());
        let _turn = timeout(MAX_WAIT, poll_limiter.acquire()).await.map_err(|_| late())?.map_err(|_| late())?;
        poll.await
    }
}
