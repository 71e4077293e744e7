//! Brings the server of an existing cluster up: takes over one that runs, waits for one that is ending, clears up after
//! one that was killed, and starts a new one.
//!
//! All under the transition lock, so no other program of ours does the same meanwhile.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use crate::embedded::client_authentication;
use crate::embedded::cluster_location::ClusterLocation;
use crate::embedded::database::{self, Answer};
use crate::embedded::error::EmbeddedError;
use crate::embedded::installation::Installation;
use crate::embedded::lock::{TransitionLock, UserLock};
use crate::embedded::log::ServerLog;
use crate::embedded::owner::Owner;
use crate::embedded::postmaster::{self, Phase, Postmaster};
use crate::embedded::process;
use crate::embedded::socket;
use crate::embedded::stopping;

const START_LIMIT: Duration = Duration::from_secs(60);
/// Recovery after a crash replays what was written since the last checkpoint; to give up would only begin it again.
const RECOVERY_LIMIT: Duration = Duration::from_secs(600);
/// After so long somebody who waits is told why.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// How long a crashed server's other processes may take to notice, before they are told and before it is an error.
const REMAINS_GRACE: Duration = Duration::from_secs(5);
const REMAINS_LIMIT: Duration = Duration::from_secs(30);
/// How long a server may say it is ready and not answer, before it is started afresh if nobody else uses it.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
/// How long a server program may take to answer a question.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// A cluster that exists, and all it takes to run its server.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    pub(crate) location: &'a ClusterLocation,
    pub(crate) installation: &'a Installation,
    pub(crate) owner: &'a Owner,
    /// Where a server started now has its socket.
    pub(crate) usual_socket: PathBuf,
}

