//! The rules of the architecture, read off the files: who may import whom, what may not be named where, and how files look. What the
//! code does is for the other tests.
//!
//! A rule that fails says which file breaks it and what to do. Rules are cheap to obey and expensive to win back; the two lists
//! that may grow, for a reason that stands beside the entry, are `LAYERS` and `REVEALS`.

mod rust_file;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::rust_file::{rust_files, text_files};

/// The layers, from the ground up. A module may import itself and the modules that stand behind its name, all of which stand
/// above it in this list: so imports only look down.
const LAYERS: [(&str, &[&str]); 21] = [
    ("domain", &[]),
    ("clock", &[]),
    ("metrics", &[]),
    ("random", &["domain"]),
    ("fair_queue", &["metrics"]),
    ("hashing", &["domain", "metrics", "fair_queue"]),
    ("computing", &["domain", "fair_queue"]),
    ("config", &["domain"]),
    ("logging", &["domain", "config"]),
    ("tls", &[]),
    ("client", &["domain", "random", "tls"]),
    ("store", &["domain", "metrics", "random", "fair_queue", "computing", "tls"]),
    ("embedded", &["domain"]),
    ("database", &["config", "embedded", "store"]),
    ("mail", &["domain"]),
    ("app", &["domain", "clock", "random", "hashing", "store", "mail"]),
    ("ingest", &["domain", "clock", "metrics", "random", "fair_queue", "hashing", "store"]),
    (
        "web",
        &[
            "domain",
            "clock",
            "metrics",
            "random",
            "fair_queue",
            "hashing",
            "computing",
            "store",
            "mail",
            "app",
            "ingest",
        ],
    ),
    (
        "cli",
        &["domain", "clock", "random", "hashing", "config", "client", "embedded", "store", "database", "mail", "app"],
    ),
    (
        "server",
        &[
            "domain",
            "clock",
            "metrics",
            "random",
            "fair_queue",
            "hashing",
            "computing",
            "config",
            "store",
            "database",
            "mail",
            "app",
            "ingest",
            "web",
        ],
    ),
    ("main", &["config", "logging", "database", "cli", "server"]),
];

/// The features of `web`: what no other feature may import, and nothing beside them but the table of routes. What two of them need
/// stands beside them.
const FEATURES: [&str; 7] = ["account", "api", "docs", "events", "live", "sign_in", "webhooks"];

/// Libraries that have a home: they and their relatives (`diesel_async`) are named in the modules behind them and nowhere else.
const HOMES: [(&str, &[&str]); 5] = [
    ("diesel", &["store"]),
    ("actix", &["web", "server"]),
    ("askama", &["web", "server", "mail"]),
    ("hyper", &["client", "cli"]),
    ("lettre", &["mail"]),
];

/// What `domain` never names, beside the libraries above: no runtime, no clock, no chance.
const UNKNOWN_TO_DOMAIN: [&str; 5] = ["tokio", "rand", "getrandom", "SystemTime", "Instant"];
/// And of the standard library: no environment, no files, no processes.
const WORLD: [&str; 4] = ["env", "fs", "process", "thread"];

