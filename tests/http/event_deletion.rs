//! Deleting many events: counted, typed, done in steps, and only what somebody saw.

use jiff::SignedDuration;
use reasoner_webhooks::app::delete_events::carry_out_deletions;
use reasoner_webhooks::store::connection::pool::Connection;
use reasoner_webhooks::store::tables::partitions;

use crate::holding::expired;
use crate::support::actors::{Person, Sender, between};
use crate::support::server::{PASSWORD, TestServer};

const PATH: &str = "/events/deletion";

/// The fields of the form on the page, as it would be sent.
fn fields(page: &str) -> Vec<(String, String)> {
    let form = between(page, "action=\"/events/deletion\" class", "</form>");
    let hidden = form.split("type=\"hidden\" name=\"").skip(1);
    hidden
        .map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name.to_owned(), rest.split('"').next().unwrap().replace("&#34;", "\"").replace("&#38;", "&"))
        })
        .collect()
}

async fn order(person: &Person, page: &str, typed: &str) -> reqwest::Response {
    let fields = fields(page);
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.extend([("confirmation", typed), ("current_password", PASSWORD)]);
    person.post(PATH, &fields).await
}

/// Copies of the one event that is stored, a millisecond apart, before it.
async fn multiply(server: &TestServer, copies: u32) {
    server
        .query(&format!(
            "insert into events select account_id, (lpad(to_hex(('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint - n), \
             12, '0') || '70008000' || lpad(n::text, 12, '0'))::uuid, credential_id, remote_ip, user_agent, content_type, query, \
             headers, body, size_bytes from events, generate_series(1, {copies}) as n"
        ))
        .await;
}

/// One more in the time of those that are stored, as an event is that its owner accepts late.
async fn multiply_within(server: &TestServer) {
    server
        .query(
            "insert into events select account_id, (left(id::text, 35) || case right(id::text, 1) when '0' then '1' else '0' end)::uuid, \
             credential_id, remote_ip, user_agent, content_type, query, headers, body, size_bytes from events order by id limit 1",
        )
        .await;
}

