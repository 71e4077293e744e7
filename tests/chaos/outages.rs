//! The database is away, in every way in which a database goes away: everybody is told so in time, and when it is back, the
//! program is back, without anybody's help.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Response;
use tokio_postgres::{Client, NoTls};

use crate::stage::{Acknowledged, Stage, assert_is_503, only};
use crate::support::actors::{Person, Sender};
use crate::support::chaos_proxy::Mode;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::server::PASSWORD;

/// How soon everybody hears that the database is away, and how soon the program is well after it is back.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
const WELL_WITHIN: Duration = Duration::from_secs(5);
/// What a machine that is busy with other tests may add.
const TOLERANCE: Duration = Duration::from_millis(1_500);
/// Senders that are told at the same time.
const SENDERS: usize = 40;

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_and_one_that_was_shut_down_are_told_with_503_and_forgotten_when_they_are_back() {
    let mut outage = Outage::prepare().await;
    outage.stage.postgres.kill().await;
    outage.assert_everybody_is_told().await;
    outage.stage.postgres.start_again().await;
    outage.assert_well_again().await;

    outage.stage.postgres.shut_down().await;
    outage.assert_everybody_is_told().await;
    outage.stage.postgres.start_again().await;
    outage.assert_well_again().await;
}

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_nothing_is_sent_is_noticed_by_no_sender() {
    let mut outage = Outage::prepare().await;
    for _ in 0..3 {
        outage.stage.postgres.shut_down().await;
        outage.stage.postgres.start_again().await;
        // More at once than there are writers, so that each of them meets its lost connection.
        let answers = join_all((0..SENDERS).map(|_| outage.stage.sender.status())).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    }
}

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_loses_one_of_its_processes_recovers_and_so_does_the_program() {
    let mut outage = Outage::prepare().await;
    for _ in 0..2 {
        // As when memory runs out: the server throws everybody out and starts over.
        outage.stage.postgres.kill_one(outage.stage.backend_of_ours().await);
        outage.assert_well_again().await;
    }
}

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_keeps_nobody_waiting() {
    let mut outage = Outage::prepare().await;
    outage.stage.postgres.pause();
    outage.assert_everybody_is_told().await;
    outage.stage.postgres.resume();
    outage.assert_well_again().await;

    // Long enough for every attempt of before to be given up, and asked in the middle and at the end.
    outage.stage.postgres.pause();
    outage.assert_everybody_is_told().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    outage.assert_everybody_is_told().await;
    outage.stage.postgres.resume();
    outage.assert_well_again().await;
}

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_refuses_and_one_that_swallows_everything_are_the_same_to_everybody() {
    let mut outage = Outage::prepare().await;
    for mode in [Mode::Refuse, Mode::BlackHole, Mode::BlackHole] {
        outage.stage.proxy.switch(mode);
        outage.assert_everybody_is_told().await;
        outage.assert_everybody_is_told().await;
        outage.stage.proxy.switch(Mode::Pass);
        outage.assert_well_again().await;
    }
}

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_no_connection_left_is_as_good_as_away() {
    let mut outage = Outage::prepare().await;
    let eaten = eat_all_connections(&outage.stage).await;
    outage.assert_everybody_is_told().await;
    drop(eaten);
    outage.assert_well_again().await;
}

// holds D3
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_stores_nothing_and_says_so() {
    let mut outage = Outage::prepare().await;
    let admin = connect(outage.stage.postgres.url()).await.unwrap();
    let set = async |value: &str| {
        admin.batch_execute(&format!("alter system set default_transaction_read_only = {value}")).await.unwrap();
        admin.batch_execute("select pg_reload_conf()").await.unwrap();
    };
    set("on").await;
    outage.stage.wait_for_status(503).await;
    let told = outage.ask_everybody().await;
    told.assert_senders_are_told();
    assert_is_503(&told.ready);
    assert_is_503(&told.sign_in);
    // What can be read may be read.
    assert!(matches!(told.page.status().as_u16(), 200 | 503), "{}", told.page.status());
    admin.batch_execute("set default_transaction_read_only = off").await.unwrap();
    set("off").await;
    outage.assert_well_again().await;
}

/// A stage, and senders that it has never seen.
pub struct Outage {
    pub stage: Stage,
    pub acknowledged: Acknowledged,
    cold: Vec<Sender>,
}

/// What everybody was told during an outage.
pub struct Told {
    pub hot: Vec<Response>,
    pub cold: Response,
    pub page: Response,
    pub sign_in: Response,
    pub ready: Response,
}

impl Outage {
    pub async fn prepare() -> Self {
        Self::prepare_on(PrivatePostgres::start().await).await
    }

    pub async fn prepare_on(postgres: PrivatePostgres) -> Self {
        let stage = Stage::over(postgres).await;
        let mut cold = Vec::new();
        for _ in 0..4 {
            cold.push(stage.server.sender(&stage.alice).await);
        }
        Self { stage, acknowledged: Acknowledged::default(), cold }
    }

