//! What a browser that was left open must not be able to do: it asks for the account password again.

use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::web::confirm::BEFORE_DOWNLOAD;
use reasoner_webhooks::web::routes::PAGES;
use reasoner_webhooks::web::routes::Password::Asked;

use crate::support::actors::{Person, Sender, WEBHOOKS};
use crate::support::authenticator::Authenticator;
use crate::support::server::{PASSWORD, TestServer};

/// A form that needs a recent password, with what it may not have changed until then.
struct Form {
    path: String,
    fields: Vec<(&'static str, String)>,
    /// The number that the act changes, and what it is afterwards.
    effect: (&'static str, i64),
    status: u16,
}

fn form(path: &str, fields: &[(&'static str, &str)], effect: (&'static str, i64), status: u16) -> Form {
    let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Form { path: path.to_owned(), fields, effect, status }
}

async fn send(person: &Person, form: &Form, password: Option<&str>) -> reqwest::Response {
    let mut fields: Vec<(&str, &str)> = form.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend(password.map(|password| ("current_password", password)));
    person.post(&form.path, &fields).await
}

/// Every act that asks again, in an order in which each has something to do.
async fn forms(alice: &Person, sender: &Sender) -> Vec<Form> {
    let credentials = format!("{WEBHOOKS}/credentials");
    let one = format!("{credentials}/{}", alice.credential_id(&sender.username).await);
    let in_a_month = (Timestamp::now() + SignedDuration::from_hours(30 * 24)).to_string()[..10].to_owned();
    let disabled = "select count(*) from audit_log where action = 'credential_disabled' and not exists \
                    (select from audit_log where action = 'credential_enabled')";
    let holding = "select count(*) from audit_log where action = 'holding_switched_off'";
    let expiring = "select count(*) from credential_secrets where expires_at is not null";
    let others = "select count(*) from audit_log where action = 'other_sessions_ended'";
    let deleting = "select count(*) from accounts where when_full = 'delete_oldest'";
    let live = "select count(*) from credential_secrets where revoked_at is null";
    vec![
        form(&credentials, &[("name", "Lager <b>\"Süd\"</b> & Co")], ("select count(*) from credentials", 2), 200),
        form(&format!("{one}/disabling"), &[], (disabled, 1), 303),
        form(&format!("{one}/enabling"), &[], (disabled, 0), 303),
        form(&format!("{one}/holding"), &[("holding", "off")], (holding, 1), 303),
        form(&format!("{one}/expiry"), &[("expires_on", &in_a_month)], (expiring, 1), 303),
        form(&format!("{one}/expiry"), &[("remove", "1")], (expiring, 0), 303),
        form("/settings/other-sessions/ending", &[], (others, 1), 303),
        form("/settings/events/when-full", &[("when_full", "delete_oldest")], (deleting, 1), 303),
        form(&format!("{one}/rotation"), &[("overlap", "7d")], (live, 3), 200),
        form(&format!("{one}/old-password-revocation"), &[], (live, 2), 303),
        form(&format!("{one}/token-address"), &[], (live, 3), 200),
        form(
            &format!("{one}/revocation"),
            &[("confirmation", "System 1")],
            ("select count(*) from credentials where revoked_at is not null", 1),
            303,
        ),
        form(
            "/settings/account/email",
            &[("email", "Alice@New.example")],
            ("select count(*) from users where email = 'alice@new.example'", 1),
            303,
        ),
    ]
}

const FAILURES: &str = "select count(*) from audit_log where action = 'password_confirmation_failed'";

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn a_stale_session_does_nothing_that_needs_the_password_until_it_is_given() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let forms = forms(&alice, &sender).await;
    let asked = PAGES.iter().filter(|route| matches!(route.password, Asked(question) if question != BEFORE_DOWNLOAD));
    // Extending an overlap, accepting and discarding late events, which take hours to prepare, ending a session, deleting many events,
    // and two-step sign-in, whose codes do not wait, are tried beside their other tests.
    // Removing an expiry date is the form that sets it.
    assert_eq!(forms.len() - 1 + 7, asked.count(), "each form that asks again is tried here");
    for (number, form) in forms.iter().enumerate() {
        let (sql, after) = form.effect;
        let before = server.number(sql).await;
        server.pass(SignedDuration::from_mins(16));

        let asked = send(&alice, form, None).await;
        assert_eq!((asked.status().as_u16(), &asked.headers()["cache-control"]), (403, &"no-store".parse().unwrap()));
        let page = asked.text().await.unwrap();
        assert!(page.contains("Confirm it’s you") && page.contains(&format!("action=\"{}\"", form.path)), "{page}");
        for (name, value) in &form.fields {
            let value = value.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;");
            assert!(page.contains(&format!("type=\"hidden\" name=\"{name}\" value=\"{value}\"")), "{name}: {page}");
        }
        assert_eq!(send(&alice, form, Some("")).await.status(), 403, "an empty field is no password");

        let wrong = send(&alice, form, Some("not the password")).await;
        assert_eq!(wrong.status(), 422, "{}", form.path);
        let page = wrong.text().await.unwrap();
        assert!(page.contains("This isn’t your account password.") && !page.contains("not the password"), "{page}");
        assert_eq!(server.number(FAILURES).await, number as i64 + 1, "the attempt is written down");
        assert_eq!(server.number(sql).await, before, "{} did nothing", form.path);

        let right = send(&alice, form, Some(PASSWORD)).await;
        assert_eq!(right.status(), form.status, "{}", form.path);
        assert_eq!(server.number(sql).await, after, "{} is done in one go", form.path);
    }
    let names = server.query("select name from credentials order by created_at").await;
    assert_eq!(names[1][0].as_deref(), Some("Lager <b>\"Süd\"</b> & Co"), "what was typed came through");
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn a_password_vouches_for_fifteen_minutes_in_its_own_session() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let elsewhere = server.visitor();
    elsewhere.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let path = format!("{WEBHOOKS}/credentials");
    let create = async |person: &Person, password: &str| {
        let name = uuid::Uuid::new_v4().to_string();
        person.post(&path, &[("name", &name), ("current_password", password)]).await.status().as_u16()
    };
    server.pass(SignedDuration::from_secs(14 * 60 + 30));
    assert_eq!(create(&alice, "").await, 200);
    server.pass(SignedDuration::from_secs(31));
    assert_eq!(create(&alice, "").await, 403, "using the session does not prolong it");
    assert_eq!(create(&alice, PASSWORD).await, 200);
    assert_eq!(create(&elsewhere, "").await, 403, "another session has to be told itself");
    server.pass(SignedDuration::from_mins(14));
    assert_eq!(create(&alice, "").await, 200, "it counts from when it was given again");
    server.pass(SignedDuration::from_mins(2));
    assert_eq!(create(&alice, "").await, 403);
    let new = "an entirely different set of words";
    alice.post("/settings/account/password", &[("current_password", PASSWORD), ("new_password", new)]).await;
    assert_eq!(create(&alice, "").await, 200, "changing the password takes giving it");
    assert_eq!(server.number("select count(*) from sessions").await, 1, "and ends the other session");
}

// holds C12, W3
#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_password_of_an_open_session_is_throttled_like_signing_in() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.pass(SignedDuration::from_mins(16));
    let path = format!("{WEBHOOKS}/credentials");
    let guess = async |password: &str| alice.post(&path, &[("name", "x"), ("current_password", password)]).await;
    let mut tries = 0;
    let refused = loop {
        let answer = guess("not the password").await;
        if answer.status() == 429 {
            break answer;
        }
        tries += 1;
        assert!(answer.status() == 422 && tries < 50, "{tries}");
    };
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    let runs = server.application().state.hasher.runs();
    assert_eq!(guess(PASSWORD).await.status(), 429, "the right one has to wait too");
    assert_eq!(server.application().state.hasher.runs(), runs, "and costs no hash");
    let form = [("email", "alice@example.com"), ("password", PASSWORD)];
    assert_eq!(server.visitor().post("/login", &form).await.status(), 429, "both doors count together");
    assert_eq!(server.number("select count(*) from credentials").await, 0);
    server.pass(SignedDuration::from_mins(10));
    assert_eq!(guess(PASSWORD).await.status(), 200);
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn taking_everything_away_needs_a_recent_password_too() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await.store(r#"{"canary":1}"#).await;
    let export = "/events/export?format=ndjson&q=can%20ary";
    assert_eq!(alice.get(export).await.status(), 200);
    server.pass(SignedDuration::from_mins(16));
    let asked = alice.get(export).await;
    assert_eq!(asked.status(), 403);
    let page = asked.text().await.unwrap();
    assert!(page.contains("name=\"next\" value=\"/events/export?format=ndjson&#38;q=can%20ary\""), "{page}");
    assert!(!page.contains("canary"));
    let confirm = async |next: &str, password: &str| {
        alice.post("/settings/confirmation", &[("next", next), ("current_password", password)]).await
    };
    assert_eq!(confirm(export, "not the password").await.status(), 422);
    assert_eq!(alice.get(export).await.status(), 403);
    let answer = confirm(export, PASSWORD).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, export));
    assert_eq!(alice.get(export).await.status(), 200);
    let away = confirm("//evil.example", PASSWORD).await;
    assert_eq!(away.headers()["location"], "/settings/account");
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn forms_have_the_field_for_the_password_when_it_is_needed_and_only_then() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let field = "name=\"current_password\"";
    assert!(!alice.page(WEBHOOKS).await.contains(field));
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/rotation"), &[("overlap", "7d")]).await;
    for (late, times) in [(false, 0), (true, 1)] {
        for dialog in ["new=1".to_owned(), format!("rotate={id}"), format!("revoke={id}"), format!("stop={id}")] {
            let page = alice.page(&format!("{WEBHOOKS}?{dialog}")).await;
            assert_eq!(page.matches(field).count(), times, "{dialog}, late: {late}");
        }
        let page = alice.page(&format!("{WEBHOOKS}?rename={id}")).await;
        assert!(!page.contains(field), "renaming does not need it");
        server.pass(SignedDuration::from_mins(16));
    }
    let bob = server.pro("bob@example.com").await;
    server.pass(SignedDuration::from_mins(16));
    assert!(bob.page(WEBHOOKS).await.contains(field), "the first credential is one too");
}

