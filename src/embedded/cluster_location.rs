//! Where the cluster lies: in the data directory, or, where root's substitute cannot reach that, under /var/lib.
//!
//! An existing cluster is found again wherever it is. Making one is for `initdb`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::embedded::error::EmbeddedError;
use crate::embedded::files;
use crate::embedded::owner::Owner;

const CLUSTER_NAME: &str = "postgres";
/// Where root keeps what cannot be in a data directory.
pub(crate) const ELSEWHERE: &str = "/var/lib/reasoner-webhooks";

/// A cluster's directory and what surrounds it.
#[derive(Debug, Clone)]
pub struct ClusterLocation {
    /// The cluster's own directory: absolute and, if it exists, with links resolved.
    pub(crate) directory: PathBuf,
    /// The directory that the cluster, its log and unfinished tries lie in.
    pub(crate) home: PathBuf,
    /// The home is not the data directory.
    pub(crate) is_elsewhere: bool,
}

impl ClusterLocation {
    /// The cluster of this data directory, if there is one. `data_dir` is absolute.
    pub(crate) fn find(data_dir: &Path) -> Result<Option<Self>, EmbeddedError> {
        if let Some(location) = Self::find_in(data_dir, false)? {
            return Ok(Some(location));
        }
        match files::read_id(data_dir)? {
            Some(id) => Self::find_in(&Path::new(ELSEWHERE).join(id), true),
            None => Ok(None),
        }
    }

    /// The place for a cluster of this owner that is to be made.
    pub async fn choose(data_dir: &Path, owner: &Owner) -> Result<Self, EmbeddedError> {
        if owner.reaches(data_dir).await? {
            return Ok(Self { directory: data_dir.join(CLUSTER_NAME), home: data_dir.to_owned(), is_elsewhere: false });
        }
        let id = files::read_or_make_id(data_dir)?;
        let home = Path::new(ELSEWHERE).join(id);
        fs::create_dir_all(&home).map_err(EmbeddedError::file("create", &home))?;
        files::make_passable(Path::new(ELSEWHERE))?;
        files::make_passable(&home)?;
        // Deleting the data directory leaves this home behind: the note tells a tidy administrator whose it was.
        let note = home.join("belongs-to");
        fs::write(&note, format!("{}\n", data_dir.display())).map_err(EmbeddedError::file("write", &note))?;
        Ok(Self { directory: home.join(CLUSTER_NAME), home, is_elsewhere: true })
    }

    /// The major version that made this cluster.
    pub(crate) fn major(&self) -> Result<u32, EmbeddedError> {
        fs::read_to_string(self.directory.join("PG_VERSION"))
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| EmbeddedError::NotACluster { directory: self.directory.clone() })
    }

    fn find_in(home: &Path, is_elsewhere: bool) -> Result<Option<Self>, EmbeddedError> {
        let directory = home.join(CLUSTER_NAME);
        // A finished cluster is renamed into place, so the directory's existence is the cluster's; but an empty one
        // may have been made by hand. One that cannot be listed is somebody else's, which `Owner` tells better.
        match fs::read_dir(&directory) {
            Ok(mut entries) => {
                if entries.next().is_none() {
                    return Ok(None);
                }
                if !directory.join("PG_VERSION").exists() {
                    return Err(EmbeddedError::NotACluster { directory });
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => return Err(EmbeddedError::file("open", &directory)(error)),
        }
        let directory = directory.canonicalize().map_err(EmbeddedError::file("open", &directory))?;
        Ok(Some(Self { directory, home: home.to_owned(), is_elsewhere }))
    }
}
