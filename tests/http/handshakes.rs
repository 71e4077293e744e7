//! What other systems ask before they send, and what they hear.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::actors::{Person, Sender};
use crate::support::server::TestServer;

async fn stage() -> (TestServer, Person, Sender) {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    (server, alice, sender)
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudevents_may_ask_with_credentials_or_without_and_hears_the_same() {
    let (server, _, sender) = stage().await;
    let client = reqwest::Client::new();
    let ask = || client.request("OPTIONS".parse().unwrap(), format!("{}/", server.url));
    let origin = "eventemitter.example.com";
    let with_origin = || ask().header("WebHook-Request-Origin", origin).header("WebHook-Request-Rate", "120");
    for request in [
        with_origin(),
        with_origin().header(AUTHORIZATION, sender.authorization()),
        with_origin().header(AUTHORIZATION, sender.with_password("rwp_wrong").authorization()),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        for (name, value) in [("webhook-allowed-origin", origin), ("webhook-allowed-rate", "*"), ("allow", "POST")] {
            assert_eq!(answer.headers()[name], value);
        }
        assert_eq!(answer.text().await.unwrap(), "");
    }
    let long = ask().header("WebHook-Request-Origin", "x".repeat(2_000)).send().await.unwrap();
    assert_eq!(long.headers()["webhook-allowed-origin"], "*");
    assert_eq!(ask().send().await.unwrap().status(), 405, "without an origin it is no question");
    assert_eq!(server.number("select count(*) from rejections").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_send_may_look_whether_somebody_is_there() {
    let (server, _, sender) = stage().await;
    let client = reqwest::Client::new();
    let look = |method: &str, authorization: Option<String>| {
        let request = client.request(method.parse().unwrap(), format!("{}/", server.url));
        authorization.into_iter().fold(request, |request, value| request.header(AUTHORIZATION, value))
    };
    let (right, wrong) = (sender.authorization(), sender.with_password("rwp_wrong").authorization());
    for (authorization, status) in [(Some(right.clone()), 200), (Some(wrong.clone()), 405), (None, 405)] {
        let answer = look("HEAD", authorization).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (status, "POST"));
    }
    for (authorization, status) in [(Some(right.clone()), 200), (Some(wrong), 401), (None, 401)] {
        let okta = look("GET", authorization).header("x-okta-verification-challenge", "abc-123");
        let answer = okta.send().await.unwrap();
        assert_eq!(answer.status(), status);
        let json: Value = answer.json().await.unwrap();
        assert_eq!(json == json!({"verification": "abc-123"}), status == 200, "{json}");
    }
    server.change_plan("alice@example.com", "free").await;
    assert_eq!(look("HEAD", Some(right)).send().await.unwrap().status(), 405, "nor who may no longer send");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_ask_for_an_answer_are_stored_and_get_it() {
    let (server, _, sender) = stage().await;
    let validation = json!([{"id": "1", "data": {"validationCode": "512d38b6"}, "eventType": "x"}]).to_string();
    let slack = json!({"token": "x", "challenge": "3eZbrw1a", "type": "url_verification"}).to_string();
    let monday = json!({"challenge": "monday-1"}).to_string();
    for (body, header, name, value) in [
        (validation.as_str(), "SubscriptionValidation", "validationResponse", "512d38b6"),
        (&slack, "", "challenge", "3eZbrw1a"),
        (&monday, "", "challenge", "monday-1"),
    ] {
        let answer = sender.request().header("aeg-event-type", header).body(body.to_owned()).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()[CONTENT_TYPE]),
            (200, &"application/json".parse().unwrap())
        );
        let json: Value = answer.json().await.unwrap();
        assert_eq!((json[name].as_str(), json["status"].as_str()), (Some(value), Some("ok")), "{json}");
        assert_eq!(json["id"].as_str().unwrap().len(), 36);
        let refused =
            sender.with_password("rwp_wrong").request().header("aeg-event-type", header).body(body.to_owned());
        assert!(!refused.send().await.unwrap().text().await.unwrap().contains(value), "only who may send is answered");
    }
    assert_eq!(server.number("select count(*) from events").await, 3);
    for other in [r#"{"challenge":"abc","more":1}"#.to_owned(), format!(r#"{{"challenge":"{}"}}"#, "x".repeat(2_000))] {
        let json: Value = sender.send(other).await.json().await.unwrap();
        assert_eq!(json.as_object().unwrap().len(), 3, "{json}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_of_amazon_sns_is_confirmed_from_the_page_of_its_event() {
    let (_server, alice, sender) = stage().await;
    let body = |url: &str| json!({"Type": "SubscriptionConfirmation", "SubscribeURL": url}).to_string();
    let id = sender.store(body("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=23")).await;
    let page = alice.page(&format!("/events/{id}")).await;
    assert!(page.contains("rel=\"noopener noreferrer\">Confirm at sns.eu-west-1.amazonaws.com</a>"), "{page}");
    let id = sender.store(body("https://sns.evil.example/")).await;
    assert!(!alice.page(&format!("/events/{id}")).await.contains("Confirm at"));
}
