//! Passwords where they do not belong: the rules that find them, and the command that says whose they are.

use std::io::Write;
use std::process::{Output, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::RngExt;
use reasoner_webhooks::domain::credential::Username;
use reasoner_webhooks::domain::credential_password::{CredentialPassword, RANDOM_CHARS};
use regex::Regex;
use serde_json::{Value, json};

use crate::command_line::Terminal;
use crate::support::docs::{PAGES, all_blocks};
use crate::support::postgres::query;
use crate::support::server::TestServer;

/// A password that a key makes for a username.
fn made_with(key: &[u8], username: &str) -> String {
    let mut indices = [0; RANDOM_CHARS];
    indices.fill_with(|| rand::rng().random_range(0..62));
    let username: Username = username.parse().unwrap();
    CredentialPassword::from_random(key, &username, indices).secret().reveal().to_owned()
}

pub fn check(terminal: &Terminal, text: &[u8], more: &[&str]) -> Output {
    let mut child = terminal
        .command(&[&["credential", "check"], more].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    // Nobody reads when the command fails.
    let writing = std::thread::spawn(move || input.write_all(&text).ok());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    output
}

/// A credential of a name, as username and password.
fn create(terminal: &Terminal, name: &str) -> (String, String) {
    let created = terminal.json(&["credential", "create", "maya@example.com", name]);
    (created["username"].as_str().unwrap().to_owned(), created["password"].as_str().unwrap().to_owned())
}

fn rotate(terminal: &Terminal, username: &str, overlap: &str) -> String {
    let rotated = terminal.json(&["credential", "rotate", username, "--overlap", overlap]);
    rotated["password"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_names_each_password_of_this_installation_once_and_prints_none() {
    let terminal = Terminal::new().await;
    terminal.create_account("maya@example.com");
    let (_serving, _) = terminal.serve();
    let (live_name, live) = create(&terminal, "Live\u{202E}one");
    let (old_name, expired) = create(&terminal, "Rotated");
    let newer = rotate(&terminal, &old_name, "1h");
    let (revoked_name, revoked) = create(&terminal, "Revoked");
    terminal.output(&["credential", "revoke", &revoked_name]);
    let (disabled_name, disabled) = create(&terminal, "Disabled");
    terminal.output(&["credential", "disable", &disabled_name]);
    let sql =
        format!("update credential_secrets set expires_at = now() - interval '1 s' where hint = '{}'", &expired[4..8]);
    query(&terminal.database_url, &sql).await;
    let key = query(&terminal.database_url, "select encode(checksum_key, 'base64') from installation").await;
    let key = BASE64_STANDARD.decode(key[0][0].as_deref().unwrap().replace('\n', "")).unwrap();
    let unknown = made_with(&key, &live_name);
    let foreign = made_with(b"the key of another installation", &live_name);

    let basic = BASE64_STANDARD.encode(format!("{old_name}:{newer}"));
    let mut text =
        format!("WEBHOOK_PASSWORD={live}\n{{\"user\":\"{revoked_name}\",\"password\":\"{revoked}\"}}\n").into_bytes();
    text.extend(b"\xff\xfe\x00junk\x00");
    text.extend(format!("{expired} and again {live}\nAuthorization: Basic {basic}\n{foreign}\n").bytes());
    // One line of a few megabytes, and the last word ends with the text.
    text.extend(std::iter::repeat_n(b'x', 3_000_000));
    text.extend(format!(" {disabled} \r\n{live}x {unknown}").bytes());

    let output = check(&terminal, &text, &["--json"]);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let leak = |username: &str, name: &str, password: &str, state: &str, line: u64, times: u64| json!({"username": username, "name": name, "hint": &password[4..8], "state": state, "line": line, "times": times});
    let expected = json!([
        leak(&live_name, "Live\u{202E}one", &live, "live", 1, 3),
        leak(&revoked_name, "Revoked", &revoked, "revoked", 2, 1),
        leak(&old_name, "Rotated", &expired, "expired", 3, 1),
        leak(&old_name, "Rotated", &newer, "live", 4, 1),
        leak(&disabled_name, "Disabled", &disabled, "disabled", 6, 1),
        leak(&live_name, "Live\u{202E}one", &unknown, "unknown", 7, 1),
    ]);
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), expected);

    let table = check(&terminal, &text, &[]);
    assert_eq!(table.status.code(), Some(4));
    for output in [&output, &table] {
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        for password in [&live, &expired, &newer, &revoked, &disabled, &unknown, &foreign] {
            assert!(!printed.contains(&password[..12]), "a password was printed");
        }
    }
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("Live\\u202Eone") && !table.contains('\u{202E}'), "{table}");

    let nothing = check(&terminal, format!("{foreign} {live_name} rwp_").as_bytes(), &[]);
    assert_eq!((nothing.status.code(), nothing.stderr.len()), (Some(0), 0));
    assert_eq!(check(&terminal, b"", &["--json"]).stdout, b"[]\n");
    let nowhere = Terminal::over("postgresql://127.0.0.1:1/nothing".to_owned());
    assert_eq!(
        check(&nowhere, live.as_bytes(), &[]).status.code(),
        Some(1),
        "it failed, which is not that nothing was found"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rules_find_what_leaked_and_nothing_else() {
    let server = TestServer::start().await;
    let rules = &all_blocks(&server.visitor(), "").await["gitleaks-toml"];
    let rules: Vec<Regex> =
        rules.split("regex = '''").skip(1).map(|rest| Regex::new(rest.split("'''").next().unwrap()).unwrap()).collect();
    let [password_rule, pair_rule, address_rule, token_rule] = rules.as_slice() else { panic!("{rules:?}") };
    for _ in 0..1_000 {
        let password = made_with(b"any key", "rw_7f3kq2m9");
        for text in [
            password.clone(),
            format!("export WEBHOOK_PASSWORD={password}"),
            format!("{{\"password\":\"{password}\"}}"),
            format!("curl --user 'rw_7f3kq2m9:{password}' https://webhook.example.com/"),
            format!("https://rw_7f3kq2m9:{password}@webhook.example.com/"),
        ] {
            assert_eq!(password_rule.find(&text).unwrap().as_str(), password, "{text}");
            let pair = format!("rw_7f3kq2m9:{password}");
            assert_eq!(
                pair_rule.find(&text).map(|found| found.as_str()),
                text.contains(&pair).then_some(pair.as_str()),
                "{text}"
            );
        }
    }
    let password = made_with(b"any key", "rw_7f3kq2m9");
    let token = password.replace("rwp_", "rwi_");
    let address = format!("https://webhook.example.com/in/{token}");
    assert_eq!(address_rule.find(&address).unwrap().as_str(), token);
    let token = password.replace("rwp_", "rwt_");
    assert_eq!(token_rule.find(&format!("Authorization: Bearer {token}")).unwrap().as_str(), token);
    for text in [
        password[..35].to_owned(),
        format!("{password}0"),
        format!("x{password}"),
        password.replace("rwp_", "rw_"),
        format!("rwp_{}", "•".repeat(32)),
        "rwp_7Hq2••••••••".to_owned(),
        "rwp_$WEBHOOK_PASSWORD_OF_THE_SENDER_HERE".to_owned(),
        "--user \"$USERNAME:$PASSWORD\"".to_owned(),
    ] {
        assert!(rules.iter().all(|rule| !rule.is_match(&text)), "{text}");
    }
    for name in PAGES {
        let page = server.visitor().page(&format!("/docs/webhooks/{name}")).await;
        assert!(!password_rule.is_match(&page), "{name} has no example that would be reported");
    }
}
