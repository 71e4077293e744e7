//! The line to the database goes silent at a bad moment, as when packets are dropped: nobody waits for an answer that never comes.

use std::time::Duration;

use futures_util::future::join_all;

use crate::stage::{Acknowledged, Stage, send_until_acknowledged};
use crate::support::chaos_proxy::Mode;

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_goes_silent_while_a_connection_is_being_prepared_costs_that_connection_only() {
    let stage = Stage::new().await;
    // The writers' connections end, and each new one goes silent with its first statement.
    stage.proxy.silence_from(Some("plan_cache_mode"));
    stage.proxy.switch(Mode::Refuse);
    tokio::time::sleep(Duration::from_millis(50)).await;
    stage.proxy.switch(Mode::Pass);
    for _ in 0..3 {
        let statuses = join_all((0..16).map(|_| stage.sender.status())).await;
        assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    }
    stage.proxy.silence_from(None);
    let acknowledged = Acknowledged::default();
    let send = async |n: usize| {
        send_until_acknowledged(&stage.sender, &format!("key {n}"), format!("{n}"), &acknowledged).await;
    };
    join_all((0..16).map(send)).await;
    acknowledged.assert_stored(stage.postgres.url()).await;
}

/// The kernel says of each connection how long it waits before it asks the other side whether it is there.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn every_connection_to_the_database_is_watched_while_nothing_is_said_on_it() {
    const TICKS: u64 = 100;
    const ESTABLISHED: &str = "01";
    const WATCHED: &str = "02";
    let stage = Stage::new().await;
    let url: tokio_postgres::Config = stage.proxy.database_url().parse().unwrap();
    let port = format!(":{:04X}", url.get_ports()[0]);
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let fields = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours: Vec<_> = fields.filter(|fields| fields[2].ends_with(&port) && fields[3] == ESTABLISHED).collect();
    assert!(ours.len() > 2, "{table}");
    for fields in ours {
        let (kind, ticks) = fields[5].split_once(':').unwrap();
        // Something that was said a moment ago and is not yet confirmed is watched as well.
        assert_ne!(kind, "00", "{fields:?}");
        let ticks = u64::from_str_radix(ticks, 16).unwrap();
        assert!(kind != WATCHED || ticks <= 15 * TICKS, "{fields:?}");
    }
}
