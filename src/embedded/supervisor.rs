//! Looks after the server of this program while it is used: starts it again when it is gone, restarts it when its package was
//! upgraded, and sets its log aside when that is too large.
//!
//! It never makes a cluster: while the data directory has lost the one that this program uses, senders get 503.

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::embedded::cluster::{Cluster, Installed};
use crate::embedded::error::EmbeddedError;
use crate::embedded::inspection::Inspection;
use crate::embedded::running::Outdated;
use crate::embedded::server_files::FilesSnapshot;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A package is unpacked file by file. What has not changed for so long is complete.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// Between two tries of programs that do not run. To try them takes seconds of a processor.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What uses the server, of which this module knows nothing else.
pub(crate) trait Clients: std::fmt::Debug + Send + Sync + 'static {
    /// Whether the server answers them.
    fn reach_server(&self) -> impl Future<Output = bool> + Send;

    /// Waits until nothing is being written. Nothing else is until what is given back is dropped.
    fn pause(&self) -> impl Future<Output = Box<dyn Send>> + Send;
}

/// The server of this program, looked after until it is stopped.
#[derive(Debug)]
pub(crate) struct Supervisor<C> {
    watched: Arc<Mutex<Watched<C>>>,
    is_restarting: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Watched<C> {
    clients: C,
    is_restarting: Arc<AtomicBool>,
    /// None once it is stopped.
    cluster: Option<Cluster>,
    /// What is wrong, and has been said.
    problem: Option<Problem>,
    upgrade: UpgradeWatch,
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    IsGone,
    CannotBeStarted(Discriminant<EmbeddedError>),
    /// It runs, and its directory is not there.
    HasLostItsDirectory,
}

/// What was seen of the server's programs.
#[derive(Debug, Default)]
struct UpgradeWatch {
    last: Option<(FilesSnapshot, Instant)>,
    /// The server was found to be right for these.
    judged: Option<FilesSnapshot>,
    /// The programs are not judged before this, unless they change.
    not_before: Option<Instant>,
    /// It was said that the new programs do not run.
    is_told: bool,
}

/// What one look at the files found.
struct Seen {
    in_place: Result<(), EmbeddedError>,
    programs: FilesSnapshot,
}

impl<C: Clients> Supervisor<C> {
    pub(crate) fn new(cluster: Cluster, clients: C) -> Self {
        let is_restarting = Arc::<AtomicBool>::default();
        let watched = Watched {
            clients,
            is_restarting: is_restarting.clone(),
            cluster: Some(cluster),
            problem: None,
            upgrade: UpgradeWatch::default(),
        };
        Self { watched: Arc::new(Mutex::new(watched)), is_restarting }
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let watched = self.watched.clone();
            let task = tokio::spawn(async move { watched.lock().await.look_after().await });
            let _ended = EndedWithThis { look: task.abort_handle(), is_restarting: &self.is_restarting };
            if let Err(error) = task.await {
                tracing::error!(%error, "looking after the database server failed");
            }
        }
    }

    /// Whether the server that runs is not what is installed.
    pub(crate) async fn outdated(&self) -> Option<Outdated> {
        let watched = self.watched.lock().await;
        let cluster = watched.cluster.as_ref()?;
        let seen = look(cluster.inspection()).await?;
        match cluster.compare_with_installed(&seen.programs).await {
            Installed::Differs(outdated) => Some(outdated),
            Installed::IsWhatRuns | Installed::CannotRun => None,
        }
    }

    /// Lets go of the server. The last program to do so stops it.
    pub(crate) async fn stop(&self) -> Result<(), EmbeddedError> {
        match self.watched.lock().await.cluster.take() {
            Some(cluster) => cluster.stop().await,
            None => Ok(()),
        }
    }
}

/// Ends a look that nobody waits for any more, but for a restart: what was stopped for it is started again.
struct EndedWithThis<'a> {
    look: AbortHandle,
    is_restarting: &'a AtomicBool,
}

impl Drop for EndedWithThis<'_> {
    fn drop(&mut self) {
        if !self.is_restarting.load(Ordering::SeqCst) {
            self.look.abort();
        }
    }
}

impl<C: Clients> Watched<C> {
    async fn look_after(&mut self) {
        let Some(cluster) = &self.cluster else { return };
        let Some(seen) = look(cluster.inspection()).await else { return };
        if !self.clients.reach_server().await {
            return self.revive().await;
        }
        match seen.in_place {
            Ok(()) => {
                if self.problem.take().is_some() {
                    tracing::info!("the database server answers again");
                }
                self.watch_upgrade(seen.programs).await;
            }
            Err(error) => {
                if self.is_news(Problem::HasLostItsDirectory) {
                    tracing::error!(%error, "the database server still runs, and its directory is gone");
                }
            }
        }
    }