    /// Asks at every door at once. Each answer comes in time, and the program says that it is alive.
    pub async fn ask_everybody(&self) -> Told {
        let visitor = self.stage.server.visitor();
        let hot = join_all((0..SENDERS).map(|_| in_time("a sender", self.stage.sender.send("\"away\""))));
        let cold = in_time("a new sender", self.cold.last().unwrap().send("\"away\""));
        let page = in_time("a page", self.stage.alice.get("/events"));
        let sign_in = in_time("signing in", sign_in(&self.stage));
        let ready = in_time("/readyz", until_not_ready(&visitor));
        let alive = in_time("/healthz", visitor.get("/healthz"));
        let (hot, cold, page, sign_in, ready, alive) = tokio::join!(hot, cold, page, sign_in, ready, alive);
        assert_eq!(alive.status(), 200);
        Told { hot, cold, page, sign_in, ready }
    }

    pub async fn assert_everybody_is_told(&self) {
        let told = self.ask_everybody().await;
        told.assert_senders_are_told();
        for (door, answer) in [("a page", told.page), ("signing in", told.sign_in), ("/readyz", told.ready)] {
            assert_eq!(answer.status(), 503, "{door}");
            assert_is_503(&answer);
        }
    }

    /// Every door opens again, and what was acknowledged is there.
    pub async fn assert_well_again(&mut self) {
        let began = Instant::now();
        let stage = &self.stage;
        // One that was never seen is only once so.
        let new = self.cold.pop().unwrap();
        let visitor = stage.server.visitor();
        tokio::join!(
            until("a sender", 200, async || self.acknowledged.note(stage.sender.send("\"back\"").await).await),
            until("a new sender", 200, async || self.acknowledged.note(new.send("\"back\"").await).await),
            until("a page", 200, async || stage.alice.get("/events").await.status().as_u16()),
            until("signing in", 303, async || sign_in(stage).await.status().as_u16()),
            until("/readyz", 200, async || visitor.get("/readyz").await.status().as_u16()),
        );
        let took = began.elapsed();
        assert!(took < WELL_WITHIN + TOLERANCE, "well again after {took:?}");
        self.acknowledged.assert_stored(stage.postgres.url()).await;
    }
}

impl Told {
    pub fn assert_senders_are_told(&self) {
        for answer in self.hot.iter().chain([&self.cold]) {
            assert_is_503(answer);
        }
    }
}

impl Stage {
    /// A process of the server that serves the program.
    async fn backend_of_ours(&self) -> i32 {
        let sql = "select pid from pg_stat_activity where application_name = 'reasoner-webhooks' limit 1";
        only(self.query(sql).await.remove(0)).parse().unwrap()
    }

    /// Sends until the sender gets this status, which something that was just done brings about in a moment.
    pub async fn wait_for_status(&self, expected: u16) {
        until("the sender", expected, async || self.sender.status().await).await;
    }
}

/// The answer, which has to come in time.
pub async fn in_time(door: &str, asking: impl Future<Output = Response>) -> Response {
    let began = Instant::now();
    let answer = asking.await;
    let took = began.elapsed();
    assert!(took < TOLD_WITHIN + TOLERANCE, "{door} was told {} after {took:?}", answer.status());
    answer
}

/// Asks until the answer has this status. Meanwhile there is nothing but 503.
async fn until(door: &str, expected: u16, ask: impl AsyncFn() -> u16) {
    let began = Instant::now();
    loop {
        let status = ask().await;
        if status == expected {
            return;
        }
        assert!(matches!(status, 200 | 303 | 503), "{door} is told {status}");
        assert!(began.elapsed() < Duration::from_secs(20), "{door} is told {status} and never {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What `/readyz` answers once it has found out.
async fn until_not_ready(visitor: &Person) -> Response {
    let began = Instant::now();
    loop {
        let answer = visitor.get("/readyz").await;
        if answer.status() == 503 || began.elapsed() > TOLD_WITHIN {
            return answer;
        }
    }
}

async fn sign_in(stage: &Stage) -> Response {
    stage.server.visitor().post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await
}

/// Takes the program's connections away and keeps all that there are.
async fn eat_all_connections(stage: &Stage) -> Vec<Client> {
    const OURS: &str = "from pg_stat_activity where application_name = 'reasoner-webhooks'";
    let mut eaten = vec![connect(stage.postgres.url()).await.unwrap()];
    for _ in 0..100 {
        eaten[0].simple_query(&format!("select pg_terminate_backend(pid) {OURS}")).await.unwrap();
        while let Some(one) = connect(stage.postgres.url()).await {
            eaten.push(one);
        }
        let left: i64 = eaten[0].query_one(&format!("select count(*) {OURS}"), &[]).await.unwrap().get(0);
        if left == 0 {
            return eaten;
        }
    }
    panic!("the program keeps getting connections");
}

async fn connect(url: &str) -> Option<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.ok()?;
    tokio::spawn(connection);
    Some(client)
}
