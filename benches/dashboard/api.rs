//! The API beside the pages: a list, an export, a pull beside `psql \\copy`, how soon somebody who waits has an event, what readers take from
//! senders, and what those who wait cost.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::{join, try_join_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::event_body::EVENT_BODY;
use crate::export::{self, Source, Written, oldest};
use crate::program::{EMAIL, Program};
use crate::reader::{CurrentUser, usual_times};
use crate::report::Bound::{AtLeast, AtMost};
use crate::report::{Report, ms};
use crate::seed::Seeded;
use crate::senders::p99;

const ROUNDS: u32 = 3;
/// So many events with their bodies, 50 an answer: far more answers than an account may ask for small ones.
const PULLED: u64 = 200_000;
const OF_AN_ANSWER: usize = 50;
/// Events that somebody waits for, and how far apart they are.
const AWAITED: u32 = 200;
const APART: Duration = Duration::from_millis(200);
const SENDERS: usize = 32;
/// Each with an account of its own, so that none waits for a turn of another, and with events to read again and again.
const READERS: usize = 4;
const OF_A_READER: usize = 10_000;
const TURNS: u32 = 3;
const TURN: Duration = Duration::from_secs(5);
/// Answers of 50 events with their bodies that each reader has in a turn: more than an account may ask for small ones.
const LEAST_ANSWERS: u64 = 50;
/// As many of an account may wait as ten accounts have.
const WAITERS: usize = 1_000;
const ACCOUNTS: usize = 10;
const MAX_WAITER_KIB: f64 = 20.0;

/// All of it.
pub async fn api(report: &mut Report, program: &Program, seeded: &Seeded, events: u64, home: &Path) -> Result<()> {
    report.head("The API, beside the pages or what is named");
    let token = token(program, EMAIL)?;
    let (page, reader) = (CurrentUser::sign_in(program).await?, CurrentUser::with_token(program, &token)?);

    let paths = [(&reader, "/api/v1/events?limit=50"), (&page, "/events")];
    let [ours, theirs] = usual_times(paths).await?;
    report.ratio("a list of 50", &ms(ours), &ms(theirs), ours.as_secs_f64() / theirs.as_secs_f64(), AtMost(0.7));

    let span = oldest(seeded, events, 200_000.min(events / 2));
    let source = Source {
        address: format!("{}/api/v1/events/export", page.url),
        header: format!("Authorization: Bearer {token}"),
    };
    let (mut ours, mut theirs) = (Written::default(), Written::default());
    for _ in 0..ROUNDS {
        theirs.add(&export::download(&export::page_export(&page), &span, home).await?);
        ours.add(&export::download(&source, &span, home).await?);
    }
    let ratio = theirs.took.as_secs_f64() / ours.took.as_secs_f64();
    report.ratio("an export", &ours.speed(), &theirs.speed(), ratio, AtLeast(0.95));

    pulled(report, program, &reader, seeded, (events, home)).await?;
    let (on_page, over_api) = (Seen::default(), Seen::default());
    let live = delays(program, &on_page, look_on(&page, &on_page)).await?;
    let waiting = delays(program, &over_api, wait_on(&reader, &over_api)).await?;
    let ratio = waiting.as_secs_f64() / live.as_secs_f64();
    report.ratio("99 of 100 events with who waits, beside a live page", &ms(waiting), &ms(live), ratio, AtMost(2.0));

    beside_readers(report, program).await?;
    waiters(report, program).await
}

/// A new API token, from the command line.
fn token(program: &Program, email: &str) -> Result<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_reasoner-webhooks"))
        .args(["token", "create", email, "Bench", "--scopes", "events:read", "--json"])
        .args(["--database-url", program.database_url()])
        .output()?;
    let made: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(made["token"].as_str().context("no token")?.to_owned())
}