    async fn revive(&mut self) {
        let Some(cluster) = &mut self.cluster else { return };
        if !matches!(self.problem, Some(Problem::IsGone | Problem::CannotBeStarted(_))) {
            self.problem = Some(Problem::IsGone);
            tracing::warn!("the database server is gone: starting it again");
        }
        match cluster.revive().await {
            Ok(()) => {
                self.problem = None;
                self.upgrade = UpgradeWatch::default();
                tracing::info!("the database server runs again");
            }
            Err(error) => {
                cluster.let_go();
                if self.is_news(Problem::CannotBeStarted(discriminant(&error))) {
                    tracing::error!(%error, "the database server cannot be started; trying again until it can");
                }
            }
        }
    }

    /// Whether this has not been said yet. Said once, not every second.
    fn is_news(&mut self, problem: Problem) -> bool {
        let is_news = self.problem.as_ref() != Some(&problem);
        self.problem = Some(problem);
        is_news
    }

    /// Restarts the server when its programs were replaced and the new ones can run.
    async fn watch_upgrade(&mut self, now: FilesSnapshot) {
        let Some(cluster) = &self.cluster else { return };
        if !cluster.first_snapshot().is_some_and(|first| first.is_complete_in(&now)) || !self.upgrade.is_due(&now) {
            return;
        }
        match cluster.compare_with_installed(&now).await {
            Installed::IsWhatRuns => self.upgrade.judged = Some(now),
            Installed::CannotRun => {
                self.upgrade.check_again_later(now, "no programs for this database say their version")
            }
            Installed::Differs(outdated) => self.restart(outdated, now).await,
        }
    }

    /// Restarts the server with the installed programs, between two batches of its writers.
    async fn restart(&mut self, Outdated { running, installed }: Outdated, now: FilesSnapshot) {
        let Some(cluster) = &mut self.cluster else { return };
        if let Err(error) = cluster.try_installed().await {
            self.upgrade.check_again_later(now, &error);
            return;
        }
        tracing::info!(%running, %installed, "PostgreSQL was upgraded: restarting the database server");
        let began = Instant::now();
        self.is_restarting.store(true, Ordering::SeqCst);
        let restarted = cluster.restart(self.clients.pause()).await;
        self.is_restarting.store(false, Ordering::SeqCst);
        match restarted {
            Ok(()) => {
                // Once for what was seen, whatever came of it.
                self.upgrade = UpgradeWatch { judged: Some(now), ..UpgradeWatch::default() };
                let milliseconds = began.elapsed().as_millis();
                tracing::info!(milliseconds, "the database server runs again");
            }
            // If it was stopped, it is started again as one that is gone.
            Err(error) => {
                tracing::error!(%error, "the database server could not be restarted");
                self.upgrade.check_again_later(now, &error);
            }
        }
    }
}

impl UpgradeWatch {
    /// Whether the programs have not changed for a while, and are to be judged.
    fn is_due(&mut self, now: &FilesSnapshot) -> bool {
        if self.judged.as_ref() == Some(now) {
            return false;
        }
        match &self.last {
            Some((last, since)) if last == now => {
                let is_due = self.not_before.is_none_or(|moment| moment <= Instant::now());
                is_due && since.elapsed() >= SETTLED_AFTER
            }
            _ => {
                self.last = Some((now.clone(), Instant::now()));
                self.not_before = None;
                self.is_told = false;
                false
            }
        }
    }

    /// The programs do not run as they are, and the server goes on with those that it has. That they run later without having
    /// changed is unlikely.
    fn check_again_later(&mut self, now: FilesSnapshot, why: impl std::fmt::Display) {
        if !self.is_told {
            tracing::warn!(%why, "the PostgreSQL programs that are installed now do not run; the database server keeps the old ones");
        }
        self.last = Some((now, Instant::now()));
        self.not_before = Some(Instant::now() + AGAIN_AFTER);
        self.is_told = true;
    }
}

/// Looks at the files beside the threads that must not wait for a disk.
async fn look(inspection: Inspection) -> Option<Seen> {
    let look = move || {
        if let Err(error) = inspection.keep_log_small() {
            tracing::debug!(%error, "the log of the database server stays large");
        }
        Seen { in_place: inspection.check_in_place(), programs: inspection.check_programs() }
    };
    tokio::task::spawn_blocking(look).await.ok()
}
