//! The attacks of `make abuse`, each cut short, beside an account that sends and reads: counted, and never timed.

use crate::attacker::Attacker;
use crate::attacks::{ATTACKS, Attack, large_body};
use crate::support::server::TestServer;

/// What the others do while the attack is under way.
const POSTS: usize = 20;
const PAGES: usize = 5;
/// An attack is under way when so many answers have come.
const UNDER_WAY: u64 = 20;
/// Of what the bench puts into the database, a test puts this part.
const PART: u32 = 50;

async fn assert_that_others_go_on(attack: &Attack) {
    let server = TestServer::start().await;
    let (alice, mallory) = (server.pro("alice@example.com").await, server.pro("mallory@example.com").await);
    let (sender, own) = (server.sender(&alice).await, server.sender(&mallory).await);
    sender.store("\"before\"").await;
    let cookie = server.cookie("mallory@example.com").await;
    let attacker = Attacker::new(&server.url, &own.authorization(), &cookie, "alice@example.com").unwrap();
    if attack.rows > 0 {
        let account = "select account_id::text from users where email = 'mallory@example.com'";
        let account = server.query(account).await[0][0].clone().unwrap();
        server.query(&attack.seed(&account, attack.rows / PART)).await;
    }
    for _ in 0..attack.large_events {
        assert_eq!(attacker.post(large_body()).send().await.unwrap().status(), 200);
    }
    let attacking = tokio::spawn((attack.run)(attacker.clone()));
    while attacker.answers.count() < UNDER_WAY {
        tokio::task::yield_now().await;
    }
    for number in 0..POSTS {
        let status = sender.status().await;
        assert_eq!(status, 200, "post {number} beside {}: {}", attack.name, attacker.answers.list());
    }
    for path in ["/events", "/settings/integrations/webhooks"].iter().cycle().take(PAGES) {
        let status = alice.get(path).await.status();
        assert_eq!(status, 200, "{path} beside {}: {}", attack.name, attacker.answers.list());
    }
    let ready = alice.get("/readyz").await;
    let (status, words) = (ready.status(), ready.text().await.unwrap());
    assert_eq!(status, 200, "{}: {words}", attack.name);
    assert!(!attacking.is_finished(), "the attack went on: {}", attack.name);
    attacking.abort();
    let mine = "select count(*) from events e join users u using (account_id) where u.email = 'alice@example.com'";
    assert_eq!(server.number(mine).await, POSTS as i64 + 1, "{}", attack.name);
    // The connections of all of them together are more than the database has.
    server.stop().await;
}

// holds N1, N2, N3, N4, N6, N7, N9
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_neighbour_does_everybody_else_goes_on() {
    for attack in ATTACKS {
        assert_that_others_go_on(attack).await;
    }
}
