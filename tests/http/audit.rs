//! The audit trail: what leaves a line, how often, that lines stay as they are, and how they are read and taken away.

use jiff::SignedDuration;
use reasoner_webhooks::app::change_plan::change_plan;
use reasoner_webhooks::app::end_expired::end_all_expired;
use reasoner_webhooks::domain::account::Plan;
use reasoner_webhooks::domain::audit::Act;
use reasoner_webhooks::store::tables::users;
use serde_json::Value;

use crate::support::actors::{Person, Sender, WEBHOOKS, between};
use crate::support::server::{PASSWORD, TestServer};

async fn stage() -> (TestServer, Person, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, alice, sender)
}

fn count_of(action: &str) -> String {
    format!("select count(*) from audit_log where action = '{action}'")
}

/// Waits until every note that may still be in memory is written: one that was made later is there.
async fn notes_are_written(server: &TestServer, owner: &Person) {
    let before = server.number("select count(*) from rejections where reason = 'invalid_json'").await;
    let other = server.sender(owner).await;
    assert_eq!(other.send("not json").await.status(), 400);
    server.eventually("select count(*) from rejections where reason = 'invalid_json'", before + 1).await;
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn the_first_use_of_a_password_is_written_once_on_any_number_of_instances() {
    let (server, alice, sender) = stage().await;
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let there = Sender::new(&other.url, &sender.username, &sender.password);
    let sent = (0..20).map(|n| {
        let sender = if n % 2 == 0 { sender.clone() } else { there.clone() };
        tokio::spawn(async move { sender.status().await })
    });
    for one in sent.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), 200);
    }
    server.eventually(&count_of("password_first_used"), 1).await;
    assert_eq!((sender.status().await, there.status().await), (200, 200));
    other.stop().await;
    notes_are_written(&server, &alice).await;
    let lines = server
        .query(
            "select actor, subject, details->>'hint', host(remote_ip), at <= (select last_used_at from credential_secrets limit 1) \
             from audit_log where action = 'password_first_used'",
        )
        .await;
    let cells: Vec<&str> = lines[0].iter().map(|cell| cell.as_deref().unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(cells, ["sender", &sender.username, &sender.password[4..8], "127.0.0.1", "t"]);
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_does_with_a_password_is_written_with_the_request_that_did_it() {
    let (server, alice, sender) = stage().await;
    let id_of = |answer: &reqwest::Response| answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let written = async |action: &str| {
        server.eventually(&count_of(action), 1).await;
        server.query(&format!("select request_id from audit_log where action = '{action}'")).await[0][0].clone()
    };
    let first = id_of(&sender.send("1").await);
    let second = id_of(&sender.send("2").await);
    assert_ne!(first, second);
    assert_eq!(written("password_first_used").await, Some(first));
    let id = alice.credential_id(&sender.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &[]).await;
    let refused = id_of(&sender.send("3").await);
    assert_eq!(sender.status().await, 401);
    assert_eq!(written("password_used_after_revoke").await, Some(refused.clone()));
    assert!(alice.page("/settings/audit?action=password_used_after_revoke").await.contains(&refused));
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_a_revoked_password_is_written_once_a_day_however_often_it_is_tried() {
    let (server, alice, sender) = stage().await;
    let other = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    let there = Sender::new(&other.url, &sender.username, &sender.password);
    sender.store("1").await;
    let id = alice.credential_id(&sender.username).await;
    alice.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &[]).await;
    for _ in 0..20 {
        assert_eq!((sender.status().await, there.status().await), (401, 401));
    }
    server.eventually(&count_of("password_used_after_revoke"), 1).await;
    other.stop().await;
    server.pass(SignedDuration::from_hours(23));
    assert_eq!(sender.status().await, 401);
    notes_are_written(&server, &alice).await;
    assert_eq!(server.number(&count_of("password_used_after_revoke")).await, 1, "within a day");
    server.pass(SignedDuration::from_mins(90));
    assert_eq!(sender.status().await, 401);
    server.eventually(&count_of("password_used_after_revoke"), 2).await;
    let page = alice.page("/settings/audit?action=password_used_after_revoke").await;
    assert!(page.contains("Tried a revoked password") && page.contains(&sender.username), "the owner reads it");
    assert!(!page.contains(&sender.password));
}

// holds C11, C7
#[tokio::test(flavor = "multi_thread")]
async fn the_expiry_of_a_password_is_written_once_with_the_time_it_expired() {
    let (server, alice, sender) = stage().await;
    let (second, third) = (server.sender(&alice).await, server.sender(&alice).await);
    let mut ids = Vec::new();
    for sender in [&sender, &second, &third] {
        let id = alice.credential_id(&sender.username).await;
        alice.post(&format!("{WEBHOOKS}/credentials/{id}/rotation"), &[("overlap", "1h")]).await;
        ids.push(id);
    }
    let store = &server.application().state.store;
    end_all_expired(store, server.now()).await.unwrap();
    assert_eq!(server.number(&count_of("password_expired")).await, 0, "none has expired yet");

    server.pass(SignedDuration::from_mins(61));
    let password = ("current_password", PASSWORD);
    let again = [("overlap", "24h"), password];
    // What the owner does next sees it before upkeep does.
    let answer = alice.post(&format!("{WEBHOOKS}/credentials/{}/rotation", ids[1]), &again).await;
    assert_eq!(answer.status(), 200);
    alice.post(&format!("{WEBHOOKS}/credentials/{}/revocation", ids[2]), &[password]).await;
    assert_eq!(server.number(&count_of("password_expired")).await, 2);
    let rounds = (0..4).map(|_| {
        let (store, now) = (store.clone(), server.now());
        tokio::spawn(async move { end_all_expired(&store, now).await })
    });
    for round in rounds.collect::<Vec<_>>() {
        round.await.unwrap().unwrap();
    }
    let lines = server
        .query(
            "select l.subject, l.details->>'hint', l.actor, l.at = s.expires_at from audit_log l \
             join credentials c on c.username = l.subject \
             join credential_secrets s on s.credential_id = c.id and l.details->>'hint' = s.hint \
             where action = 'password_expired' order by l.subject",
        )
        .await;
    let mut expected: Vec<Vec<Option<String>>> = [&sender, &second, &third]
        .into_iter()
        .map(|sender| {
            [&sender.username, &sender.password[4..8], "program", "t"].map(|cell| Some(cell.to_owned())).into()
        })
        .collect();
    expected.sort();
    assert_eq!(lines, expected);
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn signing_out_exporting_and_changing_the_plan_leave_a_line_each() {
    let (server, alice, _) = stage().await;
    alice.page("/events/export?format=csv&since=1h").await;
    alice.page("/settings/audit/export").await;
    let other = server.visitor();
    other.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let store = &server.application().state.store;
    let mut conn = store.connection().await.unwrap();
    let found = users::find_by_email(&mut conn, &"alice@example.com".parse().unwrap()).await.unwrap();
    let (member, _) = found.unwrap();
    let act = Act::on_command_line(server.now());
    for plan in [Plan::Pro, Plan::Free, Plan::Free, Plan::Pro] {
        change_plan(store, &member, plan, &act).await.unwrap();
    }
    let plans = server
        .query("select details from audit_log where action = 'plan_changed' and actor = 'operator' order by id")
        .await;
    assert_eq!(plans.len(), 2, "the same plan again is no change");
    assert_eq!(other.post("/logout", &[]).await.status(), 303);
    assert_eq!(other.post("/logout", &[]).await.status(), 303, "once more is nothing");
    assert_eq!(other.get("/events").await.status(), 303, "the session is gone");
    let told = "action in ('signed_out', 'events_exported', 'audit_exported') and actor_user_id is not null \
                and remote_ip is not null and request_id like 'req_%'";
    let lines = server.audit_lines("action, actor", told).await;
    assert_eq!(
        lines,
        [
            ["events_exported", "user", "filtered, as csv"],
            ["audit_exported", "user", "all, as ndjson"],
            ["signed_out", "user", ""]
        ]
    );
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn lines_can_be_neither_changed_nor_removed_by_the_owner_of_the_table() {
    let (server, _, _) = stage().await;
    let owner = "select tableowner = current_user from pg_tables where tablename = 'audit_log'";
    assert_eq!(server.query(owner).await[0][0].as_deref(), Some("t"));
    let before = server.query("select * from audit_log order by id").await;
    let (client, connection) = tokio_postgres::connect(&server.database_url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    for attempt in [
        "delete from audit_log",
        "update audit_log set subject = ''",
        "truncate audit_log",
        "truncate accounts cascade; truncate audit_log",
        "insert into audit_log select * from audit_log on conflict (account_id, id) do update set detail = 'other'",
    ] {
        let error = client.batch_execute(attempt).await.unwrap_err();
        let message = error.as_db_error().unwrap().message().to_owned();
        assert_eq!(message, "the audit log is append-only", "{attempt}");
    }
    drop(client);
    driver.await.unwrap().unwrap();
    assert_eq!(server.query("select * from audit_log order by id").await, before);
}

// holds C11
#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_filtered_by_action_and_subject_and_its_pages_keep_the_filter() {
    let (server, alice, sender) = stage().await;
    let other = server.sender(&alice).await;
    let rows = |page: &str| page.matches("<tr role=\"row\"><td").count();
    let page = alice.page("/settings/audit?action=credential_created").await;
    assert!(rows(&page) == 2 && page.contains("value=\"credential_created\" selected"));
    let one = format!("/settings/audit?action=credential_created&subject={}", sender.username.to_uppercase());
    let page = alice.page(&one).await;
    assert!(rows(&page) == 1 && page.contains(&sender.username) && !page.contains(&other.username), "in any case");
    assert!(page.contains(" UTC\" data-relative>"), "behind each time is the exact one");
    assert!(alice.page("/settings/audit?subject=100%25").await.contains("matches"), "wildcards are text");
    assert_eq!(alice.get("/settings/audit?action=other").await.status(), 400);

    write_lines(&server, 120).await;
    let first = alice.page("/settings/audit?subject=%3Dtest&action=event_deleted").await;
    assert_eq!(rows(&first), 50);
    let next = between(&first, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
    let second = alice.page(&next).await;
    assert_eq!(rows(&second), 50);
    let last = alice.page(&between(&second, "rel=\"next\" href=\"", "\"").replace("&#38;", "&")).await;
    assert!(rows(&last) == 20 && !last.contains("rel=\"next\""));
}

// holds C11, W8, W9
#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_exported_whole_oldest_first_without_formulas_and_to_its_owner_alone() {
    let (server, alice, sender) = stage().await;
    let bob = server.pro("bob@example.com").await;
    write_lines(&server, 1_200).await;
    let answer = alice.get("/settings/audit/export").await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"audit-20") && disposition.ends_with(".ndjson\""));
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("sandbox"));
    let text = answer.text().await.unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let there =
        server.number("select count(*) from audit_log l join users u using (account_id) where email like 'alice%'");
    assert_eq!(lines.len() as i64, there.await, "the line on the export itself is the last");
    assert!(lines.windows(2).all(|pair| pair[0]["at"].as_str() <= pair[1]["at"].as_str()));
    let last = &lines[lines.len() - 1];
    assert_eq!((last["action"].as_str(), last["actor"].as_str()), (Some("audit_exported"), Some("alice@example.com")));
    assert!(last["at"].as_str().unwrap().ends_with('Z') && last["request_id"].as_str().unwrap().starts_with("req_"));

    let csv = alice.page("/settings/audit/export?format=csv&action=event_deleted").await;
    assert_eq!(csv.lines().next(), Some("at,action,actor,subject,detail,remote_ip,request_id"));
    assert_eq!(csv.matches(",event_deleted,Visitor,'=test(").count(), 1_200, "{}", &csv[..300]);
    assert!(!csv.contains(",=") && !csv.contains(",@"));
    let of_bob = bob.page("/settings/audit/export").await;
    assert!(!of_bob.contains("alice") && !of_bob.contains(&sender.username) && of_bob.contains("bob@example.com"));
    assert_eq!(alice.get("/settings/audit/export?format=xml").await.status(), 400);
}

