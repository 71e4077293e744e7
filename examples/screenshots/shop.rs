//! The account on the pictures: a boat supplier whose systems send stock movements, invoices and shipments. What happened lately
//! is sent as senders send; what happened earlier is written into the database, with the times that it would have had.

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use reasoner_webhooks::app::create_account::{NewAccount, create_account};
use reasoner_webhooks::app::credential_act::CredentialAct;
use reasoner_webhooks::app::issue_credential::issue_credential;
use reasoner_webhooks::app::rotate_credential::{Lost, rotate_credential};
use reasoner_webhooks::app::switch_credential::{Switch, switch_credential};
use reasoner_webhooks::domain::account::Plan;
use reasoner_webhooks::domain::account_password::NewPassword;
use reasoner_webhooks::domain::audit::Act;
use reasoner_webhooks::domain::ids::{AccountId, CredentialId, SecretId};
use reasoner_webhooks::domain::overlap::Overlap;
use reasoner_webhooks::domain::secret::Secret;
use reasoner_webhooks::random;
use reasoner_webhooks::web::app_state::AppState;
use serde_json::json;
use uuid::Uuid;

pub const MAYA: &str = "maya@harborsupply.example";
pub const NOAH: &str = "noah@harborsupply.example";
pub const PASSWORD: &str = "seven quiet otters read the tide table";

/// A half hour, as the chart counts.
const HALF_HOUR: i64 = 1_800;
/// Accepted events in each of the last 48 half hours, but for the noise: a night, a morning, a working day.
const SHAPE: [u64; 48] = [
    402, 431, 455, 470, 512, 540, 548, 560, 533, 521, 498, 470, 455, 441, 430, 398, 362, 330, 301, 286, 244, 214, 190,
    176, 160, 148, 139, 133, 128, 131, 127, 135, 142, 158, 171, 190, 228, 262, 318, 365, 401, 446, 480, 512, 530, 551,
    538, 210,
];
/// Rejected attempts, in the half hours that had some.
const REJECTED: [(usize, u64); 9] = [(4, 1), (11, 3), (12, 9), (20, 2), (27, 1), (31, 9), (38, 4), (43, 2), (46, 3)];

/// An outside system.
pub struct Sender {
    pub id: CredentialId,
    pub username: String,
    pub password: String,
}

/// The account's systems, with a way into the database behind the program's back.
pub struct Shop<'a> {
    pub state: &'a AppState,
    pub url: String,
    pub client: reqwest::Client,
    pub database: tokio_postgres::Client,
}