// holds C11, C12
#[tokio::test(flavor = "multi_thread")]
async fn events_are_deleted_by_who_types_how_many_they_are() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let bob = server.pro("bob@example.com").await;
    let (kept, gone, bobs) = (server.sender(&alice).await, server.sender(&alice).await, server.sender(&bob).await);
    kept.store(r#"{"a":"keep"}"#).await;
    for _ in 0..3 {
        gone.store(r#"{"a":"old"}"#).await;
    }
    bobs.store(r#"{"a":"old"}"#).await;
    let path = format!("{PATH}?credential={}", gone.username);
    let page = alice.page(&path).await;
    assert!(page.contains("<dt>Events</dt><dd>3</dd>") && page.contains("<dt>Size</dt><dd>33 B</dd>"), "{page}");
    assert!(page.contains("Type <b>3</b> to confirm"), "{page}");

    for wrong in ["", "2", "delete", "three"] {
        let answer = order(&alice, &page, wrong).await;
        assert_eq!(answer.status(), 422, "{wrong}");
        assert!(answer.text().await.unwrap().contains("Type 3 to confirm."));
    }
    let late = gone.store(r#"{"a":"arrived after the page was made"}"#).await;
    server.pass(SignedDuration::from_mins(16));
    let hidden = fields(&page);
    let mut stale: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    stale.push(("confirmation", "3"));
    assert_eq!(alice.post(PATH, &stale).await.status(), 403, "a stale session has to give the password");
    assert_eq!(server.number("select count(*) from event_deletions").await, 0);

    let answer = order(&alice, &page, "3").await;
    let result = format!("{PATH}?credential={}&result=1", gone.username);
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, &*result));
    server.eventually("select count(*) from event_deletions where ended_at is not null", 1).await;
    assert_eq!(server.number("select count(*) from events").await, 3, "what was kept, Bob's, and what came later");
    assert_eq!(
        server.query("select id::text from events order by id desc limit 1").await[0][0].as_deref(),
        Some(&*late)
    );
    let page = alice.page(&result).await;
    assert!(page.contains("3 events were deleted"), "{page}");
    assert!(!page.contains("to confirm"), "the result is no form for deleting anything (issue 16, section 5): {page}");
    assert!(page.contains(&format!("href=\"/events?credential={}\">Back to events", gone.username)), "{page}");
    let bobs_page = bob.page(&format!("{PATH}?result=1")).await;
    assert!(bobs_page.contains("No deletion ended") && !bobs_page.contains("to confirm"), "{bobs_page}");
    assert!(alice.page(PATH).await.contains("3 events were deleted"));
    assert!(!bob.page(PATH).await.contains("were deleted"), "nobody else hears of it");
    assert_eq!(server.number("select events from event_removals").await, 3);
    assert_eq!(server.number("select bytes from event_removals").await, 33);
    let lines = server.audit_lines("action, actor", "action like 'event%delet%'").await;
    assert_eq!(
        lines,
        [["event_deletion_started", "user", "from System 2"], ["events_deleted", "program", "3 events: from System 2"]]
    );
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn the_number_is_counted_again_and_no_form_says_what_it_is() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"a":1}"#).await;
    multiply(&server, 4).await;
    let page = alice.page(&format!("{PATH}?q=a%3D1")).await;
    assert!(page.contains("Type <b>5</b> to confirm"), "{page}");
    sender.store(r#"{"a":1}"#).await;

    // A form that claims another number, a wider filter, a later end, or nothing but that.
    let end = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let forged: [(&[(&str, &str)], &str); 5] = [
        (&[("asked", "1"), ("confirmation", "1")], "Type 5 to confirm."),
        (&[("asked", ""), ("confirmation", "")], "Type 5 to confirm."),
        (&[("asked", "delete"), ("confirmation", "delete")], "Type 5 to confirm."),
        (&[("end", end), ("confirmation", "5")], "Type 6 to confirm."),
        (&[("end", "soon"), ("confirmation", "5")], "Type 6 to confirm."),
    ];
    for (changes, answer) in forged {
        let mut fields = fields(&page);
        fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let kept = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let sent: Vec<(&str, &str)> = kept.chain(changes.iter().copied()).collect();
        let refused = alice.post(PATH, &sent).await;
        assert_eq!(refused.status(), 422, "{changes:?}");
        assert!(refused.text().await.unwrap().contains(answer), "{changes:?}");
    }

    // What came late into the time that was counted makes it another number, which is asked for.
    multiply_within(&server).await;
    let refused = order(&alice, &page, "5").await;
    assert_eq!(refused.status(), 422);
    let page = refused.text().await.unwrap();
    assert!(page.contains("We counted the events again") && page.contains("Type <b>6</b> to confirm"), "{page}");
    assert_eq!(server.number("select count(*) from events").await, 7);
    assert_eq!(order(&alice, &page, "6").await.status(), 303);
    server.eventually("select count(*) from event_deletions where ended_at is not null", 1).await;
    assert_eq!(server.number("select count(*) from events").await, 1, "the one that arrived after the page was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_goes_on_after_a_restart_and_ends_when_it_is_called_off() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store(r#"{"a":1}"#).await;
    multiply(&server, 2_500).await;
    let ordered = "insert into event_deletions (account_id, id, started_at, next_id, end_id, description) \
                   select account_id, gen_random_uuid(), now(), '00000000-0000-0000-0000-000000000000', \
                   'ffffffff-ffff-ffff-ffff-ffffffffffff', 'all events' from users";
    // As a program leaves it that ended right after the order.
    server.query(ordered).await;
    let page = alice.page(PATH).await;
    assert!(page.contains("Deleting events…") && page.contains("data-refresh=\"2\""), "{page}");
    assert!(!page.contains("name=\"confirmation\""), "one at a time");
    let store = &server.application().state.store;
    carry_out_deletions(store, || server.now()).await.unwrap();
    assert_eq!(server.number("select count(*) from events").await, 0);
    assert_eq!(server.number("select deleted from event_deletions").await, 2_501);
    assert_eq!(server.number("select sum(events)::bigint from event_removals").await, 2_501);

    sender.store(r#"{"a":1}"#).await;
    server.query("delete from event_deletions").await;
    server.query(ordered).await;
    assert_eq!(alice.post("/events/deletion/cancellation", &[]).await.status(), 303);
    carry_out_deletions(store, || server.now()).await.unwrap();
    assert_eq!(server.number("select count(*) from events").await, 1, "what was called off stays");
    assert!(alice.page(PATH).await.contains("0 events were deleted before you stopped it."));
    assert_eq!(server.number("select count(*) from audit_log where action = 'event_deletion_cancelled'").await, 1);
}

// holds A4
#[tokio::test(flavor = "multi_thread")]
async fn a_long_deletion_of_one_account_keeps_no_other_waiting() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    server.sender(&alice).await.store("1").await;
    multiply(&server, 15_000).await;
    server.sender(&bob).await.store("1").await;
    // Hers was ordered before his.
    let ordered = "insert into event_deletions (account_id, id, started_at, next_id, end_id, description) \
                   select account_id, gen_random_uuid(), now() + (email = 'bob@example.com')::int * interval '1 s', \
                   '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'all events' from users";
    server.query(ordered).await;
    carry_out(&server).await;
    let deleted = "select deleted from audit_log join event_deletions using (account_id) \
                   where action = 'events_deleted' order by audit_log.id";
    let deleted: Vec<_> = server.query(deleted).await.into_iter().flatten().flatten().collect();
    assert_eq!(deleted, ["1", "15001"], "one waits for a turn of the other, and not for its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_deletes_one_lot_at_a_time() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await.store(r#"{"a":1}"#).await;
    let page = alice.page(PATH).await;
    let other = "insert into event_deletions (account_id, id, started_at, next_id, end_id, description) select account_id, \
                 gen_random_uuid(), now(), '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 'x' \
                 from users";
    server.query(other).await;
    let told = alice.follow(order(&alice, &page, "1").await).await;
    assert!(told.contains("Nothing was ordered.") && told.contains("Another deletion is going on."), "{told}");
    assert_eq!(server.number("select count(*) from event_deletions").await, 1, "the first goes on");
    assert_eq!(server.number("select count(*) from events").await, 1);
}

/// Carries out what was ordered, once nobody keeps the program from it.
async fn carry_out(server: &TestServer) {
    while server.number("select count(*) from event_deletions where ended_at is null").await > 0 {
        carry_out_deletions(&server.application().state.store, || server.now()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Keeps everybody from carrying out what is ordered, until what is given back is dropped.
async fn hold_deletions(server: &TestServer) -> Connection {
    let mut conn = server.application().state.store.own_connection().await.unwrap();
    // Each program looks now and then whether something is left to do.
    while !partitions::try_lock_deletions(&mut conn).await.unwrap() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    conn
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_longer_written_out_than_typed_is_carried_out() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store("[1]").await;
    sender.store(format!("{{\"a\": \"{}\"}}", "\\u0001".repeat(900))).await;
    let typed = format!("{PATH}?q=a%20%3D%20%22{}%22", "%01".repeat(900));
    let page = alice.page(&typed).await;
    assert!(page.contains("Type <b>1</b> to confirm"), "{page}");
    assert_eq!(order(&alice, &page, "1").await.status(), 303);
    server.eventually("select count(*) from event_deletions where ended_at is not null", 1).await;
    assert_eq!(server.query("select body from events").await, [[Some("[1]".to_owned())]]);
    assert!(alice.page(PATH).await.contains("1 event was deleted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_read_ends_and_says_so_and_others_go_on() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.pro("alice@example.com").await, server.pro("bob@example.com").await);
    let carol = server.pro("carol@example.com").await;
    for person in [&alice, &bob, &carol] {
        server.sender(person).await.store("1").await;
    }
    let ordered = async |email: &str, query: &str| {
        let sql = format!(
            "insert into event_deletions (account_id, id, started_at, query, next_id, end_id, description) \
             select account_id, gen_random_uuid(), now(), {query}, '00000000-0000-0000-0000-000000000000', \
             'ffffffff-ffff-ffff-ffff-ffffffffffff', 'events that were chosen' from users where email = '{email}'"
        );
        server.query(&sql).await;
    };
    // As another release might have written it.
    ordered("alice@example.com", "'a = '").await;
    ordered("bob@example.com", "null").await;
    // A search that reads well today, and may have meant something else then.
    ordered("carol@example.com", "'1'").await;
    assert!(alice.page(PATH).await.contains("Deleting events…"), "its owner sees it");
    carry_out(&server).await;
    let owners = "select u.email from events join users u using (account_id) order by 1";
    let left = ["alice@example.com", "carol@example.com"].map(|email| [Some(email.to_owned())]);
    assert_eq!(server.query(owners).await, left, "nothing of theirs is gone");
    let page = alice.page(PATH).await;
    assert!(page.contains("This deletion couldn’t be run.") && page.contains("Type <b>1</b> to confirm"), "{page}");
    assert!(!page.contains("deleted.</strong>"), "{page}");
    assert!(bob.page(PATH).await.contains("1 event was deleted."));
    let audit = alice.page("/settings/audit").await;
    assert!(audit.contains("0 events: events that were chosen, then ended: its search can’t be read"), "{audit}");
}

// holds C10, C12
#[tokio::test(flavor = "multi_thread")]
async fn late_events_that_are_accepted_after_the_order_stay() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let (old, new, path) = expired(&server, &alice).await;
    assert_eq!(old.send(r#"{"late": 1}"#).await.status(), 401);
    server.eventually("select count(*) from held_events", 1).await;
    new.store("1").await;
    let page = alice.page(PATH).await;
    let held = hold_deletions(&server).await;
    assert_eq!(order(&alice, &page, "1").await.status(), 303);
    let accepted = alice.post(&format!("{path}/held-events/acceptance"), &[("current_password", PASSWORD)]).await;
    assert_eq!(accepted.status(), 303);
    assert_eq!(server.number("select count(*) from events").await, 2);
    drop(held);
    carry_out(&server).await;
    assert_eq!(server.query("select body from events").await, [[Some(r#"{"late": 1}"#.to_owned())]]);
    assert_eq!(server.number("select deleted from event_deletions").await, 1);
    assert_eq!(server.number("select sum(events)::bigint from event_removals").await, 1);
    // Whoever orders again has counted it.
    let page = alice.page(PATH).await;
    assert_eq!(order(&alice, &page, "1").await.status(), 303);
    server.eventually("select count(*) from events", 0).await;
}

// holds C12
#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_after_the_order_stays_also_where_the_clock_of_another_instance_is_ahead() {
    let server = TestServer::start().await;
    let ahead = TestServer::start_over(server.database_url.clone(), |_| {}).await;
    ahead.pass(SignedDuration::from_mins(10));
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store("1").await;
    let there = Sender::new(&ahead.url, &sender.username, &sender.password);
    there.store("2").await;
    let page = alice.page(PATH).await;
    let held = hold_deletions(&server).await;
    assert_eq!(order(&alice, &page, "2").await.status(), 303);
    sender.store("3").await;
    there.store("4").await;
    drop(held);
    carry_out(&server).await;
    let left = server.query("select body from events order by id").await;
    assert_eq!(left, [[Some("3".to_owned())], [Some("4".to_owned())]]);
    assert_eq!(server.number("select deleted from event_deletions").await, 2, "what was counted is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_an_older_release_leaves_what_was_accepted_after_it() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    for (body, accepted) in [("1", "null"), ("2", "now() - interval '1 hour'"), ("3", "now() + interval '1 hour'")] {
        sender.store(body).await;
        server.query(&format!("update events set accepted_late_at = {accepted} where body = '{body}'")).await;
    }
    // Which did not write down what was committed.
    server
        .query(
            "insert into event_deletions (account_id, id, started_at, next_id, end_id, description) select account_id, \
             gen_random_uuid(), now(), '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', \
             'all events' from users",
        )
        .await;
    carry_out(&server).await;
    assert_eq!(server.query("select body from events").await, [[Some("3".to_owned())]]);
    assert_eq!(server.number("select deleted from event_deletions").await, 2);
}
