//! Alerts: what fires when, what is said of it, and what people do about it. The clock is driven.

use jiff::SignedDuration;
use reasoner_webhooks::app::evaluate_alerts::evaluate;
use serde_json::{Value, json};

use crate::support::actors::{Person, Sender, WEBHOOKS};
use crate::support::api_program::Program;
use crate::support::server::{PASSWORD, TestServer};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const RULES: &str = "/settings/alerts/rules";

struct Stage {
    server: TestServer,
    alice: Person,
    sender: Sender,
    credential: String,
}

impl Stage {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let alice = server.pro("alice@example.com").await;
        let sender = server.sender(&alice).await;
        let credential = alice.credential_id(&sender.username).await.to_string();
        Self { server, alice, sender, credential }
    }

    /// Some time later, when the alerts have been evaluated since.
    async fn after(&self, time: SignedDuration) {
        self.server.pass(time);
        let before = self.server.now() - SignedDuration::from_secs(1);
        let state = &self.server.application().state;
        evaluate(&state.store, true, self.server.now()).await.unwrap();
        // It may have been the turn of the server itself.
        let since = format!("select count(*) from alert_evaluation where evaluated_at > '{before}'");
        self.server.eventually(&since, 1).await;
    }

    /// Minute by minute, as while the program runs.
    async fn minutes(&self, count: usize) {
        for _ in 0..count {
            self.after(MINUTE).await;
        }
    }

    /// Kind, state and level of all that there are.
    async fn alerts(&self) -> Vec<String> {
        let sql = "select kind || ' ' || state || ' ' || level from alerts order by kind, id";
        self.server.query(sql).await.into_iter().map(|row| row[0].clone().unwrap()).collect()
    }

    async fn history(&self) -> Vec<String> {
        let sql = "select kind || ' ' || state || ' ' || level from alert_changes order by id";
        self.server.query(sql).await.into_iter().map(|row| row[0].clone().unwrap()).collect()
    }

    /// A page, whose session may have ended meanwhile.
    async fn page(&self, path: &str) -> String {
        self.alice.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
        self.alice.page(path).await
    }

    async fn act(&self, on: &str, fields: &[(&str, &str)]) {
        let answer = self.alice.post(&format!("{WEBHOOKS}/credentials/{}/{on}", self.credential), fields).await;
        assert!([200, 303].contains(&answer.status().as_u16()), "{on}: {}", answer.status());
    }

    async fn watch(&self, fields: &[(&str, &str)]) {
        assert_eq!(self.alice.post(RULES, fields).await.status(), 303);
    }

    async fn id(&self) -> String {
        self.server.query("select id::text from alerts").await[0][0].clone().unwrap()
    }
}

const ALL_WEEK: [(&str, &str); 7] = [
    ("weekday", "mon"),
    ("weekday", "tue"),
    ("weekday", "wed"),
    ("weekday", "thu"),
    ("weekday", "fri"),
    ("weekday", "sat"),
    ("weekday", "sun"),
];

// holds issue 18, section 2: password expiring (14, 3, 1 d); acknowledge; history; page, credential and API
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_expires_is_told_of_three_times_and_resolved_by_a_rotation() {
    let stage = Stage::start().await;
    let date = (stage.server.now() + DAY * 20).strftime("%F").to_string();
    stage.act("expiry", &[("expires_on", &date)]).await;
    stage.after(DAY * 5).await;
    assert!(stage.alerts().await.is_empty(), "early enough");
    stage.after(DAY).await;
    assert_eq!(stage.alerts().await, ["password_expiring firing 1"]);
    let page = stage.page("/settings/alerts").await;
    assert!(page.contains("A password expires") && page.contains("System 1</a>: Its password expires on "), "{page}");
    let credential = stage.page(&format!("{WEBHOOKS}/{}", stage.credential)).await;
    assert!(credential.contains("<strong>A password expires.</strong> Firing since "), "{credential}");
    let acknowledgement = format!("/settings/alerts/{}/acknowledgement", stage.id().await);
    let page = stage.alice.follow(stage.alice.post(&acknowledgement, &[]).await).await;
    assert!(page.contains("The alert is acknowledged.") && !page.contains("/acknowledgement\""), "{page}");
    assert_eq!(stage.server.number("select count(*) from audit_log where action = 'alert_acknowledged'").await, 1);
    stage.after(DAY * 11).await;
    assert_eq!(stage.alerts().await, ["password_expiring firing 2"]);
    let open = "select count(*) from alerts where acknowledged_at is null";
    assert_eq!(stage.server.number(open).await, 1, "it is more urgent than what was acknowledged");
    stage.after(DAY * 2).await;
    let program = stage.program().await;
    let listed = program.json("/alerts").await;
    let alert = &listed["alerts"][0];
    assert_eq!(
        (&alert["kind"], &alert["state"], &alert["level"]),
        (&json!("password_expiring"), &json!("firing"), &json!(3))
    );
    assert_eq!(alert["subject"], json!({"kind": "credential", "id": stage.credential, "name": "System 1"}));
    stage.act("rotation", &[("overlap", "now")]).await;
    stage.after(MINUTE).await;
    let history = ["firing 1", "firing 2", "firing 3", "resolved 3"].map(|state| format!("password_expiring {state}"));
    assert_eq!(stage.history().await, history);
    let page = stage.page("/settings/alerts").await;
    assert!(page.contains("Resolved") && page.contains("was replaced, given another date, or has expired"), "{page}");
    assert!(!stage.page(&format!("{WEBHOOKS}/{}", stage.credential)).await.contains("Firing since"));
}

