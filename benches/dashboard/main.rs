//! Whether the dashboard is as quick over ten million events as over ten thousand, what an export costs beside `psql \copy`, and
//! whether senders notice any of it. The real program runs in a process of its own, over a PostgreSQL of its own with everything on
//! that guards its data; pages are asked for over HTTP by somebody signed in. What counts is the ratios within the run.
//!
//! `make bench` runs it, and `cargo bench --bench dashboard -- exports ingest` some of it. It takes minutes and about 1.3 KB of disk
//! for each event, all of which is given back, also after a failure. `DASHBOARD_EVENTS=1000000` asks for fewer events. It ends with
//! a failure where a target was missed.

mod api;
#[path = "../ingest/event_body.rs"]
mod event_body;
mod export;
mod ingest;
mod pages;
#[path = "../../tests/support/private_postgres.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests, which kill it and fail by panicking")]
mod private_postgres;
#[path = "../ingest/program.rs"]
#[expect(dead_code, reason = "shared with the bench of ingest")]
mod program;
mod reader;
mod report;
mod searches;
mod seed;
mod senders;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reasoner_webhooks::app::prune;

use crate::private_postgres::PrivatePostgres;
use crate::program::Program;
use crate::report::Report;
use crate::seed::seed;

const FEW: u64 = 10_000;
const MANY: u64 = 10_000_000;
/// What an event takes on the disk with its indexes and the files of the exports, in bytes.
const DISK_BYTES_PER_EVENT: u64 = 1_300;
const SECTIONS: [&str; 7] = ["pages", "overview", "searches", "weights", "exports", "api", "ingest"];

#[tokio::main]
async fn main() -> Result<()> {
    let many = match std::env::var("DASHBOARD_EVENTS") {
        Ok(text) => text.parse().context("DASHBOARD_EVENTS is a number")?,
        Err(_) => MANY,
    };
    let sections = asked_for(std::env::args().skip(1))?;
    // Its guard ends the server and removes its files, however this process ends.
    let (postgres, small_postgres) = (PrivatePostgres::start().await, PrivatePostgres::start().await);
    let home = tempfile::Builder::new().prefix("reasoner-bench-").tempdir()?;
    let (program, small) = (Program::start(postgres.url()).await?, Program::start(small_postgres.url()).await?);
    let mut report = Report::default();
    tokio::select! {
        outcome = measure(&mut report, &sections, (&program, &small), many, home.path()) => outcome?,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    }
    small.stop()?;
    program.stop()?;
    let missed = report.missed();
    ensure!(missed.is_empty(), "missed: {}", missed.join(", "));
    Ok(())
}

/// The sections that were named; all, where none was.
fn asked_for(arguments: impl Iterator<Item = String>) -> Result<Vec<String>> {
    // Cargo says `--bench` to whatever it runs.
    let named: Vec<String> = arguments.filter(|argument| !argument.starts_with('-')).collect();
    for name in &named {
        ensure!(SECTIONS.contains(&name.as_str()), "there is no {name}; there are {}", SECTIONS.join(", "));
    }
    Ok(if named.is_empty() { SECTIONS.map(str::to_owned).into() } else { named })
}

async fn measure(
    report: &mut Report,
    sections: &[String],
    (program, small): (&Program, &Program),
    many: u64,
    home: &Path,
) -> Result<()> {
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

    for section in sections {
        match section.as_str() {
            "pages" => pages::pages(report, (program, &seeded, many), (small, &few, FEW)).await?,
            "overview" => pages::overview(report, program).await?,
            "searches" => searches::searches(report, program, &seeded).await?,
            "weights" => pages::weights(report, (program, &seeded, many)).await?,
            "exports" => export::exports(report, program, &seeded, many, home).await?,
            "api" => api::api(report, program, &seeded, many, home).await?,
            _ => ingest::ingest(report, program, &seeded, many).await?,
        }
    }
    Ok(())
}