impl Server<'_> {
    /// Returns the directory of a running server's socket once it lets us in and our database exists.
    ///
    /// A server started here is left in `child`, after an error too: the caller stops it.
    pub(crate) async fn bring_up(
        &self,
        child: &mut Option<Child>,
        users: &UserLock,
        held: &TransitionLock,
    ) -> Result<PathBuf, EmbeddedError> {
        let mut log = ServerLog::follow(&self.location.home);
        let began = Instant::now();
        let mut limit = START_LIMIT;
        let mut silent_since = None;
        let mut gone_since = None;
        let mut is_told = false;
        loop {
            match postmaster::read(&self.location.directory)? {
                Postmaster::Running { phase: Phase::Ready, socket_directory, process } => {
                    gone_since = None;
                    self.authenticate_clients(process)?;
                    let socket = socket::of_running(socket_directory, &self.usual_socket, self.owner);
                    match database::prepare(&socket, &self.location.directory).await? {
                        Answer::Ready => return Ok(socket),
                        Answer::NotYet => silent_since = None,
                        Answer::Silence => {
                            let since = silent_since.get_or_insert_with(Instant::now);
                            if since.elapsed() > SILENCE_LIMIT && users.is_last(held)? {
                                tracing::warn!("PostgreSQL does not answer; starting it afresh");
                                stopping::stop_server(&self.location.directory, child).await?;
                                silent_since = None;
                            }
                        }
                    }
                }
                Postmaster::Running { phase: Phase::Starting, .. } => {
                    limit = RECOVERY_LIMIT;
                    if !is_told && began.elapsed() > PATIENCE {
                        is_told = true;
                        tracing::info!(target: "progress", "PostgreSQL was not ended cleanly and recovers what it has");
                    }
                }
                Postmaster::Running { phase: Phase::Stopping, .. } => gone_since = None,
                Postmaster::Gone => {
                    // A server that only ever gets as far as starting does not set this back.
                    let since = *gone_since.get_or_insert_with(Instant::now);
                    if let Some(socket) = self.start_if_gone(child, &mut log, since).await? {
                        return Ok(socket);
                    }
                }
            }
            if began.elapsed() > limit {
                return Err(EmbeddedError::NotReady {
                    seconds: limit.as_secs(),
                    log: log.path().to_owned(),
                    tail: log.tail(),
                });
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Of a server that a release started which let in whoever reached the socket.
    fn authenticate_clients(&self, process: i32) -> Result<(), EmbeddedError> {
        if !client_authentication::is_written(&self.location.directory) {
            client_authentication::write(&self.location.directory, self.owner)?;
            process::send(process, Signal::SIGHUP);
        }
        Ok(())
    }

    /// Starts a server unless one is on its way or something of an earlier one still lives. Returns a socket where
    /// somebody unseen answers.
    async fn start_if_gone(
        &self,
        child: &mut Option<Child>,
        log: &mut ServerLog,
        since: Instant,
    ) -> Result<Option<PathBuf>, EmbeddedError> {
        if let Some(started) = child {
            match started.try_wait() {
                // On its way, and has not written who it is.
                Ok(None) => return Ok(None),
                Ok(Some(_)) | Err(_) => *child = None,
            }
            let tail = log.tail();
            if !(is_passing(&tail) && since.elapsed() < REMAINS_LIMIT) {
                let log = log.path().to_owned();
                return Err(EmbeddedError::Ended { log, tail });
            }
        }
        // A server in another container that shares this directory has a process id that means nothing here.
        match database::prepare(&self.usual_socket, &self.location.directory).await? {
            Answer::Ready => return Ok(Some(self.usual_socket.clone())),
            Answer::NotYet => return Ok(None),
            Answer::Silence => {}
        }
        let remains = process::servers_of(&self.location.directory);
        if !remains.is_empty() {
            self.end_remains(&remains, since)?;
            return Ok(None);
        }
        postmaster::clear_remains(&self.location.directory, &self.usual_socket)?;
        client_authentication::write(&self.location.directory, self.owner)?;
        let preloaded = self.preloaded_libraries().await;
        *child = Some(self.spawn(log, &preloaded)?);
        Ok(None)
    }

    /// A killed server's other processes end by themselves, idle ones at once, busy ones when they next look. SIGQUIT
    /// is what the server would have sent them: they drop everything, and recovery does the rest.
    fn end_remains(&self, remains: &[i32], since: Instant) -> Result<(), EmbeddedError> {
        if since.elapsed() > REMAINS_LIMIT {
            let processes: Vec<String> = remains.iter().map(i32::to_string).collect();
            return Err(EmbeddedError::ProcessesRemain {
                directory: self.location.directory.clone(),
                processes: processes.join(", "),
            });
        }
        if since.elapsed() > REMAINS_GRACE {
            for process in remains {
                process::send(*process, Signal::SIGQUIT);
            }
        }
        Ok(())
    }

    /// What the cluster's own files say is to be loaded, and [`PRELOADED`]: what is given at the start overrides the files.
    async fn preloaded_libraries(&self) -> String {
        let mut command = self.owner.command(self.installation.postgres());
        command.arg("-D").arg(&self.location.directory).args(["-C", "shared_preload_libraries"]).kill_on_drop(true);
        // Files that cannot be read are told about by the start that follows.
        let output = timeout(QUESTION_LIMIT, command.output()).await;
        let configured = match &output {
            Ok(Ok(output)) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            _ => String::new(),
        };
        with_preloaded(&configured)
    }

    fn spawn(&self, log: &mut ServerLog, preloaded: &str) -> Result<Child, EmbeddedError> {
        let (new_log, output) = ServerLog::open(&self.location.home)?;
        *log = new_log;
        let errors = output.try_clone().map_err(EmbeddedError::file("open", log.path()))?;
        let mut socket_setting = std::ffi::OsString::from("unix_socket_directories=");
        socket_setting.push(socket::as_setting(&self.usual_socket));
        let mut command = self.owner.command(self.installation.postgres());
        command.arg("-D").arg(&self.location.directory).arg("-c").arg(socket_setting);
        let cluster_name = process::cluster_name(&self.location.directory)
            .map_err(EmbeddedError::file("look at", &self.location.directory))?;
        command.args(["-c", &format!("cluster_name={cluster_name}")]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(["-c", &format!("shared_preload_libraries={preloaded}")]);
        command
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors))
            // A Ctrl-C in the terminal is for this program, which then stops the server itself, after its own work.
            .process_group(0)
            .spawn()
            .map_err(|cause| EmbeddedError::CannotRun {
                program: self.installation.postgres(),
                user: self.owner.name().to_owned(),
                cause,
            })
    }
}

/// What must be so, over whatever postgresql.conf says. What guards the data (`fsync`, `full_page_writes`,
/// `synchronous_commit`) is on by default and not touched.
const SETTINGS: [&str; 9] = [
    "listen_addresses=",
    "port=5432",
    // Several programs, each with a pool.
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_destination=stderr",
    "logging_collector=off",
    "log_line_prefix=%m [%p] ",
    // A line every few minutes, for ever, that nobody reads.
    "log_checkpoints=off",
];

/// The library of the language that functions of the schema are written in. Loaded once by the server, it is in every process that
/// this starts, also after an upgrade has replaced the file by one that only fits the upgraded server.
const PRELOADED: &str = "plpgsql";

fn with_preloaded(configured: &str) -> String {
    let is_in = configured.split(',').any(|name| name.trim().trim_matches('"') == PRELOADED);
    match configured {
        "" => PRELOADED.to_owned(),
        configured if is_in => configured.to_owned(),
        configured => format!("{configured},{PRELOADED}"),
    }
}

/// PostgreSQL noticed remains that `/proc` does not show us; they end by themselves.
fn is_passing(tail: &str) -> bool {
    tail.contains("pre-existing shared memory block") || (tail.contains("lock file") && tail.contains("already exists"))
}

#[cfg(test)]
mod tests {
    use super::with_preloaded;

    #[test]
    fn what_a_cluster_loads_already_is_kept() {
        assert_eq!(with_preloaded(""), "plpgsql");
        assert_eq!(with_preloaded("pg_stat_statements"), "pg_stat_statements,plpgsql");
        for configured in ["auto_explain, plpgsql", "\"plpgsql\"", "plpgsql,x"] {
            assert_eq!(with_preloaded(configured), configured);
        }
    }
}
