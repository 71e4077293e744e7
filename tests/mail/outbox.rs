//! The outbox: no mail is lost, and none comes twice but where nobody can know whether it came.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::inbox::{Inbox, eventually};
use crate::serving::Program;
use crate::support::server::TestServer;

/// What makes so many mails at once to one user, as acts do.
fn mails(count: usize, to: &str) -> String {
    format!(
        "insert into outgoing_mails (id, account_id, user_id, address, kind, details, created_at, next_try_at) \
         select gen_random_uuid(), account_id, id, '{to}', 'password_changed', '{{\"kind\":\"password_changed\"}}', now(), now() \
         from users, generate_series(1, {count}) limit {count}"
    )
}

async fn states(server: &TestServer) -> Vec<Vec<Option<String>>> {
    server.query("select state, tries::text from outgoing_mails order by created_at, id").await
}

const SENT: &str = "select count(*) from outgoing_mails where state = 'sent'";
const TRIED: &str = "select coalesce(max(tries), 0) from outgoing_mails where last_error is not null";
const TO: &str = "alice@example.com";
const SUBJECT: &str = "Your password was changed";

// holds issue 18, section 1: sent by one instance under a lease
#[tokio::test(flavor = "multi_thread")]
async fn two_instances_send_each_mail_once() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let _other = TestServer::start_over(server.database_url.clone(), inbox.options()).await;
    server.create_account(TO, "pro").await;
    server.query(&mails(300, TO)).await;
    let taken = eventually(|| Some(inbox.mails()).filter(|mails| mails.len() >= 300)).await;
    server.eventually(SENT, 300).await;
    assert_eq!(inbox.mails().len(), 300);
    assert_eq!(taken.iter().map(|mail| mail.id()).collect::<BTreeSet<_>>().len(), 300, "each is another one");
}

// holds issue 18, section 1: 4xx retries, 5xx ends it
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_tried_again_after_a_4xx_and_given_up_after_a_5xx() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(TO, "pro").await;
    inbox.answer("later");
    server.query(&mails(1, TO)).await;
    server.eventually(TRIED, 1).await;
    assert_eq!(states(&server).await, [[Some("waiting".to_owned()), Some("1".to_owned())]]);
    inbox.answer("accept");
    server.pass(SignedDuration::from_mins(2));
    server.eventually(SENT, 1).await;
    inbox.answer("never");
    server.query(&mails(1, TO)).await;
    server.eventually("select count(*) from outgoing_mails where state = 'failed' and tries = 1", 1).await;
    let error = server.query("select last_error from outgoing_mails where state = 'failed'").await;
    assert!(error[0][0].as_ref().unwrap().contains("no such mailbox"), "{error:?}");
    assert_eq!(inbox.mails().len(), 1);
}

// holds issue 18, section 1: a release goes beside the one before it
#[tokio::test(flavor = "multi_thread")]
async fn mails_of_kinds_that_a_newer_release_makes_are_left_to_it() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(TO, "pro").await;
    server.query(&mails(3, TO).replace("password_changed", "of_tomorrow")).await;
    server.query(&mails(1, TO)).await;
    server.eventually(SENT, 1).await;
    let waiting = "select count(*) from outgoing_mails where kind = 'of_tomorrow' and state = 'waiting' and tries = 0";
    assert_eq!(server.number(waiting).await, 3);
}

// holds issue 18, section 1: 8 tries over 24 hours
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_nobody_takes_is_given_up_after_eight_tries_in_a_day() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(TO, "pro").await;
    inbox.answer("later");
    server.query(&mails(1, TO)).await;
    for (number, minutes) in [0, 2, 10, 30, 60, 180, 420, 720].into_iter().enumerate() {
        server.pass(SignedDuration::from_mins(minutes));
        server.eventually(TRIED, number as i64 + 1).await;
    }
    server.eventually("select count(*) from outgoing_mails where state = 'failed' and tries = 8", 1).await;
}

// holds issue 18, section 1: a server that hangs keeps no other mail
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_over_one_mail_gets_the_others_and_this_one_again() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(TO, "pro").await;
    server.query(&mails(1, "hang@example.com")).await;
    inbox.first("hang@example.com", SUBJECT).await;
    server.query(&mails(3, TO)).await;
    inbox.nth(3, TO, SUBJECT).await;
    server.eventually(SENT, 3).await;
    assert_eq!(server.number("select count(*) from outgoing_mails where state = 'waiting' and tries = 1").await, 1);
    server.pass(SignedDuration::from_mins(2));
    let again = inbox.nth(2, "hang@example.com", SUBJECT).await;
    assert_eq!(again.id(), inbox.mails()[0].id(), "the same Message-ID");
}

// holds issue 18, section 1: drops after DATA, stable Message-ID
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_after_the_mail_sends_it_again_as_the_same() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(TO, "pro").await;
    inbox.answer("drop");
    server.query(&mails(1, TO)).await;
    server.eventually(TRIED, 1).await;
    inbox.answer("accept");
    server.pass(SignedDuration::from_mins(2));
    server.eventually(SENT, 1).await;
    let taken = inbox.mails();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].id(), taken[1].id());
}

// holds issue 18, section 1: kill -9 loses no mail and doubles one at most
#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_before_or_after_sending_loses_no_mail_and_doubles_one() {
    let inbox = Inbox::open().await;
    let mut program = Program::with_mail(format!("smtp://127.0.0.1:{}", inbox.port)).await;
    let made = program.run(&["account", "create", TO]);
    assert!(made.status.success(), "{made:?}");
    program.start().await;
    // Killed between commit and send: the server was not there yet.
    inbox.answer("later");
    program.query(&mails(1, TO)).await;
    program.wait_until("select bool_and(last_error is not null) from outgoing_mails").await;
    program.kill();
    program.query(&mails(1, TO)).await;
    inbox.answer("hang");
    program.query("update outgoing_mails set next_try_at = now()").await;
    program.start().await;
    // Killed between send and mark.
    eventually(|| (inbox.mails().len() == 2).then_some(())).await;
    program.kill();
    assert_eq!(
        program.query("select count(*) from outgoing_mails where state = 'waiting'").await[0][0].as_deref(),
        Some("2")
    );
    inbox.answer("accept");
    program.query("update outgoing_mails set next_try_at = now()").await;
    program.start().await;
    program.wait_until("select bool_and(state = 'sent') from outgoing_mails").await;
    let taken = inbox.mails();
    let ids: Vec<&str> = taken.iter().map(|mail| mail.id()).collect();
    assert_eq!(ids.len(), 4, "each came twice, and no more");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2, "with its Message-ID");
}

// holds issue 18, section 1: kept for a bounded time
#[tokio::test(flavor = "multi_thread")]
async fn mails_are_deleted_after_eight_days_and_not_sent_to_who_is_gone() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(TO, "pro").await;
    server.query(&mails(1, TO)).await;
    server.eventually(SENT, 1).await;
    server.query(&mails(1, TO).replace("account_id, id,", "account_id, gen_random_uuid(),")).await;
    let days = |days: i64| server.now() + SignedDuration::from_hours(24 * days);
    let store = &server.application().state.store;
    reasoner_webhooks::app::prune::prune(store, 90, days(7)).await.unwrap();
    assert_eq!(server.number("select count(*) from outgoing_mails").await, 2);
    reasoner_webhooks::app::prune::prune(store, 90, days(9)).await.unwrap();
    assert_eq!(server.number("select count(*) from outgoing_mails").await, 0);
    assert_eq!(inbox.mails().len(), 1);
}
