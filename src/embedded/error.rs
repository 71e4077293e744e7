//! What can go wrong with the embedded PostgreSQL, each with what to do about it.
//!
//! Every message is one line and complete in itself, cause included: it is printed as it is. Which exit code it
//! becomes is the caller's business; [`EmbeddedError::is_missing_server`] tells the one case that has its own.

use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded PostgreSQL could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable server programs at all: none found, or only versions that are too old.
    #[error(
        "no PostgreSQL server was found on this machine{note}. Install one with `{install}`, or name a PostgreSQL of \
         your own with --database-url (DATABASE_URL)"
    )]
    NoServerBinaries { note: String, install: String },

    /// The cluster was made by a major version whose programs are not (or no longer) installed.
    #[error(
        "the data in {} was made by PostgreSQL {major}, and this machine has {found}. Install PostgreSQL {major} \
         next to it with `{install}`, or choose another --data-dir (DATA_DIR)",
        directory.display()
    )]
    NoMatchingServer { directory: PathBuf, major: u32, found: String, install: String },

    #[error(
        "the PostgreSQL cluster in {} belongs to the user {owner}: run this as {owner} or as root, or choose another \
         --data-dir (DATA_DIR)",
        directory.display()
    )]
    ForeignCluster { directory: PathBuf, owner: String },

    #[error(
        "the PostgreSQL cluster in {} belongs to root, and PostgreSQL refuses to run as root: give it to another user, \
         for example with `chown -R postgres {}`",
        directory.display(), directory.display()
    )]
    ClusterOfRoot { directory: PathBuf },

    #[error(
        "the PostgreSQL cluster in {} belongs to the user {owner}, who cannot reach it: let other users pass through \
         the directories above it (`chmod o+x`), or choose another --data-dir (DATA_DIR)",
        directory.display()
    )]
    Unreachable { directory: PathBuf, owner: String },

    #[error(
        "there is no database in {}: run this in the directory that `serve` runs in, or say where the database is with \
         --data-dir (DATA_DIR) or --database-url (DATABASE_URL)",
        directory.display()
    )]
    NoCluster { directory: PathBuf },

    /// Nothing is there, and something was.
    #[error(
        "there is no database in {}, and there was one{since}: is its disk mounted? To start afresh without it, delete \
         {files}",
        directory.display()
    )]
    LostCluster { directory: PathBuf, since: String, files: String },

    /// Another one is there than was.
    #[error(
        "the database in {} is not the one that was there before: its system identifier is {found}, not {expected}. Is \
         another disk mounted? If this database is meant, delete {files}",
        directory.display()
    )]
    OtherCluster { directory: PathBuf, found: String, expected: String, files: String },

    /// The directory of the server that this program uses has lost it.
    #[error("there is no database in {} any more: is its disk mounted? Senders get 503 until it is back", directory.display())]
    Gone { directory: PathBuf },

    /// Another cluster lies where the one of this program was.
    #[error(
        "the database in {} is another one now: its system identifier is {found}, not {expected}. Senders get 503 until \
         the one that was there is back",
        directory.display()
    )]
    Replaced { directory: PathBuf, found: u64, expected: u64 },

    /// It is back under another address, which those who use it do not know.
    #[error("the socket of the PostgreSQL in {} is in another directory now: start this program again", directory.display())]
    Moved { directory: PathBuf },

    #[error(
        "{} is neither empty nor a PostgreSQL cluster (it has no readable PG_VERSION): move it away, or choose another \
         --data-dir (DATA_DIR)",
        directory.display()
    )]
    NotACluster { directory: PathBuf },

    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a user `nobody` to run \
         it as: run this program as an ordinary user"
    )]
    NoUserToRunAs,

    #[error("cannot {doing} {}: {cause}. Check that --data-dir (DATA_DIR) is writable and not full", path.display())]
    File { doing: &'static str, path: PathBuf, cause: io::Error },

    #[error(
        "another program has been starting or stopping PostgreSQL for {seconds} s, waited for with {}: look at \
         postgres.log beside it, then try again",
        path.display()
    )]
    Locked { path: PathBuf, seconds: u64 },

    #[error("cannot run {} as the user {user}: {cause}", program.display())]
    CannotRun { program: PathBuf, user: String, cause: io::Error },

    #[error("initdb could not create a PostgreSQL cluster in {}: {output}", directory.display())]
    Initdb { directory: PathBuf, output: String },

    #[error(
        "the directory {} cannot hold PostgreSQL's socket: {problem}. Remove it and try again",
        directory.display()
    )]
    SocketDirectory { directory: PathBuf, problem: &'static str },

    #[error("PostgreSQL did not start. The last lines of {}: {tail}", log.display())]
    Ended { log: PathBuf, tail: String },

    #[error(
        "PostgreSQL was not ready within {seconds} s. Try again; the last lines of {}: {tail}",
        log.display()
    )]
    NotReady { seconds: u64, log: PathBuf, tail: String },

    #[error(
        "an earlier PostgreSQL of {} is gone, but processes of it remain and do not end: {processes}. End them, then \
         try again",
        directory.display()
    )]
    ProcessesRemain { directory: PathBuf, processes: String },

    #[error(
        "the embedded PostgreSQL does not let its own program in ({cause}): look at pg_hba.conf and \
         postgresql.conf in {}",
        directory.display()
    )]
    Database { directory: PathBuf, cause: String },

    #[error(
        "PostgreSQL (process {process}) was told to stop and has not ended after {seconds} s. It may still be writing; \
         the next start waits for it"
    )]
    NotStopped { process: i32, seconds: u64 },
}

impl EmbeddedError {
    /// True where the machine lacks server programs that could be installed (exit code 3).
    #[must_use]
    pub(crate) fn is_missing_server(&self) -> bool {
        matches!(self, Self::NoServerBinaries { .. } | Self::NoMatchingServer { .. })
    }

    /// For `map_err`: an operation on a file that failed.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File { doing, path, cause }
    }
}
