//! The two locks by which programs that share a data directory agree on who starts and who stops the server.
//!
//! `postgres.lock` is held alone while anyone starts or stops it. `postgres.users` is held shared by every program
//! that uses it: who can have it alone is the last one. Both are `flock`s, which the kernel lets go when a program
//! ends in whatever way, so nothing here can be left behind. The files stay; they are empty and mean nothing unlocked.
//!
//! Rust opens files close-on-exec, so the server never inherits a lock.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::embedded::error::EmbeddedError;
use crate::embedded::files;

/// Longer than any start or stop in another program should take, recovery after a crash aside.
const WAIT_LIMIT: Duration = Duration::from_secs(180);
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Held alone around every start and stop; let go when dropped.
#[derive(Debug)]
pub(crate) struct TransitionLock {
    _file: File,
}

impl TransitionLock {
    /// Waits until no other program is starting or stopping the server, up to three minutes.
    pub(crate) async fn acquire(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let path = data_dir.join("postgres.lock");
        let file = files::open_private(&path)?;
        let began = Instant::now();
        // Polled, because a thread blocked in `flock` could not be given a time limit.
        while !try_alone(&file, &path)? {
            if began.elapsed() > WAIT_LIMIT {
                let seconds = WAIT_LIMIT.as_secs();
                return Err(EmbeddedError::Locked { path, seconds });
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(Self { _file: file })
    }
}

/// Held shared for as long as this program uses the server; let go when dropped.
#[derive(Debug)]
pub(crate) struct UserLock {
    file: File,
    path: PathBuf,
}

impl UserLock {
    /// Never waits: it is held alone only for a moment, under the transition lock that the caller has.
    pub(crate) fn share(data_dir: &Path, _held: &TransitionLock) -> Result<Self, EmbeddedError> {
        let path = data_dir.join("postgres.users");
        let file = files::open_private(&path)?;
        let lock = Self { file, path };
        lock.take_shared()?;
        Ok(lock)
    }

    /// Whether no other program uses the server. The transition lock keeps this true until the caller lets it go.
    pub(crate) fn is_last(&self, _held: &TransitionLock) -> Result<bool, EmbeddedError> {
        let alone = self.try_alone()?;
        if alone {
            self.file.unlock().map_err(EmbeddedError::file("unlock", &self.path))?;
        }
        self.take_shared()?;
        Ok(alone)
    }

    /// Lets go for good, and says whether no other program uses the server. This is done under the transition lock: of two that end at
    /// the same moment, each would otherwise find the other and leave the server to it.
    pub(crate) fn leave(self, _held: &TransitionLock) -> Result<bool, EmbeddedError> {
        self.try_alone()
    }

    fn try_alone(&self) -> Result<bool, EmbeddedError> {
        // Unlock first: changing a lock's kind in one step is not promised to work. Nobody can slip in between, for
        // joining takes the transition lock.
        self.file.unlock().map_err(EmbeddedError::file("unlock", &self.path))?;
        try_alone(&self.file, &self.path)
    }

    fn take_shared(&self) -> Result<(), EmbeddedError> {
        self.file.try_lock_shared().map_err(|error| {
            EmbeddedError::file("lock", &self.path)(match error {
                TryLockError::Error(cause) => cause,
                TryLockError::WouldBlock => std::io::ErrorKind::WouldBlock.into(),
            })
        })
    }
}

fn try_alone(file: &File, path: &Path) -> Result<bool, EmbeddedError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(EmbeddedError::file("lock", path)(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::{TransitionLock, UserLock};

    #[tokio::test]
    async fn of_programs_that_leave_the_last_finds_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let users: Vec<UserLock> = {
            let held = TransitionLock::acquire(directory.path()).await.unwrap();
            (0..3).map(|_| UserLock::share(directory.path(), &held).unwrap()).collect()
        };
        let mut found = Vec::new();
        for user in users {
            let held = TransitionLock::acquire(directory.path()).await.unwrap();
            found.push((user.is_last(&held).unwrap(), user.leave(&held).unwrap()));
        }
        assert_eq!(found, [(false, false), (false, false), (true, true)]);
    }
}
