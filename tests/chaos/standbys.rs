//! Standbys: what a 200 stands on, what an operator may require of it, and what goes on while the standby is gone.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::stage::{Acknowledged, Stage, only};
use crate::standby::Standby;
use crate::storing::{doctor, set};
use crate::support::postgres;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::server::TestServer;

const PATIENCE: Duration = Duration::from_secs(30);

// holds O2
#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_while_the_synchronous_standby_is_gone() {
    let stage = Stage::new().await;
    set(&stage, "synchronous_standby_names", "'nobody'").await;
    until(async || stage.sender.status().await == 503, "senders are told that nothing is stored").await;
    for _ in 0..3 {
        // Long enough ago that the next page notes when the session was seen, in a commit that the standby does not confirm.
        let earlier =
            "set synchronous_commit = local; update sessions set last_seen_at = last_seen_at - interval '1 day'";
        stage.query(earlier).await;
        for path in ["/events", "/settings/integrations/webhooks", "/settings/account"] {
            assert_eq!(stage.alice.get(path).await.status(), 200, "{path}");
        }
    }
    let noted = "select count(*) from sessions where last_seen_at > now() - interval '12 hours'";
    assert_eq!(only(stage.query(noted).await.remove(0)), "1", "when the session was seen");
}

// holds D1, D3, O2
#[tokio::test(flavor = "multi_thread")]
async fn where_a_standby_is_required_nothing_is_acknowledged_that_it_has_not_got() {
    let primary = PrivatePostgres::start().await;
    let set = async |names: &str| {
        postgres::query(primary.url(), &format!("alter system set synchronous_standby_names = {names}")).await;
        postgres::query(primary.url(), "select pg_reload_conf()").await;
    };
    let stored = async || only(postgres::query(primary.url(), "select count(*) from events").await.remove(0));
    let require = |options: &mut reasoner_webhooks::config::options::Options| {
        options.require_sync_standby = Some("true".to_owned());
    };
    let server = TestServer::start_over(primary.url().to_owned(), require).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    assert_eq!(sender.status().await, 503, "the server waits for no standby");
    let told = server.visitor().get("/readyz").await;
    assert_eq!(told.status(), 503);
    assert_eq!(told.text().await.unwrap(), "the database waits for no synchronous standby\n");
    assert_eq!(stored().await, "0");

    let standby = Standby::of(&primary).await;
    set("'*'").await;
    let acknowledged = Acknowledged::default();
    let sent = async || acknowledged.note(sender.send("1").await).await == 200;
    until(sent, "events are stored once there is a standby").await;
    acknowledged.assert_stored(&standby.url()).await;

    // A commit that gives up waiting is done here, and not there.
    drop(standby);
    let cancel = async || {
        let waiting = "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'";
        until(async || only(postgres::query(primary.url(), waiting).await.remove(0)) != "0", "a commit waits").await;
    };
    let (answer, ()) = tokio::join!(sender.send("\"given up\""), cancel());
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "a commit that no standby has confirmed");
}

// holds O1
#[tokio::test(flavor = "multi_thread")]
async fn doctor_and_metrics_say_what_a_200_stands_on() {
    let primary = PrivatePostgres::start().await;
    let metrics = |options: &mut reasoner_webhooks::config::options::Options| {
        options.metrics_bind = Some("127.0.0.1:0".to_owned());
    };
    let server = TestServer::start_over(primary.url().to_owned(), metrics).await;
    let metrics_url = format!("http://{}/metrics", server.application().metrics_address.unwrap());
    let gauge = async |line: &str| reqwest::get(&metrics_url).await.unwrap().text().await.unwrap().contains(line);
    let found = || {
        let check = doctor(primary.url(), "standbys");
        (check["state"].as_str().unwrap().to_owned(), check["found"].as_str().unwrap().to_owned())
    };
    assert_eq!(found(), ("ok".to_owned(), "a 200 stands on the disk of the database server alone".to_owned()));
    assert!(gauge("reasoner_database_confirming_standbys 0\n").await);

    postgres::query(primary.url(), "revoke pg_monitor from reasoner_program").await;
    let standby = Standby::of(&primary).await;
    let hidden = async || gauge("reasoner_database_standbys{kind=\"hidden\"} 1\n").await;
    until(hidden, "a role that may not see how a standby follows says so").await;
    postgres::query(primary.url(), "grant pg_monitor to reasoner_program").await;
    let follows = async || gauge("reasoner_database_standbys{kind=\"asynchronous\"} 1\n").await;
    until(follows, "the metrics have the standby").await;
    let (state, words) = found();
    assert!(state == "hint" && words.ends_with(" s later on 1 asynchronous standby"), "{state}: {words}");

    let set = "alter system set synchronous_standby_names = '*'";
    postgres::query(primary.url(), set).await;
    postgres::query(primary.url(), "select pg_reload_conf()").await;
    let confirms = async || gauge("reasoner_database_standbys{kind=\"synchronous\"} 1\n").await;
    until(confirms, "the metrics say that the standby confirms").await;
    assert!(gauge("reasoner_database_confirming_standbys 1\n").await);
    let words = "a 200 stands on the disks of the database server and of 1 synchronous standby";
    assert_eq!(found(), ("ok".to_owned(), words.to_owned()));

    drop(standby);
    until(async || found().0 == "fail", "commits wait for a standby that is gone").await;
    let words = "a 200 stands on nothing now: commits wait for 1 synchronous standby, and none is connected";
    assert_eq!(found().1, words);
}

async fn until(done: impl AsyncFn() -> bool, what: &str) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
