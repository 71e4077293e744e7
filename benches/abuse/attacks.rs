//! The attacks: what one account, one address or a stranger does to stop the others. The bench measures what it costs them; the tests
//! count what they were answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::attacker::{Attacker, again_and_again};

/// Somebody who sends or reads slowly does so much, so often.
const SLOW_BYTES: usize = 4_096;
const SLOW_EVERY: Duration = Duration::from_secs(8);
const MIB: usize = 1 << 20;

/// One kind of attack.
pub struct Attack {
    pub name: &'static str,
    /// SQL that makes what the attacker would have made in days: `$1` stands for the id of its account, `$2` for how many rows.
    pub seed: &'static str,
    pub rows: u32,
    /// Events of 1 MiB that the account has sent before.
    pub large_events: usize,
    /// Goes on until it is dropped.
    pub run: fn(Attacker) -> BoxFuture<'static, ()>,
}

const fn attack(name: &'static str, run: fn(Attacker) -> BoxFuture<'static, ()>) -> Attack {
    Attack { name, seed: "", rows: 0, large_events: 0, run }
}

impl Attack {
    /// What is to be run in the database before it, with so many rows.
    pub fn seed(&self, account: &str, rows: u32) -> String {
        self.seed.replace("$1", &format!("'{account}'")).replace("$2", &rows.to_string())
    }
}

pub const ATTACKS: &[Attack] = &[
    Attack { large_events: 8, ..attack("searches of many conditions over lists of 1 MiB", |a| searches(a).boxed()) },
    Attack { large_events: 8, ..attack("20 live pages that search what arrives", |a| live_searches(a).boxed()) },
    Attack { large_events: 8, ..attack("24 comparisons of 1 MiB at once", |a| comparisons(a).boxed()) },
    Attack { large_events: 8, ..attack("exports, as many as there may be", |a| exports(a).boxed()) },
    Attack {
        seed: AUDIT_LINES,
        rows: 1_000_000,
        ..attack("searches of an audit trail of 1,000,000 lines", |a| audit(a).boxed())
    },
    Attack { seed: SESSIONS, rows: 100_000, ..attack("a list of 100,000 devices", |a| devices(a).boxed()) },
    attack("64 requests for pages at once", |a| pages(a).boxed()),
    attack("2,000 live pages of one session", |a| live_pages(a).boxed()),
    attack("64 slow bodies of 1 MiB", |a| slow_bodies(a).boxed()),
    attack("2,000 connections that send a head and no body", |a| idle_bodies(a).boxed()),
    attack("repeats of one Idempotency-Key, 32 at once", |a| repeats(a).boxed()),
    attack("events, 256 connections at once", |a| flood(a).boxed()),
    attack("requests that are refused and written down", |a| rejections(a).boxed()),
    attack("credentials, made without end", |a| credentials(a).boxed()),
    attack("pages that are asked for ahead and read slowly", |a| slow_readers(a).boxed()),
    attack("connections opened and closed", |a| churn(a).boxed()),
    attack("wrong sign-ins for somebody else’s address", |a| sign_ins(a).boxed()),
    attack("wrong sign-ins for addresses that nobody has", |a| junk_addresses(a).boxed()),
    attack("guesses of a credential’s password that hang up", |a| guesses(a).boxed()),
    attack("requests that are no HTTP", |a| junk(a).boxed()),
];

const AUDIT_LINES: &str = "insert into audit_log (account_id, id, at, actor, action, subject, detail) \
    select $1, gen_random_uuid(), now() - n * interval '1 second', 'user', 'account_renamed', md5(n::text), '' \
    from generate_series(1, $2) n";
const SESSIONS: &str = "insert into sessions (key_hash, id, user_id, state, created_at, last_seen_at, expires_at) \
    select sha256(n::text::bytea), gen_random_uuid(), s.user_id, s.state, s.created_at, s.last_seen_at - n * interval '1 s', \
    s.expires_at from generate_series(1, $2) n, \
    (select * from sessions where user_id = (select id from users where account_id = $1) limit 1) s";

/// `[] != 1 [] != 2 …`: each condition goes through every element of a list.
fn many_conditions() -> String {
    (1..=20).map(|number| format!("%5B%5D+%21%3D+{number}")).collect::<Vec<_>>().join("+")
}

/// A list of about 1 MiB, no two of which are the same.
pub fn large_body() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("[{number}{}]", ",1234567".repeat((MIB - 64) / 8))
}

async fn searches(attacker: Attacker) {
    again_and_again(&attacker, 30, async |a, _| {
        a.count(a.get(&format!("/events?q={}", many_conditions()))).await;
    })
    .await;
}

