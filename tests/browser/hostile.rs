//! What hostile senders and a careless owner can leave on the pages: nothing of it runs, nothing becomes markup, and nothing
//! that a reader cannot see stays unseen.
// holds W7

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::actors::{Person, Sender};
use crate::support::server::TestServer;
use crate::visit::{MAYA, Visit, WEBHOOKS};

/// Each would run somewhere if it came into a page unescaped: as markup, in an attribute, in a title, in a script, as a link.
const ATTACKS: [&str; 12] = [
    "<script>canary()</script>",
    "\"><img src=x onerror=canary()>",
    "'><svg onload=canary()>",
    "</title><script>canary()</script>",
    "</textarea></select></code></pre><iframe srcdoc='<script>parent.canary()</script>'>",
    "</template><img src=x onerror=canary()>",
    "javascript:canary()",
    "\" autofocus onfocus=\"canary()\" x=\"",
    "--><script>canary()</script><!--",
    "&lt;script&gt;canary()&lt;/script&gt;&#60;img src=x onerror=canary()&#62;",
    "{{7*7}}${canary()}<%= canary() %>",
    "]]></script><style>*{display:none}</style><base href=//evil.example><meta http-equiv=refresh content=0;//evil.example>",
];
/// An override that writes backwards, an isolate, invisible letters, a bell, an escape code, hidden tags.
const UNSEEN: &str = "a\u{202E}b\u{2066}c\u{200B}d\u{200D}e\u{FEFF}f\u{00AD}g\u{E0041}h\u{2028}i";

/// Runs before anything on a page does.
const CANARY: &str = "
    window.fired = [];
    window.canary = () => { fired.push('canary'); };
    for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => { fired.push(name); };
    document.addEventListener('securitypolicyviolation', (event) => {
        fired.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
";

/// What no page of ours contains, and what a reader would not see, in text and in the attributes that are read out or shown.
const FINDINGS: &str = "
    const foreign = 'script:not([type=module][src^=\"/static/\"]), script:not([src]), style, iframe, object, embed, base, img, '
        + 'meta[http-equiv], link:not([rel=icon], [rel=stylesheet]), [srcdoc], a[href^=\"javascript:\" i], '
        + 'form[action*=\"evil\"], svg svg, [style]';
    const found = [...fired, ...[...document.querySelectorAll(foreign)].map(node => node.outerHTML.slice(0, 200))];
    for (const node of document.querySelectorAll('*')) {
        for (const { name, value } of node.attributes) {
            if (name.startsWith('on')) found.push(`${name}=${value}`);
        }
    }
    const unseen = /[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\u{e0000}-\\u{e007f}]/u;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const { data, parentElement } = walker.currentNode;
        if (unseen.test(data)) found.push(`unseen in ${parentElement.localName}#${parentElement.id}: ${encodeURI(data)}`);
    }
    for (const name of ['title', 'aria-label', 'alt', 'placeholder']) {
        for (const node of document.querySelectorAll(`[${name}]`)) {
            if (unseen.test(node.getAttribute(name).replaceAll('\\n', ''))) found.push(`unseen in ${name}: ${node.outerHTML.slice(0, 200)}`);
        }
    }
    if (unseen.test(document.title)) found.push('unseen in the title');
    return found;
";

/// Goes from page to page and notes what was found, and where first, so that one failure names everything.
struct Look<'a> {
    visit: &'a Visit,
    found: RefCell<BTreeMap<String, String>>,
}

impl Look<'_> {
    async fn at(&self, path: &str) {
        self.visit.go(path).await;
        self.here(path).await;
    }

    async fn here(&self, place: &str) {
        // Handlers of broken images and the like come a moment after the page.
        self.visit.ask("return new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))").await;
        let found = self.visit.ask(FINDINGS).await;
        let found = found.as_array().unwrap().iter().map(|finding| finding.as_str().unwrap().to_owned());
        // Pages for what does not exist, and for filters that make no sense, answer so.
        let complaints = self.visit.complaints(&[400, 404, 422]).await;
        for finding in found.chain(complaints) {
            self.found.borrow_mut().entry(finding).or_insert_with(|| place.to_owned());
        }
    }
}

/// A body with every attack as a key and as a value, at several depths.
fn hostile_body() -> String {
    let mut object = serde_json::Map::new();
    for attack in ATTACKS.iter().chain([&UNSEEN]) {
        object.insert((*attack).to_owned(), json!({ *attack: [attack, { *attack: attack }] }));
    }
    Value::Object(object).to_string()
}

