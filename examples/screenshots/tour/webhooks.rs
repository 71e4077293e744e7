//! The Webhooks page with all that may be asked and said there.

use anyhow::Result;

use crate::camera::{Camera, Extent};
use crate::shop::{MAYA, Sender};
use crate::tour::{Tour, WEBHOOKS};

impl<C: Camera> Tour<'_, C> {
    pub(super) async fn webhooks(&mut self, inventory: &Sender) -> Result<()> {
        self.page(WEBHOOKS, "webhooks", "Webhooks").await?;
        self.press(".cred details.menu > summary").await?;
        self.camera.take("webhooks-menu", "Webhooks, menu of a credential", Extent::Window).await?;
        let row =
            self.shop.database.query_one("select id::text from credentials where name like 'Billing%'", &[]).await?;
        let billing: String = row.get(0);
        let own = |id: &dyn std::fmt::Display| format!("{WEBHOOKS}/{id}");
        self.page(&own(&billing), "credential", "A credential that is rotating").await?;
        self.page(&own(&inventory.id), "credential-in-use", "A credential in use").await?;
        self.page(&format!("{}?overview=30d", own(&inventory.id)), "credential-month", "A credential, 30 days").await?;
        self.page(&format!("{WEBHOOKS}?state=revoked"), "webhooks-revoked", "Webhooks, revoked credentials").await?;
        self.press(".cred .c-name a").await?;
        self.see("main.cred").await?;
        self.here("credential-revoked", "A credential that is revoked").await?;
        self.page(&format!("{WEBHOOKS}?q=nothing"), "webhooks-nothing", "Webhooks, nothing matches").await?;
        self.go(&own(&inventory.id)).await?;
        self.press("main form[action$='/test-event'] button").await?;
        self.see(".notice.ok").await?;
        self.here("webhooks-tested", "A credential, after a test event").await?;
        self.go(WEBHOOKS).await?;
        self.press(".cred details.menu > summary").await?;
        self.press(".cred form[action$='/disabling'] button").await?;
        self.see(".undo button").await?;
        // For longer than ten seconds, since the pictures take their time.
        self.driver.execute("document.querySelector('.undo').style.animation = 'none'", vec![]).await?;
        self.here("webhooks-disabled", "Webhooks, after a credential was disabled").await?;
        self.press(".undo button").await?;
        self.see(".undo[action$='/disabling']").await?;

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
        self.sender_settings(inventory).await?;
        self.expiry(inventory).await?;
        self.late_events(&billing).await?;
        self.long_name(inventory).await?;
        self.left_open(inventory).await
    }

    /// What a credential accepts beyond the default, and what new networks would have refused.
    async fn sender_settings(&mut self, inventory: &Sender) -> Result<()> {
        let path = format!("{WEBHOOKS}/credentials/{}/sender-settings", inventory.id);
        self.page(&path, "sender-settings", "Sender settings").await?;
        self.press("#batches").await?;
        self.enter("#stored-once-by", "Content-Type").await?;
        self.press("main form button").await?;
        self.see("#header-error").await?;
        self.here("sender-settings-invalid", "Sender settings, not a header that names events").await?;
        self.go(&path).await?;
        self.enter("#networks", "198.51.100.0/24").await?;
        self.press("main form button").await?;
        self.see("main form .notice.warn").await?;
        self.here("sender-settings-warned", "Sender settings, what networks would have refused").await?;
        self.go(&path).await?;
        self.press("form[action$='/token-address'] button").await?;
        self.see("#address").await?;
        self.here("token-address", "Token address, shown once").await?;
        self.press("[data-saved]").await?;
        self.page(&path, "sender-settings-address", "Sender settings, with a token address").await?;
        let id = inventory.id;
        let set = |settings: &str| format!("update credentials set {settings} where id = '{id}'");
        self.shop.database.batch_execute(&set("batches = true, compressed_bodies = true")).await?;
        self.page(&format!("{WEBHOOKS}/{id}"), "webhooks-settings", "A credential with sender settings").await?;
        Ok(self.shop.database.batch_execute(&set("batches = false, compressed_bodies = false")).await?)
    }

    /// A password that ends at a date.
    async fn expiry(&mut self, inventory: &Sender) -> Result<()> {
        let (id, now, store) = (inventory.id, self.shop.state.clock.now(), &self.shop.database);
        let sql = |end: &str| format!("update credential_secrets set expires_at = {end} where credential_id = '{id}'");
        store.batch_execute(&sql(&format!("date_trunc('day', timestamptz '{now}') + interval '6 days'"))).await?;
        self.page(WEBHOOKS, "webhooks-expires", "Webhooks, a password expires soon").await?;
        self.page(&format!("{WEBHOOKS}/{id}"), "credential-expires", "A credential, its password expires soon").await?;
        self.dialog(&format!("{WEBHOOKS}?expiry={id}"), "expiry-dialog", "Expiry date").await?;
        self.shop.database.batch_execute(&sql(&format!("timestamptz '{now}' - interval '1 hour'"))).await?;
        self.page(&format!("{WEBHOOKS}/{id}"), "credential-expired", "A credential, its password has expired").await?;
        Ok(self.shop.database.batch_execute(&sql("null")).await?)
    }

    /// A partner that needs more time, and goes on with the old password after that.
    async fn late_events(&mut self, billing: &str) -> Result<()> {
        let own = format!("{WEBHOOKS}/{billing}");
        self.go(&own).await?;
        self.press("form[action$='/overlap-extension'] button").await?;
        self.see(".notice.ok").await?;
        self.here("webhooks-extended", "A credential, after an overlap was extended").await?;
        self.shop.write_late_events(billing, 12).await?;
        self.page(WEBHOOKS, "webhooks-late", "Webhooks, late events").await?;
        self.page(&own, "credential-late", "A credential, late events").await?;
        self.press("#held tbody a").await?;
        self.see("form[action$='/acceptance']").await?;
        self.here("event-held", "A held event").await?;
        self.press("a.danger[data-dialog]").await?;
        self.see("dialog[open]").await?;
        self.camera.take("event-held-discard", "Discard a held event", Extent::Window).await?;
        self.page("/events/rejections", "rejections-late", "Rejected attempts, late events").await?;
        self.dialog(&format!("{WEBHOOKS}?discard={billing}"), "discard-dialog", "Discard late events").await?;
        self.dialog(&format!("{WEBHOOKS}?revoke={billing}"), "revoke-dialog-late", "Revoke, with late events").await?;
        self.go(&own).await?;
        self.press("form[action$='/held-events/acceptance'] button").await?;
        self.see(".notice.ok a").await?;
        self.here("webhooks-accepted", "A credential, after late events were accepted").await?;
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
        self.page(&format!("{WEBHOOKS}/{id}"), "credential-long-name", "A credential, a long name").await?;
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
}