/// Every place that reads a plain secret, and why it must.
const REVEALS: [(&str, &str); 39] = [
    ("src/domain/account_password.rs", "counts the characters of a new password and judges its strength"),
    ("src/domain/credential_password.rs", "checks the format and the checksum, and names the hint"),
    ("src/domain/checked_token.rs", "names the hint, and makes the digest"),
    ("src/domain/token_address.rs", "makes the address"),
    ("src/app/find_leaks.rs", "asks whether what looks like a token is one"),
    ("src/domain/malformed_credentials.rs", "finds what stands around a password that does not belong to it"),
    ("src/domain/installation.rs", "compares the set-up token in constant time"),
    ("src/domain/second_factor.rs", "reads what was typed as a code, and hashes recovery codes"),
    ("src/domain/stored_key.rs", "reads a key from outside of the database"),
    ("src/config/checked.rs", "reads the installation key of the environment"),
    ("src/config/remote.rs", "reads the API token of the environment"),
    ("src/client/api.rs", "sends the API token"),
    ("src/hashing.rs", "argon2 reads what it hashes and verifies"),
    ("src/database.rs", "a driver is given the database's address; what is printed of it has no password"),
    ("src/ingest/verifier.rs", "makes the key of the cache of verified passwords"),
    ("src/app/confirm_password.rs", "refuses a password too long to be one before it is hashed"),
    ("src/web/kept_form.rs", "gives back what a form held beside its passwords"),
    ("src/web/confirm.rs", "gives back what a form held beside its passwords"),
    ("src/web/sign_in/with_password.rs", "refuses a password too long to be one before it is hashed"),
    ("src/web/webhooks/created.rs", "writes the new password into the one page that shows it"),
    ("src/web/account/qr.rs", "draws the setup key for an app to scan"),
    ("src/web/account/second_factor.rs", "writes recovery codes into the file beside them"),
    ("templates/second_factor_new.html", "shows the setup key to whoever turns two-step sign-in on"),
    ("templates/recovery_codes.html", "is the one page that shows recovery codes"),
    ("templates/credential_created.html", "is the one page that shows it"),
    ("templates/token_address_created.html", "is the one page that shows it"),
    ("templates/api_token_created.html", "is the one page that shows it"),
    ("src/web/api/credentials.rs", "writes a new password into the one answer that has it"),
    ("src/cli/token.rs", "prints a new API token, once"),
    ("src/domain/mail.rs", "reads the token of a link in a mail"),
    ("src/mail/words.rs", "writes a link into the mail that has it"),
    ("src/mail/smtp.rs", "signs in to the SMTP server"),
    ("templates/mailed_link.html", "brings back the token of a link in a mail"),
    ("templates/sign_in_link.html", "brings back the token of a sign-in link"),
    ("src/app/sign_in_link.rs", "makes the digest of a sign-in link"),
    ("src/cli/sign_in_link.rs", "prints a sign-in link, once"),
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
    let mut used = BTreeSet::new();
    let mut findings = Vec::new();
    for file in &rust_files("src") {
        if file.is_list_of_modules() {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == file.module()) else {
            findings.push(format!("{}: the module has no layer. Give it a line in LAYERS.", file.path));
            continue;
        };
        for import in file.imports() {
            let target = import.segments[0].clone();
            if target != file.module() && !allowed.contains(&target.as_str()) {
                findings.push(format!("{}: only {allowed:?}. Move it down, or hand it in", import.place(file)));
            }
            used.insert((file.module().to_owned(), target));
        }
    }
    for (row, (module, allowed)) in LAYERS.iter().enumerate() {
        for target in *allowed {
            if !LAYERS[..row].iter().any(|(lower, _)| lower == target) {
                findings.push(format!("LAYERS: `{module}` looks up to `{target}`"));
            }
            if !used.contains(&((*module).to_owned(), (*target).to_owned())) {
                findings.push(format!("LAYERS: `{module}` no longer imports `{target}`. Take it off the line"));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn no_feature_of_the_pages_imports_another() {
    let feature = |path: &str| FEATURES.into_iter().find(|feature| path.starts_with(&format!("src/web/{feature}/")));
    let files = rust_files("src/web");
    for name in FEATURES {
        assert!(files.iter().any(|file| feature(&file.path) == Some(name)), "{name} is no folder of src/web");
    }
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path != "src/web/routes.rs" && !file.is_list_of_modules()) {
        for import in file.imports() {
            let target = feature(&format!("src/{}/", import.segments.join("/")));
            if target.is_some() && target != feature(&file.path) {
                findings.push(format!("{}: a feature. Move what both need beside the features", import.place(file)));
            }
        }
    }
    expect_none(findings);
}

/// What writes a time in words, and the files of the pages that may: the one that writes them for a reader, and those that name a file or
/// fill a field.
const TIME_WORDS: [&str; 6] = ["ago", "left", "utc", "full", "day_and_minute_in", "day_and_second_in"];
const WRITES_TIMES: [&str; 5] = [
    "src/web/format.rs",
    "src/web/download.rs",
    "src/web/filters/time_range.rs",
    "src/web/webhooks/dialogs/expiry_form.rs",
    "src/web/webhooks/notice_words.rs",
];

#[test]
fn pages_write_times_as_their_reader_reads_them() {
    let mut findings = Vec::new();
    // What answers programs is no page.
    let is_page = |path: &str| path.starts_with("src/web/") && !path.starts_with("src/web/api/");
    for file in rust_files("src").iter().filter(|file| is_page(&file.path)) {
        for import in file.imports() {
            let names_time = import.segments.starts_with(&["domain".to_owned(), "time".to_owned()]);
            let is_word = import.segments.last().is_some_and(|name| TIME_WORDS.contains(&name.as_str()));
            if names_time && is_word && !WRITES_TIMES.contains(&file.path.as_str()) {
                findings
                    .push(format!("{}. Hand a `When` to the template, which says `page.time(…)`", import.place(file)));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn no_two_files_import_each_other() {
    let files = rust_files("src");
    let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &files {
        let targets = file.imports().into_iter().filter_map(|import| import.file(&known));
        graph.entry(&file.path).or_default().extend(targets.filter(|target| *target != file.path));
    }
    // What nobody imports, or what imports nothing, is in no cycle. Without these, only cycles are left.
    loop {
        let targets: BTreeSet<&str> = graph.values().flatten().copied().collect();
        let before = graph.len();
        graph.retain(|file, targets_of_file| targets.contains(file) && !targets_of_file.is_empty());
        let left: BTreeSet<&str> = graph.keys().copied().collect();
        graph.values_mut().for_each(|targets| targets.retain(|target| left.contains(target)));
        if graph.len() == before {
            break;
        }
    }
    expect_none(graph.iter().map(|(file, targets)| format!("{file} is in a cycle with {targets:?}. Cut one import")));
}

#[test]
fn an_import_names_the_file_it_means_and_each_name() {
    let files = rust_files("src");
    let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut findings = Vec::new();
    for file in &files {
        for import in file.imports() {
            if import.file(&known).is_none_or(|target| target.ends_with("/mod.rs")) {
                findings.push(format!("{}: a folder or nothing. Import the file inside it", import.place(file)));
            }
        }
        for path in file.paths_below("super").iter().filter(|path| path.depth == 0) {
            findings
                .push(format!("{}:{} says `super`. Say `crate::…`, so that a search finds it", file.path, path.line));
        }
        for (at, token) in file.tokens.iter().enumerate().filter(|(_, token)| token.text == "use") {
            let statement = file.tokens[at..].split(|token| token.text == ";").next().unwrap_or_default();
            if statement.iter().any(|token| token.text == "*") {
                findings.push(format!("{}:{} imports with a star. Name what you need", file.path, token.line));
            }
            let is_macro = statement.len() == 2 && file.has(&["macro_rules", "!", &statement[1].text]);
            let is_public = at > 0 && (file.word(at - 1) == "pub" || file.word(at - 1) == ")");
            if is_public && !is_macro {
                findings.push(format!("{}:{} exports again. A thing has one address", file.path, token.line));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn a_mod_file_is_a_table_of_contents() {
    let mut findings = Vec::new();
    for file in rust_files("src").iter().filter(|file| file.is_list_of_modules()) {
        for line in file.text.lines().map(str::trim) {
            let declares = ["mod ", "pub mod ", "pub(crate) mod "].iter().any(|start| line.starts_with(start));
            if !(line.is_empty() || declares && line.ends_with(';') || line.starts_with("//!") || line.starts_with("#"))
            {
                findings.push(format!("{}: `{line}` is neither text nor a `mod` line. Give it a file", file.path));
            }
        }
    }
    expect_none(findings);
}

#[test]
fn libraries_and_the_world_stay_at_home() {
    let mut findings = Vec::new();
    for file in &rust_files("src") {
        for (at, token) in file.tokens.iter().enumerate().filter(|(_, token)| !token.in_tests) {
            let word = token.text.as_str();
            let family =
                |name: &str| word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
            let home = HOMES.iter().find(|(name, _)| family(name));
            if let Some((_, modules)) = home.filter(|(_, modules)| !modules.contains(&file.module())) {
                findings.push(format!("{}:{} names `{word}`, whose home is {modules:?}", file.path, token.line));
            }
            let asks_a_clock = word == "now" && at > 0 && file.word(at - 1) == "::";
            if file.module() == "domain" && (asks_a_clock || UNKNOWN_TO_DOMAIN.contains(&word)) {
                findings.push(format!("{}:{} names `{word}`. Take the value as an argument", file.path, token.line));
            }
        }
        for path in file.paths_below("std").iter().filter(|path| !path.in_tests) {
            let module = path.segments.first().map_or("", String::as_str);
            let is_far = file.module() == "domain" && WORLD.contains(&module);
            if is_far || module == "env" && file.module() != "config" {
                findings.push(format!("{}:{} names `std::{module}`. Hand the value on", file.path, path.line));
            }
        }
    }
    expect_none(findings);
}

// holds C2
#[test]
fn plain_secrets_are_read_only_where_it_is_said_why() {
    let mut seen = BTreeSet::new();
    for file in rust_files("src").iter().filter(|file| file.path != "src/domain/secret.rs") {
        if file.tokens.iter().any(|token| token.text == "reveal" && !token.in_tests) {
            seen.insert(file.path.clone());
        }
    }
    let templates =
        text_files().into_iter().filter(|(path, text)| path.starts_with("templates/") && text.contains("reveal()"));
    seen.extend(templates.map(|(path, _)| path));
    let explained: BTreeSet<String> = REVEALS.iter().map(|(path, _)| (*path).to_owned()).collect();
    expect_none(seen.difference(&explained).map(|path| format!("{path} reveals a plain secret: say why in REVEALS")));
    expect_none(explained.difference(&seen).map(|path| format!("{path} reveals none any more: take it off REVEALS")));
}

#[test]
fn a_secret_does_not_print_itself() {
    let files = rust_files("src");
    let file = files.iter().find(|file| file.has(&["struct", "Secret"])).expect("there is a type for plain secrets");
    let words: Vec<&str> = file.tokens.iter().map(|token| token.text.as_str()).collect();
    let at = words.windows(2).position(|pair| pair == ["struct", "Secret"]).unwrap();
    let start = words[..at].iter().rposition(|word| [";", "}"].contains(word)).unwrap_or(0);
    let derived = words[start..at].iter().filter(|word| LEAKS.contains(word) || **word == "Debug");
    expect_none(derived.map(|word| format!("{}: `Secret` derives {word}", file.path)));
    let mut findings = Vec::new();
    for file in &files {
        let words: Vec<&str> = file.tokens.iter().map(|token| token.text.as_str()).collect();
        for (at, _) in words.windows(2).enumerate().filter(|(_, pair)| *pair == ["for", "Secret"]) {
            let start = words[..at].iter().rposition(|word| *word == "impl").unwrap_or(at);
            let leak = words[start..at].iter().find(|word| LEAKS.contains(word));
            findings
                .extend(leak.map(|word| format!("{}: `Secret` gets {word}. It is read by `reveal` alone", file.path)));
        }
        if file.has(&["From", "<", "Secret", ">"]) {
            findings.push(format!("{} turns a `Secret` into something else by `From`", file.path));
        }
    }
    expect_none(findings);
}

#[test]
fn files_are_short_say_what_they_are_for_and_have_a_name_that_tells() {
    let mut findings = Vec::new();
    for file in ["src", "tests", "examples", "benches"].iter().flat_map(|folder| rust_files(folder)) {
        let (lines, is_code) = (file.text.lines().count(), file.path.starts_with("src/"));
        if is_code && lines > MAX_LINES {
            findings
                .push(format!("{} has {lines} lines, {MAX_LINES} at most: give each of its jobs a file", file.path));
        }
        if !file.text.starts_with("//! ") {
            findings.push(format!("{}: say in its first line what it is for", file.path));
        }
        let parts = file.path.trim_end_matches(".rs").split('/');
        let names = file.tokens.windows(2).filter(|pair| ["fn", "mod"].contains(&pair[0].text.as_str()));
        for name in parts.chain(names.map(|pair| pair[1].text.as_str())).filter(|name| EMPTY_NAMES.contains(name)) {
            findings.push(format!("{}: the name `{name}` says nothing", file.path));
        }
    }
    expect_none(findings);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    // Put together here, or this file would be the first to be found.
    let needles = [
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
    .map(|parts| parts.concat());
    let found = |text: &str| needles.iter().find(|needle| text.contains(needle.as_str())).cloned();
    let files = text_files();
    expect_none(files.iter().filter_map(|(path, text)| found(text).map(|needle| format!("{path} says `{needle}`"))));
}

#[test]
fn no_style_asks_for_a_weight_that_most_fonts_have_not() {
    let styles = text_files().into_iter().filter(|(path, _)| path.ends_with(".css"));
    let found = styles.filter(|(_, text)| text.contains("font-weight: 500"));
    expect_none(
        found.map(|(path, _)| format!("{path} asks for a weight of 500, which is 400 on most systems: use 600")),
    );
}

#[test]
fn no_two_migrations_have_one_version() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut versions: Vec<String> = names.map(|name| name.split('_').next().unwrap().to_owned()).collect();
    versions.sort();
    // Of two with one version, the second would never run.
    expect_none(versions.windows(2).filter(|two| two[0] == two[1]).map(|two| format!("migrations/{}_…", two[0])));
}

fn expect_none(findings: impl IntoIterator<Item = String>) {
    let findings: Vec<String> = findings.into_iter().collect();
    assert!(findings.is_empty(), "\n\n{}\n", findings.join("\n"));
}
