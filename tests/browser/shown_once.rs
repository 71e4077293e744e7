//! A password is seen once, whatever somebody does with the browser's buttons, and no form makes two of anything.
// holds C6

use crate::support::server::TestServer;
use crate::visit::{Visit, WEBHOOKS};

/// Sends the form of the page once more, as a browser would that asks "send again?".
const SEND_AGAIN: &str = "
    const form = document.querySelector('main form[action$=\"/credentials\"], dialog form');
    const body = new URLSearchParams(new FormData(form));
    const send = () => fetch(form.action, { method: 'POST', body }).then(async answer => [answer.status, await answer.text()]);
    return Promise.all([send(), send(), send()]);
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_reload_nor_back_shows_a_password_again_or_makes_another_credential() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    visit.go(WEBHOOKS).await;
    let (_, password) = visit.generate("Inventory system").await;
    visit.press("[data-copy='#password']").await;
    visit.see("[data-copy='#password'][data-copied]").await;

    // The form isn't sent again, and the browser asks nothing.
    visit.refresh().await.unwrap();
    visit.read("h1", "Webhooks").await;
    check(&server, &visit, &[&password], (1, 1)).await;

    visit.open_credential().await;
    visit.press(".cred a.btn[href^='?rotate=']").await;
    visit.see("dialog:modal").await;
    visit.press_words("dialog button", "Rotate password").await;
    visit.read("h1", "New password for Inventory system").await;
    let second = visit.text("#password").await;
    visit.press("[data-copy='#password']").await;
    visit.see("[data-copy='#password'][data-copied]").await;
    visit.press("a[data-saved]").await;
    visit.see("main.cred").await;

    // The page with the password is one step back, then two; what a browser shows there has nothing secret in it, and is a page: no
    // question whether to send a form again, and no error (issue 16, section 5).
    for _ in 0..3 {
        visit.back().await.unwrap();
        visit.see(".site-header").await;
        check(&server, &visit, &[&password, &second], (1, 2)).await;
    }
    for _ in 0..3 {
        visit.forward().await.unwrap();
        visit.see(".site-header").await;
        check(&server, &visit, &[&password, &second], (1, 2)).await;
    }
    visit.end().await;
    server.stop().await;
}

async fn check(server: &TestServer, visit: &Visit, passwords: &[&String], (credentials, secrets): (i64, i64)) {
    let source = visit.source().await.unwrap();
    let url = visit.current_url().await.unwrap();
    assert!(!passwords.iter().any(|password| source.contains(*password)), "a password is shown again at {url}");
    assert_eq!(server.number("select count(*) from credentials").await, credentials, "{url}");
    assert_eq!(server.number("select count(*) from credential_secrets").await, secrets, "{url}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_sent_three_times_at_once_makes_one_credential_and_shows_it_once() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    visit.go(WEBHOOKS).await;
    visit.fill("#name", "Inventory system").await;
    check_one_of_three(&visit).await;
    assert_eq!(server.number("select count(*) from credentials").await, 1);

    visit.open_credential().await;
    visit.press(".cred a.btn[href^='?rotate=']").await;
    visit.see("dialog:modal").await;
    check_one_of_three(&visit).await;
    assert_eq!(server.number("select count(*) from credential_secrets").await, 2);
    visit.end_after(&[409]).await;
    server.stop().await;
}

async fn check_one_of_three(visit: &Visit) {
    let answers = visit.ask(SEND_AGAIN).await;
    let answers = answers.as_array().unwrap();
    let with_password = answers.iter().filter(|answer| answer[1].as_str().unwrap().contains("id=\"password\""));
    let mut statuses: Vec<u64> = answers.iter().map(|answer| answer[0].as_u64().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!((with_password.count(), statuses), (1, vec![200, 409, 409]));
}

/// Whoever presses twice still gets to see the password: the second press must not take its page away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_click_makes_one_credential_and_shows_its_password() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    visit.go(WEBHOOKS).await;
    visit.fill("#name", "Inventory system").await;
    let button = visit.see("main form button").await;
    visit.action_chain().double_click_element(&button).perform().await.unwrap();
    let heading = visit.read("h1", "Inventory system").await;
    assert_eq!(server.number("select count(*) from credentials").await, 1);
    assert_eq!(heading, "Credential created for Inventory system");
    visit.end().await;
    server.stop().await;
}

/// Leaving the page before anything was copied asks once, since the password would be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_before_the_password_was_copied_asks_first() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    visit.go(WEBHOOKS).await;
    visit.generate("Inventory system").await;
    assert_eq!(visit.ask("return dispatchEvent(new Event('beforeunload', { cancelable: true }))").await, false);
    // Once is enough.
    visit
        .until("leave", async || {
            let leaves = visit.ask("return dispatchEvent(new Event('beforeunload', { cancelable: true }))").await;
            (leaves == true).then_some(())
        })
        .await;
    visit.end().await;
    server.stop().await;
}
