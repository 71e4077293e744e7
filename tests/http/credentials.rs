//! Credentials from their page: shown once, rotated without breaking anybody, disabled, enabled, revoked.

use jiff::SignedDuration;
use uuid::Uuid;

use crate::support::actors::{Person, Sender, WEBHOOKS, between};
use crate::support::server::{PASSWORD, TestServer};

async fn stage() -> (TestServer, Person) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    (server, alice)
}

async fn rotate(server: &TestServer, owner: &Person, sender: &Sender, overlap: &str) -> Sender {
    let id = owner.credential_id(&sender.username).await;
    // Some tests let days pass before.
    let form = [("overlap", overlap), ("current_password", PASSWORD)];
    let answer = owner.post(&format!("{WEBHOOKS}/credentials/{id}/rotation"), &form).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    Sender::from_page(&server.url, &answer.text().await.unwrap())
}

/// Sessions end sooner than weeks of overlaps.
async fn sign_in_again(owner: &Person) {
    let fields = [("email", "alice@example.com"), ("password", PASSWORD)];
    assert_eq!(owner.post("/login", &fields).await.status(), 303);
}

// holds C1, C6
#[tokio::test(flavor = "multi_thread")]
async fn a_new_credential_is_shown_once_in_the_shape_of_the_contract() {
    let (server, alice) = stage().await;
    let answer = alice.post(&format!("{WEBHOOKS}/credentials"), &[("name", "Inventory system")]).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
    let page = answer.text().await.unwrap();
    let sender = Sender::from_page(&server.url, &page);
    assert!(sender.username.starts_with("rw_") && sender.username.len() == 11, "{}", sender.username);
    assert!(sender.password.starts_with("rwp_") && sender.password.len() == 36, "{}", sender.password);
    assert_eq!(between(&page, "id=\"authorization\">", "<"), sender.authorization());
    assert_eq!(sender.authorization().len(), "Basic ".len() + 64);
    let env = percent_encoding::percent_decode_str(between(&page, "href=\"data:text/plain;charset=utf-8,", "\""))
        .decode_utf8()
        .unwrap()
        .into_owned();
    assert_eq!(
        env,
        format!(
            "WEBHOOK_URL={}/\nWEBHOOK_USERNAME={}\nWEBHOOK_PASSWORD={}\n",
            server.url, sender.username, sender.password
        )
    );
    assert_eq!(sender.status().await, 200);
    for path in [WEBHOOKS, "/events", "/settings/audit", "/docs/webhooks/quick-start"] {
        assert!(!alice.page(path).await.contains(&sender.password), "{path}");
    }
    assert!(alice.page(WEBHOOKS).await.contains(&sender.username), "the username can be copied any time");
}

