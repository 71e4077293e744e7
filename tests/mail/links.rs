//! Links in mails: a lost password, a confirmed address, a change of address that is taken back.

use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::inbox::{Inbox, Mail};
use crate::support::actors::Person;
use crate::support::api_program::Program;
use crate::support::authenticator::Authenticator;
use crate::support::server::{PASSWORD, TestServer};

const ALICE: &str = "alice@example.com";
const NEW: &str = "an entirely different set of words";
const CHOOSE: &str = "Choose a new password";
const CONFIRM: &str = "Confirm your email address";
const CHANGED: &str = "Your email address was changed";

async fn ask(server: &TestServer, email: &str) -> String {
    let answer = server.visitor().post("/forgot-password", &[("email", email)]).await;
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// Opens the link of a mail, and sends the form there; gives the status and what the page says.
async fn follow(person: &Person, mail: &Mail, password: &str) -> (u16, String) {
    let (purpose, token) = mail.link();
    let page = person.page(&format!("/links/{purpose}?token={token}")).await;
    assert!(page.contains(&format!("name=\"token\" value=\"{token}\"")), "{page}");
    let mut fields = vec![("token", token.as_str())];
    fields.extend((purpose != "confirmation").then_some(("new_password", password)));
    let answer = person.post(&format!("/links/{purpose}"), &fields).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn signs_in(server: &TestServer, email: &str, password: &str) -> bool {
    server.visitor().post("/login", &[("email", email), ("password", password)]).await.status() == 303
}

// holds issue 18, section 1: lost password, single use, ends all sessions
#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_password_chooses_another_with_a_link_that_works_once() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let elsewhere = server.pro(ALICE).await;
    assert!(server.visitor().page("/login").await.contains("href=\"/forgot-password\""));
    ask(&server, "Alice@Example.com ").await;
    let mail = inbox.first(ALICE, CHOOSE).await;
    assert_eq!((mail.header("Auto-Submitted"), mail.header("To")), ("auto-generated", ALICE));
    assert!(!mail.text().contains(PASSWORD));
    ask(&server, ALICE).await;
    let second = inbox.nth(2, ALICE, CHOOSE).await;

    let alice = server.visitor();
    let (status, page) = follow(&alice, &mail, "short").await;
    assert_eq!(status, 422, "a weak password uses no link up");
    assert!(page.contains("id=\"password-error\"") && !page.contains("\"short\""), "{page}");
    assert_eq!(follow(&alice, &mail, NEW).await.0, 303);
    assert_eq!(alice.get("/events").await.status(), 200, "and is signed in");
    assert_eq!(elsewhere.get("/events").await.status(), 303, "nobody else is");
    assert!(signs_in(&server, ALICE, NEW).await && !signs_in(&server, ALICE, PASSWORD).await);
    let (status, page) = follow(&server.visitor(), &mail, PASSWORD).await;
    assert!(status == 422 && page.contains("This link doesn’t work any more"), "{page}");
    assert_eq!(follow(&server.visitor(), &second, PASSWORD).await.0, 422, "nor do the others");
    inbox.first(ALICE, "Your password was changed").await;
    let trail = "select count(*) from audit_log where action in ('password_link_sent', 'password_chosen_by_link')";
    assert_eq!(server.number(trail).await, 3);
}

// holds issue 18, section 1: 30 minutes, and never past the second factor
#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_after_half_an_hour_and_never_passes_the_second_factor() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let alice = server.pro(ALICE).await;
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    ask(&server, ALICE).await;
    let mail = inbox.first(ALICE, CHOOSE).await;
    server.pass(SignedDuration::from_mins(31));
    assert_eq!(follow(&server.visitor(), &mail, NEW).await.0, 422);
    ask(&server, ALICE).await;
    let mail = inbox.nth(2, ALICE, CHOOSE).await;
    let visitor = server.visitor();
    assert_eq!(follow(&visitor, &mail, NEW).await.0, 303);
    assert_eq!(visitor.get("/events").await.status(), 303, "not signed in yet");
    assert_eq!(visitor.post("/login/code", &[("code", &phone.next_code(&server))]).await.status(), 303);
    assert_eq!(visitor.get("/events").await.status(), 200);
}

