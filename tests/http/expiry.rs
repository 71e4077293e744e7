//! Expiry dates of passwords: set, told of in time, kept, and removed; and what is said of old passwords without one.

use jiff::SignedDuration;

use crate::support::actors::{Person, Sender, WEBHOOKS};
use crate::support::server::{PASSWORD, TestServer};

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn stage() -> (TestServer, Person, Sender, String) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let path = format!("{WEBHOOKS}/credentials/{}", alice.credential_id(&sender.username).await);
    (server, alice, sender, path)
}

/// The page, to somebody whose session may have ended meanwhile.
async fn page(owner: &Person, path: &str) -> String {
    owner.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    owner.page(path).await
}

/// The page of a credential, by the path of what can be done with it.
fn credential(path: &str) -> String {
    path.replace("/credentials/", "/")
}

/// Sets a date so many days after today; gives back the page that follows.
async fn set(server: &TestServer, owner: &Person, path: &str, days: i32) -> String {
    let date = (server.now() + DAY * days).strftime("%F").to_string();
    let answer = owner.post(&format!("{path}/expiry"), &[("expires_on", &date)]).await;
    assert_eq!(answer.status(), 303);
    owner.page(answer.headers()["location"].to_str().unwrap()).await
}

/// Moves the clock to so many hours before the beginning of a day that lies ahead.
fn go_to(server: &TestServer, end: &str, hours_before: i64) {
    let end: jiff::Timestamp = format!("{end}T00:00:00Z").parse().unwrap();
    server.pass(end.duration_since(server.now()) - SignedDuration::from_hours(hours_before));
}

// holds C9, C11
#[tokio::test(flavor = "multi_thread")]
async fn an_expiry_date_is_warned_of_and_ends_the_password_whose_events_are_held() {
    let (server, alice, sender, path) = stage().await;
    let end = (server.now() + DAY * 30).strftime("%F").to_string();
    let shown = set(&server, &alice, &path, 30).await;
    assert!(shown.contains("The password of System 1 has an expiry date.") && shown.contains(">29 d left<"), "{shown}");
    assert!(shown.contains("Active") && !shown.contains("The password expires on"), "early enough: {shown}");
    for (hours, warning) in [
        (14 * 24 + 1, None),
        (14 * 24 - 1, Some("notice \"")),
        (7 * 24 - 1, Some("notice warn\"")),
        (23, Some("notice bad\"")),
    ] {
        go_to(&server, &end, hours);
        let page = page(&alice, &credential(&path)).await;
        match warning {
            None => assert!(!page.contains("The password expires on"), "{page}"),
            Some(kind) => assert!(page.contains("The password expires on") && page.contains(kind), "{hours}: {page}"),
        }
        assert_eq!(sender.status().await, 200);
    }
    go_to(&server, &end, 0);
    server.pass(SignedDuration::from_secs(1));
    assert_eq!(sender.status().await, 401);
    server.eventually("select count(*) from held_events", 1).await;
    let page = page(&alice, &credential(&path)).await;
    assert!(page.contains("The password expired on") && page.contains("sent with the expired password"), "{page}");
    assert!(!page.contains("Extend by"), "there is no overlap");
    assert!(
        page.contains(">Expired</span>") && !page.contains(">Active</span>"),
        "nobody takes it for a working one: {page}"
    );
    assert!(page.contains("Rotate the credential and give it the new password"), "{page}");
    assert!(!page.contains(&format!("{path}/test-event")), "a test that is stored would say that senders are let in");
    let location = alice.post(&format!("{path}/test-event"), &[]).await.headers()["location"].clone();
    assert!(alice.page(location.to_str().unwrap()).await.contains("The test event for System 1 was refused."));
    let gone = set(&server, &alice, &path, 3).await;
    assert!(gone.contains("No password of System 1 works any more."), "{gone}");
    assert_eq!(sender.status().await, 401, "what has expired is not brought back");

    let answer = alice.post(&format!("{path}/rotation"), &[("overlap", "24h"), ("current_password", PASSWORD)]).await;
    let new = Sender::from_page(&server.url, &answer.text().await.unwrap());
    assert_eq!((sender.status().await, new.status().await), (401, 200));
    let page = alice.page(&credential(&path)).await;
    assert!(!page.contains("The password expired on") && page.contains("Active"), "{page}");
    let audit = alice.page("/settings/audit").await;
    assert!(audit.contains("Set the expiry date of a password") && audit.contains(&end), "{audit}");
}