// holds C6
#[tokio::test(flavor = "multi_thread")]
async fn sending_the_form_again_shows_nothing_and_makes_nothing() {
    let (server, alice) = stage().await;
    let page = alice.page(WEBHOOKS).await;
    let id = between(&page, "name=\"id\" value=\"", "\"").to_owned();
    let form = [("name", "Inventory"), ("id", id.as_str())];
    let path = format!("{WEBHOOKS}/credentials");
    let (one, two) = tokio::join!(alice.post(&path, &form), alice.post(&path, &form));
    let (first, second) = if one.status() == 200 { (one, two) } else { (two, one) };
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 409), "a double click");
    let password = Sender::from_page(&server.url, &first.text().await.unwrap()).password;
    for answer in [second, alice.post(&path, &form).await] {
        let page = answer.text().await.unwrap();
        assert!(!page.contains(&password) && page.contains("Rotate password"), "{page}");
    }
    assert_eq!(server.number("select count(*) from credentials").await, 1);

    let bob = server.pro("bob@example.com").await;
    let taken = bob.post(&path, &form).await;
    assert_eq!(taken.status(), 404, "somebody else's id is nobody's");
    let dialog = alice.page(&format!("{WEBHOOKS}?rotate={id}")).await;
    let secret = between(&dialog, "name=\"id\" value=\"", "\"").to_owned();
    let rotation = format!("{path}/{id}/rotation");
    let form = [("overlap", "24h"), ("id", secret.as_str())];
    assert_eq!(alice.post(&rotation, &form).await.status(), 200);
    assert_eq!(alice.post(&rotation, &form).await.status(), 409);
    assert_eq!(server.number("select count(*) from credential_secrets").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_checked_and_given_back_in_the_form() {
    let (server, alice) = stage().await;
    let path = format!("{WEBHOOKS}/credentials");
    for (name, words) in [
        ("", "Give the credential a name"),
        ("   ", "Give the credential a name"),
        (&"x".repeat(61), "This name has 61."),
    ] {
        let answer = alice.post(&path, &[("name", name)]).await;
        assert_eq!(answer.status(), 422);
        assert!(answer.text().await.unwrap().contains(words), "{words}");
    }
    assert_eq!(server.number("select count(*) from credentials").await, 0);
    let sender = alice.create_credential("  Lager <b>Süd</b> ").await;
    let page = alice.page(WEBHOOKS).await;
    assert!(page.contains("Lager &#60;b&#62;Süd&#60;/b&#62;"), "names are text");
    let id = alice.credential_id(&sender.username).await;
    let renamed = alice.post(&format!("{path}/{id}/name"), &[("name", "Lager Nord")]).await;
    assert!(alice.follow(renamed).await.contains("Renamed to Lager Nord."));
    let invalid = alice.post(&format!("{path}/{id}/name"), &[("name", "")]).await;
    assert_eq!(invalid.status(), 422);
    assert!(invalid.text().await.unwrap().contains("id=\"rename\""), "the dialog is open again");
}

// holds C7
#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_work_until_the_overlap_ends() {
    for (overlap, hours) in [("1h", 1), ("24h", 24), ("7d", 7 * 24)] {
        let (server, alice) = stage().await;
        let old = server.sender(&alice).await;
        let new = rotate(&server, &alice, &old, overlap).await;
        assert_eq!(new.username, old.username);
        assert_eq!((old.status().await, new.status().await), (200, 200), "{overlap}");
        server.pass(SignedDuration::from_hours(hours) - SignedDuration::from_secs(30));
        assert_eq!((old.status().await, new.status().await), (200, 200), "{overlap}, just before");
        server.pass(SignedDuration::from_secs(60));
        assert_eq!((old.status().await, new.status().await), (401, 200), "{overlap}, just after");
        server.eventually("select count(*) from rejections where reason = 'expired_password'", 1).await;
    }
}

// holds C7
#[tokio::test(flavor = "multi_thread")]
async fn rotating_now_ends_the_old_password_on_the_next_request() {
    let (server, alice) = stage().await;
    let old = server.sender(&alice).await;
    assert_eq!(old.status().await, 200);
    let new = rotate(&server, &alice, &old, "now").await;
    assert_eq!((old.status().await, new.status().await), (401, 200));
    server.eventually("select count(*) from rejections where reason = 'revoked_password'", 1).await;
}

