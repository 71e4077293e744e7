//! What the tests of the embedded PostgreSQL are made of: a directory, the program that serves in it, and commands beside it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::actors::Sender;
use crate::support::postgres::query;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_reasoner-webhooks");
pub const ELSEWHERE: &str = "/var/lib/reasoner-webhooks";
const TIME_LIMIT: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const PASSWORD: &str = "seven quiet otters read the tide table";

/// A temporary directory with a data directory in it, and the end of every server that a failed test leaves there.
pub struct Home {
    pub root: TempDir,
    below: PathBuf,
    /// Where this program remembers its clusters: on another disk than the data, wherever that may be.
    pub state: TempDir,
    /// Where the program finds servers, if not where this process does.
    pub search_path: Option<String>,
}

impl Home {
    pub fn new() -> Self {
        Self::at("data")
    }

    /// With the data directory at this path below the temporary one.
    pub fn at(below: &str) -> Self {
        // Not where TMPDIR says, which may be closed to the user that root becomes.
        let root = TempDir::new_in("/tmp").unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let state = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { root, below: PathBuf::from(below), state, search_path: None }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(&self.below)
    }

    pub fn cluster(&self) -> PathBuf {
        self.data_dir().join("postgres")
    }

    /// Where the cluster's surroundings are if they cannot be in the data directory.
    pub fn elsewhere(&self) -> Option<PathBuf> {
        let id = fs::read_to_string(self.data_dir().join("postgres.id")).ok()?;
        Some(Path::new(ELSEWHERE).join(id.trim())).filter(|it| it.is_dir())
    }

    /// A program that serves, as soon as it says where.
    pub fn serve(&self) -> Program {
        let program = self.begin_serve();
        program.wait_for_line("http://127.0.0.1:");
        program
    }

    /// The program, to be given its arguments.
    pub fn command(&self) -> Command {
        let mut command = program_command(PROGRAM.as_ref());
        command.env("XDG_STATE_HOME", self.state.path());
        if let Some(search_path) = &self.search_path {
            command.env("PATH", search_path);
        }
        command
    }

    pub fn begin_serve(&self) -> Program {
        let mut command = self.command();
        command.args(["serve", "--bind", "127.0.0.1:0", "--data-dir"]).arg(self.data_dir());
        Program::start(command)
    }

    /// Gives back what it said beside what was asked for.
    pub fn create_account(&self, email: &str) -> String {
        let mut command = self.command();
        command
            .args(["account", "create", email, "--name", "Alice", "--password-stdin", "--json", "--data-dir"])
            .arg(self.data_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let output = child.wait_with_output().unwrap();
        let aside = String::from_utf8(output.stderr.clone()).unwrap();
        succeeded(output);
        aside
    }

    pub fn list_accounts(&self) -> String {
        let mut command = self.command();
        command.args(["account", "list", "--json", "--data-dir"]).arg(self.data_dir());
        text(&succeeded(command.output().unwrap()))
    }

    /// A sender of an account, with a new credential.
    pub fn new_sender(&self, program: &Program, email: &str, name: &str) -> Sender {
        let mut command = self.command();
        command.args(["credential", "create", email, name, "--json", "--data-dir"]).arg(self.data_dir());
        let printed: serde_json::Value = serde_json::from_slice(&succeeded(command.output().unwrap()).stdout).unwrap();
        let value = |name: &str| printed[name].as_str().unwrap();
        Sender::new(&program.url(), value("username"), value("password"))
    }

    /// The rows of a statement, run on the server of the data directory.
    pub async fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let socket = self.cluster().canonicalize().unwrap();
        let address = format!("host='{}' user=reasoner dbname=reasoner_webhooks", socket.display());
        query(&address, sql).await
    }

