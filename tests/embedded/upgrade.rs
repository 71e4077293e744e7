//! PostgreSQL's package is upgraded while the program serves: the files of the running server are replaced, as a package manager
//! does it. The two versions come from `scripts/ensure-postgres-versions`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::stage::{Home, Program, succeeded, text, wait_until};
use crate::support::actors::Sender;
use crate::support::not_tried::say_not_tried;
use crate::support::postgres_versions::find;

const EMAIL: &str = "alice@example.com";
const WHAT: &str = "an upgrade of PostgreSQL under the program";
const SENDERS: usize = 4;

/// A home whose program runs a copy of the older version, and the files of the newer one.
struct Upgrade {
    home: Home,
    program: Program,
    /// `bin`, `lib` and `share` of the server that is installed.
    installed: PathBuf,
    newer: PathBuf,
}

impl Upgrade {
    /// None where it cannot be tried, which is said.
    async fn prepare() -> Option<Self> {
        let (older, newer) = (find("postgres-17-older", WHAT)?, find("postgres-17", WHAT)?);
        let mut home = Home::new();
        let installed = home.root.path().canonicalize().unwrap().join("installed");
        copy(&older, &installed);
        home.search_path = Some(format!("{}:/usr/bin:/bin", installed.join("bin").display()));
        let program = home.serve();
        let upgrade = Self { home, program, installed, newer };
        if upgrade.version().await != upgrade.installed_version() {
            say_not_tried(WHAT, "a newer PostgreSQL than the one to be upgraded is installed here");
            return None;
        }
        upgrade.home.create_account(EMAIL);
        Some(upgrade)
    }

    /// What the server that runs says it is: `17.9`.
    async fn version(&self) -> String {
        self.home.query("show server_version").await[0][0].clone().unwrap()
    }

    /// What is installed.
    fn installed_version(&self) -> String {
        version_of(&self.installed)
    }

    fn new_sender(&self, name: &str) -> Sender {
        self.home.new_sender(&self.program, EMAIL, name)
    }

    /// As dpkg does it: all files are unpacked beside those they replace, and then renamed, one after the other.
    fn replace_files(&self) {
        let mut files = Vec::new();
        list_files(&self.newer, &mut files);
        for file in &files {
            copy(&self.newer.join(file), &unpacked(&self.installed.join(file)));
        }
        for file in &files {
            let file = self.installed.join(file);
            fs::rename(unpacked(&file), file).unwrap();
        }
    }

    fn doctor(&self) -> String {
        let mut command = self.home.command();
        command.args(["doctor", "--data-dir"]).arg(self.home.data_dir());
        text(&succeeded(command.output().unwrap()))
    }

    fn server_has_changed_from(&self, process: u32) -> bool {
        fs::read_to_string(self.home.cluster().join("postmaster.pid"))
            .is_ok_and(|file| file.ends_with("ready   \n") && !file.starts_with(&format!("{process}\n")))
    }
}

/// Written by another process: a file that this one had open for writing, a child forked by a neighbouring test could still hold,
/// and the kernel would refuse to run it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    succeeded(Command::new("cp").arg("-a").arg(from).arg(to).output().unwrap());
}

fn unpacked(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap().to_str().unwrap();
    file.with_file_name(format!("{name}.dpkg-new"))
}

/// The files that a running server uses: programs and libraries, and what it reads when it starts.
fn list_files(root: &Path, found: &mut Vec<PathBuf>) {
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root).unwrap().to_owned());
            }
        }
    }
}

fn version_of(installed: &Path) -> String {
    let said = text(&Command::new(installed.join("bin/postgres")).arg("--version").output().unwrap());
    said.trim().rsplit_once(' ').unwrap().1.to_owned()
}

/// Those who send without a pause, and what they were told.
#[derive(Clone, Default)]
struct Told {
    is_over: Arc<AtomicBool>,
    stored: Arc<Mutex<Vec<String>>>,
    refused: Arc<Mutex<Vec<u16>>>,
}

