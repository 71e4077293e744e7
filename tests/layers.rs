//! The rules of the architecture, read off the files: who may import whom, what may not be named where, and how files look. What the
//! code does is for the other tests.
//!
//! A rule that fails says which file breaks it and what to do. Rules are cheap to obey and expensive to win back; the two lists
//! that may grow, for a reason that stands beside the entry, are `LAYERS` and `REVEALS`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

/// The layers, from the ground up. A module may import itself and the modules that stand behind its name, all of which stand
/// above it in this list: so imports only look down.
const LAYERS: [(&str, &[&str]); 16] = [
    ("domain", &[]),
    ("clock", &[]),
    ("metrics", &[]),
    ("random", &["domain"]),
    ("hashing", &["domain", "metrics"]),
    ("config", &["domain"]),
    ("logging", &["config"]),
    ("store", &["domain", "metrics", "random"]),
    ("embedded", &[]),
    ("database", &["config", "embedded", "store"]),
    ("app", &["domain", "clock", "random", "hashing", "store"]),
    ("ingest", &["domain", "clock", "metrics", "random", "hashing", "store"]),
    ("web", &["domain", "clock", "metrics", "random", "hashing", "store", "app", "ingest"]),
    ("cli", &["domain", "clock", "random", "hashing", "config", "store", "database", "app"]),
    (
        "server",
        &["domain", "clock", "metrics", "random", "hashing", "config", "store", "database", "app", "ingest", "web"],
    ),
    ("main", &["config", "logging", "database", "cli", "server"]),
];

/// The features of `web`: what no other feature may import, and nothing beside them but the table of routes. What two of them need
/// stands beside them.
const FEATURES: [&str; 6] = ["account", "docs", "events", "live", "sign_in", "webhooks"];

/// Libraries that have a home: they and their relatives (`diesel_async`) are named in the modules behind them and nowhere else.
const HOMES: [(&str, &[&str]); 3] =
    [("diesel", &["store"]), ("actix", &["web", "server"]), ("askama", &["web", "server"])];

/// What `domain` never names, beside the libraries above: no runtime, no clock, no chance.
const UNKNOWN_TO_DOMAIN: [&str; 5] = ["tokio", "rand", "getrandom", "SystemTime", "Instant"];
/// And of the standard library: no environment, no files, no processes.
const WORLD: [&str; 4] = ["env", "fs", "process", "thread"];

/// Every place that reads a plain secret, and why it must.
const REVEALS: [(&str, &str); 20] = [
    ("src/domain/account_password.rs", "counts the characters of a new password and judges its strength"),
    ("src/domain/credential_password.rs", "checks the format and the checksum, and names the hint"),
    ("src/domain/installation.rs", "compares the set-up token in constant time"),
    ("src/domain/second_factor.rs", "reads what was typed as a code, and hashes recovery codes"),
    ("src/hashing.rs", "argon2 reads what it hashes and verifies"),
    ("src/database.rs", "a driver is given the database's address; what is printed of it has no password"),
    ("src/ingest/verifier.rs", "makes the key of the cache of verified passwords"),
    ("src/web/account/details.rs", "cuts the current password to a length worth hashing"),
    ("src/app/confirm_password.rs", "refuses a password too long to be one before it is hashed"),
    ("src/web/confirm.rs", "gives back what a form held beside its passwords"),
    ("src/web/sign_in/with_password.rs", "refuses a password too long to be one before it is hashed"),
    ("src/web/webhooks/created.rs", "writes the new password into the one page that shows it"),
    ("src/web/account/qr.rs", "draws the setup key for an app to scan"),
    ("src/web/account/second_factor.rs", "writes recovery codes into the file beside them"),
    ("templates/second_factor_new.html", "shows the setup key to whoever turns two-step sign-in on"),
    ("templates/recovery_codes.html", "is the one page that shows recovery codes"),
    ("templates/credential_created.html", "is the one page that shows it"),
    ("src/cli/account.rs", "prints a generated password, once"),
    ("src/cli/credential.rs", "prints a new password, once"),
    ("src/server/application.rs", "prints the set-up link on the start-up card"),
];