    /// What it says that refuses to start, in one line.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let mut command = self.command();
        command.args(arguments).arg("--data-dir").arg(self.data_dir());
        let output = command.output().unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {line}");
        assert_eq!(line.lines().count(), 1, "{arguments:?}: {line}");
        line
    }

    pub fn server_process(&self) -> u32 {
        let content = fs::read_to_string(self.cluster().join("postmaster.pid")).unwrap();
        content.lines().next().unwrap().parse().unwrap()
    }

    pub fn runs_a_server(&self) -> bool {
        !servers_under(&self.data_dir()).is_empty()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let elsewhere = self.elsewhere();
        for directory in elsewhere.iter().chain([&self.data_dir()]) {
            let servers = servers_under(directory);
            for server in &servers {
                send("QUIT", *server);
            }
            let began = Instant::now();
            while !servers_under(directory).is_empty() && began.elapsed() < Duration::from_secs(10) {
                sleep(POLL_INTERVAL);
            }
        }
        if let Some(elsewhere) = elsewhere {
            let _ = fs::remove_dir_all(elsewhere);
        }
    }
}

/// A running `serve` and what it has said. Dropped, it is killed.
pub struct Program {
    child: Child,
    pub lines: Arc<Mutex<Vec<String>>>,
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        // Both are read to their ends, so that neither ever blocks the program.
        let outputs: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for (number, output) in outputs.into_iter().enumerate() {
            let lines = Arc::clone(&lines);
            let mark = if number == 0 { "" } else { "(stderr) " };
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    lines.lock().unwrap().push(format!("{mark}{line}"));
                }
            });
        }
        Self { child, lines }
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Where it serves, once it has said so.
    pub fn url(&self) -> String {
        let lines = self.lines.lock().unwrap();
        let pages = lines.iter().find_map(|line| line.trim().strip_prefix("Pages")).unwrap();
        pages.trim().trim_end_matches('/').to_owned()
    }

    /// How many lines of its log have this in them.
    pub fn said(&self, part: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }

    /// Waits until standard output has a line with this in it.
    pub fn wait_for_line(&self, part: &str) {
        let began = Instant::now();
        loop {
            let lines = self.lines.lock().unwrap().clone();
            if lines.iter().any(|line| !line.starts_with("(stderr)") && line.contains(part)) {
                return;
            }
            let ended = !is_alive(self.process());
            assert!(!ended && began.elapsed() < TIME_LIMIT, "no line with {part:?} in:\n{}", lines.join("\n"));
            sleep(POLL_INTERVAL);
        }
    }

    pub fn end(self) -> ExitStatus {
        send("TERM", self.process());
        self.wait()
    }

    pub fn wait(mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < TIME_LIMIT, "it does not end:\n{}", self.lines.lock().unwrap().join("\n"));
            sleep(POLL_INTERVAL);
        }
    }

    /// As a crash would: no signal that it could handle.
    pub fn kill(mut self) {
        self.kill_and_stay();
    }

    /// The same, for a program that stands in another value.
    pub fn kill_and_stay(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A helper process that ends with the test.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program with nothing of this environment but PATH: a developer's own settings must not steer the tests.
pub fn program_command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null());
    command
}

/// The PostgreSQL processes that work in or below this directory. Where there is no `/proc`, those that say so.
pub fn servers_under(directory: &Path) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        let file = fs::read_to_string(directory.join("postgres/postmaster.pid"));
        let process = file.ok().and_then(|content| content.lines().next()?.parse().ok());
        return process.into_iter().filter(|it| is_alive(*it)).collect();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process: &u32| {
            let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            let works_in = fs::read_link(format!("/proc/{process}/cwd"));
            name.trim() == "postgres" && works_in.is_ok_and(|it| it.starts_with(directory))
        })
        .collect()
}

/// A process that has ended and not been waited for does not count.
pub fn is_alive(process: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output().unwrap();
    let state = text(&output);
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

pub fn send(signal: &str, process: u32) {
    // The shell's own `kill` is there on every machine. That the process has just ended is no failure.
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal, &process.to_string()])
        .stderr(Stdio::null())
        .status();
}

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < TIME_LIMIT, "waited in vain until {what}");
        sleep(POLL_INTERVAL);
    }
}

pub fn succeeded(output: Output) -> Output {
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn my_uid() -> u32 {
    text(&Command::new("id").arg("-u").output().unwrap()).trim().parse().unwrap()
}

pub fn id_of(option: &str, user: &str) -> u32 {
    text(&Command::new("id").args([option, user]).output().unwrap()).trim().parse().unwrap()
}
