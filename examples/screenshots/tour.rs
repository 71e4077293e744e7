//! The way through all pages and states, in the order in which an account lives through them.

use std::time::Duration;

use anyhow::{Context, Result};
use reasoner_webhooks::config::options::Options;
use reasoner_webhooks::domain::ids::AccountId;
use reasoner_webhooks::domain::overlap::Overlap;
use reasoner_webhooks::domain::second_factor::TotpSecret;
use reasoner_webhooks::server::application::Application;
use serde_json::json;
use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::camera::{Camera, Extent, SCREENS, set_screen};
use crate::shop::{self, MAYA, NOAH, PASSWORD, PastRejection, Sender, Shop};

const WEBHOOKS: &str = "/settings/integrations/webhooks";
const SECOND_FACTOR: &str = "/settings/account/second-factor";
const INVENTORY_AGENT: &str = "harbor-inventory/3.8 (+ops@harborsupply.example)";
const BILLING_AGENT: &str = "relay/2.1";
/// Uses of passwords are written down beside the requests, a moment later.
const NOTED_WITHIN: Duration = Duration::from_millis(1_500);

/// As the program words them.
const PLAIN_TEXT: &str = "Content-Type is \"text/plain\"; it has to be application/json";
const OTHER_BODY: &str = "this idempotency key was used for another body";

/// The server of the tour: addresses look real, senders have addresses of their own, and visitors may sign up.
pub fn set_options(options: &mut Options) {
    options.ingest_url = Some("https://hooks.harborsupply.example/".to_owned());
    options.upgrade_url = Some("https://harborsupply.example/plans".to_owned());
    options.trusted_proxies = Some("127.0.0.1/32".to_owned());
    options.signup = "open".to_owned();
}

struct Tour<'a, C> {
    driver: &'a WebDriver,
    camera: &'a mut C,
    shop: Shop<'a>,
}

/// Shows every page and state to the camera. `stop_database` is called before the last ones, which show what happens without.
pub async fn take(
    application: &Application,
    database_url: &str,
    browser: &Browser,
    camera: &mut impl Camera,
    stop_database: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    let (database, connection) = tokio_postgres::connect(database_url, tokio_postgres::NoTls).await?;
    // It ends with the database, and an error then is expected.
    let connection = tokio::spawn(connection);
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let url = format!("http://{}", application.address);
    let shop = Shop { site: &application.site, url, client, database };
    let mut tour = Tour { driver: &browser.driver, camera, shop };
    set_screen(browser, &SCREENS[0]).await?;

    tour.first_run(application).await?;
    let inventory = tour.first_credential().await?;
    let account = tour.shop.account_of(MAYA).await?;
    let event = tour.fill(account, &inventory).await?;
    tour.events(&event).await?;
    tour.webhooks(&inventory).await?;
    tour.settings().await?;
    tour.second_factor().await?;
    tour.docs().await?;
    tour.plans().await?;
    tour.visitors().await?;

    let Tour { camera, shop, .. } = tour;
    drop(shop);
    let _ = connection.await;
    stop_database().await?;
    browser.driver.goto(format!("http://{}/events", application.address)).await?;
    // Whoever runs the server finds the request in its log.
    browser.driver.query(By::Css(".gate small code")).and_displayed().first().await.context("no request id")?;
    camera.take("error-503", "Error: no database", Extent::Window).await
}

