//! Nobody is kept out of an account by somebody else's guesses: not from a new browser, not at an address that is known, and by a
//! sign-in link of the operator's from anywhere.

use jiff::SignedDuration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::command_line::Terminal;
use crate::support::actors::Person;
use crate::support::authenticator::Authenticator;
use crate::support::server::{PASSWORD, TestServer};

const ALICE: &str = "alice@example.com";

/// A server behind a proxy, so that the test has many addresses.
async fn server() -> TestServer {
    TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await
}

async fn sign_in_from(server: &TestServer, address: &str, email: &str, password: &str) -> u16 {
    let request = server.visitor().client.post(format!("{}/login", server.url));
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let request = request.header("Sec-Fetch-Site", "same-origin").header("X-Forwarded-For", address);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let body = format!("email={}&password={}", encoded(email), encoded(password));
    request.body(body).send().await.unwrap().status().as_u16()
}

/// From so many addresses that the brake on one account holds.
async fn attack(server: &TestServer, email: &str) {
    for number in 0..60 {
        let address = format!("198.51.100.{}", number % 12);
        sign_in_from(server, &address, email, "a wrong password").await;
    }
    assert_eq!(sign_in_from(server, "203.0.113.200", email, "a wrong password").await, 429, "the brake holds");
}

// holds N7
#[tokio::test(flavor = "multi_thread")]
async fn guesses_from_one_address_keep_nobody_out_of_a_new_browser() {
    let server = server().await;
    server.create_account(ALICE, "pro").await;
    let mut looked_at = 0;
    // Ten minutes at three a second would be 1,800; what is refused here costs nothing more there.
    for _ in 0..20 {
        for _ in 0..15 {
            looked_at += usize::from(sign_in_from(&server, "198.51.100.1", ALICE, "a wrong password").await == 422);
        }
        server.pass(SignedDuration::from_secs(30));
    }
    assert!((10..=32).contains(&looked_at), "{looked_at}");
    assert_eq!(sign_in_from(&server, "203.0.113.1", ALICE, PASSWORD).await, 303, "a new browser elsewhere");
}

// holds N7
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_its_owner_signed_in_from_passes_the_brake() {
    let server = server().await;
    server.create_account(ALICE, "pro").await;
    server.create_account("bob@example.com", "pro").await;
    assert_eq!(sign_in_from(&server, "203.0.113.1", ALICE, PASSWORD).await, 303);
    assert_eq!(sign_in_from(&server, "203.0.113.2", "bob@example.com", PASSWORD).await, 303);
    attack(&server, ALICE).await;
    assert_eq!(sign_in_from(&server, "203.0.113.2", ALICE, PASSWORD).await, 429, "known to another user");
    assert_eq!(sign_in_from(&server, "203.0.113.1", ALICE, "a slip of the finger").await, 422);
    assert_eq!(sign_in_from(&server, "203.0.113.1", ALICE, PASSWORD).await, 303);
    let mut looked_at = 0;
    for _ in 0..30 {
        looked_at += usize::from(sign_in_from(&server, "203.0.113.1", ALICE, "a wrong password").await == 422);
    }
    assert!(looked_at <= 10, "{looked_at} guesses from there");
    // Junk takes nothing from anybody: it is no address, or it makes a bucket of its own.
    for number in 0..30 {
        sign_in_from(&server, &format!("192.0.2.{number}"), &format!("junk{number}"), PASSWORD).await;
    }
    assert_eq!(sign_in_from(&server, "203.0.113.2", ALICE, PASSWORD).await, 429, "and the brake still holds");
}

async fn open(person: &Person, token: &str) -> (u16, String) {
    let answer = person.post("/login/link", &[("token", token)]).await;
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location.unwrap_or_default())
}

