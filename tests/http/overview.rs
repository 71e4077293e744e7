//! The overview: totals and bars from counts alone, for any number of events, and as a table for whoever cannot see bars; and how much of
//! each page crosses the wire.

use jiff::SignedDuration;

use crate::reader_clock::session;
use crate::support::actors::{Person, between};
use crate::support::server::TestServer;
use crate::support::upkeep::prune;

/// The figures above a list: accepted, rejected, share, data, senders.
fn totals(page: &str) -> Vec<String> {
    let list = between(page, "<dl class=\"totals\">", "</dl>");
    list.split("<dd").skip(1).map(|part| between(part, ">", "<").to_owned()).collect()
}

async fn with_credential() -> (TestServer, Person, crate::support::actors::Sender) {
    let server = TestServer::start_with(|options| options.trusted_proxies = Some("127.0.0.0/8".to_owned())).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, alice, sender)
}

#[tokio::test(flavor = "multi_thread")]
async fn months_of_counts_stay_the_same_and_become_few_rows() {
    let (server, alice, sender) = with_credential().await;
    let now = server.now();
    // Three writers and twenty credentials, each with 1 accepted, 2 rejected and 10 bytes in every half hour of 29 days.
    let insert = format!(
        "insert into event_counts (account_id, credential_id, half_hour, writer, accepted, rejected, bytes) \
         select c.account_id, case n when 1 then c.id else gen_random_uuid() end, half_hour, writer, 1, 2, 10 \
         from credentials c, generate_series(1, 20) n, \
         lateral (select gen_random_uuid() as writer from generate_series(1, 3) number where n > 0) w, \
         generate_series(date_bin('30 minutes', timestamptz '{now}' - interval '29 days', '2000-01-01'), \
         timestamptz '{now}', interval '30 minutes') half_hour"
    );
    // One id for each credential, and not for each of its rows.
    let insert = insert.replace("gen_random_uuid() end", "md5(n::text)::uuid end");
    server.query(&insert).await;
    let halves = server.number("select count(distinct half_hour) from event_counts").await;
    let pages = async || {
        let mut all = Vec::new();
        for query in ["", "overview=30d"] {
            for credential in [String::new(), format!("&credential={}", sender.username)] {
                let page = alice.page(&format!("/events?{query}{credential}")).await;
                all.push(totals(&page)[..4].to_vec());
                let fragment = alice.page(&format!("/events/overview?{query}{credential}")).await;
                assert_eq!(totals(&fragment), totals(&page));
                assert!(fragment.trim_start().starts_with("<section") && !fragment.contains("<html"));
            }
        }
        all
    };
    let before = pages().await;
    assert_eq!(before[0][..2], ["2,880", "5,760"], "48 half hours of 20 credentials and 3 writers");
    assert_eq!(before[1][..2], ["144", "288"]);
    assert_eq!(before[3][..2], [crate_grouped(halves * 3), crate_grouped(halves * 6)]);

    let state = &server.application().state;
    prune(&state.store, 90, now).await.unwrap();
    assert_eq!(pages().await, before, "nothing is lost or counted twice");
    let rows = server.number("select (select count(*) from event_counts) + (select count(*) from daily_counts)").await;
    // For each credential: 30 days, three days of half hours, and the rows of each writer in the last hours.
    assert!(rows <= 20 * (30 + 146 + 6 * 3), "{rows} rows");
    // What is still written to an old half hour is added, not lost.
    let late = "insert into event_counts (account_id, credential_id, half_hour, writer, accepted) \
         select account_id, id, date_trunc('day', now()) - interval '9 days', id, 7 from credentials";
    server.query(late).await;
    prune(&state.store, 90, now).await.unwrap();
    assert_eq!(pages().await[3][0], crate_grouped(halves * 3 + 7));
}

