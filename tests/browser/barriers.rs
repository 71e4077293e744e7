//! Every page and every state of it, as the tour of the screenshots knows them, without a barrier: axe-core and the checks beside
//! this file find nothing, and decide what axe-core leaves undecided, in light and dark, on a phone by day and by night, at 200 and
//! 400 % zoom, with forced colours; and the console is empty.

use anyhow::{Context, Result};
use serde_json::json;

use crate::camera::{Camera, Extent, SCREENS, Screen, set_screen};
use crate::support::browser::Browser;
use crate::support::private_postgres::PrivatePostgres;
use crate::support::server::TestServer;
use crate::tour;

const CHECKS: &str = include_str!("barriers/checks.js");
/// Installed by `scripts/ensure-axe`, in the version that `package-lock.json` beside this file pins.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/barriers/node_modules/axe-core/axe.min.js");

/// What is looked at beside the screens of the pictures: a phone at night, windows of 1280 px that are zoomed, in CSS pixels, and those
/// of a small and of a large computer.
const MORE_SCREENS: [Screen; 5] = [
    Screen { suffix: "mobile, dark", scheme: "dark", width: 390, height: 844, mobile: true },
    Screen { suffix: "at 200 %", scheme: "light", width: 640, height: 450, mobile: false },
    Screen { suffix: "at 400 %", scheme: "light", width: 320, height: 225, mobile: false },
    Screen { suffix: "1024 px wide", scheme: "dark", width: 1024, height: 768, mobile: false },
    Screen { suffix: "1440 px wide", scheme: "light", width: 1440, height: 900, mobile: false },
];

struct Inspector<'a> {
    browser: &'a Browser,
    axe: String,
    /// The state, the screen, and what is wrong there.
    found: Vec<String>,
    states: usize,
}

impl<'a> Inspector<'a> {
    fn new(browser: &'a Browser) -> Self {
        let axe = std::fs::read_to_string(AXE);
        let axe =
            axe.expect("axe-core is not installed, and the tests need it. Run `make test`, which installs it first.");
        Self { browser, axe, found: Vec::new(), states: 0 }
    }

    async fn inspect(&mut self, name: &str, screen: &Screen, forced: bool, focus: bool) -> Result<()> {
        set_screen(self.browser, screen).await?;
        let colours = if forced { "active" } else { "none" };
        self.browser
            .cdp(
                "Emulation.setEmulatedMedia",
                json!({ "features": [
                    { "name": "prefers-color-scheme", "value": screen.scheme },
                    { "name": "prefers-reduced-motion", "value": "reduce" },
                    { "name": "forced-colors", "value": colours },
                ] }),
            )
            .await?;
        let driver = &self.browser.driver;
        if driver.execute("return !window.axe", vec![]).await?.convert()? {
            driver.execute(self.axe.as_str(), vec![]).await?;
        }
        let asked = json!({ "isTouch": screen.mobile, "looksAtFocus": focus, "isForced": forced });
        let script = format!("return (async function () {{ {CHECKS} }}).apply(null, arguments)");
        let found: Vec<String> = driver.execute(script, vec![asked]).await?.convert()?;
        let on = if forced { "forced colours" } else { screen.suffix };
        self.found.extend(found.into_iter().map(|what| format!("{name}, {on}: {what}")));
        Ok(())
    }

    /// Warnings, errors, violated policies. That a page answers with an error status is itself reported; that is no complaint.
    async fn listen(&mut self, name: &str) -> Result<()> {
        let address = self.browser.driver.current_url().await?;
        for line in self.browser.console().await? {
            let is_the_page =
                line.source == "network" && line.message.starts_with(&format!("{address} - Failed to load"));
            if !is_the_page {
                self.found.push(format!("{name}, console: {} {}: {}", line.level, line.source, line.message));
            }
        }
        Ok(())
    }
}

