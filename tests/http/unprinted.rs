//! What commands say when their output cannot be written, and that addresses are printed as they were given.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::command_line::Terminal;

/// What a command says whose output goes to a full disk.
fn on_a_full_disk(terminal: &Terminal, args: &[&str]) -> String {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = terminal.command(args).stdin(Stdio::null()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

// holds C6
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_could_not_be_printed_is_told_of_with_the_way_to_another() {
    let terminal = Terminal::new().await;
    let said = on_a_full_disk(&terminal, &["account", "create", "maya@example.com"]);
    assert!(said.contains("The account is created, but its password could not be printed"), "{said}");
    assert!(said.contains("`account password maya@example.com`"), "{said}");
    assert!(terminal.json(&["account", "password", "maya@example.com"])["password"].is_string());

    for (name, json) in [("Inventory", &["--json"][..]), ("Till", &[])] {
        let said = on_a_full_disk(&terminal, &[&["credential", "create", "maya@example.com", name], json].concat());
        let username = said.split(' ').next().unwrap();
        let list = terminal.json(&["credential", "list", "maya@example.com"]);
        assert!(list.as_array().unwrap().iter().any(|one| one["username"] == username), "{said}: {list}");
        assert!(said.contains("is created, but its password could not be printed"), "{said}");
        let remedy = format!("credential rotate {username} --overlap now");
        assert!(said.contains(&remedy), "{said}");
        let said = on_a_full_disk(&terminal, &remedy.split(' ').chain(json.iter().copied()).collect::<Vec<_>>());
        assert!(said.contains("is rotated, but its password could not be printed") && said.contains(&remedy), "{said}");
        assert!(terminal.json(&remedy.split(' ').collect::<Vec<_>>())["password"].is_string(), "it works as it says");
    }
}

// holds C14
#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_is_shown_as_it_was_written_and_the_card_says_where_the_proxy_finds_the_program() {
    let terminal = Terminal::new().await;
    terminal.create_account("maya@example.com");
    let given = "https://webhook.reasoner.com";
    let mut create = terminal.command(&["credential", "create", "maya@example.com", "Inventory", "--json"]);
    let output = create.env("INGEST_URL", given).output().unwrap();
    let created: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(created["ingest_url"], given);

    let mut serving = terminal
        .command(&["serve", "--bind", "127.0.0.1:0", "--public-url", "https://pages.example", "--ingest-url", given])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut line = |label: &str| {
        let found = lines.find_map(|line| line.trim().strip_prefix(label).map(|rest| rest.trim().to_owned()));
        found.unwrap()
    };
    assert_eq!((line("Pages"), line("Ingest")), ("https://pages.example".to_owned(), given.to_owned()));
    let public = line("Public on");
    let answer = reqwest::get(format!("{public}healthz")).await;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(serving.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(serving.wait().unwrap().success());
    assert_eq!(answer.unwrap().status(), 200, "{public}");
}
