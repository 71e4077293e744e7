//! Two-step sign-in in a browser: turned on, signed in with, and turned off; without script, and with the keyboard alone.

use jiff::SignedDuration;
use thirtyfour::prelude::*;

use crate::support::authenticator::Authenticator;
use crate::support::server::{PASSWORD, TestServer};
use crate::visit::{MAYA, Visit};

const SECOND_FACTOR: &str = "/settings/account/second-factor";

async fn scan(visit: &Visit) -> Authenticator {
    visit.see("svg.qr").await;
    Authenticator::scan(&visit.source().await.unwrap())
}

/// From the Account page to the recovery codes, which it gives.
async fn turn_on(server: &TestServer, visit: &Visit) -> (Authenticator, Vec<String>) {
    visit.go("/settings/account").await;
    visit.press_words("main a", "Turn on two-step sign-in").await;
    visit.arrive(SECOND_FACTOR).await;
    let phone = scan(visit).await;
    visit.fill("#code", &phone.wrong_code(server.now())).await;
    visit.press("main form button.primary").await;
    visit.read("#code-error", "That code doesn’t match.").await;
    visit.fill("#code", &phone.next_code(server)).await;
    visit.press("main form button.primary").await;
    visit.read("h1", "Your recovery codes").await;
    let codes: Vec<String> = visit.text("#recovery-codes code").await.lines().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    (phone, codes)
}

async fn sign_out_and_give_password(visit: &Visit) {
    visit.delete_all_cookies().await.unwrap();
    visit.go("/login?next=/settings/account").await;
    visit.fill("#email", MAYA).await;
    visit.fill("#password", PASSWORD).await;
    visit.press("main form button").await;
    visit.arrive("/login/code").await;
}

// holds C6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_step_sign_in_needs_no_script() {
    let server = TestServer::start().await;
    let visit = Visit::begin_without_script(&server).await;
    server.create_account(MAYA, "pro").await;
    visit.sign_in().await;
    let (phone, codes) = turn_on(&server, &visit).await;
    assert!(!visit.shows(".copy").await);
    visit.press("a[download]").await;
    let file = visit.browser.downloads.join("reasoner-webhooks-recovery-codes.txt");
    let text =
        visit.until("the file", async || std::fs::read_to_string(&file).ok().filter(|text| !text.is_empty())).await;
    assert!(codes.iter().all(|code| text.lines().any(|line| line == code)), "{text}");
    visit.refresh().await.unwrap();
    visit.press("a[data-saved], main a.btn.primary").await;
    visit.arrive(SECOND_FACTOR).await;
    visit.read("dd", "10 of 10 left").await;

    sign_out_and_give_password(&visit).await;
    visit.fill("#code", &phone.wrong_code(server.now())).await;
    visit.press("main form button").await;
    visit.read(".notice.bad", "That code doesn’t match").await;
    visit.fill("#code", &phone.next_code(&server)).await;
    visit.press("main form button").await;
    visit.arrive("/settings/account").await;

    sign_out_and_give_password(&visit).await;
    visit.press_words("main a", "Use a recovery code").await;
    visit.read("h1", "Enter a recovery code").await;
    visit.fill("#code", &codes[4].to_uppercase()).await;
    visit.press("main form button").await;
    visit.arrive("/settings/account").await;
    visit.press_words("main a", "Manage two-step sign-in").await;
    visit.read("dd", "9 of 10 left").await;
    visit.press_words("main button", "Generate new recovery codes").await;
    visit.read("h1", "Your recovery codes").await;
    assert!(!visit.text("#recovery-codes code").await.contains(&codes[0]));
    visit.press("a[data-saved]").await;
    visit.fill("#current", PASSWORD).await;
    visit.fill("#code", &phone.next_code(&server)).await;
    visit.press_words("main button", "Turn off two-step sign-in").await;
    visit.arrive("/settings/account").await;
    visit.read(".notice", "Two-step sign-in is off.").await;
    visit.end_after(&[409, 422]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_field_has_the_focus_and_enter_signs_in() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    visit.allow_clipboard().await;
    let (phone, codes) = turn_on(&server, &visit).await;
    visit.press("[data-copy='#recovery-codes']").await;
    visit.see("[data-copy='#recovery-codes'][data-copied]").await;
    let copied = visit.ask("return navigator.clipboard.readText()").await;
    assert_eq!(copied.as_str().unwrap().trim_end(), codes.join("\n"));
    visit.press("a[data-saved]").await;
    visit.arrive(SECOND_FACTOR).await;
    sign_out_and_give_password(&visit).await;
    let keys = async |text: &str| {
        let focused = "return document.activeElement.id === 'code'";
        visit.until("focus on the code", async || (visit.ask(focused).await == true).then_some(())).await;
        visit.action_chain().send_keys(text).send_keys(Key::Enter).perform().await.unwrap();
    };
    keys(&phone.wrong_code(server.now())).await;
    visit.read(".notice.bad", "That code doesn’t match").await;
    keys(&phone.next_code(&server)).await;
    visit.arrive("/settings/account").await;

    sign_out_and_give_password(&visit).await;
    server.pass(SignedDuration::from_mins(11));
    keys(&phone.next_code(&server)).await;
    visit.arrive("/login").await;
    visit.read(".notice", "Enter your password again.").await;
    assert_eq!(visit.complaints(&[422]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}
