//! The documentation as a whole: its links lead somewhere, and it says what is configured.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::docs::PAGES;
use crate::support::server::TestServer;

fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let mark = format!(" {name}=\"");
    page.split(mark.as_str()).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_of_the_documentation_leads_somewhere() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    server.sender(&alice).await;
    let mut pages = BTreeMap::new();
    for name in PAGES {
        let path = format!("/docs/webhooks/{name}");
        let page = alice.page(&path).await;
        let ids = attributes(&page, "id");
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "an id is on {name} twice");
        pages.insert(path, page);
    }
    let mut elsewhere = BTreeSet::new();
    for (path, page) in &pages {
        for link in attributes(page, "href") {
            let (to, anchor) = link.split_once('#').unwrap_or((link, ""));
            match pages.get(if to.is_empty() { path.as_str() } else { to }) {
                Some(page) if !anchor.is_empty() => {
                    assert!(attributes(page, "id").contains(&anchor), "{path} links to {link}, where nothing is");
                }
                Some(_) => {}
                None => _ = elsewhere.insert(to.to_owned()),
            }
        }
        for id in attributes(page, "for") {
            assert!(attributes(page, "id").contains(&id), "{path} has a label for {id}, which is not there");
        }
    }
    for link in elsewhere.iter().filter(|link| link.starts_with('/')) {
        let status = alice.get(link).await.status().as_u16();
        assert!([200, 303].contains(&status), "{link} answers {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_documented_as_they_are_configured() {
    let server = TestServer::start_with(|options| {
        options.max_body_bytes = "3072".to_owned();
        options.retention_days = "1".to_owned();
    })
    .await;
    for name in ["api-reference", "operations"] {
        let page = server.visitor().page(&format!("/docs/webhooks/{name}")).await;
        assert!(page.contains(">3 KiB<") && page.contains(">1 day<"), "{name}");
    }
    let errors = server.visitor().page("/docs/webhooks/errors").await;
    assert!(errors.contains("larger than 3 KiB"));
    let search = server.visitor().page("/docs/webhooks/search").await;
    assert!(search.contains("Events are kept for 1 day"));
}
