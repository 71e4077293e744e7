//! What a page weighs as it comes over the wire, with its style, scripts and pictures, asked for as a browser does: at most 60 KB,
//! whatever a sender puts into an event.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use reasoner_webhooks::domain::event::EventId;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};

use crate::access::pages;
use crate::support::actors::{Person, Sender, WEBHOOKS};
use crate::support::server::TestServer;

/// The most that a page may weigh, with all it needs, in bytes.
const MAX_PAGE_BYTES: usize = 60_000;

/// What a script looks for that only some pages name.
const MARKS: [(&str, &str); 10] = [
    (" data-live=", "live"),
    (" data-waiting=", "live"),
    (" data-further", "search"),
    (" data-export", "export"),
    (" data-refresh=", "refresh"),
    (" data-stays", "stay"),
    (" class=\"tree\"", "tree"),
    (" data-piece=", "tree"),
    (" id=\"view-tree\"", "prefs"),
    (" name=\"lang\"", "prefs"),
];

/// Texts that no compression makes short.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    fn text(&mut self, alphabet: &[char], length: usize) -> String {
        (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    fn object(&mut self, alphabet: &[char], members: usize, length: usize) -> String {
        let member = |_| format!("\"{}\":\"{}\"", self.text(alphabet, length), self.text(alphabet, length));
        format!("{{{}}}", (0..members).map(member).collect::<Vec<_>>().join(","))
    }
}

/// As it comes to a browser with an empty cache whose reader typed the address.
async fn bytes(reader: &Person, path: &str) -> usize {
    let request = reader.client.get(format!("{}{path}", reader.url)).header("Sec-Fetch-Site", "none");
    let answer = request.header(ACCEPT_ENCODING, "gzip, deflate, br, zstd").send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.unwrap().len()
}

/// A page with all that it names, which is on this server.
async fn weight(reader: &Person, path: &str) -> usize {
    let page = reader.page(path).await;
    let tags = page.split('<').filter(|tag| ["link ", "script ", "img ", "use "].iter().any(|t| tag.starts_with(t)));
    let named = |tag: &str, mark: &str| tag.split(mark).nth(1)?.split(['"', '#']).next().map(str::to_owned);
    let files: BTreeSet<String> =
        tags.filter_map(|tag| named(tag, " href=\"").or_else(|| named(tag, " src=\""))).collect();
    let mut weight = bytes(reader, path).await;
    for file in files {
        assert!(file.starts_with("/static/"), "{path} asks for {file}");
        weight += bytes(reader, &file).await;
    }
    weight
}

async fn assert_light(reader: &Person, path: &str, what: &str) {
    let weight = weight(reader, path).await;
    assert!(weight <= MAX_PAGE_BYTES, "{what}: {path} weighs {weight} bytes");
}

/// The places that a page links to, in order.
fn places(page: &str) -> Vec<String> {
    page.split("href=\"?at=").skip(1).filter_map(|rest| Some(rest.split('"').next()?.replace("&#38;", "&"))).collect()
}

