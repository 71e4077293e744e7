//! The question for the account password, in a browser that was left open for too long and before an account is deleted.

use jiff::SignedDuration;
use thirtyfour::prelude::*;

use crate::support::authenticator::Authenticator;
use crate::support::server::{PASSWORD, TestServer};
use crate::visit::{MAYA, Visit, WEBHOOKS};

const LATE: SignedDuration = SignedDuration::from_mins(16);

/// Types where the focus is, as somebody without a mouse does.
async fn type_and_enter(visit: &Visit, css: &str, text: &str) {
    let has_focus = format!("return document.activeElement.matches({css:?})");
    visit.see(css).await;
    visit.until(&format!("focus on {css}"), async || (visit.ask(&has_focus).await == true).then_some(())).await;
    visit.action_chain().send_keys(text).send_keys(Key::Enter).perform().await.unwrap();
}

async fn rotate_late(server: &TestServer, visit: &Visit) {
    server.create_account(MAYA, "pro").await;
    visit.sign_in().await;
    visit.go(WEBHOOKS).await;

    // The page was opened in time and sent too late.
    server.pass(LATE);
    visit.fill("#name", "Inventory system").await;
    visit.press("main form button.primary").await;
    visit.read("h1", "Confirm it’s you").await;
    type_and_enter(visit, "#current", "not the password").await;
    visit.read("#current-error", "This isn’t your account password.").await;
    assert_eq!(server.number("select count(*) from credentials").await, 0);
    type_and_enter(visit, "#current", PASSWORD).await;
    visit.read("h1", "Credential created for Inventory system").await;
    visit.press("a[data-saved]").await;

    // The dialog was opened too late and has the field itself.
    server.pass(LATE);
    visit.open_credential().await;
    visit.press(".cred a.btn[href^='?rotate=']").await;
    visit.see("dialog[open]").await;
    visit.press("label[for=keep-1h]").await;
    visit.fill("dialog #current", PASSWORD).await;
    visit.press_words("dialog button", "Rotate password").await;
    visit.read("h1", "New password for Inventory system").await;
    assert_eq!(server.number("select count(*) from credential_secrets").await, 2);
}

// holds C12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_survives_the_question_for_the_password() {
    let server = TestServer::start().await;
    let visit = Visit::begin(&server).await;
    rotate_late(&server, &visit).await;
    visit.end_after(&[403, 422]).await;
    server.stop().await;
}

// holds C12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_question_for_the_password_needs_no_script() {
    let server = TestServer::start().await;
    let visit = Visit::begin_without_script(&server).await;
    rotate_late(&server, &visit).await;
    visit.end_after(&[403, 422]).await;
    server.stop().await;
}

/// Rotates in a dialog that was opened late, with the keyboard, where two-step sign-in is on.
async fn rotate_with_code(server: &TestServer, visit: &Visit) {
    server.create_account(MAYA, "pro").await;
    let maya = server.sign_in(MAYA).await;
    server.sender(&maya).await;
    let (phone, _) = Authenticator::enrol(server, &maya).await;
    visit.go(&format!("/login?next={WEBHOOKS}")).await;
    visit.fill("#email", MAYA).await;
    visit.fill("#password", PASSWORD).await;
    visit.press("main form button").await;
    visit.arrive("/login/code").await;
    visit.fill("#code", &phone.next_code(server)).await;
    visit.press("main form button").await;
    visit.arrive(WEBHOOKS).await;

    server.pass(LATE);
    visit.open_credential().await;
    visit.press(".cred a.btn[href^='?rotate=']").await;
    visit.see("dialog[open]").await;
    visit.fill("dialog #current", PASSWORD).await;
    visit.action_chain().send_keys(Key::Tab).perform().await.unwrap();
    type_and_enter(visit, "dialog #confirmation-code", &phone.next_code(server)).await;
    visit.read("h1", "New password for System 1").await;
}

// holds issue 15: the second factor is asked at step-up
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialog_takes_the_code_after_the_password_with_the_keyboard() {
    let server = TestServer::start().await;
    let visit = Visit::begin(&server).await;
    rotate_with_code(&server, &visit).await;
    visit.end_after(&[]).await;
    server.stop().await;
}

// holds issue 15: the second factor is asked at step-up
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialog_takes_the_code_after_the_password_without_script() {
    let server = TestServer::start().await;
    let visit = Visit::begin_without_script(&server).await;
    rotate_with_code(&server, &visit).await;
    visit.end_after(&[]).await;
    server.stop().await;
}

// holds C12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_deleted_from_its_page_without_script() {
    let server = TestServer::start().await;
    let visit = Visit::begin_without_script(&server).await;
    server.create_account(MAYA, "pro").await;
    visit.sign_in().await;
    visit.go("/settings/account").await;
    visit.press_words("main a", "Delete account…").await;
    visit.arrive("/settings/account/deletion").await;
    visit.fill("#email", MAYA).await;
    visit.fill("#current", "not the password").await;
    visit.press_words("main button", "Delete account").await;
    visit.read("#current-error", "This isn’t your account password.").await;
    visit.fill("#current", PASSWORD).await;
    visit.press_words("main button", "Delete account").await;
    visit.arrive("/login").await;
    visit.read(".notice", "Your account is deleted.").await;
    assert_eq!(server.number("select count(*) from accounts").await, 0);
    visit.end_after(&[422]).await;
    server.stop().await;
}