/// The oldest events with all that is kept of them, in the order in which they were committed.
async fn pulled(
    report: &mut Report,
    program: &Program,
    reader: &CurrentUser,
    seeded: &Seeded,
    (events, home): (u64, &Path),
) -> Result<()> {
    let span = oldest(seeded, events, PULLED.min(events / 2));
    export::copy(program, &span, home).await?;
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    let mut count = 0;
    for _ in 0..2 {
        let copied = export::copy(program, &span, home).await?;
        theirs += copied.took;
        let (started, mut after, mut found) = (Instant::now(), "oldest".to_owned(), 0);
        while found < copied.lines {
            let path = format!("/api/v1/events?after={after}&limit={OF_AN_ANSWER}&include=body,headers");
            let answer = reader.json(&path).await?;
            found += answer["events"].as_array().context("no events")?.len();
            answer["cursor"].as_str().context("no cursor")?.clone_into(&mut after);
        }
        ours += started.elapsed();
        count = copied.lines;
    }
    let speed = |took: Duration| format!("{:.0}/s", 2.0 * count as f64 / took.as_secs_f64());
    let what = format!("a pull of {count} events, beside psql");
    report.ratio(&what, &speed(ours), &speed(theirs), theirs.as_secs_f64() / ours.as_secs_f64(), AtLeast(0.5));
    Ok(())
}

/// What came, and when.
type Seen = Mutex<Vec<(Instant, String)>>;

