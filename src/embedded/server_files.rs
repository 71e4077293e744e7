//! Tells when the programs of a running server were replaced, as an upgrade of PostgreSQL's package does. New server processes load
//! libraries that are not made for the old program then, and some of them cannot.
//!
//! Everything here is a look at files; what runs, and when to start it again, is for `cluster` and `supervisor`.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Libraries that the server loads by name, where they are installed: this product uses no others.
const LIBRARIES: [&str; 4] = ["plpgsql.so", "plpgsql.dylib", "pg_trgm.so", "pg_trgm.dylib"];

/// How a file was: another file, or other content, is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::from)
    }
}

impl From<&Metadata> for Stamp {
    fn from(it: &Metadata) -> Self {
        // Not the time of a change of its owner or mode, which replaces nothing.
        Self { device: it.dev(), inode: it.ino(), size: it.size(), modified: (it.mtime(), it.mtime_nsec()) }
    }
}

/// The files of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerFiles {
    program: PathBuf,
    libraries: PathBuf,
}

/// How everything was that an upgrade changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilesSnapshot {
    /// The program and the libraries of the server, where they exist.
    own: Vec<Option<Stamp>>,
    /// The directories that they are in: a package is unpacked file by file, and this changes until the last.
    around: [Option<Stamp>; 2],
    /// Server programs in other places.
    others: BTreeMap<PathBuf, Option<Stamp>>,
}

impl ServerFiles {
    /// `program` is the server's executable file and `libraries` its library directory.
    pub(crate) fn new(program: PathBuf, libraries: PathBuf) -> Self {
        Self { program, libraries }
    }

    /// Looks at them, and at the server programs in `directories`.
    pub(crate) fn look(&self, directories: &[PathBuf]) -> FilesSnapshot {
        let libraries = LIBRARIES.iter().map(|name| self.libraries.join(name));
        let others = directories.iter().filter_map(|it| it.join("postgres").canonicalize().ok());
        FilesSnapshot {
            own: std::iter::once(self.program.clone()).chain(libraries).map(|path| Stamp::of(&path)).collect(),
            around: [self.program.parent().and_then(Stamp::of), Stamp::of(&self.libraries)],
            others: others.map(|path| (path.clone(), Stamp::of(&path))).collect(),
        }
    }
}

impl FilesSnapshot {
    /// Whether a file of the server is another one now, or gone.
    pub(crate) fn is_replaced_in(&self, now: &Self) -> bool {
        self.own != now.own
    }

    /// Whether all that the server had is there, in whatever version, or nothing is: then it may be elsewhere.
    pub(crate) fn is_complete_in(&self, now: &Self) -> bool {
        let is_gone = now.own.iter().all(Option::is_none);
        is_gone || self.own.iter().zip(&now.own).all(|(before, now)| before.is_none() || now.is_some())
    }
}

/// The executable file of a process, where the system tells: where it is or was, and whether that is still the same file.
pub(crate) fn executable(process: i32) -> Option<(PathBuf, bool)> {
    let link = PathBuf::from(format!("/proc/{process}/exe"));
    let target = fs::read_link(&link).ok()?;
    let runs = Stamp::of(&link)?;
    let (path, is_deleted) = match target.to_str().and_then(|path| path.strip_suffix(" (deleted)")) {
        Some(path) => (PathBuf::from(path), true),
        None => (target, false),
    };
    let is_same = !is_deleted && Stamp::of(&path).is_some_and(|it| (it.device, it.inode) == (runs.device, runs.inode));
    Some((path, is_same))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{ServerFiles, executable};

    #[test]
    fn files_that_are_replaced_or_changed_are_told_from_those_that_are_not() {
        let root = tempfile::tempdir().unwrap();
        let (program, libraries) = (root.path().join("postgres"), root.path().join("lib"));
        fs::create_dir(&libraries).unwrap();
        fs::write(&program, "1").unwrap();
        fs::write(libraries.join("plpgsql.so"), "1").unwrap();
        let files = ServerFiles::new(program.clone(), libraries.clone());
        let before = files.look(&[]);
        assert_eq!(files.look(&[]), before);

        // As package managers do it, with the time of the package.
        let new = root.path().join("postgres.dpkg-new");
        fs::write(&new, "2").unwrap();
        fs::File::open(&new).unwrap().set_modified(fs::metadata(&program).unwrap().modified().unwrap()).unwrap();
        fs::rename(&new, &program).unwrap();
        let now = files.look(&[]);
        assert!(before.is_replaced_in(&now) && before.is_complete_in(&now));

        fs::remove_file(libraries.join("plpgsql.so")).unwrap();
        let now = files.look(&[]);
        assert!(before.is_replaced_in(&now) && !before.is_complete_in(&now));

        let before = files.look(&[root.path().to_owned()]);
        fs::write(libraries.join("another.so"), "1").unwrap();
        let now = files.look(&[root.path().to_owned()]);
        assert!(now != before && !before.is_replaced_in(&now), "it may be still unpacking");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_file_of_a_process_is_found_and_whether_it_was_replaced() {
        let root = tempfile::tempdir().unwrap();
        let copy = root.path().canonicalize().unwrap().join("sleep");
        // By another process: a file that this one had open for writing, a child forked meanwhile could still hold.
        let copied = std::process::Command::new("cp").args(["-L", "/bin/sleep"]).arg(&copy).status().unwrap();
        assert!(copied.success());
        let mut sleeping = std::process::Command::new(&copy).arg("60").spawn().unwrap();
        let process = i32::try_from(sleeping.id()).unwrap();
        assert_eq!(executable(process), Some((copy.clone(), true)));
        fs::remove_file(&copy).unwrap();
        assert_eq!(executable(process), Some((copy.clone(), false)));
        fs::write(&copy, "").unwrap();
        assert_eq!(executable(process), Some((copy, false)));
        sleeping.kill().unwrap();
        sleeping.wait().unwrap();
    }
}
