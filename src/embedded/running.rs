//! A server that has answered: which process it is, which programs it runs, and whether those are the ones that are installed.

use std::path::{Path, PathBuf};

use crate::embedded::database::{self, Programs};
use crate::embedded::error::EmbeddedError;
use crate::embedded::installation::{Installation, Version};
use crate::embedded::postmaster::{self, Postmaster};
use crate::embedded::server_files::{self, FilesSnapshot, ServerFiles};

/// What is known of it since this program has used it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) socket_directory: PathBuf,
    /// None where it runs in another container, which shares the directory and no processes.
    process: Option<i32>,
    programs: Option<Programs>,
    pub(crate) files: ServerFiles,
    /// How its files and those of other servers were.
    pub(crate) look: FilesSnapshot,
}

/// A server of another version than is installed, or whose files were replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outdated {
    pub(crate) running: Version,
    pub(crate) installed: Version,
}

impl Running {
    /// Notes what runs in the cluster's directory. `installation` is what was started, or would have been.
    pub(crate) async fn note(
        socket_directory: PathBuf,
        directory: &Path,
        installation: &Installation,
        candidates: &[PathBuf],
    ) -> Result<Self, EmbeddedError> {
        let process = process_of(directory)?;
        // Where the system does not tell, it is taken for the one that would be started now.
        let program = process.and_then(server_files::executable).map(|(program, _)| program);
        let programs = database::programs(&socket_directory).await;
        let libraries = programs.as_ref().map(|it| it.libraries.clone()).unwrap_or_default();
        let files = ServerFiles::new(program.unwrap_or_else(|| installation.postgres()), libraries);
        let look = files.look(candidates);
        tracing::debug!(directory = %directory.display(), ?process, ?programs, "PostgreSQL is ready");
        Ok(Self { socket_directory, process, programs, files, look })
    }

    /// Whether this server still runs, and no other instead.
    pub(crate) fn is_the_one_in(&self, directory: &Path) -> Result<bool, EmbeddedError> {
        Ok(process_of(directory)? == self.process)
    }

    /// What is different from the programs that are installed, which look like this now.
    pub(crate) fn outdated_by(&self, installed: &Installation, now: &FilesSnapshot) -> Option<Outdated> {
        let (running, installed) = (self.programs.as_ref()?.version, installed.version);
        // Replaced before this program began to look, or by now.
        let runs_lost_file = self.process.and_then(server_files::executable).is_some_and(|(_, is_same)| !is_same);
        let is_replaced = self.look.is_replaced_in(now) || runs_lost_file;
        (is_replaced || installed > running).then_some(Outdated { running, installed })
    }
}

/// The process of the server of this cluster.
fn process_of(directory: &Path) -> Result<Option<i32>, EmbeddedError> {
    Ok(match postmaster::read(directory)? {
        Postmaster::Running { process, .. } => Some(process),
        Postmaster::Gone => None,
    })
}
