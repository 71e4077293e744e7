//! A rotation as AWS Secrets Manager has it done, in four steps, while senders go on.

use serde_json::Value;

use crate::support::api_program::Program;
use crate::support::server::TestServer;
use crate::support::workplace::{Workplace, stdout};
use crate::tools::{INSTALLER, beside, python};

// holds issue 17, section 4: the four steps against a sender that never pauses
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_in_four_steps_refuses_no_event() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let token = Program::with(&server, &alice, &["credentials:read", "credentials:write"]).await.token;
    let credential = alice.credential_id(&sender.username).await;
    let environment = [
        ("SERVER", server.url.as_str()),
        ("TOKEN", &token),
        ("CREDENTIAL", &credential),
        ("USERNAME", &sender.username),
        ("PASSWORD", &sender.password),
    ];
    let script = beside("rotation.py");
    let output =
        Workplace::new().command(&[&python("python"), script.to_str().unwrap()], &environment, INSTALLER).await;
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(told["refused"], 0, "{told}");
    let stored = server.number("select count(*) from events").await;
    assert!(told["sent"] == stored && stored > 100, "{told}, and {stored} are stored");
}