// holds C7
#[tokio::test(flavor = "multi_thread")]
async fn there_are_never_more_than_two_passwords() {
    let (server, alice) = stage().await;
    let first = server.sender(&alice).await;
    let id = alice.credential_id(&first.username).await;
    let path = format!("{WEBHOOKS}/credentials/{id}/rotation");
    let at_once: Vec<_> = (0..20)
        .map(|_| {
            let (alice, path) = (alice.clone(), path.clone());
            tokio::spawn(async move { alice.post(&path, &[("overlap", "24h")]).await.status().as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for each in at_once {
        statuses.push(each.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(server.number("select count(*) from credential_secrets where slot is not null").await, 2);
    let third = alice.post(&path, &[("overlap", "1h")]).await;
    assert_eq!(third.status(), 409);
    let page = third.text().await.unwrap();
    assert!(page.contains("The old password stops on") && page.contains("Stop both and rotate"), "{page}");
    server.pass(SignedDuration::from_hours(25));
    let form = [("overlap", "1h"), ("current_password", PASSWORD)];
    assert_eq!(alice.post(&path, &form).await.status(), 200, "the slot is free again");
    let one_more = server
        .query(&format!("do $$ begin insert into credential_secrets (id, credential_id, hint, hash, slot, created_at) values ('{}', '{id}', 'zzzz', 'x', 1, now()); exception when unique_violation then raise notice 'held'; end $$", Uuid::new_v4()))
        .await;
    assert!(one_more.is_empty());
    assert_eq!(
        server.number("select count(*) from credential_secrets where hint = 'zzzz'").await,
        0,
        "the database holds it"
    );
}

// holds C7
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_never_pauses_sees_no_failure_through_ten_rotations_with_every_overlap_but_now() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    let current = std::sync::Arc::new(std::sync::Mutex::new(sender.clone()));
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let sending = {
        let (current, sent) = (current.clone(), sent.clone());
        tokio::spawn(async move {
            while stopped.try_recv().is_err() {
                let sender = current.lock().unwrap().clone();
                assert_eq!(sender.status().await, 200);
                sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        })
    };
    // Two more requests were answered, so the latest began after this was called.
    let sent_more = async || {
        let before = sent.load(std::sync::atomic::Ordering::Relaxed);
        while sent.load(std::sync::atomic::Ordering::Relaxed) < before + 2 && !sending.is_finished() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    for (overlap, minutes) in [("1h", 60), ("24h", 24 * 60), ("7d", 7 * 24 * 60)].repeat(10) {
        let before = current.lock().unwrap().clone();
        sign_in_again(&alice).await;
        let new = rotate(&server, &alice, &before, overlap).await;
        sent_more().await;
        server.pass(SignedDuration::from_mins(minutes) - SignedDuration::from_secs(30));
        sent_more().await;
        *current.lock().unwrap() = new;
        sent_more().await;
        server.pass(SignedDuration::from_mins(1));
        sent_more().await;
    }
    sent_more().await;
    stop.send(()).unwrap();
    sending.await.unwrap();
    assert_eq!(server.number("select count(*) from rejections").await, 0);
}

// holds C8
#[tokio::test(flavor = "multi_thread")]
async fn disabling_is_taken_back_and_revoking_is_not() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.status().await, 200);
    let id = alice.credential_id(&sender.username).await;
    let act = async |what: &str| {
        alice.post(&format!("{WEBHOOKS}/credentials/{id}/{what}"), &[]).await.headers()["location"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let location = act("disabling").await;
    assert!(alice.page(&location).await.contains("System 1 is disabled."), "{location}");
    assert_eq!(sender.status().await, 401);
    server.eventually("select count(*) from rejections where reason = 'credential_disabled'", 1).await;
    act("enabling").await;
    assert_eq!(sender.status().await, 200);
    act("revocation").await;
    assert_eq!(sender.status().await, 401);
    act("enabling").await;
    assert_eq!(sender.status().await, 401, "revoked is for good");
    server.eventually("select count(*) from rejections where reason = 'revoked_password'", 1).await;
    let page = alice.page(WEBHOOKS).await;
    assert!(page.contains("Revoked credentials (1)"), "{page}");
}

// holds C8
#[tokio::test(flavor = "multi_thread")]
async fn revoking_on_one_instance_bites_at_once_on_another() {
    let (server, alice) = stage().await;
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let sender = server.sender(&alice).await;
    let there = Sender::new(&other.url, &sender.username, &sender.password);
    for _ in 0..3 {
        assert_eq!((sender.status().await, there.status().await), (200, 200), "both have verified it");
    }
    let id = alice.credential_id(&sender.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &[]).await;
    let stored = server.number("select count(*) from events").await;
    for _ in 0..50 {
        let status = there.status().await;
        assert!(matches!(status, 401 | 429), "{status}");
    }
    assert_eq!(server.number("select count(*) from events").await, stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_asks_for_the_name_of_a_credential_in_use() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    sender.store("1").await;
    server.eventually("select count(*) from credential_secrets where last_used_at is not null", 1).await;
    let id = alice.credential_id(&sender.username).await;
    let dialog = alice.page(&format!("{WEBHOOKS}?revoke={id}")).await;
    assert!(dialog.contains("name=\"confirmation\"") && dialog.contains("from 127.0.0.1"), "{dialog}");
    let path = format!("{WEBHOOKS}/credentials/{id}/revocation");
    let wrong = alice.post(&path, &[("confirmation", "system 1")]).await;
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().await.unwrap().contains("Type System 1 exactly as it is written."));
    assert_eq!(sender.status().await, 200);
    assert_eq!(alice.post(&path, &[("confirmation", "System 1")]).await.status(), 303);
    assert_eq!(sender.status().await, 401);
}

// holds C9
#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_whether_the_old_password_is_still_in_use() {
    let (server, alice) = stage().await;
    let old = server.sender(&alice).await;
    let used = async |number| {
        server.eventually("select count(*) from credential_secrets where last_used_at is not null", number).await;
    };
    old.store("0").await;
    used(1).await;
    server.pass(SignedDuration::from_secs(5));
    let new = rotate(&server, &alice, &old, "24h").await;
    assert!(alice.credential_page(&old.username).await.contains("Neither password has been used since the change."));
    server.pass(SignedDuration::from_secs(5));
    old.store("1").await;
    server.eventually("select count(*) from credential_secrets where last_used_at > first_used_at", 1).await;
    server.pass(SignedDuration::from_mins(3));
    let page = alice.credential_page(&old.username).await;
    assert!(page.contains(">3 min ago</time> from 127.0.0.1: don’t stop it yet."), "{page}");
    new.store("2").await;
    used(2).await;
    let page = alice.credential_page(&old.username).await;
    assert!(page.contains("The old password hasn’t been used since the new one took over. You can stop it."), "{page}");
    server.pass(SignedDuration::from_mins(10));
    old.store("3").await;
    new.store("4").await;
    server.eventually("select count(*) from credential_secrets where last_used_at > first_used_at", 2).await;
    let page = alice.credential_page(&old.username).await;
    assert!(page.contains("The old password was last used"), "a sender that was forgotten: {page}");
    let id = alice.credential_id(&old.username).await;
    assert!(alice.page(&format!("{WEBHOOKS}?stop={id}")).await.contains("Stop old password"));
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/old-password-revocation"), &[]).await;
    assert_eq!((old.status().await, new.status().await), (401, 200));
}

// holds C7, C11
#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_is_extended_once_by_what_was_chosen_and_never_after_its_end() {
    for (overlap, words, hours) in [("1h", "1 hour", 1), ("24h", "24 hours", 24), ("7d", "7 days", 7 * 24)] {
        let (server, alice) = stage().await;
        let old = server.sender(&alice).await;
        let path = format!("{WEBHOOKS}/credentials/{}/overlap-extension", alice.credential_id(&old.username).await);
        let extend = async || {
            let answer = alice.post(&path, &[]).await;
            alice.page(answer.headers()["location"].to_str().unwrap()).await
        };
        assert!(extend().await.contains("The overlap of System 1 didn’t change."), "there is none");
        let new = rotate(&server, &alice, &old, overlap).await;
        assert!(alice.credential_page(&old.username).await.contains(&format!("Extend by {words}<")));
        let (one, two) = tokio::join!(alice.post(&path, &[]), alice.post(&path, &[]));
        assert_eq!((one.status().as_u16(), two.status().as_u16()), (303, 303), "a double click");
        let page = alice.credential_page(&old.username).await;
        assert!(!page.contains("Extend by"), "the button goes away: {page}");
        assert!(extend().await.contains("The overlap of System 1 didn’t change."), "once");
        assert_eq!(server.number("select count(*) from audit_log where action = 'overlap_extended'").await, 1);
        server.pass(SignedDuration::from_hours(2 * hours) - SignedDuration::from_secs(30));
        assert_eq!((old.status().await, new.status().await), (200, 200), "{overlap}, just before");
        server.pass(SignedDuration::from_secs(60));
        assert_eq!((old.status().await, new.status().await), (401, 200), "{overlap}, just after");
        server.query("update credential_secrets set extended_at = null").await;
        sign_in_again(&alice).await;
        assert!(extend().await.contains("didn’t change."), "what has expired is not brought back");
        assert_eq!(old.status().await, 401);
        assert!(alice.page("/settings/audit").await.contains("Extended the overlap of a credential"));
    }
}

// holds issue 16, section 4
#[tokio::test(flavor = "multi_thread")]
async fn the_extension_of_an_overlap_is_undone_while_it_is_new_and_once() {
    let (server, alice) = stage().await;
    let old = server.sender(&alice).await;
    rotate(&server, &alice, &old, "1h").await;
    let path = format!("{WEBHOOKS}/credentials/{}/overlap-extension", alice.credential_id(&old.username).await);
    let end = "select expires_at::text from credential_secrets where expires_at is not null";
    let before = server.query(end).await;
    let page = alice.follow(alice.post(&path, &[]).await).await;
    assert!(page.contains("name=\"undo\" value=\"1\"") && page.contains(">Undo</button>"), "{page}");
    assert_ne!(server.query(end).await, before);
    let undo = async || alice.follow(alice.post(&path, &[("undo", "1")]).await).await;
    let page = undo().await;
    assert!(
        page.contains("The overlap of System 1 is as long as before.") && page.contains("Extend by 1 hour"),
        "{page}"
    );
    assert_eq!(server.query(end).await, before);
    assert!(undo().await.contains("The overlap of System 1 didn’t change."), "once");
    assert_eq!(server.query(end).await, before);
    assert!(alice.page("/settings/audit").await.contains("Undid the extension of an overlap"));
    alice.post(&path, &[]).await;
    let extended = server.query(end).await;
    server.pass(SignedDuration::from_mins(11));
    assert!(undo().await.contains("too long ago to undo that"));
    assert_eq!(server.query(end).await, extended);
    server.pass(SignedDuration::from_mins(110));
    sign_in_again(&alice).await;
    assert!(undo().await.contains("didn’t change."), "an old password that has ended stays so");
    assert_eq!(old.status().await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_takes_the_way_to_the_dashboard_and_needs_a_working_credential() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    let path = format!("{WEBHOOKS}/credentials/{id}/test-event");
    let location = alice.post(&path, &[]).await.headers()["location"].to_str().unwrap().to_owned();
    let page = alice.page(&location).await;
    assert!(page.contains("The test event for System 1 was stored in"), "{page}");
    let event = between(&page, "btn sm\" href=\"/events/", "\"");
    assert!(alice.page(&format!("/events/{event}")).await.contains("Hello from webhook!"));
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/disabling"), &[]).await;
    let location = alice.post(&path, &[]).await.headers()["location"].to_str().unwrap().to_owned();
    assert!(alice.page(&location).await.contains("was refused"), "{location}");
    assert_eq!(server.number("select count(*) from events").await, 1);
}

// holds C2, C3
#[tokio::test(flavor = "multi_thread")]
async fn argon2_runs_once_for_a_sender_and_never_for_a_forgery() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    let runs = || server.application().state.engine.verifier.argon2_runs();
    let before = runs();
    for _ in 0..20 {
        assert_eq!(sender.status().await, 200);
    }
    assert_eq!(runs() - before, 1, "one for twenty requests");
    let new = rotate(&server, &alice, &sender, "24h").await;
    assert_eq!(new.status().await, 200);
    assert_eq!(runs() - before, 2, "one more for the second password, however many live");
    let forged = format!("{}{}", &sender.password[..35], if sender.password.ends_with('0') { '1' } else { '0' });
    for password in ["", "x", "rwp_", &forged, &format!("rwp_{}", "A".repeat(32))] {
        assert_eq!(sender.with_password(password).status().await, 401, "{password}");
    }
    assert_eq!(runs() - before, 2, "forgeries are told without argon2");
}

// holds A6
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_identical_cold_requests_share_one_argon2_run() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    let before = server.application().state.engine.verifier.argon2_runs();
    let tries: Vec<_> = (0..200)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move { sender.status().await })
        })
        .collect();
    for each in tries {
        assert_eq!(each.await.unwrap(), 200);
    }
    assert_eq!(server.application().state.engine.verifier.argon2_runs() - before, 1);
}

// holds C10
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_sees_the_reason_and_never_what_was_tried() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.with_password("rwp_canaryCanaryCanary").status().await, 401);
    assert_eq!(sender.send("{canary").await.status(), 400);
    server.eventually("select count(*) from rejections", 2).await;
    let page = alice.page("/events/rejections").await;
    assert!(
        page.contains("Wrong password") && page.contains("Not valid JSON") && page.contains("at line 1, column 2"),
        "{page}"
    );
    assert!(!page.contains("canary"), "{page}");
    assert!(alice.page(WEBHOOKS).await.contains("All 2 in the last 24 hours"));
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn every_act_leaves_a_line_that_cannot_be_changed() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    let id = alice.credential_id(&sender.username).await;
    for (what, fields) in [
        ("rotation", vec![("overlap", "24h")]),
        ("old-password-revocation", vec![]),
        ("name", vec![("name", "New name")]),
        ("disabling", vec![]),
        ("enabling", vec![]),
        ("revocation", vec![]),
    ] {
        alice.post(&format!("{WEBHOOKS}/credentials/{id}/{what}"), &fields).await;
    }
    let page = alice.page("/settings/audit").await;
    for sentence in [
        "Created the account",
        "Signed in",
        "Created a credential",
        "Rotated the password of a credential",
        "Stopped the old password of a credential",
        "Renamed a credential",
        "Disabled a credential",
        "Enabled a credential",
        "Revoked a credential",
    ] {
        assert!(page.contains(sentence), "{sentence}");
    }
    assert!(page.contains("alice@example.com") && page.contains("127.0.0.1") && page.contains("req_"));
}
