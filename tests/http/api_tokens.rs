//! API tokens: made, shown once, rotated, revoked, and known where they leak.

use std::io::Write;
use std::process::Stdio;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::command_line::Terminal;
use crate::support::actors::between;
use crate::support::api_program::Program;
use crate::support::server::{PASSWORD, TestServer};

const TOKENS: &str = "/settings/api-tokens";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_kept_as_a_digest_alone() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let id = "0195b3c8-5f3a-7d57-8f5d-7c1b0d7a4e10";
    let grant = [("id", id), ("name", "Nightly <export>"), ("scope", "events:read"), ("lifetime", "90")];
    let made = alice.post(TOKENS, &grant).await;
    assert_eq!((made.status().as_u16(), &made.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    let page = made.text().await.unwrap();
    let token = between(&page, "<code id=\"token\">", "</code>").to_owned();
    assert!(token.starts_with("rwt_") && token.len() == 36, "{token}");
    assert!(page.contains(&format!("{}/api/v1/self", server.url)) && page.contains("Nightly &#60;export&#62;"));

    let again = alice.post(TOKENS, &grant).await;
    let told = alice.follow(again).await;
    assert!(told.contains("You’ve already sent this form.") && !told.contains(&token));
    assert!(told.contains(&token[..8]) && told.contains("events:read") && told.contains("Never used."), "{told}");
    assert_eq!(server.number("select count(*) from api_tokens").await, 1);
    let kept = format!(
        "select count(*) from api_token_values v, api_tokens t where v::text like '%{token}%' or t::text like '%{token}%'"
    );
    assert_eq!(server.number(&kept).await, 0);
    let digest = format!("select count(*) from api_token_values where hash = encode(sha256('{token}'), 'hex')");
    assert_eq!(server.number(&digest).await, 1);
    let lines = server.audit_lines("action, subject", "action like 'api_token%'").await;
    assert_eq!(lines[0][..2], ["api_token_created", "Nightly <export>"]);
    assert!(lines[0][2].starts_with(&token[..8]) && lines[0][2].contains("events:read"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_wrong_comes_back_with_what_was_chosen() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let typed = [
        ("name", " "),
        ("scope", "events:read"),
        ("scope", "audit:read"),
        ("lifetime", "401"),
        ("credentials", "rw_00000000"),
        ("networks", "10.0.0.0/33"),
    ];
    let answer = alice.post(TOKENS, &typed).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    for words in [
        "Enter a name",
        "1 to 400 days",
        "no credential with the username rw_00000000",
        "is not an address or network",
        "value=\"events:read\" checked",
        "value=\"audit:read\" checked",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let page = alice.post(TOKENS, &[("name", "x"), ("lifetime", "90")]).await.text().await.unwrap();
    assert!(page.contains("Choose at least one thing that it may do."));
    assert_eq!(server.number("select count(*) from api_tokens").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_values_work_through_an_overlap_and_the_old_one_ends() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let old = Program::with(&server, &alice, &["events:read"]).await;
    let path = format!("{TOKENS}/{}", old.id);
    assert_eq!(alice.page(&path).await.matches("<h1>").count(), 1);
    let rotate = async |overlap: &str| {
        let fields = [("overlap", overlap), ("current_password", PASSWORD)];
        let answer = alice.post(&format!("{path}/rotation"), &fields).await;
        assert_eq!(answer.status(), 200, "{overlap}");
        old.with_token(between(&answer.text().await.unwrap(), "<code id=\"token\">", "</code>"))
    };
    let new = rotate("1h").await;
    assert_eq!((old.status("/self").await, new.status("/self").await), (200, 200));
    let third = alice.post(&format!("{path}/rotation"), &[("overlap", "24h")]).await;
    assert!(alice.follow(third).await.contains("Two values of this token work already."));
    server.pass(SignedDuration::from_mins(61));
    assert_eq!((old.status("/self").await, new.status("/self").await), (401, 200));
    let newest = rotate("now").await;
    assert_eq!((new.status("/self").await, newest.status("/self").await), (401, 200));
    let asked = alice.post(&format!("{path}/revocation"), &[]).await;
    assert_eq!(asked.status(), 303, "the password was given a moment ago");
    assert_eq!(newest.status("/self").await, 401, "from the next request on");
    server.pass(SignedDuration::from_mins(16));
    for act in ["rotation", "revocation"] {
        assert_eq!(alice.post(&format!("{path}/{act}"), &[]).await.status(), 403, "{act} asks for the password");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_form_that_is_sent_twice_rotates_once() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let program = Program::with(&server, &alice, &["events:read"]).await;
    let path = format!("{TOKENS}/{}", program.id);
    let hint = between(&alice.page(&path).await, "name=\"hint\" value=\"", "\"").to_owned();
    assert_eq!(hint, program.token[4..8]);
    let form = [("hint", hint.as_str()), ("overlap", "now"), ("current_password", PASSWORD)];
    let rotated = alice.post(&format!("{path}/rotation"), &form).await;
    assert_eq!(rotated.status(), 200);
    let new = program.with_token(between(&rotated.text().await.unwrap(), "<code id=\"token\">", "</code>"));
    let again = alice.post(&format!("{path}/rotation"), &form).await;
    assert!(alice.follow(again).await.contains("You’ve already sent this form."));
    assert_eq!(new.status("/self").await, 200);
    let week = alice.post(&format!("{path}/rotation"), &[("overlap", "7d")]).await;
    assert_eq!((week.status().as_u16(), new.status("/self").await), (400, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_at_its_date_and_its_page_warns_before() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let program = Program::with(&server, &alice, &["events:read"]).await;
    assert!(!alice.page(TOKENS).await.contains("Expires within"));
    let day = SignedDuration::from_hours(24);
    for (days, words) in [(77, "Expires within 14 days"), (7, "Expires within 7 days"), (5, "Expires within a day")] {
        server.pass(day * days);
        assert_eq!(program.status("/self").await, 200);
        let alice = server.sign_in("alice@example.com").await;
        assert!(alice.page(TOKENS).await.contains(words), "{words}");
    }
    server.pass(day);
    assert_eq!(program.status("/self").await, 401);
    let alice = server.sign_in("alice@example.com").await;
    assert!(alice.page(TOKENS).await.contains("Expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_fifty_tokens_that_work() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    Program::with(&server, &alice, &["events:read"]).await;
    server
        .query("insert into api_tokens (id, account_id, user_id, name, scopes, created_at) select gen_random_uuid(), account_id, \
                user_id, 'x', 'events:read', created_at from api_tokens, generate_series(1, 49)")
        .await;
    let grant = [("name", "One more"), ("scope", "events:read"), ("lifetime", "none")];
    let answer = alice.post(TOKENS, &grant).await;
    assert_eq!(answer.status(), 422);
    assert!(answer.text().await.unwrap().contains("the limit of 50 API tokens"));
    server
        .query("update api_tokens set revoked_at = now() where id = (select min(id::text)::uuid from api_tokens)")
        .await;
    assert_eq!(alice.post(TOKENS, &grant).await.status(), 200);
    let expire = "update api_tokens set expires_at = created_at where name = 'One more' returning id::text";
    let expired = server.query(expire).await[0][0].clone().unwrap();
    assert_eq!(alice.post(TOKENS, &grant).await.status(), 200);
    let rotate = async || alice.post(&format!("{TOKENS}/{expired}/rotation"), &[("overlap", "now")]).await;
    let refused = rotate().await;
    let told = alice.follow(refused).await;
    assert!(told.contains("50 API tokens work already."), "an expired one counts when it works again: {told}");
    server.query("update api_tokens set revoked_at = now() where name = 'x'").await;
    assert_eq!(rotate().await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn last_use_is_noted_with_address_and_program() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let program = Program::with(&server, &alice, &["events:read"]).await;
    program.status("/self").await;
    let noted = "select count(*) from api_tokens where last_used_ip = '127.0.0.1' and last_used_agent = 'export/1.0'";
    server.eventually(noted, 1).await;
    assert!(alice.page(TOKENS).await.contains("by export/1.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_lists_and_revokes_tokens() {
    let terminal = Terminal::new().await;
    terminal.create_account("ben@example.com");
    let made = terminal.json(&[
        "token",
        "create",
        "ben@example.com",
        "Backup",
        "--scopes",
        "events:read,audit:read",
        "--expires",
        "never",
    ]);
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("rwt_") && made["expires_at"].is_null(), "{made}");
    assert_eq!(made["scopes"], json!(["events:read", "audit:read"]));
    let listed = terminal.json(&["token", "list", "ben@example.com"]);
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&made["id"], &Value::from("live")));
    let table = terminal.output(&["token", "list", "ben@example.com"]);
    assert!(table.contains("Backup") && !table.contains(&token[..12]), "{table}");
    for (args, words) in [
        (vec!["token", "create", "ben@example.com", "x", "--scope", "all"], "is not a scope"),
        (
            vec!["token", "create", "ben@example.com", "x", "--scope", "events:read", "--expires", "401d"],
            "1 to 400 days",
        ),
        (
            vec!["token", "create", "ben@example.com", "x", "--scope", "events:read", "--credential", "rw_00000000"],
            "no credential with the username rw_00000000",
        ),
        (vec!["token", "revoke", "x"], "there is no API token"),
    ] {
        let line = terminal.failure(&args, 1);
        assert!(line.contains(words), "{line}");
    }

    let check = |text: String| {
        let mut child = terminal
            .command(&["credential", "check", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let found = check(format!("AUTH='Bearer {token}'\n"));
    assert_eq!((&found[0]["state"], &found[0]["name"]), (&Value::from("live"), &Value::from("Backup")), "{found}");
    assert!(!found.to_string().contains(&token[..12]));
    terminal.output(&["token", "revoke", made["id"].as_str().unwrap()]);
    assert_eq!(check(token.clone())[0]["state"], "revoked");
    assert_eq!(terminal.json(&["token", "list", "ben@example.com"]), Value::Array(Vec::new()));
}
