//! How fast events are received: the durable way beside a bare route of the same HTTP stack, in one run on one machine, with
//! what people know beside them: nginx answering a constant, and `pgbench` with one INSERT a commit. Then what floods of wrong
//! credentials and an overload do to it. Machines are noisy, so what counts is the ratios; each stands beside the figure it is of.
//!
//! `make bench` runs it. Generator, program and PostgreSQL share the processors, as they would on a small server.

mod event_body;
mod flood;
mod load;
#[path = "../../tests/support/private_postgres.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests, which kill it and fail by panicking")]
mod private_postgres;
#[expect(dead_code, reason = "shared with the bench of the dashboard")]
mod program;
mod rivals;
mod routes;

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::flood::Flood;
use crate::load::{Load, Measured, wrk};
use crate::private_postgres::PrivatePostgres;
use crate::program::Program;

const CONNECTIONS: [u32; 4] = [1, 64, 256, 1_000];
const BODY_BYTES: [usize; 2] = [350, 16 * 1024];
/// How many passwords a flood of wrong ones tries in a second, where it does not go as fast as it can.
const FLOOD_PER_SECOND: u32 = 1_000;
/// Events of one request, where they are sent as JSON lines.
const BATCH: usize = 100;
/// Twice as many connections as events may wait, each of which sends again as soon as it is answered.
const OVERLOAD_CONNECTIONS: u32 = 4_000;

#[tokio::main]
async fn main() -> Result<()> {
    let home = tempfile::Builder::new().prefix("reasoner-bench-").tempdir()?;
    rivals::open_to_the_servers_user(home.path())?;
    let postgres = PrivatePostgres::start().await;
    let program = Program::start(postgres.url()).await?;
    let routes = routes::start(&program).await?;
    let nginx = rivals::Nginx::start(home.path())?;

    let mut durable_at_64 = None;
    for bytes in BODY_BYTES {
        println!("\nBodies of {bytes} bytes\n");
        println!("| connections | | requests/s | of the bare route | p50 | p99 |\n|---|---|---|---|---|---|");
        for connections in CONNECTIONS {
            let load = Load::of_json(connections, bytes, &program);
            let bare = wrk(home.path(), &routes.bare, &load)?.accepted_only()?;
            let checked = wrk(home.path(), &routes.checked, &load)?.accepted_only()?;
            let durable = wrk(home.path(), &program.url, &load)?.accepted_only()?;
            let nginx = wrk(home.path(), &nginx.url, &load)?.accepted_only()?;
            for (what, run) in [
                ("bare route", &bare),
                ("verified and checked, not stored", &checked),
                ("**durable ingest**", &durable),
                ("nginx, a constant", &nginx),
            ] {
                let Measured { per_second, p50, p99, .. } = run;
                let ratio = per_second / bare.per_second;
                println!("| {connections} | {what} | {per_second:.0} | {ratio:.2} | {} | {} |", ms(*p50), ms(*p99));
            }
            println!(
                "| {connections} | peak memory of the program so far: {:.1} MiB | | | | |",
                program.peak_memory_mib()?
            );
            if connections == 64 && durable_at_64.is_none() {
                durable_at_64 = Some(durable);
            }
        }
    }
    let durable = durable_at_64.context("64 connections were not measured")?;

    println!(
        "\nBeside PostgreSQL, 64 connections, bodies of 350 bytes\n\n| | commits/s | durable ingest is |\n|---|---|---|"
    );
    for (what, per_second) in rivals::pgbench(&program, home.path())? {
        println!("| pgbench, {what} | {per_second:.0} | {:.1} × |", durable.per_second / per_second);
    }

    println!(
        "\nWhile others send wrong credentials, 64 connections\n\n| flood | how fast | requests/s | of the same without |\n|---|---|---|---|"
    );
    let load = Load::of_json(64, 350, &program);
    for (what, authorization) in program.floods().await? {
        for per_second in [Some(FLOOD_PER_SECOND), None] {
            let without = wrk(home.path(), &program.url, &load)?.accepted_only()?;
            let flood = Flood::start(&program.url, &authorization, per_second);
            let with = wrk(home.path(), &program.url, &load)?.accepted_only()?;
            let sent = flood.stop().await;
            let speed = per_second.map_or("as fast as answered".to_owned(), |n| format!("{n}/s wanted"));
            let ratio = with.per_second / without.per_second;
            println!("| {what} | {speed}, {sent:.0}/s sent | {:.0} | {ratio:.2} |", with.per_second);
        }
    }

    batches(&program, home.path()).await?;
    println!("\npeak memory of the program so far: {:.1} MiB", program.peak_memory_mib()?);
    overload(&program, home.path()).await?;
    println!(
        "\np99 of durable ingest at 64 connections is {:.1} × its p50",
        durable.p99.as_secs_f64() / durable.p50.as_secs_f64()
    );
    println!("argon2 ran {} times for the three senders that brought no forgery", program.argon2_runs()?);
    println!("peak memory of the program through all of it: {:.1} MiB", program.peak_memory_mib()?);
    nginx.stop()?;
    program.stop()
}

/// Sends events by the hundred, and one by one beside that.
async fn batches(program: &Program, home: &std::path::Path) -> Result<()> {
    println!(
        "\nBatches of {BATCH} events, bodies of 350 bytes\n\n| connections | | events/s | of one by one |\n|---|---|---|---|"
    );
    program.accept_batches().await?;
    for connections in [1, 8] {
        let single = wrk(home, &program.url, &Load::of_json(connections, 350, program))?.accepted_only()?;
        let batch = wrk(home, &program.url, &Load::of_lines(connections, BATCH, program))?.accepted_only()?;
        let per_second = batch.per_second * BATCH as f64;
        println!("| {connections} | one by one | {:.0} | 1.00 |", single.per_second);
        println!("| {connections} | **batches** | {per_second:.0} | {:.2} |", per_second / single.per_second);
    }
    Ok(())
}

/// Sends more than can be stored, and looks whether everything that was acknowledged is.
async fn overload(program: &Program, home: &std::path::Path) -> Result<()> {
    let before = program.stored_events().await?;
    let load = Load::of_json(OVERLOAD_CONNECTIONS, 350, program);
    let run = wrk(home, &program.url, &load)?;
    let stored = program.stored_events().await? - before;
    let acknowledged = run.requests - run.refused;
    println!(
        "\nOverload, {OVERLOAD_CONNECTIONS} connections: {acknowledged} acknowledged, {stored} stored, {} refused with 503",
        run.refused
    );
    ensure!(stored >= acknowledged, "{} acknowledged events are missing", acknowledged - stored);
    Ok(())
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
