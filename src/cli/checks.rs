//! What `doctor` looks at, one function for each subject. How it is printed is for `doctor`.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::cli::failure::CommandError;
use crate::config::checked::Config;
use crate::domain::stored_key::{KeyPlace, key_id_text};
use crate::domain::time::rfc3339;
use crate::domain::upkeep_clock::{Doubt, Readings, Verdict};
use crate::embedded::running::Outdated;
use crate::store::connection::pool::{Connection, Store};
use crate::store::connection::settings;
use crate::store::connection::standbys::{Safety, Standbys};
use crate::store::connection::storage_attempt::{MAX_ATTEMPT, Problem, attempt_to_store};
use crate::store::scan::search_indexes;
use crate::store::tables::batches::BatchConnection;
use crate::store::tables::{detached_weeks, installation, installation_keys, partitions, upkeep};

/// Clocks may differ by so much.
const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(2);
/// Less free space than this is reported, in bytes.
const MIN_FREE_BYTES: u64 = 1 << 30;
const OLDEST_VERSION: u32 = 14;
/// Connections beside the pool: one that listens to other instances, one for upkeep, one for readiness.
const FURTHER_CONNECTIONS: u32 = 3;
/// Writers for each listener that takes events, and so connections: as many as there are cores, up to this.
const MAX_WRITERS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    /// Worth a look; no failure.
    Hint,
    Fail,
}

/// What came of one look.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    /// A word for programs.
    pub(crate) check: &'static str,
    pub(crate) state: State,
    pub(crate) found: String,
    /// What to do, unless all is well.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) remedy: &'static str,
}

impl Check {
    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), remedy: "" }
    }

    pub(crate) fn hint(check: &'static str, found: impl Into<String>, remedy: &'static str) -> Self {
        Self { check, state: State::Hint, found: found.into(), remedy }
    }

    pub(crate) fn fail(check: &'static str, found: impl Into<String>, remedy: &'static str) -> Self {
        Self { check, state: State::Fail, found: found.into(), remedy }
    }

    pub(crate) fn that(holds: bool, check: &'static str, found: impl Into<String>, remedy: &'static str) -> Self {
        if holds { Self::ok(check, found) } else { Self::fail(check, found, remedy) }
    }
}

/// What the server is set to, and how its clock and its room for connections are.
pub(crate) async fn server(conn: &mut Connection, config: &Config, now: Timestamp) -> Result<Vec<Check>, CommandError> {
    let number = settings::show(conn, "server_version_num").await?;
    let version = settings::show(conn, "server_version").await?;
    let major = number.parse::<u32>().unwrap_or(0) / 10_000;
    let found = format!("PostgreSQL {version}");
    let mut checks = vec![Check::that(major >= OLDEST_VERSION, "version", found, "PostgreSQL 14 or newer is needed")];
    for (name, remedy) in [
        ("fsync", "set fsync = on: without it, a crash of the machine loses or damages data"),
        ("full_page_writes", "set full_page_writes = on: without it, a crash of the machine damages pages"),
    ] {
        let value = settings::show(conn, name).await?;
        checks.push(Check::that(value == "on", name, format!("{name} is {value}"), remedy));
    }
    let value = settings::show(conn, "data_checksums").await?;
    let found = format!("data_checksums is {value}");
    checks.push(if value == "on" {
        Check::ok("data_checksums", found)
    } else {
        Check::hint("data_checksums", found, "switch them on with pg_checksums, or a damaged disk goes unnoticed")
    });
    let encoding = settings::encoding(conn).await?;
    let found = format!("the encoding is {encoding}");
    checks.push(Check::that(encoding == "UTF8", "encoding", found, "create the database with encoding UTF8"));
    let difference = settings::clock(conn).await?.duration_since(now).abs();
    let found = format!("the clocks of program and database differ by {} ms", difference.as_millis());
    let remedy = "synchronise the clocks of both machines";
    checks.push(Check::that(difference <= MAX_CLOCK_DIFFERENCE, "clock", found, remedy));

    checks.push(standbys(&Standbys::find(conn).await?, config));
    let settings::Connections { allowed, open } = settings::connections(conn).await?;
    let needed = needed_connections(config);
    let found =
        format!("the server allows {allowed} connections, {open} are open, and an instance takes up to {needed}");
    let remedy = "raise max_connections, or the limit of the role or the database";
    checks.push(Check::that(i64::from(allowed) >= i64::from(needed), "connections", found, remedy));
    Ok(checks)
}

/// What a 200 stands on.
fn standbys(standbys: &Standbys, config: &Config) -> Check {
    let found = format!("a 200 stands on {standbys}");
    match standbys.safety() {
        Safety::WaitsForNobody => {
            let remedy = "senders get 503: bring the standby back, or change synchronous_standby_names";
            Check::fail("standbys", found, remedy)
        }
        Safety::OneServer | Safety::MayLoseLatest | Safety::Hidden if config.requires_standby => {
            let remedy = "REQUIRE_SYNC_STANDBY is on, and senders get 503: set synchronous_standby_names";
            Check::fail("standbys", found, remedy)
        }
        Safety::MayLoseLatest => {
            let remedy =
                "a failover loses what they have not got: set synchronous_standby_names, and REQUIRE_SYNC_STANDBY";
            Check::hint("standbys", found, remedy)
        }
        Safety::Hidden => Check::hint("standbys", found, "grant pg_monitor to the role of the program"),
        Safety::OneServer | Safety::SeveralServers => Check::ok("standbys", found),
    }
}

