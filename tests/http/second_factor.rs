//! Two-step sign-in: turning it on, the second step with codes and recovery codes, what a first step alone is worth, and the ways
//! out of it.

use jiff::SignedDuration;

use crate::command_line::Terminal;
use crate::support::actors::{Person, WEBHOOKS, between};
use crate::support::authenticator::{Authenticator, SECOND_FACTOR, recovery_codes};
use crate::support::server::{PASSWORD, TestServer};

const ALICE: &str = "alice@example.com";
const CODE: &str = "/login/code";
const CODES: &str = "/settings/account/second-factor/recovery-codes";
const REMOVAL: &str = "/settings/account/second-factor/removal";
const FACTORS: &str = "select count(*) from second_factors";
const CODES_LEFT: &str = "select count(*) from recovery_codes";

/// Somebody who gave the right password, and no code yet.
async fn pending(server: &TestServer) -> Person {
    let person = server.visitor();
    let answer = person.post("/login", &[("email", ALICE), ("password", PASSWORD)]).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, CODE));
    person
}

/// The status of giving a code.
async fn give(person: &Person, code: &str) -> u16 {
    person.post(CODE, &[("code", code)]).await.status().as_u16()
}

async fn is_signed_in(person: &Person) -> bool {
    person.get("/events").await.status() == 200
}

/// What was done, oldest first.
async fn lines(server: &TestServer) -> Vec<String> {
    let lines = server.audit_lines("action, actor", "true").await;
    lines.into_iter().map(|line| line.join(" ").trim().to_owned()).collect()
}

// holds C12, C6
#[tokio::test(flavor = "multi_thread")]
async fn turning_it_on_takes_the_password_and_a_right_code_and_shows_recovery_codes_once() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    let elsewhere = server.visitor();
    elsewhere.post("/login", &[("email", ALICE), ("password", PASSWORD)]).await;
    assert!(alice.page("/settings/account").await.contains("Turn on two-step sign-in"));
    let page = alice.page(SECOND_FACTOR).await;
    let phone = Authenticator::scan(&page);
    let issuer = "Reasoner%20Webhooks";
    let expected = format!(
        "otpauth://totp/{issuer}:alice%40example%2Ecom?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
        phone.key()
    );
    assert_eq!(phone.uri, expected);
    let typed = between(&page, "<code id=\"setup-key\">", "</code>").replace(' ', "");
    assert_eq!(typed, phone.key(), "both say the same");
    assert_ne!(Authenticator::scan(&alice.page(SECOND_FACTOR).await).key(), phone.key(), "a page has its own");
    let sealed = between(&page, "name=\"sealed\" value=\"", "\"").to_owned();
    let turn_on = async |code: &str, password: &str| {
        alice.post(SECOND_FACTOR, &[("sealed", &sealed), ("code", code), ("current_password", password)]).await
    };

    for code in [phone.wrong_code(server.now()).as_str(), "", "12345", "0000-0000-0000-0000"] {
        let answer = turn_on(code, "").await;
        assert_eq!(answer.status(), 422, "{code}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("That code doesn’t match."), "{page}");
        assert_eq!(Authenticator::scan(&page).key(), phone.key(), "the app has the right one already");
    }
    server.pass(SignedDuration::from_mins(16));
    let code = phone.next_code(&server);
    assert_eq!(turn_on(&code, "").await.status(), 403, "it asks for the password");
    assert!(alice.page(SECOND_FACTOR).await.contains("name=\"current_password\""));
    assert_eq!(turn_on(&code, "not the password").await.status(), 422);
    assert_eq!(server.number(FACTORS).await, 0);

    let answer = turn_on(&code, PASSWORD).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    let page = answer.text().await.unwrap();
    let codes = recovery_codes(&page);
    assert_eq!((codes.len(), codes[0].len(), server.number(CODES_LEFT).await), (10, 29, 10));
    let encoded = percent_encoding::utf8_percent_encode(&codes[9], percent_encoding::NON_ALPHANUMERIC).to_string();
    assert!(between(&page, "href=\"data:text/plain", "\"").contains(&encoded), "the file has them too");
    let stored = format!("{:?}", server.query("select * from second_factors, recovery_codes").await);
    assert!(!codes.iter().any(|code| stored.contains(code) || stored.contains(&code.replace('-', ""))));
    assert!(is_signed_in(&alice).await && !is_signed_in(&elsewhere).await, "other sessions end");

    let again = turn_on(&phone.next_code(&server), PASSWORD).await;
    assert_eq!(again.status(), 409, "the same form again");
    let page = again.text().await.unwrap();
    assert!(page.contains("You’ve already sent this form") && !codes.iter().any(|code| page.contains(code)));
    let account = alice.page("/settings/account").await;
    assert!(account.contains("with 10 recovery codes left"), "{account}");
    assert!(!alice.page(SECOND_FACTOR).await.contains("class=\"qr\""), "the QR code is gone for good");
    let lines = lines(&server).await;
    assert!(lines.contains(&"second_factor_turned_on user 1 other sessions ended".to_owned()), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_another_user_turns_nothing_on() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro(ALICE).await, server.pro("bob@example.com").await);
    let page = bob.page(SECOND_FACTOR).await;
    let phone = Authenticator::scan(&page);
    let sealed = between(&page, "name=\"sealed\" value=\"", "\"").to_owned();
    for sealed in [sealed.as_str(), "", "AAAA", &"A".repeat(64)] {
        let answer = alice.post(SECOND_FACTOR, &[("sealed", sealed), ("code", &phone.next_code(&server))]).await;
        assert_eq!(answer.status(), 422);
        let page = answer.text().await.unwrap();
        assert!(page.contains("Scan the QR code again"), "{page}");
        assert_ne!(Authenticator::scan(&page).key(), phone.key());
    }
    assert_eq!(server.number(FACTORS).await, 0);
}