// holds N3
#[tokio::test(flavor = "multi_thread")]
async fn a_search_through_a_million_lines_comes_in_steps_and_leaves_the_pages_of_others_alone() {
    let (server, alice, sender) = stage().await;
    let bob = server.pro("bob@example.com").await;
    write_lines(&server, 1_000_000).await;
    let mut steps = 0;
    let mut path = format!("/settings/audit?subject={}", sender.username);
    let page = loop {
        let (page, of_bob) = tokio::join!(alice.page(&path), bob.page("/settings/audit?subject=bob"));
        assert!(of_bob.contains("bob@example.com") && !of_bob.contains("Search further"));
        if !page.contains("Search further back") {
            break page;
        }
        assert!(page.contains("Nothing found so far.") && page.contains("Looked back to"));
        path = between(&page, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
        steps += 1;
    };
    assert!(page.contains("Created a credential") && page.contains(&sender.username), "the oldest lines are found");
    assert!(steps >= 5, "200,000 lines at most are looked at for a page: {steps} steps");
    let export = format!("/settings/audit/export?action=credential_created&subject={}", sender.username);
    assert_eq!(alice.page(&export).await.lines().count(), 1, "an export goes on to the end");
}

/// Lines of Alice's of the last seconds, as many as it takes.
async fn write_lines(server: &TestServer, count: u32) {
    // A UUIDv7 of now: 8 digits of the time, 4 more, the version.
    let time = "lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0')";
    let id =
        format!("(left({time}, 8) || '-' || right({time}, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid");
    server
        .query(&format!(
            "insert into audit_log (account_id, id, at, actor, action, subject, detail) \
             select account_id, {id}, now(), 'visitor', 'event_deleted', '=test(' || n || ')', '@detail' \
             from users, generate_series(1, {count}) n where email = 'alice@example.com'"
        ))
        .await;
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn lines_keep_the_address_of_their_time_when_it_is_changed() {
    let (_server, alice, _) = stage().await;
    let rows = async || {
        let page = alice.page("/settings/audit").await;
        let rows = page.split("<tr role=\"row\">").skip(2).map(|row| row.split("</tr>").next().unwrap().to_owned());
        rows.collect::<Vec<_>>()
    };
    let before = rows().await;
    assert!(before.iter().any(|row| row.contains("alice@example.com")), "{before:?}");
    for email in ["alice@new.example", "alice@newest.example"] {
        let fields = [("email", email), ("current_password", PASSWORD)];
        assert_eq!(alice.post("/settings/account/email", &fields).await.status(), 303);
    }
    let after = rows().await;
    assert_eq!(after[after.len() - before.len()..], before, "old lines are what they were");
    let changes = &after[..after.len() - before.len()];
    assert!(changes.last().unwrap().contains("<td role=\"cell\">alice@new.example</td>"), "{changes:?}");
    assert!(changes[0].contains("<td role=\"cell\">alice@newest.example</td>"), "{changes:?}");
    let export = alice.page("/settings/audit/export?format=csv").await;
    assert!(export.contains(",alice@example.com,") && export.contains(",alice@newest.example,"), "{export}");
}
