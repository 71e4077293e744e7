//! Two programs over one database: what is decided on one holds on the other from the moment it was answered, under load,
//! although both remember which passwords are right.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::support::actors::{Person, Sender, WEBHOOKS};
use crate::support::postgres;
use crate::support::server::TestServer;

/// Posts that begin after the answer; of them, none may be accepted.
const POSTS: usize = 1_000;
const CONNECTIONS: usize = 8;

// holds C8
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_posts_that_begin_after_a_revocation_none_is_accepted_by_the_other_instance() {
    let pair = Pair::new().await;
    let (path, enabling) = (pair.path("revocation").await, pair.path("enabling").await);
    let act = async || assert_eq!(pair.alice.post(&path, &[("confirmation", "System 1")]).await.status(), 303);
    assert_eq!(pair.race(act).await, [401; POSTS]);
    // The page of the other instance cannot take it back.
    pair.alice_there().post(&enabling, &[]).await;
    assert_eq!(pair.statuses().await, (401, 401));
}

// holds C8
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_posts_that_begin_after_disabling_none_is_accepted_until_it_is_enabled_again() {
    let pair = Pair::new().await;
    let (disabling, enabling) = (pair.path("disabling").await, pair.path("enabling").await);
    let act = async || assert_eq!(pair.alice.post(&disabling, &[]).await.status(), 303);
    assert_eq!(pair.race(act).await, [401; POSTS]);
    // Taken back where nobody has heard of it, it works at once where everybody was refused.
    assert_eq!(pair.alice_there().post(&enabling, &[]).await.status(), 303);
    assert_eq!(pair.statuses().await, (200, 200));
}

// holds C13
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_posts_that_begin_after_a_downgrade_none_is_stored() {
    let pair = Pair::new().await;
    assert_eq!(pair.race(async || pair.here.change_plan("alice@example.com", "free").await).await, [403; POSTS]);
    assert_eq!(pair.statuses().await, (403, 403));
    pair.here.change_plan("alice@example.com", "pro").await;
    assert_eq!(pair.statuses().await, (200, 200));
}

// holds C8
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_wins_over_any_enabling_around_it() {
    let pair = Pair::new().await;
    let (disabling, enabling) = (pair.path("disabling").await, pair.path("enabling").await);
    let revocation = pair.path("revocation").await;
    let there = pair.alice_there();
    let switching = async |path: &str| {
        for _ in 0..10 {
            there.post(path, &[]).await;
        }
    };
    tokio::join!(switching(&disabling), switching(&enabling), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(pair.alice.post(&revocation, &[("confirmation", "System 1")]).await.status(), 303);
    });
    pair.alice.post(&enabling, &[]).await;
    assert_eq!(pair.statuses().await, (401, 401));
}

// holds C7
#[tokio::test(flavor = "multi_thread")]
async fn the_old_password_ends_on_every_instance_when_its_overlap_does() {
    let pair = Pair::new().await;
    let page = pair.alice.post(&pair.path("rotation").await, &[("overlap", "1h")]).await.text().await.unwrap();
    let new = Sender::from_page(&pair.here.url, &page);
    let new_there = pair.there(&new);
    assert_eq!(pair.statuses().await, (200, 200), "the old one, during the overlap");
    assert_eq!((new.status().await, new_there.status().await), (200, 200));
    for server in [&pair.here, &pair.other] {
        server.pass(SignedDuration::from_mins(61));
    }
    assert_eq!(pair.statuses().await, (401, 401), "the old one, after the overlap");
    assert_eq!((new.status().await, new_there.status().await), (200, 200));
}

