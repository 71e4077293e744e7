//! The programs that send: the short ones of the quick start, and the ones of advanced usage that go on until an event is stored.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::line::Weather;
use crate::stage::{Stage, has_powershell};
use crate::support::workplace::{said, stdout};

/// What is sent: bytes that no library would write like this.
pub const EVENT: &str =
    "{\"n\": 1.10,\r\n \"big\": 12345678901234567890, \"name\": \"Gr\u{fc}\u{df}e \\u0041\", \"n\": 2}";

/// The short examples that need no preparation, and whether they have their body in them as text.
const SHORT: [(&str, bool); 11] = [
    ("send-sh", true),
    ("send-user-sh", true),
    ("config-sh", true),
    ("send-py", false),
    ("send-mjs", false),
    ("send-go", true),
    ("send-php", false),
    ("send-rb", false),
    ("send-java", true),
    ("send-cs", true),
    ("send-ps1", false),
];

/// The line that the product began with stays as it is: it prints the answer, and its exit status tells nothing.
pub const THE_PROMISED_LINE: &str = "send-sh";

/// Those whose language is on this machine. All but PowerShell have to be.
pub fn short() -> Vec<(&'static str, bool)> {
    let is_there = |id: &str| !id.ends_with("-ps1") || has_powershell("The short example in PowerShell");
    SHORT.into_iter().filter(|(id, _)| is_there(id)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_short_example_sends_its_event() {
    let (stage, short) = (Stage::set().await, short());
    for (number, &(id, is_literal)) in short.iter().enumerate() {
        let output = stage.run(id, &[]).await;
        let printed = stdout(&output);
        let bodies = stage.bodies().await;
        assert_eq!(bodies.len(), number + 1, "{id}: {}", said(&output));
        let body = bodies.last().unwrap();
        assert_eq!(serde_json::from_str::<Value>(body).unwrap(), serde_json::json!({"message": "Hello from webhook!"}));
        assert!(!is_literal || body == "{\"message\": \"Hello from webhook!\"}", "{id}: {body}");
        let newest = stage.server.query("select id from events order by id desc limit 1").await;
        assert!(printed.contains(newest[0][0].as_deref().unwrap()), "{id} prints the answer: {printed}");
    }
    // With a wrong password they say so, and nothing is stored.
    for &(id, _) in &short {
        let output = stage.run_with("wrong", id, &[]).await;
        assert!(said(&output).contains("401"), "{id}: {}", said(&output));
        assert!(id == THE_PROMISED_LINE || !output.status.success(), "{id} fails: {}", said(&output));
    }
    assert_eq!(stage.bodies().await.len(), short.len());
}

fn id_in(output: &Output) -> String {
    let answer: Value = serde_json::from_str(stdout(output).trim()).unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

/// A sender on a bad day: it has to go on, wait as long as it is asked to, say the same each time, and stop when told no.
async fn delivers_exactly_once(id: &str) {
    if id.ends_with("-ps1") && !has_powershell("The sender in PowerShell") {
        return;
    }
    let stage = Stage::set().await;
    stage.write("event.json", EVENT);
    stage.line.turn(Weather::Foul);
    let output = stage.run(id, &["event.json"]).await;
    let stored = id_in(&output);
    let attempts = stage.line.passages();
    let answers: Vec<Option<u16>> = attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!(answers, [None, Some(429), Some(503), Some(200), Some(200)], "{}", said(&output));
    assert!(attempts[4].replayed, "the first 200 was lost, and the event was stored by then");
    for (attempt, next) in attempts.iter().zip(&attempts[1..]) {
        assert_eq!((&attempt.key, &attempt.body), (&next.key, &next.body), "the same each time");
        let asked = Duration::from_secs(attempt.retry_after.unwrap_or(0));
        assert!(next.began.duration_since(attempt.ended) >= asked, "it waits as long as it is asked to");
    }
    let waits: Vec<Option<u64>> = attempts.iter().map(|attempt| attempt.retry_after).collect();
    assert!(waits[1].is_some() && waits[2].is_some(), "it was asked to wait: {waits:?}");
    assert_eq!(stage.bodies().await, [EVENT], "once, and byte for byte");

    // The same event again under the same key, and then another.
    stage.line.turn(Weather::Fair);
    let key = attempts[0].key.clone().expect("a key of its own");
    assert_eq!(id_in(&stage.run(id, &["event.json", &key]).await), stored);
    assert_ne!(id_in(&stage.run(id, &["event.json"]).await), stored);
    let keys: Vec<_> = stage.line.passages().into_iter().map(|passage| passage.key.unwrap()).collect();
    assert!(keys[0] == key && keys[1] != key, "{keys:?}");

    // What is refused is not sent again, and the status tells whose fault it is.
    let right = &stage.sender.password;
    for (password, event, word, status) in
        [("wrong", EVENT, "unauthorized", 77), ("", EVENT, "unauthorized", 77), (right, "{", "invalid_json", 1)]
    {
        stage.write("event.json", event);
        let refused = stage.run_with(password, id, &["event.json"]).await;
        assert_eq!(refused.status.code(), Some(status), "{}", said(&refused));
        assert!(said(&refused).contains(word), "it says why: {}", said(&refused));
        assert_eq!(stage.line.passages().len(), 1, "once is enough");
    }
    let nothing = stage.run(id, &["no-such-file.json"]).await;
    assert_eq!(nothing.status.code(), Some(77), "{}", said(&nothing));
    assert!(said(&nothing).contains("not sent: ") && stage.line.passages().is_empty(), "{}", said(&nothing));
    assert_eq!(stage.bodies().await.len(), 2);
}

macro_rules! senders {
    ($($name:ident: $id:literal)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                delivers_exactly_once($id).await;
            }
        )*
    };
}

senders! {
    the_curl_sender_delivers_exactly_once: "deliver-sh"
    the_python_sender_delivers_exactly_once: "deliver-py"
    the_node_sender_delivers_exactly_once: "deliver-mjs"
    the_go_sender_delivers_exactly_once: "deliver-go"
    the_php_sender_delivers_exactly_once: "deliver-php"
    the_ruby_sender_delivers_exactly_once: "deliver-rb"
    the_java_sender_delivers_exactly_once: "deliver-java"
    the_csharp_sender_delivers_exactly_once: "deliver-cs"
    the_powershell_sender_delivers_exactly_once_where_there_is_powershell: "deliver-ps1"
}
