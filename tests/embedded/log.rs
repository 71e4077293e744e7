//! The log of the embedded server, while it runs.

use std::fs;

use crate::stage::{Home, wait_until};

/// What the log may have, and some more for what is written between two looks.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_grows_while_the_server_runs_is_set_aside() {
    let home = Home::new();
    let program = home.serve();
    let (log, aside) = (home.data_dir().join("postgres.log"), home.data_dir().join("postgres.log.1"));
    home.query("alter system set log_statement = 'all'").await;
    home.query("select pg_reload_conf()").await;
    let large = format!("select length('{}')", "x".repeat(1 << 20));
    for round in 0..2 {
        let before = fs::metadata(&aside).map_or(0, |it| std::os::unix::fs::MetadataExt::ino(&it));
        for _ in 0..20 {
            home.query(&large).await;
        }
        wait_until("the log is set aside", || {
            fs::metadata(&aside)
                .is_ok_and(|it| std::os::unix::fs::MetadataExt::ino(&it) != before && it.len() <= MAX_BYTES)
                && fs::metadata(&log).unwrap().len() <= MAX_BYTES
        });
        let mark = format!("round {round} is over");
        home.query(&format!("select '{mark}'")).await;
        wait_until("the server writes to the log that was emptied", || {
            fs::read_to_string(&log).unwrap().contains(&mark)
        });
    }
    assert!(program.end().success());
}
