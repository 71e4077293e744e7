//! What `packaging/` and `make install` give to others: the paths, options and variables in there are those of the program.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use clap::{CommandFactory, Parser};
use reasoner_webhooks::cli::args::Args;
use reasoner_webhooks::config::checked::Config;
use reasoner_webhooks::config::options::Options;
use yaml_rust2::{Yaml, YamlLoader};

const PROGRAM: &str = env!("CARGO_BIN_EXE_reasoner-webhooks");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const MANIFEST: &str = include_str!("../../Cargo.toml");
const DOCKERFILE: &str = include_str!("../../packaging/Dockerfile");
const DOCKERIGNORE: &str = include_str!("../../packaging/Dockerfile.dockerignore");
const COMPOSE: &str = include_str!("../../packaging/compose.yaml");
const UNIT: &str = include_str!("../../packaging/systemd/reasoner-webhooks.service");
const ENVIRONMENT: &str = include_str!("../../packaging/systemd/environment");
const README: &str = include_str!("../../README.md");

/// The variables that the program reads.
fn variables() -> BTreeSet<String> {
    let command = Args::command();
    command.get_arguments().filter_map(|option| Some(option.get_env()?.to_string_lossy().into_owned())).collect()
}

/// The instructions of the Dockerfile, with continued lines joined: a word in capitals, and the rest.
fn instructions() -> Vec<(String, String)> {
    let lines: Vec<&str> = DOCKERFILE.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let instructions = joined.lines().filter_map(|line| line.split_once(' '));
    instructions.map(|(word, rest)| (word.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

/// The words of an instruction in the form of a JSON array.
fn words(rest: &str) -> Vec<String> {
    serde_json::from_str(rest).unwrap_or_else(|error| panic!("{rest}: {error}"))
}

#[test]
fn the_image_is_made_of_files_that_exist_and_of_all_that_the_build_needs() {
    let instructions = instructions();
    let mut copied = BTreeSet::new();
    for (_, rest) in instructions.iter().filter(|(word, rest)| word == "COPY" && !rest.starts_with("--from")) {
        let mut paths: Vec<&str> = rest.split(' ').collect();
        let target = paths.pop().unwrap();
        for path in paths {
            assert!(Path::new(ROOT).join(path).exists(), "{path}");
            assert!(target == "./" || target == path, "{path} keeps its place");
            copied.insert(path);
        }
    }
    let let_in: BTreeSet<&str> = DOCKERIGNORE.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert_eq!(let_in, copied, "the build is given what it copies and no more");
    for needed in ["Cargo.toml", "Cargo.lock", "src", "templates", "static", "migrations"] {
        assert!(copied.contains(needed), "{needed}");
    }
    assert!(
        MANIFEST.contains("[[bench]]") && copied.contains("benches"),
        "Cargo looks for the benchmarks it is told of"
    );
}

#[test]
fn the_image_is_small_and_its_user_is_not_root() {
    let instructions = instructions();
    let stages: Vec<&str> =
        instructions.iter().filter(|(word, _)| word == "FROM").map(|(_, rest)| rest.as_str()).collect();
    let version = MANIFEST.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert_eq!(stages, [format!("rust:{version}-slim-bookworm AS build").as_str(), "debian:bookworm-slim"]);
    let last = instructions.iter().rposition(|(word, _)| word == "FROM").unwrap();
    let user = instructions[last..].iter().find(|(word, _)| word == "USER").unwrap();
    let (uid, gid) = user.1.split_once(':').unwrap();
    assert!(uid.parse::<u32>().unwrap() > 0 && gid.parse::<u32>().unwrap() > 0);
    for (word, rest) in instructions.iter().filter(|(_, rest)| rest.contains("apt-get install")) {
        assert!(
            rest.contains("--no-install-recommends") && rest.contains("rm -rf /var/lib/apt/lists/*"),
            "{word} {rest}"
        );
    }
}

#[test]
fn the_image_starts_and_asks_the_program_with_options_that_it_has() {
    let mut entry = Vec::new();
    let mut started = Vec::new();
    for (word, rest) in instructions() {
        match word.as_str() {
            "ENTRYPOINT" => entry = words(&rest),
            "CMD" => started = words(&rest),
            "ENV" => assert!(variables().contains(rest.split_once('=').unwrap().0), "{rest}"),
            "HEALTHCHECK" => {
                let question = words(rest.split_once("CMD ").unwrap().1);
                Args::try_parse_from(&question).unwrap();
                assert_eq!(question, ["reasoner-webhooks", "doctor", "--ready"]);
            }
            _ => {}
        }
    }
    assert_eq!(entry, ["reasoner-webhooks"]);
    Args::try_parse_from(entry.iter().chain(&started)).unwrap();
}

/// A value of the compose file, as it is where nothing is set but the password.
fn substituted(value: &str) -> String {
    let pattern = regex::Regex::new(r"\$\{([A-Z_]+)(?::[-?]([^}]*))?\}").unwrap();
    let replaced = pattern.replace_all(value, |found: &regex::Captures| match &found[1] {
        "POSTGRES_PASSWORD" => "0123abcd".to_owned(),
        _ => found.get(2).map(|default| default.as_str().to_owned()).unwrap_or_default(),
    });
    replaced.into_owned()
}

#[test]
fn the_compose_file_gives_the_program_options_that_it_takes() {
    let parsed = YamlLoader::load_from_str(COMPOSE).unwrap();
    let [compose] = &parsed[..] else { panic!("one document") };
    let program = &compose["services"]["program"];
    let environment = |service: &Yaml, name: &str| service["environment"][name].as_str().map(substituted);
    for (name, value) in program["environment"].as_hash().unwrap() {
        assert!(variables().contains(name.as_str().unwrap()), "{name:?}");
        assert!(value.as_str().is_some(), "{name:?} is a text");
    }
    let options = Options {
        bind: "0.0.0.0:8080".to_owned(),
        database_url: environment(program, "DATABASE_URL"),
        public_url: environment(program, "PUBLIC_URL"),
        trusted_proxies: environment(program, "TRUSTED_PROXIES"),
        metrics_bind: environment(program, "METRICS_BIND"),
        log_format: environment(program, "LOG_FORMAT").unwrap(),
        ..Options::default()
    };
    let config = Config::check(options).unwrap();
    assert!(DOCKERFILE.contains(&format!("ENV BIND={}", config.bind)), "where the image listens");

    let url = url::Url::parse(&environment(program, "DATABASE_URL").unwrap()).unwrap();
    let database = &compose["services"][url.host_str().unwrap()];
    assert_eq!(environment(database, "POSTGRES_USER").as_deref(), Some(url.username()));
    assert_eq!(environment(database, "POSTGRES_PASSWORD").as_deref(), url.password());
    assert_eq!(environment(database, "POSTGRES_DB").as_deref(), Some(url.path().trim_start_matches('/')));
    assert_eq!(program["depends_on"]["database"]["condition"].as_str(), Some("service_healthy"));
    assert!(database["healthcheck"]["test"].as_vec().is_some());
    let port = config.bind.port();
    assert_eq!(
        program["ports"][0].as_str(),
        Some(format!("127.0.0.1:{port}:{port}").as_str()),
        "for this machine alone"
    );
    let build = &program["build"];
    let context = Path::new(ROOT).join("packaging").join(build["context"].as_str().unwrap());
    assert!(context.join(build["dockerfile"].as_str().unwrap()).exists());
    let volume = database["volumes"][0].as_str().unwrap().split(':').next().unwrap();
    assert!(!compose["volumes"][volume].is_badvalue(), "{volume}");
}

#[test]
fn a_proxy_beside_the_containers_is_believed_as_the_compose_file_says() {
    let parsed = YamlLoader::load_from_str(COMPOSE).unwrap();
    let network = &parsed[0]["networks"]["default"]["ipam"]["config"][0];
    let (subnet, gateway) = (network["subnet"].as_str().unwrap(), network["gateway"].as_str().unwrap());
    let (first, bits) = subnet.split_once('/').unwrap();
    assert_eq!(bits, "24");
    assert_eq!(first.rsplit_once('.').unwrap().0, gateway.rsplit_once('.').unwrap().0, "the gateway is in the network");
    let said = |name: &str| {
        let mark = format!("#   {name}=");
        COMPOSE.lines().find_map(|line| line.strip_prefix(mark.as_str()).map(str::to_owned))
    };
    assert_eq!(said("TRUSTED_PROXIES").as_deref(), Some(gateway));
    let options = Options {
        bind: "0.0.0.0:8080".to_owned(),
        database_url: Some("postgresql://reasoner@database/reasoner_webhooks".to_owned()),
        public_url: said("PUBLIC_URL"),
        trusted_proxies: said("TRUSTED_PROXIES"),
        ..Options::default()
    };
    assert!(Config::check(options.with_defaults()).is_ok());
}

/// The values of a setting of the unit.
fn settings(name: &str) -> Vec<&'static str> {
    UNIT.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn the_unit_starts_the_program_with_little_that_it_may_do() {
    let [start] = settings("ExecStart")[..] else { panic!("one ExecStart") };
    Args::try_parse_from(start.split(' ')).unwrap();
    for setting in settings("Environment") {
        assert!(variables().contains(setting.split_once('=').unwrap().0), "{setting}");
    }
    let directory = format!("DATA_DIR=/var/lib/{}", settings("StateDirectory")[0]);
    assert_eq!(settings("Environment"), [directory.as_str()]);
    assert_eq!(settings("StateDirectory")[1..], ["reasoner-webhooks/known-clusters"], "src/embedded/known_clusters.rs");
    assert_eq!(settings("StartLimitIntervalSec"), ["0"], "a disk that is not mounted yet is waited for");
    for (name, value) in [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("PrivateUsers", "yes"),
        ("ProtectKernelModules", "yes"),
        ("RestrictNamespaces", "yes"),
        ("SystemCallArchitectures", "native"),
    ] {
        assert_eq!(settings(name), [value], "{name}");
    }
    assert_eq!(settings("RestartPreventExitStatus"), ["2 3"], "the codes that a second try does not change");
    let examples = ENVIRONMENT.lines().filter_map(|line| line.strip_prefix('#')?.split_once('=')).map(|(name, _)| name);
    let examples: Vec<&str> =
        examples.filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')).collect();
    assert!(examples.len() >= 5 && examples.iter().all(|name| variables().contains(*name)), "{examples:?}");
    let place = "/etc/reasoner-webhooks/environment";
    assert_eq!(settings("EnvironmentFile"), [format!("-{place}")]);
    for text in [ENVIRONMENT, README] {
        assert!(text.contains(&format!("install -Dm600 packaging/systemd/environment {place}")), "who puts it there");
    }
    assert!(README.contains(&format!("{directory} reasoner-webhooks account list")), "where commands find the data");
}

#[test]
fn make_install_puts_everything_below_its_prefix_and_uninstall_takes_it_away() {
    let place = tempfile::tempdir().unwrap();
    let make = |target: &str| {
        let output = Command::new("make")
            .arg("-C")
            .arg(ROOT)
            .args([target, "PREFIX=/opt/hooks", &format!("PROGRAM={PROGRAM}")])
            .arg(format!("DESTDIR={}", place.path().display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let installed = || -> BTreeSet<String> {
        let found = Command::new("find").arg(place.path()).args(["-type", "f"]).output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        let prefix = format!("{}/opt/hooks/", place.path().display());
        found.lines().map(|path| path.strip_prefix(&prefix).unwrap().to_owned()).collect()
    };
    make("install");
    let files = installed();
    let expected = [
        "bin/reasoner-webhooks",
        "lib/systemd/system/reasoner-webhooks.service",
        "lib/sysusers.d/reasoner-webhooks.conf",
        "share/bash-completion/completions/reasoner-webhooks",
        "share/fish/vendor_completions.d/reasoner-webhooks.fish",
        "share/man/man1/reasoner-webhooks.1",
        "share/zsh/site-functions/_reasoner-webhooks",
    ];
    assert_eq!(files.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let read = |path: &str| std::fs::read_to_string(place.path().join("opt/hooks").join(path)).unwrap();
    assert!(
        read("lib/systemd/system/reasoner-webhooks.service")
            .contains("ExecStart=/opt/hooks/bin/reasoner-webhooks serve")
    );
    assert!(read("share/man/man1/reasoner-webhooks.1").contains(".SH COMMANDS"));
    assert!(read("share/zsh/site-functions/_reasoner-webhooks").starts_with("#compdef reasoner-webhooks"));
    // Each shell reads its own, where it is on this machine; bash always is.
    for (shell, path) in [
        ("bash", "share/bash-completion/completions/reasoner-webhooks"),
        ("zsh", "share/zsh/site-functions/_reasoner-webhooks"),
        ("fish", "share/fish/vendor_completions.d/reasoner-webhooks.fish"),
    ] {
        let read = Command::new(shell).arg("-n").arg(place.path().join("opt/hooks").join(path)).output();
        assert!(shell != "bash" || read.is_ok(), "{read:?}");
        assert!(
            read.as_ref().map_or(true, |read| read.status.success() && read.stderr.is_empty()),
            "{shell}: {read:?}"
        );
    }
    let manual = place.path().join("opt/hooks/share/man/man1/reasoner-webhooks.1");
    // In the form that formats without a pager. Other systems than Linux have a `man` without these options, containers none.
    let formatted = Command::new("man").args(["--warnings", "--local-file", "-Tutf8", "-Z"]).arg(manual).output();
    if let Ok(formatted) = formatted
        && cfg!(target_os = "linux")
        && formatted.status.code() != Some(127)
    {
        let warnings = String::from_utf8_lossy(&formatted.stderr);
        assert!(formatted.status.success() && warnings.is_empty(), "{warnings}");
    }
    let program = place.path().join("opt/hooks/bin/reasoner-webhooks");
    let version = Command::new(program).arg("--version").output().unwrap();
    assert_eq!(version.stdout, format!("reasoner-webhooks {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
    make("uninstall");
    assert!(installed().is_empty());
}

#[test]
fn an_old_rust_is_told_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let wanted = MANIFEST.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    let (major, minor) = wanted.split_once('.').unwrap();
    let older = format!("{major}.{}", minor.parse::<u32>().unwrap() - 1);
    let newer = format!("{}.0", major.parse::<u32>().unwrap() + 1);
    let path = format!("{}:{}", place.path().display(), std::env::var("PATH").unwrap());
    for (version, is_enough) in [(older.as_str(), false), ("0.99", false), (wanted, true), (&newer, true)] {
        let rustc = place.path().join("rustc");
        std::fs::write(&rustc, format!("#!/bin/sh\necho 'rustc {version}.1 (abc 2020-01-01)'\n")).unwrap();
        std::fs::set_permissions(&rustc, std::fs::Permissions::from_mode(0o755)).unwrap();
        let script = Path::new(ROOT).join("scripts/ensure-build-tools");
        let output = Command::new(script).env("PATH", &path).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), is_enough, "{version}: {words}");
        let advice = [format!("needs Rust {wanted} or newer, and here is {version}"), "https://rustup.rs".to_owned()];
        assert!(is_enough || advice.iter().all(|part| words.contains(part)), "{version}: {words}");
    }
}

#[test]
fn nothing_is_uninstalled_while_the_service_is_switched_on() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    // A systemctl that says yes to every question.
    let systemctl = place.path().join("systemctl");
    std::fs::write(&systemctl, "#!/bin/sh\nexit 0\n").unwrap();
    std::fs::set_permissions(&systemctl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", place.path().display(), std::env::var("PATH").unwrap());
    let prefix = place.path().join("usr");
    let make = |target: &str, path: &str| {
        let words = [target, &format!("PREFIX={}", prefix.display()), &format!("PROGRAM={PROGRAM}"), "DESTDIR="];
        Command::new("make").arg("-C").arg(ROOT).args(words).env("PATH", path).output().unwrap()
    };
    assert!(make("install", &path).status.success());
    let refused = make("uninstall", &path);
    assert!(!refused.status.success());
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(words.contains("systemctl disable --now reasoner-webhooks"), "{words}");
    assert!(prefix.join("bin/reasoner-webhooks").exists());
    std::fs::write(&systemctl, "#!/bin/sh\nexit 1\n").unwrap();
    assert!(make("uninstall", &path).status.success());
    assert!(!prefix.join("bin/reasoner-webhooks").exists());
}