/// Where the keys are under which secrets are encrypted.
pub(crate) async fn keys(conn: &mut Connection, config: &Config) -> Result<Vec<Check>, CommandError> {
    let Some((session, _)) = installation::find_keys(conn).await? else { return Ok(Vec::new()) };
    let kept = installation_keys::list(conn).await?;
    let Some(newest) = kept.first() else { return Ok(Vec::new()) };
    let outside = config.outside_keys.as_slice();
    let of_key = format!("key {} of {}", newest.number, newest.made_at.strftime("%Y-%m-%d"));
    let mut stored = kept.iter().map(|key| (KeyPlace::Secrets(key.number), &key.stored));
    let is_opened = stored.all(|(place, stored)| stored.open(place, outside).is_ok());
    Ok(vec![match &newest.stored.sealed_under {
        _ if !is_opened || session.open(KeyPlace::Session, outside).is_err() => {
            let found = "the keys in the database are encrypted under an installation key that was not given";
            Check::fail("keys", found, "name its file with --installation-key-file (INSTALLATION_KEY_FILE)")
        }
        _ if kept.len() > 1 => {
            let found = format!("a rotation of keys to {of_key} has not ended");
            Check::hint("keys", found, "run `reasoner-webhooks keys rotate`, which goes on with it")
        }
        _ if !newest.stored.is_kept_by(outside.first()) || !session.is_kept_by(outside.first()) => {
            let found = format!("{of_key} is not encrypted under the installation key that is given");
            Check::hint("keys", found, "run `reasoner-webhooks keys rotate`")
        }
        Some(id) => Check::ok("keys", format!("{of_key} is encrypted under the installation key {}", key_id_text(id))),
        None => Check::ok("keys", format!("{of_key} is in the database, and so in every dump of it")),
    }])
}

/// What comes of storing an event, through the function that stores those of senders. It is of nobody, and taken back before the commit.
pub(crate) async fn storing(store: &Store, now: Timestamp) -> Vec<Check> {
    let failed = |problem: Problem| {
        Check::fail("storing", problem.to_string(), "see the server's log: until this is fixed, senders get 503")
    };
    let mut connection = match BatchConnection::open(store, Uuid::new_v4()).await {
        Ok(connection) => connection,
        Err(error) => return vec![failed((&error).into())],
    };
    let mut checks = Vec::new();
    if let Ok(value) = connection.synchronous_commit().await {
        let found = format!("synchronous_commit is {value} in the transaction that stores");
        let is_kept = ["on", "remote_apply"].contains(&value.as_str());
        let remedy = "something between the program and the server changes its statements: connect without it";
        checks.push(Check::that(is_kept, "synchronous_commit", found, remedy));
    }
    checks.push(match attempt_to_store(store, &mut connection, now, Instant::now() + MAX_ATTEMPT).await {
        Ok(_) => Check::ok("storing", "an event was stored and taken back"),
        Err(problem) if problem.is_missing_partition => {
            let remedy = "`serve` makes it when it starts: see its log if it is running";
            Check::hint("storing", "there is no partition for events that arrive now", remedy)
        }
        Err(problem) => failed(problem),
    });
    checks
}

/// The most connections that `serve` has with this configuration.
fn needed_connections(config: &Config) -> u32 {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let listeners = 1 + usize::from(config.ingest_bind.is_some());
    let writers = u32::try_from(cores.min(MAX_WRITERS) * listeners).unwrap_or(u32::MAX);
    config.database_connections + FURTHER_CONNECTIONS + writers
}

/// What is in a database whose schema is current.
pub(crate) async fn contents(conn: &mut Connection, now: Timestamp) -> Result<Vec<Check>, CommandError> {
    let mut checks = Vec::new();
    let coverage = partitions::coverage(conn, now).await?;
    let found = format!("there are partitions for {} weeks ahead", coverage.weeks_ahead);
    checks.push(if coverage.weeks_ahead == 0 {
        Check::hint(
            "partitions",
            found,
            "`serve` makes them when it starts and every hour: see its log if it is running",
        )
    } else {
        Check::ok("partitions", found)
    });
    checks.push(upkeep_clock(conn, now).await?);
    checks.push(searches(conn, now).await?);
    Ok(checks)
}

