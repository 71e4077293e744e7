//! A batch of events by columns: the parameters of the function `store_events`, an array each, so that the statement is the same for
//! every number of rows.

use std::net::IpAddr;

use jiff::Timestamp;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};
use uuid::Uuid;

use crate::domain::account::Plan;
use crate::store::connection::columns::Moment;
use crate::store::tables::events::Row;
use crate::store::tables::idempotency::{self, Claims};

/// The statement that takes them.
pub(in crate::store) const STORE_EVENTS: &str = "select event_id, refusal, first_event_id, has_same_body from store_events(\
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

/// The same where a standby has to confirm the commit: it fails where the server is set to wait for none.
pub(in crate::store) const STORE_EVENTS_ON_STANDBY: &str = "select event_id, refusal, first_event_id, has_same_body from store_events(\
    require_synchronous_standby($1), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

/// The types of its parameters, in the order of [`BatchColumns::parameters`].
pub(in crate::store) const TYPES: [Type; 22] = [
    Type::TEXT_ARRAY,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::UUID,
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
    Type::UUID_ARRAY,
    Type::INET_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT4_ARRAY,
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::BYTEA_ARRAY,
    Type::UUID_ARRAY,
    Type::BYTEA_ARRAY,
];

/// The columns of a batch.
pub(in crate::store) struct BatchColumns<'a> {
    webhook_plans: Vec<&'static str>,
    latest: Moment,
    keys_kept_since: Moment,
    counter: Uuid,
    secrets: Vec<Uuid>,
    account_ids: Vec<Uuid>,
    credential_ids: Vec<Uuid>,
    secret_ids: Vec<Uuid>,
    arrivals: Vec<Moment>,
    ids: Vec<Uuid>,
    remote_ips: Vec<IpAddr>,
    user_agents: Vec<Option<&'a str>>,
    content_types: Vec<&'a str>,
    queries: Vec<Option<&'a str>>,
    header_lists: Vec<&'a str>,
    bodies: Vec<&'a str>,
    sizes: Vec<i32>,
    key_accounts: Vec<Uuid>,
    key_credentials: Vec<Uuid>,
    keys: Vec<&'a [u8]>,
    key_events: Vec<Uuid>,
    digests: Vec<&'a [u8]>,
}

impl<'a> BatchColumns<'a> {
    pub(in crate::store) fn of(rows: &'a [Row<'a>], counter: Uuid) -> Self {
        // When the last of the rows arrived: a password that ends before it is looked at for each row by itself.
        let latest = rows.iter().map(|row| row.at).max().unwrap_or(Timestamp::UNIX_EPOCH);
        let claims = Claims::of(rows);
        Self {
            webhook_plans: Plan::ALL.into_iter().filter(|plan| plan.includes_webhooks()).map(Plan::as_str).collect(),
            latest: latest.into(),
            keys_kept_since: idempotency::kept_since(latest).into(),
            counter,
            secrets: secrets(rows),
            account_ids: rows.iter().map(|row| row.account_id.0).collect(),
            credential_ids: rows.iter().map(|row| row.credential_id.0).collect(),
            secret_ids: rows.iter().map(|row| row.secret_id.0).collect(),
            arrivals: rows.iter().map(|row| row.at.into()).collect(),
            ids: rows.iter().map(|row| row.event.id.0).collect(),
            remote_ips: rows.iter().map(|row| row.event.remote_ip).collect(),
            user_agents: rows.iter().map(|row| row.event.user_agent.as_deref()).collect(),
            content_types: rows.iter().map(|row| row.event.content_type.as_str()).collect(),
            queries: rows.iter().map(|row| row.event.query.as_deref()).collect(),
            header_lists: rows.iter().map(|row| row.event.headers.as_str()).collect(),
            bodies: rows.iter().map(|row| row.event.body.as_str()).collect(),
            sizes: rows.iter().map(|row| row.event.size_bytes()).collect(),
            key_accounts: claims.account_ids(),
            key_credentials: claims.credential_ids(),
            keys: claims.keys(),
            key_events: claims.event_ids(),
            digests: claims.digests(),
        }
    }

    /// The same for rows that nobody sent, whose passwords are not to be checked.
    pub(in crate::store) fn without_passwords(self) -> Self {
        Self { secrets: Vec::new(), ..self }
    }

    pub(in crate::store) fn parameters(&self) -> [Hidden<'_>; 22] {
        let all: [&(dyn ToSql + Sync); 22] = [
            &self.webhook_plans,
            &self.latest,
            &self.keys_kept_since,
            &self.counter,
            &self.secrets,
            &self.account_ids,
            &self.credential_ids,
            &self.secret_ids,
            &self.arrivals,
            &self.ids,
            &self.remote_ips,
            &self.user_agents,
            &self.content_types,
            &self.queries,
            &self.header_lists,
            &self.bodies,
            &self.sizes,
            &self.key_accounts,
            &self.key_credentials,
            &self.keys,
            &self.key_events,
            &self.digests,
        ];
        all.map(Hidden)
    }
}

/// A parameter that nobody sees in a log, whatever the driver writes there: bodies are among them.
pub(in crate::store) struct Hidden<'a>(&'a (dyn ToSql + Sync));

impl std::fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hidden")
    }
}

impl ToSql for Hidden<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql_checked(kind, out)
    }

    fn accepts(_: &Type) -> bool {
        // The parameter itself checks its type.
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// The different passwords of some rows.
fn secrets(rows: &[Row<'_>]) -> Vec<Uuid> {
    let mut secrets: Vec<Uuid> = rows.iter().map(|row| row.secret_id.0).collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}
