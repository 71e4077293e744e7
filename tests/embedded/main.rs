//! The embedded PostgreSQL, through the program that users run: crashes, company, odd places, other users.
//!
//! Everything here runs the real binary on data directories of its own, on a real server. What is inside the database
//! is for other tests; a list of accounts is enough to see that data is kept.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod log;
mod lost_disk;
mod stage;
mod upgrade;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::not_tried::say_not_tried;
use stage::{
    ELSEWHERE, Ended, Home, PROGRAM, Program, id_of, my_uid, program_command, send, servers_under, succeeded, text,
    wait_until,
};

// ---- Starting, sharing, stopping ----

#[test]
fn a_first_start_makes_the_cluster_and_a_clean_end_stops_the_server() {
    let home = Home::new();
    let program = home.serve();
    program.wait_for_line("/setup?token=");
    assert!(home.cluster().join("PG_VERSION").exists());
    assert!(home.runs_a_server());
    let mode = fs::metadata(home.cluster()).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the socket's directory is open to others");

    assert!(program.end().success());
    assert!(!home.runs_a_server());
    assert!(!home.cluster().join("postmaster.pid").exists());
}

#[test]
fn a_command_alone_starts_and_stops_the_server_by_itself() {
    let home = Home::new();
    let aside = home.create_account("alice@example.com");
    assert!(aside.contains(&format!("made one of its own in {};", home.cluster().display())), "{aside}");
    assert_eq!(aside.lines().count(), 1, "{aside}");
    assert!(!home.runs_a_server());
    assert!(home.list_accounts().contains("alice@example.com"));
    assert_eq!(home.create_account("bob@example.com"), "", "the second finds what the first made");
    assert!(!home.runs_a_server());
}

#[test]
fn commands_work_while_serve_runs_and_leave_its_server_alone() {
    let home = Home::new();
    let program = home.serve();
    let server = home.server_process();
    home.create_account("alice@example.com");
    assert!(home.list_accounts().contains("alice@example.com"));
    assert_eq!(home.server_process(), server);
    assert!(program.end().success());
    assert!(!home.runs_a_server());
}

#[test]
fn the_last_of_two_programs_stops_the_server_whoever_started_it() {
    let home = Home::new();
    let first = home.serve();
    let second = home.serve();
    let server = home.server_process();

    assert!(first.end().success());
    assert_eq!(home.server_process(), server);
    home.create_account("alice@example.com");
    assert!(home.runs_a_server());

    assert!(second.end().success());
    assert!(!home.runs_a_server());
    assert!(home.list_accounts().contains("alice@example.com"));
}

#[test]
fn programs_started_at_the_same_moment_on_nothing_agree_on_one_server() {
    let home = Home::new();
    let programs = [home.begin_serve(), home.begin_serve(), home.begin_serve()];
    for program in &programs {
        program.wait_for_line("http://127.0.0.1:");
    }
    home.create_account("alice@example.com");
    for program in &programs {
        send("TERM", program.process());
    }
    for program in programs {
        assert!(program.wait().success());
    }
    assert!(!home.runs_a_server());
}

// ---- Crashes ----

#[test]
fn data_and_server_survive_kill_9_of_the_program() {
    let home = Home::new();
    let program = home.serve();
    home.create_account("alice@example.com");
    let server = home.server_process();
    program.kill();
    assert_eq!(home.server_process(), server, "the orphan lives on");

    let program = home.serve();
    assert_eq!(home.server_process(), server, "the orphan is taken over");
    assert!(home.list_accounts().contains("alice@example.com"));
    assert!(program.end().success());
    assert!(!home.runs_a_server());
}

#[test]
fn kill_9_in_the_middle_of_the_first_start_leaves_no_half_cluster() {
    for milliseconds in [50, 300, 700, 1100, 1500] {
        let home = Home::new();
        let program = home.begin_serve();
        sleep(Duration::from_millis(milliseconds));
        program.kill();
        home.create_account("alice@example.com");
        assert!(home.list_accounts().contains("alice@example.com"));
        assert!(!home.runs_a_server());
    }
}

