//! The curl command of an event's page, run as it is copied: what it sends is what was sent.

use std::process::Stdio;

use crate::support::actors::{Person, Sender, between};
use crate::support::server::TestServer;

async fn page_of(alice: &Person, sender: &Sender, query: &str, body: &str) -> (String, String) {
    // As a client that escapes nothing would write it.
    let mut request = sender.request().body(body.to_owned()).build().unwrap();
    request.url_mut().set_query(Some(query).filter(|query| !query.is_empty()));
    let answer = sender.execute(request).await;
    assert_eq!(answer.status(), 200, "{query}");
    let id = answer.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    (alice.page(&format!("/events/{id}")).await, id)
}

/// The command that the button copies.
fn command(page: &str) -> String {
    let line = page.split("data-copy-text=\"").map(|part| &part[..part.find('"').unwrap()]);
    let line = line.into_iter().find(|line| line.starts_with("curl ")).expect("a command");
    [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .iter()
        .fold(line.to_owned(), |line, (entity, sign)| line.replace(entity, sign))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_sends_the_same_again_with_its_query_string() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let endpoint = &server.application().state.ingest_url;
    let long = format!("{{\"note\": \"{}\"}}", "it's long ".repeat(6_000));
    let too_long = format!("{{\"note\": \"{}\"}}", "long ".repeat(14_000));
    let quotes = format!("\"{}\"", "'".repeat(60_000));
    let hidden = "{\"note\": \"turned \u{202e}round\"}";
    for (query, body, from_file) in [
        ("", "{\"plain\": 1}", false),
        ("source=erp&list[]=1&list[]={2}&q='$(id)'\\`x`!%22;&%00", "{\"it's\": \"$HOME\", \"n\": 1.10}", false),
        // As long as 64 KB it stands in the command (issue 16, section 5), unless quoting makes it longer than a shell takes.
        ("a=0", long.as_str(), false),
        ("a=1", too_long.as_str(), true),
        ("a=3", quotes.as_str(), true),
        ("a=2", hidden, true),
    ] {
        let (page, id) = page_of(&alice, &sender, query, body).await;
        let line = match page.contains("/body?as=curl") {
            true => alice.page(&format!("/events/{id}/body?as=curl")).await,
            false => command(&page),
        };
        assert_eq!(page.contains("/body?as=curl"), body == long, "{query}: only a long one is fetched");
        assert_eq!(page.contains("sends the file that Download JSON saves"), from_file, "{query}");
        let home = tempfile::tempdir().unwrap();
        let file = alice.page(&format!("/events/{id}/body")).await;
        std::fs::write(home.path().join(format!("{id}.json")), file).unwrap();
        let line = line.replace(endpoint.as_str(), &format!("{}/", server.url));
        let output = tokio::process::Command::new("sh")
            .args(["-c", &line])
            .env("WEBHOOK_PASSWORD", &sender.password)
            .current_dir(home.path())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answer.contains("\"status\":\"ok\""), "{line}: {answer}{}", String::from_utf8_lossy(&output.stderr));
        let stored = "select query, body, content_type from events order by id desc limit 2";
        let rows = server.query(stored).await;
        assert_eq!(rows[0], rows[1], "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_command_the_page_says_why() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let (page, _) = page_of(&alice, &sender, &format!("q={}", "x".repeat(5_000)), "1").await;
    assert!(page.contains("No curl command: the query string was too long") && !page.contains("Copy as curl"));
    server.query("update events set query = null, content_type = 'application/json; x=\u{202e}'").await;
    let id = server.query("select id::text from events").await[0][0].clone().unwrap();
    let page = alice.page(&format!("/events/{id}")).await;
    assert!(between(&page, "No curl command", "<").contains("characters that terminals hide"), "{page}");
}
