//! Signing in and out, and the sessions that come of it.

use jiff::SignedDuration;

use crate::support::actors::between;
use crate::support::server::{PASSWORD, TestServer};

fn cookie(answer: &reqwest::Response) -> String {
    answer.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_bound_to_the_host_where_the_site_is_https() {
    let server =
        TestServer::start_with(|options| options.public_url = Some("https://webhooks.example".to_owned())).await;
    server.create_account("alice@example.com", "pro").await;
    let answer = server.visitor().post("/login", &[("email", "Alice@Example.com"), ("password", PASSWORD)]).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, "/events"));
    let cookie = cookie(&answer);
    assert!(cookie.starts_with("__Host-session="), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let plain = TestServer::start().await;
    plain.create_account("alice@example.com", "pro").await;
    let answer = plain.visitor().post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let cookie = self::cookie(&answer);
    assert!(cookie.starts_with("session=") && !cookie.contains("Secure"), "loopback http: {cookie}");
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_goes_with_the_window_unless_the_reader_asked_to_stay_signed_in() {
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    let form = [("email", "alice@example.com"), ("password", PASSWORD), ("remember", "on")];
    let passing = server.visitor().post("/login", &form[..2]).await;
    let cookie = self::cookie(&passing);
    assert!(cookie.starts_with("session=") && !cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    let staying = server.visitor();
    let cookie = self::cookie(&staying.post("/login", &form).await);
    assert!(cookie.starts_with("session=") && cookie.contains("; Max-Age=2592000"), "{cookie}");
    server.pass(SignedDuration::from_mins(16));
    let confirmed = staying.post("/settings/confirmation", &[("current_password", PASSWORD)]).await;
    let cookie = self::cookie(&confirmed);
    assert!(cookie.starts_with("session=") && cookie.contains("; Max-Age=2592000"), "written again: {cookie}");
    let cookie = self::cookie(&staying.post("/logout", &[]).await);
    assert!(cookie.contains("Max-Age=0") && !cookie.contains("Max-Age=2592000"), "taken back: {cookie}");
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn signing_in_makes_a_new_session_and_the_database_knows_only_its_hash() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let again = alice.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let key = between(&cookie(&again), "session=", ";").to_owned();
    assert_eq!(server.number("select count(*) from sessions").await, 1, "the session before is gone");
    let stored = server.query("select encode(key_hash, 'escape'), state from sessions").await;
    let signed_part = percent_encoding::percent_decode_str(&key).decode_utf8().unwrap().into_owned();
    let plain_key = &signed_part[signed_part.len() - 43..];
    assert!(!format!("{stored:?}").contains(plain_key), "the key itself is not stored");
    assert_eq!(alice.get("/events").await.status(), 200);
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_on_the_server() {
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    let visitor = server.visitor();
    let answer = visitor.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let stolen = cookie(&answer).split(';').next().unwrap().to_owned();
    let with_stolen = || {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
            .get(format!("{}/events", server.url))
            .header("Cookie", &stolen)
    };
    assert_eq!(with_stolen().send().await.unwrap().status(), 200);
    let answer = visitor.post("/logout", &[]).await;
    assert_eq!(answer.headers()["location"], "/login");
    assert_eq!(answer.headers()["clear-site-data"], "\"cache\", \"storage\"");
    assert_eq!(with_stolen().send().await.unwrap().status(), 303, "the cookie is worth nothing any more");
    assert_eq!(server.number("select count(*) from sessions").await, 0);
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_when_idle_for_14_days_and_after_30_in_any_case() {
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    let alice = server.visitor();
    let form = [("email", "alice@example.com"), ("password", PASSWORD), ("remember", "on")];
    alice.post("/login", &form).await;
    for _ in 0..3 {
        server.pass(SignedDuration::from_hours(9 * 24));
        assert_eq!(alice.get("/events").await.status(), 200, "used every nine days");
    }
    server.pass(SignedDuration::from_hours(4 * 24));
    assert_eq!(alice.get("/events").await.status(), 303, "31 days");
    alice.post("/login", &form).await;
    server.pass(SignedDuration::from_hours(15 * 24));
    assert_eq!(alice.get("/events").await.status(), 303, "15 days without a visit");
    alice.post("/login", &form[..2]).await;
    server.pass(SignedDuration::from_hours(13));
    assert_eq!(alice.get("/events").await.status(), 303, "not asked to stay signed in");
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_wrong_are_told_the_same_and_both_cost_a_hash() {
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    let visitor = server.visitor();
    let mut pages = Vec::new();
    for email in ["alice@example.com", "nobody@example.com"] {
        let before = server.application().state.hasher.runs();
        let answer = visitor.post("/login", &[("email", email), ("password", "not the password")]).await;
        assert_eq!(answer.status(), 422);
        assert_eq!(server.application().state.hasher.runs() - before, 1, "{email}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("That email and password don’t match"));
        assert!(page.contains(&format!("value=\"{email}\"")), "the address is not lost");
        assert!(!page.contains("not the password"), "the password is");
        pages.push(page.replace(email, "EMAIL"));
    }
    assert_eq!(pages[0], pages[1]);
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_by_account_and_by_address() {
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    let visitor = server.visitor();
    let guess = async |email: &str| visitor.post("/login", &[("email", email), ("password", "a wrong password")]).await;
    let mut slowed_after = None;
    for attempt in 0..30 {
        let answer = guess("alice@example.com").await;
        if answer.status() == 429 {
            assert!(answer.headers().contains_key("retry-after"));
            assert!(answer.text().await.unwrap().contains("Too many attempts"));
            slowed_after = Some(attempt);
            break;
        }
    }
    let slowed_after = slowed_after.expect("30 wrong passwords in a row are too many");
    assert!(slowed_after >= 5, "people mistype: {slowed_after}");
    assert_eq!(guess("bob@example.com").await.status(), 422, "another account from the same address");
    let mut statuses = Vec::new();
    for i in 0..30 {
        statuses.push(guess(&format!("person{i}@example.com")).await.status().as_u16());
    }
    assert!(statuses.contains(&429), "one address guessing at many accounts");
    server.pass(SignedDuration::from_mins(10));
    let right = visitor.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(right.status(), 303, "waiting is enough");
}

// holds W10
#[tokio::test(flavor = "multi_thread")]
async fn signing_in_returns_to_the_page_that_was_asked_for_and_nowhere_else() {
    let server = TestServer::start().await;
    server.create_account("alice@example.com", "pro").await;
    let asked = server.visitor().get("/events?q=a%20b&since=7d").await;
    let login = asked.headers()["location"].to_str().unwrap().to_owned();
    assert!(login.starts_with("/login?next=%2Fevents%3Fq"), "{login}");
    let page = server.visitor().page(&login).await;
    assert!(page.contains(r#"name="next" value="/events?q=a%20b&#38;since=7d""#), "{page}");
    for (next, location) in [
        ("/events?q=a", "/events?q=a"),
        ("//evil.example", "/events"),
        ("https://evil.example", "/events"),
        ("/\\evil.example", "/events"),
        ("javascript:alert(1)", "/events"),
    ] {
        let form = [("email", "alice@example.com"), ("password", PASSWORD), ("next", next)];
        let answer = server.visitor().post("/login", &form).await;
        assert_eq!(answer.headers()["location"], location, "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_can_be_signed_out_from_another() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let elsewhere = server.visitor();
    elsewhere.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let page = alice.page("/settings/sessions").await;
    assert_eq!(page.matches("/revocation").count(), 2);
    let other = page.split("<li ").find(|row| row.contains("/revocation") && !row.contains("This browser")).unwrap();
    let id = between(other, "/settings/sessions/", "/");
    assert_eq!(alice.post(&format!("/settings/sessions/{id}/revocation"), &[]).await.status(), 303);
    assert_eq!(elsewhere.get("/events").await.status(), 303);
    assert_eq!(alice.get("/events").await.status(), 200);
    assert_eq!(alice.post(&format!("/settings/sessions/{id}/revocation"), &[]).await.status(), 404);
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn a_live_connection_ends_with_its_session() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let live = alice.get("/events/live").await;
    alice.post("/logout", &[]).await;
    sender.store(r#"{"canary":"after sign-out"}"#).await;
    let rest = tokio::time::timeout(std::time::Duration::from_secs(15), live.text()).await;
    let text = rest.expect("the connection is closed").unwrap_or_default();
    assert!(!text.contains("canary"), "{text}");
}
