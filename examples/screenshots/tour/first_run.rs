//! From the set-up link to the first event.

use anyhow::{Context, Result};
use reasoner_webhooks::server::application::Application;
use serde_json::json;

use crate::camera::Camera;
use crate::shop::{MAYA, PASSWORD, Sender};
use crate::tour::{INVENTORY_AGENT, Tour, WEBHOOKS};

impl<C: Camera> Tour<'_, C> {
    pub(super) async fn first_run(&mut self, application: &Application) -> Result<()> {
        let link = application.setup_link().await?.context("the server has an account already")?;
        self.page("/login", "sign-in-new-server", "Sign in, on a new server").await?;
        self.page("/setup?token=wrong", "set-up-wrong-link", "Set up, with a wrong link").await?;
        self.driver.goto(&link).await?;
        self.here("set-up", "Set up").await?;
        self.enter("#email", "maya@").await?;
        self.enter("#password", "harbor42").await?;
        self.press("main form button").await?;
        self.see("#password-error").await?;
        self.here("set-up-errors", "Set up, with errors").await?;
        self.enter("#email", MAYA).await?;
        self.enter("#password", PASSWORD).await?;
        self.press("main form button").await?;
        self.see("ol.steps").await?;
        self.here("webhooks-empty", "Webhooks, without a credential").await?;
        self.driver.goto(&link).await?;
        self.here("error-404-set-up", "Error: the server has its owner").await?;
        self.page("/events", "events-new", "Events, without a credential").await
    }

    pub(super) async fn first_credential(&mut self) -> Result<Sender> {
        let trial = self.generate("Trial script").await?;
        self.here("credential-created", "Credential created").await?;
        self.save_password().await?;
        self.driver.refresh().await?;
        self.here("credential-shown-before", "Credential, whose password was shown").await?;
        self.page("/events", "events-empty", "Events, before the first").await?;
        self.page("/events/rejections", "rejections-empty", "Rejected, nothing").await?;
        self.page(WEBHOOKS, "webhooks-first", "Webhooks, before the first event").await?;
        self.shop.fail(self.shop.request(&trial, "198.51.100.24", "curl/8.5.0").body("{'a': 1}"), 400).await?;
        self.see("[data-waiting] .notice.bad").await?;
        self.here("webhooks-first-rejected", "Webhooks, the first attempt was rejected").await?;
        self.dialog(&format!("{WEBHOOKS}?revoke={}", trial.id), "revoke-unused-dialog", "Revoke, never used").await?;
        self.press("dialog button.danger").await?;
        self.see(".notice.ok").await?;
        self.here("webhooks-empty-again", "Webhooks, after the last was revoked").await?;

        let inventory = self.generate("Inventory system").await?;
        let wrong = Sender { password: "rwp_k3Qz".to_owned(), username: inventory.username.clone(), id: inventory.id };
        let request = self.shop.request(&wrong, "198.51.100.24", INVENTORY_AGENT).body("{}");
        self.shop.fail(request, 401).await?;
        self.see("[data-waiting] .notice.bad").await?;
        self.here("credential-created-rejected", "Credential created, first attempt rejected").await?;
        self.shop
            .send(&inventory, "198.51.100.24", INVENTORY_AGENT, &json!({ "message": "Hello from webhook!" }))
            .await?;
        self.see("[data-waiting] .status.ok").await?;
        self.here("credential-created-received", "Credential created, first event received").await?;
        self.press("form[data-stays] button").await?;
        self.see("[data-answer] .notice.ok").await?;
        self.here("credential-created-tested", "Credential created, after a test event").await?;
        self.save_password().await?;
        self.page(WEBHOOKS, "webhooks-first-done", "Webhooks, the first event has arrived").await?;
        self.shop.make_older(inventory.id, 236).await?;
        Ok(inventory)
    }

    async fn generate(&self, name: &str) -> Result<Sender> {
        self.go(&format!("{WEBHOOKS}?new=1")).await?;
        self.enter("#name", name).await?;
        self.press("main form button.primary, dialog form button.primary").await?;
        self.see("#password").await?;
        let text = async |css| anyhow::Ok(self.see(css).await?.text().await?);
        let (username, password) = (text("#username").await?, text("#password").await?);
        let sql = "select id::text from credentials where username = $1";
        let row = self.shop.database.query_one(sql, &[&username]).await?;
        Ok(Sender { id: row.get::<_, String>(0).parse()?, username, password })
    }

    /// The page with a password asks before it is left; this says that the password is safe.
    async fn save_password(&self) -> Result<()> {
        self.press("[data-copy='#password']").await?;
        self.see("[data-copy='#password'][data-copied]").await.map(drop)
    }
}
