//! Programs whose clock is wrong, for real: `libfaketime` answers them when they ask the system for the time.

use std::process::Command;

/// What has to be in the environment of a program whose clock is to be ahead by so many days. Time passes for it as for everybody.
pub fn days_ahead(days: u32) -> Vec<(String, String)> {
    // The command knows where its library lies.
    let output = Command::new("faketime").args(["-f", "+0d", "sh", "-c", "printf %s \"$LD_PRELOAD\""]).output();
    let output = output.expect("faketime is on this machine; `make test` installs it");
    let library = String::from_utf8(output.stdout).unwrap();
    assert!(library.contains("libfaketime"), "{library:?}");
    let variables = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME", &format!("+{days}d")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("NO_FAKE_STAT", "1"),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}
