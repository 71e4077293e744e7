//! The documentation as a whole: its links lead somewhere, and it says what is configured.

use std::collections::{BTreeMap, BTreeSet};

use reasoner_webhooks::config::checked::ConnectionLimits;
use reasoner_webhooks::domain::account_password::PASSWORD_VOUCHES_FOR;
use reasoner_webhooks::domain::body_pace::BodyPace;
use reasoner_webhooks::domain::device::DEVICE_LASTS;
use reasoner_webhooks::domain::event::MAX_IDEMPOTENCY_KEY_BYTES;
use reasoner_webhooks::domain::holding::{HELD_FOR, MAX_HELD_BYTES, MAX_HELD_EVENTS};
use reasoner_webhooks::store::connection::pool;
use reasoner_webhooks::web::snippets::LANGUAGES;

use crate::support::actors::WEBHOOKS;
use crate::support::chaos_proxy::{Mode, Proxy};
use crate::support::docs::{PAGES, text_of};
use crate::support::postgres;
use crate::support::server::{PASSWORD, TestServer};

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

/// What a private constant is in the source: `const NAME: … = VALUE;`.
fn constant(file: &str, name: &str) -> String {
    let source = std::fs::read_to_string(file).unwrap();
    let pattern = regex::Regex::new(&format!(r"const {name}: [^=]+ = ([^;]+);")).unwrap();
    let found = pattern.captures(&source).unwrap_or_else(|| panic!("{file} has no {name}"));
    found[1].to_owned()
}

/// So many at once, then one in so many seconds: how a limiter is declared in the source.
fn allowance(name: &str) -> (u32, u64) {
    let value = constant("src/server/application.rs", name);
    let pattern = regex::Regex::new(r"^\((\d+), Duration::from_secs\((\d+)\)\)$").unwrap();
    let found = pattern.captures(&value).unwrap_or_else(|| panic!("{name} is {value}"));
    (found[1].parse().unwrap(), found[2].parse().unwrap())
}

