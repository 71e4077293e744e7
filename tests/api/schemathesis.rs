//! schemathesis asks the API what its description allows and what it does not, and compares the answers with it.

use std::time::Duration;

use jiff::SignedDuration;
use reasoner_webhooks::domain::api_token::Scope;
use serde_json::json;

use crate::support::actors::Person;
use crate::support::api_program::Program;
use crate::support::server::TestServer;
use crate::support::workplace::{Workplace, stdout};
use crate::tools::{INSTALLER, beside, python};

/// So many that some are left after others were deleted.
const EVENTS: usize = 40;

/// Somebody with a credential, events, and a refused request.
async fn somebody(server: &TestServer, email: &str) -> (Person, Vec<String>) {
    let person = server.pro(email).await;
    let sender = server.sender(&person).await;
    let mut events = Vec::new();
    for number in 0..EVENTS {
        events.push(sender.store(format!(r#"{{"order":{{"number":{number}}}}}"#)).await);
    }
    assert_eq!(sender.send("{").await.status(), 400);
    (person, events)
}

/// Runs it as Alice with some scopes, with Bob as somebody who is to see nothing of hers. The clock of the server runs faster meanwhile:
/// an account may ask ten times a second.
async fn ask(scopes: &[&str], options: &[&str]) {
    let server = TestServer::start().await;
    let (alice, events) = somebody(&server, "alice@example.com").await;
    let (bob, _) = somebody(&server, "bob@example.com").await;
    let place = Workplace::new();
    let mut identities = Vec::new();
    for (name, person) in [("alice", &alice), ("bob", &bob)] {
        let token = Program::with(&server, person, scopes).await.token;
        let header = json!({"name": "Authorization", "value": format!("Bearer {token}")});
        identities.push(json!({"name": name, "fixedHeaders": [header]}));
    }
    place.write("identities.json", json!({"auth": identities}).to_string());
    place.write("events.txt", events.iter().map(|id| format!("{id:?}\n")).collect::<String>());
    let made = Program::with(&server, &alice, &["consumers:write"]).await;
    let made = made.call("POST", "/consumers", json!({"name": "Import", "start": "oldest"}), 201).await;
    place.write("consumers.txt", format!("{}\n", made["id"]));
    place.write("cursors.txt", format!("{}\n", made["position"]));
    place.write("schemathesis.toml", std::fs::read(beside("schemathesis.toml")).unwrap());
    let (program, description) = (python("schemathesis"), format!("{}/api/v1/openapi.json", server.url));
    let words = [&[&program, "run", &description, "--no-color"], options].concat();
    let running = place.command(&words, &[], INSTALLER);
    let passing = async {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            server.pass(SignedDuration::from_secs(1));
        }
    };
    tokio::select! {
        output = running => println!("{}", stdout(&output)),
        () = passing => {}
    }
}

/// Every scope.
pub fn all() -> Vec<&'static str> {
    Scope::ALL.iter().map(|scope| scope.as_str()).collect()
}

// holds issue 17, section 4: schemathesis with all checks, two accounts
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_with_all_scopes() {
    ask(&all(), &["--max-examples", "60"]).await;
}

// holds issue 17, section 4: schemathesis with every scope
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_with_any_one_scope() {
    for scope in all() {
        ask(&[scope], &["--max-examples", "8"]).await;
    }
}
