//! Whoever asks whether the program is ready is told about the path that stores: whatever refuses every event is told within two
//! seconds, with what it is, and forgotten when it is over.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::outages::Outage;
use crate::stage::{Stage, only};
use crate::support::postgres;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::server::TestServer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_reasoner-webhooks");
/// What a machine that is busy with other tests may add to the two seconds.
const PATIENCE: Duration = Duration::from_secs(10);

// holds D3, O2
#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_standby_that_is_gone_is_told_and_forgotten() {
    let mut outage = Outage::prepare().await;
    let stage = &outage.stage;
    set(stage, "synchronous_standby_names", "'nobody'").await;
    assert_eq!(until_ready_says(stage, 503).await, "commits wait for a synchronous standby\n");
    let check = doctor(stage.postgres.url(), "storing");
    assert_eq!(check["state"], "fail", "{check}");
    for _ in 0..3 {
        let statuses = join_all((0..20).map(|_| stage.sender.status())).await;
        assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    }
    let waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
    let waiting: i64 = only(stage.query(waiting).await.remove(0)).parse().unwrap();
    assert!(waiting <= 4, "{waiting} processes still wait for commits that nobody waits for");
    set(stage, "synchronous_standby_names", "''").await;
    outage.assert_well_again().await;
    assert_eq!(doctor(outage.stage.postgres.url(), "storing")["state"], "ok");
}

// holds O2
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_every_event_is_not_ready() {
    let stage = Stage::new().await;
    stage.query("alter table events add constraint nothing_fits check (false) not valid").await;
    assert_eq!(stage.sender.status().await, 503);
    assert_eq!(until_ready_says(&stage, 503).await, "the database refuses to store events\n");
    stage.query("alter table events drop constraint nothing_fits").await;
    assert_eq!(until_ready_says(&stage, 200).await, "ready\n");
    assert_eq!(stage.sender.status().await, 200);
}

// holds O1
#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_with_what_the_transaction_that_stores_commits() {
    let postgres = PrivatePostgres::start().await;
    // Makes the partitions.
    TestServer::start_over(postgres.url().to_owned(), |_| {}).await.stop().await;
    for (server_says, stands_on) in [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")] {
        postgres::query(
            postgres.url(),
            &format!("alter database reasoner_webhooks set synchronous_commit = {server_says}"),
        )
        .await;
        let check = doctor(postgres.url(), "synchronous_commit");
        assert_eq!(check["state"], "ok", "{check}");
        let found = check["found"].as_str().unwrap();
        assert!(found.starts_with(&format!("synchronous_commit is {stands_on} ")), "{server_says}: {found}");
    }
}

// holds N5
#[tokio::test(flavor = "multi_thread")]
async fn replays_and_refusals_write_nothing_to_the_servers_log() {
    let stage = Stage::new().await;
    let log = stage.postgres.socket().parent().unwrap().with_file_name("postgres.log");
    let send = async |key: &str, body: &str| {
        let answer = stage.sender.request().header("Idempotency-Key", key).body(body.to_owned()).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(send("key", "1").await, 200);
    let before = std::fs::metadata(&log).unwrap().len();
    for _ in 0..20 {
        assert_eq!(send("key", "1").await, 200, "a replay");
        assert_eq!(send("key", "2").await, 422, "another body");
    }
    let at_once = join_all((0..40).map(|_| send("another key", "1"))).await;
    assert_eq!(at_once, [200; 40]);
    stage.query("update credentials set disabled_at = now()").await;
    assert_eq!(join_all((0..20).map(|_| stage.sender.status())).await, [401; 20]);
    let written = std::fs::read(&log).unwrap().split_off(usize::try_from(before).unwrap());
    assert_eq!(String::from_utf8_lossy(&written), "");
    assert_eq!(only(stage.query("select count(*) from events where body = '1'").await.remove(0)), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_old_enough_is_new_again_before_it_is_pruned() {
    let stage = Stage::new().await;
    let send = async || {
        let answer = stage.sender.request().header("Idempotency-Key", "key").body("1").send().await.unwrap();
        answer.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let first = send().await;
    assert_eq!(send().await, first);
    stage.query("update idempotency_keys set created_at = created_at - interval '7 days 1 minute'").await;
    let second = send().await;
    assert_ne!(second, first);
    assert_eq!(send().await, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_another_installations_database_appears_senders_get_503_and_never_401() {
    let (here, other) = (postgres::new_database().await, postgres::new_database().await);
    TestServer::start_over(other.clone(), |_| {}).await.stop().await;
    let server = TestServer::start_over(here.clone(), |_| {}).await;
    let alice = server.pro("alice@example.com").await;
    let (seen, unseen) = (server.sender(&alice).await, server.sender(&alice).await);
    assert_eq!(seen.status().await, 200);
    let swap = async |away: &str, instead: &str| {
        let (server, name) = here.rsplit_once('/').unwrap();
        let admin = format!("{server}/reasoner_webhooks");
        for (from, to) in [(name, away), (instead, name)] {
            postgres::query(&admin, &format!("alter database {from} allow_connections false")).await;
            let end = format!("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{from}'");
            postgres::query(&admin, &end).await;
            postgres::query(&admin, &format!("alter database {from} rename to {to}")).await;
        }
        postgres::query(&admin, &format!("alter database {name} allow_connections true")).await;
    };
    swap("the_right_one", other.rsplit_once('/').unwrap().1).await;
    for _ in 0..20 {
        assert_eq!((seen.status().await, unseen.status().await), (503, 503));
    }
    assert_eq!(server.visitor().get("/readyz").await.status(), 503);
    swap("the_wrong_one", "the_right_one").await;
    let began = Instant::now();
    while (seen.status().await, unseen.status().await) != (200, 200) {
        assert!(began.elapsed() < PATIENCE, "the right database is back");
    }
}

/// Sets a parameter of the server, for all sessions.
pub async fn set(stage: &Stage, name: &str, value: &str) {
    stage.query(&format!("alter system set {name} = {value}")).await;
    stage.query("select pg_reload_conf()").await;
}

/// What `/readyz` says once it has this status.
pub async fn until_ready_says(stage: &Stage, status: u16) -> String {
    let began = Instant::now();
    loop {
        let answer = stage.server.visitor().get("/readyz").await;
        if answer.status() == status {
            return answer.text().await.unwrap();
        }
        assert!(began.elapsed() < PATIENCE, "/readyz stays {}", answer.status());
    }
}

/// What `doctor` finds in one of its checks.
pub fn doctor(url: &str, check: &str) -> serde_json::Value {
    let output = Command::new(PROGRAM).env_clear().args(["doctor", "--json", "--database-url", url]).output().unwrap();
    let checks: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    checks.into_iter().find(|found| found["check"] == check).unwrap_or_else(|| panic!("no check {check}"))
}
