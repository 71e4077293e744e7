//! The documentation, the other plan, and who is not signed in.

use anyhow::Result;
use reasoner_webhooks::config::checked::Config;
use reasoner_webhooks::config::options::Options;
use reasoner_webhooks::server::application::Application;
use reasoner_webhooks::store::connection::pool::Store;

use crate::camera::Camera;
use crate::shop::{MAYA, NOAH, PASSWORD};
use crate::tour::{Tour, WEBHOOKS};

/// Somebody whose account does not last.
const IDA: &str = "ida@harborsupply.example";

impl<C: Camera> Tour<'_, C> {
    pub(super) async fn docs(&mut self) -> Result<()> {
        self.page("/docs/webhooks/quick-start", "docs-quick-start", "Quick start").await?;
        self.page("/docs/webhooks/connect", "docs-connect", "Connect your tool").await?;
        self.page("/docs/webhooks/connect-code", "docs-connect-code", "Connect: command line and code").await?;
        self.page("/docs/webhooks/connect-monitoring", "docs-connect-monitoring", "Connect: monitoring and logs")
            .await?;
        self.page("/docs/webhooks/connect-automation", "docs-connect-automation", "Connect: automation").await?;
        self.page("/docs/webhooks/connect-services", "docs-connect-services", "Connect: services").await?;
        self.page("/docs/webhooks/api-reference", "docs-api-reference", "API reference").await?;
        self.page("/docs/webhooks/advanced-usage", "docs-advanced-usage", "Advanced usage").await?;
        self.page("/docs/webhooks/search", "docs-search", "Search and export").await?;
        self.page("/docs/webhooks/api", "docs-api", "API").await?;
        self.page("/docs/webhooks/errors", "docs-errors", "Errors").await?;
        self.page("/docs/webhooks/operations", "docs-operations", "Operations").await?;
        self.page("/nowhere", "error-404", "Error: no such page").await?;
        // A form on a page of nobody in particular, which is another site.
        let form = format!("<form method=post action='{}/logout'><button>x</button></form>", self.shop.url);
        self.driver.goto(format!("data:text/html,{form}")).await?;
        self.press("button").await?;
        self.see(".big-code").await?;
        self.here("error-403-other-site", "Error: from another site").await
    }

    pub(super) async fn plans(&mut self) -> Result<()> {
        self.shop.change_plan(MAYA, "free").await?;
        self.page(WEBHOOKS, "plan-locked-after-pro", "Webhooks, back on Free").await?;
        self.press(".kept:last-child details.menu > summary").await?;
        self.here("plan-locked-revoke-menu", "Webhooks, back on Free, revoking").await?;
        self.page("/settings/integrations", "integrations-free", "Integrations, on Free").await?;
        self.shop.change_plan(MAYA, "pro").await?;
        self.shop.create_account(NOAH).await?;
        self.sign_in(NOAH).await?;
        self.page(WEBHOOKS, "plan-locked", "Webhooks, on Free").await?;
        self.page("/events", "events-free", "Events, on Free").await
    }

    /// What somebody has to do before anything else: choose a password, and, on a server that requires it, turn on two-step sign-in.
    pub(super) async fn required_actions(&mut self, database_url: &str) -> Result<()> {
        let generated =
            "update users set password_expires_at = password_changed_at + interval '7 days' where email = $1";
        self.shop.database.execute(generated, &[&NOAH]).await?;
        self.page("/events", "account-new-password", "Account, a password of one’s own first").await?;
        self.shop.database.execute("update users set password_expires_at = null where email = $1", &[&NOAH]).await?;

        let options = Options {
            bind: "127.0.0.1:0".to_owned(),
            database_url: Some(database_url.to_owned()),
            data_dir: "./unused".into(),
            require_second_factor: Some("true".to_owned()),
            ..Options::default()
        };
        let config = Config::check(options).map_err(|problems| anyhow::anyhow!("{problems}"))?;
        let clock = self.shop.state.clock.clone();
        let requiring = Application::start(&config, Store::open(database_url).await?, clock).await?;
        // The session is known there too: it is in the database, and a cookie is for every port.
        self.driver.goto(format!("http://{}/events", requiring.address)).await?;
        self.here("two-step-required", "Two-step sign-in, required first").await?;
        requiring.stop().await;
        Ok(())
    }

    pub(super) async fn visitors(&mut self) -> Result<()> {
        self.shop.create_account(IDA).await?;
        self.sign_in(IDA).await?;
        self.lose_a_form().await?;
        self.go("/settings/account/deletion").await?;
        self.enter("#email", IDA).await?;
        self.enter("#current", PASSWORD).await?;
        self.press("main form button.danger").await?;
        self.see(".notice.ok").await?;
        self.here("sign-in-deleted", "Sign in, account deleted").await?;
        self.driver.delete_all_cookies().await?;
        self.page("/docs/webhooks/quick-start", "docs-quick-start-visitor", "Quick start, for visitors").await?;
        self.page("/login/link?token=used", "sign-in-link", "Sign in with a link").await?;
        self.press("main form button").await?;
        self.see(".notice.bad").await?;
        self.here("sign-in-link-used", "Sign in with a link, used already").await?;
        self.mailed_links().await?;
        self.page("/signup", "sign-up", "Sign up").await?;
        self.enter("#email", NOAH).await?;
        self.enter("#password", PASSWORD).await?;
        self.press("main form button").await?;
        self.see("#email-error").await?;
        self.here("sign-up-error", "Sign up, with an error").await?;
        self.page("/login", "sign-in", "Sign in").await?;
        self.fail_to_sign_in().await?;
        self.here("sign-in-error", "Sign in, wrong").await?;
        // As many more as one address is allowed at one account.
        for _ in 1..10 {
            let login = self.login("email=noah%40harborsupply.example&password=wrong");
            self.shop.fail(login.header("User-Agent", "curl/8.5.0"), 422).await?;
        }
        self.go("/login").await?;
        self.fail_to_sign_in().await?;
        self.here("sign-in-throttled", "Sign in, too many attempts").await
    }

    /// What links in mails lead to, and how one is asked for.
    async fn mailed_links(&mut self) -> Result<()> {
        self.page("/forgot-password", "forgotten-password", "Forgot your password").await?;
        self.enter("#email", IDA).await?;
        self.press("main form button").await?;
        self.see(".notice.ok").await?;
        self.here("forgotten-password-asked", "Forgot your password, link sent").await?;
        self.page("/links/new-password?token=used", "link-new-password", "Choose a new password").await?;
        self.enter("#password", "short").await?;
        self.press("main form button.primary").await?;
        self.see("#password-error").await?;
        self.here("link-new-password-error", "Choose a new password, with an error").await?;
        self.page("/links/undo?token=used", "link-undo", "Undo the change of an address").await?;
        self.page("/links/confirmation?token=used", "link-confirmation", "Confirm an address").await?;
        self.press("main form button").await?;
        self.see(".notice.bad").await?;
        self.here("link-confirmation-used", "Confirm an address, used already").await
    }

    /// The session ends before the form is sent.
    async fn lose_a_form(&mut self) -> Result<()> {
        self.go("/settings/account").await?;
        self.driver.delete_all_cookies().await?;
        self.enter("#name", "Harbor Supply, Rotterdam").await?;
        self.press("form[action='/settings/account/name'] button").await?;
        self.here("signed-out-form", "Signed out, with a form").await?;
        self.enter("#email", IDA).await?;
        self.enter("#password", PASSWORD).await?;
        self.press("main form button").await?;
        self.see(".gate .facts").await?;
        self.here("form-brought-back", "Signed in again, with the form").await
    }

    async fn fail_to_sign_in(&self) -> Result<()> {
        self.enter("#email", NOAH).await?;
        self.enter("#password", "not the password").await?;
        self.press("main form button").await?;
        self.see(".notice.bad").await.map(drop)
    }
}
