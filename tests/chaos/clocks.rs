//! Clocks that are a hundred days ahead, while events are kept for ninety: the program's alone, and the whole machine's. Nothing goes that
//! is not too old by the right clock.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reasoner_webhooks::app::prune::make_partitions;
use reasoner_webhooks::domain::event::EventId;
use reasoner_webhooks::store::connection::pool::Store;

use crate::program::{Home, Program};
use crate::support::faketime::days_ahead;
use crate::support::postgres;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::upkeep::STEADY;

const AHEAD: u32 = 100;
/// Ages of weeks that are kept, by the right clock.
const WEEKS_OLD: [i64; 4] = [1, 4, 8, 12];
const WEEKS: &str = "select count(*) from pg_inherits where inhparent = 'events'::regclass";
const EVENTS: &str = "select id, body from events order by id";
/// A round is over when its lock is free.
const NOBODY_IS_AT_IT: &str = "select count(*) from pg_database d where datname = current_database() and not exists \
     (select from pg_locks where locktype = 'advisory' and database = d.oid)";

async fn number(address: &str, sql: &str) -> i64 {
    postgres::query(address, sql).await[0][0].as_deref().unwrap().parse().unwrap()
}

/// What upkeep deletes by the time, each of an age at which it is kept.
const OTHERS: &str = "insert into idempotency_keys (account_id, credential_id, key, event_id, body_sha256, created_at) \
     values (gen_random_uuid(), gen_random_uuid(), 'k', gen_random_uuid(), 'd', now() - interval '6 days'); \
     insert into rejections (account_id, id, credential_id, reason, second, remote_ip, count) \
     values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'invalid_json', now() - interval '80 days', '127.0.0.1', 1); \
     insert into event_removals (account_id, half_hour, events, bytes) values (gen_random_uuid(), now() - interval '80 days', 1, 1); \
     insert into senders (account_id, credential_id, remote_ip, last_seen_at) \
     values (gen_random_uuid(), gen_random_uuid(), '192.0.2.1', now() - interval '30 days'); \
     insert into sessions (key_hash, id, state, created_at, last_seen_at, expires_at) \
     values ('k', gen_random_uuid(), '', now(), now(), now() + interval '30 days'); \
     insert into deleted_accounts values (gen_random_uuid(), now())";
const OTHERS_LEFT: &str = "select (select count(*) from idempotency_keys) + (select count(*) from rejections) \
     + (select count(*) from event_removals) + (select count(*) from sessions) + (select count(*) from deleted_accounts) \
     + (select count(*) from senders where remote_ip = '192.0.2.1')";

/// An installation of months: an event in each of some old weeks, and upkeep that has run every hour. A program with a right clock has
/// stored an event of today.
async fn fill(address: &str) {
    let mut program = Program::serve_at(Home::Database(address.to_owned())).await;
    program.new_sender().store("\"today\"").await;
    wait_for_round(address, "'first_day'").await;
    program.terminate();
    program.wait().await;
    wait_for(address, NOBODY_IS_AT_IT).await;
    let store = Store::open(address).await.unwrap();
    for weeks in WEEKS_OLD {
        let then = Timestamp::now() - SignedDuration::from_hours(24 * 7 * weeks);
        make_partitions(&store, 400, then).await.unwrap();
        let copy = format!(
            "insert into events select account_id, '{}', credential_id, remote_ip, user_agent, content_type, query, headers, \
             '\"{weeks} weeks\"', size_bytes from events where body = '\"today\"'",
            EventId::first_of(then)
        );
        postgres::query(address, &copy).await;
    }
    postgres::query(address, &format!("{OTHERS}; {STEADY}")).await;
}

/// Until a round of upkeep has been noted, with this as what speaks against the clock: a word in quotes, or `null`.
async fn wait_for_round(address: &str, doubt: &str) {
    wait_for(address, &format!("select count(*) from upkeep where doubt is not distinct from {doubt}")).await;
}

