//! The table of credentials, and the page of each: found, in order, light, and true; and acts that answer where they were done.

use jiff::SignedDuration;

use crate::support::actors::{Person, Sender, WEBHOOKS, between};
use crate::support::server::{PASSWORD, TestServer};

async fn stage() -> (TestServer, Person) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    (server, alice)
}

/// The usernames of the list, in its order.
async fn listed(owner: &Person, query: &str) -> Vec<String> {
    let page = owner.page(&format!("{WEBHOOKS}?{query}")).await;
    page.split("class=\"cred\" id=\"").skip(1).map(|row| row.split('"').next().unwrap().to_owned()).collect()
}

async fn act(owner: &Person, sender: &Sender, what: &str, fields: &[(&str, &str)]) -> String {
    let id = owner.credential_id(&sender.username).await;
    let answer = owner.post(&format!("{WEBHOOKS}/credentials/{id}/{what}"), fields).await;
    assert_eq!(answer.status(), 303, "{what}");
    answer.headers()["location"].to_str().unwrap().to_owned()
}

// holds issue 16, section 4
#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_searched_filtered_and_sorted_by_their_address() {
    let (server, alice) = stage().await;
    let till = alice.create_credential("Till").await;
    let billing = alice.create_credential("Billing").await;
    let old = alice.create_credential("An old one").await;
    till.store("1").await;
    server.eventually("select count(*) from credential_secrets where last_used_at is not null", 1).await;
    act(&alice, &billing, "disabling", &[]).await;
    act(&alice, &old, "revocation", &[]).await;
    let of = |senders: &[&Sender]| senders.iter().map(|sender| sender.username.clone()).collect::<Vec<_>>();
    for (query, found) in [
        ("", of(&[&till, &billing])),
        ("sort=newest", of(&[&billing, &till])),
        ("sort=name", of(&[&billing, &till])),
        ("sort=used", of(&[&till, &billing])),
        ("sort=events", of(&[&till, &billing])),
        ("q=TIL", of(&[&till])),
        (&format!("q={}", &billing.username[..9]), of(&[&billing])),
        ("state=active", of(&[&till])),
        ("state=disabled", of(&[&billing])),
        ("state=unused", of(&[&billing])),
        ("state=revoked", of(&[&old])),
        ("state=expired", of(&[])),
        ("state=held", of(&[])),
        ("state=disabled&q=till", of(&[])),
        ("state=nonsense&sort=nonsense", of(&[&till, &billing])),
    ] {
        assert_eq!(listed(&alice, query).await, found, "{query}");
    }
    let end = (server.now() + SignedDuration::from_hours(72)).strftime("%F").to_string();
    act(&alice, &billing, "expiry", &[("expires_on", &end)]).await;
    assert_eq!(listed(&alice, "state=expiring").await, of(&[&billing]));
    assert_eq!(listed(&alice, "sort=expiry").await, of(&[&billing, &till]));
    server.pass(SignedDuration::from_hours(73));
    act(&alice, &billing, "enabling", &[("current_password", PASSWORD)]).await;
    assert_eq!(listed(&alice, "state=expired").await, of(&[&billing]));
    assert!(alice.page(&format!("{WEBHOOKS}?q=nothing")).await.contains("No credential matches."));
}

