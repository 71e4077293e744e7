//! The programs that call the API: the main calls of the page, by each of them.

use jiff::SignedDuration;
use serde_json::Value;

use crate::stage::{Stage, has_powershell};
use crate::support::api_program::Program;
use crate::support::workplace::{said, stdout};

/// The words of each call on the page: a method, a path, and a body where there is one.
fn calls(block: &str) -> Vec<Vec<String>> {
    let lines = block.lines().filter_map(|line| line.strip_prefix("sh api.sh "));
    let words = |line: &str| {
        let (method, rest) = line.split_once(' ').unwrap();
        let (path, body) = rest.split_once(" '").unwrap_or((rest, ""));
        let bare = |word: &str| word.trim_matches('\'').to_owned();
        [method, path, body].map(bare).into_iter().filter(|word| !word.is_empty()).collect()
    };
    lines.map(words).collect()
}

// holds issue 17, section 2: snippets in the languages of the Quick Start, run by the tests
#[tokio::test(flavor = "multi_thread")]
async fn every_program_that_calls_the_api_makes_the_main_calls() {
    let stage = Stage::set().await;
    let scopes = ["events:read", "credentials:read", "credentials:write"];
    let token = Program::with(&stage.server, &stage.you, &scopes).await.token;
    let calls = calls(stage.block("api-calls-sh"));
    assert_eq!(calls.len(), 6);
    for id in ["api-sh", "api-py", "api-mjs", "api-go", "api-php", "api-rb", "api-java", "api-cs", "api-ps1"] {
        if id.ends_with("-ps1") && !has_powershell("The call of the API in PowerShell") {
            continue;
        }
        let (mut cursor, mut credential) = (String::new(), String::new());
        let event = stage.sender.store(r#"{"message": "Hello"}"#).await;
        let mut answers = Vec::new();
        for call in &calls {
            if call[1].contains("CURSOR") {
                stage.sender.store(r#"{"message": "Followed"}"#).await;
            }
            let words: Vec<String> = call
                .iter()
                .map(|word| word.replace("CURSOR", &cursor).replace("/ID/", &format!("/{credential}/")))
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let printed = stdout(&stage.run_with(&token, id, &words).await);
            let answer: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{id}: {printed}"));
            answer["cursor"].as_str().unwrap_or(&cursor).to_owned().clone_into(&mut cursor);
            if answer["ingest_url"].is_string() {
                answer["id"].as_str().unwrap().clone_into(&mut credential);
            }
            answers.push(answer);
        }
        assert_eq!(answers[0]["kind"], "api_token", "{id}");
        assert_eq!(answers[1]["events"][0]["id"], event, "{id}");
        assert_eq!(answers[3]["events"].as_array().unwrap().len(), 1, "{id}");
        assert!(answers[5]["password"].as_str().unwrap().starts_with("rwp_"), "{id}");
        let refused = stage.run_with(&token, id, &["POST", "/credentials", "{}"]).await;
        assert!(!refused.status.success() && said(&refused).contains("422"), "{id}: {}", said(&refused));
        // A rotation can be repeated then, since nobody has used the password.
        stage.server.pass(SignedDuration::from_secs(6));
    }
}