// holds N7, C11
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_link_of_the_operators_works_once_and_not_for_long() {
    let server = server().await;
    server.create_account(ALICE, "pro").await;
    attack(&server, ALICE).await;
    let terminal = Terminal::over(server.database_url.clone());
    let make = || {
        let made = terminal.json(&["account", "sign-in-link", ALICE]);
        made["link"].as_str().unwrap().strip_prefix(&server.url).expect("of the pages").to_owned()
    };
    let link = make();
    let token = link.strip_prefix("/login/link?token=").unwrap();
    assert_eq!(token.len(), 43, "256 bits");
    let kept =
        server.query("select encode(token_hash, 'escape'), u.email from sign_in_links join users u on true").await;
    assert!(kept.len() == 1 && !kept[0][0].as_ref().unwrap().contains(token), "the database has a hash");
    let visitor = server.visitor();
    for _ in 0..2 {
        assert!(visitor.page(&link).await.contains("It works once."), "looking at it does not use it up");
    }
    assert_eq!(open(&visitor, token).await, (303, "/settings/account".to_owned()));
    assert!(visitor.page("/settings/account").await.contains(ALICE));
    assert_eq!(open(&server.visitor(), token).await.0, 422, "used");
    assert_eq!(open(&server.visitor(), "").await.0, 422);

    let (old, new) = (make(), make());
    let token_of = |link: &str| link.split_once('=').unwrap().1.to_owned();
    assert_eq!(open(&server.visitor(), &token_of(&old)).await.0, 422, "a new one ends the one before");
    server.pass(SignedDuration::from_mins(16));
    assert_eq!(open(&server.visitor(), &token_of(&new)).await.0, 422, "too late");
    let lines = server.audit_lines("action, actor", "action like '%link%' or action = 'signed_in'").await;
    let lines: Vec<String> = lines.into_iter().map(|line| line.join(" ").trim().to_owned()).collect();
    let made = "sign_in_link_made operator";
    assert_eq!(lines, [made, "signed_in user with a sign-in link", made, made]);
}

// holds N7
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_comes_with_a_link_which_does_not_stand_for_the_code() {
    let server = server().await;
    let (phone, _) = Authenticator::enrol(&server, &server.pro(ALICE).await).await;
    let terminal = Terminal::over(server.database_url.clone());
    let made = terminal.json(&["account", "password", ALICE]);
    let link = made["sign_in_link"].as_str().unwrap();
    // The command line has a clock of its own, which the test does not move.
    server.query("update users set password_changed_at = password_changed_at - interval '1 hour'").await;
    let person = server.visitor();
    let token = link.split_once('=').unwrap().1;
    assert_eq!(open(&person, token).await, (303, "/login/code".to_owned()));
    assert_eq!(person.get("/events").await.status(), 303, "nobody is signed in yet");
    assert_eq!(person.post("/login/code", &[("code", &phone.next_code(&server))]).await.status(), 303);
    assert_eq!(person.get("/events").await.headers()["location"], "/settings/account", "to choose a password first");
}

// holds N7
#[tokio::test(flavor = "multi_thread")]
async fn a_guess_whose_sender_hangs_up_counts_and_is_written_down() {
    let server = server().await;
    server.create_account(ALICE, "pro").await;
    let body = format!("email={}&password=a+wrong+password", ALICE.replace('@', "%40"));
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nX-Forwarded-For: 198.51.100.1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let runs = || server.application().state.hasher.runs();
    // The account's own password was hashed.
    let before = runs();
    let address = server.url.strip_prefix("http://").unwrap();
    for number in 1..=10 {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        while runs() < before + number {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        connection.set_zero_linger().unwrap();
    }
    let mut more = 0;
    while sign_in_from(&server, "198.51.100.1", ALICE, "a wrong password").await == 422 {
        more += 1;
    }
    // One comes back in 30 seconds, which a slow machine may take.
    assert!(more <= 5, "ten guesses are ten guesses, and then {more}");
    server.eventually("select count(*) from audit_log where action = 'sign_in_failed'", 10 + more).await;
}

// holds N7
#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_are_counted_too() {
    let server = server().await;
    server.create_account(ALICE, "pro").await;
    let mut signed_in = 0;
    while sign_in_from(&server, &format!("203.0.113.{signed_in}"), ALICE, PASSWORD).await == 303 {
        signed_in += 1;
        assert!(signed_in < 100, "each costs a hash and a session");
    }
    assert!(signed_in >= 60, "{signed_in}");
    server.pass(SignedDuration::from_secs(11));
    assert_eq!(sign_in_from(&server, "203.0.113.1", ALICE, PASSWORD).await, 303, "waiting is enough");
    let known = server.number("select count(*) from known_addresses").await;
    assert_eq!(known, 20, "the last twenty addresses are kept");
}