async fn live_searches(attacker: Attacker) {
    again_and_again(&attacker, 22, async |a, number| {
        if number < 2 {
            a.count(a.post(large_body())).await;
            return;
        }
        let path = format!("/events/live?q={}", many_conditions());
        read_on(&a, &format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", a.host(), a.cookie)).await;
    })
    .await;
}

async fn comparisons(attacker: Attacker) {
    let page = attacker.get("/events").send().await;
    let page = match page {
        Ok(page) => page.text().await.unwrap_or_default(),
        Err(_) => return,
    };
    let ids: Vec<String> =
        page.split("data-id=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect();
    let [first, second, ..] = ids.as_slice() else { return };
    let path = format!("/events/{first}/comparison?with={second}");
    again_and_again(&attacker, 24, move |a, _| {
        let path = path.clone();
        async move {
            a.count(a.get(&path)).await;
        }
    })
    .await;
}

async fn exports(attacker: Attacker) {
    again_and_again(&attacker, 16, async |a, _| {
        a.count(a.get("/events/export?format=csv").header("Sec-Fetch-Site", "same-origin")).await;
    })
    .await;
}

async fn audit(attacker: Attacker) {
    again_and_again(&attacker, 24, async |a, _| {
        a.count(a.get("/settings/audit?subject=nothing+has+this")).await;
    })
    .await;
}

async fn devices(attacker: Attacker) {
    again_and_again(&attacker, 24, async |a, _| {
        a.count(a.get("/settings/sessions")).await;
    })
    .await;
}

async fn pages(attacker: Attacker) {
    again_and_again(&attacker, 64, async |a, _| {
        a.count(a.get("/events?overview=30d")).await;
    })
    .await;
}

async fn live_pages(attacker: Attacker) {
    again_and_again(&attacker, 2_000, async |a, _| {
        read_on(&a, &format!("GET /events/live HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", a.host(), a.cookie)).await;
    })
    .await;
}

async fn slow_bodies(attacker: Attacker) {
    again_and_again(&attacker, 64, async |a, _| {
        let Ok(mut stream) = a.connect().await else { return a.answers.add("no connection") };
        // All but the last byte of a body.
        let bytes = [head(&a, MIB).into_bytes(), vec![b' '; MIB - 1]].concat();
        if a.exchange(&mut stream, &bytes).await.is_err() {
            a.answers.add("closed");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    })
    .await;
}

async fn idle_bodies(attacker: Attacker) {
    again_and_again(&attacker, 2_000, async |a, _| {
        let Ok(mut stream) = a.connect().await else { return a.answers.add("no connection") };
        if a.exchange(&mut stream, head(&a, 100).as_bytes()).await.is_err() {
            a.answers.add("closed");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    })
    .await;
}

async fn repeats(attacker: Attacker) {
    again_and_again(&attacker, 32, async |a, _| {
        a.count(a.post("{\"once\":1}".to_owned()).header("Idempotency-Key", "one-and-the-same")).await;
    })
    .await;
}

async fn flood(attacker: Attacker) {
    again_and_again(&attacker, 256, async |a, _| {
        a.count(a.post("{\"flood\":true}".to_owned())).await;
    })
    .await;
}

async fn rejections(attacker: Attacker) {
    again_and_again(&attacker, 64, async |a, number| {
        a.count(a.post(format!("{{\"broken\": {number}"))).await;
    })
    .await;
}

async fn credentials(attacker: Attacker) {
    again_and_again(&attacker, 16, async |a, number| {
        a.count(a.form("/settings/integrations/webhooks/credentials", format!("name=More+{number}"))).await;
    })
    .await;
}

async fn slow_readers(attacker: Attacker) {
    again_and_again(&attacker, 200, async |a, _| {
        let Ok(mut stream) = a.connect().await else { return a.answers.add("no connection") };
        let request =
            format!("GET /docs/webhooks/operations HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", a.host(), a.cookie);
        if stream.write_all(request.repeat(16).as_bytes()).await.is_err() {
            return a.answers.add("closed");
        }
        let mut buffer = [0; SLOW_BYTES];
        while let Ok(1..) = stream.read(&mut buffer).await {
            a.answers.add("4 KiB read");
            tokio::time::sleep(SLOW_EVERY).await;
        }
        a.answers.add("closed");
    })
    .await;
}

async fn churn(attacker: Attacker) {
    again_and_again(&attacker, 64, async |a, _| match a.connect().await {
        Ok(_) => a.answers.add("connected"),
        Err(_) => a.answers.add("no connection"),
    })
    .await;
}

async fn sign_ins(attacker: Attacker) {
    again_and_again(&attacker, 16, async |a, number| {
        let email = a.victim_email.replace('@', "%40");
        a.count(a.form("/login", format!("email={email}&password=not+the+password+{number}"))).await;
    })
    .await;
}

async fn junk_addresses(attacker: Attacker) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    again_and_again(&attacker, 16, async |a, _| {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        a.count(a.form("/login", format!("email=nobody{number}%40example.com&password=not+the+password"))).await;
    })
    .await;
}

async fn guesses(attacker: Attacker) {
    again_and_again(&attacker, 64, async |a, _| {
        let Ok(mut stream) = a.connect().await else { return a.answers.add("no connection") };
        let guess = head(&a, 2).replace(&a.authorization, "Basic cndfbm9ib2R5MDA6cndwX25vdGhpbmc=");
        let _ = stream.write_all(format!("{guess}{{}}").as_bytes()).await;
        // Hangs up at once, which a closed connection with unread bytes in it makes a reset.
        let _ = stream.set_zero_linger();
        a.answers.add("hung up");
        tokio::time::sleep(Duration::from_millis(5)).await;
    })
    .await;
}

async fn junk(attacker: Attacker) {
    again_and_again(&attacker, 64, async |a, _| {
        let Ok(mut stream) = a.connect().await else { return a.answers.add("no connection") };
        if a.exchange(&mut stream, &[b'\x16'; 512]).await.is_err() {
            a.answers.add("closed");
        }
    })
    .await;
}

fn head(attacker: &Attacker, length: usize) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n",
        attacker.host(),
        attacker.authorization
    )
}

/// Asks, counts the answer, and goes on reading until the other side ends it.
async fn read_on(attacker: &Attacker, request: &str) {
    let Ok(mut stream) = attacker.connect().await else { return attacker.answers.add("no connection") };
    if attacker.exchange(&mut stream, request.as_bytes()).await.is_err() {
        attacker.answers.add("closed");
    }
    let mut buffer = [0; SLOW_BYTES];
    while let Ok(1..) = stream.read(&mut buffer).await {}
    tokio::time::sleep(Duration::from_millis(100)).await;
}
