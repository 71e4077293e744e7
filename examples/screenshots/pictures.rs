//! Takes the pictures: each state of a page on each screen.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::camera::{Camera, Extent, SCREENS, Screen, set_screen};

/// Beyond this, a picture stops, in CSS pixels.
const MAX_HEIGHT: u64 = 4_000;
/// How long colours and layout may take to settle, in milliseconds.
const SETTLE_MS: u64 = 350;

/// The pictures of the README: what tells most of a state, on the first screen.
pub const OF_README: [Cut; 3] = [
    Cut { file: "events.png", state: "events", top: 0, height: 680 },
    // The head is that of Events.
    Cut { file: "rejections.png", state: "rejections", top: 200, height: 716 },
    Cut { file: "webhooks.png", state: "credential", top: 0, height: 1_280 },
];

/// A part of a page from one edge to the other, in CSS pixels, that begins and ends between two things on it.
#[derive(Debug)]
pub struct Cut {
    pub file: &'static str,
    pub state: &'static str,
    pub top: u64,
    pub height: u64,
}

/// One state of a page, in pictures beside this name.
#[derive(Debug)]
pub struct State {
    pub name: &'static str,
    pub title: &'static str,
}

/// What was taken, and where it goes.
pub struct Pictures<'a> {
    browser: &'a Browser,
    directory: PathBuf,
    of_readme: PathBuf,
    pub taken: Vec<State>,
}

impl<'a> Pictures<'a> {
    pub fn new(browser: &'a Browser, directory: &Path, of_readme: &Path) -> Self {
        Self { browser, directory: directory.to_owned(), of_readme: of_readme.to_owned(), taken: Vec::new() }
    }

    async fn expose(&self, name: &str, screen: &Screen, extent: Extent) -> Result<()> {
        set_screen(self.browser, screen).await?;
        tokio::time::sleep(std::time::Duration::from_millis(SETTLE_MS)).await;
        let height = match extent {
            Extent::Page => self.page_height().await?.clamp(screen.height, MAX_HEIGHT),
            Extent::Window => screen.height,
        };
        let (x, y) = if extent == Extent::Window { self.scrolled().await? } else { (0, 0) };
        let file = self.directory.join(format!("{name}-{}.png", screen.suffix));
        let clip = json!({ "x": x, "y": y, "width": screen.width, "height": height, "scale": 1 });
        self.shoot(&file, clip, extent).await?;
        match OF_README.iter().find(|cut| cut.state == name && screen.suffix == SCREENS[0].suffix) {
            Some(cut) => self.cut(cut).await,
            None => Ok(()),
        }
    }

    async fn cut(&self, cut: &Cut) -> Result<()> {
        let (page, end) = (self.page_height().await?, cut.top + cut.height);
        ensure!(page >= end, "{} is {page} px high, and {} goes on to {end}", cut.state, cut.file);
        let clip = json!({ "x": 0, "y": cut.top, "width": SCREENS[0].width, "height": cut.height, "scale": 1 });
        self.shoot(&self.of_readme.join(cut.file), clip, Extent::Page).await
    }

    /// Writes a part of the page into a file.
    async fn shoot(&self, file: &Path, clip: Value, extent: Extent) -> Result<()> {
        let asked = json!({ "format": "png", "clip": clip, "captureBeyondViewport": extent == Extent::Page });
        let answer = self.browser.cdp("Page.captureScreenshot", asked).await?;
        let data = answer.get("data").and_then(Value::as_str).context("no picture")?;
        std::fs::write(file, BASE64_STANDARD.decode(data)?).with_context(|| file.display().to_string())
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

impl Camera for Pictures<'_> {
    async fn take(&mut self, name: &'static str, title: &'static str, extent: Extent) -> Result<()> {
        for screen in &SCREENS {
            self.expose(name, screen, extent).await.with_context(|| format!("{name}-{}", screen.suffix))?;
        }
        set_screen(self.browser, &SCREENS[0]).await?;
        self.taken.push(State { name, title });
        println!("{name}");
        Ok(())
    }
}
