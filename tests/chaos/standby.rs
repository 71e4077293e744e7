//! A second server that follows the first, as standbys do.

use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reasoner_webhooks::embedded::binaries::{candidate_directories, find_installations};
use reasoner_webhooks::embedded::owner::Owner;

use crate::stage::only;
use crate::support::postgres;
use crate::support::private_postgres::{PrivatePostgres, kill_server, owner_of, private_directory};

/// A server that follows another.
pub struct Standby {
    pub directory: PathBuf,
    child: Child,
    _home: tempfile::TempDir,
}

impl Standby {
    /// Copies a server, and follows it.
    pub async fn of(primary: &PrivatePostgres) -> Self {
        let from = primary.socket().parent().unwrap().to_owned();
        let home = private_directory();
        let directory = home.path().canonicalize().unwrap().join("standby");
        let owner = Owner::of_existing_cluster(&from).unwrap();
        let found = find_installations(&candidate_directories(std::env::var_os("PATH").as_deref()), &owner).await;
        let major: u32 = std::fs::read_to_string(from.join("PG_VERSION")).unwrap().trim().parse().unwrap();
        let programs = found.iter().rfind(|it| it.version.0 == major).unwrap().directory.clone();
        std::fs::DirBuilder::new().mode(0o700).create(&directory).unwrap();
        owner.take(&directory).unwrap();
        let copied = run_as_owner(&programs.join("pg_basebackup"), &from)
            .args(["--user=reasoner", "--checkpoint=fast", "--write-recovery-conf", "--host"])
            .arg(&from)
            .arg("--pgdata")
            .arg(&directory)
            .status()
            .unwrap();
        assert!(copied.success());
        // The primary's socket lies in the directory that was copied, and with it the lock that says whose it is.
        std::fs::remove_file(directory.join(".s.PGSQL.5432.lock")).unwrap();
        let setting = |name: &str, value: &Path| format!("{name}={}", value.display());
        let child = run_as_owner(&programs.join("postgres"), &from)
            .arg("-D")
            .arg(&directory)
            .stderr(Stdio::null())
            // As many as the primary has: with less, a standby refuses to follow.
            .args([
                "-c",
                "max_connections=200",
                "-c",
                "listen_addresses=",
                "-c",
                &setting("unix_socket_directories", &directory),
            ])
            .spawn()
            .unwrap();
        let standby = Self { directory, child, _home: home };
        standby.wait_until("select pg_is_in_recovery()", "t").await;
        standby
    }

    pub fn url(&self) -> String {
        let host = utf8_percent_encode(self.directory.to_str().unwrap(), NON_ALPHANUMERIC);
        format!("postgresql://reasoner@{host}/reasoner_webhooks")
    }

    /// Waits until a question to it has this answer.
    pub async fn wait_until(&self, sql: &str, expected: &str) {
        let began = Instant::now();
        loop {
            let connected = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await;
            if connected.is_ok() && only(postgres::query(&self.url(), sql).await.remove(0)) == expected {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{sql} is never {expected} on the standby");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let directory = self.directory.clone();
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(kill_server(&directory)));
        let _ = self.child.wait();
    }
}

/// A program of the server, run by the user who owns a cluster.
fn run_as_owner(program: &Path, cluster: &Path) -> Command {
    let (uid, gid) = owner_of(cluster);
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).current_dir("/");
    if nix::unistd::geteuid().is_root() {
        command.uid(uid).gid(gid);
    }
    command
}