impl Stage {
    async fn program(&self) -> Program {
        self.page("/settings/account").await;
        Program::with(&self.server, &self.alice, &["credentials:read"]).await
    }
}

// holds issue 18, section 2: an API token expiring; a token that sees one credential sees its alerts alone
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_is_told_of_but_not_to_a_token_that_sees_one_credential() {
    let stage = Stage::start().await;
    let grant = [("name", "Import"), ("scope", "events:read"), ("lifetime", "30")];
    assert_eq!(stage.alice.post("/settings/api-tokens", &grant).await.status(), 200);
    stage.after(DAY * 17).await;
    assert_eq!(stage.alerts().await, ["token_expiring firing 1"]);
    stage.page("/settings/account").await;
    let all = Program::with(&stage.server, &stage.alice, &["credentials:read"]).await;
    assert_eq!(all.json("/alerts").await["alerts"][0]["subject"]["name"], "Import");
    stage
        .server
        .query(&format!("update api_tokens set credentials = '{}' where name <> 'Import'", stage.credential))
        .await;
    assert_eq!(all.json("/alerts").await["alerts"], json!([]));
    stage.server.query("update api_tokens set revoked_at = now()").await;
    stage.after(MINUTE).await;
    assert_eq!(stage.alerts().await, ["token_expiring resolved 1"]);
}

// holds issue 18, section 2: an old password in use at 50, 80 and 95 % of its overlap, then its late events
#[tokio::test(flavor = "multi_thread")]
async fn an_old_password_in_use_is_told_of_and_then_its_late_events() {
    let stage = Stage::start().await;
    stage.sender.store("1").await;
    stage.server.eventually("select count(*) from credential_secrets where last_used_at is not null", 1).await;
    stage.act("rotation", &[("overlap", "24h")]).await;
    stage.after(HOUR * 13).await;
    assert!(stage.alerts().await.is_empty(), "not used since the change");
    stage.sender.store("2").await;
    let used = "select count(*) from credential_secrets s where last_used_at > (select max(created_at) from credential_secrets)";
    stage.server.eventually(used, 1).await;
    for (hours, level) in [(1, 1), (6, 2), (3, 3)] {
        stage.after(HOUR * hours).await;
        assert_eq!(stage.alerts().await, [format!("old_password_used firing {level}")]);
    }
    stage.server.pass(HOUR * 2);
    assert_eq!(stage.sender.status().await, 401);
    stage.server.eventually("select count(*) from held_events", 1).await;
    stage.after(MINUTE).await;
    assert_eq!(stage.alerts().await, ["late_events firing 1", "old_password_used resolved 3"]);
    stage.after(DAY * 6).await;
    assert_eq!(stage.alerts().await[0], "late_events firing 2", "24 hours before they go");
    let page = stage.page("/settings/alerts").await;
    assert!(page.contains("1 late event came with an expired password."), "{page}");
    stage.act("held-events/discarding", &[]).await;
    stage.after(MINUTE).await;
    assert_eq!(stage.alerts().await[0], "late_events resolved 2");
}