// holds C7, C11
#[tokio::test(flavor = "multi_thread")]
async fn a_date_can_be_changed_and_removed_and_takes_no_third_place() {
    let (server, alice, sender, path) = stage().await;
    set(&server, &alice, &path, 2).await;
    set(&server, &alice, &path, 9).await;
    server.pass(DAY * 3);
    assert_eq!(sender.status().await, 200, "changed");
    let dialog = page(&alice, &format!("{WEBHOOKS}?expiry={}", path.rsplit('/').next().unwrap())).await;
    assert!(dialog.contains("<option value=\"never\">Never"), "{dialog}");
    let removal = [("expires_on", "2030-01-01"), ("expires", "never")];
    assert_eq!(alice.post(&format!("{path}/expiry"), &removal).await.status(), 303);
    server.pass(DAY * 9);
    assert_eq!(sender.status().await, 200, "removed");
    let audit = page(&alice, "/settings/audit").await;
    assert!(audit.contains("Removed the expiry date of a password"), "{audit}");
    for (date, words) in [
        ("2020-01-01", "Choose a day after today."),
        ("soon", "Give a date, such as 2027-06-30."),
        ("2099-01-01", "Choose a date within ten years."),
    ] {
        let answer = alice.post(&format!("{path}/expiry"), &[("expires_on", date)]).await;
        assert_eq!(answer.status(), 422);
        let page = answer.text().await.unwrap();
        assert!(page.contains(words) && page.contains("id=\"expiry\""), "{page}");
    }
    set(&server, &alice, &path, 2).await;
    let rotation = format!("{path}/rotation");
    let answer = alice.post(&rotation, &[("overlap", "7d"), ("current_password", PASSWORD)]).await;
    let new = Sender::from_page(&server.url, &answer.text().await.unwrap());
    set(&server, &alice, &path, 5).await;
    assert_eq!((sender.status().await, new.status().await), (200, 200));
    assert_eq!(
        alice.post(&rotation, &[("overlap", "1h"), ("current_password", PASSWORD)]).await.status(),
        409,
        "two work, dates or not"
    );
    assert!(page(&alice, &credential(&path)).await.contains("Rotating"));
    server.pass(DAY * 2);
    assert_eq!((sender.status().await, new.status().await), (401, 200), "an overlap does not outlive the date");
    assert_eq!(server.number("select count(*) from credential_secrets where slot is not null").await, 2);
    page(&alice, &credential(&path)).await;
    assert_eq!(
        alice.post(&rotation, &[("overlap", "1h"), ("current_password", PASSWORD)]).await.status(),
        200,
        "the place is free again"
    );
}

// holds C9
#[tokio::test(flavor = "multi_thread")]
async fn an_old_password_that_outlives_the_new_one_is_told_of() {
    let (server, alice, sender, path) = stage().await;
    let answer = alice.post(&format!("{path}/rotation"), &[("overlap", "7d"), ("current_password", PASSWORD)]).await;
    let new = Sender::from_page(&server.url, &answer.text().await.unwrap());
    set(&server, &alice, &path, 2).await;
    server.pass(DAY * 3);
    assert_eq!((sender.status().await, new.status().await), (200, 401));
    let shown = page(&alice, &credential(&path)).await;
    assert!(shown.contains("so only the old one works.") && shown.contains("Rotate once more"), "{shown}");
    assert!(!shown.contains("Neither password has been used"), "{shown}");
}

