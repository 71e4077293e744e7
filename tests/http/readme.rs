//! What the README says of options and commands is what the program has.

use clap::CommandFactory;
use reasoner_webhooks::cli::args::Args;

const README: &str = include_str!("../../README.md");

#[test]
fn the_table_of_options_is_the_programs() {
    let mut documented = Vec::new();
    for line in README.lines().filter(|line| line.starts_with("| `--")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        documented.push((
            cells[1].trim_matches('`').to_owned(),
            cells[2].trim_matches('`').to_owned(),
            cells[3].to_owned(),
        ));
    }
    let command = Args::command();
    let mut options = Vec::new();
    for option in command.get_arguments().filter(|option| option.get_env().is_some()) {
        let default = option.get_default_values().first().map(|value| format!("`{}`", value.to_string_lossy()));
        let (flag, variable) =
            (format!("--{}", option.get_long().unwrap()), option.get_env().unwrap().to_string_lossy().into_owned());
        let documented =
            documented.iter().find(|(name, ..)| *name == flag).unwrap_or_else(|| panic!("{flag} is not in the README"));
        assert_eq!(documented.1, variable);
        if let Some(default) = default {
            assert_eq!(documented.2, default, "{flag}");
        }
        options.push(flag);
    }
    assert_eq!(options.len(), documented.len());
}

#[test]
fn the_commands_of_the_readme_exist() {
    let command = Args::command();
    for words in [
        "account create",
        "account list",
        "account plan",
        "account password",
        "credential create",
        "credential check",
        "events list",
        "events export",
        "events body",
        "doctor",
        "serve",
    ] {
        let mut at = &command;
        for word in words.split(' ') {
            at = at.find_subcommand(word).unwrap_or_else(|| panic!("{words}"));
        }
    }
    let makefile = include_str!("../../Makefile");
    for target in ["run", "test", "lint", "bench", "screenshots"] {
        assert!(README.contains(&format!("`make {target}`")) && makefile.contains(&format!("\n{target}:")), "{target}");
    }
}