#[test]
fn a_server_killed_under_its_program_is_started_again_by_the_next_command() {
    let home = Home::new();
    let program = home.serve();
    home.create_account("alice@example.com");
    send("KILL", home.server_process());
    assert!(home.list_accounts().contains("alice@example.com"));
    assert!(home.runs_a_server(), "serve still uses it");
    assert!(program.end().success());
    assert!(!home.runs_a_server());
}

#[test]
fn a_server_killed_under_its_program_is_started_again_by_the_program() {
    let home = Home::new();
    let program = home.serve();
    home.create_account("alice@example.com");
    for _ in 0..3 {
        let killed = home.server_process();
        send("KILL", killed);
        wait_until("serve starts the server again", || {
            home.runs_a_server()
                && fs::read_to_string(home.cluster().join("postmaster.pid"))
                    .is_ok_and(|pid| !pid.starts_with(&format!("{killed}\n")))
        });
        assert!(home.list_accounts().contains("alice@example.com"));
    }
    assert!(program.end().success());
    assert!(!home.runs_a_server());
}

#[test]
fn kill_9_of_server_and_program_needs_no_repair() {
    let home = Home::new();
    for round in 0..3 {
        let email = format!("alice{round}@example.com");
        let program = home.serve();
        home.create_account(&email);
        send("KILL", home.server_process());
        program.kill();
        assert!(home.list_accounts().contains(&email));
        assert!(!home.runs_a_server());
    }
}

#[test]
fn a_process_id_that_is_in_use_again_does_not_keep_the_server_from_starting() {
    let home = Home::new();
    let program = home.serve();
    home.create_account("alice@example.com");
    let server = home.server_process();
    send("KILL", server);
    program.kill();
    wait_until("the server's processes have ended", || !home.runs_a_server());

    // A stranger of the same user now has the id that the dead server's files name.
    let owner = fs::metadata(home.cluster()).unwrap().uid();
    let mut command = Command::new("sleep");
    command.arg("600");
    if owner != my_uid() {
        command.uid(owner);
    }
    let stranger = Ended(command.spawn().unwrap());
    for name in ["postmaster.pid", ".s.PGSQL.5432.lock"] {
        let path = home.cluster().join(name);
        let content = fs::read_to_string(&path).unwrap();
        let stale = content.replacen(&server.to_string(), &stranger.0.id().to_string(), 1);
        fs::write(&path, stale).unwrap();
    }
    assert!(home.list_accounts().contains("alice@example.com"));
}

// ---- Places ----

#[test]
fn a_data_directory_with_a_path_of_more_than_200_bytes_works() {
    let home = Home::at(&"a-rather-long-name-of-a-directory/".repeat(7));
    assert!(home.data_dir().as_os_str().len() > 200);
    assert_survives_a_crash_and_ends(&home);
}

#[test]
fn a_data_directory_with_spaces_quotes_commas_and_accents_works() {
    let names = ["a b  c", "it's \"quoted\"", "one, two", "déjà ☃", "100% $HOME `x` \\"];
    for name in names {
        assert_survives_a_crash_and_ends(&Home::at(name));
    }
}

#[test]
fn a_relative_data_directory_is_the_same_place_as_its_absolute_path() {
    let home = Home::new();
    let relative = Path::new("data");
    let mut command = home.command();
    command.current_dir(home.root.path()).args(["migrate", "--data-dir"]).arg(relative);
    succeeded(command.output().unwrap());
    assert!(home.cluster().join("PG_VERSION").exists());
    assert_eq!(home.list_accounts().trim(), "[]");
}

#[test]
fn a_copy_of_a_data_directory_in_use_is_a_cluster_of_its_own() {
    // Long enough for a socket directory elsewhere, which the two must not share.
    let home = Home::at(&"a-rather-long-name-of-a-directory/".repeat(7));
    home.create_account("alice@example.com");
    let copy = Home::at(&"another-long-name-of-a-directory/".repeat(7));
    fs::create_dir_all(copy.data_dir().parent().unwrap()).unwrap();
    let mut command = Command::new("cp");
    command.arg("-a").arg(home.data_dir()).arg(copy.data_dir());
    succeeded(command.output().unwrap());
    // As if it had been copied while it ran, but without what that could tear.
    let original = home.serve();
    let named = fs::read(home.cluster().join("postmaster.pid")).unwrap();
    fs::write(copy.cluster().join("postmaster.pid"), named).unwrap();

    let second = copy.serve();
    copy.create_account("bob@example.com");
    assert!(copy.list_accounts().contains("alice@example.com"));
    assert!(!home.list_accounts().contains("bob@example.com"));
    assert!(original.end().success());
    assert!(copy.runs_a_server());
    assert!(second.end().success());
}

