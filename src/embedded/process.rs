//! Tells whether a process is a PostgreSQL server of a given cluster. Ids are reused, so one alone says nothing.
//!
//! On Linux `/proc` answers; elsewhere `ps` does, less exactly. What to do about a process is for the callers.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

const SERVER_NAMES: [&str; 2] = ["postgres", "postmaster"];

/// Whether this process lives, is a PostgreSQL server, and works in this cluster's directory. A zombie does not live.
pub(crate) fn is_server_of(process: i32, directory: &Path) -> bool {
    // Zero and negative numbers would name groups of processes.
    if process <= 0 || signal::kill(Pid::from_raw(process), None) == Err(Errno::ESRCH) {
        return false;
    }
    if cfg!(target_os = "linux") { is_server_by_proc(process, directory) } else { is_server_by_ps(process, directory) }
}

/// All processes that work in this cluster's directory, the main one or what it left behind. Knows nothing off Linux.
pub(crate) fn servers_of(directory: &Path) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| is_server_of(*process, directory))
        .collect()
}

/// A name for this cluster that no other on this machine has, moved or copied as they may be. PostgreSQL shows it in
/// the titles of its processes (`cluster_name`).
pub(crate) fn cluster_name(directory: &Path) -> io::Result<String> {
    let metadata = fs::metadata(directory)?;
    // Closed by a dot, so that no name is the beginning of another.
    Ok(format!("reasoner-{:x}-{:x}.", metadata.dev(), metadata.ino()))
}

/// Sends a signal. That the process has ended meanwhile is no error.
pub(crate) fn send(process: i32, signal: Signal) {
    if let Err(error) = signal::kill(Pid::from_raw(process), signal)
        && error != Errno::ESRCH
    {
        tracing::warn!(process, %signal, %error, "cannot signal PostgreSQL");
    }
}

fn is_server_by_proc(process: i32, directory: &Path) -> bool {
    let about = PathBuf::from(format!("/proc/{process}"));
    let name = fs::read_to_string(about.join("comm")).unwrap_or_default();
    if !SERVER_NAMES.contains(&name.trim()) {
        return false;
    }
    match fs::metadata(about.join("cwd")) {
        Ok(works_in) => {
            fs::metadata(directory).is_ok_and(|it| (it.dev(), it.ino()) == (works_in.dev(), works_in.ino()))
        }
        // A container's root may not look into other users' processes. The arguments are open to all.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => fs::read(about.join("cmdline")).is_ok_and(|it| {
            it.split(|byte| *byte == 0)
                .any(|argument| argument == directory.as_os_str().as_bytes() || names_cluster(argument, directory))
        }),
        Err(_) => false,
    }
}

fn is_server_by_ps(process: i32, directory: &Path) -> bool {
    Command::new("/bin/ps")
        .args(["-ww", "-o", "args=", "-p", &process.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| {
            let arguments = &output.stdout;
            contains(arguments, b"postgres")
                && (contains(arguments, directory.as_os_str().as_bytes()) || names_cluster(arguments, directory))
        })
}

/// Started by us, a server has the cluster's name in its arguments, and its helpers have it in their titles. Started
/// by hand, a server has the directory in its arguments instead.
fn names_cluster(arguments: &[u8], directory: &Path) -> bool {
    cluster_name(directory).is_ok_and(|name| contains(arguments, name.as_bytes()))
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::{is_server_of, servers_of};

    #[test]
    fn a_living_process_that_is_no_server_is_not_mistaken_for_one() {
        let here = tempfile::tempdir().unwrap();
        let myself = i32::try_from(std::process::id()).unwrap();
        assert!(!is_server_of(myself, here.path()));
        assert!(!is_server_of(1, here.path()));
        assert!(!is_server_of(0, here.path()));
        assert!(!is_server_of(-1, here.path()));
        assert!(servers_of(here.path()).is_empty());
    }
}
