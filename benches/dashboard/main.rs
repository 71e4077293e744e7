//! Whether the dashboard is as quick over ten million events as over ten thousand, what an export costs beside `psql \copy`, and
//! whether senders notice any of it. The real program runs in a process of its own, over a PostgreSQL of its own with everything on
//! that guards its data; pages are asked for over HTTP by somebody signed in. What counts is the ratios within the run.
//!
//! `make bench` runs it. It takes minutes and about 1.3 KB of disk for each event, all of which is given back, also after a failure.
//! `DASHBOARD_EVENTS=1000000` asks for fewer.

#[path = "../ingest/event_body.rs"]
mod event_body;
mod export;
#[path = "../../tests/support/private_postgres.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests, which kill it and fail by panicking")]
mod private_postgres;
#[path = "../ingest/program.rs"]
#[expect(dead_code, reason = "shared with the bench of ingest")]
mod program;
mod reader;
mod report;
mod seed;
mod senders;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reasoner_webhooks::app::prune;

use crate::export::Span;
use crate::private_postgres::PrivatePostgres;
use crate::program::Program;
use crate::reader::{Reader, usual_times};
use crate::report::Bound::{AtLeast, AtMost};
use crate::report::ms;
use crate::seed::{Seeded, rare_word, seed};
use crate::senders::{beside, p99};

const FEW: u64 = 10_000;
const MANY: u64 = 10_000_000;
/// What an event takes on the disk with its indexes and the files of the exports, in bytes.
const DISK_BYTES_PER_EVENT: u64 = 1_300;
/// How many events an export writes.
const EXPORTED: u64 = 1_000_000;
/// How long events are sent beside each kind of reading.
const PHASE: Duration = Duration::from_secs(20);
const MAX_PAGE_BYTES: usize = 60_000;
const MAX_OVERVIEW: Duration = Duration::from_millis(20);
const RARE_WORDS_ASKED: u64 = 10;
/// `data.order.priority = "critical"`
const FIELD_SEARCH: &str = "data.order.priority%20%3D%20%22critical%22";

#[tokio::main]
async fn main() -> Result<()> {
    let many = match std::env::var("DASHBOARD_EVENTS") {
        Ok(text) => text.parse().context("DASHBOARD_EVENTS is a number")?,
        Err(_) => MANY,
    };
    // Its guard ends the server and removes its files, however this process ends.
    let (postgres, small_postgres) = (PrivatePostgres::start().await, PrivatePostgres::start().await);
    let home = tempfile::Builder::new().prefix("reasoner-bench-").tempdir()?;
    let (program, small) = (Program::start(postgres.url()).await?, Program::start(small_postgres.url()).await?);
    tokio::select! {
        outcome = measure(&program, &small, many, home.path()) => outcome?,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    }
    small.stop()?;
    program.stop()
}

async fn measure(program: &Program, small: &Program, many: u64, home: &Path) -> Result<()> {
    let free = nix::sys::statvfs::statvfs("/tmp")?;
    let (free, needed) = (free.blocks_available() * free.fragment_size(), many * DISK_BYTES_PER_EVENT);
    ensure!(free > needed, "{needed} bytes are needed in /tmp, {free} are free; DASHBOARD_EVENTS=1000000 takes fewer");

    let few = seed(small, FEW).await?;
    prune::prune(&small.store, 90, Timestamp::now()).await?;
    let seeded = seed(program, many).await?;
    println!(
        "{many} events made in {:.0} s, {:.1} GB with their index",
        seeded.took.as_secs_f64(),
        seeded.stored_bytes as f64 / 1e9
    );
    let started = Instant::now();
    prune::prune(&program.store, 90, Timestamp::now()).await?;
    println!("upkeep took {:.0} s", started.elapsed().as_secs_f64());
    // What was just made is on its way to the disk for minutes, which is no part of what is measured.
    seed::connect(program.database_url()).await?.batch_execute("checkpoint").await?;

    report::head("Pages, in the middle of 101 times");
    pages((program, &seeded, many), (small, &few, FEW)).await?;
    overview(program).await?;
    searches(program, &seeded).await?;
    weights(program).await?;
    exports(program, &seeded, many, home).await?;
    ingest(program, &seeded, many).await
}