impl Shop<'_> {
    pub async fn account_of(&self, email: &str) -> Result<AccountId> {
        let sql = "select account_id::text from users where email = $1";
        let row = self.database.query_one(sql, &[&email]).await?;
        Ok(row.get::<_, String>(0).parse()?)
    }

    /// Makes every session one whose reader gave the password long ago.
    pub async fn forget_passwords_given(&self) -> Result<()> {
        let sql = "update sessions set state = (state::jsonb - 'password_at')::text";
        self.database.execute(sql, &[]).await?;
        Ok(())
    }

    /// An account on Free.
    pub async fn create_account(&self, email: &str) -> Result<()> {
        let password = NewPassword::check(Secret::new(PASSWORD.to_owned()), &[])?;
        let new = NewAccount {
            email: email.parse()?,
            name: None,
            plan: Plan::Free,
            password,
            password_expires_at: None,
            is_set_up: false,
        };
        create_account(&self.state.store, &self.state.hasher, new, &self.act()).await?;
        Ok(())
    }

    pub async fn change_plan(&self, email: &str, plan: &str) -> Result<()> {
        let sql = "update accounts set plan = $2 where id = (select account_id from users where email = $1)";
        self.database.execute(sql, &[&email, &plan]).await?;
        Ok(())
    }

    fn act(&self) -> Act {
        Act::on_command_line(self.state.clock.now())
    }

    /// A credential that exists for some days.
    pub async fn credential(&self, account: AccountId, name: &str, days: i64) -> Result<Sender> {
        let (state, id) = (self.state, CredentialId(Uuid::new_v4()));
        let (act, hashing) = (self.act(), (&state.hasher, &state.keys));
        let on = CredentialAct { store: &state.store, account, id, act: &act };
        let issued = issue_credential(on, hashing, (name.parse()?, None), None, None).await?;
        self.make_older(id, days).await?;
        let password = issued.password.secret().reveal().to_owned();
        Ok(Sender { id, username: issued.username.as_str().to_owned(), password })
    }

    pub async fn make_older(&self, id: CredentialId, days: i64) -> Result<()> {
        let sql = format!(
            "update credentials set created_at = created_at - interval '{days} days' where id = '{id}';
             update credential_secrets set created_at = created_at - interval '{days} days' where credential_id = '{id}'"
        );
        Ok(self.database.batch_execute(&sql).await?)
    }

    pub async fn rotate(&self, account: AccountId, sender: &Sender, overlap: Overlap) -> Result<Sender> {
        let (state, secret) = (self.state, SecretId(random::uuid_at(self.state.clock.now())));
        let (act, hashing) = (self.act(), (&state.hasher, &state.keys));
        let on = CredentialAct { store: &state.store, account, id: sender.id, act: &act };
        let rotated = rotate_credential(on, hashing, (secret, overlap), Lost::Never).await?;
        let password = rotated.password.secret().reveal().to_owned();
        Ok(Sender { id: sender.id, username: sender.username.clone(), password })
    }

    pub async fn disable(&self, account: AccountId, sender: &Sender) -> Result<()> {
        let act = self.act();
        let on = CredentialAct { store: &self.state.store, account, id: sender.id, act: &act };
        switch_credential(on, Switch::Disable).await?;
        Ok(())
    }

    /// A request as it comes through a proxy, which tells the address of the sender.
    pub fn request(&self, sender: &Sender, ip: &str, agent: &str) -> reqwest::RequestBuilder {
        self.client
            .post(format!("{}/", self.url))
            .basic_auth(&sender.username, Some(&sender.password))
            .header("Content-Type", "application/json; charset=utf-8")
            .header("User-Agent", agent)
            .header("X-Forwarded-For", ip)
            .header("Accept", "*/*")
    }

    /// Sends an event that has to be accepted; gives its id.
    pub async fn send(&self, sender: &Sender, ip: &str, agent: &str, body: &serde_json::Value) -> Result<String> {
        let key = Uuid::new_v4().to_string();
        let request = self.request(sender, ip, agent).header("Idempotency-Key", &key).header("X-Request-Id", key);
        let answer = request.body(serde_json::to_string(body)?).send().await?;
        ensure!(answer.status() == 200, "an event was refused: {}", answer.text().await?);
        let json: serde_json::Value = answer.json().await?;
        Ok(json["id"].as_str().context("no id")?.to_owned())
    }

    /// Sends what has to be refused.
    pub async fn fail(&self, request: reqwest::RequestBuilder, status: u16) -> Result<()> {
        let answer = request.send().await?;
        ensure!(answer.status() == status, "{} instead of {status}", answer.status());
        Ok(())
    }

    /// Fills the last day with counts, and the last hours with events that can be opened.
    pub async fn write_history(&self, account: AccountId, senders: &[(&Sender, u64)]) -> Result<()> {
        let now = self.state.clock.now();
        let first = now.as_second().div_euclid(HALF_HOUR) * HALF_HOUR - 47 * HALF_HOUR;
        let mut sql = String::new();
        for (sender, percent) in senders {
            for (place, accepted) in SHAPE.iter().enumerate() {
                // The same every time, and not too smooth.
                let noise = (place as u64 * 37 + percent * 11) % 41;
                let accepted = (accepted + noise) * percent / 100;
                let rejected = if *percent > 50 { rejected_at(place) } else { 0 };
                let (time, bytes) = (first + place as i64 * HALF_HOUR, accepted * 1_580);
                let (id, writer) = (sender.id, Uuid::nil());
                sql.push_str(&format!(
                    "insert into event_counts values \
                     ('{account}', '{id}', to_timestamp({time}), '{writer}', {accepted}, {rejected}, {bytes});\n"
                ));
            }
        }
        for number in 0..160_i64 {
            let (sender, _) = senders[usize::from(number % 7 == 3 && senders.len() > 1)];
            let seconds = 11 + number * 9 + number * number * 2 + (number * 7) % 5;
            let at = now.saturating_sub(SignedDuration::from_secs(seconds))?;
            sql.push_str(&past_event(account, sender, at, number)?);
        }
        Ok(self.database.batch_execute(&sql).await?)
    }

    /// What came with an expired password some hours ago.
    pub async fn write_late_events(&self, credential: &str, number: i64) -> Result<()> {
        let mut sql = String::new();
        for place in 0..number {
            let at = self.state.clock.now().saturating_sub(SignedDuration::from_mins(170 - place * 4))?;
            let (body, id) = (serde_json::to_string(&body(4 + place * 6))?, random::uuid_at(at));
            sql.push_str(&format!(
                "insert into held_events select c.account_id, '{id}', c.id, s.id, '{at}', '203.0.113.7', 'relay/2.1', \
                 'application/json', null, '[[\"content-type\",\"application/json\"]]', $x${body}$x$, {}, null, null \
                 from credentials c join credential_secrets s on s.credential_id = c.id where c.id = '{credential}' \
                 order by s.created_at limit 1;\n",
                body.len()
            ));
        }
        Ok(self.database.batch_execute(&sql).await?)
    }

    /// Refused requests of the last hours.
    pub async fn write_rejections(&self, account: AccountId, list: &[PastRejection<'_>]) -> Result<()> {
        let mut sql = String::new();
        for rejection in list {
            let at = self.state.clock.now().saturating_sub(SignedDuration::from_mins(rejection.minutes))?;
            let (second, id) = (at.as_second(), random::uuid_at(at));
            let PastRejection { sender, reason, hint, detail, ip, agent, size, count, .. } = rejection;
            let (credential, text) = (sender.id, |text: &str| format!("$x${text}$x$"));
            let (hint, detail, agent) = (hint.map_or("null".to_owned(), text), text(detail), text(agent));
            sql.push_str(&format!(
                "insert into rejections values ('{account}', '{id}', '{credential}', '{reason}', to_timestamp({second}), \
                 {hint}, nullif({detail}, ''), '{ip}', {agent}, {size}, {count});\n"
            ));
        }
        Ok(self.database.batch_execute(&sql).await?)
    }
}

