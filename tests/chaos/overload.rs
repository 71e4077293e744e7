//! Far more than the program can store: what it cannot take it refuses at once, its memory stays where it is, and what it has
//! taken is stored.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use crate::program::{Home, Program};
use crate::stage::Acknowledged;
use crate::support::chaos_proxy::Proxy;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::wire::Wire;

const CONNECTIONS: usize = 300;
/// All connections together send more than twice as much at once as the writer lets wait.
const BODY_BYTES: usize = 256 * 1024;
const LASTS: Duration = Duration::from_secs(6);
/// Of the line to the database, in each direction: a commit takes a good part of a second.
const LATENCY: Duration = Duration::from_millis(60);
/// Before a sender that was refused comes back.
const PAUSE: Duration = Duration::from_millis(100);
/// What may be in memory: a body for each connection, twice, since its buffer grows by doubling; and what waits and is being
/// written, in the forms that it takes on its way.
const MAX_GROWTH_BYTES: u64 = (CONNECTIONS * BODY_BYTES * 2 + 192 * 1024 * 1024) as u64;

// holds D5
#[tokio::test(flavor = "multi_thread")]
async fn far_too_much_is_refused_with_503_in_bounded_memory_and_what_was_taken_is_stored() {
    let postgres = PrivatePostgres::start().await;
    let proxy = Proxy::start(postgres.socket()).await;
    let program = Program::serve_at(Home::Database(proxy.database_url())).await;
    let sender = program.new_sender();
    let body = format!("\"{}\"", "x".repeat(BODY_BYTES - 2));
    let mut first = Wire::open(program.address).await.unwrap();
    assert_eq!(first.post(&sender, "1", "").await.unwrap().status, 200);
    proxy.delay(LATENCY, LATENCY);

    let (acknowledged, refused) = (Acknowledged::default(), AtomicUsize::new(0));
    let (over, most) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = program.memory_bytes();
    let sending = join_all((0..CONNECTIONS).map(|_| async {
        let mut wire = Wire::open(program.address).await.unwrap();
        while !over.load(Ordering::Relaxed) {
            let answer = wire.post(&sender, &body, "").await.unwrap();
            assert!(answer.is_stored_or_told(), "{answer:?}");
            match answer.id() {
                Some(id) => acknowledged.add(&id),
                None => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if !answer.keeps_alive() {
                wire = Wire::open(program.address).await.unwrap();
            }
        }
    }));
    let watching = async {
        let began = std::time::Instant::now();
        while began.elapsed() < LASTS {
            most.fetch_max(program.memory_bytes(), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(sending, watching);

    let (stored, refused) = (acknowledged.count(), refused.into_inner());
    let growth = most.into_inner().saturating_sub(before);
    assert!(stored > 0, "nothing was stored");
    assert!(refused > CONNECTIONS, "it was not too much: {stored} stored, {refused} refused");
    assert!(growth < MAX_GROWTH_BYTES, "{growth} bytes more than before");
    // What was offered would not have fitted.
    assert!(((stored + refused) * BODY_BYTES) as u64 > MAX_GROWTH_BYTES, "{stored} stored, {refused} refused");
    acknowledged.assert_stored(postgres.url()).await;
    // And it is well again without anybody's help.
    proxy.delay(Duration::ZERO, Duration::ZERO);
    let mut last = Wire::open(program.address).await.unwrap();
    for _ in 0..100 {
        if last.post(&sender, "2", "").await.unwrap().status == 200 {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("it refuses everything although there is nothing to do");
}
