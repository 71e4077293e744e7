//! The real program as a process of its own, which can be killed, asked to end, and started again in the same place.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::actors::Sender;
use crate::support::private_postgres::{kill_server, private_directory};
use crate::support::running::free_address;
use crate::support::server::PASSWORD;
use crate::support::wire::Wire;

const PROGRAM: &str = env!("CARGO_BIN_EXE_reasoner-webhooks");
/// Makes standard input the first socket that a program inherits (`sd_listen_fds(3)`).
const INHERIT: &str = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"";
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Where the program keeps its database.
pub enum Home {
    /// A data directory, where it runs a server of its own.
    DataDirectory(PathBuf),
    Database(String),
}

/// The program at one address and with one database, running or not. Dropped, it is killed, and its data removed.
pub struct Program {
    pub address: SocketAddr,
    home: Home,
    /// Where it remembers that there was a database.
    state: TempDir,
    child: Option<Child>,
    /// What it finds in its environment, beside PATH.
    environment: Vec<(String, String)>,
    /// Where what it says goes, unless nobody reads that.
    log: Option<PathBuf>,
    /// A socket that it is given, as systemd does it.
    inherited: Option<TcpListener>,
}

impl Program {
    /// In a data directory of its own.
    pub async fn serve() -> Self {
        Self::serve_at(Home::DataDirectory(private_directory().keep())).await
    }

    pub async fn serve_at(home: Home) -> Self {
        Self::serve_with(home, Vec::new(), None).await
    }

    /// With an environment, and with a file for its log.
    pub async fn serve_with(home: Home, environment: Vec<(String, String)>, log: Option<PathBuf>) -> Self {
        let address = free_address().parse().unwrap();
        let state = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut program = Self { address, home, state, child: None, environment, log, inherited: None };
        program.start();
        for _ in 0..3 {
            if program.is_ready_in_time().await {
                break;
            }
            // Somebody else has taken the port since it was free.
            program.address = free_address().parse().unwrap();
            program.start();
        }
        program.wait_until_ready().await;
        program
    }

    /// On a socket that it inherits, and that stays when it ends.
    pub async fn serve_on(home: Home, listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let state = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let inherited = Some(listener);
        let mut program = Self { address, home, state, child: None, environment: Vec::new(), log: None, inherited };
        program.start();
        program.wait_until_ready().await;
        program
    }

    /// Starts it, where it was before.
    pub fn start(&mut self) {
        let mut command = match &self.inherited {
            None => self.command(),
            Some(listener) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", INHERIT, PROGRAM]).stdin(OwnedFd::from(listener.try_clone().unwrap()));
                self.complete(shell)
            }
        };
        if self.inherited.is_none() {
            command.stdin(Stdio::null());
        }
        command.args(["serve", "--bind", &self.address.to_string()]).stdout(Stdio::null());
        if let Some(log) = &self.log {
            command.stderr(File::create(log).unwrap());
        } else if std::env::var_os("TEST_LOG").is_none() {
            command.stderr(Stdio::null());
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// Until it answers that it is ready. It has to run all the time.
    pub async fn wait_until_ready(&mut self) {
        assert!(self.is_ready_in_time().await, "it ended instead of being ready");
    }

    /// Waits until it is ready; `false` if it ends before that.
    async fn is_ready_in_time(&mut self) -> bool {
        let began = Instant::now();
        loop {
            let is_ready = self.ready().await == Some(200);
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            if is_ready {
                return true;
            }
            assert!(began.elapsed() < TIME_LIMIT, "it is not ready in time");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What `/readyz` says, if anything.
    pub async fn ready(&self) -> Option<u16> {
        let mut wire = Wire::open(self.address).await.ok()?;
        wire.get("/readyz").await.ok().map(|answer| answer.status)
    }

    /// As a crash would: no signal that it could handle.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Kills the server that it runs, and everything of it.
    pub async fn kill_postgres(&self) {
        let Home::DataDirectory(directory) = &self.home else { panic!("its database is somebody else's") };
        kill_server(&directory.join("postgres").canonicalize().unwrap()).await;
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let id = self.child.as_ref().unwrap().id();
        kill(Pid::from_raw(id.try_into().unwrap()), Signal::SIGTERM).unwrap();
    }

    /// Its end, and how long it took.
    pub async fn wait(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < TIME_LIMIT, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How much memory it has, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let id = self.child.as_ref().unwrap().id().to_string();
        let output = Command::new("ps").args(["-o", "rss=", "-p", &id]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u64>().unwrap() * 1024
    }

    /// The most that it had since it was asked last, in bytes. Asking begins anew.
    #[cfg(target_os = "linux")]
    pub fn peak_memory_bytes(&self) -> u64 {
        let about = PathBuf::from(format!("/proc/{}", self.child.as_ref().unwrap().id()));
        let status = std::fs::read_to_string(about.join("status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        std::fs::write(about.join("clear_refs"), "5").unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
    }

    /// A sender with a new credential, made on the command line.
    pub fn new_sender(&self) -> Sender {
        let account = ["account", "create", "alice@example.com", "--password-stdin", "--json"];
        self.run(&account, PASSWORD);
        let printed = self.run(&["credential", "create", "alice@example.com", "Chaos", "--json"], "");
        let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let value = |name: &str| json[name].as_str().unwrap();
        Sender::new(&format!("http://{}", self.address), value("username"), value("password"))
    }

    /// What `doctor` prints about the same database, whatever it finds.
    pub fn doctor(&self) -> String {
        let output = self.command().arg("doctor").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command prints about the same database.
    pub fn run(&self, arguments: &[&str], input: &str) -> String {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{input}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// With nothing of this environment but PATH: a developer's own settings must not steer the tests.
    fn command(&self) -> Command {
        self.complete(Command::new(PROGRAM))
    }

    fn complete(&self, mut command: Command) -> Command {
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.env("XDG_STATE_HOME", self.state.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        match &self.home {
            Home::DataDirectory(directory) => command.arg("--data-dir").arg(directory),
            Home::Database(url) => command.args(["--database-url", url]),
        };
        command
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Home::DataDirectory(directory) = &self.home {
            end_server(directory);
        }
    }
}

/// Ends the server that a killed program has left, and removes the data.
fn end_server(directory: &Path) {
    let cluster = directory.join("postgres").canonicalize().unwrap_or_default();
    for process in crate::support::private_postgres::processes_of(&cluster) {
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
    let _ = std::fs::remove_dir_all(directory);
}
