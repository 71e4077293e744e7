//! The directory of the server's Unix socket, which guards the server before it is asked for anything: 0700, and the owner's.
//!
//! It is the cluster's own directory where that will do. A socket's path is at most about 100 bytes long, on every
//! Unix: a cluster deeper than that gets a short directory in /tmp, under a name that nobody can guess and no other
//! cluster has.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::embedded::database::DATABASE;
use crate::embedded::error::EmbeddedError;
use crate::embedded::files;
use crate::embedded::owner::Owner;

/// PostgreSQL names its socket by its port, which is the default one although nothing listens on it.
pub(crate) const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// 103 on macOS and 107 on Linux, by the size of `sun_path`, less some room.
const MAX_SOCKET_PATH_BYTES: usize = 100;
const SHORT_PARENT: &str = "/tmp";

/// The socket directory for this cluster, existing and safe. Called only under the transition lock.
pub(crate) fn prepare_directory(data_dir: &Path, cluster: &Path, owner: &Owner) -> Result<PathBuf, EmbeddedError> {
    // PostgreSQL allows its directory to be open to the group, which would let the group in without a password.
    if can_hold_socket(cluster) && verify(cluster, owner).is_ok() {
        return Ok(cluster.to_owned());
    }
    let directory = short_directory(data_dir, cluster)?;
    match files::create_private_directory(&directory) {
        Ok(()) => owner.take(&directory)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(EmbeddedError::file("create", &directory)(error)),
    }
    verify(&directory, owner)?;
    Ok(directory)
}

/// The socket directory of a running server that says it has it at `reported`; `usual` is where one started now would.
pub(crate) fn of_running(reported: Option<PathBuf>, usual: &Path, owner: &Owner) -> PathBuf {
    reported
        // A cluster that was moved while it ran reports where it was.
        .filter(|directory| verify(directory, owner).is_ok())
        .unwrap_or_else(|| usual.to_owned())
}

/// Removes a short directory that its server has left empty.
pub(crate) fn remove_directory(directory: &Path, cluster: &Path) {
    if directory != cluster && directory.starts_with(SHORT_PARENT) {
        // What is not empty is in use, or not ours to judge.
        let _ = fs::remove_dir(directory);
    }
}

/// The value of `unix_socket_directories`, which is a list: quoted, so that spaces stay.
pub(crate) fn as_setting(directory: &Path) -> OsString {
    let mut setting = OsString::from("\"");
    setting.push(directory);
    setting.push("\"");
    setting
}

/// The address of our database behind the socket in this directory, for a role.
///
/// The directory takes the host's place, percent-encoded: libpq and tokio-postgres both read it so. With
/// `@localhost/…?host=` tokio-postgres would try a stranger's server on TCP port 5432 first.
pub fn database_url(directory: &Path, role: &str) -> String {
    let host = percent_encode(directory.as_os_str().as_bytes(), NON_ALPHANUMERIC);
    format!("postgresql://{role}@{host}/{DATABASE}")
}

/// Short enough, and free of what means something in a list of directories or a line of `postmaster.pid`.
fn can_hold_socket(directory: &Path) -> bool {
    let short_enough = directory.join(SOCKET_NAME).as_os_str().len() <= MAX_SOCKET_PATH_BYTES;
    let plain =
        directory.to_str().is_some_and(|path| !path.contains([',', '"', '\\']) && !path.contains(char::is_control));
    short_enough && plain
}

/// A copy of a data directory has the same id, but its cluster another inode: two servers never meet here.
fn short_directory(data_dir: &Path, cluster: &Path) -> Result<PathBuf, EmbeddedError> {
    let inode = fs::metadata(cluster).map_err(EmbeddedError::file("look at", cluster))?.ino();
    let id = files::read_or_make_id(data_dir)?;
    Ok(Path::new(SHORT_PARENT).join(format!("reasoner-{id}-{inode:x}")))
}

/// Never through a link, and nobody's but the owner's: whoever could put a socket here could read everything.
fn verify(directory: &Path, owner: &Owner) -> Result<(), EmbeddedError> {
    let refuse = |problem| Err(EmbeddedError::SocketDirectory { directory: directory.to_owned(), problem });
    let metadata = fs::symlink_metadata(directory).map_err(EmbeddedError::file("look at", directory))?;
    if !metadata.is_dir() {
        return refuse("it is not a directory");
    }
    if metadata.uid() != owner.uid() {
        return refuse("it belongs to another user");
    }
    if metadata.mode() & 0o077 != 0 {
        return refuse("other users can get in");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio_postgres::Config;
    use tokio_postgres::config::Host;

    use super::{can_hold_socket, database_url};

    #[test]
    fn the_address_leads_to_the_socket_and_nowhere_else() {
        for path in ["/tmp/x", "/a b/it's/100%/ü/@:?&=#,[x]"] {
            let config: Config = database_url(Path::new(path), "reasoner").parse().unwrap();
            assert_eq!(config.get_hosts(), [Host::Unix(path.into())]);
            assert_eq!(config.get_user(), Some("reasoner"));
            assert_eq!(config.get_dbname(), Some("reasoner_webhooks"));
        }
    }

    #[test]
    fn long_and_listlike_paths_do_not_hold_the_socket() {
        assert!(can_hold_socket(Path::new("/srv/it's my data/ü/postgres")));
        assert!(can_hold_socket(Path::new(&format!("/{}", "x".repeat(85)))));
        assert!(!can_hold_socket(Path::new(&format!("/{}", "x".repeat(86)))));
        assert!(!can_hold_socket(Path::new("/a,b/postgres")));
        assert!(!can_hold_socket(Path::new("/a\"b/postgres")));
        assert!(!can_hold_socket(Path::new("/a\nb/postgres")));
    }
}
