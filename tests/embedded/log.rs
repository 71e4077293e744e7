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
    for round in 0..2 {
        let mark = format!("begins round {round}");
        for _ in 0..20 {
            home.query(&format!("select '{mark}', length('{}')", "x".repeat(1 << 20))).await;
        }
        wait_until("the log is set aside", || {
            fs::metadata(&log).unwrap().len() <= MAX_BYTES
                && fs::metadata(&aside).is_ok_and(|it| it.len() <= MAX_BYTES)
                && fs::read_to_string(&aside).is_ok_and(|text| text.contains(&mark))
        });
        let mark = format!("round {round} is over");
        home.query(&format!("select '{mark}'")).await;
        wait_until("the server writes to the log that was emptied", || {
            fs::read_to_string(&log).unwrap().contains(&mark)
        });
    }
    assert!(program.end().success());
}