// holds K3
#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_takes_the_second_factor_too_and_the_session_goes_on_under_another_key() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let (phone, codes) = Authenticator::enrol(&server, &alice).await;
    let path = format!("{WEBHOOKS}/credentials/{}/disabling", alice.credential_id(&sender.username).await);
    server.pass(SignedDuration::from_mins(16));
    let disable = async |code: &str| {
        let fields = [("current_password", PASSWORD), ("confirmation_code", code)];
        alice.post(&path, &fields).await.status().as_u16()
    };
    let asked = alice.post(&path, &[("current_password", PASSWORD)]).await;
    assert_eq!(asked.status(), 403, "the password alone");
    assert!(asked.text().await.unwrap().contains("name=\"confirmation_code\""));
    assert_eq!(disable(&phone.wrong_code(server.now())).await, 422);
    assert_eq!(sender.status().await, 200, "nothing was done");
    let kept = "select encode(key_hash, 'hex'), id::text, expires_at::text from sessions";
    let before = server.query(kept).await;
    assert_eq!(disable(&phone.next_code(&server)).await, 303);
    let after = server.query(kept).await;
    assert_ne!(before[0][0], after[0][0], "another key");
    assert_eq!(before[0][1..], after[0][1..], "of the same session, which ends when it would have ended");
    assert!(!server.query("select state from sessions").await[0][0].as_ref().unwrap().contains("new_key"));
    assert_eq!(sender.status().await, 401);
    assert_eq!(alice.get("/events").await.status(), 200, "and goes on");

    server.pass(SignedDuration::from_mins(16));
    let next = "/settings/audit/export?format=ndjson";
    let page = alice.get(next).await;
    assert_eq!(page.status(), 403);
    assert!(page.text().await.unwrap().contains("name=\"confirmation_code\""));
    let fields = [("next", next), ("current_password", PASSWORD), ("confirmation_code", &codes[0])];
    assert_eq!(alice.post("/settings/confirmation", &fields).await.headers()["location"], next, "a recovery code");
    assert_eq!(alice.get(next).await.status(), 200);
    let new = "an entirely different set of words";
    let before = server.query(kept).await;
    let fields = [("current_password", PASSWORD), ("new_password", new), ("confirmation_code", &codes[1])];
    assert_eq!(alice.post("/settings/account/password", &fields).await.status(), 303);
    assert_ne!(before[0][0], server.query(kept).await[0][0], "a new password, a new key");
}

