//! Whole rows of events, as exports read them.

use diesel::pg::Pg;
use diesel::{QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use uuid::Uuid;

use crate::domain::event::{EventId, WholeEvent};
use crate::domain::ids::CredentialId;
use crate::domain::query::facts::EventSource;
use crate::store::connection::columns::{Moment, time};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::events;
use crate::store::scan::sources;
use crate::store::scan::span::Events;

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Pg))]
struct Row {
    id: Uuid,
    credential_id: Uuid,
    remote_ip: IpNet,
    content_type: String,
    size_bytes: i32,
    accepted_late_at: Option<Moment>,
    headers: String,
    body: String,
}

impl From<Row> for WholeEvent {
    fn from(row: Row) -> Self {
        Self {
            id: EventId(row.id),
            credential_id: CredentialId(row.credential_id),
            remote_ip: row.remote_ip.addr(),
            content_type: row.content_type,
            size_bytes: u64::from(row.size_bytes.unsigned_abs()),
            accepted_late_at: time(row.accepted_late_at),
            headers: row.headers,
            body: row.body,
        }
    }
}

/// What a query finds, whole.
pub(crate) async fn load(conn: &mut Connection, query: Events) -> Result<impl Iterator<Item = WholeEvent>, StoreError> {
    let rows: Vec<Row> = query.select(Row::as_select()).load(conn).await?;
    Ok(rows.into_iter().map(WholeEvent::from))
}

/// The same, with where each came from.
pub(super) async fn load_with_sources(
    conn: &mut Connection,
    query: Events,
) -> Result<impl Iterator<Item = (WholeEvent, EventSource)>, StoreError> {
    let rows: Vec<(Row, sources::Row)> = query.select((Row::as_select(), sources::columns())).load(conn).await?;
    Ok(rows.into_iter().map(|(event, row)| (event.into(), sources::source(row))))
}
