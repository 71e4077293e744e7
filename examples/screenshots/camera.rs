//! Takes the pictures: each state of a page light, dark, and on a small screen, without loading it again in between, because
//! some states exist only once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::browser::Browser;

/// Beyond this, a picture stops, in CSS pixels.
const MAX_HEIGHT: u64 = 4_000;
/// How long colours and layout may take to settle, in milliseconds.
const SETTLE_MS: u64 = 350;

/// A screen and the look that its system prefers.
struct Variant {
    suffix: &'static str,
    scheme: &'static str,
    width: u64,
    height: u64,
    mobile: bool,
}

const VARIANTS: [Variant; 3] = [
    Variant { suffix: "light", scheme: "light", width: 1280, height: 900, mobile: false },
    Variant { suffix: "dark", scheme: "dark", width: 1280, height: 900, mobile: false },
    Variant { suffix: "mobile", scheme: "light", width: 390, height: 844, mobile: true },
];

/// How much of a page is on its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// From top to bottom.
    Page,
    /// What a window shows, for dialogs, which lie over the window and not over the page.
    Window,
}

/// One state of a page, in pictures beside this name.
#[derive(Debug)]
pub struct State {
    pub name: &'static str,
    pub title: &'static str,
}

/// The camera and what it took.
pub struct Camera<'a> {
    browser: &'a Browser,
    directory: PathBuf,
    pub taken: Vec<State>,
}

impl<'a> Camera<'a> {
    pub fn new(browser: &'a Browser, directory: &Path) -> Self {
        Self { browser, directory: directory.to_owned(), taken: Vec::new() }
    }

    /// The suffixes of the pictures of one state.
    pub fn suffixes() -> impl Iterator<Item = &'static str> {
        VARIANTS.iter().map(|variant| variant.suffix)
    }

    /// Takes the page that is open.
    pub async fn take(&mut self, name: &'static str, title: &'static str, extent: Extent) -> Result<()> {
        for variant in &VARIANTS {
            self.expose(name, variant, extent).await.with_context(|| format!("{name}-{}", variant.suffix))?;
        }
        self.set_screen(&VARIANTS[0]).await?;
        self.taken.push(State { name, title });
        println!("{name}");
        Ok(())
    }

    /// The screen that pages are loaded on.
    pub async fn set_up(&self) -> Result<()> {
        self.set_screen(&VARIANTS[0]).await
    }

    async fn set_screen(&self, variant: &Variant) -> Result<()> {
        let Variant { width, height, mobile, .. } = variant;
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.browser.cdp("Emulation.setDeviceMetricsOverride", screen).await?;
        self.browser.cdp("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile })).await?;
        self.browser.prefer(variant.scheme).await
    }

    async fn expose(&self, name: &str, variant: &Variant, extent: Extent) -> Result<()> {
        self.set_screen(variant).await?;
        tokio::time::sleep(std::time::Duration::from_millis(SETTLE_MS)).await;
        let height = match extent {
            Extent::Page => self.page_height().await?.clamp(variant.height, MAX_HEIGHT),
            Extent::Window => variant.height,
        };
        let (x, y) = if extent == Extent::Window { self.scrolled().await? } else { (0, 0) };
        let clip = json!({ "x": x, "y": y, "width": variant.width, "height": height, "scale": 1 });
        let asked = json!({ "format": "png", "clip": clip, "captureBeyondViewport": extent == Extent::Page });
        let answer = self.browser.cdp("Page.captureScreenshot", asked).await?;
        let data = answer.get("data").and_then(Value::as_str).context("no picture")?;
        let file = self.directory.join(format!("{name}-{}.png", variant.suffix));
        std::fs::write(file, BASE64_STANDARD.decode(data)?)?;
        Ok(())
    }

    async fn page_height(&self) -> Result<u64> {
        let answer = self.browser.driver.execute("return document.documentElement.scrollHeight", vec![]).await?;
        answer.json().as_u64().context("no height")
    }

    /// The place of the window on the page.
    async fn scrolled(&self) -> Result<(u64, u64)> {
        let answer = self.browser.driver.execute("return [scrollX, scrollY].map(Math.round)", vec![]).await?;
        Ok(answer.convert()?)
    }
}