impl Camera for Inspector<'_> {
    async fn take(&mut self, name: &'static str, _: &'static str, _: Extent) -> Result<()> {
        self.listen(name).await.context(name)?;
        for screen in SCREENS.iter().chain(&MORE_SCREENS) {
            self.inspect(name, screen, false, false).await.with_context(|| format!("{name}, {}", screen.suffix))?;
        }
        // Looking at the focus comes last: a menu closes when the focus leaves it.
        self.inspect(name, &SCREENS[0], true, true).await.context(name)?;
        set_screen(self.browser, &SCREENS[0]).await?;
        self.listen(name).await.context(name)?;
        self.states += 1;
        Ok(())
    }
}

/// One of each kind, by the ways that a strict policy leaves to scripts.
const PLANTED: &str = "
    const add = (tag, text, style, properties) => {
        const node = Object.assign(document.createElement(tag), { textContent: text, ...properties });
        Object.assign(node.style, style);
        document.querySelector('main').append(node);
        return node;
    };
    document.documentElement.removeAttribute('lang');
    add('p', 'hardly to be read', { color: '#bbb', background: '#fff' });
    add('p', 'x', { color: '#bbb', background: '#fff' });
    add('p', 'on a picture', { background: 'linear-gradient(#fff, #000)' });
    add('h5', 'far too deep', {});
    add('button', '', {});
    add('button', 'x', { width: '9px', height: '9px', padding: '0', border: '0', overflow: 'hidden' });
    add('div', 'wide', { width: '3000px' });
    add('input', '', { outline: 'none' }, { ariaLabel: 'Without a ring' }).style.setProperty('outline', 'none', 'important');
    add('a', 'no edge', { border: '0' }, { className: 'btn', href: '/' });
    add('div', 'moves', {}).animate([{ opacity: 0 }, { opacity: 1 }], { duration: 60000 });
    console.warn('planted');
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn barriers_that_are_planted_are_found() {
    let server = TestServer::start().await;
    let browser = Browser::open().await.unwrap();
    let mut inspector = Inspector::new(&browser);
    browser.driver.goto(format!("{}/docs/webhooks/errors", server.url)).await.unwrap();
    browser.driver.execute(PLANTED, vec![]).await.unwrap();
    inspector.take("planted", "", Extent::Page).await.unwrap();
    let found = inspector.found.join("\n");
    for kind in [
        "planted, light: axe html-has-lang",
        "planted, dark: axe color-contrast",
        "planted, light: a contrast of 1.91, less than 4.5: <p style",
        "planted, light: a contrast of NaN, less than 4.5: <p style",
        "planted, mobile: axe heading-order",
        "planted, mobile, dark: axe color-contrast",
        "planted, light: axe button-name",
        "planted, light: 9 by 9 px, less than 24",
        "planted, mobile: 9 by 9 px, less than 44",
        "planted, at 200 %: 3",
        "planted, at 400 %: 3",
        "planted, light: moves in spite of reduced motion",
        "planted, forced colours: has no edge",
        "planted, forced colours: takes the focus and does not show it: <input",
        "planted, console: WARNING",
    ] {
        assert!(found.contains(kind), "{kind} is not in\n{found}");
    }
    browser.close().await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_state_of_any_page_has_a_barrier_or_a_word_in_the_console() {
    let postgres = PrivatePostgres::start().await;
    let server = TestServer::start_over(postgres.url().to_owned(), tour::set_options).await;
    let browser = Browser::open().await.unwrap();
    let mut inspector = Inspector::new(&browser);

    let stop = async || {
        postgres.shut_down().await;
        Ok(())
    };
    let walked = tour::take(server.application(), postgres.url(), &browser, &mut inspector, stop).await;

    let Inspector { found, states, .. } = inspector;
    assert!(walked.is_ok(), "{walked:?}, after these findings:\n{}", found.join("\n"));
    assert!(states > 80, "{states} states were seen, and the tour has more");
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
    browser.close().await.unwrap();
    server.stop().await;
}
