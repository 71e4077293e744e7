//! Searches of what is new among bodies as large as they may be: whoever has an account may ask for them, and the memory stays where it is.

use std::time::Duration;

use crate::program::Program;
use crate::support::actors::Person;
use crate::support::follower::Follower;
use crate::support::server::PASSWORD;

const BODY_BYTES: usize = 1_000_000;
const BODIES: usize = 80;
/// A part of them in the forms that it takes on its way from the database, and what else the program needs.
const MAX_GROWTH_BYTES: u64 = 40 * 1024 * 1024;

// holds D5
#[tokio::test(flavor = "multi_thread")]
async fn a_live_page_with_a_search_has_a_few_large_bodies_in_memory_at_once() {
    let program = Program::serve().await;
    let sender = program.new_sender();
    let alice = Person::new(&sender.url);
    alice.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    let first = sender.store("1").await;
    // The database cannot tell that it does not match: the search has to be asked.
    let body = format!(r#"{{"kind":"other","note":"wanted","text":"{}"}}"#, "x".repeat(BODY_BYTES));
    for _ in 0..BODIES {
        sender.store(body.clone()).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    program.peak_memory_bytes();
    let before = program.peak_memory_bytes();
    let mut follower = Follower::new(&alice, "/events/live?q=kind%20%3D%20%22wanted%22");
    follower.last_id = first;
    follower.connect().await;
    let growth = program.peak_memory_bytes().saturating_sub(before);
    assert!(growth < MAX_GROWTH_BYTES, "it grew by {} MiB", growth >> 20);
    assert_eq!(follower.ids(), Vec::<String>::new());
    let wanted = sender.store(r#"{"kind":"wanted"}"#).await;
    follower.until(|said| said.iter().any(|said| said.data["id"] == wanted)).await;
}
