//! `doctor`: checks what durability depends on, and what else goes wrong in practice. A line for each check.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::cli::failure::CommandError;
use crate::cli::output;
use crate::config::{Config, is_loopback};
use crate::database::OpenDatabase;
use crate::store::pool::Pooled;
use crate::store::{migrate, settings};

/// Clocks may differ by so much.
const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(2);
/// Less free space than this is reported, in bytes.
const MIN_FREE_BYTES: u64 = 1 << 30;
const OLDEST_VERSION: u32 = 14;

struct Check {
    ok: bool,
    what: String,
    remedy: &'static str,
}

fn check(ok: bool, what: impl Into<String>, remedy: &'static str) -> Check {
    Check { ok, what: what.into(), remedy }
}

/// Prints the checks; `false` when one of them fails.
pub async fn run(config: &Config, database: &OpenDatabase, now: Timestamp) -> Result<bool, CommandError> {
    let mut checks = vec![configuration(config)];
    match database.store.connection().await {
        Ok(mut conn) => {
            checks.push(check(true, format!("database: {}", database.description()), ""));
            checks.extend(database_checks(&mut conn, now).await?);
            let pending = migrate::pending(&database.store).await?;
            let what = if pending.is_empty() {
                "no migration is pending".to_owned()
            } else {
                format!("pending migrations: {}", pending.join(", "))
            };
            checks.push(check(pending.is_empty(), what, "run `reasoner-webhooks migrate`"));
        }
        Err(_) => {
            // The pool only knows that it got nothing in time; a connection of one's own says why.
            let problem =
                database.store.own_connection().await.map_or_else(|e| e.to_string(), |_| "the database is slow".into());
            checks.push(check(false, problem, "check --database-url (DATABASE_URL) and that the server runs"));
        }
    }
    if let Some(directory) = database.directory() {
        checks.push(disk(directory));
    }
    for check in &checks {
        let line =
            if check.ok { format!("ok    {}", check.what) } else { format!("FAIL  {}: {}", check.what, check.remedy) };
        output::say(&line)?;
    }
    Ok(checks.iter().all(|check| check.ok))
}

fn configuration(config: &Config) -> Check {
    match &config.public_url {
        Some(url) if url.scheme() != "https" && !is_loopback(url) => check(
            false,
            format!("PUBLIC_URL is {url}: passwords travel in the clear"),
            "serve it over https behind a proxy, and set PUBLIC_URL to the https:// address",
        ),
        Some(url) => check(true, format!("pages are at {url}"), ""),
        None => check(true, format!("pages are at http://{}", config.bind), ""),
    }
}

async fn database_checks(conn: &mut Pooled, now: Timestamp) -> Result<Vec<Check>, CommandError> {
    let number = settings::show(conn, "server_version_num").await?;
    let version = settings::show(conn, "server_version").await?;
    let major = number.parse::<u32>().unwrap_or(0) / 10_000;
    let mut checks =
        vec![check(major >= OLDEST_VERSION, format!("PostgreSQL {version}"), "PostgreSQL 14 or newer is needed")];
    for (name, remedy) in [
        ("fsync", "set fsync = on: without it, a crash of the machine loses or damages data"),
        ("full_page_writes", "set full_page_writes = on: without it, a crash of the machine damages pages"),
        ("synchronous_commit", "the program could not switch synchronous_commit on in its session"),
    ] {
        let value = settings::show(conn, name).await?;
        checks.push(check(value == "on", format!("{name} is {value}"), remedy));
    }
    let encoding = settings::encoding(conn).await?;
    let what = format!("the encoding is {encoding}");
    checks.push(check(encoding == "UTF8", what, "create the database with encoding UTF8"));
    let difference = settings::clock(conn).await?.duration_since(now).abs();
    let what = format!("the clocks of program and database differ by {} ms", difference.as_millis());
    checks.push(check(difference <= MAX_CLOCK_DIFFERENCE, what, "synchronise the clocks of both machines"));
    Ok(checks)
}

/// How much room the disk of the cluster has.
#[expect(clippy::unnecessary_cast, reason = "the counts are 32 bits wide on macOS")]
fn disk(directory: &Path) -> Check {
    match nix::sys::statvfs::statvfs(directory) {
        Ok(stat) => {
            let free = stat.blocks_available() as u64 * stat.fragment_size() as u64;
            let what = format!("{:.1} GB free for {}", free as f64 / 1e9, directory.display());
            check(free >= MIN_FREE_BYTES, what, "make room: without it, events are refused with 503")
        }
        Err(error) => check(false, format!("{}: {error}", directory.display()), "check the data directory"),
    }
}
