//! The moment that a 200 is about: the connection to the database is lost before, within and after a commit, at every byte of
//! it. The sender that is not answered with 200 sends again.

use crate::stage::{Acknowledged, Stage, only, send_until_acknowledged};
use crate::support::chaos_proxy::Cut;

/// Between two places at which a batch is cut, in bytes; odd, so that it meets every part of a message.
const STEP_BYTES: usize = 37;
const MAX_CUTS: usize = 60;

// holds D2, D4
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_cut_at_any_byte_loses_nothing_and_doubles_nothing() {
    let stage = Stage::new().await;
    let acknowledged = Acknowledged::default();
    // Seen before the first cut.
    let length = stage.proxy.commit_bytes();
    assert!(length > 0, "no commit was seen");
    // At every byte, unless it has so many that this would take long: the commit may be part of something larger.
    let step = length.div_ceil(MAX_CUTS);
    let around = [Cut::AfterCommit, Cut::BeforeAnswer, Cut::AfterCommit, Cut::BeforeAnswer];
    for (number, cut) in (0..length).step_by(step).map(Cut::InCommit).chain(around).enumerate() {
        assert!(round(&stage, &acknowledged, cut, number).await, "nothing was cut: {cut:?}");
    }
    assert_each_key_once(&stage).await;
    acknowledged.assert_stored(stage.postgres.url()).await;
}

// holds D2, D4
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_cut_anywhere_loses_nothing_and_doubles_nothing() {
    let stage = Stage::new().await;
    let acknowledged = Acknowledged::default();
    let mut number = 0;
    while round(&stage, &acknowledged, Cut::Bytes(number * STEP_BYTES), number).await {
        number += 1;
        assert!(number < 200, "a batch of three never ends");
    }
    assert!(number > 3, "a batch was cut in {number} places only");
    assert_each_key_once(&stage).await;
    acknowledged.assert_stored(stage.postgres.url()).await;
}

/// Three requests at once, two of them with keys, while the connection that writes them is cut. Says whether it was.
async fn round(stage: &Stage, acknowledged: &Acknowledged, cut: Cut, number: usize) -> bool {
    // A connection is only cut once it has begun to write events, which a new one does here.
    assert_eq!(acknowledged.note(stage.sender.send("\"before\"").await).await, 200);
    let before = stage.proxy.cuts();
    stage.proxy.cut(cut);
    let with_key = async |name: &str| {
        let key = format!("{name}-{number}");
        let body = format!("{{\"key\":\"{key}\"}}");
        send_until_acknowledged(&stage.sender, &key, body, acknowledged).await;
    };
    let without_key = async { acknowledged.note(stage.sender.send(format!("{{\"plain\":{number}}}")).await).await };
    tokio::join!(with_key("one"), with_key("two"), without_key);
    stage.proxy.cut_no_more();
    for name in ["one", "two"] {
        // Once more, from a sender that has forgotten that it was told.
        with_key(name).await;
    }
    recover(stage, acknowledged).await;
    stage.proxy.cuts() > before
}

/// Until the writer has its connection back.
async fn recover(stage: &Stage, acknowledged: &Acknowledged) {
    while acknowledged.note(stage.sender.send("\"after\"").await).await != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn assert_each_key_once(stage: &Stage) {
    let sql = "select count(*) || ' ' || count(distinct body) from events where body like '{\"key\"%'";
    let rows = only(stage.query(sql).await.remove(0));
    let (rows, bodies) = rows.split_once(' ').unwrap();
    assert_eq!(rows, bodies, "a key has more than one row");
    let plain = stage.query("select body from events where body like '{\"plain\"%' group by body having count(*) > 1");
    assert!(plain.await.is_empty(), "an event without a key was stored twice");
}
