//! Every page, light and dark, wide and narrow, without a word in the browser's console, and none wider than its window.

use serde_json::json;

use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit, WEBHOOKS};

const DOCS: &[&str] = &[
    "/docs/webhooks/quick-start",
    "/docs/webhooks/connect",
    "/docs/webhooks/connect-code",
    "/docs/webhooks/connect-monitoring",
    "/docs/webhooks/connect-automation",
    "/docs/webhooks/connect-services",
    "/docs/webhooks/api-reference",
    "/docs/webhooks/advanced-usage",
    "/docs/webhooks/search",
    "/docs/webhooks/errors",
    "/docs/webhooks/operations",
];
/// The narrowest window that pages are made for, in CSS pixels.
const NARROW: u32 = 360;

/// What sticks out of the window to the right, unless it is in a box that scrolls by itself.
const TOO_WIDE: &str = "
    const page = document.documentElement;
    if (page.scrollWidth <= page.clientWidth) return '';
    const scrolls = node => node && node !== page && node !== document.body
        && (getComputedStyle(node).overflowX !== 'visible' || scrolls(node.parentElement));
    const wide = [...document.body.querySelectorAll('*')]
        .filter(node => node.getBoundingClientRect().right > page.clientWidth + 1 && !scrolls(node.parentElement));
    return `${page.scrollWidth} px: ` + wide.slice(0, 3).map(node => node.outerHTML.slice(0, 120)).join(' and ');
";

/// Looks at a page in every way it can be looked at.
async fn look(visit: &Visit, path: &str, status: u16) {
    for scheme in ["light", "dark"] {
        visit.browser.prefer(scheme).await.unwrap();
        visit.go(path).await;
        assert_eq!(visit.complaints(&[status]).await, Vec::<String>::new(), "{path}, {scheme}");
        // The styles arrived and took the scheme: dark pages are dark.
        let light = visit
            .ask("return getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)");
        let light = light.await.as_array().unwrap().iter().all(|part| part.as_f64().unwrap() > 128.0);
        assert_eq!(light, scheme == "light", "{path}, {scheme}");
    }
    check_narrow(visit, path).await;
}

async fn check_narrow(visit: &Visit, path: &str) {
    let metrics = json!({ "width": NARROW, "height": 740, "deviceScaleFactor": 1, "mobile": false });
    visit.browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    assert_eq!(visit.ask(TOO_WIDE).await, "", "{path} at {NARROW} px");
    visit.browser.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_for_visitors_leave_the_console_empty() {
    let server = TestServer::start_with(|options| options.signup = "open".to_owned()).await;
    let visit = Visit::begin(&server).await;
    let link = server.application().setup_link().await.unwrap().unwrap();
    look(&visit, link.strip_prefix(server.url.as_str()).unwrap(), 200).await;
    look(&visit, "/setup?token=wrong", 403).await;
    for path in ["/login", "/login?next=%2Fevents", "/signup"].iter().chain(DOCS) {
        look(&visit, path, 200).await;
    }
    look(&visit, "/nowhere", 404).await;
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_without_anything_in_them_leave_the_console_empty() {
    let server = TestServer::start().await;
    let visit = Visit::of_maya(&server).await;
    for path in ["/events", "/events/rejections", WEBHOOKS, "/settings/integrations"] {
        look(&visit, path, 200).await;
    }
    server.change_plan(MAYA, "free").await;
    for path in ["/events", WEBHOOKS, "/settings/integrations", "/settings/account"] {
        look(&visit, path, 200).await;
    }
    visit.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_an_account_in_use_leave_the_console_empty() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let sender = server.sender(&maya).await;
    let event = sender.store(r#"{"order": 48213, "lines": [{"sku": "HB-2214", "quantity": 2}], "note": null}"#).await;
    assert_eq!(sender.send("{").await.status(), 400);
    let id = maya.credential_id(&sender.username).await;
    server.eventually("select count(*) from rejections", 1).await;

    let visit = Visit::begin(&server).await;
    visit.sign_in().await;
    let dialog = |question: &str| format!("{WEBHOOKS}?{question}={id}");
    let paths = [
        "/events".to_owned(),
        "/events?q=48213&since=24h".to_owned(),
        "/events?q=nothing+has+this".to_owned(),
        "/events/rejections".to_owned(),
        "/events/rejections?group=address".to_owned(),
        format!("/events/{event}"),
        format!("/events/{event}?delete=1"),
        WEBHOOKS.to_owned(),
        format!("{WEBHOOKS}?new=1"),
        dialog("rotate"),
        dialog("rename"),
        dialog("revoke"),
        "/settings/integrations".to_owned(),
        "/settings/account".to_owned(),
        "/settings/sessions".to_owned(),
        "/settings/api-tokens".to_owned(),
        "/settings/api-tokens/new".to_owned(),
        "/settings/consumers".to_owned(),
        "/settings/consumers/new".to_owned(),
        "/settings/alerts".to_owned(),
        "/settings/alerts/rules/new?kind=rejections".to_owned(),
        "/settings/audit".to_owned(),
        "/settings/audit?action=signed_in&subject=%3Cb%3E".to_owned(),
    ];
    for path in paths.iter().map(String::as_str).chain(DOCS.iter().copied()) {
        look(&visit, path, 200).await;
    }
    look(&visit, "/events?since=yesterday", 422).await;
    look(&visit, "/events/0199e3a2-0000-7000-8000-000000000000", 404).await;
    visit.end().await;
    server.stop().await;
}
