//! The examples of the documentation, as a reader copies them from the page.

use std::collections::BTreeMap;

use crate::support::actors::{Person, between};

/// The pages, by the last part of their addresses.
pub const PAGES: [&str; 12] = [
    "quick-start",
    "connect",
    "connect-code",
    "connect-monitoring",
    "connect-automation",
    "connect-services",
    "api-reference",
    "advanced-usage",
    "search",
    "api",
    "errors",
    "operations",
];

/// The text of every block of code on a page, by the id of its element.
pub fn blocks(page: &str) -> BTreeMap<String, String> {
    let mut blocks = BTreeMap::new();
    for block in page.split("<pre id=\"").skip(1) {
        let id = block.split('"').next().unwrap().to_owned();
        let text = text_of(between(block, "<code>", "</code></pre>"));
        let first = blocks.entry(id.clone()).or_insert_with(|| text.clone());
        assert_eq!(*first, text, "{id} is on one page twice, and differs");
    }
    blocks
}

/// All of them, with the username of a credential filled in.
pub async fn all_blocks(reader: &Person, username: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for name in PAGES {
        all.extend(blocks(&reader.page(&format!("/docs/webhooks/{name}?as={username}")).await));
    }
    all
}

/// What HTML shows: without tags, and with the characters that stand behind names and numbers.
pub fn text_of(html: &str) -> String {
    let mut text = String::new();
    for (at, part) in html.split('<').enumerate() {
        text.push_str(if at == 0 { part } else { part.split_once('>').unwrap().1 });
    }
    for (name, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
    {
        text = text.replace(name, character);
    }
    text
}