impl<C: Camera> Tour<'_, C> {
    async fn go(&self, path: &str) -> Result<()> {
        self.driver.goto(format!("{}{path}", self.shop.url)).await.with_context(|| path.to_owned())
    }

    async fn see(&self, css: &str) -> Result<WebElement> {
        let found = self.driver.query(By::Css(css)).and_displayed().first().await;
        found.with_context(|| format!("{css} is not on the page"))
    }

    async fn press(&self, css: &str) -> Result<()> {
        Ok(self.see(css).await?.click().await?)
    }

    async fn enter(&self, css: &str, text: &str) -> Result<()> {
        let field = self.see(css).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// A page at an address.
    async fn page(&mut self, path: &str, name: &'static str, title: &'static str) -> Result<()> {
        self.go(path).await?;
        self.camera.take(name, title, Extent::Page).await
    }

    /// A dialog at an address.
    async fn dialog(&mut self, path: &str, name: &'static str, title: &'static str) -> Result<()> {
        self.go(path).await?;
        self.see("dialog[open]").await?;
        self.camera.take(name, title, Extent::Window).await
    }

    async fn here(&mut self, name: &'static str, title: &'static str) -> Result<()> {
        self.camera.take(name, title, Extent::Page).await
    }

    async fn sign_in(&self, email: &str) -> Result<()> {
        self.driver.delete_all_cookies().await?;
        self.go("/login").await?;
        self.enter("#email", email).await?;
        self.enter("#password", PASSWORD).await?;
        self.press("main form button").await?;
        self.see(".site-header .account").await.map(drop)
    }

    /// The page with a password asks before it is left; this says that the password is safe.
    async fn save_password(&self) -> Result<()> {
        self.press("[data-copy='#password']").await?;
        self.see("[data-copy='#password'][data-copied]").await.map(drop)
    }

    async fn first_run(&mut self, application: &Application) -> Result<()> {
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
        self.page("/events", "events-new", "Events, without a credential").await
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

    async fn first_credential(&mut self) -> Result<Sender> {
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

    /// Other systems, and what they did today. Gives an event worth looking at.
    async fn fill(&self, account: AccountId, inventory: &Sender) -> Result<String> {
        let shop = &self.shop;
        let old = shop.credential(account, "Billing (Stripe relay)", 118).await?;
        let crm = shop.credential(account, "Legacy CRM", 41).await?;
        shop.disable(account, &crm).await?;
        shop.write_history(account, &[(inventory, 94), (&old, 6)]).await?;
        let billing = shop.rotate(account, &old, Overlap::OneDay).await?;
        let past = |minutes, sender, reason, detail, ip, size| PastRejection {
            minutes,
            sender,
            reason,
            detail,
            ip,
            size,
            hint: None,
            agent: "curl/8.5.0",
            count: 1,
        };
        shop.write_rejections(
            account,
            &[
                past(
                    19,
                    inventory,
                    "invalid_json",
                    "unexpected end of input at line 1, column 212",
                    "198.51.100.24",
                    211,
                ),
                past(43, &crm, "credential_disabled", "", "192.0.2.41", 310),
                past(131, inventory, "body_too_large", "the limit is 1 MiB", "198.51.100.31", 1_887_436),
                PastRejection {
                    hint: Some("h8Vn"),
                    ..past(472, inventory, "expired_password", "", "198.51.100.77", 640)
                },
                past(187, &crm, "unsupported_media_type", PLAIN_TEXT, "192.0.2.41", 96),
                PastRejection {
                    count: 9,
                    ..past(540, inventory, "idempotency_conflict", OTHER_BODY, "198.51.100.31", 702)
                },
                past(611, inventory, "body_timeout", "", "198.51.100.31", 0),
            ],
        )
        .await?;
        self.send_now(inventory, &billing, &old).await
    }

    async fn send_now(&self, inventory: &Sender, billing: &Sender, old: &Sender) -> Result<String> {
        let shop = &self.shop;
        let mut stale = Sender { password: old.password.clone(), username: billing.username.clone(), id: billing.id };
        shop.send(&stale, "203.0.113.7", BILLING_AGENT, &shop::body(4)).await?;
        stale.password.replace_range(8.., "0000000000000000000000000000");
        shop.fail(shop.request(&stale, "203.0.113.90", "python-requests/2.32").body("{}"), 401).await?;
        let event = shop.send(inventory, "198.51.100.24", INVENTORY_AGENT, &shop::rich_body()).await?;
        tokio::time::sleep(NOTED_WITHIN).await;
        Ok(event)
    }

    async fn events(&mut self, event: &str) -> Result<()> {
        self.page("/events", "events", "Events").await?;
        self.press(".page-head details.menu > summary").await?;
        self.camera.take("events-export-menu", "Events, export", Extent::Window).await?;
        self.go("/events").await?;
        self.press(".site-header details.menu > summary").await?;
        self.camera.take("account-menu", "Account menu", Extent::Window).await?;
        self.go("/events").await?;
        self.driver.action_chain().send_keys("?").perform().await?;
        self.see("dialog[open]").await?;
        self.camera.take("shortcuts", "Keyboard shortcuts", Extent::Window).await?;
        self.page("/events?overview=30d", "events-30-days", "Events, the last 30 days").await?;
        self.press(".page-head details.menu > summary").await?;
        self.press("a[data-export][href*='csv']").await?;
        self.see("[data-export-progress].ok").await?;
        self.here("events-exported", "Events, after an export").await?;
        self.page("/events?q=HB-2214&since=24h", "events-filtered", "Events, filtered").await?;
        self.page("/events?q=anchor+chain&since=1h", "events-no-match", "Events, no match").await?;
        self.page("/events?since=2026-01-01T00:00&until=2099-01-01", "events-custom-range", "Events, custom range")
            .await?;
        self.page("/events?since=yesterday", "events-bad-filter", "Events, a filter that makes no sense").await?;
        self.page("/events/deletion?since=24h", "events-deletion", "Delete events").await?;
        self.press("main form button.danger").await?;
        self.see("#confirmation-error").await?;
        self.here("events-deletion-error", "Delete events, not confirmed").await?;
        self.page("/events/rejections", "rejections", "Rejected attempts").await?;
        self.press("details.reason > summary").await?;
        self.here("rejections-explained", "Rejected attempts, a reason explained").await?;
        self.page("/events/rejections?group=address", "rejections-by-address", "Rejected attempts by address").await?;
        self.page("/events/rejections?group=address&q=nobody", "rejections-no-match", "Rejected attempts, no match")
            .await?;

        let path = format!("/events/{event}");
        self.page(&path, "event", "Event, as a tree").await?;
        self.press("label[for=view-raw]").await?;
        self.here("event-raw", "Event, raw").await?;
        self.press("label[for=view-headers]").await?;
        self.here("event-headers", "Event, headers").await?;
        self.press("label[for=view-tree]").await?;
        self.press(".tree .j-k[href]").await?;
        self.see(".tree .value-bar").await?;
        self.here("event-value", "Event, one value").await?;
        self.page(&format!("{path}/comparison"), "event-comparison", "Event, compared with the one before").await?;
        self.dialog(&format!("{path}?delete=1"), "event-delete-dialog", "Delete an event").await
    }

    async fn webhooks(&mut self, inventory: &Sender) -> Result<()> {
        self.page(WEBHOOKS, "webhooks", "Webhooks").await?;
        self.press(".cred details.menu > summary").await?;
        self.camera.take("webhooks-menu", "Webhooks, menu of a credential", Extent::Window).await?;
        self.go(WEBHOOKS).await?;
        self.press("details.revoked > summary").await?;
        self.here("webhooks-revoked", "Webhooks, revoked credentials").await?;
        self.go(WEBHOOKS).await?;
        self.press(".cred form[action$='/test-event'] button").await?;
        self.see(".notice.ok").await?;
        self.here("webhooks-tested", "Webhooks, after a test event").await?;

        let row =
            self.shop.database.query_one("select id::text from credentials where name like 'Billing%'", &[]).await?;
        let billing: String = row.get(0);
        let question = |name: &str, id: &dyn std::fmt::Display| format!("{WEBHOOKS}?{name}={id}");
        self.dialog(&format!("{WEBHOOKS}?new=1"), "new-dialog", "New credential").await?;
        self.enter("dialog #name", "An inventory system with a name that goes on and on and on and").await?;
        self.driver.execute("document.querySelector('#name').removeAttribute('maxlength'); document.querySelector('#name').value += ' and on'", vec![]).await?;
        self.press("dialog button.primary").await?;
        self.see("#name-error").await?;
        self.camera.take("new-dialog-error", "New credential, with an error", Extent::Window).await?;
        self.dialog(&question("rotate", &inventory.id), "rotate-dialog", "Rotate a password").await?;
        self.press("label[for=keep-now]").await?;
        self.camera.take("rotate-dialog-now", "Rotate a password, now", Extent::Window).await?;
        self.dialog(&question("rotate", &billing), "rotate-dialog-both-taken", "Rotate, while two work").await?;
        self.dialog(&question("rename", &inventory.id), "rename-dialog", "Rename a credential").await?;
        self.dialog(&question("revoke", &inventory.id), "revoke-dialog", "Revoke a credential").await?;
        self.dialog(&question("stop", &billing), "stop-dialog", "Stop an old password").await?;
        self.page("/settings/integrations", "integrations", "Integrations").await?;
        self.expiry(inventory).await?;
        self.late_events(&billing).await?;
        self.long_name(inventory).await?;
        self.left_open(inventory).await
    }

    /// A password that ends at a date.
    async fn expiry(&mut self, inventory: &Sender) -> Result<()> {
        let (id, store) = (inventory.id, &self.shop.database);
        let sql = |end: &str| format!("update credential_secrets set expires_at = {end} where credential_id = '{id}'");
        store.batch_execute(&sql("date_trunc('day', now()) + interval '6 days'")).await?;
        self.page(WEBHOOKS, "webhooks-expires", "Webhooks, a password expires soon").await?;
        self.dialog(&format!("{WEBHOOKS}?expiry={id}"), "expiry-dialog", "Expiry date").await?;
        self.shop.database.batch_execute(&sql("now() - interval '1 hour'")).await?;
        self.page(WEBHOOKS, "webhooks-expired", "Webhooks, a password has expired").await?;
        Ok(self.shop.database.batch_execute(&sql("null")).await?)
    }

    /// A partner that needs more time, and goes on with the old password after that.
    async fn late_events(&mut self, billing: &str) -> Result<()> {
        self.go(WEBHOOKS).await?;
        self.press("form[action$='/overlap-extension'] button").await?;
        self.see(".notice.ok").await?;
        self.here("webhooks-extended", "Webhooks, after an overlap was extended").await?;
        self.shop.write_late_events(billing, 12).await?;
        self.page(WEBHOOKS, "webhooks-late", "Webhooks, late events").await?;
        self.page("/events/rejections", "rejections-late", "Rejected attempts, late events").await?;
        self.dialog(&format!("{WEBHOOKS}?discard={billing}"), "discard-dialog", "Discard late events").await?;
        self.dialog(&format!("{WEBHOOKS}?revoke={billing}"), "revoke-dialog-late", "Revoke, with late events").await?;
        self.go(WEBHOOKS).await?;
        self.press("form[action$='/held-events/acceptance'] button").await?;
        self.see(".notice.ok a").await?;
        self.here("webhooks-accepted", "Webhooks, after late events were accepted").await?;
        let sql = "select id::text from events where accepted_late_at is not null limit 1";
        let event: String = self.shop.database.query_one(sql, &[]).await?.get(0);
        self.page(&format!("/events/{event}"), "event-late", "Event, accepted late").await
    }

    /// As long a name as there can be, with no place to break it.
    async fn long_name(&mut self, inventory: &Sender) -> Result<()> {
        let id = inventory.id;
        let (usual, long) = ("Inventory system", "Lagerbestandsverwaltungssystemschnittstellenadapter_produktiv");
        let rename = |name: &str| format!("update credentials set name = left('{name}', 60) where id = '{id}'");
        self.shop.database.batch_execute(&rename(long)).await?;
        self.page(WEBHOOKS, "webhooks-long-name", "Webhooks, a long name").await?;
        self.dialog(&format!("{WEBHOOKS}?rotate={id}"), "rotate-dialog-long-name", "Rotate, a long name").await?;
        self.page("/events", "events-long-name", "Events, a long name").await?;
        self.page("/events/rejections", "rejections-long-name", "Rejected attempts, a long name").await?;
        let sql = format!("select id::text from events where credential_id = '{id}' limit 1");
        let event: String = self.shop.database.query_one(&sql, &[]).await?.get(0);
        self.page(&format!("/events/{event}"), "event-long-name", "Event, a long name").await?;
        self.page("/docs/webhooks/quick-start", "docs-long-name", "Quick start, a long name").await?;
        Ok(self.shop.database.batch_execute(&rename(usual)).await?)
    }

    /// The account password was last given too long ago.
    async fn left_open(&mut self, inventory: &Sender) -> Result<()> {
        self.shop.forget_passwords_given().await?;
        self.dialog(&format!("{WEBHOOKS}?new=1"), "new-dialog-late", "New credential, asks for the password").await?;
        let rotation = format!("{WEBHOOKS}?rotate={}", inventory.id);
        self.dialog(&rotation, "rotate-dialog-late", "Rotate a password, asks for the account password").await?;
        self.page("/events/export", "confirm-download", "Confirm it’s you, before a download").await?;
        self.enter("#current", "not my password").await?;
        self.press("main form button").await?;
        self.see("#current-error").await?;
        self.here("confirm-wrong", "Confirm it’s you, wrong password").await?;
        self.sign_in(MAYA).await
    }

    async fn settings(&mut self) -> Result<()> {
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
        self.page("/settings/account?done=email", "account-email-changed", "Account, email changed").await?;
        self.page("/settings/account/deletion", "account-deletion", "Delete account").await?;
        self.enter("#email", "somebody@else.example").await?;
        self.press("main form button.danger").await?;
        self.see("#email-error").await?;
        self.here("account-deletion-error", "Delete account, another address").await?;
        self.page("/settings/account?done=password", "account-changed", "Account, password changed").await?;
        self.page("/settings/events", "stored-events", "Stored events").await?;
        self.page("/settings/sessions", "devices", "Devices").await?;
        self.page("/settings/audit", "audit", "Audit trail").await?;
        self.page("/settings/audit?action=credential_rotated", "audit-filtered", "Audit trail, filtered").await?;
        self.page("/settings/audit?subject=nobody", "audit-no-match", "Audit trail, no match").await?;
        self.go("/settings/audit").await?;
        self.press(".page-head details.menu > summary").await?;
        self.camera.take("audit-export-menu", "Audit trail, export", Extent::Window).await
    }

    async fn second_factor(&mut self) -> Result<()> {
        self.page(SECOND_FACTOR, "two-step-new", "Two-step sign-in, turning it on").await?;
        let key = self.see("#setup-key").await?.text().await?.replace(' ', "");
        let bytes = data_encoding::BASE32_NOPAD.decode(key.as_bytes())?;
        let secret = TotpSecret::from_random(bytes.try_into().ok().context("the setup key has another length")?);
        self.enter("#code", "12").await?;
        self.press("main form button.primary").await?;
        self.see("#code-error").await?;
        self.here("two-step-new-error", "Two-step sign-in, wrong first code").await?;
        let now = self.shop.site.clock.now();
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

    async fn docs(&mut self) -> Result<()> {
        self.page("/docs/webhooks/quick-start", "docs-quick-start", "Quick start").await?;
        self.page("/docs/webhooks/api-reference", "docs-api-reference", "API reference").await?;
        self.page("/docs/webhooks/advanced-usage", "docs-advanced-usage", "Advanced usage").await?;
        self.page("/docs/webhooks/search", "docs-search", "Search and export").await?;
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

    async fn plans(&mut self) -> Result<()> {
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

    async fn visitors(&mut self) -> Result<()> {
        self.driver.delete_all_cookies().await?;
        self.page("/docs/webhooks/quick-start", "docs-quick-start-visitor", "Quick start, for visitors").await?;
        self.page("/login?done=deleted", "sign-in-deleted", "Sign in, account deleted").await?;
        self.page("/login?done=late", "sign-in-late", "Sign in, too late with the code").await?;
        self.page("/signup", "sign-up", "Sign up").await?;
        self.enter("#email", NOAH).await?;
        self.enter("#password", PASSWORD).await?;
        self.press("main form button").await?;
        self.see("#email-error").await?;
        self.here("sign-up-error", "Sign up, with an error").await?;
        self.page("/login", "sign-in", "Sign in").await?;
        self.fail_to_sign_in().await?;
        self.here("sign-in-error", "Sign in, wrong").await?;
        // As many more as one account is allowed, each from another address.
        for number in 0..10 {
            let login =
                self.login("email=noah%40harborsupply.example&password=wrong").header("User-Agent", "curl/8.5.0");
            self.shop.fail(login.header("X-Forwarded-For", format!("192.0.2.{number}")), 422).await?;
            if self.shop.site.sign_in_failures_by_email.wait(&NOAH.to_owned(), self.shop.site.clock.now()).is_some() {
                break;
            }
        }
        self.go("/login").await?;
        self.fail_to_sign_in().await?;
        self.here("sign-in-throttled", "Sign in, too many attempts").await
    }

    async fn fail_to_sign_in(&self) -> Result<()> {
        self.enter("#email", NOAH).await?;
        self.enter("#password", "not the password").await?;
        self.press("main form button").await?;
        self.see(".notice.bad").await.map(drop)
    }

    fn login(&self, fields: &str) -> reqwest::RequestBuilder {
        let login = self.shop.client.post(format!("{}/login", self.shop.url)).header("Sec-Fetch-Site", "same-origin");
        login.header("Content-Type", "application/x-www-form-urlencoded").body(fields.to_owned())
    }
}