// holds issue 16, section 2
#[tokio::test(flavor = "multi_thread")]
async fn bars_of_days_are_those_of_the_reader_however_old_their_counts_are() {
    let (server, ..) = with_credential().await;
    let (client, session) = session(&server).await;
    let (now, kolkata) = (server.now(), jiff::tz::TimeZone::get("Asia/Kolkata").unwrap());
    // At 18:00 UTC it is 23:30 there, so one of two half hours is on the next day.
    let day = jiff::Timestamp::from_second(now.as_second() / 86_400 * 86_400 - 10 * 86_400).unwrap();
    let insert = format!(
        "insert into event_counts (account_id, credential_id, half_hour, writer, accepted) select account_id, id, half_hour, id, \
         case when half_hour = timestamptz '{day}' + interval '18 hours' then 3 else 5 end from credentials, \
         generate_series(timestamptz '{day}' + interval '18 hours', '{day}'::timestamptz + interval '18.5 hours', '30 minutes') half_hour"
    );
    server.query(&insert).await;
    let rows = async |zone: &str| {
        let request = client.get(format!("{}/events?overview=30d", server.url));
        let page =
            request.header("cookie", format!("{session}; zone={zone}")).send().await.unwrap().text().await.unwrap();
        let table = between(&page, "<summary>Show as table</summary>", "</table>").to_owned();
        let rows: Vec<(String, String)> = table
            .split("<tr>")
            .skip(2)
            .map(|row| {
                (
                    between(row, "until=", "</a>").rsplit('>').next().unwrap().to_owned(),
                    between(row, "end num\">", "<").to_owned(),
                )
            })
            .collect();
        (table.contains("Day (UTC)"), rows)
    };
    let name = |time| kolkata.to_datetime(time).strftime("%a %-d %b").to_string();
    let there = [(name(day + SignedDuration::from_hours(20)), "5".to_owned()), (name(day), "3".to_owned())];
    let utc = [(day.strftime("%a %-d %b").to_string(), "8".to_owned())];
    for _ in ["by the half hour", "put together"] {
        assert_eq!(rows("Asia%2FKolkata").await, (false, there.to_vec()));
        assert_eq!(rows("Nowhere").await, (true, utc.to_vec()));
        prune(&server.application().state.store, 90, now).await.unwrap();
        assert_eq!(server.number("select count(*) from event_counts").await, 0);
    }
    // A day of an earlier release is told as a whole.
    server.query("update daily_counts set half_hours = null").await;
    assert_eq!(rows("Asia%2FKolkata").await.1, [(name(day), "8".to_owned())]);
}