/// `10,000`
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).unwrap()).collect();
    parts.join(",")
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_not_configured_are_documented_as_they_are_in_the_code() {
    let server = TestServer::start().await;
    let mut pages = BTreeMap::new();
    for name in PAGES {
        let page = server.visitor().page(&format!("/docs/webhooks/{name}")).await;
        let page = text_of(&page.replace("</td>", "</td> "));
        pages.insert(name, page.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let says = |page: &str, sentence: &str| assert!(pages[page].contains(sentence), "{page} does not say: {sentence}");

    let limits = ConnectionLimits::default();
    let ConnectionLimits { head_deadline, keep_alive, write_deadline, max_connections, .. } = limits;
    let (head, body) = (head_deadline.as_secs(), BodyPace::default().within.as_secs());
    says("api-reference", &format!("The headers didn’t arrive within {head} seconds."));
    says("api-reference", &format!("The body didn’t arrive within {body} seconds, nor at 8 KB a second."));
    says("errors", &format!("The request line and the headers have to arrive within {head} seconds"));
    says("errors", &format!("The whole body has to arrive within {body} seconds"));
    says("advanced-usage", &format!("We wait {body} seconds for the body to arrive"));
    says("advanced-usage", &format!("We close a connection that has been idle for {} seconds,", keep_alive.as_secs()));
    says("api-reference", &format!("idle between two requests {} seconds", keep_alive.as_secs()));
    says("operations", &format!("for each listener {}", thousands(max_connections)));
    says("operations", &format!("from one address {}", thousands(limits.max_of_an_address)));
    says(
        "operations",
        &format!("A reader that takes nothing, or less than 8 KB a second {} seconds", write_deadline.as_secs()),
    );
    says("operations", &format!("all together {} MiB", limits.max_unwritten_bytes >> 20));
    says("api-reference", &format!("Length of an idempotency key {MAX_IDEMPOTENCY_KEY_BYTES} bytes"));

    let (at_once, seconds) = allowance("SENDER_FAILURES");
    assert_eq!(seconds, 1);
    says("operations", &format!("Failures from one address {at_once}, then one a second"));
    let (at_once, seconds) = allowance("SIGN_IN_FAILURES_BY_ADDRESS");
    says("operations", &format!("counted by address ({at_once}, then one in {seconds} seconds)"));
    let (at_once, seconds) = allowance("SIGN_IN_FAILURES_BY_EMAIL");
    says("operations", &format!("by account ({at_once}, then one in {seconds} seconds)"));
    let (at_once, seconds) = allowance("SIGN_IN_FAILURES_BY_PAIR");
    says("operations", &format!("by address and account ({at_once}, then one in {seconds} seconds)"));
    let (at_once, seconds) = allowance("SIGN_INS_BY_EMAIL");
    says("operations", &format!("right ones, too, are counted by account ({at_once}, then one in {seconds} seconds)"));
    let (at_once, seconds) = allowance("SIGN_IN_FAILURES_BY_DEVICE");
    says("operations", &format!("guesses of its own: {at_once}, then one in {seconds} seconds"));
    says(
        "operations",
        &format!("(<code>device</code>) for {} days", DEVICE_LASTS.as_hours() / 24)
            .replace("<code>", "")
            .replace("</code>", ""),
    );
    says("operations", &format!("last given more than {} minutes ago", PASSWORD_VOUCHES_FOR.as_mins()));

    let places = |name: &str| constant("src/web/export_permits.rs", name);
    let (in_all, of_one) = (places("MOST_IN_ALL"), places("MOST_OF_AN_ACCOUNT"));
    says("operations", &format!("at most {in_all} exports to browsers at once, and {of_one} of an account"));
    let live = constant("src/web/live/feeds.rs", "MAX_FEEDS_OF_ACCOUNT");
    let readers = |of: &str| constant("src/web/live/feeds.rs", of);
    let (session, account) = (readers("MAX_READERS_OF_SESSION"), readers("MAX_READERS_OF_ACCOUNT"));
    let pages_live = format!("At most {session} pages of a browser and {account} of an account are live at once");
    says("search", &format!("{pages_live}, with at most {live} different filters"));
    says("operations", &format!("Pages of a browser that are live, and of an account {session}, {account} "));
    says("operations", &format!("Different filters of an account that are live {live} "));
    says("operations", &format!("close some: {session} of a browser and {account} of an account are live at once"));
    let script = std::fs::read_to_string("static/live.js").unwrap();
    for (page, words) in [
        ("search", "Not live: too many live pages are open in your account."),
        ("search", "late events were accepted"),
        ("search", "new events"),
        ("operations", "too many live pages are open"),
    ] {
        says(page, words);
        assert!(script.contains(words), "no page says: {words}");
    }
    let background = pool::StoreOptions::default().background();
    says("operations", &format!("Exports and deletions use at most {background} connections at a time"));
    says("operations", &format!("Each holds at most {} connections", pool::DEFAULT_CONNECTIONS + 3));
    let step = constant("src/app/delete_events.rs", "STEP");
    let events = step.split_once("part(").unwrap().1.split(',').next().unwrap();
    let step: usize = events.replace('_', "").parse().unwrap();
    says("operations", &format!("at most {} at a time", thousands(step)));
    let (events, mebibytes) = (thousands(usize::try_from(MAX_HELD_EVENTS).unwrap()), MAX_HELD_BYTES >> 20);
    let days = HELD_FOR.as_hours() / 24;
    says(
        "advanced-usage",
        &format!("Up to {events} events and {mebibytes} MiB are held for a credential, each for {days} days"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_documented_as_they_are_in_the_code() {
    let server = TestServer::start().await;
    let page = server.visitor().page("/docs/webhooks/operations").await;
    let page = text_of(&page.replace("</td>", "</td> "));
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let says = |sentence: &str| assert!(page.contains(sentence), "operations does not say: {sentence}");
    let limit =
        |name: &str| thousands(constant("src/domain/account_limits.rs", name).replace('_', "").parse().unwrap());
    let (credentials, most) = (limit("MAX_CREDENTIALS"), limit("MOST_CREDENTIALS"));
    says(&format!("Credentials of an account {credentials} on Pro, 0 on Free account limits, up to {most}."));
    let revoked = constant("src/store/tables/credentials.rs", "MAX_REVOKED_LISTED");
    says(&format!("pages list the last {revoked} of those"));
    let (sessions, most) = (limit("MAX_SESSIONS"), limit("MOST_SESSIONS"));
    says(&format!("Browsers that are signed in to an account {sessions} account limits, up to {most}."));
    let (at_once, seconds) = allowance("ACTS_BY_ACCOUNT");
    says(&format!("Changes that an account makes on its pages {at_once}, then one in {seconds} seconds"));
    let errors = std::fs::read_to_string("src/web/errors.rs").unwrap();
    assert!(
        errors
            .contains(&format!("has made {at_once} changes in a short time, and can make one every {seconds} seconds"))
    );
    let lines: usize = constant("src/web/account/audit.rs", "MAX_SEARCHED").replace('_', "").parse().unwrap();
    says(&format!("Lines of the audit trail that a search looks at {} for a page", thousands(lines)));
    let seconds = constant("src/server/background.rs", "STORAGE_EVERY").replace("Duration::from_secs", "");
    says(&format!("every {} seconds or so", seconds.trim_matches(['(', ')'])));
    let step: usize = constant("src/app/enforce_storage.rs", "STEP_EVENTS").replace('_', "").parse().unwrap();
    says(&format!("they go in steps of at most {}", thousands(step)));
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_that_are_documented_are_on_the_pages() {
    let server = TestServer::start().await;
    let alice = server.pro("alice@example.com").await;
    let other = server.visitor();
    other.post("/login", &[("email", "alice@example.com"), ("password", PASSWORD)]).await;
    for (document, button, page) in [
        ("search", "Search for it as text", "/events?q=a+%3D%3D+b"),
        ("operations", "Sign out all others", "/settings/sessions"),
    ] {
        let bold = format!("<b>{button}</b>");
        assert!(alice.page(&format!("/docs/webhooks/{document}")).await.contains(&bold), "{document}: {button}");
        let answer = alice.get(page).await.text().await.unwrap();
        assert!(answer.contains(&format!(">{button}<")), "{page} has no {button}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_is_told_of_every_language_that_there_are_examples_in() {
    let server = TestServer::start().await;
    let page = server.pro("alice@example.com").await.page(WEBHOOKS).await;
    let sentence = page.split("has examples for ").nth(1).unwrap().split(".</p>").next().unwrap();
    for language in LANGUAGES {
        assert!(sentence.contains(language.title), "{} is not in: {sentence}", language.title);
    }
    assert_eq!(sentence.split(", ").count() + 1, LANGUAGES.len(), "{sentence}");
}

// holds issue 16, section 5
#[tokio::test(flavor = "multi_thread")]
async fn documentation_is_there_while_the_database_is_silent() {
    let (proxy, address) = Proxy::in_front_of(&postgres::new_database().await).await;
    let server = TestServer::start_over(address, |_| {}).await;
    let alice = server.pro("alice@example.com").await;
    let path = "/docs/webhooks/quick-start";
    assert!(alice.page(path).await.contains("alice@example.com"));
    proxy.switch(Mode::BlackHole);
    let page = alice.page(path).await;
    assert!(page.contains("href=\"/login\"") && !page.contains("alice@example.com"), "as to a visitor: {page}");
    assert_eq!(alice.get("/events").await.status(), 503, "what is one's own needs it");
}
