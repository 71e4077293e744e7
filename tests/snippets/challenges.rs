//! Clients that send a password only when they are asked for it: each event is first sent without, answered with 401, and sent again.

use crate::stage::Stage;
use crate::support::workplace::stdout;

/// More than the failures that an address may have at once, in a row.
const EVENTS: usize = 150;

/// Sends each event in a process of its own, as a script does. `{}` is the number of the event.
fn in_a_loop(command: &str) -> String {
    let command = command.replace("{}", "'{\"n\": '$n'}'");
    format!("set -e; for n in $(seq {EVENTS}); do {command} | grep --quiet '\"status\":\"ok\"'; done")
}

async fn are_all_stored(stage: &Stage, words: &[&str]) {
    let environment = [format!("ENDPOINT={}", stage.server.url), format!("WEBHOOK_USERNAME={}", stage.sender.username)];
    let words = [&["env", &environment[0], &environment[1]], words].concat();
    stdout(&stage.command(&words, &stage.sender.password).await);
    let bodies = stage.bodies().await;
    assert_eq!(bodies.len(), EVENTS, "all are stored");
    let outcomes: Vec<_> = stage.server.application().state.engine.outcomes.counts().collect();
    let counted = |name: &str| outcomes.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(counted("unauthorized"), EVENTS as u64, "each was first sent without a password");
    assert_eq!(counted("too_many_failures"), 0);
}

// holds S1
#[tokio::test(flavor = "multi_thread")]
async fn wget_which_waits_to_be_asked_for_its_password_loses_no_event() {
    let stage = Stage::set().await;
    let wget = "wget --quiet --output-document=- --user=\"$WEBHOOK_USERNAME\" --password=\"$WEBHOOK_PASSWORD\" \
                --header='Content-Type: application/json' --post-data={} \"$ENDPOINT\"";
    are_all_stored(&stage, &["bash", "-c", &in_a_loop(wget)]).await;
}

// holds S1
#[tokio::test(flavor = "multi_thread")]
async fn curl_that_asks_which_scheme_to_use_loses_no_event() {
    let stage = Stage::set().await;
    let curl = "curl --silent --anyauth --user \"$WEBHOOK_USERNAME:$WEBHOOK_PASSWORD\" \
                --header 'Content-Type: application/json' --data {} \"$ENDPOINT\"";
    are_all_stored(&stage, &["bash", "-c", &in_a_loop(curl)]).await;
}

// holds S1
#[tokio::test(flavor = "multi_thread")]
async fn the_password_manager_of_python_loses_no_event() {
    let stage = Stage::set().await;
    let program = format!(
        "import json, os
from urllib.request import HTTPBasicAuthHandler, HTTPPasswordMgrWithDefaultRealm, Request, build_opener

endpoint, passwords = os.environ['ENDPOINT'], HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, endpoint, os.environ['WEBHOOK_USERNAME'], os.environ['WEBHOOK_PASSWORD'])
opener = build_opener(HTTPBasicAuthHandler(passwords))
for n in range({EVENTS}):
    body = json.dumps({{'n': n}}).encode()
    answer = opener.open(Request(endpoint, body, {{'Content-Type': 'application/json'}}))
    assert json.load(answer)['status'] == 'ok'
"
    );
    are_all_stored(&stage, &["python3", "-c", &program]).await;
}
