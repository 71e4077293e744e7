//! Finds the server programs on this machine: where `initdb` and `postgres` are, and which version they are.
//!
//! Which of several to use is for `installation`.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use crate::embedded::installation::{self, Installation, Version};
use crate::embedded::owner::Owner;

const VERSION_TIME_LIMIT: Duration = Duration::from_secs(10);

/// Where packagers put the server, beside `PATH`. A star stands for anything within one name.
const WELL_KNOWN: [&str; 9] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
];

/// The directories to look in: those of `search_path` (the value of `PATH`), then the well-known ones.
pub fn candidate_directories(search_path: Option<&OsStr>) -> Vec<PathBuf> {
    let mut candidates: Vec<PathBuf> = search_path
        .unwrap_or_default()
        .as_bytes()
        .split(|byte| *byte == b':')
        .map(|entry| PathBuf::from(OsStr::from_bytes(entry)))
        // A relative entry means another directory every time; nothing is run from there.
        .filter(|entry| entry.is_absolute())
        .collect();
    candidates.extend(WELL_KNOWN.iter().flat_map(|pattern| expand(pattern)));
    candidates
}

/// Every server in these directories that `owner` is able to run, oldest first, each once.
pub async fn find_installations(candidates: &[PathBuf], owner: &Owner) -> Vec<Installation> {
    let mut seen = HashSet::new();
    let mut installations = Vec::new();
    for candidate in candidates {
        let Some(directory) = server_directory(candidate) else {
            continue;
        };
        if !seen.insert(directory.clone()) {
            continue;
        }
        if let Some(version) = version_of(&directory.join("postgres"), owner).await {
            installations.push(Installation { version, directory });
        }
    }
    installations.sort();
    installations
}

/// Where `initdb` and `postgres` of this directory really are. Packagers link single programs into `/usr/bin`; the
/// server finds its libraries from the place that the links lead to, and both must lead to the same one.
fn server_directory(candidate: &Path) -> Option<PathBuf> {
    let real = |name: &str| candidate.join(name).canonicalize().ok().filter(|path| is_program(path));
    let initdb = real("initdb")?;
    let postgres = real("postgres")?;
    let directory = postgres.parent()?;
    let plain_names = initdb.ends_with("initdb") && postgres.ends_with("postgres");
    (plain_names && initdb.parent() == Some(directory)).then(|| directory.to_owned())
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

async fn version_of(postgres: &Path, owner: &Owner) -> Option<Version> {
    let output = owner.command(postgres).arg("--version").kill_on_drop(true).output();
    let output = timeout(VERSION_TIME_LIMIT, output).await.ok()?.ok()?;
    installation::parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// The existing directories that match a pattern with at most one star.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let rest = after.trim_start_matches('/');
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    names
        .into_iter()
        .filter(|name| name.as_bytes().starts_with(prefix.as_bytes()))
        .map(|name| Path::new(parent).join(name).join(rest))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::{candidate_directories, find_installations};
    use crate::embedded::installation::{Installation, Version, newest};
    use crate::embedded::owner::Owner;

    /// Written by another process: a file that this one had open for writing, a child forked by a neighbouring test
    /// could still hold, and the kernel would refuse to run it.
    fn fake_server(directory: &Path, version: &str) {
        fs::create_dir_all(directory).unwrap();
        for name in ["initdb", "postgres"] {
            let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
            let status = Command::new("/bin/sh")
                .args(["-c", "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", &script])
                .arg(directory.join(name))
                .status()
                .unwrap();
            assert!(status.success());
        }
    }

    /// A directory that root's substitute is able to run programs in.
    fn open_directory() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        directory
    }

    #[tokio::test]
    async fn linked_servers_are_found_once_and_where_they_really_are() {
        let root = open_directory();
        let root_path = root.path().canonicalize().unwrap();
        let real = root_path.join("16/bin");
        fake_server(&real, "16.4 (Debian 16.4-1)");
        let links = root_path.join("links");
        fs::create_dir(&links).unwrap();
        symlink(real.join("initdb"), links.join("initdb")).unwrap();
        symlink(real.join("postgres"), links.join("postgres")).unwrap();
        let older = root_path.join("14/bin");
        fake_server(&older, "14.12");
        let half = root_path.join("half");
        fake_server(&half, "17.0");
        fs::remove_file(half.join("initdb")).unwrap();

        let candidates = [links, half, real.clone(), older.clone(), root_path.join("missing")];
        let owner = Owner::of_new_cluster().unwrap();
        let found = find_installations(&candidates, &owner).await;

        let expected = [
            Installation { version: Version(14, 12), directory: older },
            Installation { version: Version(16, 4), directory: real },
        ];
        assert_eq!(found, expected);
        assert_eq!(newest(&found).unwrap().version, Version(16, 4));
    }

    #[tokio::test]
    async fn no_server_anywhere_names_the_command_that_installs_one() {
        let empty = open_directory();
        let candidates = [empty.path().to_owned()];
        let found = find_installations(&candidates, &Owner::of_new_cluster().unwrap()).await;
        let error = newest(&found).unwrap_err();
        assert!(error.is_missing_server());
        let message = error.to_string();
        assert!(message.starts_with("no PostgreSQL server was found on this machine. Install one with `"));
        assert!(message.contains("DATABASE_URL"));
        assert!(!message.contains('\n'));
    }

    #[test]
    fn relative_entries_of_the_search_path_are_left_out() {
        let candidates = candidate_directories(Some("/opt/a/bin::.:bin:/opt/b/bin".as_ref()));
        assert_eq!(&candidates[..2], [PathBuf::from("/opt/a/bin"), PathBuf::from("/opt/b/bin")]);
        assert!(candidates.iter().all(|it| it.is_absolute()));
    }
}
