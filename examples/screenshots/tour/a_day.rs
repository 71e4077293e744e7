//! Other systems, and what they did today.

use std::time::Duration;

use anyhow::Result;
use reasoner_webhooks::domain::ids::AccountId;
use reasoner_webhooks::domain::overlap::Overlap;

use crate::camera::Camera;
use crate::shop::{self, PastRejection, Sender};
use crate::tour::{INVENTORY_AGENT, Tour};

const BILLING_AGENT: &str = "relay/2.1";
/// Uses of passwords are written down beside the requests, a moment later.
const NOTED_WITHIN: Duration = Duration::from_millis(1_500);

/// As the program words them.
const PLAIN_TEXT: &str = "Content-Type is \"text/plain\"; it has to be application/json";
const OTHER_BODY: &str = "this idempotency key was used for another body";

impl<C: Camera> Tour<'_, C> {
    /// Other systems, and what they did today. Gives an event worth looking at.
    pub(super) async fn fill(&self, account: AccountId, inventory: &Sender) -> Result<String> {
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
                past(
                    24,
                    inventory,
                    "invalid_json",
                    "unexpected end of input at line 1, column 208",
                    "198.51.100.24",
                    207,
                ),
                past(43, &crm, "credential_disabled", "", "192.0.2.41", 310),
                past(131, inventory, "body_too_large", "the limit is 1.05 MB", "198.51.100.31", 1_887_436),
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
}
