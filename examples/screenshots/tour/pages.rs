//! Which picture shows each page, and which addresses have none and why. That all addresses are here is tested in
//! `tests/browser/screenshots.rs`; that the tour keeps the word, on each tour.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use thirtyfour::prelude::*;

use crate::camera::{Camera, Extent};

/// The addresses that show a page, as `src/web/routes.rs` has them, and the name of the picture.
pub const PAGES: [(&str, &str); 45] = [
    ("/setup", "set-up"),
    ("/login", "sign-in"),
    ("/login/code", "sign-in-code"),
    ("/login/link", "sign-in-link"),
    ("/forgot-password", "forgotten-password"),
    ("/links/{id}", "link-new-password"),
    ("/signup", "sign-up"),
    ("/events", "events"),
    ("/events/export", "confirm-download"),
    ("/events/rejections", "rejections"),
    ("/events/rejections/{id}", "rejection"),
    ("/events/deletion", "events-deletion"),
    ("/events/selection/deletion", "events-selected-deletion"),
    ("/events/{id}", "event"),
    ("/events/{id}/comparison", "event-comparison"),
    ("/settings/integrations", "integrations"),
    ("/settings/integrations/webhooks", "webhooks"),
    ("/settings/integrations/webhooks/{id}", "credential"),
    ("/settings/integrations/webhooks/credentials/{id}/sender-settings", "sender-settings"),
    ("/settings/account", "account"),
    ("/settings/account/second-factor", "two-step"),
    ("/settings/account/deletion", "account-deletion"),
    ("/settings/events", "stored-events"),
    ("/settings/sessions", "devices"),
    ("/settings/api-tokens", "api-tokens"),
    ("/settings/api-tokens/new", "api-token-new"),
    ("/settings/api-tokens/{id}", "api-token"),
    ("/settings/consumers", "consumers"),
    ("/settings/consumers/new", "consumer-new"),
    ("/settings/consumers/{id}", "consumer"),
    ("/settings/alerts", "alerts"),
    ("/settings/alerts/rules/new", "alert-rule-new"),
    ("/settings/audit", "audit"),
    ("/docs/webhooks/quick-start", "docs-quick-start"),
    ("/docs/webhooks/connect", "docs-connect"),
    ("/docs/webhooks/connect-code", "docs-connect-code"),
    ("/docs/webhooks/connect-monitoring", "docs-connect-monitoring"),
    ("/docs/webhooks/connect-automation", "docs-connect-automation"),
    ("/docs/webhooks/connect-services", "docs-connect-services"),
    ("/docs/webhooks/api-reference", "docs-api-reference"),
    ("/docs/webhooks/advanced-usage", "docs-advanced-usage"),
    ("/docs/webhooks/search", "docs-search"),
    ("/docs/webhooks/api", "docs-api"),
    ("/docs/webhooks/errors", "docs-errors"),
    ("/docs/webhooks/operations", "docs-operations"),
];

const LEADS_ON: &str = "leads on to another page";
const FOR_MACHINES: &str = "is a word for whatever watches the program";

/// The addresses that answer GET and show nothing of their own.
pub const WITHOUT_A_PICTURE: [(&str, &str); 14] = [
    ("/", LEADS_ON),
    ("/healthz", FOR_MACHINES),
    ("/readyz", FOR_MACHINES),
    ("/favicon.ico", "leads on to the icon"),
    ("/static/{name}", "is a file that pages load"),
    ("/events/live", "is a stream of events"),
    ("/events/overview", "is a part of Events"),
    ("/events/completions", "is what a script asks for"),
    ("/events/rejections/export", "is a download"),
    ("/events/{id}/body", "is a download"),
    ("/settings", LEADS_ON),
    ("/settings/audit/export", "is a download"),
    ("/docs", LEADS_ON),
    ("/docs/webhooks", LEADS_ON),
];

/// Whether a path is one of an address.
fn is_at(path: &str, address: &str) -> bool {
    let (parts, of): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), address.split('/').collect());
    parts.len() == of.len() && parts.iter().zip(of).all(|(part, of)| of.starts_with('{') || *part == of)
}

/// Goes along and notes where each state was seen.
pub struct Witness<'a, C> {
    pub camera: &'a mut C,
    driver: &'a WebDriver,
    /// The path of each state, by its name.
    seen: BTreeMap<&'static str, String>,
}

impl<'a, C: Camera> Witness<'a, C> {
    pub fn new(camera: &'a mut C, driver: &'a WebDriver) -> Self {
        Self { camera, driver, seen: BTreeMap::new() }
    }

    /// Each page was seen where it is.
    pub fn confirm(&self) -> Result<()> {
        for (address, name) in PAGES {
            let path = self.seen.get(name).with_context(|| format!("the tour has no state {name}, for {address}"))?;
            ensure!(is_at(path, address), "{name} is to show {address}, and was seen at {path}");
        }
        Ok(())
    }
}

impl<C: Camera> Camera for Witness<'_, C> {
    async fn take(&mut self, name: &'static str, title: &'static str, extent: Extent) -> Result<()> {
        let path = self.driver.current_url().await?.path().to_owned();
        let before = self.seen.insert(name, path);
        ensure!(
            before.is_none(),
            "the tour has two states with the name {name}, and the second would replace the first"
        );
        self.camera.take(name, title, extent).await
    }
}
