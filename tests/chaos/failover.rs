//! The address names a primary and its standby; the primary hangs, and the standby is promoted.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::outages::in_time;
use crate::stage::Acknowledged;
use crate::standby::Standby;
use crate::support::postgres;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::server::TestServer;

const WELL_WITHIN: Duration = Duration::from_secs(5);
/// What a machine that is busy with other tests may add.
const TOLERANCE: Duration = Duration::from_secs(5);

// holds O2
#[tokio::test(flavor = "multi_thread")]
async fn while_the_primary_hangs_events_go_to_the_standby_that_was_promoted() {
    let primary = PrivatePostgres::start().await;
    let standby = Standby::of(&primary).await;
    let socket = primary.socket();
    let hosts = [socket.parent().unwrap(), &standby.directory];
    let hosts = hosts.map(|path| utf8_percent_encode(path.to_str().unwrap(), NON_ALPHANUMERIC).to_string());
    let url = format!("postgresql://reasoner@{}/reasoner_webhooks", hosts.join(","));
    let server = TestServer::start_over(url, |_| {}).await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let acknowledged = Acknowledged::default();
    // Each of the connections that store events has one.
    let several = async |body: &str| {
        let sent = join_all((0..40).map(|_| async { acknowledged.note(sender.send(body.to_owned()).await).await }));
        assert_eq!(sent.await, [200; 40], "{body}");
    };
    several("\"before\"").await;
    standby.wait_until("select count(*) from events", "40").await;

    primary.pause();
    for _ in 0..3 {
        assert_eq!(in_time("a sender", sender.send("\"away\"")).await.status(), 503);
    }
    postgres::query(&standby.url(), "select pg_promote()").await;
    let promoted = Instant::now();
    while acknowledged.note(sender.send("\"after\"").await).await != 200 {
        assert!(promoted.elapsed() < WELL_WITHIN + TOLERANCE, "events reach the new primary");
    }
    // The old one is back, and no longer the primary: nobody goes back to it.
    primary.resume();
    several("\"after\"").await;
    acknowledged.assert_stored(&standby.url()).await;
}
