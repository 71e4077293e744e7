//! The settings of the person, and two-step sign-in.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reasoner_webhooks::domain::second_factor::TotpSecret;
use thirtyfour::prelude::By;

use crate::camera::{Camera, Extent};
use crate::shop::{MAYA, PASSWORD};
use crate::tour::{Tour, WEBHOOKS};

const SECOND_FACTOR: &str = "/settings/account/second-factor";

impl<C: Camera> Tour<'_, C> {
    pub(super) async fn settings(&mut self) -> Result<()> {
        for (agent, ip) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Safari/604.1",
                "198.51.100.80",
            ),
            ("Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0", "203.0.113.12"),
        ] {
            let fields = format!("email={MAYA}&password={}&remember=on", PASSWORD.replace(' ', "+"));
            let login = self.login(&fields).header("User-Agent", agent).header("X-Forwarded-For", ip);
            self.shop.fail(login, 303).await?;
        }
        self.page("/settings/account", "account", "Account").await?;
        self.enter("#current", "not my password").await?;
        self.enter("#new", "twelve characters and more").await?;
        self.press("main form button.primary").await?;
        self.see("#current-error").await?;
        self.here("account-wrong-password", "Account, wrong password").await?;
        self.enter("#current", PASSWORD).await?;
        self.enter("#new", "password1234").await?;
        self.press("main form button.primary").await?;
        self.see("#new-error").await?;
        self.here("account-weak-password", "Account, common password").await?;
        self.enter("#name", " ").await?;
        self.press("form[action$='/name'] button").await?;
        self.see("#name-error").await?;
        self.here("account-name-error", "Account, no name").await?;
        self.enter("#email", "maya").await?;
        self.press("form[action$='/email'] button").await?;
        self.see("#email-error").await?;
        self.here("account-email-error", "Account, no email address").await?;
        self.enter("#email", MAYA).await?;
        self.press("form[action$='/email'] button").await?;
        self.see(".notice.ok").await?;
        self.here("account-email-changed", "Account, email changed").await?;
        self.page("/settings/account/deletion", "account-deletion", "Delete account").await?;
        self.enter("#email", "somebody@else.example").await?;
        self.press("main form button.danger").await?;
        self.see("#email-error").await?;
        self.here("account-deletion-error", "Delete account, another address").await?;
        self.page("/settings/events", "stored-events", "Stored events").await?;
        self.shop.database.batch_execute("update accounts set max_events = 50000000, max_bytes = 20000000000").await?;
        self.page("/settings/events", "stored-events-limit", "Stored events, with a limit").await?;
        self.press("form[action$='/when-full'] button").await?;
        self.see(".notice.ok").await?;
        self.here("stored-events-chosen", "Stored events, choice saved").await?;
        self.full_storage().await?;
        self.shop.database.batch_execute("update accounts set max_events = null, max_bytes = null").await?;
        self.page("/settings/sessions", "devices", "Devices").await?;
        self.api_tokens().await?;
        self.consumers().await?;
        self.alerts().await?;
        self.page("/settings/audit", "audit", "Audit trail").await?;
        self.page("/settings/audit?action=credential_rotated", "audit-filtered", "Audit trail, filtered").await?;
        self.page("/settings/audit?subject=nobody", "audit-no-match", "Audit trail, no match").await?;
        self.go("/settings/account").await?;
        self.enter("#current", PASSWORD).await?;
        self.enter("#new", PASSWORD).await?;
        self.press("main form button.primary").await?;
        self.see(".notice.ok").await?;
        self.here("account-changed", "Account, password changed").await?;
        self.go("/settings/audit").await?;
        self.press(".page-head details.menu > summary").await?;
        self.camera.take("audit-export-menu", "Audit trail, export", Extent::Window).await
    }

    async fn api_tokens(&mut self) -> Result<()> {
        self.page("/settings/api-tokens", "api-tokens-none", "API tokens, none yet").await?;
        self.page("/settings/api-tokens/new", "api-token-new", "Create API token").await?;
        self.enter("#name", "Nightly export").await?;
        self.press("main form button.primary").await?;
        self.see("#scopes-error").await?;
        self.here("api-token-new-error", "Create API token, nothing chosen").await?;
        self.press("label[for='events-read']").await?;
        self.press("main form button.primary").await?;
        self.see("#token").await?;
        self.here("api-token-created", "API token, shown once").await?;
        self.press("[data-saved]").await?;
        self.see("a.btn.sm[href^='/settings/api-tokens/']").await?;
        self.page("/settings/api-tokens", "api-tokens", "API tokens").await?;
        self.press("a.btn.sm[href^='/settings/api-tokens/']").await?;
        self.see("form[action$='/rotation']").await?;
        self.here("api-token", "API token").await?;
        self.press("form[action$='/rotation'] button.primary").await?;
        self.see("#token").await?;
        self.here("api-token-rotated", "API token, rotated").await?;
        self.press("[data-saved]").await?;
        self.see("a.btn.sm[href^='/settings/api-tokens/']").await.map(drop)
    }

    async fn consumers(&mut self) -> Result<()> {
        self.page("/settings/consumers", "consumers-none", "Consumers, none yet").await?;
        self.page("/settings/consumers/new", "consumer-new", "Create consumer").await?;
        self.enter("#name", "Billing import").await?;
        self.enter("#q", "type =").await?;
        self.press("main form button.primary").await?;
        self.see("#q-error").await?;
        self.here("consumer-new-error", "Create consumer, a wrong search").await?;
        self.enter("#q", "").await?;
        self.press("label[for='start-oldest']").await?;
        self.press("main form button.primary").await?;
        self.see(".notice.ok").await?;
        self.here("consumer", "Consumer, just created").await?;
        self.shop.database.batch_execute("update consumers set truncated = 'deletion', truncated_at = now()").await?;
        self.page("/settings/consumers", "consumers", "Consumers, one that missed events").await?;
        self.press("a.btn.sm[href^='/settings/consumers/']").await?;
        self.see(".notice.bad").await?;
        self.here("consumer-truncated", "Consumer, it missed events").await
    }

    async fn alerts(&mut self) -> Result<()> {
        self.page("/settings/alerts", "alerts-none", "Alerts, nothing yet").await?;
        self.page("/settings/alerts/rules/new?kind=rejections", "alert-rule-new", "New alert rule").await?;
        self.enter("#percent", "101").await?;
        self.press("main form button.primary").await?;
        self.see("#percent-error").await?;
        self.here("alert-rule-new-error", "New alert rule, a wrong share").await?;
        self.page("/settings/alerts/rules/new?kind=silence", "alert-rule-silence", "New alert rule, silence").await?;
        self.press("main form button.primary").await?;
        self.see(".notice.ok").await?;
        // The program would find that it isn't so.
        let fire = "update alert_evaluation set evaluated_at = now() + interval '1 day'; \
             insert into alerts (id, account_id, kind, subject_id, name, state, level, since, facts) \
             select gen_random_uuid(), account_id, 'silence', subject_id, '', 'firing', 1, now() - interval '5 minutes', \
             jsonb_build_object('kind', 'silence', 'minutes', 60, 'last_event_at', now() - interval '1 hour') from alert_rules; \
             insert into alert_changes (account_id, id, at, kind, subject_id, name, state, level, facts) \
             select account_id, gen_random_uuid(), since, kind, subject_id, name, state, level, facts from alerts";
        self.shop.database.batch_execute(fire).await?;
        self.page("/settings/alerts", "alerts", "Alerts, one that fires").await?;
        self.press("form[action$='/acknowledgement'] button").await?;
        self.see(".notice.ok").await?;
        self.here("alerts-acknowledged", "Alerts, acknowledged").await
    }

    /// The program looks every few seconds how much each account has stored.
    async fn full_storage(&mut self) -> Result<()> {
        let as_many = "update accounts set max_events = (select greatest(count(*), 1) from events where account_id = accounts.id)";
        self.shop.database.batch_execute(as_many).await?;
        let full = "form[action$='/when-full']";
        for _ in 0..100 {
            self.go("/settings/events").await?;
            self.see(full).await?;
            if self.driver.find(By::Css(".notice.bad")).await.is_ok() {
                return self.here("stored-events-full", "Stored events, storage is full").await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("the storage is not full")
    }

    pub(super) async fn second_factor(&mut self) -> Result<()> {
        self.page(SECOND_FACTOR, "two-step-new", "Two-step sign-in, turning it on").await?;
        let key = self.see("#setup-key").await?.text().await?.replace(' ', "");
        let bytes = data_encoding::BASE32_NOPAD.decode(key.as_bytes())?;
        let secret = TotpSecret::from_random(bytes.try_into().ok().context("the setup key has another length")?);
        self.enter("#code", "12").await?;
        self.press("main form button.primary").await?;
        self.see("#code-error").await?;
        self.here("two-step-new-error", "Two-step sign-in, wrong first code").await?;
        let now = self.shop.state.clock.now();
        self.enter("#code", secret.code_at(now).reveal()).await?;
        self.press("main form button.primary").await?;
        let codes = self.see("#recovery-codes").await?.text().await?;
        self.here("two-step-recovery-codes", "Recovery codes, shown once").await?;
        self.press("[data-copy='#recovery-codes']").await?;
        self.see("[data-copy='#recovery-codes'][data-copied]").await?;
        self.driver.refresh().await?;
        self.here("two-step-recovery-codes-again", "Recovery codes, the form again").await?;
        self.page(SECOND_FACTOR, "two-step", "Two-step sign-in, on").await?;
        self.page("/settings/account", "account-two-step", "Account, with two-step sign-in").await?;
        self.shop.forget_passwords_given().await?;
        let dialog = format!("{WEBHOOKS}?new=1");
        self.dialog(&dialog, "new-dialog-code", "New credential, password and code").await?;

        self.driver.delete_all_cookies().await?;
        self.go("/login").await?;
        self.enter("#email", MAYA).await?;
        self.enter("#password", PASSWORD).await?;
        self.press("main form button").await?;
        self.see("#code").await?;
        self.here("sign-in-code", "Sign in, second step").await?;
        self.enter("#code", "12").await?;
        self.press("main form button").await?;
        self.see(".notice.bad").await?;
        self.here("sign-in-code-error", "Sign in, wrong code").await?;
        self.page("/login/code?with=recovery-code", "sign-in-recovery", "Sign in, with a recovery code").await?;
        let mut codes = codes.lines();
        self.enter("#code", codes.next().context("no recovery code")?).await?;
        self.press("main form button").await?;
        self.see(".site-header .account").await?;

        self.go(SECOND_FACTOR).await?;
        self.enter("#current", PASSWORD).await?;
        self.enter("#code", "12").await?;
        self.press("main form button.danger").await?;
        self.see("#code-error").await?;
        self.here("two-step-off-error", "Two-step sign-in, turning it off with a wrong code").await?;
        self.enter("#current", PASSWORD).await?;
        self.enter("#code", codes.next().context("no second recovery code")?).await?;
        self.press("main form button.danger").await?;
        self.see(".notice.ok").await?;
        self.here("account-two-step-off", "Account, two-step sign-in turned off").await
    }
}