async fn wait_for(address: &str, sql: &str) {
    let began = Instant::now();
    while number(address, sql).await == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "in vain: {sql}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_a_hundred_days_ahead_of_its_database_drops_nothing_and_says_so() {
    let address = postgres::new_database().await;
    fill(&address).await;
    let before = (number(&address, WEEKS).await, postgres::query(&address, EVENTS).await);
    assert_eq!(before.1.len(), 1 + WEEKS_OLD.len());
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut environment = days_ahead(AHEAD);
    environment.push(("METRICS_BIND".to_owned(), metrics.clone()));
    let wrong = Program::serve_with(Home::Database(address.clone()), environment, Some(log.clone())).await;
    wait_for_round(&address, "'clocks_differ'").await;

    // It has made the weeks that its own events need.
    assert_eq!(number(&address, WEEKS).await, before.0 + 6);
    assert_eq!(postgres::query(&address, EVENTS).await, before.1);
    assert_eq!(number(&address, OTHERS_LEFT).await, 6);
    assert_eq!(number(&address, "select count(*) from detached_weeks").await, 0);

    let said = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("the clock may be wrong")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains("WARN") && lines[0].contains("clocks_differ"), "{said}");
    let scraped = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    assert!(scraped.contains("\nreasoner_upkeep_paused 1\n"), "{scraped}");
    let difference = scraped.lines().find_map(|line| line.strip_prefix("reasoner_clock_difference_seconds "));
    let difference: f64 = difference.unwrap().parse().unwrap();
    assert!((difference - 8_640_000.0).abs() < 60.0, "{difference}");
    let doctor = wrong.doctor();
    assert!(doctor.contains("FAIL  upkeep deletes nothing before "), "{doctor}");

    // Another instance has the right clock, and cannot know which of them has.
    wait_for(&address, NOBODY_IS_AT_IT).await;
    postgres::query(&address, "update upkeep set noted_at = noted_at - interval '1 hour'").await;
    let right = Program::serve_at(Home::Database(address.clone())).await;
    let again = "select count(*) from upkeep where noted_at > now() - interval '30 minutes'";
    wait_for(&address, again).await;
    assert_eq!(postgres::query(&address, EVENTS).await, before.1);
    assert_eq!(number(&address, OTHERS_LEFT).await, 6);
    let doctor = right.doctor();
    assert!(doctor.contains("hint  upkeep deletes nothing before "), "{doctor}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_a_hundred_days_ahead_detaches_weeks_at_most_and_has_them_back() {
    let mut postgres = PrivatePostgres::start().await;
    let address = postgres.url().to_owned();
    fill(&address).await;
    let before = postgres::query(&address, EVENTS).await;
    let weeks = number(&address, WEEKS).await;

    // The whole machine is put ahead. Its first round of upkeep takes place.
    let ahead = Ahead::start(&postgres).await;
    let (home, environment) = (|| Home::Database(address.clone()), days_ahead(AHEAD));
    let mut program = Program::serve_with(home(), environment.clone(), None).await;
    wait_for_round(&address, "'long_absence'").await;
    assert_eq!(postgres::query(&address, EVENTS).await, before);
    assert_eq!(number(&address, WEEKS).await, weeks + 6);
    assert_eq!(number(&address, OTHERS_LEFT).await, 6);
    let doctor = program.doctor();
    assert!(doctor.contains("hint  upkeep deletes nothing before "), "{doctor}");

    // Nobody noticed for a day.
    program.kill();
    wait_for(&address, NOBODY_IS_AT_IT).await;
    postgres::query(&address, "update upkeep set steady_since = now() - interval '24 hours'").await;
    program.start();
    program.wait_until_ready().await;
    wait_for_round(&address, "null").await;
    assert_eq!(postgres::query(&address, EVENTS).await.len(), 0, "all are older than ninety days by then");
    let tables = "select count(*) from detached_weeks join pg_class on relname = name";
    assert!(number(&address, tables).await > WEEKS_OLD.len() as i64, "and all are there");
    assert_eq!(number(&address, OTHERS_LEFT).await, 6, "what cannot be undone waits for another day");
    program.kill();

    // Now somebody does.
    ahead.stop(&postgres).await;
    postgres.start_again().await;
    let mut program = Program::serve_at(home()).await;
    wait_for_round(&address, "'clock_went_back'").await;
    assert_eq!(postgres::query(&address, EVENTS).await, before, "every event is back");
    assert_eq!(number(&address, "select count(*) from detached_weeks").await, 0);
    program.terminate();
    program.wait().await;
}

/// The server of a test's own PostgreSQL, with a clock that is ahead.
struct Ahead(Child);

impl Ahead {
    /// Ends the server and starts it again as it was, but for what it takes for the time.
    async fn start(postgres: &PrivatePostgres) -> Self {
        let server = postgres.processes()[0];
        let of = |what: &str| format!("/proc/{server}/{what}");
        let words = |what: &str| -> Vec<OsString> {
            let bytes = std::fs::read(of(what)).unwrap();
            bytes
                .split(|byte| *byte == 0)
                .filter(|word| !word.is_empty())
                .map(|w| OsString::from_vec(w.to_vec()))
                .collect()
        };
        let (program, arguments, directory) =
            (std::fs::read_link(of("exe")).unwrap(), words("cmdline"), std::fs::read_link(of("cwd")).unwrap());
        let owner = std::fs::metadata(of("cwd")).unwrap();
        postgres.shut_down().await;
        let mut command = Command::new(program);
        command.args(&arguments[1..]).current_dir(directory).uid(owner.uid()).gid(owner.gid());
        command.env_clear().env("LANG", "C").env("TZ", "UTC").env("PATH", "/usr/bin:/bin").envs(days_ahead(AHEAD));
        let server = Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        while tokio_postgres::connect(postgres.url(), tokio_postgres::NoTls).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "PostgreSQL does not start with another clock");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let ahead = "select count(*) where clock_timestamp() > to_timestamp({}) + interval '99 days'";
        assert_eq!(number(postgres.url(), &ahead.replace("{}", &Timestamp::now().as_second().to_string())).await, 1);
        server
    }

    async fn stop(mut self, postgres: &PrivatePostgres) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), Signal::SIGINT).unwrap();
        tokio::task::spawn_blocking(move || self.0.wait()).await.unwrap().unwrap();
        assert!(postgres.processes().is_empty());
    }
}
