//! The log of the embedded server, while it runs.

use std::fs;

use crate::stage::{Home, wait_until};

/// A sender that repeats its request again and again must not fill a disk: what is known is asked for, and not run into.
// holds N5
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_writes_nothing_to_the_log_of_the_server() {
    const TOGETHER: usize = 20;
    let home = Home::new();
    let program = home.serve();
    home.create_account("maya@example.com");
    let sender = home.new_sender(&program, "maya@example.com", "Repeats");
    let send = async |body: &'static str| {
        let request = sender.request().header("Idempotency-Key", "order-1").body(body);
        request.send().await.unwrap().status().as_u16()
    };
    let before = fs::read(home.data_dir().join("postgres.log")).unwrap();
    assert_eq!(send("{}").await, 200);
    for _ in 0..5 {
        let together = futures_util::future::join_all((0..TOGETHER).map(|_| send("{}"))).await;
        assert_eq!(together, [200; TOGETHER]);
        assert_eq!(send("[]").await, 422);
    }
    let after = fs::read(home.data_dir().join("postgres.log")).unwrap();
    assert_eq!(String::from_utf8(after).unwrap(), String::from_utf8(before).unwrap());
    assert_eq!(home.query("select count(*) from events").await, [[Some("1".to_owned())]]);
    assert!(program.end().success());
}

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
