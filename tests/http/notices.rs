//! A word on what was just done: told once, by the page that it is for, and to nobody else.

use jiff::SignedDuration;
use reqwest::Method;

use crate::support::actors::{Person, WEBHOOKS};
use crate::support::server::{PASSWORD, TestServer};

const RENAMED: &str = "Renamed to Lager.";
const DEVICES: &str = "/settings/sessions";

/// Somebody who has just renamed a credential, and is on the way to the page that says so.
async fn renamed(server: &TestServer) -> Person {
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    let answer = alice.post(&format!("{WEBHOOKS}/credentials/{id}/name"), &[("name", "Lager")]).await;
    let page = format!("{WEBHOOKS}/{id}#told");
    assert_eq!(answer.headers()["location"], page, "what was done is no part of the address");
    alice
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_told_once_and_a_reload_does_not_repeat_it() {
    let server = TestServer::start().await;
    let alice = renamed(&server).await;
    assert!(alice.page(WEBHOOKS).await.contains(RENAMED));
    assert!(!alice.page(WEBHOOKS).await.contains(RENAMED));
    let address = format!("{WEBHOOKS}?done=renamed");
    assert!(!alice.page(&address).await.contains("role=\"status\""), "an address makes nobody say anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_waits_for_its_own_page_whatever_else_is_loaded_before() {
    let server = TestServer::start().await;
    let alice = renamed(&server).await;
    let css = alice.page("/docs/webhooks/quick-start").await;
    let css = css.split('"').find(|text| text.starts_with("/static/app")).unwrap().to_owned();
    let stream = alice.get("/events/live").await;
    assert_eq!(stream.status(), 200);
    for path in [css.as_str(), "/events", "/settings/account", DEVICES, "/settings/account/second-factor", "/nowhere"] {
        assert!(!alice.get(path).await.text().await.unwrap().contains(RENAMED), "{path}");
    }
    // Another tab: a dialog that its script loads, a page that the browser loads in advance, and one that is only looked for.
    let ask = |method, name: &str, value: &str| {
        alice.client.request(method, format!("{}{WEBHOOKS}", server.url)).header(name, value).send()
    };
    let dialog = ask(Method::GET, "sec-fetch-mode", "cors").await.unwrap().text().await.unwrap();
    let ahead = ask(Method::GET, "sec-purpose", "prefetch").await.unwrap().text().await.unwrap();
    assert!(!dialog.contains(RENAMED) && !ahead.contains(RENAMED));
    assert_eq!(ask(Method::HEAD, "accept", "text/html").await.unwrap().status(), 200);
    assert!(alice.page(WEBHOOKS).await.contains(RENAMED));
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_that_shows_a_notice_beside_its_button_is_told_it() {
    let server = TestServer::start().await;
    let alice = renamed(&server).await;
    let request = alice.client.get(format!("{}{WEBHOOKS}", server.url)).header("sec-fetch-mode", "cors");
    let page = request.header("x-shows-notice", "1").send().await.unwrap().text().await.unwrap();
    assert!(page.contains(RENAMED));
    assert!(!alice.page(WEBHOOKS).await.contains(RENAMED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_told_to_nobody_who_signs_in_next_nor_long_after() {
    let server = TestServer::start().await;
    let alice = renamed(&server).await;
    server.create_account("bob@example.com", "pro").await;
    let answer = alice.post("/login", &[("email", "bob@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status(), 303);
    assert!(!alice.page(WEBHOOKS).await.contains("role=\"status\""), "the browser is bob's now");
    let kept = "select count(*) from sessions where state like '%renamed%'";
    assert_eq!(server.number(kept).await, 0);

    let bob = alice;
    bob.post("/settings/account/name", &[("name", "Harbor")]).await;
    server.pass(SignedDuration::from_mins(11));
    assert!(!bob.page("/settings/account").await.contains("The name is changed."));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_deleted_the_account_is_told_so_and_keeps_no_session() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let form = [("email", "alice@example.com"), ("current_password", PASSWORD)];
    let answer = alice.post("/settings/account/deletion", &form).await;
    assert!(alice.follow(answer).await.contains("Your account is deleted."));
    assert!(!alice.page("/login").await.contains("Your account is deleted."));
    assert_eq!(server.number("select count(*) from sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_one_browser_out_is_told_like_signing_out_all() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let other = server.visitor();
    other.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let page = alice.page(DEVICES).await;
    let form = page.split("action=\"").find(|part| part.contains("Sign out<span")).unwrap();
    let answer = alice.post(form.split('"').next().unwrap(), &[]).await;
    assert!(alice.follow(answer).await.contains("That browser is signed out."));
    assert_eq!(other.get("/events").await.status(), 303);
    let answer = alice.post("/settings/other-sessions/ending", &[]).await;
    assert!(alice.follow(answer).await.contains("No other browser was signed in."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_value_opens_no_dialog_and_no_error_page() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await;
    for query in ["rotate=7", "rotate=", "revoke=0195b3c8-5f3a-7d57-8f5d-7c1b0d7a4e10", "ms=x&event=y", "a=b=c&&=%ff"] {
        assert!(!alice.page(&format!("{WEBHOOKS}?{query}")).await.contains("<dialog"), "{query}");
    }
    assert!(alice.page(&format!("{WEBHOOKS}?new")).await.contains("id=\"new\""));
}