// holds issue 15: step-up for many single deletions
#[tokio::test(flavor = "multi_thread")]
async fn beyond_twenty_single_deletions_in_ten_minutes_a_password_is_needed() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let mut events = Vec::new();
    for number in 0..24 {
        events.push(sender.store(number.to_string()).await);
    }
    let path = |number: usize| format!("/events/{}/deletion?credential={}", events[number], sender.username);
    let delete = async |number: usize| alice.post(&path(number), &[]).await.status().as_u16();
    server.pass(SignedDuration::from_mins(16));
    for number in 0..20 {
        assert_eq!(delete(number).await, 303, "{number}");
    }
    let asked = alice.post(&path(20), &[]).await;
    assert_eq!(asked.status(), 403);
    let page = asked.text().await.unwrap();
    assert!(page.contains(&format!("action=\"{}\"", path(20))) && page.contains("Delete event"), "{page}");
    assert_eq!(server.number("select count(*) from events").await, 4);
    let wrong = alice.post(&path(20), &[("current_password", "not the password")]).await;
    assert_eq!(wrong.status(), 422);
    server.pass(SignedDuration::from_mins(1));
    assert_eq!(delete(20).await, 303, "two a minute go on");
    assert_eq!((delete(21).await, delete(22).await), (303, 403));
    let done = alice.post(&path(22), &[("current_password", PASSWORD)]).await;
    assert_eq!(done.headers()["location"], format!("/events?credential={}", sender.username));
    assert_eq!(delete(23).await, 303, "it was given lately");
}

