//! A stranger's way from the set-up link to a first event: three steps on the Webhooks page tick themselves off, a refused attempt
//! says what was wrong with it, and a test event needs no terminal. With script while the page is open; without, at each refresh.

use crate::support::actors::Sender;
use crate::support::server::TestServer;
use crate::visit::{Visit, WEBHOOKS};
use crate::whole_path::set_up;

/// How many of the three steps are ticked, and which one the reader is at.
async fn steps(visit: &Visit) -> (usize, usize) {
    let answer = visit.ask(
        "const steps = [...document.querySelectorAll('ol.steps > li')];
         return [steps.filter(step => step.querySelector('.tick')?.checkVisibility()).length,
                 1 + steps.findIndex(step => step.ariaCurrent === 'step')]",
    );
    serde_json::from_value(answer.await).unwrap()
}

async fn wait_for_steps(visit: &Visit, expected: (usize, usize)) {
    visit.until(&format!("steps {expected:?}"), async || (steps(visit).await == expected).then_some(())).await;
}

/// Each thing that a first attempt gets wrong, and what the page has to say of it.
fn mistakes(sender: &Sender) -> [(reqwest::RequestBuilder, u16, &'static str, &'static str); 4] {
    let wrong = sender.with_password(&format!("{}-", &sender.password[..35]));
    [
        (wrong.request().body("{}"), 401, "Wrong password", "Compare the first 8 characters"),
        (
            sender.request().header("Content-Type", "text/plain").body("{}"),
            415,
            "Content type is not JSON",
            "Set the header Content-Type: application/json",
        ),
        (sender.request().body(r#"{"a": 1,}"#), 400, "Not valid JSON", "line 1, column 9"),
        (sender.request().body(vec![b'1'; 1_048_577]), 413, "Body is too large", "Split lists into several events"),
    ]
}

async fn make_mistakes(visit: &Visit, sender: &Sender, look_again: impl AsyncFn()) {
    for (request, status, title, remedy) in mistakes(sender) {
        assert_eq!(request.send().await.unwrap().status(), status);
        let said = visit
            .until(title, async || {
                look_again().await;
                let said = visit.text("[data-waiting]").await;
                said.contains(&format!("Rejected with {status}: {title}")).then_some(said)
            })
            .await;
        assert!(said.contains(remedy), "{said}");
        assert!(said.contains("Waiting for the first event…"), "it goes on waiting: {said}");
        let link = visit.attribute("[data-waiting] .notice a", "href").await;
        assert_eq!(link, format!("/events/rejections?credential={}", sender.username));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_steps_tick_themselves_off_while_the_page_is_open() {
    let server = TestServer::start().await;
    let visit = Visit::begin(&server).await;
    set_up(&server, &visit).await;
    assert_eq!(steps(&visit).await, (0, 1));
    let (username, password) = visit.generate("Inventory system").await;
    let sender = Sender::new(&server.url, &username, &password);
    visit.press("[data-copy='#password']").await;
    visit.see("[data-copy='#password'][data-copied]").await;
    visit.press("a[data-saved]").await;
    visit.arrive(WEBHOOKS).await;
    wait_for_steps(&visit, (1, 2)).await;
    assert!(visit.text("#curl").await.contains(&format!("'{username}:PASSWORD'")));
    visit.ask("window.loadedOnce = true").await;

    make_mistakes(&visit, &sender, async || ()).await;
    assert_eq!(steps(&visit).await, (2, 3), "a request was sent, and none has arrived");

    let id = sender.store(r#"{"message": "Hello from webhook!"}"#).await;
    visit.read("[data-waiting]", "First event received from 127.0.0.1").await;
    assert_eq!(steps(&visit).await, (3, 0));
    assert!(!visit.shows("#curl").await, "what is done needs no instruction");
    assert_eq!(visit.ask("return window.loadedOnce").await, true, "the page was not loaded again");
    visit.press_words("[data-waiting] a", "View event").await;
    visit.arrive(&format!("/events/{id}")).await;

    // At the next load the steps have gone.
    visit.go(WEBHOOKS).await;
    visit.see(".cred").await;
    assert_eq!(visit.count("ol.steps").await, 0);
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_steps_are_right_at_each_refresh_without_script() {
    let server = TestServer::start().await;
    let visit = Visit::begin_without_script(&server).await;
    set_up(&server, &visit).await;
    assert_eq!(steps(&visit).await, (0, 1));
    let (username, password) = visit.generate("Inventory system").await;
    let sender = Sender::new(&server.url, &username, &password);
    visit.press("a[data-saved]").await;
    visit.arrive(WEBHOOKS).await;
    assert_eq!(steps(&visit).await, (1, 2));

    make_mistakes(&visit, &sender, async || visit.press_words("[data-waiting] a", "Check again").await).await;
    assert_eq!(steps(&visit).await, (2, 3));

    visit.press_words("form[data-stays] button", "Send test event").await;
    visit.arrive(WEBHOOKS).await;
    visit.read(".notice.ok", "The test event for Inventory system was stored").await;
    assert_eq!(steps(&visit).await, (0, 0), "what is done needs no steps");
    visit.press_words(".notice.ok a", "View event").await;
    visit.read(".tree", "\"Hello from webhook!\"").await;
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_event_leaves_the_page_with_the_password_where_it_is() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    visit.go(WEBHOOKS).await;
    let (_, password) = visit.generate("Inventory system").await;
    visit.press_words("form[data-stays] button", "Send test event").await;
    visit.read("[data-answer]", "The test event for Inventory system was stored").await;
    visit.read("[data-waiting]", "First event received from 127.0.0.1").await;
    assert_eq!(visit.text("#password").await, password);
    assert_eq!(server.number("select count(*) from events").await, 1);

    // Once more: it is a button, not a wizard. While it is at work it does not listen, so the answer to this one is waited for.
    visit.ask("document.querySelector('[data-answer]').replaceChildren()").await;
    visit.press_words("form[data-stays] button", "Send test event").await;
    server.eventually("select count(*) from events", 2).await;

    // Without a server the page says so, and the password is still there.
    visit.read("[data-answer]", "The test event for Inventory system was stored").await;
    server.query("delete from sessions").await;
    visit.press_words("form[data-stays] button", "Send test event").await;
    visit.see("[data-failed]").await;
    assert!(!visit.shows("[data-answer] .notice").await, "the answer before says nothing about this one");
    assert_eq!(visit.text("#password").await, password);
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_script_a_test_event_opens_a_tab_and_the_password_stays_in_its_own() {
    let server = TestServer::start().await;
    let visit = Visit::begin_without_script(&server).await;
    server.create_account(crate::visit::MAYA, "pro").await;
    visit.sign_in().await;
    visit.go(WEBHOOKS).await;
    let (_, password) = visit.generate("Inventory system").await;
    let tab = visit.window().await.unwrap();
    visit.press_words("form[data-stays] button", "Send test event").await;
    server.eventually("select count(*) from events", 1).await;
    assert_eq!(visit.text("#password").await, password);
    let other = visit.windows().await.unwrap().into_iter().find(|window| *window != tab).unwrap();
    visit.switch_to_window(other).await.unwrap();
    visit.read(".notice.ok", "The test event for Inventory system was stored").await;
    assert_eq!(steps(&visit).await, (0, 0), "what is done needs no steps");
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_events_page_sends_a_test_event_and_shows_it() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    assert_eq!(visit.attribute("[data-live-empty] a.btn", "href").await, WEBHOOKS, "first somebody has to be let in");
    visit.go(WEBHOOKS).await;
    let (username, _) = visit.generate("Inventory system").await;
    visit.press("[data-copy='#password']").await;
    visit.see("[data-copy='#password'][data-copied]").await;
    visit.go("/events").await;
    assert!(visit.text("#curl").await.contains(&format!("'{username}:PASSWORD'")));
    visit.press_words("[data-live-empty] form[data-stays] button", "Send test event").await;
    visit.read(".events-table tbody tr", "Hello from webhook!").await;
    assert!(!visit.shows("[data-live-empty]").await, "it is empty no more");
    assert_eq!(visit.ask("return document.activeElement.id").await, "main", "the button that had the focus is gone");
    assert_eq!(visit.path().await, "/events");
    assert_eq!(visit.complaints(&[]).await, Vec::<String>::new());
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_events_page_sends_a_test_event_without_script_too() {
    let server = TestServer::start().await;
    let visit = Visit::begin_without_script(&server).await;
    server.create_account(crate::visit::MAYA, "pro").await;
    visit.sign_in().await;
    visit.go(WEBHOOKS).await;
    visit.generate("Inventory system").await;
    visit.go("/events").await;
    visit.press_words("[data-live-empty] form[data-stays] button", "Send test event").await;
    visit.read(".notice.ok", "The test event for Inventory system was stored").await;
    visit.press_words(".notice.ok a", "View event").await;
    visit.read(".tree", "\"Hello from webhook!\"").await;
    visit.end().await;
    server.stop().await;
}
