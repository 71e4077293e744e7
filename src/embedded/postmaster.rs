//! Reads `postmaster.pid`, in which a running server says who and how it is, and removes one that is left from a crash.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::embedded::error::EmbeddedError;
use crate::embedded::process;
use crate::embedded::socket;

const PID_FILE: &str = "postmaster.pid";

/// Lines of the file, counted from zero (`miscadmin.h` of PostgreSQL: `LOCK_FILE_LINE_…`).
const PROCESS_LINE: usize = 0;
const SOCKET_DIRECTORY_LINE: usize = 4;
const STATUS_LINE: usize = 7;

/// What a cluster's directory says about its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Postmaster {
    /// None runs, as far as can be seen. A file may be left from a crash.
    Gone,
    Running {
        process: i32,
        phase: Phase,
        socket_directory: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Ready,
    Stopping,
}

/// Looks at the server of the cluster in `directory`.
pub(crate) fn read(directory: &Path) -> Result<Postmaster, EmbeddedError> {
    let path = directory.join(PID_FILE);
    let content = match fs::read(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Postmaster::Gone),
        Err(error) => return Err(EmbeddedError::file("read", &path)(error)),
    };
    Ok(match parse(&content) {
        Some(found) if is_alive(&found, directory) => found,
        _ => Postmaster::Gone,
    })
}

/// Removes what a dead server left, which would keep a new one from starting where its process id is in use again.
///
/// Only for when nothing of that server lives, under the transition lock. PostgreSQL's own second guard, the shared
/// memory block that belongs to the directory, stays.
pub(crate) fn clear_remains(directory: &Path, socket_directory: &Path) -> Result<(), EmbeddedError> {
    let socket_lock = socket_directory.join(format!("{}.lock", socket::SOCKET_NAME));
    for path in [directory.join(PID_FILE), socket_lock] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(EmbeddedError::file("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_alive(found: &Postmaster, directory: &Path) -> bool {
    match found {
        Postmaster::Running { process, .. } => process::is_server_of(*process, directory),
        Postmaster::Gone => false,
    }
}

/// None for an empty file or one that a full disk cut short: nobody alive has such a one for longer than a moment.
fn parse(content: &[u8]) -> Option<Postmaster> {
    let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
    let text = |number: usize| std::str::from_utf8(lines.get(number)?).ok().map(str::trim);
    let process: i32 = text(PROCESS_LINE)?.parse().ok()?;
    Some(Postmaster::Running {
        // A server in single-user mode writes its process id with a minus.
        process: process.checked_abs()?,
        phase: match text(STATUS_LINE) {
            Some("ready") => Phase::Ready,
            Some("stopping") => Phase::Stopping,
            _ => Phase::Starting,
        },
        socket_directory: lines
            .get(SOCKET_DIRECTORY_LINE)
            .filter(|line| !line.is_empty())
            .map(|line| PathBuf::from(OsStr::from_bytes(line))),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Phase, Postmaster, parse, read};

    #[test]
    fn the_file_tells_process_phase_and_socket() {
        let content = "4711\n/data/postgres\n1700000000\n5432\n/tmp/a b\n\n 1234 5\nready   \n";
        let expected = Postmaster::Running {
            process: 4711,
            phase: Phase::Ready,
            socket_directory: Some(PathBuf::from("/tmp/a b")),
        };
        assert_eq!(parse(content.as_bytes()), Some(expected));
    }

    #[test]
    fn a_file_without_a_status_is_of_a_starting_server() {
        let Some(Postmaster::Running { phase, socket_directory, .. }) = parse(b"4711\n/data/postgres\n1700000000\n")
        else {
            panic!("not running");
        };
        assert_eq!((phase, socket_directory), (Phase::Starting, None));
    }

    #[test]
    fn empty_broken_and_stale_files_mean_that_no_server_runs() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(directory.path()).unwrap(), Postmaster::Gone);
        for content in ["", "\n", "garbage", &format!("{}\n", std::process::id()), "1\n"] {
            std::fs::write(directory.path().join("postmaster.pid"), content).unwrap();
            assert_eq!(read(directory.path()).unwrap(), Postmaster::Gone, "{content:?}");
        }
    }
}