/// A program, and what it has.
type Stage<'a> = (&'a Program, &'a Seeded, u64);

/// The addresses that must not get slower, over many events and over few in turn: the machine is not always as fast.
async fn pages(many: Stage<'_>, few: Stage<'_>) -> Result<()> {
    let (reader, other_reader) = (Reader::sign_in(many.0).await?, Reader::sign_in(few.0).await?);
    let (paths, other_paths) = (addresses(many).await?, addresses(few).await?);
    for ((what, path), (_, other_path)) in paths.iter().zip(&other_paths) {
        let [one, other] = usual_times([(&reader, path), (&other_reader, other_path)]).await?;
        report::ratio(what, &ms(one), &ms(other), one.as_secs_f64() / other.as_secs_f64(), AtMost(1.5));
    }
    Ok(())
}

/// The four of them.
async fn addresses((program, seeded, events): Stage<'_>) -> Result<[(&'static str, String); 4]> {
    let client = seed::connect(program.database_url()).await?;
    let nth = async |number: u64| -> Result<uuid::Uuid> {
        let sql = "select id from events where account_id = $1 order by id desc limit 1 offset $2";
        Ok(client.query_one(sql, &[&program.account.0, &i64::try_from(number)?]).await?.get(0))
    };
    // Few events have no page 1,000: theirs is the one before the last.
    let far = (999 * 50).min(events - 100);
    let middle = seeded.began + (seeded.week_start - seeded.began) / 2;
    let sql = "select id from events where account_id = $1 and id > $2 order by id limit 1";
    let bound = reasoner_webhooks::domain::event::EventId::first_of(middle).0;
    let one: uuid::Uuid = client.query_one(sql, &[&program.account.0, &bound]).await?.get(0);
    Ok([
        ("first page", "/events".to_owned()),
        ("next page", format!("/events?before={}", nth(49).await?)),
        ("page 1,000", format!("/events?before={}", nth(far - 1).await?)),
        ("one event", format!("/events/{one}")),
    ])
}

async fn searches(program: &Program, seeded: &Seeded) -> Result<()> {
    let reader = Reader::sign_in(program).await?;
    report::head("Search, the first time that something is asked for");
    let (mut slowest, mut found) = (Duration::ZERO, 0);
    for number in 0..RARE_WORDS_ASKED {
        let path = format!("/events?q={}&until={}", rare_word(number), seeded.week_start);
        slowest = slowest.max(reader.first_time(&path).await?);
        // A search that stopped before it was through answers in time too, and finds nothing.
        found += reader.page(&path).await?.matches("data-id=\"").count();
    }
    report::time("a word of one event, in weeks that are over, the slowest", slowest, Duration::from_millis(500));
    let words = format!("{found} of {RARE_WORDS_ASKED}");
    report::figure("of these words were found", &words, "all", found as u64 == RARE_WORDS_ASKED);

    let path = format!("/events?q={FIELD_SEARCH}&until={}", seeded.week_start);
    let took = reader.first_time(&path).await?;
    let found = reader.page(&path).await?.matches("data-id=\"").count();
    report::time("a field that 1 event in 1,000 has", took, Duration::from_millis(300));
    report::figure("of its events on that page", &found.to_string(), "some", found > 0);
    Ok(())
}

/// The bars of a month, from the counts alone, as an open page asks for them again and again.
async fn overview(program: &Program) -> Result<()> {
    report::head("Overview, in the middle of 101 times");
    let reader = Reader::sign_in(program).await?;
    let [took] = usual_times([(&reader, "/events/overview?overview=30d")]).await?;
    report::time("30 days of bars, totals and senders", took, MAX_OVERVIEW);
    Ok(())
}

