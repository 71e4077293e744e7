//! Mails that warn a user of what somebody did with the account.

use crate::inbox::Inbox;
use crate::support::authenticator::{Authenticator, SECOND_FACTOR};
use crate::support::server::{PASSWORD, TestServer};

const ALICE: &str = "alice@example.com";
const NEW_BROWSER: &str = "A new browser signed in";

// holds issue 18, section 1: new device
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_was_not_known_is_told_once() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let alice = server.pro(ALICE).await;
    let mail = inbox.first(ALICE, NEW_BROWSER).await;
    assert!(mail.text().contains("signed in to alice@example.com from 127.0.0.1 on "), "{mail:?}");
    alice.page("/events").await;
    alice.post("/logout", &[]).await;
    assert_eq!(alice.post("/login", &[("email", ALICE), ("password", PASSWORD)]).await.status(), 303);
    server.sign_in(ALICE).await;
    inbox.nth(2, ALICE, NEW_BROWSER).await;
    assert_eq!(server.number("select count(*) from outgoing_mails where kind = 'new_device'").await, 2);
}

// holds issue 18, section 1: changed password or second factor
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_the_password_and_of_two_step_sign_in_are_told() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let alice = server.pro(ALICE).await;
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    inbox.first(ALICE, "Two-step sign-in was turned on").await;
    let code = phone.next_code(&server);
    let fields = [("current_password", PASSWORD), ("code", code.as_str())];
    alice.post(&format!("{SECOND_FACTOR}/removal"), &fields).await;
    inbox.first(ALICE, "Two-step sign-in was turned off").await;
    let new = "an entirely different set of words";
    alice.post("/settings/account/password", &[("current_password", PASSWORD), ("new_password", new)]).await;
    let mail = inbox.first(ALICE, "Your password was changed").await;
    assert!(mail.text().contains("If it wasn’t you, choose a new password now"), "{mail:?}");
    assert!(
        inbox.mails().iter().all(|mail| !mail.0.to_string().contains(PASSWORD) && !mail.0.to_string().contains(new))
    );
}

// holds issue 18, section 1: without SMTP everything works as before
#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_nothing_is_offered_and_nothing_waits() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    alice.post("/settings/account/email", &[("email", "alice@new.example")]).await;
    assert!(!alice.page("/settings/account").await.contains("/settings/account/email/confirmation"));
    assert_eq!(alice.post("/settings/account/email/confirmation", &[]).await.status(), 404);
    let login = server.visitor().page("/login").await;
    assert!(login.contains("Your administrator can reset it") && !login.contains("/forgot-password"), "{login}");
    for path in ["/forgot-password", "/links/new-password?token=x"] {
        assert_eq!(server.visitor().get(path).await.status(), 404, "{path}");
    }
    let forgotten = server.visitor().post("/forgot-password", &[("email", ALICE)]).await;
    assert_eq!(forgotten.status(), 404);
    assert_eq!(server.number("select count(*) from outgoing_mails").await, 0);
}
