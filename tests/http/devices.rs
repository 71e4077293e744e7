//! Whoever guesses at an account's password slows themselves down, and not its owner: a browser that the owner has signed in with
//! before has guesses of its own.

use jiff::SignedDuration;
use reqwest::header::COOKIE;

use crate::support::actors::{Person, between};
use crate::support::server::{PASSWORD, TestServer};

const ALICE: &str = "alice@example.com";
/// More wrong passwords than anybody may try at once.
const TOO_MANY: usize = 60;

/// What a form sends.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// A browser at an address of its own, with a cookie that says which device it is: a value, or none.
struct Browser<'a> {
    server: &'a TestServer,
    address: String,
    device: Option<String>,
}

impl Browser<'_> {
    async fn sign_in(&self, email: &str, password: &str) -> u16 {
        let request = self.server.visitor().client.post(format!("{}/login", self.server.url));
        let request = request.header("Sec-Fetch-Site", "same-origin").header("X-Forwarded-For", &self.address);
        let request = match &self.device {
            Some(device) => request.header(COOKIE, format!("device={device}")),
            None => request,
        };
        let encoded =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let form = format!("email={}&password={}", encoded(email), encoded(password));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        request.send().await.unwrap().status().as_u16()
    }

    /// Guesses until it is told to wait. Gives back how many guesses were looked at.
    async fn exhaust(&self, email: &str) -> usize {
        for guesses in 0..TOO_MANY {
            match self.sign_in(email, "a wrong password").await {
                422 => {}
                429 => return guesses,
                other => panic!("{other} for a wrong password"),
            }
        }
        panic!("{TOO_MANY} wrong passwords are looked at");
    }
}

/// A server behind a proxy, so that the test has many addresses.
async fn server() -> TestServer {
    TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await
}

fn browser<'a>(server: &'a TestServer, address: &str, device: Option<&str>) -> Browser<'a> {
    Browser { server, address: address.to_owned(), device: device.map(str::to_owned) }
}

/// The cookie that a page gives to a signed-in browser, if it gives one.
async fn device_of(person: &Person, path: &str) -> Option<String> {
    let answer = person.get(path).await;
    let mut cookies = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let cookie = cookies.find(|cookie| cookie.starts_with("device="))?;
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    Some(between(cookie, "device=", ";").to_owned())
}

