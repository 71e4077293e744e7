//! What was typed into a form outlives a database that is away and a session that has ended (issue 16, section 5). Passwords do not.

use futures_util::future::join_all;
use jiff::SignedDuration;
use reasoner_webhooks::web::routes::PAGES;

use crate::support::actors::{Person, WEBHOOKS, between};
use crate::support::authenticator::Authenticator;
use crate::support::chaos_proxy::{Mode, Proxy};
use crate::support::postgres;
use crate::support::server::{PASSWORD, TestServer};

const ID: &str = "0195b3c8-5f3a-7d57-8f5d-7c1b0d7a4e10";
const FIELDS: [(&str, &str); 4] = [
    ("name", "Lager <b>\"Süd\"</b> & Co"),
    ("current_password", "one secret"),
    ("new_password", "two secrets"),
    ("confirmation_code", "314159"),
];
const NAME: &str = r#"name="name" value="Lager &#60;b&#62;&#34;Süd&#34;&#60;/b&#62; &#38; Co""#;

fn check_kept(page: &str, path: &str) {
    assert!(page.contains(&format!("method=\"post\" action=\"{path}\"")) && page.contains(NAME), "{path}: {page}");
    for secret in ["one secret", "two secrets", "314159"] {
        assert!(!page.contains(secret), "{path} gives back {secret}");
    }
    for (name, _) in &FIELDS[1..] {
        let field = page.split("<input").find(|field| field.contains(&format!("name=\"{name}\""))).unwrap();
        assert!(field.contains("required") && !field.contains("value="), "{path} asks for {name} again: {field}");
    }
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn every_form_that_fails_is_kept_to_be_sent_again_but_for_its_passwords() {
    let (proxy, address) = Proxy::in_front_of(&postgres::new_database().await).await;
    let server = TestServer::start_over(address, |_| {}).await;
    let alice = server.pro("alice@example.com").await;
    let forms: Vec<String> =
        PAGES.iter().filter(|route| route.method == "POST").map(|route| route.path.replace("{id}", ID)).collect();
    proxy.switch(Mode::Refuse);
    let answers = join_all(forms.iter().map(|path| alice.post(path, &FIELDS))).await;
    proxy.switch(Mode::Pass);
    for (path, answer) in forms.iter().zip(answers) {
        assert_eq!(answer.status(), 503, "{path}");
        let page = answer.text().await.unwrap();
        check_kept(&page, path);
        let back = between(&page, "<a class=\"btn\" href=\"", "\"").to_owned();
        let status = alice.get(&back).await.status();
        assert!(status != 405 && !status.is_server_error(), "{path} leads back to {back}: {status}");
    }
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn a_form_refused_for_the_rate_of_changes_is_kept_as_well() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let path = format!("{WEBHOOKS}/credentials/{ID}/name");
    let refused = loop {
        let answer = alice.post(&path, &FIELDS).await;
        if answer.status() == 429 {
            break answer;
        }
        assert_eq!(answer.status(), 404);
    };
    check_kept(&refused.text().await.unwrap(), &path);
}

/// The form that a page signs in with.
async fn sign_in(person: &Person, page: &str, password: &str) -> reqwest::Response {
    let unescaped =
        |text: &str| text.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&");
    let form = unescaped(between(page, "name=\"form\" value=\"", "\""));
    let next = between(page, "name=\"next\" value=\"", "\"");
    let fields = [("email", "alice@example.com"), ("password", password), ("next", next), ("form", &form)];
    person.post("/login", &fields).await
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn a_form_lost_with_its_session_comes_back_after_signing_in() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let path = format!("{WEBHOOKS}/credentials");
    server.pass(SignedDuration::from_hours(24 * 31));
    let lost = alice.post(&path, &FIELDS).await;
    assert_eq!(lost.status(), 403);
    let page = lost.text().await.unwrap();
    assert!(page.contains("You’re signed out") && page.contains("nothing was changed"), "{page}");
    assert!(!page.contains("one secret") && !page.contains("two secrets") && !page.contains("314159"), "{page}");

    let wrong = sign_in(&alice, &page, "not the password").await;
    assert_eq!(wrong.status(), 422);
    let page = wrong.text().await.unwrap();
    let back = sign_in(&alice, &page, PASSWORD).await;
    assert_eq!(back.status(), 200);
    let page = back.text().await.unwrap();
    assert!(page.contains(&format!("method=\"post\" action=\"{path}\"")) && page.contains(NAME), "{page}");
    assert!(page.contains("name=\"resumed\"") && !page.contains("type=\"password\""), "the form itself asks: {page}");
    assert_eq!(server.number("select count(*) from credentials").await, 0, "only its sender sends it");
    assert_eq!(alice.post(&path, &FIELDS[..1]).await.status(), 200);
    assert_eq!(server.number("select count(*) from credentials").await, 1);
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn a_form_lost_with_its_session_comes_back_after_the_code_too() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    server.pass(SignedDuration::from_hours(24 * 31));
    let path = "/settings/account/name";
    let page = alice.post(path, &FIELDS).await.text().await.unwrap();
    assert_eq!(sign_in(&alice, &page, PASSWORD).await.headers()["location"], "/login/code");
    let back = alice.post("/login/code", &[("code", &phone.next_code(&server))]).await.text().await.unwrap();
    assert!(back.contains(&format!("method=\"post\" action=\"{path}\"")) && back.contains(NAME), "{back}");
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_comes_back_is_its_own_page_with_its_fields_filled_in() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    let made =
        alice.post("/settings/api-tokens", &[("name", "CI"), ("scope", "events:read"), ("lifetime", "90d")]).await;
    assert_eq!(made.status(), 200);
    let token = server.query("select id::text from api_tokens").await[0][0].clone().unwrap();
    let state = "select (select string_agg(name, ',' order by name) from credentials) || \
                 (select string_agg(name, ',') from api_tokens) || (select name from accounts)";
    let before = server.query(state).await;
    let typed = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let forms = [
        (format!("{WEBHOOKS}/credentials"), vec![typed("name", "Süd"), typed("expires", "60d")]),
        (format!("{WEBHOOKS}/credentials/{id}/name"), vec![typed("name", "Süd")]),
        (format!("{WEBHOOKS}/credentials/{id}/expiry"), vec![typed("expires", "60d")]),
        (
            format!("{WEBHOOKS}/credentials/{id}/sender-settings"),
            vec![typed("stored_once_by", "X-Süd"), typed("batches", "1")],
        ),
        ("/settings/account/name".to_owned(), vec![typed("name", "Süd")]),
        ("/settings/account/email".to_owned(), vec![typed("email", "süd@b")]),
        (
            "/settings/api-tokens".to_owned(),
            vec![typed("name", "Süd"), typed("scope", "events:read"), typed("lifetime", "30")],
        ),
        (format!("/settings/api-tokens/{token}/name"), vec![typed("name", "Süd")]),
    ];
    for (path, fields) in forms {
        let all = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = all.chain([("resumed", "1")]).collect();
        let answer = alice.post(&path, &all).await;
        assert_eq!(answer.status(), 200, "{path}");
        let page = answer.text().await.unwrap();
        let form = page.split("<form").find(|form| form.contains(&format!("action=\"{path}\""))).expect(&path);
        for (name, value) in fields {
            let (own, given) = (format!("name=\"{name}\""), format!("value=\"{value}\""));
            let is_filled = form.split('<').any(|tag| match tag {
                _ if tag.starts_with("option") => tag.contains(&given) && tag.contains(" selected"),
                _ if tag.contains("type=\"checkbox\"") => tag.contains(&own) && tag.contains(" checked"),
                _ => tag.contains(&own) && tag.contains(&given),
            });
            assert!(is_filled, "{path}, {name}: {form}");
        }
        assert!(!page.contains("aria-invalid=\"true\""), "{path} says what is wrong before it is sent: {page}");
    }
    assert_eq!(server.query(state).await, before, "nothing is done before it is sent");
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn a_carried_form_leads_nowhere_else_and_is_bounded() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let carried = |action: &str| format!(r#"{{"action":"{action}","page":"/","fields":[["name","x"]],"secrets":[]}}"#);
    let own = ("/settings/account/name", 200);
    for (action, status) in [own, ("https://evil.example/", 303), ("//evil.example", 303), ("javascript:1", 303)] {
        let form = carried(action);
        let fields = [("email", "alice@example.com"), ("password", PASSWORD), ("form", &form)];
        assert_eq!(server.visitor().post("/login", &fields).await.status(), status, "{action}");
        let from_elsewhere = server.visitor().post_from("cross-site", "/login", &fields).await;
        assert_eq!(from_elsewhere.status(), 403, "no other site brings a form");
        assert!(!from_elsewhere.text().await.unwrap().contains(action));
    }
    server.pass(SignedDuration::from_hours(24 * 31));
    let long = "x".repeat(20_000);
    let lost = alice.post("/settings/account/name", &[("name", &long)]).await;
    assert_eq!(lost.headers()["location"], "/login?next=%2Fsettings%2Faccount", "too long to go along");
}
