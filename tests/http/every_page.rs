//! What holds for each page that there is, as the table of routes knows them.

use std::collections::BTreeMap;

use crate::access::pages;
use crate::support::actors::{Person, between};
use crate::support::server::TestServer;

/// Alice, who has received one event and had one refused, and the addresses of all her pages with their ids in them.
async fn alice(server: &TestServer) -> (Person, Vec<String>) {
    let alice = server.pro("alice@example.com").await;
    let sender = server.sender(&alice).await;
    let event = sender.store("{\"a\": 1}").await;
    assert_eq!(sender.with_password("wrong").status().await, 401);
    server.eventually("select count(*) from rejections", 1).await;
    let rejection = server.query("select id::text from rejections").await[0][0].clone().unwrap();
    let paths = pages().filter(|path| !path.contains("{asset}") && *path != "/events/live");
    let paths = paths.map(|path| path.replace("{event}", &event).replace("{rejection}", &rejection)).collect();
    (alice, paths)
}

/// What is between the tags of the title.
fn title(page: &str) -> &str {
    between(page, "<title>", "</title>")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_a_title_of_its_own_and_the_icon() {
    let server = TestServer::start_with(|options| options.signup = "open".to_owned()).await;
    let (alice, paths) = alice(&server).await;
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    let visitor = server.visitor();
    for (reader, path) in
        paths.iter().map(|path| (&alice, path.as_str())).chain([(&visitor, "/login"), (&visitor, "/signup")])
    {
        let page = reader.page(path).await;
        // A part of a page, a file or a plain word has no title.
        if !page.contains("<html") {
            continue;
        }
        let own =
            title(&page).strip_suffix(" · Reasoner Webhooks").unwrap_or_else(|| panic!("{path}: {}", title(&page)));
        assert!(!own.trim().is_empty(), "{path} has no title");
        if let Some(other) = titles.insert(own.to_owned(), path.to_owned()) {
            panic!("{path} and {other} have the same title, {own}");
        }
        let icon = between(&page, "<link rel=\"icon\" href=\"", "\"");
        let answer = reader.get(icon).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
            (200, "image/svg+xml")
        );
    }
    assert!(titles.len() > 20, "{titles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_lost_finds_links_that_lead_somewhere() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    for (reader, most) in [(alice, 303), (server.visitor(), 303)] {
        let answer = reader.get("/nowhere").await;
        assert_eq!(answer.status(), 404);
        let page = answer.text().await.unwrap();
        let main = page.split("<main").nth(1).unwrap();
        let links: Vec<&str> = main.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(links.len() >= 5, "{links:?}");
        for link in links {
            let status = reader.get(link).await.status().as_u16();
            assert!([200, most].contains(&status), "{link} answers {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_the_address_of_the_documentation_comes_to_the_quick_start() {
    let server = TestServer::start().await;
    for path in ["/docs", "/docs/webhooks"] {
        let answer = server.visitor().get(path).await;
        let to = answer.headers()["location"].to_str().unwrap();
        assert_eq!((answer.status().as_u16(), to), (303, "/docs/webhooks/quick-start"), "{path}");
    }
}
