//! Whether senders notice what the dashboard does: how long they wait for their 200 beside each kind of reading, and without it.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::export::{self, EXPORTED, Span, oldest};
use crate::pages::addresses;
use crate::program::Program;
use crate::reader::CurrentUser;
use crate::report::Bound::AtMost;
use crate::report::{Report, ms};
use crate::seed::{self, Seeded, rare_word};
use crate::senders::{self, beside, p99};

/// Reading and rest take turns, so that what else the machine does meets both.
const TURNS: u32 = 10;
const TURN: Duration = Duration::from_secs(4);
/// For what one turn leaves behind.
const SETTLES_IN: Duration = Duration::from_millis(300);
/// So many pages are open where many look on live. Each sees all that is sent.
const VIEWERS: usize = 20;

/// What is read while events are sent.
enum Reading {
    /// The four kinds of pages, one after the other.
    Pages([(&'static str, String); 4]),
    Overview,
    Searches,
    Export(Span),
    /// So many live pages. A look at what is new goes through the events of half a minute, which somebody notices who sends hundreds a
    /// second; how much, is noted.
    Live(usize),
}

/// Events are sent at an even pace beside each kind of reading, and without it in between.
pub async fn ingest(report: &mut Report, program: &Program, seeded: &Seeded, events: u64) -> Result<()> {
    report.head(&format!("99 of 100 events are acknowledged within, at {} a second", senders::EVENTS_PER_SECOND));
    let span = oldest(seeded, events, EXPORTED.min(events / 2));
    let kinds = [
        ("pages", Reading::Pages(addresses((program, seeded, events)).await?)),
        ("overviews", Reading::Overview),
        ("searches", Reading::Searches),
        ("exports", Reading::Export(span)),
        ("a live page", Reading::Live(1)),
        ("20 live pages", Reading::Live(VIEWERS)),
    ];
    let reader = CurrentUser::sign_in(program).await?;
    for (what, reading) in kinds {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            tokio::time::sleep(SETTLES_IN).await;
            without.extend(beside(program, for_a_turn(std::future::pending())).await?);
            with.extend(beside(program, for_a_turn(reading.go_on(&reader, turn))).await?);
        }
        let (with, without) = (p99(with)?, p99(without)?);
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        let what = format!("beside {what}");
        match reading {
            Reading::Live(_) => report.noted(&what, &ms(with), &ms(without), ratio),
            _ => report.ratio(&what, &ms(with), &ms(without), ratio, AtMost(1.5)),
        }
    }
    Ok(())
}

/// Does something until its turn is over.
async fn for_a_turn(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::time::timeout(TURN, work).await.unwrap_or(Ok(()))
}

impl Reading {
    /// Reads on and on.
    async fn go_on(&self, reader: &CurrentUser, turn: u32) -> Result<()> {
        let mut number = 0;
        loop {
            match self {
                Self::Pages(paths) => drop(reader.first_time(&paths[number % paths.len()].1).await?),
                Self::Overview => drop(reader.first_time("/events/overview?overview=30d").await?),
                Self::Searches => {
                    let word = rare_word((number as u64 + u64::from(turn)) % seed::RARE_WORDS);
                    reader.first_time(&format!("/events?q={word}")).await?;
                }
                Self::Export(span) => export::download_elsewhere(reader, span).await?,
                Self::Live(pages) => look_on(reader, *pages).await?,
            }
            number += 1;
        }
    }
}

/// Live pages that see all that is sent, until they are dropped.
async fn look_on(reader: &CurrentUser, pages: usize) -> Result<()> {
    let host = reader.url.trim_start_matches("http://").to_owned();
    let request = format!("GET /events/live HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n", reader.cookie);
    let mut viewers = JoinSet::new();
    for _ in 0..pages {
        let (host, request) = (host.clone(), request.clone());
        viewers.spawn(async move {
            let mut stream = TcpStream::connect(&host).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut buffer = vec![0; 16 * 1_024];
            let read = stream.read(&mut buffer).await?;
            anyhow::ensure!(buffer[..read].starts_with(b"HTTP/1.1 200"), "a live connection is refused");
            while stream.read(&mut buffer).await? > 0 {}
            anyhow::bail!("a live connection was ended")
        });
    }
    viewers.join_next().await.context("nobody looks on")??
}
