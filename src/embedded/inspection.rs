//! What is looked at while the server runs: files, and nothing else. A look may block, on a disk that does not answer.

use std::path::PathBuf;

use crate::embedded::cluster_location::ClusterLocation;
use crate::embedded::error::EmbeddedError;
use crate::embedded::identity;
use crate::embedded::log;
use crate::embedded::server_files::{FilesSnapshot, ServerFiles};

/// What it takes to look, to be given to a thread that may wait.
#[derive(Debug, Clone)]
pub(crate) struct Inspection {
    pub(crate) data_dir: PathBuf,
    /// Where the log of the server is.
    pub(crate) home: PathBuf,
    pub(crate) system_identifier: u64,
    pub(crate) files: ServerFiles,
    /// Where servers are looked for.
    pub(crate) candidates: Vec<PathBuf>,
}

impl Inspection {
    /// An error if the data directory does not hold the very cluster that it held.
    pub(crate) fn check_in_place(&self) -> Result<(), EmbeddedError> {
        let directory = self.data_dir.clone();
        let Some(location) = ClusterLocation::find(&self.data_dir)? else {
            return Err(EmbeddedError::Gone { directory });
        };
        let (found, expected) = (identity::system_identifier(&location.directory)?, self.system_identifier);
        if found == expected { Ok(()) } else { Err(EmbeddedError::Replaced { directory, found, expected }) }
    }

    /// How the files of the server and of other servers are.
    pub(crate) fn check_programs(&self) -> FilesSnapshot {
        self.files.look(&self.candidates)
    }

    /// Keeps the log of the server from growing without end.
    pub(crate) fn keep_log_small(&self) -> Result<(), EmbeddedError> {
        log::set_aside_if_large(&self.home)
    }
}
