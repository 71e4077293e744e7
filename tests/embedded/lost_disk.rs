//! The disk of the data directory goes away: senders are told to come again, nothing is made in its place, and all is as before when
//! it is back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::stage::{Home, Program, send, servers_under, wait_until};
use crate::support::actors::Sender;
use crate::support::not_tried::say_not_tried;

const EMAIL: &str = "alice@example.com";
const README: &str = include_str!("../../README.md");

/// A directory whose contents can be taken away and brought back: a mounted disk or, where this user cannot mount one, a directory
/// that is moved.
struct Disk {
    at: PathBuf,
    aside: PathBuf,
    is_mounted: bool,
}

impl Disk {
    /// An empty one.
    fn new(at: PathBuf) -> Self {
        let aside = at.with_extension("disk");
        for directory in [&at, &aside] {
            fs::create_dir(directory).unwrap();
        }
        let is_mounted = mount(&["-t", "tmpfs", "-o", "mode=755", "none"], &aside);
        let disk = Self { at, aside, is_mounted };
        if !is_mounted {
            say_not_tried("a disk that is unmounted", "this user cannot mount one; a directory is moved away instead");
            fs::remove_dir(&disk.at).unwrap();
        }
        disk.bring_back();
        disk
    }

    /// As a disk that is pulled out: whoever has a file of it open keeps that.
    fn take_away(&self) {
        if self.is_mounted {
            unmount(&self.at);
        } else {
            fs::rename(&self.at, &self.aside).unwrap();
            fs::create_dir(&self.at).unwrap();
        }
        assert_nothing_in(&self.at);
    }

