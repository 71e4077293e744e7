//! What as many open dashboards as an account may have cost while nothing arrives, and what they take from senders while something does. The real program
//! runs in a process of its own, over a PostgreSQL of its own.

#[path = "../../tests/support/private_postgres.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests, which kill it and fail by panicking")]
mod private_postgres;
#[path = "../ingest/program.rs"]
#[expect(dead_code, reason = "shared with the bench of ingest")]
mod program;
#[path = "../dashboard/reader.rs"]
#[expect(dead_code, reason = "shared with the bench of the dashboard")]
mod reader;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::private_postgres::PrivatePostgres;
use crate::program::Program;
use crate::reader::CurrentUser;

const VIEWERS: usize = 80;
/// Those who see what is sent while it is measured.
const BUSY_VIEWERS: usize = 20;
/// So many pages of a session may be live.
const VIEWERS_OF_SESSION: usize = 20;
/// How long nothing happens, and how long is sent.
const IDLE: Duration = Duration::from_secs(60);
/// PostgreSQL tells what a connection has done up to ten seconds later.
const SETTLES_IN: Duration = Duration::from_secs(12);
const BUSY: Duration = Duration::from_secs(10);
const SENDERS: usize = 32;
/// Of the kernel's clock, in which the time of a process is counted.
const TICKS_PER_SECOND: f64 = 100.0;

#[tokio::main]
async fn main() -> Result<()> {
    let postgres = PrivatePostgres::start().await;
    let program = Program::start(postgres.url()).await?;
    tokio::select! {
        outcome = measure(&program, &postgres) => outcome?,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    }
    program.stop()
}

async fn measure(program: &Program, postgres: &PrivatePostgres) -> Result<()> {
    // What the first requests of all allocate is not what viewers cost.
    let mut readers = Vec::new();
    for _ in 0..VIEWERS / VIEWERS_OF_SESSION {
        readers.push(CurrentUser::sign_in(program).await?);
    }
    let busy = [CurrentUser::sign_in(program).await?];
    send(program, Duration::from_secs(2)).await?;
    let bytes = Arc::new(AtomicU64::new(0));
    tokio::time::sleep(SETTLES_IN).await;

    let (memory, alone) = (program.memory_kib()?, idle(program, postgres).await?);
    let viewers = open(&readers, "/events/live?until=2000-01-01", VIEWERS, &bytes).await?;
    tokio::time::sleep(SETTLES_IN).await;
    let each = (program.memory_kib()? - memory) / VIEWERS as f64;
    let watched = idle(program, postgres).await?;
    println!("| {} s without an event | no viewer | {VIEWERS} viewers |\n|---|---|---|", IDLE.as_secs());
    println!("| processor time of the program | {:.2} s | {:.2} s |", alone.seconds, watched.seconds);
    println!("| processor time of PostgreSQL | {:.2} s | {:.2} s |", alone.database_seconds, watched.database_seconds);
    println!("| transactions in the database | {} | {} |", alone.transactions, watched.transactions);
    println!("| memory of each viewer | | {each:.1} KiB |");

    let quiet = send(program, BUSY).await?;
    let all = open(&busy, "/events/live", BUSY_VIEWERS, &bytes).await?;
    let seen = send(program, BUSY).await?;
    tokio::time::sleep(SETTLES_IN).await;
    let after = idle(program, postgres).await?;
    println!("\n| {} s without an event, after the flood | {VIEWERS} viewers |\n|---|---|", IDLE.as_secs());
    println!("| processor time of the program | {:.2} s |", after.seconds);
    println!("| processor time of PostgreSQL | {:.2} s |", after.database_seconds);
    println!("| transactions in the database | {} |", after.transactions);
    all.iter().chain(&viewers).for_each(JoinHandle::abort);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let alone = send(program, BUSY).await?;
    println!("\n| acknowledged events a second | | of those without viewers |\n|---|---|---|");
    println!("| no viewer | {alone:.0} | |");
    println!("| {VIEWERS} viewers whose filter lets nothing through | {quiet:.0} | {:.2} |", quiet / alone);
    println!("| and {BUSY_VIEWERS} who see all of them | {seen:.0} | {:.2} |", seen / alone);
    println!("\n{} KB were sent to viewers", bytes.load(Ordering::Relaxed) / 1_000);
    Ok(())
}

/// Opens live connections, and reads what comes on them.
async fn open(
    readers: &[CurrentUser],
    path: &str,
    count: usize,
    bytes: &Arc<AtomicU64>,
) -> Result<Vec<JoinHandle<()>>> {
    let mut viewers = Vec::new();
    for number in 0..count {
        let reader = &readers[number % readers.len()];
        let host = reader.url.trim_start_matches("http://").to_owned();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n", reader.cookie);
        let mut stream = TcpStream::connect(&host).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = vec![0; 4_096];
        let read = stream.read(&mut buffer).await?;
        anyhow::ensure!(buffer[..read].starts_with(b"HTTP/1.1 200"), "a live connection is refused");
        let bytes = bytes.clone();
        viewers.push(tokio::spawn(async move {
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                bytes.fetch_add(read as u64, Ordering::Relaxed);
            }
        }));
    }
    Ok(viewers)
}

struct Idle {
    seconds: f64,
    database_seconds: f64,
    transactions: i64,
}

async fn idle(program: &Program, postgres: &PrivatePostgres) -> Result<Idle> {
    let (began, transactions) = (seconds(program.id())?, transactions(program).await?);
    let database_began = database_seconds(postgres)?;
    tokio::time::sleep(IDLE).await;
    let database_seconds = database_seconds(postgres)? - database_began;
    let after = self::transactions(program).await?;
    Ok(Idle { seconds: seconds(program.id())? - began, database_seconds, transactions: after - transactions })
}

/// The processor time that PostgreSQL's processes have taken. One that has ended since takes its own away with it.
fn database_seconds(postgres: &PrivatePostgres) -> Result<f64> {
    // One that has just ended cannot be asked.
    let ids = postgres.processes().into_iter().map(u32::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(ids.into_iter().filter_map(|process| seconds(process).ok()).sum())
}

/// Those that the database has counted; asking is one of them.
async fn transactions(program: &Program) -> Result<i64> {
    let (client, connection) = tokio_postgres::connect(program.database_url(), tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let sql = "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()";
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// The processor time that a process has taken.
fn seconds(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no fields")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().unwrap_or(0.0));
    Ok(ticks.sum::<f64>() / TICKS_PER_SECOND)
}

/// Sends for a while, each sender again as soon as it was answered, and gives back how many were acknowledged a second.
async fn send(program: &Program, time: Duration) -> Result<f64> {
    let (url, authorization) = (&program.url, &program.authorization);
    let end = Instant::now() + time;
    let senders = (0..SENDERS).map(|_| async move {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut acknowledged = 0_u64;
        while Instant::now() < end {
            let request = client.post(url).header("Authorization", authorization);
            let request = request.header("Content-Type", "application/json").body(r#"{"message":"Hello"}"#);
            request.send().await?.error_for_status()?;
            acknowledged += 1;
        }
        anyhow::Ok(acknowledged)
    });
    Ok(try_join_all(senders).await?.iter().sum::<u64>() as f64 / time.as_secs_f64())
}