/// How long after it was acknowledged an event was seen, in 99 of 100 cases.
async fn delays(program: &Program, seen: &Seen, watch: impl Future<Output = Result<()>>) -> Result<Duration> {
    let send = async {
        // Until whoever looks on has begun.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut sent = Vec::new();
        for _ in 0..AWAITED {
            let request = client.post(&program.url).header("Authorization", &program.authorization);
            let answer = request.header("Content-Type", "application/json").body(EVENT_BODY).send().await?;
            let acknowledged = Instant::now();
            let answer: serde_json::Value = answer.error_for_status()?.json().await?;
            sent.push((acknowledged, answer["id"].as_str().context("no id")?.to_owned()));
            tokio::time::sleep(APART).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        anyhow::Ok(sent)
    };
    let sent = tokio::select! {
        sent = send => sent?,
        ended = watch => {
            ended?;
            anyhow::bail!("whoever looks on has ended")
        }
    };
    let seen = seen.lock().map_err(|_| anyhow::anyhow!("nothing was seen"))?;
    let mut waits = Vec::new();
    for (acknowledged, id) in sent {
        let found = seen.iter().find(|(_, text)| text.contains(&id)).with_context(|| format!("{id} was not seen"))?;
        waits.push(found.0.saturating_duration_since(acknowledged));
    }
    p99(waits)
}

/// A live page, read as it comes; a piece has what was left of the one before as well, in which an id may have begun.
async fn look_on(page: &CurrentUser, seen: &Seen) -> Result<()> {
    let host = page.url.trim_start_matches("http://");
    let request = format!("GET /events/live HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n", page.cookie);
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(request.as_bytes()).await?;
    let (mut buffer, mut before) = (vec![0; 64 * 1_024], String::new());
    loop {
        let read = stream.read(&mut buffer).await?;
        ensure!(read > 0, "a live connection was ended");
        let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
        note(seen, format!("{before}{text}"));
        before = text;
    }
}

/// Somebody who asks for the next event, and again.
async fn wait_on(reader: &CurrentUser, seen: &Seen) -> Result<()> {
    let (mut after, mut wait) = ("now".to_owned(), 0);
    loop {
        let answer = reader.json(&format!("/api/v1/events?after={after}&wait={wait}")).await?;
        wait = 60;
        answer["cursor"].as_str().context("no cursor")?.clone_into(&mut after);
        note(seen, answer["events"].to_string());
    }
}

fn note(seen: &Seen, text: String) {
    if let Ok(mut seen) = seen.lock() {
        seen.push((Instant::now(), text));
    }
}

/// How many events are acknowledged a second while four programs read as fast as they may, beside the same without them.
async fn beside_readers(report: &mut Report, program: &Program) -> Result<()> {
    let readers = readers(program).await?;
    let (mut with, mut without, mut fewest) = (0, 0, u64::MAX);
    for _ in 0..TURNS {
        without += send(program, TURN).await?;
        let over = Arc::new(AtomicBool::new(false));
        let reading = try_join_all(readers.iter().map(|reader| read_on(reader, over.clone())));
        let sending = async {
            let sent = send(program, TURN).await;
            over.store(true, Ordering::Relaxed);
            sent
        };
        let (sent, answers) = join(sending, reading).await;
        with += sent?;
        fewest = answers?.into_iter().fold(fewest, u64::min);
    }
    let speed = |count: u64| format!("{:.0}/s", count as f64 / (TURN * TURNS).as_secs_f64());
    let what = format!("events acknowledged beside {READERS} readers, and without them");
    report.ratio(&what, &speed(with), &speed(without), with as f64 / without as f64, AtLeast(0.9));
    let (figure, target) = (format!("{fewest}"), format!("≥ {LEAST_ANSWERS}"));
    report.figure("answers that each reader had then in 5 s, at least", &figure, &target, fewest >= LEAST_ANSWERS);
    Ok(())
}

/// Programs of as many accounts, each with the oldest events of the bench as its own.
async fn readers(program: &Program) -> Result<Vec<CurrentUser>> {
    let mut readers = Vec::new();
    for number in 0..READERS {
        let email = format!("reading-{number}@example.com");
        let account = program.add_account(&email).await?.account;
        let copy = format!(
            "insert into events (account_id, id, credential_id, remote_ip, content_type, headers, body, size_bytes) \
             select c.account_id, e.id, c.id, e.remote_ip, e.content_type, e.headers, e.body, e.size_bytes \
             from (select * from events where account_id = '{}' order by id limit {OF_A_READER}) e \
             cross join (select account_id, id from credentials where account_id = '{}' limit 1) c",
            program.account.0, account.0
        );
        program.execute(&copy).await?;
        readers.push(CurrentUser::with_token(program, &token(program, &email)?)?);
    }
    Ok(readers)
}

/// Reads events with their bodies and headers, one answer after the other, and begins anew at the end; how many answers.
async fn read_on(reader: &CurrentUser, over: Arc<AtomicBool>) -> Result<u64> {
    let (mut after, mut answers) = ("oldest".to_owned(), 0);
    while !over.load(Ordering::Relaxed) {
        let path = format!("/api/v1/events?after={after}&limit={OF_AN_ANSWER}&include=body,headers");
        let answer = reader.json(&path).await?;
        ensure!(answer["events"].as_array().is_some_and(|events| !events.is_empty()), "nothing was read");
        let is_end = answer["caught_up"] == true;
        let cursor = if is_end { "oldest" } else { answer["cursor"].as_str().context("no cursor")? };
        cursor.clone_into(&mut after);
        answers += 1;
    }
    Ok(answers)
}

/// Sends for a while, each sender again as soon as it was answered; how many were acknowledged.
async fn send(program: &Program, time: Duration) -> Result<u64> {
    let end = Instant::now() + time;
    let senders = (0..SENDERS).map(|_| async move {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut acknowledged = 0;
        while Instant::now() < end {
            let request = client.post(&program.url).header("Authorization", &program.authorization);
            let request = request.header("Content-Type", "application/json").body(EVENT_BODY);
            request.send().await?.error_for_status()?;
            acknowledged += 1;
        }
        anyhow::Ok(acknowledged)
    });
    Ok(try_join_all(senders).await?.iter().sum())
}

/// What each of those who wait for the next event takes, with its connection.
async fn waiters(report: &mut Report, program: &Program) -> Result<()> {
    let mut tokens = Vec::new();
    for number in 0..ACCOUNTS {
        let email = format!("waiting-{number}@example.com");
        program.add_account(&email).await?;
        tokens.push(token(program, &email)?);
    }
    let before = program.memory_kib()?;
    let host = program.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut waiting = JoinSet::new();
    for number in 0..WAITERS {
        let token = &tokens[number % ACCOUNTS];
        let request = format!(
            "GET /api/v1/events?after=now&wait=60 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(&host).await?;
        stream.write_all(request.as_bytes()).await?;
        waiting.spawn(async move {
            let mut buffer = vec![0; 256];
            let read = stream.read(&mut buffer).await?;
            ensure!(buffer[..read].starts_with(b"HTTP/1.1 200"), "somebody who waits is refused");
            anyhow::Ok(())
        });
    }
    tokio::time::sleep(Duration::from_secs(15)).await;
    let each = (program.memory_kib()? - before) / WAITERS as f64;
    let ended = waiting.try_join_next();
    ensure!(ended.is_none(), "somebody who waits was answered at once: {ended:?}");
    let words = format!("{each:.1} KiB");
    report.figure("each of 1,000 who wait, with its connection", &words, "≤ 20 KiB", each <= MAX_WAITER_KIB);
    Ok(())
}