/// From many addresses, so that the account's guesses are used up and no address's are.
async fn attack(server: &TestServer, email: &str) -> usize {
    let mut looked_at = 0;
    for number in 0..6 {
        let attacker = browser(server, &format!("198.51.100.{number}"), None);
        looked_at += attacker.exhaust(email).await;
    }
    looked_at
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_signs_in_with_a_known_browser_while_the_world_has_used_up_its_guesses() {
    let server = server().await;
    let device = device_of(&server.pro(ALICE).await, "/events").await.expect("a signed-in browser is known");
    assert!(attack(&server, ALICE).await <= 53, "guessing is slowed from however many addresses");

    assert_eq!(browser(&server, "203.0.113.1", None).sign_in(ALICE, PASSWORD).await, 429, "an unknown browser");
    let own = browser(&server, "203.0.113.1", Some(&device));
    assert_eq!(own.sign_in(ALICE, "a slip of the finger").await, 422, "people mistype");
    assert_eq!(own.sign_in(ALICE, PASSWORD).await, 303);

    // The neighbour of an attacker, behind the same address.
    let attacker = browser(&server, "198.51.100.77", None);
    for number in 0..TOO_MANY {
        attacker.sign_in(&format!("person{number}@example.com"), "a wrong password").await;
    }
    assert_eq!(attacker.sign_in("person@example.com", PASSWORD).await, 429, "an unknown browser there");
    assert_eq!(browser(&server, "198.51.100.77", Some(&device)).sign_in(ALICE, PASSWORD).await, 303);
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_device_cookie_signs_nobody_in_and_is_slowed_like_everybody() {
    let server = server().await;
    let device = device_of(&server.pro(ALICE).await, "/events").await.unwrap();
    let page = server.visitor().client.get(format!("{}/events", server.url)).header(COOKIE, format!("device={device}"));
    assert_eq!(page.send().await.unwrap().status(), 303, "it is no session");

    attack(&server, ALICE).await;
    let thief = browser(&server, "192.0.2.1", Some(&device));
    let looked_at = thief.exhaust(ALICE).await;
    assert!((5..=12).contains(&looked_at), "{looked_at}");
    assert_eq!(thief.sign_in(ALICE, PASSWORD).await, 429, "the right one has to wait too");
    assert_eq!(browser(&server, "192.0.2.2", Some(&device)).sign_in(ALICE, PASSWORD).await, 429, "from anywhere");
    server.pass(SignedDuration::from_mins(10));
    assert_eq!(thief.sign_in(ALICE, PASSWORD).await, 303, "waiting is enough");
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn forged_and_foreign_device_cookies_give_nothing() {
    let server = server().await;
    let alices = device_of(&server.pro(ALICE).await, "/events").await.unwrap();
    let bobs = device_of(&server.pro("bob@example.com").await, "/events").await.unwrap();
    let elsewhere = self::server().await;
    let foreign = device_of(&elsewhere.pro(ALICE).await, "/events").await.unwrap();
    let mut changed = alices.clone();
    changed.replace_range(..1, if changed.starts_with('A') { "B" } else { "A" });
    attack(&server, ALICE).await;
    for (what, device) in [("another user's", &bobs), ("another installation's", &foreign), ("a changed one", &changed)]
    {
        let forger = browser(&server, "192.0.2.1", Some(device));
        assert_eq!(forger.sign_in(ALICE, PASSWORD).await, 429, "{what}");
    }
    assert_eq!(browser(&server, "192.0.2.1", Some(&alices)).sign_in(ALICE, PASSWORD).await, 303, "and a genuine one");
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn no_session_makes_more_devices_than_one() {
    let server = server().await;
    server.create_account(ALICE, "pro").await;
    let answer = server.visitor().post("/login", &[("email", ALICE), ("password", PASSWORD)]).await;
    let session = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    attack(&server, ALICE).await;
    let mut guesses = 0;
    for _ in 0..4 {
        // Without its cookie the browser gets another one.
        let page = server.visitor().client.get(format!("{}/events", server.url)).header(COOKIE, &session);
        let page = page.send().await.unwrap();
        let device = between(page.headers()["set-cookie"].to_str().unwrap(), "device=", ";");
        guesses += browser(&server, "192.0.2.1", Some(device)).exhaust(ALICE).await;
    }
    assert!(guesses <= 12, "{guesses} guesses of one session, however many cookies it was given");
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_and_ended_sessions_make_browsers_unknown_but_signing_out_does_not() {
    let server = server().await;
    let alice = server.pro(ALICE).await;
    let elsewhere = server.visitor();
    elsewhere.post("/login", &[("email", ALICE), ("password", PASSWORD)]).await;
    let left = device_of(&elsewhere, "/events").await.unwrap();
    let mut own = device_of(&alice, "/events").await.unwrap();

    // Each time from another address: one that the owner has signed in from is known by itself.
    let number = std::sync::atomic::AtomicUsize::new(1);
    let known = async |device: &str, password: &str| {
        attack(&server, ALICE).await;
        let address = format!("192.0.2.{}", number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        browser(&server, &address, Some(device)).sign_in(ALICE, password).await == 303
    };
    elsewhere.post("/logout", &[]).await;
    assert!(known(&left, PASSWORD).await, "signing out is no reason");

    let new = "an entirely different set of words";
    let acts: [(&str, Fields, &str); 2] = [
        ("/settings/account/password", &[("current_password", PASSWORD), ("new_password", new)], new),
        ("/settings/account/email", &[("email", "maya@example.com"), ("current_password", new)], new),
    ];
    for (path, fields, password) in acts {
        let answer = alice.post(path, fields).await;
        assert_eq!(answer.status(), 303, "{path}: {}", answer.text().await.unwrap());
        assert!(!known(&left, password).await && !known(&own, password).await, "{path} ends what a cookie is worth");
        own = device_of(&alice, "/events").await.expect("the browser that stayed signed in is known again");
        if path.ends_with("/password") {
            assert!(known(&own, password).await);
        }
    }
    alice.post("/settings/account/email", &[("email", ALICE), ("current_password", new)]).await;
    own = device_of(&alice, "/events").await.unwrap();
    server.pass(SignedDuration::from_mins(10));
    elsewhere.post("/login", &[("email", ALICE), ("password", new)]).await;
    let left = device_of(&elsewhere, "/events").await.unwrap();
    let page = alice.page("/settings/sessions").await;
    let row = page.split("<li ").find(|row| row.contains("/revocation") && !row.contains("This browser")).unwrap();
    let id = between(row, "/settings/sessions/", "/");
    assert!(known(&left, new).await);
    alice.post(&format!("/settings/sessions/{id}/revocation"), &[]).await;
    assert!(!known(&left, new).await, "a device that was signed out from another");
    assert!(!known(&own, new).await);
    own = device_of(&alice, "/events").await.unwrap();
    assert!(known(&own, new).await, "the one that did it is known again");
}

// holds W1, W3
#[tokio::test(flavor = "multi_thread")]
async fn the_device_cookie_is_bound_to_the_host_where_the_site_is_https() {
    let server =
        TestServer::start_with(|options| options.public_url = Some("https://webhooks.example".to_owned())).await;
    server.create_account(ALICE, "pro").await;
    let answer = server.visitor().post("/login", &[("email", ALICE), ("password", PASSWORD)]).await;
    let session = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = server.visitor().client.get(format!("{}/events", server.url)).header(COOKIE, session);
    let page = page.send().await.unwrap();
    let cookies: Vec<&str> = page.headers().get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
    let [cookie] = cookies.as_slice() else { panic!("{cookies:?}") };
    assert!(cookie.starts_with("__Host-device="), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}