    fn bring_back(&self) {
        if self.is_mounted {
            // The disk itself stays in memory, and is seen in a second place.
            assert!(mount(&["--bind", self.aside.to_str().unwrap()], &self.at));
        } else {
            let _ = fs::remove_dir(&self.at);
            fs::rename(&self.aside, &self.at).unwrap();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for server in servers_under(&self.at).into_iter().chain(servers_under(&self.aside)) {
            send("KILL", server);
        }
        if self.is_mounted {
            unmount(&self.at);
            unmount(&self.aside);
        }
    }
}

fn mount(options: &[&str], at: &Path) -> bool {
    let status = Command::new("mount").args(options).arg(at).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn unmount(at: &Path) {
    let _ = Command::new("umount").arg("-l").arg(at).stderr(Stdio::null()).status();
}

fn assert_nothing_in(directory: &Path) {
    let found: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(found.is_empty(), "{found:?}");
}

/// Asks until the answer is this one. Those before may be that one too, and no other.
async fn send_until(sender: &Sender, wanted: u16, allowed: u16) {
    let began = std::time::Instant::now();
    loop {
        let status = sender.status().await;
        if status == wanted {
            return;
        }
        assert_eq!(status, allowed, "while waiting for {wanted}");
        assert!(began.elapsed() < std::time::Duration::from_secs(120), "{wanted} does not come");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The cluster's server ends, and then its disk goes.
fn lose(home: &Home, disk: &Disk) {
    send("KILL", home.server_process());
    disk.take_away();
}

fn serve_with_senders(home: &Home) -> (Program, Sender, Sender) {
    let program = home.serve();
    home.create_account(EMAIL);
    let (known, new) = (home.new_sender(&program, EMAIL, "Known"), home.new_sender(&program, EMAIL, "New"));
    (program, known, new)
}

/// The same sender, for a program that was started again at another port.
fn moved(sender: &Sender, program: &Program) -> Sender {
    Sender::new(&program.url(), &sender.username, &sender.password)
}

/// The file that a line says is to be deleted.
fn file_to_delete(line: &str) -> PathBuf {
    PathBuf::from(line.trim().rsplit_once("delete ").unwrap().1)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_is_away_senders_get_503_and_nothing_is_made() {
    let home = Home::new();
    let disk = Disk::new(home.data_dir());
    let (program, known, new) = serve_with_senders(&home);
    assert_eq!(known.status().await, 200);

    lose(&home, &disk);
    send_until(&known, 503, 200).await;
    wait_until("it says what is wrong", || program.said("any more: is its disk mounted?") > 0);
    for _ in 0..5 {
        // Never 401: a new database would know neither.
        assert_eq!(known.status().await, 503);
        assert_eq!(new.status().await, 503);
    }
    for arguments in [&["account", "list"][..], &["doctor"], &["account", "create", "bob@example.com"], &["migrate"]] {
        let line = home.refused(arguments);
        assert!(line.contains("is its disk mounted?"), "{line}");
    }
    assert_nothing_in(&disk.at);

    disk.bring_back();
    send_until(&known, 200, 503).await;
    assert_eq!(new.status().await, 200);
    assert!(home.list_accounts().contains(EMAIL));
    assert_eq!(program.said("any more: is its disk mounted?"), 1, "it says so once");
    assert!(program.end().success());
    assert!(!home.runs_a_server());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_disk_is_refused_and_one_with_it_is_as_before() {
    let home = Home::new();
    let disk = Disk::new(home.data_dir());
    let (program, known, _) = serve_with_senders(&home);
    lose(&home, &disk);
    send_until(&known, 503, 200).await;
    assert!(program.end().success(), "it ends although the disk is away");
    assert_nothing_in(&disk.at);

    let line = home.refused(&["serve", "--bind", "127.0.0.1:0"]);
    let lost = format!("there is no database in {}, and there was one since 2", home.data_dir().display());
    assert!(line.contains(&lost) && line.contains("is its disk mounted?"), "{line}");
    assert!(file_to_delete(&line).is_file(), "{line}");
    assert_nothing_in(&disk.at);

    disk.bring_back();
    let program = home.serve();
    assert_eq!(moved(&known, &program).status().await, 200);
    assert!(program.end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_below_a_lost_disk_is_not_made_again() {
    let home = Home::at("link/data");
    let disk = Disk::new(home.root.path().join("disk"));
    std::os::unix::fs::symlink(&disk.at, home.root.path().join("link")).unwrap();
    let (program, known, _) = serve_with_senders(&home);
    lose(&home, &disk);
    send_until(&known, 503, 200).await;
    for arguments in [&["account", "list"][..], &["serve", "--bind", "127.0.0.1:0"]] {
        assert!(home.refused(arguments).contains("is its disk mounted?"));
    }
    assert_nothing_in(&disk.at);
    disk.bring_back();
    send_until(&known, 200, 503).await;
    assert!(program.end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_goes_under_a_running_server_costs_nothing_acknowledged() {
    let home = Home::new();
    let disk = Disk::new(home.data_dir());
    let (program, known, _) = serve_with_senders(&home);
    let server = home.server_process();
    let mut stored = Vec::new();
    disk.take_away();
    // Connections that are open go on, and so may these. What is acknowledged is on the disk that was taken away.
    wait_until("it says what is wrong", || {
        program.said("its directory is gone") + program.said("any more: is its disk") > 0
    });
    for _ in 0..20 {
        let answer = known.send("{}").await;
        match answer.status().as_u16() {
            200 => stored.push(answer.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned()),
            status => assert_eq!(status, 503),
        }
    }
    send("KILL", server);
    send_until(&known, 503, 200).await;
    assert_nothing_in(&disk.at);
    disk.bring_back();
    send_until(&known, 200, 503).await;
    for id in stored {
        let found = home.query(&format!("select count(*) from events where id = '{id}'")).await;
        assert_eq!(found[0][0].as_deref(), Some("1"), "{id} was acknowledged");
    }
    assert!(program.end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_in_its_place_is_refused_until_it_is_said_to_be_meant() {
    let home = Home::new();
    let (program, known, new) = serve_with_senders(&home);
    let other = Home::new();
    other.create_account("bob@example.com");
    send("KILL", home.server_process());
    wait_until("the server has ended", || !home.runs_a_server() || program.said("runs again") > 0);
    // Whether or not it was started again: the directory that it is in is moved away.
    let away = home.root.path().join("away");
    fs::rename(home.data_dir(), &away).unwrap();
    for server in servers_under(&away) {
        send("KILL", server);
    }
    fs::rename(other.data_dir(), home.data_dir()).unwrap();
    send_until(&known, 503, 200).await;
    wait_until("it says what is wrong", || program.said("is another one now") > 0);
    // Also when the server of the other one runs, and answers where the right one did.
    let mut stranger = home.command();
    stranger.args(["serve", "--bind", "127.0.0.1:0", "--data-dir"]).arg(home.data_dir());
    let stranger = Program::start({
        stranger.env("XDG_STATE_HOME", other.state.path());
        stranger
    });
    stranger.wait_for_line("http://127.0.0.1:");
    for _ in 0..5 {
        assert_eq!(known.status().await, 503);
        assert_eq!(new.status().await, 503);
    }
    assert!(program.end().success());
    assert!(stranger.end().success(), "the server of somebody else was left alone");

    let line = home.refused(&["serve", "--bind", "127.0.0.1:0"]);
    assert!(line.contains("is not the one that was there before"), "{line}");
    fs::remove_file(file_to_delete(&line)).unwrap();
    let program = home.serve();
    assert!(home.list_accounts().contains("bob@example.com"));
    assert!(program.end().success());
}

#[test]
fn who_starts_afresh_as_the_readme_says_has_a_new_database() {
    let row = README.lines().find(|line| line.starts_with("| you want to start afresh |")).unwrap();
    let steps = "end it, delete `data` and, if the card named another directory for the database, that one too; then `make run`. It \
                 names the file that remembers the old database: delete that too, and `make run` again";
    assert!(row.contains(steps), "{row}");

    let home = Home::new();
    let program = home.serve();
    home.create_account(EMAIL);
    assert!(program.end().success());
    fs::remove_dir_all(home.data_dir()).unwrap();
    let line = home.refused(&["serve", "--bind", "127.0.0.1:0"]);
    assert!(!home.data_dir().exists());
    fs::remove_file(file_to_delete(&line)).unwrap();
    let program = home.serve();
    program.wait_for_line("/setup?token=");
    assert_eq!(home.list_accounts().trim(), "[]");
    assert!(program.end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_data_directory_put_in_its_place_is_taken_for_it() {
    let home = Home::new();
    let (program, known, _) = serve_with_senders(&home);
    assert!(program.end().success());
    let away = home.root.path().join("away");
    fs::rename(home.data_dir(), &away).unwrap();
    let copied = Command::new("cp").arg("-a").arg(&away).arg(home.data_dir()).status().unwrap();
    assert!(copied.success());
    let program = home.serve();
    assert_eq!(moved(&known, &program).status().await, 200);
    assert!(program.end().success());
}
