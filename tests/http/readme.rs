//! What the README and its neighbours say of options, commands, tests and files is so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::{Command, CommandFactory};
use reasoner_webhooks::cli::args::Args;

const README: &str = include_str!("../../README.md");
const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");
const CHANGELOG: &str = include_str!("../../CHANGELOG.md");
const SECURITY: &str = include_str!("../../docs/security.md");

#[test]
fn the_table_of_options_is_the_programs() {
    let documented: Vec<&str> = README.lines().filter(|line| line.starts_with("| `--")).collect();
    let mut options = Vec::new();
    for option in Args::command().get_arguments().filter(|option| option.get_env().is_some()) {
        let help = option.get_help().unwrap().to_string();
        // What has no plain default says so in its help.
        let (meaning, told) = match help.split_once(" [default: ") {
            Some((meaning, default)) => (meaning.to_owned(), Some(default.trim_end_matches(']').to_owned())),
            None => (help, None),
        };
        let given = option.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
        let default = given.or(told).unwrap_or_else(|| {
            if option.get_num_args().is_some_and(|count| count.min_values() == 0) { "off" } else { "none" }.to_owned()
        });
        let (flag, variable) = (option.get_long().unwrap(), option.get_env().unwrap().to_string_lossy());
        options.push(format!("| --{flag} | {variable} | {default} | {meaning} |").replace('`', ""));
    }
    assert_eq!(documented.iter().map(|line| line.replace('`', "")).collect::<Vec<_>>(), options);
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

/// Whether a file has a test of this name: a function that the test runner calls, and not one that others call.
fn has_test(file: &str, name: &str) -> bool {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
    let attributes = r"#\[(?:tokio::)?test(?:\([^)]*\))?\]\s+(?:#\[[^\]]*\]\s+)*";
    regex::Regex::new(&format!(r"{attributes}(?:async )?fn {name}\(\)")).unwrap().is_match(&text)
}

#[test]
fn a_function_that_is_no_test_holds_no_promise() {
    assert!(has_test("tests/http/readme.rs", "a_function_that_is_no_test_holds_no_promise"));
    assert!(
        has_test("tests/http/bodies.rs", "any_valid_json_comes_back_byte_for_byte"),
        "with an attribute of tokio's"
    );
    assert!(!has_test("tests/http/readme.rs", "commands"), "a helper");
    assert!(!has_test("tests/http/bodies.rs", "no_such_test"));
}

#[test]
fn every_promise_of_the_readme_leads_to_a_test_or_a_measurement_that_exists() {
    let definition = regex::Regex::new(r#"(?m)^\[([a-z-]+)\]: (\S+) "([a-z0-9_]+)"$"#).unwrap();
    let mut tests: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for found in definition.captures_iter(README) {
        let [name, file, test] = [1, 2, 3].map(|part| found.get(part).unwrap().as_str());
        assert!(has_test(file, test), "{test} is no test of {file}");
        tests.insert(name, (file, test));
    }
    let start = README.find("## What it promises").expect("the README has promises");
    let section = README[start..].split("\n[").next().unwrap();
    let promises: Vec<&str> = section.split("\n- **").skip(1).collect();
    assert!(promises.len() >= 10, "{promises:?}");
    let link = regex::Regex::new(r"\]\[([a-z-]+)\]").unwrap();
    let mut used = BTreeSet::new();
    for promise in promises {
        let links: Vec<&str> = link.captures_iter(promise).map(|found| found.get(1).unwrap().as_str()).collect();
        assert!(!links.is_empty() || promise.contains("](docs/performance.md)"), "{promise} is held by nothing");
        for link in links {
            assert!(tests.contains_key(link), "[{link}] leads nowhere");
            used.insert(link);
        }
    }
    assert_eq!(used, tests.keys().copied().collect(), "each test stands behind a promise");
}

#[test]
fn every_requirement_of_asvs_is_held_by_a_test_that_exists_or_has_a_reason() {
    let test = regex::Regex::new(r"`((?:src|tests)/[a-z_/]+\.rs)::([a-z0-9_]+)`").unwrap();
    let mut tests = 0;
    for found in test.captures_iter(SECURITY) {
        let [file, name] = [1, 2].map(|part| found.get(part).unwrap().as_str());
        assert!(has_test(file, name), "{name} is no test of {file}");
        tests += 1;
    }
    assert_eq!(tests, SECURITY.matches(".rs::").count(), "a test is written as `tests/http/readme.rs::its_name`");

    let start = SECURITY.find("## ASVS 5.0").expect("the document on security has tables of ASVS");
    let number = regex::Regex::new(r"^\| V?[0-9]").unwrap();
    let rows: Vec<&str> = SECURITY[start..].lines().filter(|line| number.is_match(line)).collect();
    assert!(rows.len() > 100, "{}", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() == 5 && cells[1..4].iter().all(|cell| !cell.is_empty()), "{row}");
    }
}

#[test]
fn the_speed_that_the_readme_promises_was_measured_by_benches_that_exist() {
    let measured = include_str!("../../docs/performance.md");
    let row = measured.lines().find(|line| line.starts_with("| 64 |")).expect("events a second from 64 connections");
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let figure: u32 = cells[4].trim_matches('*').trim_end_matches("/s").replace(',', "").parse().unwrap();
    let rounded = format!("{},000 events a second from 64 connections", (figure + 500) / 1_000);
    assert!(README.contains(&rounded), "the README does not say: {rounded}");
    let share = format!("{} of what the same HTTP library does", cells[5]);
    assert!(README.contains(&share), "the README does not say: {share}");

    let bench = regex::Regex::new(r"cargo bench --bench ([a-z_]+)").unwrap();
    let makefile = include_str!("../../Makefile");
    let target = makefile.split("\nbench:").nth(1).unwrap().split("\n\n").next().unwrap();
    let run: BTreeSet<&str> = bench.captures_iter(target).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(run.contains("ingest"), "{run:?}");
    for name in bench.captures_iter(measured).map(|found| found.get(1).unwrap().as_str()).chain(run) {
        let source = |path: String| Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(path).is_file();
        assert!(source(format!("{name}.rs")) || source(format!("{name}/main.rs")), "there is no bench {name}");
        assert!(target.contains(&format!("--bench {name}")), "make bench leaves {name} out");
    }
}

/// The anchors that a document's headings have.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
    };
    headings.map(anchor).collect()
}

#[test]
fn documents_link_to_files_and_headings_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pattern = regex::Regex::new(r"\]\(([^)\s]+)\)|(?m:^\[[a-z-]+\]: (\S+))").unwrap();
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/upgrading.md",
        "docs/metrics.md",
        "docs/performance.md",
        "docs/security.md",
    ] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for link in pattern.captures_iter(&text) {
            let link = link.get(1).or(link.get(2)).unwrap().as_str();
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if path.starts_with("http") {
                continue;
            }
            let file = match path {
                "" => root.join(document),
                path => root.join(document).parent().unwrap().join(path),
            };
            assert!(file.exists(), "{document} links to {link}");
            let is_there = || anchors(&std::fs::read_to_string(&file).unwrap()).contains(anchor);
            assert!(anchor.is_empty() || is_there(), "{document} links to {link}, which is no heading");
        }
    }
    assert!(CHANGELOG.contains("## [Unreleased]") && CHANGELOG.contains(env!("CARGO_PKG_VERSION")));
}
