//! What a page weighs: its markup, style, scripts and pictures as they come over the wire, all from one origin, and all named by
//! the page itself, so that after its own round trip and that of its style it is complete.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::support::authenticator::Authenticator;
use crate::support::server::{PASSWORD, TestServer};
use crate::visit::{MAYA, Visit, WEBHOOKS};

/// The most that a page may weigh, with all it needs, in bytes.
const MAX_PAGE_BYTES: u64 = 60_000;

/// What the browser loaded for the page that is open, each with its weight. What a server would not have compressed is.
const LOADED: &str = "
    const inner = 'navigation resource'.split(' ').flatMap(kind => performance.getEntriesByType(kind));
    const plain = address => address.replace(/#.*/, '');
    const first = (entry, place, all) => all.findIndex(other => plain(other.name) === plain(entry.name)) === place;
    const loaded = inner.filter(first).filter(({ initiatorType, name }) => !['fetch', 'beacon'].includes(initiatorType) && !name.includes('/events/live'));
    const compressed = async text => {
        const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
        return (await new Response(stream).arrayBuffer()).byteLength;
    };
    const named = new Set([...document.querySelectorAll('[src], [href]')].map(node => node.getAttribute('src') ?? node.getAttribute('href'))
        .map(address => plain(new URL(address, location.href).href)));
    // Some pages give themselves another address.
    const page = plain(performance.getEntriesByType('navigation')[0].name);
    return Promise.all(loaded.map(async ({ name, encodedBodySize, decodedBodySize }) => ({
        name,
        bytes: encodedBodySize && encodedBodySize < decodedBodySize ? encodedBodySize
            : await compressed(name === page ? document.documentElement.outerHTML : await (await fetch(name)).text()),
        is_ours: new URL(name).origin === location.origin,
        is_named: name === page || named.has(plain(name)),
    })));
";

#[derive(Debug, Deserialize)]
struct Loaded {
    name: String,
    bytes: u64,
    is_ours: bool,
    is_named: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_light_and_names_all_it_loads() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    let mut event = String::new();
    for order in 0..60 {
        event = sender.store(format!(r#"{{"order": {order}, "lines": [{{"sku": "HB-2214", "quantity": 2}}]}}"#)).await;
    }
    for _ in 0..3 {
        assert_eq!(sender.send("{").await.status(), 400);
    }
    // A kind of text that compression hardly makes shorter; `tests/http/weight.rs` has more of them.
    let mut state = 1_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x4E00 + (state >> 16) % 20_000).unwrap()
    };
    let member = |_| format!("\"{}\":1", (0..80).map(|_| letter()).collect::<String>());
    let hostile = sender.store(format!("{{{}}}", (0..3_000).map(member).collect::<Vec<_>>().join(","))).await;
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    let (event, hostile) = (format!("/events/{event}"), format!("/events/{hostile}"));
    for path in [
        "/login",
        "/events",
        "/events/rejections",
        &event,
        WEBHOOKS,
        "/events/deletion",
        &format!("{event}?raw=12288"),
        &format!("{event}/comparison"),
        &hostile,
        &format!("{hostile}?raw=500000"),
        &format!("{hostile}/comparison"),
        "/settings/integrations",
        "/settings/account",
        "/settings/account/second-factor",
        "/settings/account/deletion",
        "/settings/events",
        "/settings/sessions",
        "/settings/api-tokens",
        "/settings/api-tokens/new",
        "/settings/consumers",
        "/settings/consumers/new",
        "/settings/alerts",
        "/settings/alerts/rules/new",
        "/settings/audit",
        "/docs/webhooks/quick-start",
        "/docs/webhooks/connect",
        "/docs/webhooks/connect-code",
        "/docs/webhooks/connect-monitoring",
        "/docs/webhooks/connect-automation",
        "/docs/webhooks/connect-services",
        "/docs/webhooks/api-reference",
        "/docs/webhooks/advanced-usage",
        "/docs/webhooks/search",
        "/docs/webhooks/api",
        "/docs/webhooks/errors",
        "/docs/webhooks/operations",
        "/nowhere",
    ] {
        visit.go(path).await;
        assert_light(&visit, path).await;
    }
    visit.end_after(&[404]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_are_shown_once_are_light_too() {
    let server = TestServer::start_with(|options| options.signup = "open".to_owned()).await;
    let visit = Visit::begin(&server).await;
    let link = server.application().setup_link().await.unwrap().unwrap();
    visit.goto(&link).await.unwrap();
    assert_light(&visit, "/setup").await;
    visit.go("/signup").await;
    assert_light(&visit, "/signup").await;
    visit.goto(&link).await.unwrap();
    visit.fill("#email", MAYA).await;
    visit.fill("#password", PASSWORD).await;
    visit.press("main form button").await;
    visit.arrive(WEBHOOKS).await;
    assert_light(&visit, "the first visit").await;
    visit.generate("Inventory system").await;
    assert_light(&visit, "a new credential").await;
    visit.press("a[data-saved]").await;
    visit.arrive(WEBHOOKS).await;
    assert_light(&visit, "three steps to the first event").await;

    visit.go("/settings/account/second-factor").await;
    assert_light(&visit, "an authenticator is set up").await;
    let phone = Authenticator::scan(&visit.source().await.unwrap());
    visit.fill("#code", &phone.next_code(&server)).await;
    visit.press("main form button.primary").await;
    visit.read("h1", "Your recovery codes").await;
    assert_light(&visit, "recovery codes").await;
    visit.press("a[data-saved]").await;
    visit.arrive("/settings/account/second-factor").await;
    assert_light(&visit, "two-step sign-in is on").await;
    server.pass(SignedDuration::from_mins(16));
    visit.go("/events/export?format=ndjson").await;
    visit.read("h1", "Confirm it’s you").await;
    assert_light(&visit, "the question for the password").await;

    visit.delete_all_cookies().await.unwrap();
    visit.go("/login").await;
    visit.fill("#email", MAYA).await;
    visit.fill("#password", PASSWORD).await;
    visit.press("main form button").await;
    visit.arrive("/login/code").await;
    assert_light(&visit, "/login/code").await;
    visit.fill("#code", &phone.next_code(&server)).await;
    visit.press("main form button").await;
    visit.arrive("/events").await;
    server.change_plan(MAYA, "free").await;
    visit.go(WEBHOOKS).await;
    assert_light(&visit, "the plan does not include webhooks").await;
    visit.end_after(&[403]).await;
    server.stop().await;
}

/// The page that is open, with all that it loads.
async fn assert_light(visit: &Visit, what: &str) {
    let loaded: Vec<Loaded> = serde_json::from_value(visit.ask(LOADED).await).unwrap();
    assert!(loaded.iter().any(|file| file.name.ends_with(".css")), "{what} has no style: {loaded:?}");
    for file in &loaded {
        assert!(file.is_ours, "{what} asks somebody else for {}", file.name);
        assert!(file.is_named, "{what} does not name {}: it is found out a round trip later", file.name);
    }
    let bytes: u64 = loaded.iter().map(|file| file.bytes).sum();
    assert!(bytes <= MAX_PAGE_BYTES, "{what} weighs {bytes} bytes: {loaded:#?}");
}
