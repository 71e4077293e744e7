//! Held events as their owner reads them: like the events that they become when they are accepted.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Inet, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::event::{EventId, EventSummary, StoredEvent};
use crate::domain::holding::forgotten_at;
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::statement::statement;

#[derive(QueryableByName)]
struct Summary {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    credential_id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = Inet)]
    remote_ip: IpNet,
    #[diesel(sql_type = Text)]
    content_type: String,
    #[diesel(sql_type = Integer)]
    size_bytes: i32,
    #[diesel(sql_type = Text)]
    beginning: String,
}

#[derive(QueryableByName)]
struct Whole {
    #[diesel(embed)]
    summary: Summary,
    #[diesel(sql_type = Nullable<Text>)]
    user_agent: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    query: Option<String>,
    #[diesel(sql_type = Text)]
    headers: String,
    #[diesel(sql_type = Text)]
    body: String,
}

impl From<Summary> for EventSummary {
    fn from(row: Summary) -> Self {
        Self {
            id: EventId(row.id),
            credential_id: CredentialId(row.credential_id),
            credential_name: row.name,
            username: row.username,
            remote_ip: row.remote_ip.addr(),
            content_type: row.content_type,
            size_bytes: u64::from(row.size_bytes.unsigned_abs()),
            is_late: true,
            beginning: row.beginning,
            cells: Vec::new(),
        }
    }
}

macro_rules! held {
    ($more:literal, $which:literal) => {
        concat!(
            "select h.id, h.credential_id, c.name, c.username, h.remote_ip, h.content_type, h.size_bytes, \
             left(h.body, 600) as beginning",
            $more,
            " from held_events h join credentials c on c.id = h.credential_id \
             where h.account_id = $1 and h.received_at > $2 and ",
            $which
        )
    };
}

/// A page of what a credential has held, the latest first, below an id.
pub(crate) async fn list(
    conn: &mut Connection,
    (account, credential): (AccountId, CredentialId),
    before: Option<EventId>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<EventSummary>, StoreError> {
    let rows: Vec<Summary> = statement(held!("", "h.credential_id = $3 and h.id < $4 order by h.id desc limit $5"))
        .bind::<SqlUuid, _>(account.0)
        .bind::<Timestamptz, _>(Moment(forgotten_at(now)))
        .bind::<SqlUuid, _>(credential.0)
        .bind::<SqlUuid, _>(before.map_or(Uuid::max(), |id| id.0))
        .bind::<BigInt, _>(limit as i64)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(EventSummary::from).collect())
}

/// One of them, whole.
pub(crate) async fn find(
    conn: &mut Connection,
    account: AccountId,
    id: EventId,
    now: Timestamp,
) -> Result<Option<StoredEvent>, StoreError> {
    let rows: Vec<Whole> = statement(held!(", h.user_agent, h.query, h.headers, h.body", "h.id = $3"))
        .bind::<SqlUuid, _>(account.0)
        .bind::<Timestamptz, _>(Moment(forgotten_at(now)))
        .bind::<SqlUuid, _>(id.0)
        .load(conn)
        .await?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let unreadable = |_| StoreError::Unreadable("headers of a held event".to_owned());
    Ok(Some(StoredEvent {
        summary: row.summary.into(),
        credential_revoked: false,
        is_held: true,
        accepted_late_at: None,
        user_agent: row.user_agent,
        query: row.query,
        headers: serde_json::from_str(&row.headers).map_err(unreadable)?,
        body: row.body,
    }))
}
