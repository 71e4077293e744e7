//! The documentation on paper: the words, dark on white whatever the reader chose, nothing to press, and nothing cut off.

use serde_json::json;

use crate::support::docs::PAGES;
use crate::support::server::TestServer;
use crate::visit::Visit;

/// A4 without margins, in CSS pixels.
const PAPER: (u32, u32) = (794, 1123);

const ON_PAPER: &str = "
    const seen = css => [...document.querySelectorAll(css)].filter(node => node.checkVisibility()).length;
    const light = css => getComputedStyle(document.querySelector(css)).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const cut = [...document.querySelectorAll('pre')].filter(node => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1);
    return {
        pressable: seen('.btn, .copy, .site-header, .sidenav, .toc, .prefill, .skip-link'),
        words: seen('main h1') + seen('main h2') + seen('main pre'),
        ink: Math.max(...light('main h1')),
        cut: cut.map(node => node.textContent.slice(0, 60)),
        wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    };
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documentation_prints_its_words_dark_on_white_and_whole() {
    let server = TestServer::start().await;
    let visit = Visit::begin(&server).await;
    let (width, height) = PAPER;
    let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    visit.browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    let dark = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
    visit.browser.cdp("Emulation.setEmulatedMedia", json!({ "media": "print", "features": dark })).await.unwrap();
    for page in PAGES {
        visit.go(&format!("/docs/webhooks/{page}")).await;
        let paper = visit.ask(ON_PAPER).await;
        assert_eq!(paper["pressable"], 0, "{page}");
        assert_eq!((&paper["cut"], &paper["wide"]), (&json!([]), &json!(false)), "{page}");
        assert!(paper["words"].as_u64().unwrap() > 5, "{page}: {paper}");
        assert!(paper["ink"].as_u64().unwrap() < 128, "{page}: {paper}");
    }
    visit.end().await;
    server.stop().await;
}
