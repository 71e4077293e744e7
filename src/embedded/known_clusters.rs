//! Remembers which cluster each data directory had, in small files outside of it, as ssh remembers hosts.
//!
//! A data directory whose disk is not mounted looks like one that never had a database. Without this, a new and empty one would be
//! made there, which knows none of the credentials. What follows from a difference is decided here too; when to ask is for `cluster`.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::unistd::{User, geteuid};
use serde::{Deserialize, Serialize};

use crate::domain::digest::sha256;
use crate::embedded::cluster_location::ELSEWHERE;
use crate::embedded::error::EmbeddedError;
use crate::embedded::files;

const DIRECTORY_NAME: &str = "known-clusters";
const PRODUCT: &str = "reasoner-webhooks";
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The places where clusters are remembered, best first. Without any, nothing is remembered.
#[derive(Debug, Clone, Default)]
pub struct KnownClusters {
    directories: Vec<PathBuf>,
}

/// What a file says.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    data_directory: String,
    /// In decimal digits, as `pg_controldata` prints it. As a number, JSON tools would round it.
    system_identifier: String,
    /// To the second: the fraction tells nobody anything.
    first_seen: String,
}

/// A file about a data directory, and what could be read of it.
#[derive(Debug)]
struct Known {
    file: PathBuf,
    record: Option<Record>,
}

impl KnownClusters {
    /// The places of this user; `state_home` is the value of `XDG_STATE_HOME`.
    pub(crate) fn of_this_user(state_home: Option<&OsStr>) -> Self {
        let named = state_home.map(PathBuf::from).filter(|path| path.is_absolute()).map(|home| home.join(PRODUCT));
        // Root's, and of a service for which systemd has made it. Others cannot write there.
        let of_system = Some(PathBuf::from(ELSEWHERE));
        let user = User::from_uid(geteuid()).ok().flatten();
        let of_user = user.map(|user| user.dir.join(".local/state").join(PRODUCT));
        let directories = [named, of_system, of_user].into_iter().flatten().map(|home| home.join(DIRECTORY_NAME));
        Self { directories: directories.collect() }
    }

    /// An error if a cluster was in this data directory, where there is none now. `data_dir` is resolved.
    pub(crate) fn check_nothing_was(&self, data_dir: &Path) -> Result<(), EmbeddedError> {
        let known = self.find(data_dir);
        if known.is_empty() {
            return Ok(());
        }
        let record = known.iter().find_map(|it| it.record.as_ref());
        Err(EmbeddedError::LostCluster {
            directory: data_dir.to_owned(),
            since: record.map_or_else(String::new, |record| format!(" since {}", record.first_seen)),
            files: names_of(known.iter()),
        })
    }

    /// An error if another cluster than this one was in the data directory.
    pub(crate) fn check_is_same(&self, data_dir: &Path, system_identifier: u64) -> Result<(), EmbeddedError> {
        let known = self.find(data_dir);
        let found = system_identifier.to_string();
        let others: Vec<(&Known, &Record)> = known
            .iter()
            .filter_map(|it| Some((it, it.record.as_ref()?)))
            .filter(|(_, record)| record.system_identifier != found)
            .collect();
        match others.first() {
            None => Ok(()),
            Some((_, record)) => Err(EmbeddedError::OtherCluster {
                directory: data_dir.to_owned(),
                found,
                expected: record.system_identifier.clone(),
                files: names_of(others.iter().map(|(it, _)| *it)),
            }),
        }
    }

    /// Remembers a cluster, where a lost disk of its own does not take that along. Where no place can be written, nothing is.
    pub(crate) fn remember(&self, data_dir: &Path, cluster: &Path, system_identifier: u64) {
        let identifier = system_identifier.to_string();
        let known = self.find(data_dir);
        let says_so = |it: &&Known| it.record.as_ref().is_some_and(|record| record.system_identifier == identifier);
        let known: Vec<&Known> = known.iter().filter(says_so).collect();
        if known.iter().any(|it| outlives(&it.file, [data_dir, cluster])) {
            return;
        }
        let record = Record {
            data_directory: data_dir.display().to_string(),
            system_identifier: identifier,
            first_seen: format!("{:.0}", Timestamp::now()),
        };
        let (safe, others): (Vec<&PathBuf>, Vec<&PathBuf>) =
            self.directories.iter().partition(|it| outlives(it, [data_dir, cluster]));
        let others = if known.is_empty() { others } else { Vec::new() };
        for directory in safe.into_iter().chain(others) {
            match write(directory, &file_name(data_dir), &record) {
                Ok(()) => return,
                Err(error) => tracing::debug!(directory = %directory.display(), %error, "cannot remember the cluster"),
            }
        }
    }

