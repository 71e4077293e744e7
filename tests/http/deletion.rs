//! The end of an account: what goes, what stays, and whose.

use std::time::Duration;

use reasoner_webhooks::app::delete_account;

use crate::support::actors::WEBHOOKS;
use crate::support::authenticator::Authenticator;
use crate::support::server::{PASSWORD, TestServer};
use crate::support::upkeep::prune;

const PATH: &str = "/settings/account/deletion";
/// Every table with something of an account in it, but for the audit trail.
const OWNED: [&str; 12] = [
    "accounts where id",
    "users where account_id",
    "sessions where user_id in (select id from users where account_id",
    "second_factors where user_id in (select id from users where account_id",
    "recovery_codes where user_id in (select id from users where account_id",
    "credentials where account_id",
    "events where account_id",
    "event_counts where account_id",
    "rejections where account_id",
    "idempotency_keys where account_id",
    "senders where account_id",
    "held_events where account_id",
];

/// Tables that name an account and outlive it: the trail, and the note that the rest is to be erased.
const KEPT: [&str; 2] = ["audit_log", "deleted_accounts"];

/// How much each table holds of an account.
async fn belongings(server: &TestServer, account: &str) -> Vec<i64> {
    let mut numbers = Vec::new();
    for owned in OWNED {
        numbers.push(server.number(&count_of(owned, account)).await);
    }
    numbers
}

fn count_of(owned: &str, account: &str) -> String {
    let end = if owned.contains('(') { ")" } else { "" };
    format!("select count(*) from {owned} = '{account}'{end}")
}

