//! What the README and its neighbours say of options, commands, tests and files is so.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Command, CommandFactory};
use reasoner_webhooks::cli::args::Args;

const README: &str = include_str!("../../README.md");
const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");
const CHANGELOG: &str = include_str!("../../CHANGELOG.md");

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

/// Every command that is for people: how it is called, without options, and what it does.
fn commands() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for group in Args::command().get_subcommands().filter(|group| !group.is_hide_set()) {
        let leaves: Vec<&Command> = group.get_subcommands().collect();
        let calls = match leaves.is_empty() {
            true => vec![(group.get_name().to_owned(), group)],
            false => {
                leaves.into_iter().map(|leaf| (format!("{} {}", group.get_name(), leaf.get_name()), leaf)).collect()
            }
        };
        for (mut call, command) in calls {
            for argument in command.get_positionals() {
                call.push_str(&format!(" {}", argument.get_id().as_str().to_uppercase()));
            }
            all.push((call, command.get_about().unwrap().to_string()));
        }
    }
    all
}

#[test]
fn the_table_of_commands_is_the_programs() {
    let table: String = commands().iter().map(|(call, about)| format!("| `{call}` | {about} |\n")).collect();
    let start = README.find("| command | does |\n|---|---|\n").expect("the README has a table of commands");
    let documented: String = README[start..]
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(documented, table, "the table has to be:\n{table}");
}

#[test]
fn the_targets_of_make_that_are_documented_exist() {
    let makefile = include_str!("../../Makefile");
    let pattern = regex::Regex::new("`make ([a-z]+)").unwrap();
    let documented: BTreeSet<&str> = [README, CONTRIBUTING]
        .iter()
        .flat_map(|text| pattern.captures_iter(text))
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    for target in ["run", "test", "lint", "bench", "screenshots", "install", "uninstall", "static"] {
        assert!(documented.contains(target), "{target}");
    }
    for target in documented {
        assert!(makefile.contains(&format!("\n{target}:")), "{target}");
    }
}

/// All that the tests are called, in all files of `tests/`.
fn names_of_tests() -> BTreeSet<String> {
    let pattern = regex::Regex::new(r"(?m)^\s*(?:pub )?(?:async )?fn ([a-z0-9_]+)\(\)").unwrap();
    let mut names = BTreeSet::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            if entry.path().is_dir() {
                directories.push(entry.path());
            } else if entry.path().extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                names.extend(pattern.captures_iter(&text).map(|found| found[1].to_owned()));
            }
        }
    }
    names
}

#[test]
fn every_promise_of_the_readme_names_a_test_or_a_bench_that_exists() {
    let tests = names_of_tests();
    let start = README.find("| what it does | shown by |").expect("the README has a table of promises");
    let rows: Vec<&str> = README[start..].lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 8, "{rows:?}");
    let name = regex::Regex::new("`([^`]+)`").unwrap();
    for row in rows {
        let shown_by = row.trim_matches('|').rsplit('|').next().unwrap();
        let names: Vec<&str> = name.captures_iter(shown_by).map(|found| found.get(1).unwrap().as_str()).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            assert!(name == "make bench" || tests.contains(name), "{name} is no test");
        }
    }
}

#[test]
fn documents_link_to_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pattern = regex::Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/upgrading.md",
        "docs/metrics.md",
        "docs/performance.md",
    ] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for link in pattern.captures_iter(&text) {
            let link = link.get(1).unwrap().as_str();
            let path = link.split('#').next().unwrap();
            if path.starts_with("http") || path.is_empty() {
                continue;
            }
            assert!(root.join(document).parent().unwrap().join(path).exists(), "{document} links to {link}");
        }
    }
    assert!(CHANGELOG.contains("## [Unreleased]") && CHANGELOG.contains(env!("CARGO_PKG_VERSION")));
}