// holds issue 18, section 2: repeated refusals of a credential that used to work, and no word about guesses
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_used_to_work_and_is_refused_is_told_of_and_guesses_are_not() {
    let stage = Stage::start().await;
    let refuse = async |times: i64| {
        for _ in 0..times {
            assert_eq!(stage.sender.with_password("wrong").status().await, 401);
        }
    };
    refuse(6).await;
    stage.server.eventually("select coalesce(sum(count), 0) from rejections", 6).await;
    stage.after(MINUTE).await;
    assert!(stage.alerts().await.is_empty(), "it has never worked from there");
    stage.server.pass(HOUR);
    stage.sender.store("1").await;
    stage.server.eventually("select count(*) from senders", 1).await;
    refuse(4).await;
    stage.server.eventually("select coalesce(sum(count), 0) from rejections", 10).await;
    stage.after(MINUTE).await;
    assert!(stage.alerts().await.is_empty(), "not often enough");
    refuse(1).await;
    stage.server.eventually("select coalesce(sum(count), 0) from rejections", 11).await;
    stage.after(MINUTE).await;
    assert_eq!(stage.alerts().await, ["refusals firing 1"]);
    let page = stage.page("/settings/alerts").await;
    assert!(page.contains("5 requests were refused within 15 minutes, the last from 127.0.0.1."), "{page}");
    stage.after(MINUTE * 16).await;
    assert_eq!(stage.alerts().await, ["refusals resolved 1"]);
}

// holds issue 18, section 2: silence, and none after an outage of our own
#[tokio::test(flavor = "multi_thread")]
async fn silence_fires_after_its_time_and_not_while_it_may_be_our_own() {
    let stage = Stage::start().await;
    let rule = [("kind", "silence"), ("subject", stage.credential.as_str()), ("minutes", "15")];
    stage.watch(&[&rule[..], &ALL_WEEK].concat()).await;
    stage.sender.store("1").await;
    stage.server.eventually("select count(*) from senders", 1).await;
    stage.minutes(14).await;
    assert!(stage.alerts().await.is_empty());
    stage.minutes(2).await;
    assert_eq!(stage.alerts().await, ["silence firing 1"]);
    stage.sender.store("2").await;
    let heard = "select count(*) from senders, alert_evaluation where last_seen_at >= evaluated_at";
    stage.server.eventually(heard, 1).await;
    stage.after(MINUTE).await;
    assert_eq!(stage.alerts().await, ["silence resolved 1"]);
    // Nobody evaluates for an hour: the program was away.
    stage.after(HOUR).await;
    stage.minutes(14).await;
    assert_eq!(stage.alerts().await, ["silence resolved 1"], "it was ours");
    stage.minutes(2).await;
    assert_eq!(stage.alerts().await, ["silence firing 1"]);
    // While events cannot be stored, silence is ours as well.
    stage.sender.store("3").await;
    stage.server.eventually(heard, 1).await;
    stage.after(MINUTE).await;
    let state = &stage.server.application().state;
    for _ in 0..20 {
        stage.server.pass(MINUTE);
        evaluate(&state.store, false, stage.server.now()).await.unwrap();
    }
    assert_eq!(stage.alerts().await, ["silence resolved 1"]);
}

// holds issue 18, section 2: rejections at least X in Y minutes or above a share
#[tokio::test(flavor = "multi_thread")]
async fn many_rejections_fire_by_number_and_by_share() {
    let stage = Stage::start().await;
    for number in 0..4 {
        stage.sender.store(number.to_string()).await;
    }
    let rule = |percent| {
        [
            ("kind", "rejections"),
            ("subject", stage.credential.as_str()),
            ("minutes", "15"),
            ("at_least", "3"),
            ("percent", percent),
        ]
    };
    stage.watch(&rule("50")).await;
    for _ in 0..3 {
        assert_eq!(stage.sender.send("no JSON").await.status(), 400);
    }
    stage.server.eventually("select coalesce(sum(count), 0) from rejections", 3).await;
    stage.after(MINUTE).await;
    assert!(stage.alerts().await.is_empty(), "3 of 7 are not half");
    stage.watch(&rule("40")).await;
    assert_eq!(stage.server.number("select count(*) from alert_rules").await, 1, "it took the place of the other");
    stage.after(MINUTE).await;
    assert_eq!(stage.alerts().await, ["rejections firing 1"]);
    let page = stage.page("/settings/alerts").await;
    assert!(page.contains("3 requests were rejected within 15 min."), "{page}");
    let rule = stage.server.query("select id::text from alert_rules").await[0][0].clone().unwrap();
    let page = stage.alice.follow(stage.alice.post(&format!("{RULES}/{rule}/deletion"), &[]).await).await;
    assert!(page.contains("The rule is deleted.") && page.contains("Nothing fires"), "{page}");
    stage.after(MINUTE).await;
    assert!(stage.alerts().await.is_empty());
    assert_eq!(stage.history().await, ["rejections firing 1"], "the history stays");
}