async fn account_of(server: &TestServer, email: &str) -> String {
    server.query(&format!("select account_id::text from users where email = '{email}'")).await[0][0].clone().unwrap()
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_account_takes_all_of_it_and_nothing_of_another() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let bob = server.pro("bob@example.com").await;
    let (mine, other) = (server.sender(&alice).await, server.sender(&bob).await);
    let (_, codes) = Authenticator::enrol(&server, &alice).await;
    Authenticator::enrol(&server, &bob).await;
    for sender in [&mine, &other] {
        for number in 0..3 {
            let answer = sender
                .request()
                .header("Idempotency-Key", format!("{number}"))
                .body(r#"{"a":1}"#)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200);
        }
        assert_eq!(sender.send("not json").await.status(), 400);
    }
    server.eventually("select count(*) from rejections", 2).await;
    server.eventually("select count(*) from senders", 2).await;
    let hold = "insert into held_events select distinct on (e.account_id) e.account_id, e.id, e.credential_id, s.id, now(), \
         e.remote_ip, e.user_agent, e.content_type, e.query, e.headers, e.body, e.size_bytes from events e \
         join credential_secrets s using (credential_id)";
    server.query(hold).await;
    let (account, bobs) =
        (account_of(&server, "alice@example.com").await, account_of(&server, "bob@example.com").await);
    let before = belongings(&server, &bobs).await;
    assert!(before.iter().all(|number| *number > 0), "there is something in each table: {before:?}");

    let page = alice.page(PATH).await;
    for fact in ["<dt>Credentials</dt><dd>1</dd>", "<dt>Events</dt><dd>3</dd>", "<dt>Rejected attempts</dt><dd>1</dd>"]
    {
        assert!(page.contains(fact), "{fact}: {page}");
    }
    assert!(page.contains("href=\"/events/export?format=ndjson\""));
    assert_eq!(alice.page("/events/export?format=ndjson").await.lines().count(), 3, "the link is all events");
    let mut fields = vec![("email", " Alice@example.com "), ("current_password", PASSWORD)];
    assert_eq!(alice.post(PATH, &fields).await.status(), 422, "two-step sign-in is on");
    fields.push(("confirmation_code", &codes[0]));
    let answer = alice.post(PATH, &fields).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, "/login"));
    assert_eq!(mine.status().await, 401, "the very next request");
    assert_eq!(alice.get("/events").await.status(), 303, "signed out");
    assert!(alice.page("/login").await.contains("Your account is deleted."));

    server.eventually(&format!("select count(*) from idempotency_keys where account_id = '{account}'"), 0).await;
    // What was under way as the account went may be written down after that; upkeep takes it away whenever it looks.
    let until_erased = async |left: &str| {
        for _ in 0..250 {
            delete_account::erase_leftovers(&server.application().state.store, Some(server.now())).await.unwrap();
            if server.number(left).await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{left} never gives 0");
    };
    for owned in OWNED {
        until_erased(&count_of(owned, &account)).await;
    }
    let tables = "select c.relname from pg_attribute a join pg_class c on c.oid = a.attrelid where a.attname = 'account_id' and \
         c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace";
    let tables: Vec<String> = server.query(tables).await.into_iter().map(|row| row[0].clone().unwrap()).collect();
    assert!(tables.len() > 8, "{tables:?}");
    for table in tables.iter().filter(|table| !KEPT.contains(&table.as_str())) {
        let left = format!("select count(*) from {table} where account_id = '{account}'");
        until_erased(&left).await;
    }
    assert_eq!(belongings(&server, &bobs).await, before, "nothing of Bob's is touched");
    assert_eq!((other.status().await, bob.get(WEBHOOKS).await.status().as_u16()), (200, 200));
    let line = format!("select count(*) from audit_log where account_id = '{account}' and action = 'account_deleted'");
    assert_eq!(server.number(&line).await, 1, "the trail says so");
    let form = [("email", "alice@example.com"), ("password", PASSWORD)];
    assert_eq!(server.visitor().post("/login", &form).await.status(), 422);
    server.create_account("alice@example.com", "free").await;
    assert_eq!(server.visitor().post("/login", &form).await.status(), 303, "the address is free again");
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_deleted_by_who_types_its_address_and_knows_the_password() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let delete = async |email: &str, password: &str| {
        let answer = alice.post(PATH, &[("email", email), ("current_password", password)]).await;
        assert_eq!(answer.status(), 422, "{email}");
        answer.text().await.unwrap()
    };
    assert!(delete("bob@example.com", PASSWORD).await.contains("Type alice@example.com to confirm."));
    let page = delete("alice@example.com", "not the password").await;
    assert!(page.contains("This isn’t your account password.") && !page.contains("not the password"), "{page}");
    assert!(page.contains("value=\"alice@example.com\""), "the address is not lost");
    assert!(
        delete("alice@example.com", "").await.contains("This isn’t your account password."),
        "however lately given"
    );
    let failures = "select count(*) from audit_log where action = 'password_confirmation_failed'";
    assert_eq!(server.number(failures).await, 2);
    for _ in 0..20 {
        delete("alice@example.com", "a guess").await;
    }
    assert!(delete("alice@example.com", PASSWORD).await.contains("Too many wrong passwords."));
    let answer = alice.post(PATH, &[("email", "alice@example.com")]).await;
    assert_eq!(answer.status(), 400, "a form without the password");
    assert_eq!(sender.status().await, 200);
    assert_eq!(alice.get(PATH).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lands_after_its_account_has_gone_is_erased_by_upkeep() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"a":1}"#).await;
    let account = account_of(&server, "alice@example.com").await;
    // As a program leaves it that ends right after the act: more than one step is left.
    server
        .query(&format!(
            "insert into events select account_id, (left(id::text, 13) || '-7000-8000-' || lpad(n::text, 12, '0'))::uuid, \
             credential_id, remote_ip, user_agent, content_type, query, headers, body, size_bytes \
             from events, generate_series(1, 2500) as n; \
             insert into deleted_accounts values ('{account}', now()); delete from accounts where id = '{account}'"
        ))
        .await;
    assert_eq!(server.number("select count(*) from events").await, 2_501);
    let store = &server.application().state.store;
    prune(store, 90, server.now()).await.unwrap();
    assert_eq!(server.number("select count(*) from events").await, 0);
    assert_eq!(server.number("select count(*) from deleted_accounts").await, 1, "it is looked at again");
    server.pass(jiff::SignedDuration::from_hours(25));
    prune(store, 90, server.now()).await.unwrap();
    assert_eq!(server.number("select count(*) from deleted_accounts").await, 0);
}