// ---- Users ----

#[test]
fn nobody_but_its_owner_gets_at_the_server_and_root_never_runs_it() {
    let home = Home::new();
    let program = home.serve();
    let owner = fs::metadata(home.cluster()).unwrap().uid();
    if my_uid() == 0 {
        assert_ne!(owner, 0);
    } else {
        assert_eq!(owner, my_uid());
    }
    assert!(program.end().success());
}

/// The same `psql` for whoever runs it.
fn psql(home: &Home, role: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "-Atc", "select current_user", "-U", role, "-d", "reasoner_webhooks", "-h"]);
    command.arg(home.cluster().canonicalize().unwrap()).current_dir("/").stdin(Stdio::null());
    command
}

// holds issue 15: the embedded cluster uses peer, another OS user's jobs do not get in
#[test]
fn a_job_of_another_user_is_refused_even_where_it_reaches_the_socket() {
    let home = Home::new();
    let program = home.serve();
    for role in ["reasoner", "reasoner_program"] {
        assert_eq!(text(&succeeded(psql(&home, role).output().unwrap())).trim(), role, "its own user gets in");
    }
    if my_uid() == 0 {
        fs::set_permissions(home.cluster(), fs::Permissions::from_mode(0o711)).unwrap();
        let stranger = fs::metadata(home.cluster()).unwrap().uid();
        let stranger = [id_of("-u", "nobody"), id_of("-u", "daemon")].into_iter().find(|uid| *uid != stranger).unwrap();
        for role in ["reasoner", "reasoner_program"] {
            let output = psql(&home, role).uid(stranger).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains("Peer authentication failed"), "{said}");
        }
        fs::set_permissions(home.cluster(), fs::Permissions::from_mode(0o700)).unwrap();
    } else {
        say_not_tried("a job of another user", "this user cannot be somebody else");
    }
    assert!(program.end().success());
}

/// A cluster of a release that let in whoever reached the socket: stopped, and running when the program comes.
// holds issue 15: the embedded cluster uses peer
#[test]
fn a_cluster_that_let_everybody_in_asks_who_it_is_from_the_next_start() {
    let home = Home::new();
    home.create_account("alice@example.com");
    let trusting = "local all all trust\n";
    let rules = home.cluster().join("pg_hba.conf");
    // What is not one of the program's roles shows which rules the server goes by.
    let lets_everybody_in = || psql(&home, "somebody").output().unwrap().status.success();
    for is_running in [false, true] {
        if is_running {
            let program = home.serve();
            succeeded(psql(&home, "reasoner").args(["-c", "create role somebody login"]).output().unwrap());
            fs::write(&rules, trusting).unwrap();
            send("HUP", home.server_process());
            wait_until("it lets everybody in", lets_everybody_in);
            program.kill();
        } else {
            fs::write(&rules, trusting).unwrap();
        }
        let program = home.serve();
        wait_until("it asks who it is", || !lets_everybody_in());
        let written = fs::read_to_string(&rules).unwrap();
        assert!(written.contains("peer") && !written.contains("trust"), "{written}");
        assert!(home.list_accounts().contains("alice@example.com"));
        assert!(program.end().success());
    }
}

