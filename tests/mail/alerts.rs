//! Mails about alerts: one for each change, whoever evaluates and whoever is killed meanwhile.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jiff::SignedDuration;
use reasoner_webhooks::app::evaluate_alerts::evaluate;

use crate::inbox::{Inbox, eventually};
use crate::serving::Program;
use crate::support::server::TestServer;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const TO: &str = "alice@example.com";
const EXPIRES: &str = "An API token expires";
const MAILS: &str = "select count(*) from outgoing_mails where kind = 'alerts'";
const CONFIRM: &str = "update users set confirmed_email = email";

/// So many tokens of each account, which end in ten days.
fn tokens(count: usize) -> String {
    format!(
        "insert into api_tokens (id, account_id, user_id, name, scopes, credentials, networks, created_at, expires_at) \
         select gen_random_uuid(), account_id, id, 'Token ' || n, 'events:read', '', '{{}}', now() - interval '80 days', \
         now() + interval '10 days' \
         from users, generate_series(1, {count}) n"
    )
}

async fn evaluate_after(server: &TestServer, time: SignedDuration) {
    server.pass(time);
    let now = server.now();
    evaluate(&server.application().state.store, true, now).await.unwrap();
    let before = now - SignedDuration::from_secs(1);
    // It may have been the turn of the server itself.
    server.eventually(&format!("select count(*) from alert_evaluation where evaluated_at > '{before}'"), 1).await;
}

// holds issue 18, section 2: two instances and 1,000 transitions are 1,000 mails
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_changes_seen_by_two_instances_are_a_thousand_mails() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let other = TestServer::start_over(server.database_url.clone(), inbox.options()).await;
    server
        .query(
            "with new as (insert into accounts (id, name, plan, created_at) select gen_random_uuid(), 'Account ' || n, 'pro', now() \
                 from generate_series(1, 1000) n returning id, name) \
             insert into users (id, account_id, email, confirmed_email, password_hash, password_changed_at, created_at) \
             select gen_random_uuid(), id, a.email, a.email, 'none', now(), now() \
             from new, lateral (select lower(replace(name, ' ', '')) || '@example.com' as email) a",
        )
        .await;
    server.query(&tokens(1)).await;
    for _ in 0..3 {
        server.pass(MINUTE);
        other.pass(MINUTE);
        let stores = [&server, &other].map(|one| &one.application().state.store);
        let turns = (0..8).map(|turn| evaluate(stores[turn % 2], true, server.now()));
        for turn in join_all(turns).await {
            turn.unwrap();
        }
    }
    server.eventually("select count(*) from alerts where state = 'firing' and told_state = 'firing'", 1_000).await;
    assert_eq!(server.number(MAILS).await, 1_000);
    let mut last = 0;
    // As long as some come.
    while last < 1_000 {
        last = eventually(|| Some(inbox.mails().len()).filter(|count| *count > last)).await;
    }
    server.eventually("select count(*) from outgoing_mails where state = 'sent'", 1_000).await;
    let mails = inbox.mails();
    assert_eq!(mails.iter().map(|mail| mail.to()).collect::<BTreeSet<_>>().len(), 1_000);
    assert_eq!(mails.len(), 1_000);
}

// holds issue 18, section 2: resolved is told as well; 15 minutes between messages; a daily reminder; more than 5 are one
#[tokio::test(flavor = "multi_thread")]
async fn mails_keep_their_distance_remind_daily_and_become_one_where_they_are_many() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(TO, "pro").await;
    server.query(&tokens(1)).await;
    evaluate_after(&server, MINUTE).await;
    assert_eq!(server.number(MAILS).await, 0, "the address is not confirmed");
    server.query(CONFIRM).await;
    evaluate_after(&server, MINUTE).await;
    let mail = inbox.first(TO, EXPIRES).await;
    assert!(
        mail.text().contains("Token 1: The token expires on ") && mail.text().contains("/settings/alerts"),
        "{mail:?}"
    );
    evaluate_after(&server, SignedDuration::from_hours(23)).await;
    assert_eq!(server.number(MAILS).await, 1);
    evaluate_after(&server, SignedDuration::from_hours(1)).await;
    inbox.first(TO, "An API token expires (still)").await;
    server.query("update api_tokens set revoked_at = now()").await;
    evaluate_after(&server, MINUTE).await;
    assert_eq!(server.number(MAILS).await, 2, "not within 15 minutes");
    evaluate_after(&server, MINUTE * 15).await;
    inbox.first(TO, "An API token expires (resolved)").await;
    server.query(&tokens(5)).await;
    evaluate_after(&server, MINUTE).await;
    assert_eq!(server.number(MAILS).await, 8);
    server.query(&tokens(6)).await;
    evaluate_after(&server, MINUTE).await;
    let mail = inbox.first(TO, "6 alerts have changed").await;
    assert_eq!(mail.text().matches("The token expires on").count(), 6, "{mail:?}");
    assert_eq!(server.number(MAILS).await, 9);
}

