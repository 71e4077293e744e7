//! What a page and an act ask of the database: round trips are most of what they cost, and grow unseen.

use jiff::SignedDuration;
use reasoner_webhooks::domain::event::EventId;

use crate::support::actors::{Person, Sender, WEBHOOKS};
use crate::support::chaos_proxy::Proxy;
use crate::support::postgres;
use crate::support::server::{PASSWORD, TestServer};

/// The most that a page may ask.
const OF_A_PAGE: usize = 6;
/// The most that an act may ask, with its transaction; one more where it leaves a notice for the next page.
const OF_AN_ACT: usize = 8;
/// Asks nothing but whether the connection is alive, once a request.
const IS_ALIVE: &str = "";
/// How often each is tried at most. The fewest count: a connection may have to prepare a statement, and the program's own work asks too.
const TRIES_OF_A_PAGE: usize = 40;
const TRIES_OF_AN_ACT: usize = 10;

struct Stage {
    server: TestServer,
    proxy: Proxy,
    alice: Person,
}

impl Stage {
    async fn start() -> Self {
        let (proxy, address) = Proxy::in_front_of(&postgres::new_database().await).await;
        let server = TestServer::start_over(address, |_| {}).await;
        let alice = server.pro("alice@example.com").await;
        Self { server, proxy, alice }
    }

    /// What was asked for the cheapest of some requests, or for the first that kept to a limit.
    async fn fewest(&self, limit: usize, requests: &[(String, Vec<(&str, &str)>)]) -> Vec<String> {
        let mut fewest: Option<Vec<String>> = None;
        for (path, fields) in requests {
            self.proxy.take_round_trips();
            let answer = match fields.as_slice() {
                [("", _)] => self.alice.get(path).await,
                fields if path == "/login" => self.server.visitor().post(path, fields).await,
                fields => self.alice.post(path, fields).await,
            };
            assert!(answer.status().as_u16() < 400, "{path} answers {}", answer.status());
            answer.text().await.unwrap();
            let asked = self.proxy.take_round_trips();
            if fewest.as_ref().is_none_or(|fewest| asked.len() < fewest.len()) {
                fewest = Some(asked);
            }
            let looks = |asked: &Vec<String>| asked.iter().filter(|statement| *statement == IS_ALIVE).count();
            if fewest.as_ref().is_some_and(|fewest| looks(fewest) <= 1 && fewest.len() - looks(fewest) <= limit) {
                break;
            }
        }
        let mut fewest = fewest.unwrap();
        let all = fewest.len();
        fewest.retain(|statement| statement != IS_ALIVE);
        assert!(all <= fewest.len() + 1, "{:?} asks again whether its connection is alive", requests[0].0);
        fewest
    }

    async fn senders(&self) -> Vec<(Sender, String)> {
        let mut senders = Vec::new();
        for _ in 0..TRIES_OF_AN_ACT {
            let sender = self.server.sender(&self.alice).await;
            let id = self.alice.credential_id(&sender.username).await;
            senders.push((sender, id.to_string()));
        }
        senders
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_ask_the_database_a_few_times() {
    let stage = Stage::start().await;
    let senders = stage.senders().await;
    let mut event = String::new();
    for number in 0..20 {
        event = senders[0].0.store(format!(r#"{{"number":{number}}}"#)).await;
    }
    stage.server.eventually("select count(*) from credential_secrets where first_used_at is not null", 1).await;
    let form = [("name", "Import"), ("start", "oldest"), ("credentials", &senders[0].0.username)];
    stage.alice.post("/settings/consumers", &form).await;
    let consumer = stage.server.query("select id::text from consumers").await[0][0].clone().unwrap();
    // The steps to a first event are over by then.
    stage.server.pass(SignedDuration::from_hours(2));
    let first = EventId::first_of(stage.server.now()).0;
    let pages = [
        "/events".to_owned(),
        "/events/overview".to_owned(),
        "/events/rejections".to_owned(),
        format!("/events?before={first}"),
        format!("/events/{event}"),
        WEBHOOKS.to_owned(),
        format!("{WEBHOOKS}/{}", senders[0].1),
        "/settings/account".to_owned(),
        "/settings/audit".to_owned(),
        "/settings/sessions".to_owned(),
        "/settings/consumers".to_owned(),
        format!("/settings/consumers/{consumer}"),
        "/settings/alerts".to_owned(),
        "/settings/alerts/rules/new".to_owned(),
        "/docs/webhooks/quick-start".to_owned(),
    ];
    let mut too_many = Vec::new();
    for page in pages {
        let asked = stage.fewest(OF_A_PAGE, &vec![(page.clone(), vec![("", "")]); TRIES_OF_A_PAGE]).await;
        if asked.len() > OF_A_PAGE {
            too_many.push(format!("{page} asks {} times:\n  {}", asked.len(), asked.join("\n  ")));
        }
    }
    assert!(too_many.is_empty(), "{}", too_many.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_ask_the_database_a_few_times() {
    let stage = Stage::start().await;
    let senders = stage.senders().await;
    let credentials = format!("{WEBHOOKS}/credentials");
    let names: Vec<String> = (0..TRIES_OF_AN_ACT).map(|number| format!("Name {number}")).collect();
    let on_each = |act: &str, fields: Vec<(&'static str, &'static str)>| -> Vec<(String, Vec<(&str, &str)>)> {
        senders.iter().map(|(_, id)| (format!("{credentials}/{id}/{act}"), fields.clone())).collect()
    };
    let renaming =
        |((_, id), name): (&(Sender, String), &'static str)| (format!("{credentials}/{id}/name"), vec![("name", name)]);
    let renamings = senders.iter().zip(["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"]).map(renaming).collect();
    let sign_in = vec![("email", "alice@example.com"), ("password", PASSWORD)];
    let acts = [
        ("creating", names.iter().map(|name| (credentials.clone(), vec![("name", name.as_str())])).collect()),
        ("rotating", on_each("rotation", vec![("overlap", "7d")])),
        ("extending", on_each("overlap-extension", vec![])),
        ("stopping", on_each("old-password-revocation", vec![])),
        ("renaming", renamings),
        ("sending a test event", vec![on_each("test-event", vec![]).remove(0); TRIES_OF_AN_ACT]),
        ("disabling", on_each("disabling", vec![])),
        ("enabling", on_each("enabling", vec![])),
        ("revoking", on_each("revocation", vec![])),
        ("signing in", vec![("/login".to_owned(), sign_in); TRIES_OF_AN_ACT]),
    ];
    let mut too_many = Vec::new();
    for (act, requests) in acts {
        let leaves_notice = !["creating", "rotating", "signing in"].contains(&act);
        let limit = OF_AN_ACT + usize::from(leaves_notice);
        let asked = stage.fewest(limit, &requests).await;
        if asked.len() > limit {
            too_many.push(format!("{act} asks {} times:\n  {}", asked.len(), asked.join("\n  ")));
        }
    }
    assert!(too_many.is_empty(), "{}", too_many.join("\n"));
}