// holds issue 18, section 1: the same answer for unknown addresses, and nobody mail-bombs a stranger
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_answered_alike_and_a_known_one_gets_few_mails() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(ALICE, "pro").await;
    let told = ask(&server, ALICE).await;
    assert_eq!(ask(&server, "nobody@example.com").await.replace("nobody", "alice"), told);
    for _ in 0..8 {
        assert_eq!(ask(&server, ALICE).await, told);
    }
    inbox.nth(5, ALICE, CHOOSE).await;
    server.eventually("select count(*) from outgoing_mails", 5).await;
    server.pass(SignedDuration::from_mins(61));
    ask(&server, ALICE).await;
    inbox.nth(6, ALICE, CHOOSE).await;
    assert!(inbox.mails().iter().all(|mail| mail.to() == ALICE));
    let slip = server.visitor().post("/forgot-password", &[("email", "alice")]).await;
    assert_eq!(slip.status(), 422);
    for hour in 2..=3 {
        server.pass(SignedDuration::from_mins(61));
        for _ in 0..6 {
            ask(&server, ALICE).await;
        }
        inbox.nth(1 + 5 * hour, ALICE, CHOOSE).await;
    }
    server.pass(SignedDuration::from_mins(61));
    ask(&server, ALICE).await;
    inbox.nth(17, ALICE, CHOOSE).await;
    let mut answers = 0;
    while server.visitor().post("/forgot-password", &[("email", ALICE)]).await.status() == 200 {
        answers += 1;
        assert!(answers < 50, "one address asks as often as it likes");
    }
}

// holds issue 18, section 1: with SIGNUP=open an address is verified
#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_confirmed_by_the_link_that_was_sent_to_it_and_no_other() {
    let inbox = Inbox::open().await;
    let server = TestServer::start_with(|options| {
        inbox.options()(options);
        options.signup = "open".to_owned();
    })
    .await;
    let eve = server.visitor();
    eve.post("/signup", &[("email", "eve@example.com"), ("password", PASSWORD)]).await;
    let first = inbox.first("eve@example.com", CONFIRM).await;
    let unconfirmed = "Confirm eve@example.com.";
    assert!(eve.page("/settings/account").await.contains(unconfirmed));
    let page = eve.follow(eve.post("/settings/account/email/confirmation", &[]).await).await;
    assert!(page.contains("A link that confirms eve@example.com is on its way"), "{page}");
    let again = inbox.nth(2, "eve@example.com", CONFIRM).await;
    let (status, page) = follow(&server.visitor(), &again, "").await;
    assert!(status == 200 && page.contains("eve@example.com is confirmed."), "{page}");
    assert!(!eve.page("/settings/account").await.contains(unconfirmed));
    eve.post("/settings/account/email", &[("email", "eve@new.example")]).await;
    assert!(eve.page("/settings/account").await.contains("Confirm eve@new.example."));
    assert_eq!(follow(&server.visitor(), &first, "").await.0, 422, "an older link is about an older address");
    let new = inbox.first("eve@new.example", CONFIRM).await;
    assert_eq!(follow(&eve, &new, "").await.0, 200);
    for sent in 2..=4 {
        server.pass(SignedDuration::from_secs(1));
        let told = eve.follow(eve.post("/settings/account/email/confirmation", &[]).await).await;
        assert!(told.contains("is on its way"), "{sent}");
    }
    eve.post("/settings/account/email/confirmation", &[]).await;
    let told = eve.follow(eve.post("/settings/account/email/confirmation", &[]).await).await;
    assert!(told.contains("No mail was sent."), "{told}");
}

// holds issue 18, section 1: changed address, to the old one, with undo
#[tokio::test(flavor = "multi_thread")]
async fn the_address_before_takes_its_account_back_from_whoever_changed_it() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let thief = server.pro(ALICE).await;
    for to in ["thief@example.com", "thief@other.example", "thief@third.example"] {
        assert_eq!(thief.post("/settings/account/email", &[("email", to)]).await.status(), 303);
    }
    let mail = inbox.first(ALICE, CHANGED).await;
    let of_thief = inbox.first("thief@example.com", CHANGED).await;
    let last = inbox.first("thief@other.example", CHANGED).await;
    assert_eq!(follow(&thief, &last, PASSWORD).await.0, 303, "what the thief takes back ends no earlier link");
    let alice = server.visitor();
    assert_eq!(follow(&alice, &mail, NEW).await.0, 303);
    assert_eq!(alice.get("/events").await.status(), 200, "and is signed in");
    assert_eq!(thief.get("/events").await.status(), 303, "nobody else is");
    assert!(signs_in(&server, ALICE, NEW).await && !signs_in(&server, ALICE, PASSWORD).await);
    assert_eq!(follow(&server.visitor(), &of_thief, PASSWORD).await.0, 422, "the thief takes nothing back any more");
    let changed = "select count(*) from audit_log where action = 'email_changed'";
    assert_eq!(server.number(changed).await, 5, "what is taken back is a change in the trail, too");
}