#[test]
fn where_the_servers_user_cannot_reach_the_data_directory_the_cluster_goes_elsewhere() {
    let home = Home::new();
    fs::set_permissions(home.root.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let program = home.serve();
    if my_uid() != 0 {
        // An ordinary user is the server's user, and reaches what is its own.
        assert!(home.cluster().join("PG_VERSION").exists());
        assert!(program.end().success());
        return;
    }
    program.wait_for_line(ELSEWHERE);
    let elsewhere = home.elsewhere().unwrap();
    assert!(elsewhere.join("postgres/PG_VERSION").exists());
    assert!(!home.cluster().exists());
    home.create_account("alice@example.com");
    program.kill();
    assert!(home.list_accounts().contains("alice@example.com"));
    assert!(servers_under(&elsewhere).is_empty());

    // Where it once is, it stays, also when the data directory can be reached later.
    fs::set_permissions(home.root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(home.list_accounts().contains("alice@example.com"));

    // To delete the data directory and what remembers it is to start afresh.
    fs::remove_dir_all(home.data_dir()).unwrap();
    fs::remove_dir_all(home.state.path().join("reasoner-webhooks")).unwrap();
    home.create_account("bob@example.com");
    assert!(!home.list_accounts().contains("alice@example.com"));
    fs::remove_dir_all(elsewhere).unwrap();
}

#[test]
fn a_cluster_of_another_user_is_refused_in_one_line_that_names_the_user() {
    if my_uid() != 0 {
        // To be somebody else takes root. What an ordinary user can see: its own cluster is not refused.
        let home = Home::new();
        home.create_account("alice@example.com");
        assert_eq!(fs::metadata(home.cluster()).unwrap().uid(), my_uid());
        assert!(home.list_accounts().contains("alice@example.com"));
        return;
    }
    let (nobody, group) = (id_of("-u", "nobody"), id_of("-g", "nobody"));
    let roots = Home::new();
    roots.create_account("alice@example.com");
    let theirs = Home::new();
    fs::create_dir(theirs.data_dir()).unwrap();
    std::os::unix::fs::chown(theirs.data_dir(), Some(nobody), Some(group)).unwrap();
    // A copy, because the build directory may be closed to others; made by another process, because a file this one
    // had open for writing could not be run while a neighbouring test forks.
    let copy = theirs.root.path().join("reasoner-webhooks");
    succeeded(Command::new("cp").arg(PROGRAM).arg(&copy).output().unwrap());
    let run_as_nobody = |home: &Home, arguments: &[&str]| {
        let mut command = program_command(copy.as_os_str());
        command.uid(nobody).gid(group).current_dir("/").args(arguments).arg("--data-dir").arg(home.data_dir());
        command.output().unwrap()
    };
    let as_nobody = |home: &Home| run_as_nobody(home, &["account", "list", "--json"]);

    succeeded(run_as_nobody(&theirs, &["migrate"]));
    assert_eq!(fs::metadata(theirs.cluster()).unwrap().uid(), nobody);

    let owner = fs::metadata(roots.cluster()).unwrap().uid();
    let refused = as_nobody(&roots);
    if owner == nobody {
        // A machine without a user `postgres`: root's substitute is nobody, but the locks are root's.
        assert!(!refused.status.success());
    } else {
        assert_eq!(refused.status.code(), Some(1));
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(message.contains("belongs to the user postgres"), "{message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    }

    // Root shares an ordinary user's cluster as that user, and leaves nothing there that would lock the user out.
    theirs.create_account("bob@example.com");
    assert!(text(&succeeded(as_nobody(&theirs))).contains("bob@example.com"));
}

// ---- The wrong directory ----

#[test]
fn a_command_that_asks_what_is_there_makes_no_database_and_says_where_it_looked() {
    let home = Home::new();
    for arguments in [
        &["account", "list"][..],
        &["account", "password", "alice@example.com"],
        &["account", "delete", "alice@example.com"],
        &["credential", "list", "alice@example.com"],
        &["credential", "create", "alice@example.com", "Inventory system"],
        &["credential", "check"],
        &["events", "list", "alice@example.com"],
        &["events", "export", "alice@example.com"],
        &["doctor"],
    ] {
        // Also where a directory is named, which may be mistyped.
        let mistyped = home.root.path().canonicalize().unwrap().join("dta");
        let named = ["--data-dir", mistyped.to_str().unwrap()];
        for (directory, more) in [(home.data_dir(), &[][..]), (mistyped.clone(), &named)] {
            let mut command = home.command();
            command.args(arguments).args(more).current_dir(home.root.path());
            let output = command.output().unwrap();
            let line = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {line}");
            let looked_in = format!("there is no database in {}", directory.display());
            assert!(line.contains(&looked_in) && line.contains("--data-dir (DATA_DIR)"), "{arguments:?}: {line}");
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(!directory.exists(), "{arguments:?} made {}", directory.display());
        }
    }
    home.create_account("alice@example.com");
    assert!(home.list_accounts().contains("alice@example.com"), "to create the first account is to begin");
}

// ---- The terminal ----

/// What a first and a second `serve` print where both outputs are a terminal. Linux has `script`, which makes one.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_the_first_start_says_what_it_does_and_the_card_has_colours() {
    let home = Home::new();
    let on_a_terminal = |colours: &[(&str, &str)]| {
        let mut command = Command::new("script");
        let serve = format!("exec '{PROGRAM}' serve --bind 127.0.0.1:0 --data-dir '{}'", home.data_dir().display());
        command.args(["-q", "-e", "-c", &serve, "/dev/null"]);
        command.env_remove("DATABASE_URL").env_remove("NO_COLOR").env("TERM", "xterm").env("SHELL", "/bin/sh");
        command.env("XDG_STATE_HOME", home.state.path());
        command.envs(colours.iter().copied());
        let program = Program::start(command);
        program.wait_for_line("Database");
        let said = program.lines.lock().unwrap().join("\n");
        send("TERM", serving_in(&home.data_dir()));
        program.wait();
        said
    };
    let first = on_a_terminal(&[]);
    assert!(first.contains("  Creating a PostgreSQL ") && first.contains("  Preparing its tables ("), "{first}");
    assert!(!first.contains("INFO"), "steps are not log lines: {first}");
    assert!(first.contains("\u{1b}[1mReasoner Webhooks"), "{first}");
    let second = on_a_terminal(&[]);
    assert!(!second.contains("Creating") && !second.contains("Preparing"), "{second}");
    for colourless in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_a_terminal(&[colourless]);
        assert!(plain.contains("Reasoner Webhooks") && !plain.contains('\u{1b}'), "{plain}");
    }
}

/// The process of `serve` over a data directory.
#[cfg(target_os = "linux")]
fn serving_in(data_dir: &Path) -> u32 {
    let wanted = format!("--data-dir\0{}\0", data_dir.display());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut serving = processes.filter_map(|entry| {
        let arguments = fs::read(entry.path().join("cmdline")).ok()?;
        let arguments = String::from_utf8_lossy(&arguments).into_owned();
        (arguments.starts_with(PROGRAM) && arguments.ends_with(&wanted)).then_some(entry.file_name())
    });
    serving.next().unwrap().to_str().unwrap().parse().unwrap()
}

// ---- No server ----

#[test]
fn without_server_programs_the_exit_code_is_3_and_one_line_names_the_command_that_installs_them() {
    let home = Home::new();
    let hidden = Command::new("unshare")
        .args(["--mount", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut command = if hidden {
        // A mount namespace of its own, in which the places that packagers use are empty.
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "sh",
            "-c",
            "for it in /usr/lib/postgresql* /usr/libexec/postgresql* /usr/pgsql-* /usr/local/pgsql; do \
             [ ! -d \"$it\" ] || /bin/mount -t tmpfs none \"$it\" || exit 99; done; PATH=/nonexistent; exec \"$@\"",
            "sh",
            PROGRAM,
        ]);
        command
    } else {
        // An ordinary user cannot hide what is installed, but can leave it out of PATH.
        let mut command = Command::new(PROGRAM);
        command.env("PATH", "/nonexistent");
        command
    };
    let output = command
        .env_remove("DATABASE_URL")
        .env("XDG_STATE_HOME", home.state.path())
        .args(["migrate", "--data-dir"])
        .arg(home.data_dir())
        .output()
        .unwrap();
    if !hidden && output.status.success() {
        // Found without PATH, in a well-known place. The message itself is tested beside the code that writes it.
        assert!(home.cluster().join("PG_VERSION").exists());
        return;
    }
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("no PostgreSQL server was found on this machine"), "{message}");
    assert!(message.contains("install") || message.contains("apk add") || message.contains("pacman -S"), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    assert!(!home.cluster().exists());
}

fn assert_survives_a_crash_and_ends(home: &Home) {
    let program = home.serve();
    home.create_account("alice@example.com");
    program.kill();
    let program = home.serve();
    assert!(home.list_accounts().contains("alice@example.com"));
    assert!(program.end().success());
    assert!(!home.runs_a_server());
}