// holds W1, C12
#[tokio::test(flavor = "multi_thread")]
async fn signing_in_takes_a_code_and_keeps_what_was_chosen_with_the_password() {
    let server = TestServer::start().await;
    let (phone, _) = Authenticator::enrol(&server, &server.pro(ALICE).await).await;
    let visitor = server.visitor();
    let form =
        [("email", ALICE), ("password", PASSWORD), ("remember", "on"), ("next", "/events/rejections?group=address")];
    let answer = visitor.post("/login", &form).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, CODE));
    let first = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(!first.contains("Max-Age"), "a first step is not remembered: {first}");
    assert!(!is_signed_in(&visitor).await);
    let page = visitor.page(CODE).await;
    assert!(page.contains("autocomplete=\"one-time-code\"") && page.contains("inputmode=\"numeric\""), "{page}");
    assert!(!page.contains(ALICE), "the page does not say whose it is");
    assert!(!visitor.page("/login/code?with=recovery-code").await.contains("inputmode"));

    let code = phone.next_code(&server);
    let answer = visitor.post(CODE, &[("code", &format!(" {} {} ", &code[..3], &code[3..]))]).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/events/rejections?group=address");
    let second = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(second.contains("; Max-Age=2592000"), "{second}");
    let key = |cookie: &str| between(cookie, "session=", ";").to_owned();
    assert_ne!(key(&first), key(&second), "a new key");
    assert!(is_signed_in(&visitor).await);
    assert_eq!(server.number("select count(*) from sessions where user_id is null").await, 0, "the first is gone");
    let created = visitor.post(&format!("{WEBHOOKS}/credentials"), &[("name", "System")]).await;
    assert_eq!(created.status(), 200, "it counts as giving the password");
    assert_eq!(visitor.get(CODE).await.headers()["location"], "/events", "nothing more to give");

    let evil = server.visitor();
    evil.post("/login", &[("email", ALICE), ("password", PASSWORD), ("next", "//evil.example")]).await;
    let answer = evil.post(CODE, &[("code", &phone.next_code(&server))]).await;
    assert_eq!(answer.headers()["location"], "/events");
    assert_eq!(visitor.post("/login", &[("email", ALICE), ("password", PASSWORD)]).await.status(), 303);
    assert!(!is_signed_in(&visitor).await, "who signs in anew has to give a code again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once_and_may_be_one_step_early_or_late() {
    let server = TestServer::start().await;
    let (phone, _) = Authenticator::enrol(&server, &server.pro(ALICE).await).await;
    assert_eq!(give(&pending(&server).await, &phone.code(server.now())).await, 422, "the code of the enrolment");
    let code = phone.next_code(&server);
    assert_eq!(give(&pending(&server).await, &code).await, 303);
    let answer = pending(&server).await.post(CODE, &[("code", &code)]).await;
    assert_eq!(answer.status(), 422, "a second time");
    let page = answer.text().await.unwrap();
    assert!(page.contains("That code doesn’t match") && page.contains("Each code works once."), "{page}");

    for (steps, expected) in [(-2, 422), (2, 422), (-1, 303), (1, 303)] {
        server.pass(SignedDuration::from_mins(10));
        phone.next_code(&server);
        let drifted = phone.code(server.now() + SignedDuration::from_secs(30 * steps));
        assert_eq!(give(&pending(&server).await, &drifted).await, expected, "{steps} steps away");
    }
    let before = phone.code(server.now());
    assert_eq!(give(&pending(&server).await, &before).await, 422, "a later one was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uses_of_one_code_at_once_one_wins() {
    let server = TestServer::start().await;
    let (phone, codes) = Authenticator::enrol(&server, &server.pro(ALICE).await).await;
    for recovery_code in codes.iter().take(3) {
        for is_recovery in [false, true] {
            server.pass(SignedDuration::from_mins(30));
            let code = if is_recovery { recovery_code.clone() } else { phone.next_code(&server) };
            let people = [pending(&server).await, pending(&server).await, pending(&server).await];
            let mut given = futures_util::future::join_all(people.iter().map(|person| give(person, &code))).await;
            given.sort_unstable();
            assert_eq!(given, [303, 422, 422], "{code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recovery_code_signs_in_once() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    let (_, codes) = Authenticator::enrol(&server, &alice).await;
    for (number, code) in codes.iter().enumerate() {
        // As people type them, and in the field for codes of the app.
        let typed = if number % 2 == 0 { code.to_uppercase().replace('-', " ") } else { code.clone() };
        let person = pending(&server).await;
        assert_eq!(give(&person, &typed).await, 303, "{number}");
        assert!(is_signed_in(&person).await);
        assert_eq!(give(&pending(&server).await, code).await, 422, "{number} again");
        assert_eq!(server.number(CODES_LEFT).await, 9 - number as i64);
        server.pass(SignedDuration::from_mins(10));
    }
    assert!(alice.page(SECOND_FACTOR).await.contains("You have no recovery codes left."));
    let used: Vec<String> =
        lines(&server).await.into_iter().filter(|line| line.starts_with("recovery_code_used")).collect();
    assert_eq!((used.len(), used[0].as_str()), (10, "recovery_code_used visitor 9 left"));
}

// holds C6, C12
#[tokio::test(flavor = "multi_thread")]
async fn new_recovery_codes_end_the_old_ones_and_are_shown_once() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    assert_eq!(alice.post(CODES, &[]).await.headers()["location"], SECOND_FACTOR, "while it is off");
    let (phone, old) = Authenticator::enrol(&server, &alice).await;
    let id = between(&alice.page(SECOND_FACTOR).await, "name=\"id\" value=\"", "\"").to_owned();
    server.pass(SignedDuration::from_mins(16));
    assert_eq!(alice.post(CODES, &[("id", &id)]).await.status(), 403);
    let code = phone.next_code(&server);
    let fields = [("id", id.as_str()), ("current_password", PASSWORD), ("confirmation_code", &code)];
    let answer = alice.post(CODES, &fields).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    let new = recovery_codes(&answer.text().await.unwrap());
    let again = alice.post(CODES, &fields).await;
    assert_eq!(again.status(), 409, "the same form again");
    assert!(!again.text().await.unwrap().contains(&new[0]));
    assert_eq!(server.number(CODES_LEFT).await, 10);
    assert_eq!(give(&pending(&server).await, &old[0]).await, 422);
    assert_eq!(give(&pending(&server).await, &new[0]).await, 303);
    assert_eq!(lines(&server).await.iter().filter(|line| *line == "recovery_codes_made user").count(), 1);
}

// holds W3
#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_is_throttled_and_the_right_one_has_to_wait_too() {
    let server = TestServer::start().await;
    let (phone, codes) = Authenticator::enrol(&server, &server.pro(ALICE).await).await;
    let person = pending(&server).await;
    phone.next_code(&server);
    let mut tries = 0;
    let refused = loop {
        let answer = person.post(CODE, &[("code", &phone.wrong_code(server.now()))]).await;
        if answer.status() == 429 {
            break answer;
        }
        tries += 1;
        assert!(answer.status() == 422 && tries <= 10, "{tries}");
    };
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert!(refused.text().await.unwrap().contains("Too many attempts"));
    assert_eq!(give(&person, &phone.code(server.now())).await, 429);
    assert_eq!(give(&person, &codes[0]).await, 429);
    let again = server.visitor().post("/login", &[("email", ALICE), ("password", PASSWORD)]).await;
    assert_eq!(again.status(), 429, "both steps count together");
    assert_eq!(lines(&server).await.iter().filter(|line| *line == "code_refused visitor").count(), tries);
    server.pass(SignedDuration::from_mins(4));
    assert_eq!(give(&pending(&server).await, &phone.next_code(&server)).await, 429, "codes are rarer than passwords");
    server.pass(SignedDuration::from_mins(5));
    assert_eq!(give(&pending(&server).await, &phone.next_code(&server)).await, 303);
}

// holds W1
#[tokio::test(flavor = "multi_thread")]
async fn a_first_step_lasts_ten_minutes_and_no_longer_than_its_password() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    let late = pending(&server).await;
    server.pass(SignedDuration::from_secs(9 * 60));
    assert_eq!(late.get(CODE).await.status(), 200);
    server.pass(SignedDuration::from_secs(61));
    for answer in [late.get(CODE).await, late.post(CODE, &[("code", &phone.next_code(&server))]).await] {
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (303, &"/login?done=late".parse().unwrap())
        );
    }
    assert!(late.page("/login?done=late").await.contains("Enter your password again."));
    // holds issue 16, section 5
    let forged = server.visitor().page("/login?done=late").await;
    assert!(!forged.contains("Enter your password again."), "an address makes no notice");

    let waiting = pending(&server).await;
    let new = "an entirely different set of words";
    assert_eq!(alice.page("/settings/account").await.matches("name=\"confirmation_code\"").count(), 1, "the form asks");
    let mut fields = vec![("current_password", PASSWORD), ("new_password", new)];
    let refused = alice.post("/settings/account/password", &fields).await;
    assert!(refused.text().await.unwrap().contains("The password or the code doesn’t match."));
    let code = phone.next_code(&server);
    fields.push(("confirmation_code", &code));
    assert_eq!(alice.post("/settings/account/password", &fields).await.status(), 303);
    let answer = waiting.post(CODE, &[("code", &phone.next_code(&server))]).await;
    assert_eq!(
        answer.headers()["location"],
        "/login?done=late",
        "the password that was given is no longer the password"
    );
    assert!(!is_signed_in(&waiting).await && !is_signed_in(&late).await);
    let none = server.visitor().post(CODE, &[("code", &phone.next_code(&server))]).await;
    assert_eq!(none.headers()["location"], "/login?done=late", "a code without a password is worth nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_copied_to_another_user_signs_nobody_in() {
    let server = TestServer::start().await;
    let (bob, _) = (server.pro("bob@example.com").await, server.pro(ALICE).await);
    let (phone, codes) = Authenticator::enrol(&server, &bob).await;
    server
        .query(&format!(
            "insert into second_factors select u.id, f.sealed_secret, f.last_step, f.codes_id, f.turned_on_at \
             from second_factors f, users u where u.email = '{ALICE}'; \
             insert into recovery_codes select u.id, c.code_hash from recovery_codes c, users u where u.email = '{ALICE}'"
        ))
        .await;
    let person = pending(&server).await;
    assert_eq!(
        give(&person, &phone.next_code(&server)).await,
        500,
        "what does not open is a fault, and said so in the log"
    );
    assert_eq!(give(&person, &codes[0]).await, 422, "hashes are bound to their user");
    assert!(!is_signed_in(&person).await);
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn turning_it_off_takes_the_password_and_a_code() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    let off = async |password: &str, code: &str| {
        let answer = alice.post(REMOVAL, &[("current_password", password), ("code", code)]).await;
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location.unwrap_or_default(), answer.text().await.unwrap())
    };
    assert_eq!(off(PASSWORD, "123456").await.1, SECOND_FACTOR, "while it is off");
    assert!(alice.page(SECOND_FACTOR).await.contains("Two-step sign-in is off already."));
    let (phone, codes) = Authenticator::enrol(&server, &alice).await;
    let code = phone.next_code(&server);
    assert!(off("not the password", &code).await.2.contains("This isn’t your account password."));
    assert!(off("", &code).await.2.contains("This isn’t your account password."), "however lately given");
    let (status, _, page) = off(PASSWORD, &phone.wrong_code(server.now())).await;
    assert!(status == 422 && page.contains("That code doesn’t match.") && page.contains("still on"), "{page}");
    assert_eq!(server.number(FACTORS).await, 1);
    assert_eq!(off(PASSWORD, &code).await.1, "/settings/account", "and it was not used up");
    assert!(alice.page("/settings/account").await.contains("Two-step sign-in is off."));
    assert_eq!((server.number(FACTORS).await, server.number(CODES_LEFT).await), (0, 0));
    let answer = server.visitor().post("/login", &[("email", ALICE), ("password", PASSWORD)]).await;
    assert_eq!(answer.headers()["location"], "/events", "the password alone");
    let (_, fresh) = Authenticator::enrol(&server, &alice).await;
    assert!(
        off(PASSWORD, &codes[0]).await.2.contains("That code doesn’t match."),
        "a recovery code of the time before"
    );
    assert_eq!(off(PASSWORD, &fresh[3]).await.0, 303, "a recovery code will do");
    let lines = lines(&server).await;
    assert_eq!(lines.iter().filter(|line| *line == "second_factor_turned_off user").count(), 2, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| *line == "code_refused user").count(), 2, "{lines:?}");
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_written_down_with_who_and_where_from() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    let (phone, codes) = Authenticator::enrol(&server, &alice).await;
    let person = pending(&server).await;
    give(&person, "000000 and more").await;
    give(&person, &codes[0]).await;
    give(&pending(&server).await, &phone.next_code(&server)).await;
    let expected = [
        "account_created operator pro",
        "signed_in user",
        "second_factor_turned_on user 0 other sessions ended",
        "password_accepted visitor",
        "code_refused visitor",
        "recovery_code_used visitor 9 left",
        "signed_in user with a code",
        "password_accepted visitor",
        "signed_in user with a code",
    ];
    assert_eq!(lines(&server).await, expected);
    let whole = "select count(*) from audit_log where actor <> 'operator' \
                 and subject = 'alice@example.com' and remote_ip is not null and request_id like 'req\\_%'";
    assert_eq!(server.number(whole).await, 8);
    let page = alice.page("/settings/audit").await;
    for words in ["Turned on two-step sign-in", "Used a recovery code", "Entered a wrong code"] {
        assert!(page.contains(words), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_another_password_and_another_address() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    let (phone, _) = Authenticator::enrol(&server, &alice).await;
    let terminal = Terminal::over(server.database_url.clone());
    let new = terminal.json(&["account", "password", ALICE]);
    assert_eq!(new["second_factor"], true);
    let person = server.visitor();
    let form = [("email", ALICE), ("password", new["password"].as_str().unwrap())];
    // The command line has a clock of its own, which the test does not move.
    server.query("update users set password_changed_at = password_changed_at - interval '1 hour'").await;
    assert_eq!(person.post("/login", &form).await.headers()["location"], CODE);
    assert_eq!(give(&person, &phone.next_code(&server)).await, 303);
    let own = "an entirely different set of words";
    assert_eq!(person.post("/settings/account/password", &[("new_password", own)]).await.status(), 303);
    let fields = [("email", "alice@new.example")];
    assert_eq!(person.post("/settings/account/email", &fields).await.status(), 303);
    let other = server.visitor();
    let form = [("email", "alice@new.example"), ("password", own)];
    assert_eq!(other.post("/login", &form).await.headers()["location"], CODE);
    assert_eq!(give(&other, &phone.next_code(&server)).await, 303);
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_the_server_removes_it_for_somebody_who_lost_the_phone() {
    let server = TestServer::start().await;
    let alice = server.pro(ALICE).await;
    server.create_account("bob@example.com", "pro").await;
    let terminal = Terminal::over(server.database_url.clone());
    let command = ["account", "remove-second-factor", ALICE];
    assert!(terminal.failure(&command, 1).contains("two-step sign-in is off for alice@example.com"));
    Authenticator::enrol(&server, &alice).await;
    let list = terminal.json(&["account", "list"]);
    assert_eq!((&list[0]["second_factor"], &list[1]["second_factor"]), (&true.into(), &false.into()));
    let table = terminal.output(&["account", "list"]);
    assert!(table.lines().any(|line| line.contains(ALICE) && line.contains(" on ")), "{table}");
    let line = terminal.failure(&command, 1);
    assert!(line.contains("nothing was removed") && line.contains("--yes"), "{line}");
    assert!(is_signed_in(&alice).await && server.number(FACTORS).await == 1);

    let waiting = pending(&server).await;
    let words = terminal.output(&["account", "remove-second-factor", "Alice@example.com", "--yes"]);
    assert!(words.contains("Two-step sign-in is off for alice@example.com, and all sessions have ended."), "{words}");
    assert!(!is_signed_in(&alice).await);
    assert_eq!((server.number(FACTORS).await, server.number(CODES_LEFT).await), (0, 0));
    assert_eq!(waiting.get(CODE).await.headers()["location"], "/login?done=late", "there is no code to give");
    let answer = waiting.post("/login", &[("email", ALICE), ("password", PASSWORD)]).await;
    assert_eq!(answer.headers()["location"], "/events");
    let lines = lines(&server).await;
    assert!(lines.contains(&"second_factor_removed operator 1 sessions ended".to_owned()), "{lines:?}");
}