/// `19,370`.
fn crate_grouped(number: i64) -> String {
    reasoner_webhooks::domain::grouped::grouped(number.unsigned_abs())
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_are_counted_once_and_forgotten_after_a_month() {
    let (server, alice, sender) = with_credential().await;
    let other = server.sender(&alice).await;
    for (sender, ip) in [(&sender, "10.0.0.1"), (&sender, "10.0.0.2"), (&sender, "10.0.0.1"), (&other, "10.0.0.2")] {
        let answer = sender.request().header("X-Forwarded-For", ip).body("1").send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    server.eventually("select count(*) from senders", 3).await;
    assert_eq!(totals(&alice.page("/events").await)[4], "2");
    assert_eq!(totals(&alice.page(&format!("/events?credential={}", other.username)).await)[4], "1");
    server.pass(SignedDuration::from_hours(30));
    assert_eq!(totals(&alice.page("/events").await)[4], "0");
    assert_eq!(totals(&alice.page("/events?overview=30d").await)[4], "2");
    server.pass(SignedDuration::from_hours(31 * 24));
    prune(&server.application().state.store, 90, server.now()).await.unwrap();
    assert_eq!(server.number("select count(*) from senders").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_reads_counts_and_touches_no_event_however_many_there_are() {
    let (server, alice, sender) = with_credential().await;
    for _ in 0..60 {
        sender.store("1").await;
    }
    // One row for the half hour, or two when a half hour ended meanwhile; sixty events would be sixty.
    assert!(server.number("select count(*) from event_counts").await <= 2);
    let events = server.lock_events().await;
    for query in ["", "overview=30d", &format!("credential={}&since=1h", sender.username)] {
        let overview = alice.page(&format!("/events/overview?{query}")).await;
        assert_eq!(totals(&overview)[0], "60", "{query}");
    }
    // What does read events has to wait, or the above would say nothing.
    let list = tokio::spawn({
        let alice = alice.clone();
        async move { alice.get("/events").await.status() }
    });
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    server.eventually(waiting, 1).await;
    drop(events);
    assert_eq!(list.await.unwrap(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_is_a_link_to_its_time_and_a_row_of_a_table() {
    let (server, alice, sender) = with_credential().await;
    let id = sender.store("1").await;
    sender.with_password("x").status().await;
    server.eventually("select coalesce(sum(rejected), 0)::bigint from event_counts", 1).await;
    let ranged = between(&alice.page("/events?since=7d").await, "<section class=\"overview\"", "<svg").to_owned();
    assert_eq!(ranged.matches(">Last 7 days<").count(), 1, "its range once: {ranged}");
    assert!(!ranged.contains("Range of the overview"), "{ranged}");
    for query in [String::new(), format!("overview=30d&credential={}", sender.username)] {
        let page = alice.page(&format!("/events?{query}")).await;
        let table = between(&page, "<summary>Show as table</summary>", "</table>");
        assert!(table.contains("<td class=\"end num\">1</td>"), "{table}");
        let link = between(table, "<a href=\"", "\"").replace("&#38;", "&");
        assert!(page.matches(&link.replace('&', "&#38;")).count() >= 2, "the bar leads there too: {link}");
        let list = alice.page(&link).await;
        assert!(list.contains(&format!("data-id=\"{id}\"")), "{link}");
        assert!(link.contains("overview=30d") != query.is_empty(), "it keeps what was chosen: {link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_rejected_attempts_alone_leads_to_them() {
    let (server, alice, sender) = with_credential().await;
    sender.with_password("x").status().await;
    server.eventually("select coalesce(sum(rejected), 0)::bigint from event_counts", 1).await;
    for query in ["", "overview=30d"] {
        let page = alice.page(&format!("/events?{query}")).await;
        let table = between(&page, "<summary>Show as table</summary>", "</table>");
        let link = between(table, "<a href=\"", "\"").replace("&#38;", "&");
        assert!(link.starts_with("/events/rejections?"), "{link}");
        assert!(alice.page(&link).await.contains("<b>Wrong password</b>"), "{link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_credential_with_very_many_senders_the_latest_are_counted_and_the_page_says_or_more() {
    let (server, alice, sender) = with_credential().await;
    let known = async |ips: &str, number: u32, age: &str| {
        let sql = format!(
            "insert into senders select account_id, id, ('{ips}.' || n / 256 || '.' || n % 256)::inet, \
             timestamptz '{}' - interval '{age}' - n * interval '1 second' \
             from credentials, generate_series(1, {number}) n where username = '{}'",
            server.now(),
            sender.username
        );
        server.query(&sql).await;
    };
    let from = async |ip: &str| {
        let answer = sender.request().header("X-Forwarded-For", ip).body("1").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        server.eventually(&format!("select count(*) from senders where remote_ip = '{ip}'"), 1).await;
    };
    let said = async |query: &str| totals(&alice.page(&format!("/events?{query}")).await)[4].clone();
    known("10.1", 1_000, "3 days").await;
    from("10.9.0.1").await;
    // One gives way, just after the new one is there.
    server.eventually("select count(*) from senders", 1_000).await;
    let gone = "select count(*) from senders where remote_ip = '10.1.3.232'";
    assert_eq!(server.number(gone).await, 0, "the one that was not seen for longest");
    assert_eq!(said("").await, "1", "the new one is counted, and there were no more");
    assert_eq!(said("overview=30d").await, "1,000+");
    known("10.2", 998, "1 hour").await;
    from("10.9.0.2").await;
    server.eventually("select count(*) from senders", 1_000).await;
    assert_eq!(said("").await, "1,000+", "all of those that are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_senders_of_several_credentials_are_an_exact_figure() {
    let (server, alice, one) = with_credential().await;
    let other = server.sender(&alice).await;
    let sql = format!(
        "insert into senders select account_id, id, ('10.' || (username = '{}')::int || '.' || n / 256 || '.' || n % 256)::inet, \
         timestamptz '{}' from credentials, generate_series(1, 600) n",
        one.username,
        server.now()
    );
    server.query(&sql).await;
    assert_eq!(totals(&alice.page("/events").await)[4], "1,200");
    assert_eq!(totals(&alice.page(&format!("/events?credential={}", other.username)).await)[4], "600");
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_that_come_all_at_once_are_an_exact_figure() {
    let (server, alice, sender) = with_credential().await;
    let sending = (0..8).map(async |lane| {
        for number in (lane..500_u32).step_by(8) {
            let ip = format!("10.7.{}.{}", number / 250, number % 250);
            let answer = sender.request().header("X-Forwarded-For", ip).body("1").send().await.unwrap();
            assert_eq!(answer.status(), 200);
        }
    });
    futures_util::future::join_all(sending).await;
    server.eventually("select count(*) from senders", 500).await;
    assert_eq!(totals(&alice.page("/events").await)[4], "500");
}

/// What crosses the wire for a page with all that it loads.
const MOST_BYTES: usize = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_all_its_files_is_small_and_what_is_secret_is_not_compressed() {
    let (_server, alice, sender) = with_credential().await;
    for n in 0..50 {
        sender.store(format!("{{\"n\":{n},\"text\":\"{}\"}}", "some words of an order ".repeat(8))).await;
    }
    let get = async |path: &str, state: &str| {
        let request = alice.client.get(format!("{}{path}", alice.url)).header("Sec-Fetch-Site", state);
        request.header("Accept-Encoding", "gzip, br").send().await.unwrap()
    };
    let is_gzip = |answer: &reqwest::Response| answer.headers().get("content-encoding").is_some_and(|c| c == "gzip");
    for path in ["/events", "/settings/integrations/webhooks", "/docs/webhooks/advanced-usage"] {
        let plain = alice.page(path).await;
        let answer = get(path, "same-origin").await;
        assert!(is_gzip(&answer), "{path}");
        let mut bytes = answer.bytes().await.unwrap().len();
        assert!(bytes < plain.len() / 2, "{path}");
        let mut files: Vec<&str> = plain.split('"').filter(|part| part.starts_with("/static/")).collect();
        files.iter_mut().for_each(|file| *file = file.split('#').next().unwrap());
        files.sort_unstable();
        files.dedup();
        assert!(files.len() >= 9, "{files:?}");
        for file in files {
            let answer = get(file, "same-origin").await;
            assert_eq!(answer.status(), 200);
            bytes += answer.bytes().await.unwrap().len();
        }
        assert!(bytes <= MOST_BYTES, "{path}: {bytes} bytes");
    }
    // Somebody else's link chooses what is searched for, and must not learn from the size what was found.
    for (path, state) in
        [("/events?q=guess", "cross-site"), ("/events", "same-site"), ("/login", "none"), ("/settings/account", "none")]
    {
        assert!(!is_gzip(&get(path, state).await), "{path} {state}");
    }
    let created = alice.client.post(format!("{}/settings/integrations/webhooks/credentials", alice.url));
    let created = created.header("Sec-Fetch-Site", "same-origin").header("Accept-Encoding", "gzip");
    let created =
        created.header("Content-Type", "application/x-www-form-urlencoded").body("name=x").send().await.unwrap();
    assert_eq!((created.status().as_u16(), is_gzip(&created)), (200, false), "it shows a password");
}
