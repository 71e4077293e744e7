//! Deleting many events: counted, typed, done in steps, and only what somebody saw.

use jiff::SignedDuration;
use reasoner_webhooks::app::delete_events::carry_out_deletions;

use crate::support::actors::{Person, between};
use crate::support::server::{PASSWORD, TestServer};

const PATH: &str = "/events/deletion";

/// The fields of the form on the page, as it would be sent.
fn fields(page: &str) -> Vec<(String, String)> {
    let form = between(page, "action=\"/events/deletion\" class", "</form>");
    let hidden = form.split("type=\"hidden\" name=\"").skip(1);
    hidden
        .map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name.to_owned(), rest.split('"').next().unwrap().replace("&#38;", "&"))
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
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, PATH));
    server.eventually("select count(*) from event_deletions where ended_at is not null", 1).await;
    assert_eq!(server.number("select count(*) from events").await, 3, "what was kept, Bob's, and what came later");
    assert_eq!(
        server.query("select id::text from events order by id desc limit 1").await[0][0].as_deref(),
        Some(&*late)
    );
    let page = alice.page(PATH).await;
    assert!(page.contains("3 events were deleted"), "{page}");
    assert!(!bob.page(PATH).await.contains("were deleted"), "nobody else hears of it");
    assert_eq!(server.number("select events from event_removals").await, 3);
    assert_eq!(server.number("select bytes from event_removals").await, 33);
    let lines =
        server.query("select action, actor, detail from audit_log where action like 'event%delet%' order by id").await;
    let lines: Vec<[&str; 3]> =
        lines.iter().map(|row| [0, 1, 2].map(|column| row[column].as_deref().unwrap())).collect();
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
    assert!(page.contains("They were counted again") && page.contains("Type <b>6</b> to confirm"), "{page}");
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
    let store = &server.application().site.store;
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
    assert_eq!(order(&alice, &page, "1").await.status(), 303);
    assert_eq!(server.number("select count(*) from event_deletions").await, 1, "the first goes on");
    assert_eq!(server.number("select count(*) from events").await, 1);
}