// holds issue 16, section 4
#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_credential_says_who_uses_it_and_what_was_refused() {
    let (server, alice) = stage().await;
    let (sender, other) = (server.sender(&alice).await, server.sender(&alice).await);
    sender.store("1").await;
    server.eventually("select count(*) from senders", 1).await;
    assert_eq!(sender.send("{").await.status(), 400);
    server.eventually("select count(*) from rejections", 1).await;
    server.pass(SignedDuration::from_hours(30));
    for password in ["a", "b"] {
        assert_eq!(sender.with_password(password).status().await, 401);
    }
    sender.store("2").await;
    assert_eq!(other.send("{").await.status(), 400);
    server.eventually("select coalesce(sum(count), 0) from rejections", 4).await;
    server.eventually("select count(*) from senders where last_seen_at > first_seen_at + interval '29 h'", 1).await;
    alice.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    act(&alice, &other, "name", &[("name", "Neighbour")]).await;
    let page = alice.credential_page(&sender.username).await;
    let part = |from: &str| between(&page, &format!("id=\"{from}-title\""), "</section>").to_owned();
    let refused = part("refused");
    let row = |title: &str| refused.split("<tr").find(|row| row.contains(title)).unwrap().to_owned();
    assert!(row("Wrong password").contains("num\">2<") && row("Wrong password").matches("num\">2<").count() == 2);
    assert!(
        row("Not valid JSON").contains("num\">0<") && row("Not valid JSON").contains("num\">1<"),
        "a week: {refused}"
    );
    let link = between(&row("Wrong password"), "href=\"", "\"").replace("&#38;", "&");
    let list = alice.page(&link).await;
    assert!(list.contains("Wrong password") && !list.contains("<b>Not valid JSON"), "{list}");
    let addresses = part("addresses");
    assert!(addresses.contains("127.0.0.1") && addresses.contains(">30 h ago<"), "{addresses}");
    let audit = part("audit");
    assert!(audit.contains("Created a credential") && !audit.contains("Neighbour"), "its own lines: {audit}");
    assert!(audit.contains(&format!("/settings/audit?subject={}", sender.username)));
    assert!(part("passwords").contains(&sender.password[4..8]));

    server.query("update senders set first_seen_at = null").await;
    assert!(alice.credential_page(&sender.username).await.contains("Not recorded"), "of the release before");
    act(&alice, &sender, "revocation", &[]).await;
    let id = server.query(&format!("select id::text from credentials where username = '{}'", sender.username)).await;
    let page = alice.page(&format!("{WEBHOOKS}/{}", id[0][0].as_deref().unwrap())).await;
    assert!(page.contains(">Revoked</span>") && page.contains("The credential was revoked"), "{page}");
    assert!(!page.contains("?rotate=") && !page.contains("/enabling"), "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_leads_back_to_where_it_was_done_and_to_no_other_site() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    let page = format!("{WEBHOOKS}/{}", alice.credential_id(&sender.username).await);
    let list = format!("{WEBHOOKS}?q=sys&state=active&sort=name");
    for (return_to, leads_to) in [
        ("", format!("{page}#told")),
        (page.as_str(), format!("{page}#told")),
        (list.as_str(), format!("{list}#told")),
        ("/settings/integrations/webhooks?x=%0d%0ay&rotate=1", format!("{WEBHOOKS}#told")),
        ("https://evil.example/settings", format!("{page}#told")),
        ("//evil.example", format!("{page}#told")),
    ] {
        assert_eq!(act(&alice, &sender, "enabling", &[("return_to", return_to)]).await, leads_to, "{return_to}");
    }
    let rename = format!("{}/name", page.replace("webhooks/", "webhooks/credentials/"));
    let shown = alice.post(&rename, &[("name", ""), ("return_to", &list)]).await.text().await.unwrap();
    assert!(shown.contains("id=\"rename\"") && shown.contains("aria-label=\"Credentials\""), "the list: {shown}");
    act(&alice, &sender, "disabling", &[("return_to", &list)]).await;
    let told = alice.page(&list).await;
    assert!(
        told.contains("System 1 is disabled.") && told.contains("No credential matches."),
        "it is told all the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_about_one_credential_is_not_told_on_the_page_of_another() {
    let (server, alice) = stage().await;
    let (one, other) = (server.sender(&alice).await, server.sender(&alice).await);
    act(&alice, &one, "disabling", &[]).await;
    assert!(!alice.credential_page(&other.username).await.contains("role=\"status\""));
    let id = alice.credential_id(&other.username).await;
    assert!(!alice.page(&format!("{WEBHOOKS}/{id}")).await.contains("System 1 is disabled."));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_taken_back_comes_with_a_form_that_does_it() {
    let (server, alice) = stage().await;
    let sender = server.sender(&alice).await;
    let undo = async |location: String| {
        let page = alice.page(location.split('#').next().unwrap()).await;
        let form =
            page.split("<form").find(|form| form.contains("class=\"undo\"")).expect("something to undo").to_owned();
        let fields: Vec<(String, String)> = form
            .split("<input type=\"hidden\" name=\"")
            .skip(1)
            .map(|input| (input.split('"').next().unwrap().to_owned(), between(input, "value=\"", "\"").to_owned()))
            .collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = alice.post(between(&form, "action=\"", "\""), &fields).await;
        assert_eq!(answer.status(), 303);
    };
    let state = async || {
        let sql = "select c.name, (c.disabled_at is null)::text, c.holds_late_events::text, coalesce(s.expires_at::date::text, '') \
                   from credentials c join credential_secrets s on s.credential_id = c.id";
        server.query(sql).await[0].clone()
    };
    let before = state().await;
    let end = (server.now() + SignedDuration::from_hours(24 * 40)).strftime("%F").to_string();
    for (what, fields) in [
        ("disabling", vec![]),
        ("name", vec![("name", "Another")]),
        ("holding", vec![("holding", "off")]),
        ("expiry", vec![("expires_on", end.as_str())]),
    ] {
        let location = act(&alice, &sender, what, &fields).await;
        assert_ne!(state().await, before, "{what}");
        undo(location).await;
        assert_eq!(state().await, before, "{what} is taken back");
    }
    act(&alice, &sender, "expiry", &[("expires_on", end.as_str())]).await;
    let dated = state().await;
    undo(act(&alice, &sender, "expiry", &[("expires", "never")]).await).await;
    assert_eq!(state().await, dated, "the date is there again");
    let settings = async || {
        let sql = "select put_as_post::text, batches::text, stored_once_by, networks::text from credentials";
        server.query(sql).await
    };
    let chosen = [("batches", "on"), ("stored_once_by", "X-Id"), ("networks", "203.0.113.0/24 2001:db8::/32")];
    let location = act(&alice, &sender, "sender-settings", &chosen).await;
    let page = alice.page(location.split('#').next().unwrap()).await;
    assert!(
        page.contains("are saved") && !page.contains("class=\"undo\""),
        "to let in all addresses again asks for the password"
    );
    let before = settings().await;
    let narrower = [("put_as_post", "on"), ("networks", "203.0.113.7")];
    let location = act(&alice, &sender, "sender-settings", &narrower).await;
    assert!(!alice.page(location.split('#').next().unwrap()).await.contains("class=\"undo\""));
    let wider = [("put_as_post", "on"), ("networks", "203.0.113.7 2001:db8::/32 203.0.113.0/24")];
    act(&alice, &sender, "sender-settings", &wider).await;
    assert_ne!(settings().await, before);
    undo(act(&alice, &sender, "sender-settings", &chosen).await).await;
    assert_ne!(settings().await, before, "as it was a moment ago");
    let revoked = act(&alice, &sender, "revocation", &[]).await;
    assert!(!alice.page(revoked.split('#').next().unwrap()).await.contains("class=\"undo\""), "that is for good");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_living_credentials_of_an_account_have_one_name() {
    let (server, alice) = stage().await;
    let (till, other) = (alice.create_credential("Till").await, alice.create_credential("Other").await);
    let path = format!("{WEBHOOKS}/credentials");
    let answer = alice.post(&path, &[("name", " till ")]).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains(&format!("Your credential {} already has this name.", till.username)), "{page}");
    assert!(page.contains("value=\" till \""), "as it was typed");
    let rename = format!("{path}/{}/name", alice.credential_id(&other.username).await);
    assert_eq!(alice.post(&rename, &[("name", "TILL")]).await.status(), 422);
    let same = format!("{path}/{}/name", alice.credential_id(&till.username).await);
    assert_eq!(alice.post(&same, &[("name", "TILL")]).await.status(), 303, "its own name in another case");
    let at_once = (0..8).map(|_| alice.post(&path, &[("name", "Same")]));
    let statuses: Vec<u16> =
        futures_util::future::join_all(at_once).await.iter().map(|a| a.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    server.pro("bob@example.com").await.create_credential("Till").await;
    act(&alice, &till, "revocation", &[]).await;
    assert_eq!(alice.post(&rename, &[("name", "Till")]).await.status(), 303, "a revoked one keeps no name from others");

    // From a release that let them be equal.
    server.query("update credentials set name = 'Twin'").await;
    let choices = alice.page("/events").await;
    assert!(choices.contains(&format!(">Twin ({})</option>", other.username)), "{choices}");
    let listed = alice.page(WEBHOOKS).await;
    assert!(listed.contains("Twin"), "and nothing fails");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_credential_can_have_an_end_from_the_beginning() {
    let (server, alice) = stage().await;
    let ends = async |name: &str| {
        let sql = format!(
            "select coalesce(s.expires_at::text, 'never') from credentials c join credential_secrets s on s.credential_id = c.id \
             where c.name = '{name}'"
        );
        server.query(&sql).await[0][0].clone().unwrap()
    };
    let day = |days: i64| (server.now() + SignedDuration::from_hours(24 * days)).strftime("%F").to_string();
    let date = day(5);
    for (name, fields, end) in [
        ("a", vec![("expires", "30d")], day(30)),
        ("b", vec![("expires", "90d"), ("expires_on", date.as_str())], day(90)),
        ("c", vec![("expires", "date"), ("expires_on", date.as_str())], date.clone()),
        ("d", vec![("expires", "never"), ("expires_on", date.as_str())], "never".to_owned()),
        ("e", vec![], "never".to_owned()),
    ] {
        let form = [vec![("name", name)], fields].concat();
        assert_eq!(alice.post(&format!("{WEBHOOKS}/credentials"), &form).await.status(), 200, "{name}");
        let stored = ends(name).await;
        assert!(stored.starts_with(&end), "{name}: {stored} is not {end}");
    }
    assert_eq!(server.number("select count(*) from audit_log where action = 'expiry_set'").await, 3);
    for (fields, words) in [
        (vec![("expires", "date")], "Give a date, such as 2027-06-30."),
        (vec![("expires", "date"), ("expires_on", "2020-01-01")], "Choose a day after today."),
        (vec![("expires", "7 days")], "Give a date, such as 2027-06-30."),
    ] {
        let form = [vec![("name", "kept")], fields].concat();
        let answer = alice.post(&format!("{WEBHOOKS}/credentials"), &form).await;
        assert_eq!(answer.status(), 422);
        let page = answer.text().await.unwrap();
        assert!(page.contains(words) && page.contains("value=\"kept\""), "{page}");
    }
    assert_eq!(server.number("select count(*) from credentials where name = 'kept'").await, 0);
}

// holds issue 16, section 4
#[tokio::test(flavor = "multi_thread")]
async fn the_first_steps_speak_of_one_credential_and_go_with_the_first_event() {
    let (server, alice) = stage().await;
    let (older, newest) = (server.sender(&alice).await, server.sender(&alice).await);
    assert_eq!(older.send("{").await.status(), 400);
    server.eventually("select count(*) from rejections", 1).await;
    let steps = |page: &str| {
        page.split("Three steps to your first event").nth(1).map(|rest| between(rest, "<ol", "</ol>").to_owned())
    };
    let shown = steps(&alice.page(WEBHOOKS).await).unwrap();
    assert!(shown.contains(&newest.username) && !shown.contains("Not valid JSON"), "another one’s mistake: {shown}");
    assert_eq!(newest.send("{").await.status(), 400);
    server.eventually("select count(*) from rejections", 2).await;
    assert!(steps(&alice.page(WEBHOOKS).await).unwrap().contains("Not valid JSON"));
    older.store("1").await;
    assert_eq!(steps(&alice.page(WEBHOOKS).await), None);
    server.pass(SignedDuration::from_hours(24 * 5));
    server.query("insert into daily_counts select account_id, credential_id, date_trunc('day', half_hour, 'UTC'), accepted, rejected, bytes, \
                  header_bytes from event_counts where accepted > 0; delete from event_counts; update credential_secrets set first_used_at = null, last_used_at = null").await;
    alice.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(steps(&alice.page(WEBHOOKS).await), None, "nor do they come back");
}