/// A refused request of earlier today.
pub struct PastRejection<'a> {
    pub minutes: i64,
    pub sender: &'a Sender,
    pub reason: &'a str,
    pub hint: Option<&'a str>,
    pub detail: &'a str,
    pub ip: &'a str,
    pub agent: &'a str,
    pub size: u64,
    pub count: u32,
}

fn rejected_at(place: usize) -> u64 {
    REJECTED.iter().find(|(at, _)| *at == place).map_or(0, |(_, count)| *count)
}

fn past_event(account: AccountId, sender: &Sender, at: Timestamp, number: i64) -> Result<String> {
    let body = serde_json::to_string(&body(number))?;
    let (id, credential, size) = (random::uuid_at(at), sender.id, body.len());
    let ip = ["198.51.100.24", "198.51.100.31", "203.0.113.54"][number as usize % 3];
    let headers = r#"[["content-type","application/json"],["accept","*/*"]]"#;
    Ok(format!(
        "insert into events values ('{account}', '{id}', '{credential}', '{ip}', 'harbor-inventory/3.8', \
         'application/json', null, '{headers}', $x${body}$x$, {size});\n"
    ))
}

/// One of the things that happen in a warehouse.
pub fn body(number: i64) -> serde_json::Value {
    let sku = ["HB-2214", "HB-0931", "KL-7702", "RP-118", "HB-2215"][number as usize % 5];
    let order = 48_213 - number / 3;
    match number % 6 {
        0 | 3 => json!({ "type": "stock.adjusted", "sku": sku, "warehouse": "RTM-2", "on_hand": 48 + number % 90,
                         "delta": -(1 + number % 4), "counted_by": null }),
        1 => {
            json!({ "type": "shipment.packed", "order": order, "parcels": 1 + number % 3, "weight_kg": 7.85, "express": true })
        }
        2 => json!({ "type": "order.created", "order": order,
                     "lines": [{ "sku": sku, "qty": 2 }, { "sku": "RP-118", "qty": 1 }], "note": "Deliver before noon" }),
        4 => json!({ "type": "invoice.paid", "invoice": format!("INV-{}", 20_418 - number), "amount": 1249.5,
                     "currency": "EUR", "customer": "Delmar Boats" }),
        _ => {
            json!({ "type": "stock.counted", "warehouse": "ANR-1", "lines": 118, "differences": 3, "counted_by": "J. Aerts" })
        }
    }
}

/// An event with a bit of everything, for the page that shows one.
pub fn rich_body() -> serde_json::Value {
    json!({
        "type": "stock.adjusted", "occurred_at": "2026-11-25T08:41:11.930Z", "sku": "HB-2214",
        "name": "Bilge pump 1100, 12 V",
        "warehouse": { "code": "RTM-2", "name": "Rotterdam 2", "zone": "C", "bin": "C-14-03" },
        "on_hand": 48, "delta": -2, "reason": "picked",
        "order": { "number": 48213, "lines": [{ "sku": "HB-2214", "qty": 2, "picked": true },
                                              { "sku": "RP-118", "qty": 1, "picked": false }], "priority": "express" },
        "reorder": { "below": 40, "due": false, "supplier": null },
        "counted_by": null, "tags": ["pumps", "fast-moving"],
        "label": "{\"printer\": \"RTM-2\", \"copies\": 2}", "trace": "b7d1c0e2-4f0a-4c4e-9d61-52f8a0c1e7aa",
    })
}
