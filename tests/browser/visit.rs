//! Somebody in front of a browser: what they press, and what they see. Everything waits a while for what it needs, since pages
//! change by themselves.

use std::ops::Deref;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::support::browser::Browser;
use crate::support::server::{PASSWORD, TestServer};

pub const WEBHOOKS: &str = "/settings/integrations/webhooks";
pub const MAYA: &str = "maya@harborsupply.example";

const PATIENCE: Duration = Duration::from_secs(15);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A browser at the pages of one server.
pub struct Visit {
    pub browser: Browser,
    url: String,
}

impl Deref for Visit {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        &self.browser.driver
    }
}

impl Visit {
    /// Nobody is signed in yet.
    pub async fn begin(server: &TestServer) -> Self {
        Self { browser: Browser::open().await.unwrap(), url: server.url.clone() }
    }

    /// The same with the tasks of the browser traced.
    pub async fn begin_traced(server: &TestServer) -> Self {
        Self { browser: Browser::open_traced().await.unwrap(), url: server.url.clone() }
    }

    /// The same with scripts switched off.
    pub async fn begin_without_script(server: &TestServer) -> Self {
        Self { browser: Browser::open_without_script().await.unwrap(), url: server.url.clone() }
    }

    /// Maya, who has an account on Pro, signs in.
    pub async fn of_maya(server: &TestServer) -> Self {
        let visit = Self::begin(server).await;
        server.create_account(MAYA, "pro").await;
        visit.sign_in().await;
        visit
    }

    pub async fn sign_in(&self) {
        self.go("/login").await;
        self.fill("#email", MAYA).await;
        self.fill("#password", PASSWORD).await;
        self.press("main form button").await;
        self.arrive("/events").await;
    }

    /// Ends a visit on which the browser had nothing to say, since the console was read last.
    pub async fn end(self) {
        self.end_after(&[]).await;
    }

    /// The same, where pages answered with these error statuses on purpose.
    pub async fn end_after(self, statuses: &[u16]) {
        assert_eq!(self.complaints(statuses).await, Vec::<String>::new(), "a word in the console");
        self.browser.close().await.unwrap();
    }

    pub async fn go(&self, path: &str) {
        self.goto(format!("{}{path}", self.url)).await.unwrap();
    }

    /// The path of the page, without its query.
    pub async fn path(&self) -> String {
        self.current_url().await.unwrap().path().to_owned()
    }

    /// Waits until the page is the one at a path, with all its scripts: the address changes before these listen.
    pub async fn arrive(&self, path: &str) {
        self.until(&format!("the page {path}"), async || {
            (self.path().await == path && self.ask("return document.readyState").await == "complete").then_some(())
        })
        .await;
    }

    /// An element that can be seen.
    pub async fn see(&self, css: &str) -> WebElement {
        self.until(css, async || self.find_shown(css, "").await).await
    }

    /// The first element that can be seen and carries these words.
    async fn find_shown(&self, css: &str, words: &str) -> Option<WebElement> {
        for element in self.find_all(By::Css(css)).await.ok()? {
            // One that has gone meanwhile is not shown.
            if element.is_displayed().await.unwrap_or(false)
                && (words.is_empty() || element.text().await.ok()?.contains(words))
            {
                return Some(element);
            }
        }
        None
    }

    /// Whether an element is there and can be seen, without waiting for it.
    pub async fn shows(&self, css: &str) -> bool {
        for element in self.find_all(By::Css(css)).await.unwrap() {
            if element.is_displayed().await.unwrap_or(false) {
                return true;
            }
        }
        false
    }

    pub async fn count(&self, css: &str) -> usize {
        self.find_all(By::Css(css)).await.unwrap().len()
    }

    /// The text of an element as it is in the document, with spaces and lines.
    pub async fn text(&self, css: &str) -> String {
        self.until(css, async || self.find_shown(css, "").await?.prop("textContent").await.ok()?).await
    }

    /// Waits until an element's text contains something; gives all of it.
    pub async fn read(&self, css: &str, part: &str) -> String {
        self.until(&format!("“{part}” in {css}"), async || {
            for element in self.find_all(By::Css(css)).await.ok()? {
                if let Some(text) = element.prop("textContent").await.ok()?.filter(|text| text.contains(part)) {
                    return Some(text);
                }
            }
            None
        })
        .await
    }

    pub async fn attribute(&self, css: &str, name: &str) -> String {
        let what = format!("{name} of {css}");
        self.until(&what, async || self.find_shown(css, "").await?.attr(name.to_owned()).await.ok()?).await
    }

    pub async fn press(&self, css: &str) {
        self.press_words(css, "").await;
    }

    /// Presses what carries these words. What goes away just before is looked for again.
    pub async fn press_words(&self, css: &str, words: &str) {
        let what = format!("{css} with the words “{words}” that can be pressed");
        self.until(&what, async || self.find_shown(css, words).await?.click().await.ok()).await;
    }

    /// Types into a field that may have something in it.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.see(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// What a script answers; a promise is waited for.
    pub async fn ask(&self, script: &str) -> Value {
        self.execute(script, vec![]).await.unwrap().json().clone()
    }

    /// The page of the only credential.
    pub async fn open_credential(&self) {
        self.go(WEBHOOKS).await;
        self.press(".cred .c-name a").await;
        self.see("main.cred").await;
    }

    /// Opens the menu of the only credential.
    pub async fn open_menu(&self) {
        self.press(".cred details.menu > summary").await;
        self.see(".cred details.menu[open] .menu-list").await;
    }

    /// Generates a credential with the form that is open, and gives its username and password.
    pub async fn generate(&self, name: &str) -> (String, String) {
        self.fill("#name", name).await;
        self.press_words("form button", "Generate credential").await;
        (self.text("#username").await, self.text("#password").await)
    }

    /// The reader may use the clipboard, as after having allowed it once.
    pub async fn allow_clipboard(&self) {
        let permissions =
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": self.url });
        self.browser.cdp("Browser.grantPermissions", permissions).await.unwrap();
    }

    /// What is in the console since this was asked last: errors, warnings, violated policies, and what a script left there while
    /// somebody looked for a mistake. A page that answers with an error status is itself reported as a failed request, which
    /// `statuses` allows.
    pub async fn complaints(&self, statuses: &[u16]) -> Vec<String> {
        let lines = self.browser.console().await.unwrap().into_iter();
        lines
            .filter(|line| {
                let expected = |status: &u16| line.message.contains(&format!("responded with a status of {status}"));
                !(line.source == "network" && statuses.iter().any(expected))
            })
            .map(|line| format!("{} {}: {}", line.level, line.source, line.message))
            .collect()
    }

    /// Asks again and again until there is an answer.
    pub async fn until<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            if Instant::now() > end {
                let (url, source) = (self.current_url().await.unwrap(), self.source().await.unwrap_or_default());
                panic!("no {what} at {url}; the page is\n{source}");
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}
