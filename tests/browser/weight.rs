//! What a page weighs: its markup, style, scripts and pictures as they come over the wire, all from one origin, and all named by
//! the page itself, so that after its own round trip and that of its style it is complete.

use serde::Deserialize;

use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit, WEBHOOKS};

/// The most that a page may weigh, with all it needs, in bytes.
const MAX_PAGE_BYTES: u64 = 60 * 1024;

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
    const page = plain(location.href);
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
    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    let event = format!("/events/{event}");
    for path in [
        "/login",
        "/events",
        "/events/rejections",
        &event,
        WEBHOOKS,
        "/settings/account",
        "/settings/sessions",
        "/settings/audit",
        "/docs/webhooks/quick-start",
        "/docs/webhooks/api-reference",
        "/docs/webhooks/advanced-usage",
        "/docs/webhooks/search",
        "/docs/webhooks/errors",
        "/docs/webhooks/operations",
        "/nowhere",
    ] {
        visit.go(path).await;
        let loaded: Vec<Loaded> = serde_json::from_value(visit.ask(LOADED).await).unwrap();
        assert!(loaded.iter().any(|file| file.name.ends_with(".css")), "{path} has no style: {loaded:?}");
        for file in &loaded {
            assert!(file.is_ours, "{path} asks somebody else for {}", file.name);
            assert!(file.is_named, "{path} does not name {}: it is found out a round trip later", file.name);
        }
        let bytes: u64 = loaded.iter().map(|file| file.bytes).sum();
        assert!(bytes <= MAX_PAGE_BYTES, "{path} weighs {bytes} bytes: {loaded:#?}");
    }
    visit.end_after(&[404]).await;
    server.stop().await;
}