// holds C9
#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_of_each_password_how_old_it_is_and_when_from_where_and_by_whom_it_was_used() {
    let (server, alice, sender, path) = stage().await;
    let agent = "inventory/2.1 <b>";
    for _ in 0..3 {
        let sent = sender.request().header("user-agent", agent).body("{}").send().await.unwrap();
        assert_eq!(sent.status(), 200);
    }
    server.eventually("select count(*) from credential_secrets where last_used_agent is not null", 1).await;
    server.pass(DAY * 6);
    let answer = alice.post(&format!("{path}/rotation"), &[("overlap", "24h"), ("current_password", PASSWORD)]).await;
    assert_eq!(answer.status(), 200);
    // A little less, since it is rounded down.
    server.pass(SignedDuration::from_mins(3 * 60 - 1));
    let shown = page(&alice, &credential(&path)).await;
    let lives: Vec<&str> = shown.split("Hidden, starts with ").skip(1).collect();
    let [new, old] = lives[..] else { panic!("{} passwords: {shown}", lives.len()) };
    assert!(
        new.contains(">current<") && new.contains(">2 h ago<") && new.contains(">Never<") && new.contains(">No date<"),
        "{new}"
    );
    for fact in [
        &format!("rwp_{}", &sender.password[4..8]),
        ">expiring<",
        ">6 d ago<",
        "from 127.0.0.1 with inventory/2.1 &#60;b&#62;",
        ">21 h left<",
    ] {
        assert!(old.contains(fact), "{fact}: {old}");
    }
}

// holds C9
#[tokio::test(flavor = "multi_thread")]
async fn the_list_counts_the_events_of_a_day_and_draws_them() {
    let (server, alice, sender, _) = stage().await;
    assert!(!alice.page(WEBHOOKS).await.contains("class=\"spark\""), "nothing is drawn of nothing");
    for _ in 0..3 {
        sender.store("{}").await;
    }
    server.pass(SignedDuration::from_hours(2));
    sender.store("{}").await;
    let shown = page(&alice, WEBHOOKS).await;
    assert!(
        shown.contains("4<span class=\"only-narrow faint\"> in 24 h</span></span><svg class=\"spark\"")
            && shown.contains("Events per hour, peaking at 3"),
        "{shown}"
    );
    server.pass(DAY);
    let shown = page(&alice, WEBHOOKS).await;
    assert!(!shown.contains("class=\"spark\""), "yesterday's are not today's: {shown}");
}

// holds C9
#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_because_its_use_could_not_be_noted() {
    let (server, alice, sender, _) = stage().await;
    server.query("alter table credential_secrets add constraint no_use check (last_used_at is null)").await;
    for _ in 0..5 {
        assert_eq!(sender.status().await, 200);
        server.pass(SignedDuration::from_secs(2));
    }
    assert_eq!(server.number("select count(*) from events").await, 5);
    server.query("alter table credential_secrets drop constraint no_use").await;
    assert_eq!(sender.status().await, 200);
    server.eventually("select count(*) from credential_secrets where last_used_at is not null", 1).await;
    assert!(alice.credential_page(&sender.username).await.contains("from 127.0.0.1"));
}

// holds C9
#[tokio::test(flavor = "multi_thread")]
async fn age_is_a_reminder_and_ends_nothing() {
    let (server, alice, sender, path) = stage().await;
    for (days, words) in [(182, None), (2, Some("more than 6 months old")), (182, Some("more than 12 months old"))] {
        server.pass(DAY * days);
        let page = page(&alice, &credential(&path)).await;
        assert_eq!(page.contains("This password is more than"), words.is_some(), "{page}");
        assert!(words.is_none_or(|words| page.contains(words)), "{page}");
        assert_eq!(sender.status().await, 200);
    }
}
