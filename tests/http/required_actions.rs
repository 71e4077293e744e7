//! What has to be done before anything else: a password of one's own in the place of a generated one, and a second factor where the
//! operator requires one.

use jiff::SignedDuration;

use crate::command_line::Terminal;
use crate::support::actors::Person;
use crate::support::authenticator::{Authenticator, SECOND_FACTOR};
use crate::support::server::TestServer;

const ALICE: &str = "alice@example.com";
const ACCOUNT: &str = "/settings/account";
const CHANGE: &str = "/settings/account/password";
const OWN: &str = "an entirely different set of words";

/// Where a page leads that is not shown.
async fn leads_to(person: &Person, path: &str) -> String {
    let answer = person.get(path).await;
    answer.headers().get("location").map_or(String::new(), |location| location.to_str().unwrap().to_owned())
}

async fn sign_in(server: &TestServer, password: &str) -> (Person, u16, String) {
    let person = server.visitor();
    let answer = person.post("/login", &[("email", ALICE), ("password", password)]).await;
    let status = answer.status().as_u16();
    (person, status, answer.text().await.unwrap())
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn a_generated_password_signs_in_for_a_week_to_be_changed() {
    let server = TestServer::start().await;
    let terminal = Terminal::over(server.database_url.clone());
    let created = terminal.json(&["account", "create", ALICE, "--plan", "pro"]);
    let generated = created["password"].as_str().unwrap();
    let (person, status, _) = sign_in(&server, generated).await;
    assert_eq!(status, 303);
    for path in ["/events", "/events/live", "/settings/integrations/webhooks", SECOND_FACTOR, "/settings/audit"] {
        assert_eq!(leads_to(&person, path).await, ACCOUNT, "{path}");
    }
    assert_eq!(person.post("/settings/account/name", &[("name", "Another")]).await.headers()["location"], ACCOUNT);
    let page = person.page(ACCOUNT).await;
    assert!(page.contains("Choose your own password to continue.") && !page.contains("Current password"), "{page}");
    assert!(!page.contains("Change email") && !page.contains("Delete account"), "there is nothing else to do");

    let weak = person.post(CHANGE, &[("new_password", "alice-webhooks")]).await;
    assert!(weak.text().await.unwrap().contains("too easy to guess"), "it is made of what everybody knows");
    assert_eq!(person.post(CHANGE, &[("new_password", OWN)]).await.status(), 303);
    assert!(!person.page(ACCOUNT).await.contains("Choose your own password"));
    assert_eq!(person.get("/events").await.status(), 200);
    assert_eq!(person.post(CHANGE, &[("new_password", "yet another set of words")]).await.status(), 422, "only once");

    let generated = terminal.json(&["account", "password", ALICE])["password"].as_str().unwrap().to_owned();
    let (late, status, _) = sign_in(&server, &generated).await;
    assert_eq!(status, 303);
    server.pass(SignedDuration::from_mins(16));
    assert!(late.page(ACCOUNT).await.contains("Current password"), "it was given a while ago");
    assert_eq!(late.post(CHANGE, &[("new_password", OWN)]).await.status(), 422);
    server.pass(SignedDuration::from_hours(7 * 24));
    let (_, status, page) = sign_in(&server, &generated).await;
    assert!(status == 422 && page.contains("This password has expired"), "{status} {page}");
    let (_, status, page) = sign_in(&server, "not the password at all").await;
    assert!(status == 422 && !page.contains("expired"), "whoever does not know it learns nothing");
}

// holds K3
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_require_a_second_factor() {
    let server = TestServer::start_with(|options| options.require_second_factor = Some("true".to_owned())).await;
    let alice = server.pro(ALICE).await;
    for path in ["/events", ACCOUNT, "/events/export?format=csv", "/settings/sessions"] {
        assert_eq!(leads_to(&alice, path).await, SECOND_FACTOR, "{path}");
    }
    let page = alice.page(SECOND_FACTOR).await;
    assert!(page.contains("Turn on two-step sign-in to continue.") && !page.contains(">Cancel<"), "{page}");
    Authenticator::enrol(&server, &alice).await;
    assert_eq!(alice.get("/events").await.status(), 200);
    assert_eq!(alice.get(ACCOUNT).await.status(), 200);
}