/// Whether upkeep deletes what is too old, and where it does not, what speaks against the clock.
async fn upkeep_clock(conn: &mut Connection, now: Timestamp) -> Result<Check, CommandError> {
    let (clocks, newest_event) = (upkeep::clocks(conn, || now).await?, upkeep::newest_event(conn).await?);
    let readings = Readings { clocks, newest_event, noted: upkeep::find_noted(conn).await?, earlier: None };
    Ok(match (readings.judge().0, readings.noted) {
        (Verdict::Trusted, noted) => {
            let weeks = detached_weeks::list(conn).await?.len();
            let last = time_or(noted.map(|noted| noted.at), "never");
            let found = format!("upkeep ran at {last} and deletes what is too old; {weeks} weeks are detached");
            Check::ok("upkeep", found)
        }
        (Verdict::Settling { until }, _) => {
            let found =
                format!("upkeep detaches weeks that are too old, and deletes nothing before {}", rfc3339(until));
            Check::ok("upkeep", found)
        }
        (Verdict::Doubtful { doubt: Doubt::FirstDay, .. }, None) => {
            let remedy = "`serve` runs it when it starts and every hour: see its log if it is running";
            Check::hint("upkeep", "upkeep has not run yet", remedy)
        }
        (Verdict::Doubtful { doubt: Doubt::FirstDay, until, .. }, Some(_)) => {
            Check::ok("upkeep", format!("upkeep deletes nothing before {}, because it is new here", rfc3339(until)))
        }
        (Verdict::Doubtful { doubt, until, is_present }, _) => doubtful(&readings, (doubt, until), is_present),
    })
}

fn doubtful(readings: &Readings, (doubt, until): (Doubt, Timestamp), is_present: bool) -> Check {
    let Readings { clocks, newest_event, noted, .. } = readings;
    let found = format!(
        "upkeep deletes nothing before {}, because {} (program {}, database {}, last upkeep {}, newest event {})",
        rfc3339(until),
        reason(doubt),
        rfc3339(clocks.program),
        rfc3339(clocks.database),
        time_or(noted.map(|noted| noted.at), "never"),
        time_or(*newest_event, "days ago"),
    );
    let remedy =
        "set the clock that is wrong, and weeks that were detached come back; if all are right, it goes on by itself";
    // What is over, and a machine that was off, asks for a look and nothing else.
    let is_failing = is_present && doubt != Doubt::LongAbsence;
    if is_failing { Check::fail("upkeep", found, remedy) } else { Check::hint("upkeep", found, remedy) }
}

fn time_or(time: Option<Timestamp>, otherwise: &str) -> String {
    time.map_or_else(|| otherwise.to_owned(), rfc3339)
}

fn reason(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::FirstDay => "it is new here",
        Doubt::ClocksDiffer => "the clock of a program and that of the database differ by more than five minutes",
        Doubt::ClockJumped => "the clock of the database jumped",
        Doubt::ClockWentBack => "the clock of the database went back behind the last upkeep",
        Doubt::LongAbsence => "there was none for more than three days, or the clock jumped",
        Doubt::EventsAhead => "events are stored under a time that is more than an hour ahead",
    }
}

/// What searches of closed weeks can use. None of it is needed: without, they read event by event.
async fn searches(conn: &mut Connection, now: Timestamp) -> Result<Check, CommandError> {
    if !search_indexes::has_extension(conn).await? {
        if search_indexes::may_make_extension(conn).await? {
            return Ok(Check::ok("searches", "`serve` makes the extension pg_trgm at its next upkeep, within an hour"));
        }
        let found = "the extension pg_trgm is missing, so searches read closed weeks event by event";
        let remedy = "install PostgreSQL's contrib package and let the role create extensions; upkeep does the rest within an hour";
        return Ok(Check::hint("searches", found, remedy));
    }
    let (closed, indexed) = (search_indexes::list_closed(conn, now).await?, search_indexes::list_indexed(conn).await?);
    let done = closed.iter().filter(|name| indexed.contains(name)).count();
    let found = format!("{done} of {} closed weeks are indexed for searches", closed.len());
    if done < closed.len() {
        let remedy =
            "upkeep of `serve` makes the others within an hour or two: see its log if it is running and they stay so";
        return Ok(Check::hint("searches", found, remedy));
    }
    Ok(Check::ok("searches", found))
}

/// Whether the server of the program's own that runs is the one that is installed.
pub(crate) fn programs(outdated: Option<Outdated>) -> Check {
    let Some(Outdated { running, installed }) = outdated else {
        return Check::ok("programs", "the database server runs the programs that are installed");
    };
    let found = if running == installed {
        format!("the files of PostgreSQL {running} were replaced since the database server was started")
    } else {
        format!("the database server is PostgreSQL {running}, and {installed} is installed now")
    };
    let remedy = "`serve` restarts it within a few seconds: see its log if it is running and this stays so";
    Check::hint("programs", found, remedy)
}

/// How much room the disk of the cluster has.
#[expect(clippy::unnecessary_cast, reason = "the counts are 32 bits wide on macOS")]
pub(crate) fn disk(directory: &Path) -> Check {
    match nix::sys::statvfs::statvfs(directory) {
        Ok(stat) => {
            let free = stat.blocks_available() as u64 * stat.fragment_size() as u64;
            let found = format!("{:.1} GB free for {}", free as f64 / 1e9, directory.display());
            Check::that(free >= MIN_FREE_BYTES, "disk", found, "make room: without it, events are refused with 503")
        }
        Err(error) => Check::fail("disk", format!("{}: {error}", directory.display()), "check the data directory"),
    }
}
