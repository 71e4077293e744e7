//! The plain password exists in the answer that generated it, and nowhere else.

use std::process::Command;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::support::actors::{WEBHOOKS, between};
use crate::support::authenticator::Authenticator;
use crate::support::server::{PASSWORD, TestServer};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Captured;

    fn make_writer(&'a self) -> Captured {
        self.clone()
    }
}

// holds C5, W11
#[tokio::test(flavor = "multi_thread")]
async fn the_plain_password_is_neither_in_the_log_nor_in_the_database() {
    let log = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    // For the whole test program: the workers have threads of their own. No other test sets one.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"a":1}"#).await;
    sender.send("not json").await;
    sender.with_password(&format!("{}x", sender.password)).status().await;
    let (phone, codes) = Authenticator::enrol(&server, &alice).await;
    let pending = server.visitor();
    pending.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    pending.post("/login/code", &[("code", &codes[0])]).await;
    pending.page("/events").await;
    let id = alice.credential_id(&sender.username).await;
    let rotated =
        alice.post(&format!("{WEBHOOKS}/credentials/{id}/rotation"), &[("overlap", "24h")]).await.text().await.unwrap();
    let second = crate::support::actors::Sender::from_page(&server.url, &rotated);
    second.store("1").await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/test-event"), &[]).await;
    let made = alice.post(&format!("{WEBHOOKS}/credentials/{id}/token-address"), &[]).await.text().await.unwrap();
    let address = between(&made, "<code id=\"address\">", "</code>").to_owned();
    let token = address.rsplit('/').next().unwrap();
    for body in ["1", "not json"] {
        let request = reqwest::Client::new().post(format!("{}/in/{token}", server.url));
        request.header("content-type", "application/json").body(body).send().await.unwrap();
    }
    for path in [
        WEBHOOKS,
        "/events",
        "/events/rejections",
        "/settings/audit",
        "/settings/audit/export",
        "/settings/sessions",
        "/settings/account/second-factor",
        "/docs/webhooks/quick-start",
    ] {
        alice.page(path).await;
    }
    alice
        .post(
            "/settings/account/password",
            &[("current_password", PASSWORD), ("new_password", "an entirely different set of words")],
        )
        .await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &[]).await;
    sender.status().await;
    server.eventually("select count(*) from rejections where reason = 'revoked_password'", 1).await;

    let dump = Command::new("pg_dump").arg(&server.database_url).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8_lossy(&dump.stdout).into_owned();
    assert!(dump.contains("$argon2id$") && dump.contains(&sender.username), "the dump is whole");
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.len() > 1_000, "the log is on");
    let encoded = sender.authorization().replace("Basic ", "");
    let key = data_encoding::BASE32_NOPAD.decode(phone.key().as_bytes()).unwrap();
    let key_in_hex = data_encoding::HEXLOWER.encode(&key);
    // The 22 characters after the public hint are the secret.
    for secret in [
        &sender.password[8..30],
        &second.password[8..30],
        &encoded[40..],
        &token[8..30],
        phone.key(),
        &key_in_hex,
        &codes[0],
        &codes[0].replace('-', ""),
        &codes[9],
        &codes[9].replace('-', ""),
        PASSWORD,
        "an entirely different set of words",
    ] {
        assert!(!dump.contains(secret), "a secret is in the database");
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

// holds D8
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_dump_brings_working_credentials() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"before":"the dump"}"#).await;
    let (phone, codes) = Authenticator::enrol(&server, &alice).await;
    let target = crate::support::postgres::empty_database().await;
    let script = format!("pg_dump '{}' | psql -q -v ON_ERROR_STOP=1 '{target}'", server.database_url);
    let restored = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let elsewhere = TestServer::start_over(target, |_| {}).await;
    let there = crate::support::actors::Sender::new(&elsewhere.url, &sender.username, &sender.password);
    assert_eq!(there.status().await, 200);
    assert_eq!(elsewhere.number("select count(*) from events").await, 2);
    // The code of the enrolment is of a moment to which the clock there has yet to come.
    elsewhere.pass(jiff::SignedDuration::from_mins(2));
    for code in [phone.next_code(&elsewhere), codes[0].clone()] {
        let person = elsewhere.visitor();
        person.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
        assert_eq!(person.post("/login/code", &[("code", &code)]).await.status(), 303, "two-step sign-in as well");
    }
}