// holds issue 18, section 2: a consumer behind; a credential unused for 90 days, by choice
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_behind_fires_after_its_time_and_an_unused_credential_by_choice() {
    let stage = Stage::start().await;
    let program = Program::with(&stage.server, &stage.alice, &["events:read", "consumers:write"]).await;
    let made = program.call("POST", "/consumers", json!({"name": "Import"}), 201).await;
    let id = made["id"].as_str().unwrap();
    stage.watch(&[("kind", "consumer_behind"), ("subject", id), ("minutes", "15")]).await;
    stage.server.pass(MINUTE);
    stage.sender.store("1").await;
    stage.server.eventually("select count(*) from senders", 1).await;
    stage.minutes(1).await;
    assert_eq!(stage.alerts().await, ["consumer_behind pending 1"]);
    stage.minutes(16).await;
    assert_eq!(stage.alerts().await, ["consumer_behind firing 1"]);
    let pulled: Value = program.json(&format!("/consumers/{id}/events")).await;
    program.call("POST", &format!("/consumers/{id}/ack"), json!({"cursor": pulled["cursor"]}), 200).await;
    stage.minutes(1).await;
    assert_eq!(stage.alerts().await, ["consumer_behind resolved 1"]);
    stage.after(DAY * 91).await;
    assert_eq!(stage.alerts().await, ["consumer_behind resolved 1"], "nobody has asked for more");
    stage.page("/settings/alerts").await;
    let page = stage.alice.follow(stage.alice.post("/settings/alerts/choice", &[("kind", "unused")]).await).await;
    assert!(page.contains("Your choice is saved."), "{page}");
    stage.after(MINUTE).await;
    assert_eq!(stage.alerts().await, ["consumer_behind resolved 1", "unused firing 1"]);
    stage.alice.post("/settings/alerts/choice", &[]).await;
    assert_eq!(stage.alerts().await, ["consumer_behind resolved 1"], "what nobody wants is forgotten");
}

// holds issue 18, section 2: mute for a time
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_muted_for_a_time_and_nobody_else_can_touch_it() {
    let stage = Stage::start().await;
    let date = (stage.server.now() + DAY * 16).strftime("%F").to_string();
    stage.act("expiry", &[("expires_on", &date)]).await;
    stage.after(DAY * 3).await;
    let muting = format!("/settings/alerts/{}/muting", stage.id().await);
    let page = stage.alice.follow(stage.alice.post(&muting, &[("time", "24h")]).await).await;
    assert!(
        page.contains("The alert is muted.") && page.contains("Muted until ") && page.contains(">Unmute<"),
        "{page}"
    );
    let bob = stage.server.pro("bob@example.com").await;
    assert_eq!(bob.post(&muting, &[]).await.status(), 404);
    assert_eq!(
        bob.post(RULES, &[("kind", "silence"), ("subject", &stage.credential), ("minutes", "15"), ("weekday", "mon")])
            .await
            .status(),
        404
    );
    let page = stage.alice.follow(stage.alice.post(&muting, &[]).await).await;
    assert!(page.contains("no longer muted") && !page.contains("Muted until"), "{page}");
}

// holds issue 18, section 2: a rule says what is wrong with it
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_rule_comes_back_with_what_was_typed() {
    let stage = Stage::start().await;
    let wrong = [("kind", "silence"), ("subject", stage.credential.as_str()), ("minutes", "60"), ("from", "25:00")];
    let answer = stage.alice.post(RULES, &[&wrong[..], &ALL_WEEK].concat()).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("Give times such as 08:00 and 18:00") && page.contains("value=\"25:00\""), "{page}");
    assert_eq!(stage.server.number("select count(*) from alert_rules").await, 0);
}
