//! What others notice while one account, one address or a stranger attacks: the real program in a process of its own, over a PostgreSQL of
//! its own. Prints a table, and fails where one of the bounds does not hold. `cargo bench --bench abuse -- WORD` runs the attacks
//! whose names contain a word.

#[path = "../../tests/support/private_postgres.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests, which kill it and fail by panicking")]
mod private_postgres;
#[path = "../ingest/program.rs"]
#[expect(dead_code, reason = "shared with the bench of ingest")]
mod program;
#[path = "../dashboard/reader.rs"]
#[expect(dead_code, reason = "shared with the bench of the dashboard")]
mod reader;

mod attacker;
mod attacks;
mod victim;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::attacker::Attacker;
use crate::attacks::{ATTACKS, Attack, large_body};
use crate::private_postgres::PrivatePostgres;
use crate::program::Program;
use crate::reader::CurrentUser;
use crate::victim::{Seen, Victim};

const BEFORE: Duration = Duration::from_secs(5);
const DURING: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(5);
/// An attack is under way before what it costs is measured.
const BEGINS_IN: Duration = Duration::from_secs(1);
/// What is left of an attack may take so long to go.
const ENDS_IN: Duration = Duration::from_secs(5);

/// The bounds: how much longer a sender may wait, how long a page may take, and how much memory the program may hold.
const MAX_RATIO: f64 = 2.0;
const MAX_PAGE: Duration = Duration::from_secs(1);
const MAX_MEMORY_MIB: f64 = 256.0;

#[tokio::main]
async fn main() -> Result<()> {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with("--")).unwrap_or_default();
    println!(
        "| attack | sender p99 before | during | after | posts failed | slowest page | ready | memory | what the attacker was answered |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut broken = Vec::new();
    // Each on a program that has not been attacked before, so that none pays for another.
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains(&wanted)) {
        let postgres = PrivatePostgres::start().await;
        let program = Program::start(postgres.url()).await?;
        tokio::select! {
            outcome = measure(&program, attack) => broken.extend(outcome.with_context(|| attack.name)?),
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
        program.stop()?;
    }
    anyhow::ensure!(broken.is_empty(), "bounds that did not hold:\n{}", broken.join("\n"));
    Ok(())
}

/// Attacks the program, prints a line of the table and gives the bounds that did not hold.
async fn measure(program: &Program, attack: &Attack) -> Result<Vec<String>> {
    let neighbour = program.add_account("attacker@example.com").await?;
    let reader = CurrentUser::sign_in(program).await?;
    let own = CurrentUser::sign_in_as(program, "attacker@example.com").await?;
    let victim =
        Victim { url: reader.url.clone(), authorization: program.authorization.clone(), cookie: reader.cookie.clone() };
    let attacker = Attacker::new(&reader.url, &neighbour.authorization, &own.cookie, program::EMAIL)?;
    program.execute(&attack.seed(&neighbour.account.to_string(), attack.rows)).await?;
    for _ in 0..attack.large_events {
        attacker.post(large_body()).send().await?.error_for_status()?;
    }
    let before = victim.observe(BEFORE).await?;
    program.forget_peak_memory()?;
    let attacking = tokio::spawn((attack.run)(attacker.clone()));
    tokio::time::sleep(BEGINS_IN).await;
    let during = victim.observe(DURING).await?;
    let memory = program.peak_memory_mib()?;
    anyhow::ensure!(attacker.answers.count() > 0, "the attack did nothing");
    attacking.abort();
    tokio::time::sleep(ENDS_IN).await;
    let after = victim.observe(AFTER).await?;
    let page = during.slowest_page.map_or("refused".to_owned(), |page| format!("{} ms", page.as_millis()));
    println!(
        "| {} | {} | {} | {} | {} of {} | {page} | {} | {memory:.0} MiB | {} |",
        attack.name,
        milliseconds(before.p99),
        milliseconds(during.p99),
        milliseconds(after.p99),
        during.failed,
        during.sent,
        if during.is_ready { "yes" } else { "no" },
        attacker.answers.list(),
    );
    Ok(broken_bounds(&before, &during, memory).into_iter().map(|bound| format!("{}: {bound}", attack.name)).collect())
}

fn broken_bounds(before: &Seen, during: &Seen, memory: f64) -> Vec<String> {
    let ratio = during.p99.as_secs_f64() / before.p99.as_secs_f64();
    let mut broken = Vec::new();
    if during.failed > 0 {
        broken.push(format!("{} of {} posts failed", during.failed, during.sent));
    }
    if ratio > MAX_RATIO {
        broken.push(format!("the sender waited {ratio:.1} × as long"));
    }
    if during.slowest_page.is_none_or(|page| page > MAX_PAGE) {
        broken.push(format!("pages took longer than {} s, or were refused", MAX_PAGE.as_secs()));
    }
    if !during.is_ready {
        broken.push("/readyz did not answer 200".to_owned());
    }
    if memory > MAX_MEMORY_MIB {
        broken.push(format!("the program held {memory:.0} MiB"));
    }
    broken
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