impl Told {
    async fn send(self, sender: Sender) {
        while !self.is_over.load(Ordering::SeqCst) {
            let answer = sender.send(r#"{"hello":"world"}"#).await;
            match answer.status().as_u16() {
                200 => {
                    let json: serde_json::Value = answer.json().await.unwrap();
                    self.stored.lock().unwrap().push(json["id"].as_str().unwrap().to_owned());
                }
                status => self.refused.lock().unwrap().push(status),
            }
        }
    }

    fn count(&self) -> usize {
        self.stored.lock().unwrap().len()
    }

    fn wait_for_more(&self) {
        let before = self.count();
        wait_until("more is stored", || self.count() >= before + 50);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_server_runs_soon_and_nothing_acknowledged_is_lost() {
    let Some(upgrade) = Upgrade::prepare().await else { return };
    let told = Told::default();
    let sending: Vec<_> = (0..SENDERS)
        .map(|number| tokio::spawn(told.clone().send(upgrade.new_sender(&format!("Sender {number}")))))
        .collect();
    told.wait_for_more();
    let server = upgrade.home.server_process();
    upgrade.replace_files();
    wait_until("the server is restarted", || upgrade.server_has_changed_from(server));
    told.wait_for_more();
    assert_eq!(upgrade.version().await, version_of(&upgrade.newer));
    // Who was never seen before needs new connections of everything.
    assert_eq!(upgrade.new_sender("New").status().await, 200);
    told.is_over.store(true, Ordering::SeqCst);
    for task in sending {
        task.await.unwrap();
    }
    let refused = told.refused.lock().unwrap().clone();
    assert!(refused.iter().all(|status| *status == 503), "{refused:?}");
    let stored: Vec<String> =
        upgrade.home.query("select id::text from events").await.concat().into_iter().flatten().collect();
    let lost: Vec<String> = told.stored.lock().unwrap().iter().filter(|id| !stored.contains(id)).cloned().collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(upgrade.doctor().contains("ok    the database server runs the programs that are installed"));
    assert!(upgrade.program.end().success());
    assert!(!upgrade.home.runs_a_server());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_only_fits_another_server_harms_nobody() {
    let Some(upgrade) = Upgrade::prepare().await else { return };
    let sender = upgrade.new_sender("Known");
    assert_eq!(sender.status().await, 200);
    let server = upgrade.home.server_process();
    let library = upgrade.installed.join("lib/postgresql/plpgsql.so");
    let library = if library.exists() { library } else { library.with_extension("dylib") };
    let kept = library.with_extension("kept");
    fs::rename(&library, &kept).unwrap();
    fs::write(&library, "no library").unwrap();
    // Every session is new, and runs functions in that language.
    for _ in 0..3 {
        assert_eq!(upgrade.home.query("do $$ begin perform 1; end $$").await.len(), 0);
    }
    assert_eq!(upgrade.new_sender("New").status().await, 200);
    wait_until("the new files were tried", || upgrade.program.said("the database server keeps the old ones") > 0);
    assert_eq!(upgrade.home.server_process(), server, "it could not have been started again");
    assert_eq!(sender.status().await, 200);

    fs::rename(&kept, &library).unwrap();
    upgrade.replace_files();
    wait_until("the server is restarted", || upgrade.server_has_changed_from(server));
    assert_eq!(upgrade.version().await, version_of(&upgrade.newer));
    assert!(upgrade.program.end().success());
}

/// As Homebrew does it: each version has a directory, a link leads to the newest, and the old one is removed.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_in_a_directory_of_its_own_is_taken_up() {
    let Some(mut upgrade) = Upgrade::prepare().await else { return };
    assert!(upgrade.program.end().success());
    let link = upgrade.home.root.path().join("link");
    std::os::unix::fs::symlink(&upgrade.installed, &link).unwrap();
    upgrade.home.search_path = Some(format!("{}:/usr/bin:/bin", link.join("bin").display()));
    upgrade.program = upgrade.home.serve();
    let sender = upgrade.new_sender("Known");
    let server = upgrade.home.server_process();

    let new = upgrade.home.root.path().join("new");
    copy(&upgrade.newer, &new);
    std::os::unix::fs::symlink(&new, upgrade.home.root.path().join("next")).unwrap();
    fs::rename(upgrade.home.root.path().join("next"), &link).unwrap();
    fs::remove_dir_all(&upgrade.installed).unwrap();
    wait_until("the server is restarted", || upgrade.server_has_changed_from(server));
    assert_eq!(upgrade.version().await, version_of(&new));
    assert_eq!(sender.status().await, 200);
    assert!(upgrade.program.end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_that_the_server_is_older_than_what_is_installed() {
    let Some(mut upgrade) = Upgrade::prepare().await else { return };
    let current = "ok    the database server runs the programs that are installed";
    assert!(upgrade.doctor().contains(current));
    // Killed, it leaves the server to the next program, and nobody who would restart it.
    let (older, newer) = (upgrade.installed_version(), version_of(&upgrade.newer));
    upgrade.program.kill_and_stay();
    upgrade.replace_files();
    let mut idle = upgrade.home.command();
    idle.args(["events", "tail", EMAIL, "--data-dir"]).arg(upgrade.home.data_dir());
    let _idle = Program::start(idle);
    let said = upgrade.doctor();
    assert!(
        said.contains(&format!("hint  the database server is PostgreSQL {older}, and {newer} is installed now")),
        "{said}"
    );

    // The next `serve` takes that server over, and restarts it.
    let server = upgrade.home.server_process();
    upgrade.program = upgrade.home.serve();
    wait_until("the server is restarted", || upgrade.server_has_changed_from(server));
    assert!(upgrade.doctor().contains(current));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_programs_with_one_server_one_restarts_it_and_both_go_on() {
    let Some(upgrade) = Upgrade::prepare().await else { return };
    let second = upgrade.home.serve();
    let senders = [upgrade.new_sender("First"), upgrade.home.new_sender(&second, EMAIL, "Second")];
    let told = Told::default();
    let sending: Vec<_> = senders.into_iter().map(|sender| tokio::spawn(told.clone().send(sender))).collect();
    told.wait_for_more();
    let server = upgrade.home.server_process();
    upgrade.replace_files();
    wait_until("the server is restarted", || upgrade.server_has_changed_from(server));
    told.wait_for_more();
    let restarted = upgrade.home.server_process();
    wait_until("the other program is content too", || {
        [&upgrade.program, &second].iter().all(|program| {
            program.said("restarting the database server") == 0 || program.said("the database server runs again") > 0
        })
    });
    told.wait_for_more();
    assert_eq!(upgrade.home.server_process(), restarted, "it was restarted once");
    told.is_over.store(true, Ordering::SeqCst);
    for task in sending {
        task.await.unwrap();
    }
    assert!(told.refused.lock().unwrap().iter().all(|status| *status == 503));
    assert!(second.end().success());
    assert!(upgrade.program.end().success());
    assert!(!upgrade.home.runs_a_server());
}
