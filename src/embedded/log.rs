//! The server's log, `postgres.log` beside the cluster: opened for the server, and quoted when it does not start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::embedded::error::EmbeddedError;
use crate::embedded::files;

/// A log larger than this is set aside, in place of the one set aside before: at a start, and while the server runs.
const MAX_LOG_BYTES: u64 = 16 * 1024 * 1024;
const NAME: &str = "postgres.log";
const NAME_ASIDE: &str = "postgres.log.1";
const QUOTED_LINES: usize = 6;
const QUOTED_BYTES: u64 = 4096;

/// The log from a moment on: what was written earlier is not quoted.
#[derive(Debug)]
pub(crate) struct ServerLog {
    path: PathBuf,
    began_at: u64,
}

impl ServerLog {
    /// The log in `home` from now on. A running server keeps writing to it.
    pub(crate) fn follow(home: &Path) -> Self {
        let path = home.join(NAME);
        let began_at = fs::symlink_metadata(&path).map_or(0, |log| log.len());
        Self { path, began_at }
    }

    /// Opens the log for a server that is about to be started.
    pub(crate) fn open(home: &Path) -> Result<(Self, File), EmbeddedError> {
        let log = Self::follow(home);
        if log.began_at > MAX_LOG_BYTES {
            let aside = home.join(NAME_ASIDE);
            fs::rename(&log.path, &aside).map_err(EmbeddedError::file("set aside", &log.path))?;
        }
        let file = files::open_private(&log.path)?;
        Ok((Self::follow(home), file))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The last lines that this start has written, as one line.
    pub(crate) fn tail(&self) -> String {
        self.read_tail().map_or_else(|error| format!("({error})"), |tail| last_lines(&tail))
    }

    fn read_tail(&self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        // Shorter than it was, it has been set aside meanwhile.
        let began_at = if self.began_at <= length { self.began_at } else { 0 };
        let from = began_at.max(length.saturating_sub(QUOTED_BYTES));
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.take(QUOTED_BYTES).read_to_end(&mut tail)?;
        Ok(tail)
    }
}

/// Sets the log of a running server aside where it is too large: a copy is made and the log emptied, for the server keeps the file
/// open and appends to it. What it writes in that moment is lost.
pub(crate) fn set_aside_if_large(home: &Path) -> Result<(), EmbeddedError> {
    let path = home.join(NAME);
    if fs::symlink_metadata(&path).map_or(0, |log| log.len()) <= MAX_LOG_BYTES {
        return Ok(());
    }
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(&path);
    let mut log = opened.map_err(EmbeddedError::file("open", &path))?;
    // Programs that share a data directory do this one at a time, and the others find it done.
    if log.try_lock().is_err() {
        return Ok(());
    }
    let length = log.metadata().map_err(EmbeddedError::file("look at", &path))?.len();
    if length <= MAX_LOG_BYTES {
        return Ok(());
    }
    let copied = copy_end(&mut log, length, &home.join(NAME_ASIDE));
    // A full disk needs the room more than anybody needs the log.
    if copied.is_ok() || matches!(&copied, Err(error) if error.kind() == ErrorKind::StorageFull) {
        log.set_len(0).map_err(EmbeddedError::file("empty", &path))?;
    }
    copied.map_err(EmbeddedError::file("set aside", &path))
}

/// Copies the end of the log, as much as a log may hold.
fn copy_end(log: &mut File, length: u64, aside: &Path) -> io::Result<()> {
    // What was set aside before goes first: two of them and the log would need more room than was promised.
    match fs::remove_file(aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    log.seek(SeekFrom::Start(length.saturating_sub(MAX_LOG_BYTES)))?;
    let mut copy = files::open_private(aside).map_err(|error| match error {
        EmbeddedError::File { cause, .. } => cause,
        other => io::Error::other(other),
    })?;
    match io::copy(&mut log.take(MAX_LOG_BYTES), &mut copy) {
        Ok(_) => Ok(()),
        Err(error) => {
            // Half a copy would only take room.
            let _ = fs::remove_file(aside);
            Err(error)
        }
    }
}

/// The last lines of a program's output, as one line: errors are one line.
pub(crate) fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "(nothing)".to_owned();
    }
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::{MAX_LOG_BYTES, last_lines, set_aside_if_large};

    #[test]
    fn a_large_log_is_set_aside_while_somebody_writes_to_it() {
        let home = tempfile::tempdir().unwrap();
        let (path, aside) = (home.path().join("postgres.log"), home.path().join("postgres.log.1"));
        set_aside_if_large(home.path()).unwrap();
        assert!(!path.exists(), "nothing is made where there is none");
        fs::write(&aside, "older").unwrap();
        let mut server = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let size = usize::try_from(MAX_LOG_BYTES).unwrap();
        server.write_all(&vec![b'x'; size]).unwrap();
        set_aside_if_large(home.path()).unwrap();
        assert_eq!(fs::read(&aside).unwrap(), b"older", "it is not too large yet");

        server.write_all(b"last line\n").unwrap();
        set_aside_if_large(home.path()).unwrap();
        server.write_all(b"next line\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"next line\n");
        let kept = fs::read(&aside).unwrap();
        assert!(kept.len() == size && kept.ends_with(b"xlast line\n"));
    }

    #[test]
    fn the_last_lines_become_one() {
        assert_eq!(last_lines(b"1\n2\n3\n4\n\n5\n6\n7\n"), "2 | 3 | 4 | 5 | 6 | 7");
        assert_eq!(last_lines(b"\n"), "(nothing)");
    }
}
