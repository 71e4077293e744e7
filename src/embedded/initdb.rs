//! Makes a new cluster: aside first, then renamed into place, so that a kill in the middle leaves no half cluster.
//!
//! Databases and roles beyond initdb's own are for `database`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use crate::embedded::cluster_location::ClusterLocation;
use crate::embedded::database::ROLE;
use crate::embedded::error::EmbeddedError;
use crate::embedded::files;
use crate::embedded::installation::Installation;
use crate::embedded::log;
use crate::embedded::owner::Owner;

const UNFINISHED_PREFIX: &str = "postgres.new-";
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Text sorts by bytes everywhere; upper and lower case know Unicode where the platform has `C.UTF-8`, ASCII where not.
const CHARACTER_TYPES: [&str; 2] = ["C.UTF-8", "C"];

/// Makes the cluster at `location`. Called only under the transition lock.
pub async fn create_cluster(
    location: &ClusterLocation,
    installation: &Installation,
    owner: &Owner,
) -> Result<(), EmbeddedError> {
    let mut output = String::new();
    for character_type in CHARACTER_TYPES {
        let name = format!("{UNFINISHED_PREFIX}{}", Uuid::new_v4().simple());
        let unfinished = location.home.join(name);
        files::create_private_directory(&unfinished).map_err(EmbeddedError::file("create", &unfinished))?;
        owner.take(&unfinished)?;
        let run = run_initdb(&unfinished, installation, owner, character_type).await;
        let made = match run {
            Ok(made) => made,
            Err(cause) => {
                remove_unfinished(&location.home);
                return Err(EmbeddedError::CannotRun {
                    program: installation.initdb(),
                    user: owner.name().to_owned(),
                    cause,
                });
            }
        };
        if made.status.success() {
            return put_in_place(&unfinished, location);
        }
        remove_unfinished(&location.home);
        output = log::last_lines(&[made.stdout, made.stderr].concat());
        if !output.contains("locale") {
            break;
        }
    }
    Err(EmbeddedError::Initdb { directory: location.directory.clone(), output })
}

/// Whether these programs can make a cluster, and so run one: it is made aside, with all that belongs to it, and removed.
pub(crate) async fn try_out(home: &Path, installation: &Installation, owner: &Owner) -> Result<(), EmbeddedError> {
    let tried = home.join(format!("{UNFINISHED_PREFIX}{}", Uuid::new_v4().simple()));
    files::create_private_directory(&tried).map_err(EmbeddedError::file("create", &tried))?;
    owner.take(&tried)?;
    let run = run_initdb(&tried, installation, owner, CHARACTER_TYPES[CHARACTER_TYPES.len() - 1]).await;
    if let Err(error) = fs::remove_dir_all(&tried) {
        tracing::debug!(path = %tried.display(), %error, "cannot remove a cluster that was made to try the programs");
    }
    match run {
        Ok(made) if made.status.success() => Ok(()),
        Ok(made) => {
            let output = log::last_lines(&[made.stdout, made.stderr].concat());
            Err(EmbeddedError::Initdb { directory: tried, output })
        }
        Err(cause) => {
            Err(EmbeddedError::CannotRun { program: installation.initdb(), user: owner.name().to_owned(), cause })
        }
    }
}

async fn run_initdb(
    directory: &Path,
    installation: &Installation,
    owner: &Owner,
    character_type: &str,
) -> io::Result<Output> {
    let mut command = owner.command(installation.initdb());
    command
        .arg("--pgdata")
        .arg(directory)
        .args(["--username", ROLE])
        .args(["--encoding", "UTF8", "--locale", "C", "--lc-ctype"])
        .arg(character_type)
        .arg("--data-checksums")
        // What lets the program in is written before each start: see `client_authentication`.
        .args(["--auth-local", "peer", "--auth-host", "reject"])
        .arg("--no-instructions")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // In our own process group and ended with us: initdb has no use on its own.
        .kill_on_drop(true);
    timeout(TIME_LIMIT, command.output()).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn put_in_place(unfinished: &Path, location: &ClusterLocation) -> Result<(), EmbeddedError> {
    fs::rename(unfinished, &location.directory)
        .and_then(|()| files::sync_directory(&location.home))
        .map_err(EmbeddedError::file("put the new cluster in", &location.directory))
}

/// Removes what killed or failed tries left. What resists (an orphaned initdb writes until it notices that nobody
/// listens) waits for the next start, for every try has a name of its own. Called only under the transition lock.
pub(crate) fn remove_unfinished(home: &Path) {
    let Ok(entries) = fs::read_dir(home) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED_PREFIX) {
            continue;
        }
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::debug!(path = %entry.path().display(), %error, "cannot remove an unfinished cluster");
        }
    }
}