    fn find(&self, data_dir: &Path) -> Vec<Known> {
        let name = file_name(data_dir);
        self.directories
            .iter()
            .map(|directory| directory.join(&name))
            // One that this user cannot reach says nothing to this user.
            .filter(|file| fs::symlink_metadata(file).is_ok())
            .map(|file| Known { record: read(&file), file })
            .collect()
    }
}

/// A path can be longer than a name, so its digest is the name.
fn file_name(data_dir: &Path) -> String {
    let digest = sha256(data_dir.as_os_str().as_bytes());
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{digits}.json")
}

fn names_of<'a>(known: impl Iterator<Item = &'a Known>) -> String {
    let names: Vec<String> = known.map(|it| it.file.display().to_string()).collect();
    names.join(" and ")
}

fn read(path: &Path) -> Option<Record> {
    let file = files::open_to_read(path).ok()?;
    let mut content = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut content).ok()?;
    serde_json::from_slice(&content).ok()
}

/// Aside first and renamed, so that no kill leaves half of it.
fn write(directory: &Path, name: &str, record: &Record) -> Result<(), EmbeddedError> {
    let parent = directory.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(EmbeddedError::file("create", parent))?;
    match files::create_private_directory(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(EmbeddedError::file("create", directory)(error));
        }
        _ => {}
    }
    let path = directory.join(name);
    let aside = directory.join(format!("{name}.{}.new", std::process::id()));
    let mut content = serde_json::to_vec_pretty(record).unwrap_or_default();
    content.push(b'\n');
    let mut file = files::open_private(&aside)?;
    file.set_len(0)
        .and_then(|()| file.write_all(&content))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&aside, &path))
        .and_then(|()| files::sync_directory(directory))
        .map_err(EmbeddedError::file("write", &path))
}

/// Whether a place stays when the disks of `others` go: it is on another one, or all are on the root file system, without which
/// nothing runs.
fn outlives(location: &Path, others: [&Path; 2]) -> bool {
    let Ok(disk) = disk_of(location) else { return false };
    disk_of(Path::new("/")).is_ok_and(|root| root == disk)
        || others.iter().all(|it| disk_of(it).is_ok_and(|it| it != disk))
}

/// The file system that a path is on, or would be.
fn disk_of(path: &Path) -> io::Result<u64> {
    let mut last = Err(ErrorKind::NotFound.into());
    for ancestor in path.ancestors() {
        last = fs::metadata(ancestor).map(|it| it.dev());
        match &last {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            _ => break,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{KnownClusters, file_name};
    use crate::embedded::error::EmbeddedError;

    fn known_in(directories: &[&Path]) -> KnownClusters {
        KnownClusters { directories: directories.iter().map(|it| it.join("known-clusters")).collect() }
    }

    #[test]
    fn a_cluster_is_remembered_once_in_a_private_file_and_forgotten_with_it() {
        let (first, second, data) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let known = known_in(&[first.path(), second.path()]);
        known.check_nothing_was(data.path()).unwrap();
        known.remember(data.path(), data.path(), u64::MAX);
        let file = first.path().join("known-clusters").join(file_name(data.path()));
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.contains("\"18446744073709551615\""), "{written}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!second.path().join("known-clusters").exists());

        known.remember(data.path(), data.path(), u64::MAX);
        assert_eq!(fs::read_to_string(&file).unwrap(), written, "since when stays");
        known.check_is_same(data.path(), u64::MAX).unwrap();
        let other = known.check_is_same(data.path(), 7).unwrap_err();
        assert!(matches!(other, EmbeddedError::OtherCluster { .. }), "{other}");
        let lost = known.check_nothing_was(data.path()).unwrap_err().to_string();
        assert!(lost.contains(&file.display().to_string()) && !lost.contains('\n'), "{lost}");
        known.check_nothing_was(Path::new("/another")).unwrap();

        fs::remove_file(&file).unwrap();
        known.check_nothing_was(data.path()).unwrap();
    }

    #[test]
    fn a_broken_file_still_says_that_there_was_a_cluster() {
        let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let known = known_in(&[home.path()]);
        known.remember(data.path(), data.path(), 7);
        fs::write(home.path().join("known-clusters").join(file_name(data.path())), "{").unwrap();
        assert!(known.check_nothing_was(data.path()).is_err());
        known.check_is_same(data.path(), 8).unwrap();
    }

    #[test]
    fn the_next_place_is_taken_where_the_first_cannot_be_written() {
        let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let blocked = home.path().join("file");
        fs::write(&blocked, "").unwrap();
        let known = known_in(&[&blocked, home.path()]);
        known.remember(data.path(), data.path(), 7);
        assert!(home.path().join("known-clusters").join(file_name(data.path())).exists());
        known_in(&[&blocked]).remember(data.path(), data.path(), 7);
    }
}