/// What a sender can choose beside the body. Header values are bytes, so the attacks go in as they are.
async fn send_hostile(sender: &Sender, attack: &str, body: String) -> Response {
    let query = percent_encoding::utf8_percent_encode(attack, percent_encoding::NON_ALPHANUMERIC);
    let header = |text: &str| reqwest::header::HeaderValue::from_bytes(text.as_bytes()).unwrap();
    let request = sender.request().body(body).header("User-Agent", header(attack)).header("X-Attack", header(attack));
    let request = request.header("Referer", header(attack)).header("X-Unseen", header(UNSEEN)).build().unwrap();
    let mut request = request;
    request.url_mut().set_query(Some(&format!("q={query}&{query}")));
    // A parameter of a content type is free text as well.
    let content_type = format!("application/json; note=\"{}\"", attack.replace('"', "'"));
    request.headers_mut().insert("Content-Type", header(&content_type));
    reqwest::Client::builder().no_proxy().build().unwrap().execute(request).await.unwrap()
}

/// Names are at most 60 characters, so the longer attacks are cut; they still open what they open.
fn name_of(attack: &str) -> String {
    attack.chars().take(60).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_senders_or_owners_write_runs_or_hides_on_any_page() {
    let server = TestServer::start().await;
    let maya = server.pro(MAYA).await;
    let mut senders = Vec::new();
    for attack in ATTACKS.iter().chain([&UNSEEN]) {
        let answer = maya.post(&format!("{WEBHOOKS}/credentials"), &[("name", &name_of(attack))]).await;
        assert_eq!(answer.status(), 200, "{attack}");
        senders.push((*attack, Sender::from_page(&server.url, &answer.text().await.unwrap())));
    }
    let mut events = Vec::new();
    for (attack, sender) in &senders {
        let answer = send_hostile(sender, attack, hostile_body()).await;
        assert_eq!(answer.status(), 200, "{attack}");
        let json: Value = answer.json().await.unwrap();
        events.push(json["id"].as_str().unwrap().to_owned());
        // One that is refused, with the same around it: agents are shown with rejections too.
        assert_eq!(send_hostile(sender, attack, format!("{{{attack}")).await.status(), 400, "{attack}");
        sender.store(json!(attack).to_string()).await;
    }
    server.eventually("select count(*) from rejections", senders.len() as i64).await;
    // Compared with the one before, every hostile key was removed.
    let (_, last) = &senders[senders.len() - 1];
    last.store(hostile_body()).await;
    let emptied = last.store("{}").await;

    let visit = Visit::begin(&server).await;
    let script = json!({ "source": CANARY });
    visit.browser.cdp("Page.addScriptToEvaluateOnNewDocument", script).await.unwrap();
    visit.sign_in().await;
    check_canary_sings(&visit).await;

    let look = Look { visit: &visit, found: RefCell::default() };
    for path in [
        "/events",
        "/events/rejections",
        "/events/rejections?group=address",
        WEBHOOKS,
        "/settings/audit",
        "/docs/webhooks/quick-start",
    ] {
        look.at(path).await;
    }
    look_at_events(&look, &events, &emptied).await;
    look_at_credentials(&look, &maya, &senders).await;
    look_at_queries(&look).await;
    look_at_live_rows(&look, &server).await;
    let found = look.found.into_inner();
    assert!(found.is_empty(), "what was found, and where: {found:#?}");
    visit.end().await;
    server.stop().await;
}

/// A canary that cannot sing proves nothing: what the policy blocks has to be noticed too.
async fn check_canary_sings(visit: &Visit) {
    visit
        .ask(
            "const image = document.createElement('img');
             image.setAttribute('onerror', 'canary()');
             image.src = 'x';
             document.body.append(image);
             canary();
             return new Promise(done => setTimeout(done, 300));",
        )
        .await;
    let found = visit.ask(FINDINGS).await.to_string();
    for part in ["\"canary\"", "policy: script-src", "<img", "onerror=canary()"] {
        assert!(found.contains(part), "{part} is not noticed: {found}");
    }
    assert!(!visit.complaints(&[]).await.is_empty(), "the console tells as well");
}

async fn look_at_events(look: &Look<'_>, events: &[String], emptied: &str) {
    let visit = look.visit;
    for id in events {
        let path = format!("/events/{id}");
        look.at(&path).await;
        visit.press("label[for=view-raw]").await;
        visit.see("#raw").await;
        visit.press("label[for=view-headers]").await;
        visit.see("table[aria-label='Request headers']").await;
        visit.press("label[for=view-tree]").await;
        look.here(&path).await;
    }
    // The last one has what cannot be seen in its keys, headers, agent and query, and all of it is spelled out.
    for part in [".tree", "table[aria-label='Request headers']", "aside dl", "h1"] {
        let text = visit.read(part, "").await;
        assert!(text.contains("a\\u202Eb\\u2066c\\u200Bd"), "{part}: {text}");
    }
    look.at(&format!("/events/{}?delete=1", events[0])).await;
    // Each key as the way to a value and as a value itself, in place and on a page; and what changed.
    let id = &events[events.len() - 1];
    visit.go(&format!("/events/{id}")).await;
    let links = "return [...document.querySelectorAll('.tree a')].map(link => link.getAttribute('href'))";
    let links = visit.ask(links).await;
    let links: Vec<&str> = links.as_array().unwrap().iter().map(|link| link.as_str().unwrap()).collect();
    for link in links.iter().step_by(4) {
        look.at(&format!("/events/{id}{link}")).await;
    }
    visit.go(&format!("/events/{id}")).await;
    visit.press(".tree .j-k[href], .tree .here").await;
    visit.see(".tree .value-bar").await;
    look.here("what can be done with a value").await;
    look.at(&format!("/events/{emptied}/comparison")).await;
    visit.read("h2", "13 removed").await;
}

async fn look_at_credentials(look: &Look<'_>, maya: &Person, senders: &[(&str, Sender)]) {
    let visit = look.visit;
    for (attack, sender) in senders {
        let username = &sender.username;
        let id = maya.credential_id(username).await;
        for question in ["rotate", "rename", "revoke"] {
            look.at(&format!("{WEBHOOKS}?{question}={id}")).await;
        }
        let own = format!("{WEBHOOKS}/{id}");
        look.at(&own).await;
        // The dialog that script fetches and puts into the page.
        visit.press(".cred a.btn[href^='?rotate=']").await;
        visit.see("dialog:modal").await;
        look.here(&format!("the dialog of {attack}")).await;
        visit.press_words("dialog button", "Rotate password").await;
        visit.see("#password").await;
        look.here(&format!("the new password of {attack}")).await;
        visit.press("[data-copy='#password']").await;
        visit.see("[data-copy='#password'][data-copied]").await;
        look.at(&format!("{WEBHOOKS}?stop={id}")).await;
        visit.go(&own).await;
        visit.press("main form[action$='/test-event'] button").await;
        visit.see(".notice.ok").await;
        look.here(&format!("the notice of {attack}")).await;
        for path in ["/events", "/events/rejections"] {
            look.at(&format!("{path}?credential={username}")).await;
        }
        look.at(&format!("/events?credential={username}&q=nothing+has+this")).await;
        assert_eq!(maya.post(&format!("{WEBHOOKS}/credentials/{id}/revocation"), &[]).await.status(), 303);
    }
    // Of those that are gone, names remain in the list, with events and in the trail.
    for path in [&format!("{WEBHOOKS}?state=revoked"), "/events", "/settings/audit"] {
        look.at(path).await;
    }
}

async fn look_at_queries(look: &Look<'_>) {
    for attack in ATTACKS.iter().chain([&UNSEEN]) {
        let text = percent_encoding::utf8_percent_encode(attack, percent_encoding::NON_ALPHANUMERIC);
        let mut paths = String::new();
        for name in ["q", "credential", "since", "fields"] {
            writeln!(paths, "/events?{name}={text}").unwrap();
        }
        writeln!(paths, "/events/rejections?until={text}\n/events/{text}\n/login?next={text}\n/{text}").unwrap();
        writeln!(paths, "/events/rejections?group=address&q={text}\n/settings/audit?subject={text}").unwrap();
        for path in paths.lines() {
            look.at(path).await;
        }
    }
}

/// Rows that arrive live are markup from the server, put into the page by script.
async fn look_at_live_rows(look: &Look<'_>, server: &TestServer) {
    let visit = look.visit;
    visit.go(WEBHOOKS).await;
    let (username, password) = visit.generate("\"><img src=x onerror=canary()>").await;
    let sender = Sender::new(&server.url, &username, &password);
    // The line that waits for the first event tells of attempts that were refused.
    assert_eq!(send_hostile(&sender, ATTACKS[1], "{".to_owned()).await.status(), 400);
    visit.read("[data-waiting]", "Rejected with 400: Not valid JSON").await;
    look.here("the line that waits for an event").await;
    visit.press("[data-copy='#password']").await;
    visit.see("[data-copy='#password'][data-copied]").await;

    visit.go("/events").await;
    visit.see(".events-table tbody tr").await;
    for attack in ATTACKS.iter().chain([&UNSEEN]) {
        let answer = send_hostile(&sender, attack, json!({ *attack: attack }).to_string()).await;
        let json: Value = answer.json().await.unwrap();
        visit.see(&format!(".events-table tr[data-id='{}']", json["id"].as_str().unwrap())).await;
    }
    look.here("rows that arrived live").await;
}