// holds C7
#[tokio::test(flavor = "multi_thread")]
async fn twenty_rotations_at_once_on_two_instances_leave_two_passwords() {
    let pair = Pair::new().await;
    let path = pair.path("rotation").await;
    let owners = [pair.alice.clone(), pair.alice_there()];
    let rotations = (0..20).map(|number| {
        let (owner, path) = (&owners[number % 2], &path);
        async move { owner.post(path, &[("overlap", "24h")]).await }
    });
    let mut won = Vec::new();
    for answer in join_all(rotations).await {
        match answer.status().as_u16() {
            200 => won.push(Sender::from_page(&pair.here.url, &answer.text().await.unwrap())),
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!(won.len(), 1, "one rotation wins");
    let live = "select count(*) from credential_secrets where revoked_at is null and (expires_at is null or expires_at > now())";
    assert_eq!(pair.here.number(live).await, 2);
    assert_eq!(pair.statuses().await, (200, 200), "the old one");
    assert_eq!((won[0].status().await, pair.there(&won[0]).status().await), (200, 200), "the new one");
}

/// Two programs over one database, and a sender whose password both have verified.
struct Pair {
    here: TestServer,
    other: TestServer,
    alice: Person,
    sender: Sender,
    stored: AtomicUsize,
    posts: AtomicU64,
}

impl Pair {
    async fn new() -> Self {
        // Senders are told apart by a forwarded address, or their failures would be refused before anybody looks at them.
        let trusting = |options: &mut reasoner_webhooks::config::options::Options| {
            options.trusted_proxies = Some("127.0.0.0/8".to_owned());
        };
        let database_url = postgres::new_database().await;
        let here = TestServer::start_over(database_url.clone(), trusting).await;
        let other = TestServer::start_over(database_url, trusting).await;
        let alice = here.pro("alice@example.com").await;
        let sender = here.sender(&alice).await;
        let pair = Self { here, other, alice, sender, stored: AtomicUsize::new(0), posts: AtomicU64::new(0) };
        assert_eq!(pair.statuses().await, (200, 200));
        pair
    }

    /// The same sender, at the other instance.
    fn there(&self, sender: &Sender) -> Sender {
        Sender::new(&self.other.url, &sender.username, &sender.password)
    }

    /// The same person at the other instance: sessions are shared.
    fn alice_there(&self) -> Person {
        Person { url: self.other.url.clone(), ..self.alice.clone() }
    }

    async fn path(&self, act: &str) -> String {
        let id = self.alice.credential_id(&self.sender.username).await;
        format!("{WEBHOOKS}/credentials/{id}/{act}")
    }

    /// What the sender is told here and there.
    async fn statuses(&self) -> (u16, u16) {
        (self.post(&self.sender).await, self.post(&self.there(&self.sender)).await)
    }

    async fn post(&self, sender: &Sender) -> u16 {
        let number = self.posts.fetch_add(1, Ordering::Relaxed);
        let address = format!("10.{}.{}.7", number / 250, number % 250);
        let request = sender.request().header("X-Forwarded-For", address).body("\"a post\"");
        let status = request.send().await.unwrap().status().as_u16();
        if status == 200 {
            self.stored.fetch_add(1, Ordering::Relaxed);
        }
        status
    }

    /// Posts to the other instance without a pause while something is done here, and gives back what those were told that
    /// began after it was done. What is stored at the end is what was acknowledged.
    async fn race(&self, act: impl AsyncFnOnce()) -> Vec<u16> {
        let sender = self.there(&self.sender);
        let (done, begun) = (AtomicBool::new(false), AtomicUsize::new(0));
        let posting = join_all((0..CONNECTIONS).map(|_| async {
            let mut told = Vec::new();
            loop {
                let is_late = done.load(Ordering::SeqCst);
                if is_late && begun.fetch_add(1, Ordering::SeqCst) >= POSTS {
                    return told;
                }
                let status = self.post(&sender).await;
                if is_late {
                    told.push(status);
                }
            }
        }));
        let acting = async {
            while self.stored.load(Ordering::Relaxed) < 200 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            act().await;
            done.store(true, Ordering::SeqCst);
        };
        let (told, ()) = tokio::join!(posting, acting);
        let stored = i64::try_from(self.stored.load(Ordering::Relaxed)).unwrap();
        assert_eq!(self.here.number("select count(*) from events").await, stored, "stored is what was acknowledged");
        told.concat()
    }
}
