//! A directory in which somebody runs the program as the README says, and commands beside it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::server::PASSWORD;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_reasoner-webhooks");

/// `serve` in a directory of its own, ended with the value that holds it. Without a `DATABASE_URL` among the variables it makes a
/// database of its own in `data`.
pub struct Home {
    directory: tempfile::TempDir,
    /// Where it remembers that there was a database.
    _state: tempfile::TempDir,
    variables: Vec<(String, String)>,
    serving: Child,
    pub url: String,
    /// Of the program's own database.
    pub database_url: String,
}

fn program(directory: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(directory).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command
}

impl Home {
    pub fn start(variables: &[(&str, &str)]) -> Self {
        use std::os::unix::fs::PermissionsExt;
        // Not where TMPDIR says, which may be closed to the user that root becomes.
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let state = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let variables = [variables, &[("XDG_STATE_HOME", state.path().to_str().unwrap())]].concat();
        let mut serve = program(directory.path(), &[PROGRAM, "serve", "--bind", "127.0.0.1:0"]);
        serve.envs(variables.iter().copied());
        let mut serving = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| line.unwrap().trim().strip_prefix("Pages").map(|url| url.trim().to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        let cluster = directory.path().canonicalize().unwrap().join("data/postgres");
        let database_url = format!("host={} user=reasoner dbname=reasoner_webhooks", cluster.display());
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { directory, _state: state, variables, serving, url: url.unwrap(), database_url }
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut child = program(self.directory.path(), &[&[PROGRAM], arguments].concat())
            .envs(self.variables.iter().cloned())
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs lines of the README as they are printed, in a second terminal where `serve` runs, and gives back what they print.
    pub fn run(&self, lines: &str, variables: &[(&str, &str)]) -> String {
        let output = program(self.directory.path(), &["sh", "-ec", lines])
            .envs(self.variables.iter().cloned())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(output.status.success(), "{lines}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Whether somebody has made a database in the directory `data`.
    pub fn has_database_of_its_own(&self) -> bool {
        self.directory.path().join("data").exists()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let process = nix::unistd::Pid::from_raw(i32::try_from(self.serving.id()).unwrap());
        let _ = nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM);
        let _ = self.serving.wait();
    }
}
