//! Who and what an example meets: a server, an account with a credential, and a machine on which the example lies in a directory
//! of its own, with the password in its environment as the documentation says.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use crate::line::Line;
use crate::support::actors::{Person, Sender};
use crate::support::docs::all_blocks;
use crate::support::not_tried::say_not_tried;
use crate::support::server::TestServer;
use crate::support::workplace::{Workplace, has, stdout};

/// Whose account it is, in the examples too.
pub const EMAIL: &str = "you@example.com";

pub struct Stage {
    pub server: TestServer,
    pub line: Line,
    pub you: Person,
    pub sender: Sender,
    pub blocks: BTreeMap<String, String>,
    /// The address that the examples send to.
    endpoint: String,
    pub place: Workplace,
}

/// How a language is run. Go and C# are compiled first: `go run` has an exit status of its own.
const RUNS: [(&str, &[&str]); 9] = [
    ("sh", &["bash"]),
    ("py", &["python3"]),
    ("mjs", &["node"]),
    ("go", &[]),
    ("php", &["php"]),
    ("rb", &["ruby"]),
    ("java", &["java"]),
    ("cs", &["mono"]),
    ("ps1", &["pwsh", "-NoProfile", "-NonInteractive", "-File"]),
];

impl Stage {
    pub async fn set() -> Self {
        let line = Line::start().await;
        let endpoint = line.url.clone();
        let server = TestServer::start_with(|options| options.ingest_url = Some(endpoint)).await;
        line.lead_to(&server.url, &server.database_url);
        let you = server.pro(EMAIL).await;
        let sender = server.sender(&you).await;
        let blocks = all_blocks(&you, &sender.username).await;
        let endpoint = line.url.clone();
        let place = Workplace::new();
        symlink(env!("CARGO_BIN_EXE_reasoner-webhooks"), place.directory().join("reasoner-webhooks")).unwrap();
        Self { server, line, you, sender, blocks, endpoint, place }
    }

    /// Has the examples send to another address from now on.
    pub fn change_endpoint(&mut self, endpoint: &str) {
        for text in self.blocks.values_mut() {
            *text = text.replace(&self.endpoint, endpoint);
        }
        endpoint.clone_into(&mut self.endpoint);
    }

    pub fn directory(&self) -> &Path {
        self.place.directory()
    }

    pub fn block(&self, id: &str) -> &str {
        self.blocks.get(id).unwrap_or_else(|| panic!("{id} is on no page"))
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.place.write(name, bytes);
    }

    pub fn read(&self, name: &str) -> String {
        self.place.read(name)
    }

    /// What is in a directory, in the order of the names.
    pub fn names(&self, directory: &str) -> Vec<String> {
        self.place.names(directory)
    }

    /// Puts an example into a file, as the reader would, and says under which name: `deliver-py` is `deliver.py`.
    pub fn save(&self, id: &str) -> String {
        let (stem, end) = id.rsplit_once('-').unwrap();
        let name = format!("{stem}.{end}");
        self.write(&name, format!("{}\n", self.block(id)));
        name
    }

    /// Runs an example.
    pub async fn run(&self, id: &str, args: &[&str]) -> Output {
        self.run_with(&self.sender.password, id, args).await
    }

    /// Runs an example with another password.
    pub async fn run_with(&self, password: &str, id: &str, args: &[&str]) -> Output {
        let mut file = self.save(id);
        let end = file.rsplit_once('.').unwrap().1.to_owned();
        if end == "cs" {
            let program = file.replace(".cs", ".exe");
            let compiler = ["mcs", "-langversion:latest", "-r:System.Net.Http.dll", &format!("-out:{program}"), &file];
            stdout(&self.command(&compiler, password).await);
            file = program;
        } else if end == "go" {
            stdout(&self.command(&["go", "build", &file], password).await);
            file = format!("./{}", file.replace(".go", ""));
        }
        let (_, run) = RUNS.iter().find(|(known, _)| *known == end).unwrap_or_else(|| panic!("{id} cannot be run"));
        self.command(&[*run, &[&file], args].concat(), password).await
    }

    /// Runs a command in the directory, with the password, or the API token, in the environment and the program on
    /// the path.
    pub async fn command(&self, words: &[&str], password: &str) -> Output {
        let database = ("DATABASE_URL", self.server.database_url.as_str());
        let environment = [database, ("WEBHOOK_PASSWORD", password), ("API_TOKEN", password)];
        self.place.command(words, &environment, "scripts/ensure-languages").await
    }

    /// The bodies that are stored, oldest first.
    pub async fn bodies(&self) -> Vec<String> {
        let rows = self.server.query("select body from events order by id").await;
        rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
    }
}

/// Whether there is PowerShell, which only macOS has a package of that `scripts/ensure-languages` can install. Where there is none,
/// this says what is not tried.
pub fn has_powershell(for_what: &str) -> bool {
    let is_there = has("pwsh");
    if !is_there && cfg!(target_os = "macos") {
        panic!("there is no PowerShell, and its examples are run. This installs it: scripts/ensure-languages");
    }
    if !is_there {
        say_not_tried(for_what, "there is no PowerShell (pwsh) on this machine. Install it by hand to have it tried.");
    }
    is_there
}
