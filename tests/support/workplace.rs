//! A directory in which other people's programs are run, with an environment that a test gives them and nothing of ours in it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

/// How long a program may take: as long as a person would wait, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Workplace {
    directory: TempDir,
}

impl Workplace {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.directory().join(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory().join(name)).unwrap()
    }

    /// What is in a directory, in the order of the names.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory().join(directory)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What every program finds in its environment here: this directory first on its path and as its home.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let directory = self.directory().to_str().unwrap().to_owned();
        vec![
            ("PATH", format!("{directory}:{}", std::env::var("PATH").unwrap())),
            ("HOME", directory),
            ("LANG", "C.UTF-8".to_owned()),
            // What Go has compiled once need not be compiled again for each test.
            ("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go").to_str().unwrap().to_owned()),
        ]
    }

    /// Runs a command. `installer` is the script that sees to it that there is such a command.
    pub async fn command(&self, words: &[&str], environment: &[(&str, &str)], installer: &str) -> Output {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.directory()).env_clear().envs(self.environment());
        command.envs(environment.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => panic!("{}: {error}. This installs what is needed: {installer}", words[0]),
            Err(_) => panic!("{words:?} did not end"),
        }
    }
}

/// Whether a program is on this machine.
pub fn has(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|directory| directory.join(program).is_file())
}

/// All that a command has said.
pub fn said(output: &Output) -> String {
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a command has said that has to succeed.
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}