async fn weights(program: &Program) -> Result<()> {
    let reader = Reader::sign_in(program).await?;
    report::head("Over the wire, with an empty cache");
    let pages = [
        "/events",
        "/events/rejections",
        "/events/deletion",
        "/settings/integrations/webhooks",
        "/settings/account",
        "/settings/events",
        "/docs/webhooks/quick-start",
        "/docs/webhooks/advanced-usage",
        "/docs/webhooks/search",
    ];
    for path in pages {
        let (bytes, others) = reader.weight(path).await?;
        let words = format!("{:.1} KB, {} requests to others", bytes as f64 / 1e3, others.len());
        report::figure(path, &words, "≤ 60 KB, none", bytes <= MAX_PAGE_BYTES && others.is_empty());
    }
    Ok(())
}

/// The oldest events, as many as are exported.
fn oldest(seeded: &Seeded, events: u64, wanted: u64) -> Span {
    let share = (wanted as f64 / (events as f64 * 0.95)).min(1.0);
    let millis = (seeded.week_start.as_millisecond() - seeded.began.as_millisecond()) as f64 * share;
    Span { since: seeded.began, until: seeded.began + jiff::SignedDuration::from_millis(millis as i64) }
}

async fn exports(program: &Program, seeded: &Seeded, events: u64, home: &Path) -> Result<()> {
    let wanted = EXPORTED.min(events / 2);
    let mut memory = Vec::new();
    report::head("Export");
    for share in [10, 1] {
        let span = oldest(seeded, events, wanted / share);
        let reader = Reader::sign_in(program).await?;
        // Once for the disk's sake, so that neither finds what the other had to fetch.
        export::copy(program, &span, home).await?;
        program.forget_peak_memory()?;
        let ours = export::download(&reader, &span, home).await?;
        memory.push(program.peak_memory_mib()?);
        let theirs = export::copy(program, &span, home).await?;
        ensure!(ours.lines == theirs.lines, "{} events were exported, not {}", ours.lines, theirs.lines);
        let speed = |written: &export::Written| {
            let seconds = written.took.as_secs_f64();
            format!("{:.0}/s, {:.0} MB/s", written.lines as f64 / seconds, written.bytes as f64 / 1e6 / seconds)
        };
        let ratio = theirs.took.as_secs_f64() / ours.took.as_secs_f64();
        report::ratio(
            &format!("{} events beside psql", ours.lines),
            &speed(&ours),
            &speed(&theirs),
            ratio,
            AtLeast(0.5),
        );
    }
    let [few, many] = memory[..] else { anyhow::bail!("two exports are measured") };
    report::figure(
        "peak memory of the program",
        &format!("{few:.1} MiB, then {many:.1} MiB"),
        "flat",
        many <= few * 1.2,
    );
    Ok(())
}

/// Events are sent at an even pace beside each kind of reading, and without it just before and just after.
async fn ingest(program: &Program, seeded: &Seeded, events: u64) -> Result<()> {
    report::head(&format!("99 of 100 events are acknowledged within, at {} a second", senders::EVENTS_PER_SECOND));
    let paths = addresses((program, seeded, events)).await?;
    let span = oldest(seeded, events, EXPORTED.min(events / 2));
    for what in ["pages", "searches", "exports"] {
        let quiet = async || {
            tokio::time::sleep(PHASE / 2).await;
            anyhow::Ok(())
        };
        let mut without = beside(program, quiet()).await?;
        let reader = Reader::sign_in(program).await?;
        let busy = async || {
            let started = Instant::now();
            let mut number = 0;
            while started.elapsed() < PHASE {
                match what {
                    "pages" => {
                        reader.first_time(&paths[number % paths.len()].1).await?;
                    }
                    "searches" => {
                        let word = rare_word(number as u64 % seed::RARE_WORDS);
                        reader.first_time(&format!("/events?q={word}")).await?;
                    }
                    _ => {
                        export::download_elsewhere(&reader, &span).await?;
                    }
                }
                number += 1;
            }
            anyhow::Ok(())
        };
        let with = p99(beside(program, busy()).await?)?;
        without.extend(beside(program, quiet()).await?);
        let without = p99(without)?;
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        report::ratio(&format!("beside {what}"), &ms(with), &ms(without), ratio, AtMost(1.5));
    }
    Ok(())
}