/// What would let a plain secret out without the word `reveal`.
const LEAKS: [&str; 6] = ["Display", "ToString", "Serialize", "Deref", "AsRef", "Borrow"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["util", "utils", "helper", "helpers", "common", "misc", "stuff"];

const MAX_LINES: usize = 600;

// ---- The rules ----

#[test]
fn imports_only_look_down() {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for file in &rust_files(&["src"]) {
        let Some(allowed) = layer(file.module()) else {
            if !file.is_list_of_modules() {
                findings.push(format!(
                    "{}: the module `{}` has no layer. Give it a line in LAYERS, as far up the list as it can stand.",
                    file.path,
                    file.module()
                ));
            }
            continue;
        };
        for import in file.imports() {
            let target = import.segments[0].as_str();
            used.insert((file.module().to_owned(), target.to_owned()));
            if target != file.module() && !allowed.contains(&target) {
                findings.push(format!(
                    "{}:{} imports {import}, but `{}` may import {} only. Move what is needed to a layer that both may see, \
                     or hand it in as an argument.",
                    file.path,
                    import.line,
                    file.module(),
                    list(allowed)
                ));
            }
        }
    }
    for (row, (module, allowed)) in LAYERS.iter().enumerate() {
        for target in *allowed {
            if !LAYERS[..row].iter().any(|(lower, _)| lower == target) {
                findings
                    .push(format!("LAYERS: `{module}` looks up to `{target}`. A layer may only list those above it."));
            }
            if !used.contains(&((*module).to_owned(), (*target).to_owned())) {
                findings.push(format!(
                    "LAYERS: `{module}` no longer imports `{target}`. Take it off the line, to keep it so."
                ));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn features_import_no_features() {
    let files = rust_files(&["src"]);
    let feature_of = |file: &RustFile| {
        let inside = file.path.strip_prefix("src/web/")?;
        FEATURES.into_iter().find(|feature| inside.strip_prefix(feature).is_some_and(|rest| rest.starts_with('/')))
    };
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.module() == "web" && file.path != "src/web/routes.rs") {
        for import in file.imports().iter().filter(|import| import.segments[0] == "web") {
            let other = import.segments.get(1).filter(|name| FEATURES.contains(&name.as_str()));
            if let Some(other) = other.filter(|other| feature_of(file) != Some(other.as_str())) {
                findings.push(format!(
                    "{}:{} imports {import}, which belongs to the feature `{other}`. Move what both need beside the features, into \
                     src/web/.",
                    file.path, import.line
                ));
            }
        }
    }
    for feature in FEATURES {
        if !files.iter().any(|file| feature_of(file) == Some(feature)) {
            findings.push(format!("FEATURES: there is no src/web/{feature}/ any more. Take it off the list."));
        }
    }
    // A new folder is one or the other.
    let shared = ["filters", "json_view", "middleware", "rows"];
    for file in files.iter().filter(|file| file.is_list_of_modules()) {
        let folder = file.path.strip_prefix("src/web/").and_then(|rest| rest.strip_suffix("/mod.rs"));
        let is_known = |name: &str| name.contains('/') || FEATURES.contains(&name) || shared.contains(&name);
        findings.extend(folder.filter(|name| !is_known(name)).map(|name| {
            format!("src/web/{name}/ is neither a feature nor shared by them. Say which, in tests/layers.rs.")
        }));
    }
    expect_none(findings);
}

#[test]
fn no_two_files_import_each_other() {
    let files = rust_files(&["src"]);
    let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut graph = Graph::new();
    for file in &files {
        let edges = graph.entry(&file.path).or_default();
        for import in file.imports() {
            if let Some(target) = import.file(&known).filter(|target| *target != file.path) {
                edges.entry(target).or_insert(import.line);
            }
        }
    }
    let cycles = shortest_cycles(&graph);
    expect_none(cycles.into_iter().map(|cycle| {
        let steps: Vec<String> = (0..cycle.len())
            .map(|at| {
                let (from, to) = (cycle[at], cycle[(at + 1) % cycle.len()]);
                format!("{from}:{} imports {to}", graph[from][to])
            })
            .collect();
        format!(
            "{}. Cut one: move what it takes into the file that needs it, or into one below both.",
            steps.join(", ")
        )
    }));
}

#[test]
fn an_import_names_the_file_it_means() {
    let files = rust_files(&["src"]);
    let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut findings = Vec::new();
    for file in &files {
        for import in file.imports() {
            if import.file(&known).is_none_or(|target| target.ends_with("/mod.rs")) {
                findings.push(format!(
                    "{}:{} imports {import}, which is a folder or nothing. Import the file inside it.",
                    file.path, import.line
                ));
            }
        }
        for path in file.paths_below("super") {
            if path.depth == 0 {
                findings.push(format!(
                    "{}:{} says `super`. Say `crate::…`, so that a search finds it.",
                    file.path, path.line
                ));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn nothing_is_imported_by_the_handful() {
    let mut findings = Vec::new();
    for file in &rust_files(&["src"]) {
        for statement in file.uses().iter().filter(|statement| statement.tokens.iter().any(|token| token.text == "*")) {
            findings.push(format!("{}:{} imports with a star. Name what you need.", file.path, statement.line));
        }
    }
    expect_none(findings);
}

#[test]
fn nothing_is_exported_twice() {
    let mut findings = Vec::new();
    for file in &rust_files(&["src"]) {
        for statement in file.uses().iter().filter(|statement| statement.is_public) {
            let name = statement.tokens.last().map_or("", |token| token.text.as_str());
            // A macro has no other way out of its file.
            let is_macro = statement.tokens.len() == 1 && file.defines_macro(name);
            if !is_macro {
                findings.push(format!(
                    "{}:{} exports `{name}` again. A thing has one address: import it from where it is defined.",
                    file.path, statement.line
                ));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn a_mod_file_is_a_table_of_contents() {
    let mut findings = Vec::new();
    for file in rust_files(&["src"]).iter().filter(|file| file.is_list_of_modules()) {
        for (number, line) in file.text.lines().enumerate() {
            let line = line.trim();
            let declares = ["mod ", "pub mod ", "pub(crate) mod "]
                .iter()
                .filter_map(|start| line.strip_prefix(start)?.strip_suffix(';'))
                .any(|name| name.chars().all(is_word));
            if !(line.is_empty() || declares || line.starts_with("//!") || line.starts_with("#[")) {
                findings.push(format!(
                    "{}:{}: `{line}` is neither `//!` text nor a `mod` line. Give it a file of its own.",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn the_domain_knows_no_world() {
    let mut findings = Vec::new();
    for file in rust_files(&["src"]).iter().filter(|file| file.module() == "domain") {
        let words = file.tokens.iter().enumerate().filter(|(_, token)| !token.in_tests).filter_map(|(at, token)| {
            let asks_a_clock = token.text == "now" && at > 0 && file.word(at - 1) == "::";
            (asks_a_clock || UNKNOWN_TO_DOMAIN.contains(&token.text.as_str())).then(|| (token.line, token.text.clone()))
        });
        let paths = file.paths_below("std").into_iter().filter_map(|path| {
            let module = path.segments.first().filter(|module| WORLD.contains(&module.as_str()) && !path.in_tests)?;
            Some((path.line, format!("std::{module}")))
        });
        for (line, name) in words.chain(paths) {
            findings.push(format!(
                "{}:{line} names `{name}`. The domain has no clock, no chance and no world: take the value as an argument.",
                file.path
            ));
        }
    }
    expect_none(findings);
}

#[test]
fn libraries_stay_at_home() {
    let mut findings = Vec::new();
    for file in &rust_files(&["src"]) {
        for token in &file.tokens {
            let home = HOMES.iter().find(|(name, _)| is_of_family(&token.text, name));
            if let Some((_, modules)) = home.filter(|(_, modules)| !modules.contains(&file.module())) {
                findings.push(format!(
                    "{}:{} names `{}`, which lives in {} only. Let a function there do it, and call that.",
                    file.path,
                    token.line,
                    token.text,
                    list(modules)
                ));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let mut findings = Vec::new();
    for file in rust_files(&["src"]).iter().filter(|file| !file.path.starts_with("src/config/")) {
        for path in file.paths_below("std") {
            if path.segments.first().is_some_and(|it| it == "env") && !path.in_tests {
                findings.push(format!(
                    "{}:{} names `std::env`. Read it in src/config/, where `--help` and the checks are, and hand the value on.",
                    file.path, path.line
                ));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn plain_secrets_are_read_only_where_it_is_said_why() {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for file in rust_files(&["src"]).iter().filter(|file| file.path != "src/domain/secret.rs") {
        for token in file.tokens.iter().filter(|token| token.text == "reveal" && !token.in_tests) {
            seen.insert(file.path.clone());
            findings.extend(unexplained_reveal(&file.path, token.line));
        }
    }
    for (path, text) in text_files().iter().filter(|(path, _)| path.starts_with("templates/")) {
        for (number, _) in text.lines().enumerate().filter(|(_, line)| line.contains("reveal()")) {
            seen.insert(path.clone());
            findings.extend(unexplained_reveal(path, number + 1));
        }
    }
    for (path, _) in REVEALS.iter().filter(|(path, _)| !seen.contains(*path)) {
        findings.push(format!("{path} reveals no secret any more. Take it off REVEALS, to keep it so."));
    }
    expect_none(findings);
}

fn unexplained_reveal(path: &str, line: usize) -> Option<String> {
    let explained = REVEALS.iter().any(|(explained, _)| *explained == path);
    (!explained).then(|| {
        format!("{path}:{line} reveals a plain secret. Pass the `Secret` on; if this is where it must be read, say why in REVEALS.")
    })
}

#[test]
fn a_secret_does_not_print_itself() {
    let mut findings = Vec::new();
    let mut has_secret = false;
    for file in &rust_files(&["src"]) {
        let words: Vec<&str> = file.tokens.iter().map(|token| token.text.as_str()).collect();
        for at in 0..words.len() {
            let line = file.tokens[at].line;
            if words[at..].starts_with(&["struct", "Secret"]) {
                has_secret = true;
                // The attributes stand between the end of the item before it and the word `struct`.
                let start = words[..at].iter().rposition(|word| [";", "}"].contains(word)).unwrap_or(0);
                let printing = words[start..at].iter().find(|word| LEAKS.contains(*word) || **word == "Debug");
                findings.extend(
                    printing.map(|word| format!("{}:{line}: `Secret` derives {word}. It must not.", file.path)),
                );
            }
            if words[at..].starts_with(&["for", "Secret"]) {
                let start = words[..at].iter().rposition(|word| *word == "impl").unwrap_or(at);
                // Of a path such as `fmt::Display` or `From<Secret>`, what the trait is called and what it gives.
                let leak = words[start..at].iter().find(|word| LEAKS.contains(*word));
                findings.extend(
                    leak.map(|word| {
                        format!("{}:{line}: `Secret` gets {word}. It is read by `reveal` alone.", file.path)
                    }),
                );
            }
            if words[at..].starts_with(&["From", "<", "Secret", ">"]) {
                findings.push(format!(
                    "{}:{line} turns a `Secret` into something else by `From`. Use `reveal`.",
                    file.path
                ));
            }
        }
    }
    if !has_secret {
        findings.push(
            "There is no `struct Secret` any more. Plain secrets need a type that does not print itself.".to_owned(),
        );
    }
    expect_none(findings);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut findings = Vec::new();
    for file in &rust_files(&["src", "tests", "examples", "benches"]) {
        if !file.text.starts_with("//! ") {
            findings.push(format!(
                "{} does not start with `//!`. Say in its first line what it is for, and what it leaves to others.",
                file.path
            ));
        }
    }
    expect_none(findings);
}

#[test]
fn files_are_short_enough_to_read() {
    let mut findings = Vec::new();
    for file in &rust_files(&["src"]) {
        let lines = file.text.lines().count();
        if lines > MAX_LINES {
            findings.push(format!(
                "{} has {lines} lines, {MAX_LINES} at most. It is two things: give each a file.",
                file.path
            ));
        }
    }
    expect_none(findings);
}

#[test]
fn names_say_something() {
    let mut findings = Vec::new();
    for file in &rust_files(&["src", "tests", "examples", "benches"]) {
        if file.path.trim_end_matches(".rs").split('/').any(|part| EMPTY_NAMES.contains(&part)) {
            findings.push(format!("{}: the name says nothing. Call it by what is inside.", file.path));
        }
        for pair in file.tokens.windows(2) {
            if ["fn", "mod"].contains(&pair[0].text.as_str()) && EMPTY_NAMES.contains(&pair[1].text.as_str()) {
                findings.push(format!(
                    "{}:{}: the name `{}` says nothing. Call it by what it does.",
                    file.path, pair[1].line, pair[1].text
                ));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    // Put together here, or this file would be the first to be found.
    let needles: Vec<String> = [
        ["/wor", "k/"],
        ["/far", "m/"],
        ["/tm", "p/target"],
        ["C:\\U", "sers\\"],
        ["registry.np", "mjs.org"],
        ["py", "pi.org"],
        ["index.cr", "ates.io"],
        ["static.cr", "ates.io"],
        ["deb.de", "bian.org"],
    ]
    .map(|chunks| chunks.concat())
    .into();
    let mut findings = Vec::new();
    for (path, text) in &text_files() {
        for (number, line) in text.lines().enumerate() {
            if let Some(needle) = needles.iter().find(|needle| line.contains(needle.as_str())) {
                findings.push(format!(
                    "{path}:{} says `{needle}`, which is true on one machine only. Write a relative path, or a made-up one.",
                    number + 1
                ));
            }
        }
    }
    expect_none(findings);
}

// ---- The words of a rule ----

/// Which file imports which, and in which line first.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, usize>>;

fn expect_none(findings: impl IntoIterator<Item = String>) {
    let findings: Vec<String> = findings.into_iter().collect();
    assert!(findings.is_empty(), "\n\n{}\n", findings.join("\n\n"));
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "nothing of ours".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

fn layer(module: &str) -> Option<&'static [&'static str]> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed)
}

/// `askama` and `askama_web` are of the family `askama`; `askamas` is not.
fn is_of_family(word: &str, family: &str) -> bool {
    word.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// The shortest ways round: files in order, each importing the next and the last the first.
fn shortest_cycles<'a>(graph: &Graph<'a>) -> Vec<Vec<&'a str>> {
    let imports = graph.iter().flat_map(|(from, targets)| targets.keys().map(|to| (*from, *to)));
    let mut cycles: Vec<Vec<&str>> = imports.filter_map(|(from, to)| way(graph, to, from)).collect();
    cycles.sort_by_key(Vec::len);
    let mut told = BTreeSet::new();
    // An import that stands in a reported cycle is not reported again: cutting it may be what mends both.
    cycles.retain(|cycle| {
        let imports: Vec<(&str, &str)> =
            (0..cycle.len()).map(|at| (cycle[at], cycle[(at + 1) % cycle.len()])).collect();
        let is_new = imports.iter().all(|import| !told.contains(import));
        told.extend(imports.into_iter().filter(|_| is_new));
        is_new
    });
    cycles
}

/// The shortest way from one file to another along imports, both included.
fn way<'a>(graph: &Graph<'a>, start: &'a str, end: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from = BTreeMap::from([(start, start)]);
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        if file == end {
            let mut way = vec![end];
            while way[0] != start {
                way.insert(0, came_from[way[0]]);
            }
            return Some(way);
        }
        for target in graph.get(file)?.keys() {
            came_from.entry(target).or_insert_with(|| {
                queue.push_back(target);
                file
            });
        }
    }
    None
}

// ---- Files ----

/// A Rust file, and its words without comments and texts.
struct RustFile {
    path: String,
    text: String,
    tokens: Vec<Token>,
}

/// One word or sign of the code. `::` is one sign.
struct Token {
    text: String,
    line: usize,
    /// Inside a module that is compiled for tests only.
    in_tests: bool,
    /// How many modules of its own file it stands in.
    depth: usize,
}

/// A `use` statement: what stands between the word and the semicolon.
struct Use<'a> {
    line: usize,
    is_public: bool,
    tokens: &'a [Token],
}

/// A path that the code names, without its root.
struct NamedPath {
    segments: Vec<String>,
    line: usize,
    in_tests: bool,
    depth: usize,
}

impl RustFile {
    /// The module of the top level that the file belongs to.
    fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split(['/', '.']).next().unwrap_or(inside)
    }

    fn is_list_of_modules(&self) -> bool {
        self.path.ends_with("/mod.rs") || self.path == "src/lib.rs"
    }

    /// What it names of this crate.
    fn imports(&self) -> Vec<NamedPath> {
        let roots = ["crate", "reasoner_webhooks"];
        roots.iter().flat_map(|root| self.paths_below(root)).filter(|path| !path.segments.is_empty()).collect()
    }

    /// Every path that starts with `root::`, the branches of a `use` tree one by one.
    fn paths_below(&self, root: &str) -> Vec<NamedPath> {
        let mut paths = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let starts = at == 0 || self.tokens[at - 1].text != "::";
            if starts && token.text == root && self.word(at + 1) == "::" {
                self.follow(at + 2, &mut Vec::new(), &mut paths);
            }
        }
        paths
    }

    /// Reads a path from the token `at`; gives back where it ended.
    fn follow(&self, mut at: usize, before: &mut Vec<String>, paths: &mut Vec<NamedPath>) -> usize {
        let start = before.len();
        loop {
            let word = self.word(at);
            if word == "{" {
                at += 1;
                while !["}", ""].contains(&self.word(at)) {
                    at = if self.word(at) == "," { at + 1 } else { self.follow(at, before, paths) };
                }
                before.truncate(start);
                return at + 1;
            }
            let is_name = word.starts_with(is_word);
            // `self` in a tree is the module before it.
            if is_name && word != "self" {
                before.push(word.to_owned());
            }
            if is_name && self.word(at + 1) == "::" && self.word(at + 2) != "<" {
                at += 2;
                continue;
            }
            let token = &self.tokens[at.min(self.tokens.len() - 1)];
            let (line, in_tests, depth) = (token.line, token.in_tests, token.depth);
            paths.push(NamedPath { segments: before.clone(), line, in_tests, depth });
            before.truncate(start);
            // A new name, `as name`, is no path.
            return if self.word(at + 1) == "as" { at + 3 } else { at + 1 };
        }
    }

    /// Every `use` statement. What stands in `impl Trait + use<'a>` is none.
    fn uses(&self) -> Vec<Use<'_>> {
        let starts = (0..self.tokens.len()).filter(|at| self.word(*at) == "use" && self.word(at + 1) != "<");
        let statement = |at: usize| {
            let length = self.tokens[at..].iter().position(|token| token.text == ";")?;
            let before: Vec<&str> = self.tokens[..at].iter().rev().take(8).map(|token| token.text.as_str()).collect();
            let is_public = match *before.first()? {
                "pub" => true,
                // `pub(crate) use` and `pub(in crate::web) use`, read backwards.
                ")" => before.iter().skip_while(|word| **word != "(").nth(1) == Some(&"pub"),
                _ => false,
            };
            Some(Use { line: self.tokens[at].line, is_public, tokens: &self.tokens[at + 1..at + length] })
        };
        starts.filter_map(statement).collect()
    }

    fn defines_macro(&self, name: &str) -> bool {
        self.tokens.windows(3).any(|it| it[0].text == "macro_rules" && it[1].text == "!" && it[2].text == name)
    }

    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }
}

impl NamedPath {
    /// The file that the path leads to. `main.rs` and `lib.rs` are nobody's target.
    fn file<'a>(&self, known: &BTreeSet<&'a str>) -> Option<&'a str> {
        (1..=self.segments.len()).rev().find_map(|length| {
            let place = format!("src/{}", self.segments[..length].join("/"));
            let find = |path: String| known.get(path.as_str()).copied();
            find(format!("{place}.rs")).or_else(|| find(format!("{place}/mod.rs")))
        })
    }
}

impl std::fmt::Display for NamedPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`crate::{}`", self.segments.join("::"))
    }
}

fn rust_files(folders: &[&str]) -> Vec<RustFile> {
    let is_wanted = |path: &str| {
        path.ends_with(".rs")
            && folders.iter().any(|folder| path.strip_prefix(folder).is_some_and(|it| it.starts_with('/')))
    };
    let files: Vec<RustFile> = text_files()
        .into_iter()
        .filter(|(path, _)| is_wanted(path))
        .map(|(path, text)| RustFile { tokens: tokens_of(&text), path, text })
        .collect();
    assert!(!files.is_empty(), "there are no Rust files in {}", folders.join(", "));
    files
}

/// Every text in the tree, by its path from the root, but for what is built, received or locked.
fn text_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if [".git", "target", "data", "screenshots"].contains(&name.as_str()) || name.ends_with(".lock") {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                // What is not UTF-8 is a picture, and no text.
                Ok(kind) if kind.is_file() => files.extend(fs::read_to_string(&path).ok().map(|text| (name, text))),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

// ---- Words ----

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words and signs of Rust code. Comments and lifetimes are left out, and so are texts, unless they hold a path of this
/// crate, as an attribute's may.
fn tokens_of(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (code, 1);
    while let Some(first) = rest.chars().next() {
        let mut push = |text: &str| tokens.push(Token { text: text.to_owned(), line, in_tests: false, depth: 0 });
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment_length(rest)
        } else if let Some(length) = text_length(rest) {
            let inside = rest[..length].trim_start_matches(['b', 'r', '#', '"']);
            if inside.starts_with("crate::") {
                tokens_of(inside.trim_end_matches(['"', '#'])).iter().for_each(|token| push(&token.text));
            }
            length
        } else if first == '\'' {
            quote_length(rest)
        } else {
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let length = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            push(&rest[..length]);
            length
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    mark_modules(&mut tokens);
    tokens
}

/// Comments nest.
fn comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// How long the text (`"…"`, `r#"…"#`, `b"…"`) is that starts here, if one does.
fn text_length(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|it| {
            if prefix.ends_with('r') { it.trim_start_matches('#').starts_with('"') } else { it.starts_with('"') }
        })
    })?;
    let hashes = rest[prefix.len()..].len() - rest[prefix.len()..].trim_start_matches('#').len();
    let start = prefix.len() + hashes + 1;
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()));
    }
    let mut escaped = false;
    let end = rest[start..].find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    Some(end.map_or(rest.len(), |at| start + at + 1))
}

/// A quote starts a character, `'a'` or `'\n'`, or a lifetime, `'a`.
fn quote_length(rest: &str) -> usize {
    let inside = &rest[1..];
    if let Some(escape) = inside.strip_prefix('\\') {
        let escaped = escape.chars().next().map_or(0, char::len_utf8);
        return escape[escaped..].find('\'').map_or(rest.len(), |at| 2 + escaped + at + 1);
    }
    let character = inside.chars().next().map_or(0, char::len_utf8);
    if inside[character..].starts_with('\'') {
        return character + 2;
    }
    1 + inside.find(|c| !is_word(c)).unwrap_or(inside.len())
}

/// Notes of each token how many modules of the file it stands in, and whether one of them is for tests.
fn mark_modules(tokens: &mut [Token]) {
    let mut open: Vec<Option<bool>> = Vec::new();
    for at in 0..tokens.len() {
        let word = |back: usize| at.checked_sub(back).map_or("", |at| tokens[at].text.as_str());
        match word(0) {
            "{" => {
                let is_module = word(2) == "mod";
                // `#[cfg(test)] mod tests {`, or the same with a `pub` or another attribute between.
                let start = at.saturating_sub(40);
                let head: String = tokens[start..at].iter().map(|token| token.text.as_str()).collect();
                let head = head.rsplit([';', '}']).next().unwrap_or_default();
                open.push(is_module.then(|| head.contains("#[cfg(test)]")));
            }
            "}" => {
                open.pop();
            }
            _ => {}
        }
        tokens[at].in_tests = open.contains(&Some(true));
        tokens[at].depth = open.iter().flatten().count();
    }
}
