//! Stops a server cleanly and waits until it is gone.
//!
//! Whether it may be stopped, because nobody else uses it, is for the caller to know.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use crate::embedded::error::EmbeddedError;
use crate::embedded::postmaster::{self, Postmaster};
use crate::embedded::process;

/// A clean stop writes everything to disk first.
const STOP_LIMIT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const REAP_LIMIT: Duration = Duration::from_secs(2);

/// Ends the server of this cluster: the one that its directory names, and `child` if this program has started one
/// that has not got so far. Under the transition lock.
pub(crate) async fn stop_server(directory: &Path, child: &mut Option<Child>) -> Result<(), EmbeddedError> {
    let began = Instant::now();
    let mut told = None;
    while let Some(process) = living_server(directory, told, child)? {
        // SIGINT is PostgreSQL's "fast" shutdown: transactions are rolled back, everything is written, nothing waits
        // for clients. Once per process: the parent may be told before it has written who it is.
        if told != Some(process) {
            process::send(process, Signal::SIGINT);
            told = Some(process);
        }
        if began.elapsed() > STOP_LIMIT {
            let seconds = STOP_LIMIT.as_secs();
            return Err(EmbeddedError::NotStopped { process, seconds });
        }
        sleep(POLL_INTERVAL).await;
    }
    reap(child).await;
    Ok(())
}

/// Ends a server that this program has started, whose directory is not to be reached any more.
pub(crate) async fn stop_child(child: &mut Option<Child>) -> Result<(), EmbeddedError> {
    let Some(process) = child.as_mut().and_then(living_child) else { return Ok(()) };
    process::send(process, Signal::SIGINT);
    let began = Instant::now();
    while child.as_mut().and_then(living_child).is_some() {
        if began.elapsed() > STOP_LIMIT {
            let seconds = STOP_LIMIT.as_secs();
            return Err(EmbeddedError::NotStopped { process, seconds });
        }
        sleep(POLL_INTERVAL).await;
    }
    reap(child).await;
    Ok(())
}

/// The process of a child that has not ended.
pub(crate) fn living_child(child: &mut Child) -> Option<i32> {
    match child.try_wait() {
        // `id` is none once the child has been reaped.
        Ok(None) => child.id().and_then(|id| i32::try_from(id).ok()),
        _ => None,
    }
}

/// Takes the exit status of a child that has ended, so that no zombie stays.
async fn reap(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = timeout(REAP_LIMIT, child.wait()).await;
    }
}

fn living_server(directory: &Path, told: Option<i32>, child: &mut Option<Child>) -> Result<Option<i32>, EmbeddedError> {
    if let Postmaster::Running { process, .. } = postmaster::read(directory)? {
        return Ok(Some(process));
    }
    // The file goes before the process does.
    if let Some(process) = told.filter(|it| process::is_server_of(*it, directory)) {
        return Ok(Some(process));
    }
    Ok(child.as_mut().and_then(living_child))
}