// holds issue 18, section 2: mute and acknowledge; an account gets no flood
#[tokio::test(flavor = "multi_thread")]
async fn what_is_muted_or_acknowledged_is_not_mailed_and_an_hour_has_thirty_at_most() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    server.create_account(TO, "pro").await;
    server.query(CONFIRM).await;
    server.query(&tokens(2)).await;
    evaluate_after(&server, MINUTE).await;
    assert_eq!(server.number(MAILS).await, 2);
    server.query("update alerts set acknowledged_at = now() where name = 'Token 1'").await;
    server.query("update alerts set muted_until = now() + interval '3 days' where name = 'Token 2'").await;
    evaluate_after(&server, SignedDuration::from_hours(25)).await;
    assert_eq!(server.number(MAILS).await, 2);
    for _ in 0..7 {
        server.query(&tokens(5)).await;
        evaluate_after(&server, MINUTE).await;
    }
    assert_eq!(server.number(MAILS).await, 32);
    evaluate_after(&server, SignedDuration::from_hours(1)).await;
    assert_eq!(server.number(MAILS).await, 37, "what waited comes later");
}

// holds issue 18, section 2: a change and its mail are one transaction
#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_while_it_evaluates_has_changed_nothing_and_the_next_one_mails_once() {
    let inbox = Inbox::open().await;
    let mut program = Program::with_mail(format!("smtp://127.0.0.1:{}", inbox.port)).await;
    let made = program.run(&["account", "create", TO]);
    assert!(made.status.success(), "{made:?}");
    program.start().await;
    program.wait_until("select evaluated_at > to_timestamp(0) from alert_evaluation").await;
    program.kill();
    program.query(CONFIRM).await;
    program.query(&tokens(1)).await;
    program.query("update alert_evaluation set evaluated_at = to_timestamp(0)").await;
    let lock = program.begin("lock table alert_changes in access exclusive mode").await;
    program.start().await;
    // It has written the mail, and waits for the history.
    let waits = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into alert_changes%' \
                 and datname = current_database()";
    program.wait_until(waits).await;
    program.kill();
    lock.batch_execute("rollback").await.unwrap();
    program.wait_until(&waits.replace("> 0", "= 0")).await;
    assert_eq!(program.query("select count(*) from alerts").await[0][0].as_deref(), Some("0"));
    assert_eq!(program.query(MAILS).await[0][0].as_deref(), Some("0"));
    program.start().await;
    inbox.first(TO, EXPIRES).await;
    program.wait_until("select bool_and(state = 'sent') from outgoing_mails where kind = 'alerts'").await;
    assert_eq!(program.query(MAILS).await[0][0].as_deref(), Some("1"));
}

// holds issue 18, section 2: test
#[tokio::test(flavor = "multi_thread")]
async fn a_test_alert_comes_to_a_confirmed_address() {
    let inbox = Inbox::open().await;
    let server = inbox.server().await;
    let alice = server.pro(TO).await;
    let page = alice.page("/settings/alerts").await;
    assert!(page.contains("No alerts are mailed to alice@example.com yet."), "{page}");
    let page = alice.follow(alice.post("/settings/alerts/test", &[]).await).await;
    assert!(page.contains("No test alert was sent."), "{page}");
    server.query(CONFIRM).await;
    let page = alice.follow(alice.post("/settings/alerts/test", &[]).await).await;
    assert!(
        page.contains("A test alert is on its way.") && page.contains("Alerts are mailed to alice@example.com."),
        "{page}"
    );
    inbox.first(TO, "Test of your alerts").await;
}
