//! No example is left out: each is run by a test of this program, or there is a reason why not.

use std::collections::BTreeSet;

use reasoner_webhooks::web::docs::tools::groups::GROUPS;

use crate::stage::Stage;

const SOURCES: [&str; 6] = [
    include_str!("api_calls.rs"),
    include_str!("senders.rs"),
    include_str!("commands.rs"),
    include_str!("operations.rs"),
    include_str!("moving.rs"),
    include_str!("searches.rs"),
];

const WITHOUT_WINDOWS: &str = "needs cmd, which is part of Windows";

const RESTARTS: &str = "is what tests/chaos/rolling_restarts.rs runs";

/// What is not run here, and why.
const NOT_RUN: [(&str, &str); 9] = [
    ("listen-command", "names no token; `events listen` is run in tests/http/listen.rs"),
    ("haproxy-cfg", RESTARTS),
    ("nginx-instances-conf", RESTARTS),
    ("kubernetes-yaml", "needs a cluster, which no package brings"),
    ("connect-address-txt", "is an address; clients are tried with it in tests/senders/addresses.rs"),
    ("send-bat", WITHOUT_WINDOWS),
    ("password-bat", WITHOUT_WINDOWS),
    ("header-bat", WITHOUT_WINDOWS),
    ("gitleaks-toml", "its regular expressions are tried in tests/http/leaks.rs"),
];

/// The id of an example, by the name of its file.
fn id_of(file: &str) -> String {
    file.to_lowercase().replace('.', "-")
}

/// Whether a source takes an example from the page to do something with it: by a call, or in a list that is walked through with
/// one. A name in a comment or in an assertion is none.
fn is_run_in(source: &str, id: &str) -> bool {
    let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    assert!(!code.contains("#[ignore"), "an example that is passed over is not run");
    let name = format!("\"{id}\"");
    let call = regex::Regex::new(&format!(r"\.(run|block|save)\(\s*{name}|\.run_with\([^()]*, {name}")).unwrap();
    let list = regex::Regex::new(&format!(
        r"(const SHORT: [^;]*; \d+\] = \[[^\]]*|senders! \{{[^}}]*: |for [a-z(), ]+ in \[[^\]]*){name}"
    ));
    call.is_match(&code) || list.unwrap().is_match(&code)
}

#[test]
fn a_name_that_is_only_mentioned_is_not_run() {
    for run in [
        "stage.run(\"a-sh\", &[])",
        "stage.run_with(\"\", \"a-sh\", &[])",
        "stage.block(\"a-sh\")",
        "for id in [\"b-sh\", \"a-sh\"] {",
    ] {
        assert!(is_run_in(run, "a-sh"), "{run}");
    }
    for mentioned in
        ["// stage.run(\"a-sh\", &[])", "let id = \"a-sh\";", "assert!(\"a-sh\" != id)", "stage.run(\"aa-sh\")"]
    {
        assert!(!is_run_in(mentioned, "a-sh"), "{mentioned}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_run_or_has_a_reason_why_not() {
    let stage = Stage::set().await;
    let shown: BTreeSet<&str> = stage.blocks.keys().map(String::as_str).collect();
    let reasons: BTreeSet<&str> = NOT_RUN.iter().map(|(id, _)| *id).collect();
    let tools: BTreeSet<String> = GROUPS.iter().flat_map(|group| group.tools).map(|tool| id_of(tool.file)).collect();
    for id in &shown {
        if id.starts_with("connect-") && !reasons.contains(id) {
            assert!(tools.contains(*id), "{id} is of no tool; tests/senders runs those that are");
            continue;
        }
        let is_run = SOURCES.iter().any(|source| is_run_in(source, id));
        assert!(
            is_run != reasons.contains(id),
            "{id}: run it in tests/snippets, or say in NOT_RUN why not, but not both"
        );
    }
    assert!(reasons.is_subset(&shown), "{reasons:?}");

    let files = std::fs::read_dir("templates/docs/snippets").unwrap();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(shown.contains(id_of(&name).as_str()), "{name} is on no page");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_have_the_readers_endpoint_and_username_and_never_a_password() {
    let stage = Stage::set().await;
    let other = stage.server.sender(&stage.you).await;
    for (id, text) in &stage.blocks {
        assert!(
            !text.contains("\"USERNAME\"") && !text.contains("USERNAME:") && !text.contains(&other.username),
            "{id}"
        );
        assert!(!text.contains(&stage.sender.password), "{id}");
        let sends = id.starts_with("send") || id.starts_with("deliver");
        assert!(!sends || (text.contains(&stage.line.url) && text.contains(&stage.sender.username)), "{id}");
        assert!(!sends || text.contains("WEBHOOK_PASSWORD"), "{id}");
    }
    let visitor = stage.server.visitor().page("/docs/webhooks/quick-start").await;
    assert!(visitor.contains("USERNAME:$WEBHOOK_PASSWORD") && visitor.contains(&stage.line.url));
}

/// The line that the product began with, which has to stay as it is but for the host, the username, and where the password is.
const SEED: &str = r#"curl -X POST "https://webhook.reasoner.com" \
  -H "Content-Type: application/json" \
  -H "Authorization: Basic $(echo -n 'USERNAME:PASSWORD' | base64)" \
  -d '{"message": "Hello from webhook!"}'"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_example_is_the_line_that_was_promised() {
    let stage = Stage::set().await;
    let filled_in = SEED
        .replace("https://webhook.reasoner.com", &stage.line.url)
        .replace("'USERNAME:PASSWORD'", &format!("\"{}:$WEBHOOK_PASSWORD\"", stage.sender.username));
    assert_eq!(stage.block("send-sh"), filled_in);
}