// holds issue 18, section 1: whoever takes an account back is alone in it
#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_since_a_change_of_address_ends_when_that_is_taken_back() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let thief = server.pro(ALICE).await;
    let before = Program::with(&server, &thief, &["events:read"]).await;
    server.pass(SignedDuration::from_secs(1));
    thief.post("/settings/account/email", &[("email", "thief@example.com")]).await;
    let mail = inbox.first(ALICE, CHANGED).await;
    let since = Program::with(&server, &thief, &["events:read"]).await;
    Authenticator::enrol(&server, &thief).await;
    let alice = server.visitor();
    assert_eq!(follow(&alice, &mail, NEW).await.0, 303);
    assert_eq!(alice.get("/events").await.status(), 200, "no code of the thief's phone is asked for");
    assert_eq!((before.status("/self").await, since.status("/self").await), (200, 401));
    inbox.first("thief@example.com", "Your password was changed").await;
    let acts = "select count(*) from audit_log where action in ('second_factor_removed', 'api_token_revoked')";
    assert_eq!(server.number(acts).await, 2);
}

// holds issue 18, section 1: two uses at once are one after the other
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_used_many_times_at_once_works_once() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(ALICE, "pro").await;
    for _ in 0..2 {
        ask(&server, ALICE).await;
    }
    let (_, one) = inbox.first(ALICE, CHOOSE).await.link();
    let (_, other) = inbox.nth(2, ALICE, CHOOSE).await.link();
    let used = join_all((0..6).map(async |number| {
        let token = if number % 2 == 0 { &one } else { &other };
        let fields = [("token", token.as_str()), ("new_password", NEW)];
        server.visitor().post("/links/new-password", &fields).await.status().as_u16()
    }));
    let used = used.await;
    assert_eq!(used.iter().filter(|status| **status == 303).count(), 1, "{used:?}");
    assert_eq!(server.number("select count(*) from sessions where user_id is not null").await, 1);
}

// holds issue 18, section 1: an undo works for days, and gives nobody's address away
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_another_account_took_is_not_given_back() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let alice = server.pro(ALICE).await;
    alice.post("/settings/account/email", &[("email", "alice@new.example")]).await;
    let mail = inbox.first(ALICE, CHANGED).await;
    server.create_account(ALICE, "pro").await;
    server.pass(SignedDuration::from_hours(6 * 24));
    let (status, page) = follow(&server.visitor(), &mail, NEW).await;
    assert!(status == 422 && page.contains("The address can’t be given back"), "{page}");
    server.pass(SignedDuration::from_hours(25));
    let (_, page) = follow(&server.visitor(), &mail, NEW).await;
    assert!(page.contains("This link doesn’t work any more"), "{page}");
}

// holds issue 18, section 1: a link is for what its mail says, and for nothing without one
#[tokio::test(flavor = "multi_thread")]
async fn a_link_does_nothing_but_what_its_mail_is_about() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(ALICE, "pro").await;
    ask(&server, ALICE).await;
    let (_, token) = inbox.first(ALICE, CHOOSE).await.link();
    for purpose in ["confirmation", "undo"] {
        let answer = server
            .visitor()
            .post(&format!("/links/{purpose}"), &[("token", token.as_str()), ("new_password", NEW)])
            .await;
        assert_eq!(answer.status(), 422, "{purpose}");
    }
    assert_eq!(server.visitor().get("/links/other?token=x").await.status(), 404);
    let runs = server.application().state.hasher.runs();
    let forged = [("token", "AAAA"), ("new_password", NEW)];
    assert_eq!(server.visitor().post("/links/new-password", &forged).await.status(), 422);
    assert_eq!(server.application().state.hasher.runs(), runs, "a forged link costs no hash");
    assert!(signs_in(&server, ALICE, PASSWORD).await);
}
