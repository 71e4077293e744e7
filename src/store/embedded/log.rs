//! The server's log, `postgres.log` beside the cluster: opened for the server, and quoted when it does not start.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::store::embedded::error::EmbeddedError;
use crate::store::embedded::files;

/// A log larger than this is set aside at the next start, in place of the one set aside before.
const MAX_LOG_BYTES: u64 = 16 * 1024 * 1024;
const QUOTED_LINES: usize = 6;
const QUOTED_BYTES: u64 = 4096;

/// The log from a moment on: what was written earlier is not quoted.
#[derive(Debug)]
pub struct ServerLog {
    path: PathBuf,
    began_at: u64,
}

impl ServerLog {
    /// The log in `home` from now on. A running server keeps writing to it.
    pub fn follow(home: &Path) -> Self {
        let path = home.join("postgres.log");
        let began_at = fs::symlink_metadata(&path).map_or(0, |log| log.len());
        Self { path, began_at }
    }

    /// Opens the log for a server that is about to be started.
    pub fn open(home: &Path) -> Result<(Self, File), EmbeddedError> {
        let log = Self::follow(home);
        if log.began_at > MAX_LOG_BYTES {
            let aside = home.join("postgres.log.1");
            fs::rename(&log.path, &aside).map_err(EmbeddedError::file("set aside", &log.path))?;
        }
        let file = files::open_private(&log.path)?;
        Ok((Self::follow(home), file))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last lines that this start has written, as one line.
    pub fn tail(&self) -> String {
        self.read_tail().map_or_else(|error| format!("({error})"), |tail| last_lines(&tail))
    }

    fn read_tail(&self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        let from = self.began_at.max(length.saturating_sub(QUOTED_BYTES));
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.take(QUOTED_BYTES).read_to_end(&mut tail)?;
        Ok(tail)
    }
}

/// The last lines of a program's output, as one line: errors are one line.
pub fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "(nothing)".to_owned();
    }
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn the_last_lines_become_one() {
        assert_eq!(last_lines(b"1\n2\n3\n4\n\n5\n6\n7\n"), "2 | 3 | 4 | 5 | 6 | 7");
        assert_eq!(last_lines(b"\n"), "(nothing)");
    }
}
