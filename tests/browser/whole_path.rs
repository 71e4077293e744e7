//! The path that everybody takes, in one sitting: set up, create, send, see it arrive, rotate, revoke.

use std::process::Output;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use tokio::process::Command;

use crate::support::actors::Sender;
use crate::support::server::{PASSWORD, TestServer};
use crate::visit::{MAYA, Visit, WEBHOOKS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_owner_gets_from_the_set_up_link_to_a_revoked_credential() {
    let server = TestServer::start().await;
    let visit = Visit::begin(&server).await;

    set_up(&server, &visit).await;
    let sender = create(&server, &visit).await;
    check_copying(&visit, &sender).await;
    check_env_file(&server, &visit, &sender).await;
    see_first_event(&visit).await;
    see_second_event_live(&visit, &sender).await;
    let new = rotate(&server, &visit, &sender).await;
    revoke(&visit, &sender, &new).await;
    see_rejection(&visit).await;

    // The page of a form that did not validate answers with 422, which the browser notes.
    assert_eq!(visit.complaints(&[422]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}

/// Opens the link that the start-up card prints.
pub async fn set_up(server: &TestServer, visit: &Visit) {
    let link = server.application().setup_link().await.unwrap().unwrap();
    visit.goto(link).await.unwrap();
    visit.fill("#email", MAYA).await;
    visit.fill("#password", PASSWORD).await;
    visit.press("main form button").await;
    visit.arrive(WEBHOOKS).await;
    assert_eq!(visit.count("ol.steps > li").await, 3);
    assert_eq!(visit.text("ol.steps > li[aria-current=step] h2").await, "Generate a credential");
}

/// Generates the first credential and checks what the page says about it.
pub async fn create(server: &TestServer, visit: &Visit) -> Sender {
    let (username, password) = visit.generate("Inventory system").await;
    let sender = Sender::new(&server.url, &username, &password);
    assert_eq!(visit.text("h1").await, "Credential created for Inventory system");
    assert_eq!(visit.text("#endpoint").await, format!("{}/", server.url));
    let token = BASE64_STANDARD.encode(format!("{username}:{password}"));
    assert_eq!(visit.text("#authorization").await, format!("Basic {token}"));
    let curl = visit.text("#curl").await;
    assert!(curl.starts_with("curl ") && curl.contains(&format!("'{username}:{password}'")), "{curl}");
    sender
}

async fn check_copying(visit: &Visit, sender: &Sender) {
    visit.allow_clipboard().await;
    for (target, text) in [
        ("#username", sender.username.clone()),
        ("#password", sender.password.clone()),
        ("#authorization", sender.authorization()),
        ("#curl", visit.text("#curl").await),
    ] {
        visit.press(&format!("[data-copy='{target}']")).await;
        visit.see(&format!("[data-copy='{target}'][data-copied]")).await;
        visit.read("#announcer", "Copied").await;
        assert_eq!(visit.ask("return navigator.clipboard.readText()").await, text, "{target}");
    }
}

/// The file is in the page: it takes no second request, which could not have the password.
async fn check_env_file(server: &TestServer, visit: &Visit, sender: &Sender) {
    let url = &server.url;
    let (username, password) = (&sender.username, &sender.password);
    let expected = format!("WEBHOOK_URL={url}/\nWEBHOOK_USERNAME={username}\nWEBHOOK_PASSWORD={password}\n");
    let link = visit.attribute("a[download='reasoner-webhooks.env']", "href").await;
    let encoded = link.strip_prefix("data:text/plain;charset=utf-8,").unwrap();
    assert_eq!(percent_decode_str(encoded).decode_utf8().unwrap(), expected);

    visit.press("a[download='reasoner-webhooks.env']").await;
    let file = visit.browser.downloads.join("reasoner-webhooks.env");
    let saved = visit.until("downloaded file", async || std::fs::read_to_string(&file).ok().filter(|t| !t.is_empty()));
    assert_eq!(saved.await, expected);
}

async fn see_first_event(visit: &Visit) {
    visit.read("[data-waiting]", "Waiting for the first event…").await;
    visit.ask("window.loadedOnce = true").await;
    let sent = in_shell(&visit.text("#curl").await).await;
    let (answer, error) = (String::from_utf8(sent.stdout).unwrap(), String::from_utf8(sent.stderr).unwrap());
    let (json, status) = answer.rsplit_once('\n').unwrap_or_else(|| panic!("{answer} {error}"));
    assert_eq!(status, "200", "{json} {error}");
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["status"], "ok");

    visit.read("[data-waiting]", "First event received from 127.0.0.1").await;
    assert_eq!(visit.ask("return window.loadedOnce").await, true, "the page was not loaded again");
    visit.press("[data-waiting] a").await;
    visit.arrive(&format!("/events/{}", json["id"].as_str().unwrap())).await;
    visit.read(".tree", "\"Hello from webhook!\"").await;
    visit.press("label[for=view-raw]").await;
    assert_eq!(visit.text("#raw").await, r#"{"message": "Hello from webhook!"}"#);
}

/// Runs a command line as somebody who pasted it. curl reads from its own file that it should also tell the status, so that the
/// line stays as it is on the page.
async fn in_shell(line: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".curlrc"), "silent\nshow-error\nwrite-out = \"\\n%{http_code}\"\n").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env("CURL_HOME", home.path()).env("NO_PROXY", "*").env("no_proxy", "*");
    shell.output().await.unwrap()
}

async fn see_second_event_live(visit: &Visit, sender: &Sender) {
    visit.go("/events").await;
    visit.read(".events-table tbody tr", "Hello from webhook!").await;
    assert_eq!(visit.count(".events-table tbody tr").await, 1);
    visit.ask("window.loadedOnce = true").await;

    let id = sender.store(r#"{"order": 48213, "status": "paid"}"#).await;
    let first = visit.read(".events-table tbody tr:first-child", "48213").await;
    assert!(first.contains("Inventory system"), "{first}");
    assert_eq!(visit.attribute(".events-table tbody tr:first-child", "data-id").await, id);
    assert_eq!(visit.count(".events-table tbody tr").await, 2);
    assert_eq!(visit.ask("return window.loadedOnce").await, true, "the page was not loaded again");
}

async fn rotate(server: &TestServer, visit: &Visit, old: &Sender) -> Sender {
    visit.open_credential().await;
    visit.press(".cred a.btn[href^='?rotate=']").await;
    visit.see("dialog:modal #keep-24h:checked").await;
    assert!(visit.shows("dialog .outcome[data-for='24h']").await, "what will happen is said");
    visit.press_words("dialog button", "Rotate password").await;
    visit.read("h1", "New password for Inventory system").await;
    let new = Sender::new(&server.url, &visit.text("#username").await, &visit.text("#password").await);
    assert_eq!(new.username, old.username);
    assert_ne!(new.password, old.password);
    visit.press("[data-copy='#password']").await;
    visit.see("[data-copy='#password'][data-copied]").await;
    visit.press("a[data-saved]").await;

    visit.read(".cred .status", "Rotating").await;
    visit.read(".cred .notice", "Neither password has been used since the change.").await;
    // The old one last, so that it was used since the new one was.
    assert_eq!((new.status().await, old.status().await), (200, 200));
    // Uses are noted beside the requests, a moment later.
    visit
        .until("the use of the old password", async || {
            visit.open_credential().await;
            let notice = visit.text(".cred .notice").await;
            let said = notice.contains("The old password was last used")
                && notice.contains("from 127.0.0.1: don’t stop it yet.");
            said.then_some(())
        })
        .await;
    assert_eq!(visit.text(".cred .status").await, "Rotating");
    new
}

async fn revoke(visit: &Visit, old: &Sender, new: &Sender) {
    visit.open_menu().await;
    visit.press_words(".cred .menu-list a", "Revoke…").await;
    visit.see("dialog:modal").await;
    // It is in use, so the name has to be typed.
    visit.fill("#confirmation", "inventory").await;
    visit.press_words("dialog button", "Revoke credential").await;
    visit.read("#confirmation-error", "Type Inventory system exactly as it is written.").await;
    assert_eq!((old.status().await, new.status().await), (200, 200));

    visit.fill("#confirmation", "Inventory system").await;
    visit.press_words("dialog button", "Revoke credential").await;
    visit.read(".notice", "Inventory system is revoked.").await;
    assert_eq!((old.status().await, new.status().await), (401, 401));
}

async fn see_rejection(visit: &Visit) {
    visit.go("/events").await;
    visit.press_words(".segmented a", "Rejected").await;
    visit.arrive("/events/rejections").await;
    visit
        .until("the rejection", async || {
            visit.refresh().await.ok()?;
            let rows = visit.text("main").await;
            let said = rows.contains("Password is revoked") && rows.contains("Somebody still uses a password");
            said.then_some(())
        })
        .await;
    assert!(visit.text(".table tbody tr").await.contains("401"));
}
