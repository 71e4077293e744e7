//! The user who owns a cluster and runs its programs. PostgreSQL refuses to be root, so as root this is somebody else.
//!
//! Where the cluster lies is for `location`; here it is only asked whether this user can get there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::{Gid, Uid, User, getegid, geteuid};
use tokio::process::Command;

use crate::embedded::error::EmbeddedError;

/// Whom root becomes for a new cluster; the first that exists.
const SUBSTITUTES_FOR_ROOT: [&str; 2] = ["postgres", "nobody"];

/// Who runs initdb and the server.
#[derive(Debug, Clone)]
pub struct Owner {
    uid: Uid,
    gid: Gid,
    name: String,
    /// This program is root and becomes the owner to run something.
    substitutes_root: bool,
}

impl Owner {
    /// Who would own a cluster made now.
    pub fn of_new_cluster() -> Result<Self, EmbeddedError> {
        if !geteuid().is_root() {
            return Ok(Self::myself());
        }
        SUBSTITUTES_FOR_ROOT
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .filter(|user| !user.uid.is_root())
            .map(|user| Self { uid: user.uid, gid: user.gid, name: user.name, substitutes_root: true })
            .ok_or(EmbeddedError::NoUserToRunAs)
    }

    /// Who owns this cluster. An error where this program can neither be nor become that user.
    pub fn of_existing_cluster(directory: &Path) -> Result<Self, EmbeddedError> {
        let metadata = fs::metadata(directory).map_err(EmbeddedError::file("look at", directory))?;
        let uid = Uid::from_raw(metadata.uid());
        if uid == geteuid() {
            return if uid.is_root() {
                Err(EmbeddedError::ClusterOfRoot { directory: directory.to_owned() })
            } else {
                Ok(Self::myself())
            };
        }
        let user = User::from_uid(uid).ok().flatten();
        let name = user.as_ref().map_or_else(|| uid.to_string(), |user| user.name.clone());
        if !geteuid().is_root() {
            return Err(EmbeddedError::ForeignCluster { directory: directory.to_owned(), owner: name });
        }
        Ok(Self { uid, gid: user.map_or(Gid::from_raw(metadata.gid()), |user| user.gid), name, substitutes_root: true })
    }

    fn myself() -> Self {
        let uid = geteuid();
        let user = User::from_uid(uid).ok().flatten();
        Self {
            uid,
            gid: getegid(),
            name: user.map_or_else(|| uid.to_string(), |user| user.name),
            substitutes_root: false,
        }
    }

    /// For messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn uid(&self) -> u32 {
        self.uid.as_raw()
    }

    /// A program to be run as this user: nothing on its input, an environment of our own, no directory held.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            // Messages are read, and times written, in one way on every machine.
            .env("LANG", "C")
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::null());
        if self.substitutes_root {
            // This also drops root's supplementary groups.
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        command
    }

    /// Gives a directory that this program has just made to this user.
    pub fn take(&self, directory: &Path) -> Result<(), EmbeddedError> {
        if !self.substitutes_root {
            return Ok(());
        }
        lchown(directory, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
            .map_err(EmbeddedError::file("change the owner of", directory))
    }

    /// Whether this user gets into a directory, found out by going there: modes alone do not tell (ACLs, mounts,
    /// security modules).
    pub(crate) async fn reaches(&self, directory: &Path) -> Result<bool, EmbeddedError> {
        if !self.substitutes_root {
            return Ok(true);
        }
        let shell = PathBuf::from("/bin/sh");
        self.command(&shell)
            .args(["-c", "cd \"$1\"", "sh"])
            .arg(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .map(|status| status.success())
            .map_err(|cause| EmbeddedError::CannotRun { program: shell, user: self.name.clone(), cause })
    }
}
