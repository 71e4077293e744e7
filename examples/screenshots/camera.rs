//! How the tour looks at a state of a page: on which screens, in which look, and how much of it. What is done with what is seen
//! is up to who walks: one takes pictures, another looks for barriers.

use anyhow::Result;
use serde_json::json;

use crate::browser::Browser;

/// A screen and the look that its system prefers.
#[derive(Debug)]
pub struct Screen {
    pub suffix: &'static str,
    pub scheme: &'static str,
    pub width: u64,
    pub height: u64,
    pub mobile: bool,
}

/// The first is the one that pages are loaded on.
pub const SCREENS: [Screen; 3] = [
    Screen { suffix: "light", scheme: "light", width: 1280, height: 900, mobile: false },
    Screen { suffix: "dark", scheme: "dark", width: 1280, height: 900, mobile: false },
    Screen { suffix: "mobile", scheme: "light", width: 390, height: 844, mobile: true },
];

/// How much of a page there is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// From top to bottom.
    Page,
    /// What a window shows, for dialogs, which lie over the window and not over the page.
    Window,
}

/// Whoever goes along on the tour.
pub trait Camera {
    /// Takes in the state of the page that is open, without loading it again, because some states exist only once.
    async fn take(&mut self, name: &'static str, title: &'static str, extent: Extent) -> Result<()>;
}

/// Puts a screen before the browser.
pub async fn set_screen(browser: &Browser, screen: &Screen) -> Result<()> {
    let Screen { width, height, mobile, scheme, .. } = screen;
    let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
    browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await?;
    browser.cdp("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile })).await?;
    browser.prefer(scheme).await
}