/// Two bodies of each kind, since they are compared as well.
fn bodies(what: &str, noise: &mut Noise) -> String {
    let token: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').chain(['-', '_']).collect();
    let rare: Vec<char> = ('\u{4e00}'..='\u{9fff}').chain('\u{1f300}'..='\u{1f5ff}').collect();
    let marks: Vec<char> = "<>&'=;#".chars().chain('a'..='z').collect();
    let hidden: Vec<char> =
        ('\u{80}'..='\u{9f}').chain('\u{200b}'..='\u{200f}').chain('\u{e0020}'..='\u{e007e}').collect();
    match what {
        "tokens in many fields" => noise.object(&token, 500, 32),
        "one long token" => format!("\"{}\"", noise.text(&token, (1 << 20) - 2)),
        "100,000 keys" => {
            format!(
                "{{{}}}",
                (0..100_000).map(|i| format!("\"{i}\":{}", noise.below(9_999))).collect::<Vec<_>>().join(",")
            )
        }
        "100,000 levels" => {
            let keys: Vec<String> = (0..100_000).map(|_| noise.text(&token, 6)).collect();
            let open: String = keys.iter().map(|key| format!("{{\"{key}\":")).collect();
            format!("{open}{}{}", noise.below(9_999), "}".repeat(100_000))
        }
        "rare letters" => noise.object(&rare, 3_000, 40),
        "long rare letters" => noise.object(&rare, 20, 3_000),
        "letters that HTML escapes" => noise.object(&marks, 3_000, 100),
        "letters that are spelled out" => noise.object(&hidden, 3_000, 40),
        "lists in lists" => {
            let list = |_| {
                format!(
                    "[{}]",
                    (0..250)
                        .map(|_| noise.text(&['1', '2', '3', '4', '5', '6', '7', '8', '9'], 8))
                        .collect::<Vec<_>>()
                        .join(",")
                )
            };
            format!("[{}]", (0..250).map(list).collect::<Vec<_>>().join(","))
        }
        "long paths" => {
            // The same in both, so that what differs is at the end of a long way.
            let mut way = Noise(9);
            let keys: Vec<String> = (0..9).map(|_| way.text(&rare, 60)).collect();
            let open: String = keys.iter().map(|key| format!("{{\"{key}\":")).collect();
            format!("{open}{}{}", noise.object(&rare, 300, 60), "}".repeat(9))
        }
        other => panic!("no body of {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_a_light_page_whatever_is_in_it() {
    let server = TestServer::start_with(|options| options.max_body_bytes = (32 << 20).to_string()).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    for what in [
        "tokens in many fields",
        "one long token",
        "100,000 keys",
        "100,000 levels",
        "rare letters",
        "long rare letters",
        "letters that HTML escapes",
        "letters that are spelled out",
        "lists in lists",
        "long paths",
    ] {
        sender.store(bodies(what, &mut noise)).await;
        let id = sender.store(bodies(what, &mut noise)).await;
        let event = format!("/events/{id}");
        assert_light(&alice, &event, what).await;
        assert_light(&alice, &format!("{event}?raw=20000"), what).await;
        assert_light(&alice, &format!("{event}/comparison"), what).await;
        let page = alice.page(&event).await;
        for place in places(&page).iter().rev().step_by(97).take(3) {
            assert_light(&alice, &format!("{event}?at={place}"), what).await;
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_many_tokens_is_shown_whole_as_before() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let hex: Vec<char> = ('0'..='9').chain('a'..='f').collect();
    let mut noise = Noise(3);
    let body = noise.object(&hex, 150, 64);
    let id = server.sender(&alice).await.store(body).await;
    let page = alice.page(&format!("/events/{id}")).await;
    assert!(!page.contains("show whole") && !page.contains("whole key"), "a text is cut");
    assert_eq!(page.matches("<li><span><a class=\"j-k\"").count(), 150);
    assert!(page.contains("data-piece=\"raw\" href=\"?raw=12288\""));
    assert_light(&alice, &format!("/events/{id}"), "many tokens").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_light_pages_whatever_senders_say() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let mut noise = Noise(11);
    let rare: Vec<char> = ('\u{4e00}'..='\u{9fff}').chain('\u{1f300}'..='\u{1f5ff}').collect();
    for _ in 0..60 {
        sender.store(noise.object(&rare, 3, 60)).await;
    }
    assert_light(&alice, "/events", "a full list").await;
    let token: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
    // As they are stored of senders that choose the longest names for themselves and for what they send.
    let now = server.now();
    for number in 1..=60 {
        let (agent, kind) = (noise.text(&token, 4_000), noise.text(&token, 4_000));
        let at = now - SignedDuration::from_secs(number);
        let sql = format!(
            "insert into rejections (account_id, id, credential_id, reason, second, detail, remote_ip, user_agent) \
             select account_id, '{}', id, 'unsupported_media_type', date_trunc('second', timestamptz '{at}'), \
             'Content-Type is {kind}', '198.51.100.{number}', '{agent}' from credentials",
            EventId::first_of(at)
        );
        server.query(&sql).await;
    }
    let page = alice.page("/events/rejections").await;
    assert_eq!(page.matches("<small>Content-Type is ").count(), 50, "a full page");
    assert_light(&alice, "/events/rejections", "refused requests").await;
    assert_light(&alice, WEBHOOKS, "refused requests of a credential").await;
    server.stop().await;
}

// holds issue 16, section 4
#[tokio::test(flavor = "multi_thread")]
async fn fifty_credentials_are_a_light_page_and_each_has_one() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    sender.store("1").await;
    let letters: Vec<char> = ('0'..='9').chain('a'..='z').collect();
    let mut noise = Noise(5);
    for _ in 0..49 {
        let (name, username) = (noise.text(&letters, 60), noise.text(&letters, 8));
        let sql = format!(
            "with made as (insert into credentials (id, account_id, name, username, created_at) select gen_random_uuid(), account_id, \
             '{name}', 'rw_{username}', created_at + random() * interval '9 days' from credentials limit 1 returning *), \
             first as (insert into credential_secrets (id, credential_id, hint, hash, slot, created_at, last_used_at, last_used_ip, expires_at) \
             select gen_random_uuid(), id, left('{username}', 4), 'x', 1, created_at, created_at, '198.51.100.7', \
             created_at + random() * interval '40 days' from made) \
             insert into event_counts select account_id, id, date_trunc('hour', now()) - n * interval '1 h', gen_random_uuid(), \
             (random() * 100000)::int, 7, 9, 0 from made, generate_series(0, 23) n"
        );
        server.query(&sql).await;
    }
    let page = alice.page(WEBHOOKS).await;
    assert_eq!((page.matches("class=\"cred\"").count(), page.contains("rel=\"next\"")), (50, false));
    assert_light(&alice, WEBHOOKS, "fifty credentials").await;
    let own = format!("{WEBHOOKS}/{}", alice.credential_id(&sender.username).await);
    let more = "insert into senders select account_id, id, '2001:db8::'::inet + n, now(), now() from credentials, generate_series(1, 999) n";
    server.query(more).await;
    assert_light(&alice, &own, "a credential").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_that_there_is_is_light() {
    let server = TestServer::start_with(|options| options.signup = "open".to_owned()).await;
    let alice = server.pro("alice@example.com").await;
    let event = server.sender(&alice).await.store("{\"a\": 1}").await;
    let visitor = server.visitor();
    let free = server.free("bob@example.com").await;
    let mut seen = 0;
    for (reader, path) in pages().map(|path| (&alice, path)).chain([
        (&visitor, "/login"),
        (&visitor, "/signup"),
        (&free, WEBHOOKS),
        (&free, "/events"),
    ]) {
        let path = path.replace("{event}", &event);
        if path.contains('{') || path == "/events/live" {
            continue;
        }
        let page = reader.page(&path).await;
        if page.contains("<html") {
            assert_light(reader, &path, "every page").await;
            seen += 1;
        }
        for (mark, script) in MARKS {
            assert!(
                !page.contains("<html") || !page.contains(mark) || page.contains(&format!("/static/{script}.")),
                "{path} has {mark} and does not name the script for it"
            );
        }
    }
    assert!(seen > 20, "{seen} pages");
    server.stop().await;
}

async fn send_with_long_head(sender: &Sender, noise: &mut Noise) -> String {
    let token: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
    let mut request = sender.request().header(USER_AGENT, noise.text(&token, 4_000));
    for number in 0..40 {
        request = request.header(format!("x-trace-{number}"), noise.text(&token, 500));
    }
    let kind = format!("application/json; note=\"{}\"", noise.text(&token, 4_000));
    let mut request = request.body(bodies("letters that HTML escapes", noise)).build().unwrap();
    request.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
    request.url_mut().set_query(Some(&noise.text(&token, 4_000)));
    let answer = sender.execute(request).await;
    assert_eq!(answer.status(), 200);
    let stored: serde_json::Value = answer.json().await.unwrap();
    stored["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_long_headers_is_a_light_page_too() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let id = send_with_long_head(&sender, &mut Noise(7)).await;
    assert_light(&alice, &format!("/events/{id}"), "long headers").await;
    server.stop().await;
}
