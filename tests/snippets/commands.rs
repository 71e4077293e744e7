//! The lines of text in the documentation: headers, passwords, files, and what the command line says.

use serde_json::{Value, json};

use crate::line::Weather;
use crate::stage::{EMAIL, Stage, has_powershell};
use crate::support::actors::{Sender, WEBHOOKS, between};
use crate::support::workplace::{said, stdout};

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_make_the_header_makes_the_same_one() {
    let stage = Stage::set().await;
    let expected = format!("Authorization: {}\n", stage.sender.authorization());
    for id in ["header-linux-sh", "header-macos-sh", "header-openssl-sh"] {
        assert_eq!(stdout(&stage.run(id, &[]).await), expected, "{id}");
        let file = stage.save(id);
        assert_eq!(stdout(&stage.command(&["sh", &file], &stage.sender.password).await), expected, "{id} in sh");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn powershell_makes_the_same_header_and_reads_a_password_where_there_is_powershell() {
    let stage = Stage::set().await;
    let (header, password) = (stage.block("header-ps1"), stage.block("password-ps1"));
    if !has_powershell("The header and the password in PowerShell") {
        return;
    }
    let run = async |script: &str| {
        let words = ["pwsh", "-NoProfile", "-NonInteractive", "-Command", script];
        stdout(&stage.command(&words, &stage.sender.password).await).trim().to_owned()
    };
    assert_eq!(run(header).await, format!("Authorization: {}", stage.sender.authorization()));
    // Nobody is there to type, so what is typed stands there.
    let typed = "ConvertTo-SecureString -AsPlainText -Force 'rwp_typed'";
    assert!(password.contains("Read-Host \"Password\" -AsSecureString"));
    let answered = password.replace("Read-Host \"Password\" -AsSecureString", typed);
    assert_eq!(run(&format!("{answered}\n$env:WEBHOOK_PASSWORD")).await, "rwp_typed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_read_from_the_terminal_and_measured() {
    let stage = Stage::set().await;
    assert_eq!(stdout(&stage.run("password-length-sh", &[]).await).trim(), "36");
    stage.write("typed", "rwp_typed\n");
    let file = stage.save("password-sh");
    let script = format!(". ./{file} < typed; sh -c 'printf %s \"$WEBHOOK_PASSWORD\"'");
    let output = stage.command(&["bash", "-c", &script], "").await;
    assert_eq!(stdout(&output), "rwp_typed", "children have it, and nothing else was printed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_env_file_of_a_new_credential_works_as_described() {
    let stage = Stage::set().await;
    let page =
        stage.you.post(&format!("{WEBHOOKS}/credentials"), &[("name", "Downloaded")]).await.text().await.unwrap();
    let downloaded = between(&page, "href=\"data:", "\" download=");
    let content = percent_encoding::percent_decode_str(downloaded.split_once(',').unwrap().1);
    stage.write(".env", content.collect::<Vec<u8>>());
    let sender = Sender::from_page(&stage.server.url, &page);
    stage.save("env-file-sh");
    let script =
        format!(". ./env-file.sh; {}", stage.block("send-sh").replace(&stage.sender.username, &sender.username));
    stdout(&stage.command(&["bash", "-c", &script], "").await);
    assert_eq!(stage.bodies().await.len(), 1);
    let listing = stdout(&stage.command(&["stat", "-c", "%a %n", ".env"], "").await);
    assert_eq!((listing.as_str(), stage.read(".gitignore").as_str()), ("600 .env\n", ".env\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_takes_the_password_from_a_netrc_file() {
    let stage = Stage::set().await;
    stage.write(".webhook-netrc", stage.block("netrc-txt").replace("rwp_…", &stage.sender.password));
    let output = stage.run_with("", "netrc-sh", &[]).await;
    assert!(stdout(&output).contains("\"status\":\"ok\""), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_with_retries_stores_an_event_once_however_often_it_is_run() {
    let stage = Stage::set().await;
    stage.line.turn(Weather::Cloudy);
    let first = stdout(&stage.run("retry-sh", &[]).await);
    let statuses: Vec<_> = stage.line.passages().iter().map(|passage| passage.status).collect();
    assert_eq!(statuses, [Some(503), Some(200)]);
    stage.line.turn(Weather::Fair);
    let again = stdout(&stage.run("retry-sh", &[]).await);
    assert!(first.ends_with(&again) && again.contains("\"status\":\"ok\""), "{first}, and then {again}");
    assert_eq!(stage.bodies().await, ["{\"order\": 1042, \"state\": \"paid\"}"]);
    let refused = stage.run_with("wrong", "retry-sh", &[]).await;
    assert!(refused.status.code() == Some(1) && said(&refused).contains("unauthorized"), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_is_sent_in_order_and_what_is_refused_is_put_aside() {
    let stage = Stage::set().await;
    stage.save("deliver-sh");
    stdout(&stage.run("outbox-sh", &[]).await);
    std::fs::create_dir(stage.directory().join("outbox")).unwrap();
    for (name, body) in [("3.json", "3"), ("1.json", "1"), ("2.json", "not json"), ("4.tmp", "4")] {
        stage.write(&format!("outbox/{name}"), body);
    }
    stdout(&stage.run("outbox-sh", &[]).await);
    assert_eq!(stage.bodies().await, ["1", "3"]);
    assert_eq!(stage.read("refused/2.json"), "not json");
    let keys: Vec<_> = stage.line.passages().into_iter().map(|passage| passage.key.unwrap()).collect();
    assert_eq!(keys, ["1", "2", "3"]);
    assert_eq!(stage.names("outbox"), ["4.tmp"], "what is being written stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_stays_as_it_is_while_the_password_is_wrong() {
    let stage = Stage::set().await;
    stage.save("deliver-sh");
    std::fs::create_dir(stage.directory().join("outbox")).unwrap();
    stage.write("outbox/1.json", "1");
    stage.write("outbox/2.json", "2");
    let stopped = stage.run_with("ended", "outbox-sh", &[]).await;
    assert_eq!(stopped.status.code(), Some(77), "{}", said(&stopped));
    assert_eq!(stage.line.passages().len(), 1, "the second would fare no better");
    assert_eq!(stage.names("outbox"), ["1.json", "2.json"]);
    assert!(!stage.directory().join("refused").exists());
    stage.server.query("update accounts set plan = 'free'").await;
    assert_eq!(stage.run("outbox-sh", &[]).await.status.code(), Some(77), "the same on Free");
    assert_eq!(stage.names("outbox"), ["1.json", "2.json"]);
    stage.server.query("update accounts set plan = 'pro'").await;
    stdout(&stage.run("outbox-sh", &[]).await);
    assert_eq!(stage.bodies().await, ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_in_lists_and_sending_it_again_stores_nothing_twice() {
    let stage = Stage::set().await;
    stage.save("deliver-sh");
    let lines: Vec<String> = (0..1_001).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    stage.write("events.ndjson", lines.concat());
    for _ in 0..2 {
        stdout(&stage.run("batch-sh", &[]).await);
        let lists = stage.bodies().await;
        let lengths: Vec<usize> =
            lists.iter().map(|list| serde_json::from_str::<Vec<Value>>(list).unwrap().len()).collect();
        assert_eq!(lengths, [500, 500, 1]);
    }
    stage.write("events.ndjson", "");
    stdout(&stage.run("batch-sh", &[]).await);
    assert_eq!(stage.bodies().await.len(), 3, "nothing in it, nothing sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_alike_are_all_stored_and_every_line_is_sent_as_it_is() {
    let stage = Stage::set().await;
    stage.save("deliver-sh");
    stage.write("events.ndjson", "{\"beat\": true}\n".repeat(1_000));
    stdout(&stage.run("batch-sh", &[]).await);
    let alike = format!("[{}\n]", vec!["{\"beat\": true}"; 500].join(","));
    assert_eq!(stage.bodies().await, [alike.clone(), alike]);

    // What a parser would have rewritten, and no line break at the end.
    let odd = ["12345678901234567890.10", "{\"a\": 1, \"a\": 2}", "1e400", "\"\\ud800\""];
    stage.write("events.ndjson", odd.join("\n"));
    stdout(&stage.run("batch-sh", &[]).await);
    assert_eq!(stage.bodies().await[2], format!("[{}\n]", odd.join(",")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_sent_says_so_and_stops_at_the_first_list() {
    let stage = Stage::set().await;
    stage.save("deliver-sh");
    stage.write("events.ndjson", "1\n".repeat(1_000));
    let refused = stage.run_with("ended", "batch-sh", &[]).await;
    assert_eq!(refused.status.code(), Some(77), "{}", said(&refused));
    assert_eq!(stage.line.passages().len(), 1);
    stage.write("events.ndjson", "1\n{\n");
    assert_eq!(stage.run("batch-sh", &[]).await.status.code(), Some(1), "not JSON");
    std::fs::remove_file(stage.directory().join("events.ndjson")).unwrap();
    assert!(!stage.run("batch-sh", &[]).await.status.success(), "no such file");
    assert!(stage.bodies().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_chosen_on_the_command_line_and_a_file_of_lines_is_a_batch() {
    let stage = Stage::set().await;
    stage.write("events.ndjson", "{\"n\": 1}\n{\"n\": 2}\n");
    let refused = stage.run("lines-sh", &[]).await;
    assert_eq!(refused.status.code(), Some(1), "not before it is chosen: {}", said(&refused));
    let printed = stdout(&stage.run("settings-sh", &[]).await);
    assert!(printed.contains("x-github-delivery") && printed.contains("2001:db8::/32"), "{printed}");
    for _ in 0..2 {
        stdout(&stage.run("lines-sh", &[]).await);
        assert_eq!(stage.bodies().await, ["{\"n\": 1}", "{\"n\": 2}"]);
    }
    stage.write("events.ndjson", "3\n{\n");
    let partial = stage.run("lines-sh", &[]).await;
    assert_eq!(partial.status.code(), Some(1));
    assert!(said(&partial).contains("at line 2, column 1"), "{}", said(&partial));
    assert_eq!(stage.bodies().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_step_of_the_workflow_does_what_github_would_have_it_do() {
    let stage = Stage::set().await;
    let file = stage.save("workflow-yml");
    let to_json = format!("require 'yaml'; require 'json'; puts JSON.generate(YAML.load_file('{file}'))");
    let workflow: Value = serde_json::from_str(&stdout(&stage.command(&["ruby", "-e", &to_json], "").await)).unwrap();
    let step = &workflow["jobs"]["tell"]["steps"][0];
    assert_eq!(step["env"], json!({"WEBHOOK_PASSWORD": "${{ secrets.WEBHOOK_PASSWORD }}"}));
    stage.write("step.sh", step["run"].as_str().unwrap());
    let run = |attempt: &'static str| {
        let stage = &stage;
        async move {
            let numbers = ["GITHUB_RUN_ID=17", &format!("GITHUB_RUN_ATTEMPT={attempt}")].map(str::to_owned);
            let texts = ["GITHUB_SHA=f00d", "GITHUB_REPOSITORY=harbor/\"supply"].map(str::to_owned);
            let mut words = vec!["env"];
            words.extend(numbers.iter().chain(&texts).map(String::as_str));
            // As GitHub runs a step that names no shell.
            words.extend(["bash", "-e", "step.sh"]);
            stage.command(&words, &stage.sender.password).await
        }
    };
    stage.line.turn(Weather::Cloudy);
    stdout(&run("1").await);
    let statuses: Vec<_> = stage.line.passages().iter().map(|passage| passage.status).collect();
    assert_eq!(statuses, [Some(503), Some(200)], "it tries again");
    stage.line.turn(Weather::Fair);
    stdout(&run("1").await);
    stdout(&run("2").await);
    let bodies = stage.bodies().await;
    assert_eq!(bodies.len(), 1, "a run that is repeated stores nothing twice");
    assert_eq!(
        serde_json::from_str::<Value>(&bodies[0]).unwrap(),
        json!({"event": "deployed", "repository": "harbor/\"supply", "commit": "f00d"})
    );
    stage.server.query("update accounts set plan = 'free'").await;
    let refused = run("3").await;
    assert!(!refused.status.success() && said(&refused).contains("pro_required"), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bodies_in_the_reference_are_accepted_and_the_answers_are_given() {
    let stage = Stage::set().await;
    for (number, id) in ["body-simple-json", "body-larger-json"].into_iter().enumerate() {
        stage.sender.store(stage.block(id).to_owned()).await;
        assert_eq!(stage.bodies().await[number], stage.block(id));
    }
    for (id, body) in [("answer-stored-json", "1"), ("answer-refused-json", "{\"a\": \"")] {
        let shown: Value = serde_json::from_str(stage.block(id)).unwrap();
        let given: Value = stage.sender.send(body).await.json().await.unwrap();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&shown), names(&given));
        for name in names(&shown) {
            if ["status", "type", "title", "code"].contains(&name.as_str()) {
                assert_eq!(shown[&name], given[&name], "{name}");
            } else {
                let shape = |value: &Value| {
                    let text = value.to_string();
                    text.chars().map(|c| if c.is_ascii_hexdigit() { '0' } else { c }).collect::<String>()
                };
                let is_free = name == "detail";
                assert!(is_free || shape(&shown[&name]) == shape(&given[&name]), "{name}: {shown} {given}");
            }
        }
        assert!(shown["detail"].as_str().is_none_or(|detail| detail.contains("at line 1, column ")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_rotated_and_looked_for_on_the_command_line() {
    let stage = Stage::set().await;
    let rotated = stdout(&stage.run("rotate-sh", &[]).await);
    assert!(rotated.contains("rwp_") && rotated.contains("\"hint\""), "{rotated}");
    assert_eq!(stage.sender.status().await, 200, "the old password still works");

    stage.write("suspicious.log", format!("user {}\n", stage.sender.password));
    let repository = "git init -q && git -c user.name=x -c user.email=x@example.com commit -q --allow-empty -m \"$0\"";
    stdout(&stage.command(&["sh", "-c", repository, &stage.sender.password], "").await);
    let found = stage.run("leaks-sh", &[]).await;
    assert_eq!(found.status.code(), Some(4), "{}", said(&found));
    let printed = String::from_utf8(found.stdout).unwrap();
    assert_eq!(printed.matches("live").count(), 2, "in the log, and in the repository: {printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_is_read_on_the_command_line() {
    let stage = Stage::set().await;
    let body = stage.block("body-larger-json");
    let id = stage.sender.store(body.to_owned()).await;
    stage.sender.store("[1]").await;
    let listed = stdout(&stage.run("list-sh", &[]).await);
    assert!(listed.contains(&id), "{listed}");
    let json = listed.lines().last().unwrap();
    assert_eq!(json, "[]", "nothing in the day of the example");

    let command = stage.block("body-sh");
    let example = command.split_whitespace().find(|word| word.len() == 36).unwrap();
    stage.write("real.sh", command.replace(example, &id));
    stdout(&stage.command(&["bash", "real.sh"], "").await);
    assert_eq!(stage.read("body.json"), body);

    assert_eq!(stdout(&stage.run("export-sh", &[]).await), "25\n");
    assert_eq!(stage.read("events.ndjson").lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_looked_after_on_the_command_line() {
    let stage = Stage::set().await;
    let printed = stdout(&stage.run("accounts-sh", &[]).await);
    let last: Vec<&str> = printed.lines().rev().take(4).collect();
    assert!(last.iter().any(|line| line.contains("ben@example.com") && line.contains("free")), "{printed}");
    assert!(last.iter().any(|line| line.contains(EMAIL)), "{printed}");
}
