//! An act and its line in the audit trail are one transaction: where the line cannot be written, nothing has happened.

use crate::support::actors::WEBHOOKS;
use crate::support::belongings::belongings;
use crate::support::server::{PASSWORD, TestServer};

const REFUSE: &str = "create function refuse_lines() returns trigger language plpgsql as $$ begin raise 'no line today'; end $$; \
     create trigger refuse_lines before insert on audit_log for each row execute function refuse_lines()";

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_no_line_in_the_audit_trail_does_not_happen() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let other = server.visitor();
    other.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let (plain, rotating, disabled) =
        (server.sender(&alice).await, server.sender(&alice).await, server.sender(&alice).await);
    let event = plain.store("1").await;
    let of = async |username: &str| format!("{WEBHOOKS}/credentials/{}", alice.credential_id(username).await);
    let (plain, rotating, disabled) =
        (of(&plain.username).await, of(&rotating.username).await, of(&disabled.username).await);
    assert_eq!(alice.post(&format!("{rotating}/rotation"), &[("overlap", "24h")]).await.status(), 200);
    assert_eq!(alice.post(&format!("{disabled}/disabling"), &[]).await.status(), 303);
    // What is written beside the requests has to be there before the state is looked at.
    server.eventually("select count(*) from audit_log where action = 'password_first_used'", 1).await;
    server.query(REFUSE).await;
    let before = belongings(&server).await;

    let path = |credential: &str, act: &str| format!("{credential}/{act}");
    let acts: Vec<(String, Vec<(&str, &str)>)> = vec![
        (format!("{WEBHOOKS}/credentials"), vec![("name", "New")]),
        (path(&plain, "rotation"), vec![("overlap", "24h")]),
        (path(&plain, "rotation"), vec![("overlap", "now")]),
        (path(&plain, "name"), vec![("name", "Other")]),
        (path(&plain, "expiry"), vec![("expires_on", "2030-01-01")]),
        (path(&plain, "holding"), vec![("holding", "off")]),
        (path(&plain, "disabling"), vec![]),
        (path(&plain, "revocation"), vec![("confirmation", "System 1")]),
        (path(&rotating, "overlap-extension"), vec![]),
        (path(&rotating, "old-password-revocation"), vec![]),
        (path(&disabled, "enabling"), vec![]),
        (format!("/events/{event}/deletion"), vec![]),
        ("/settings/account/name".to_owned(), vec![("name", "Harbor")]),
        ("/settings/account/email".to_owned(), vec![("email", "new@example.com")]),
        (
            "/settings/account/password".to_owned(),
            vec![("current_password", PASSWORD), ("new_password", "a very different battery staple")],
        ),
        ("/settings/other-sessions/ending".to_owned(), vec![]),
        ("/settings/events/when-full".to_owned(), vec![("when_full", "delete_oldest")]),
        ("/settings/account/deletion".to_owned(), vec![("email", "alice@example.com"), ("current_password", PASSWORD)]),
        ("/logout".to_owned(), vec![]),
    ];
    for (path, fields) in &acts {
        let status = alice.post(path, fields).await.status();
        assert_eq!(status, 500, "{path} {fields:?}");
        assert_eq!(belongings(&server).await, before, "{path} {fields:?} has left something behind");
    }
    server.query("drop trigger refuse_lines on audit_log").await;
    for (path, fields) in [&acts[3], &acts[12]] {
        assert_eq!(alice.post(path, fields).await.status(), 303, "with a line it happens: {path}");
    }
    assert_ne!(belongings(&server).await, before);
}