// holds issue 15: step-up for settings that weaken a credential
#[tokio::test(flavor = "multi_thread")]
async fn letting_more_networks_send_asks_for_the_password_and_fewer_do_not() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let path = format!("{WEBHOOKS}/credentials/{}/sender-settings", alice.credential_id(&sender.username).await);
    let stored = async || server.query("select networks::text from credentials").await[0][0].clone().unwrap();
    server.pass(SignedDuration::from_mins(16));
    for (networks, kept) in [("203.0.113.0/24", "{203.0.113.0/24}"), ("203.0.113.128/25", "{203.0.113.128/25}")] {
        assert_eq!(alice.post(&path, &[("networks", networks), ("batches", "on")]).await.status(), 303);
        assert_eq!(stored().await, kept);
    }
    for networks in ["", "203.0.113.0/24", "203.0.113.128/25 198.51.100.1"] {
        let asked = alice.post(&path, &[("networks", networks), ("batches", "on")]).await;
        assert_eq!(asked.status(), 403, "{networks}");
        let page = asked.text().await.unwrap();
        assert!(page.contains(&format!("name=\"networks\" value=\"{networks}\"")) && page.contains("Save settings"));
        assert_eq!(stored().await, "{203.0.113.128/25}");
    }
    let given = [("networks", ""), ("batches", "on"), ("current_password", PASSWORD)];
    assert_eq!(alice.post(&path, &given).await.status(), 303);
    assert_eq!(stored().await, "{}");
}

// holds issue 15: the second factor is asked at step-up
#[tokio::test(flavor = "multi_thread")]
async fn forms_with_the_field_for_the_password_have_one_for_the_code() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store("1").await;
    let id = alice.credential_id(&sender.username).await;
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    let (password, code) = ("name=\"current_password\"", "name=\"confirmation_code\"");
    let pages = [
        format!("{WEBHOOKS}?new=1"),
        format!("{WEBHOOKS}?rotate={id}"),
        format!("{WEBHOOKS}?revoke={id}"),
        format!("{WEBHOOKS}/credentials/{id}/sender-settings"),
        "/events/deletion".to_owned(),
        "/settings/account".to_owned(),
        "/settings/account/second-factor".to_owned(),
    ];
    let asked = |page: &str| (page.matches(password).count(), page.matches(code).count());
    assert_eq!(asked(&alice.page(&pages[1]).await), (0, 0), "both were given lately");
    server.pass(SignedDuration::from_mins(16));
    for path in &pages {
        let page = alice.page(path).await;
        let (passwords, codes) = asked(&page);
        // The form that turns two-step sign-in off has had a code of its own for ever.
        assert_eq!(passwords, codes + page.matches(" name=\"code\"").count(), "{path}");
        assert!(codes > 0, "{path}");
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), different.len(), "{path} has an id twice");
    }
    let given = [("overlap", "1h"), ("current_password", PASSWORD), ("confirmation_code", &phone.next_code(&server))];
    let rotated = alice.post(&format!("{WEBHOOKS}/credentials/{id}/rotation"), &given).await;
    assert_eq!(rotated.status(), 200, "in one go");
    let bob = server.pro("bob@example.com").await;
    server.pass(SignedDuration::from_mins(16));
    assert_eq!(asked(&bob.page(WEBHOOKS).await), (1, 0), "who has no second factor is asked for none");
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn the_question_for_the_password_names_what_it_is_about() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    let bob = server.pro("bob@example.com").await;
    server.pass(SignedDuration::from_mins(16));
    let one = format!("{WEBHOOKS}/credentials/{id}/revocation");
    let named = format!("System 1 ({})", sender.username);
    for (path, fields, about) in [
        (one.as_str(), vec![], named.as_str()),
        (&format!("{WEBHOOKS}/credentials"), vec![("name", "Till <3>")], "Till &#60;3&#62;"),
        ("/settings/account/email", vec![("email", "alice@new.example")], "alice@new.example"),
        ("/events/deletion", vec![("q", "a = 1"), ("confirmation", "12")], "12 events: a = 1"),
        ("/settings/events/when-full", vec![("when_full", "delete_oldest")], "alice@example.com"),
    ] {
        let page = alice.post(path, &fields).await.text().await.unwrap();
        assert!(page.contains(&format!("<dd><b>{about}</b></dd>")), "{path}: {page}");
    }
    let page = alice.get("/settings/audit/export?format=csv").await.text().await.unwrap();
    assert!(page.contains("<dd><b>The audit trail of alice@example.com</b></dd>"), "{page}");
    let wrong = [("next", "/events/export?format=csv"), ("current_password", "not the password")];
    let page = alice.post("/settings/confirmation", &wrong).await.text().await.unwrap();
    assert!(page.contains("<dd><b>Events of alice@example.com</b></dd>"), "{page}");
    assert!(!bob.post(&one, &[]).await.text().await.unwrap().contains("System 1"), "nobody else’s");
}
