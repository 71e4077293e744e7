//! Deletions of many events that were ordered: what is to go, how far each is, and whether somebody called it off. Also how they go.

use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Timestamptz};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, PgSortExpressionMethods, QueryDsl, Queryable,
    Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::deletion::{Deletion, DeletionId, Matching};
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::listing::EventFilter;
use crate::domain::query::ast::Query;
use crate::store::connection::columns::{Moment, time, without_nul};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{event_deletions, events};
use crate::store::scan::arrivals::shown_by;
use crate::store::scan::keys::Key;
use crate::store::scan::span::OnEvents;

/// The constraint that lets an account have one at a time.
pub(crate) const ONE_AT_A_TIME: &str = "event_deletions_one_at_a_time";

#[derive(Queryable, Selectable)]
#[diesel(table_name = event_deletions, check_for_backend(Pg))]
struct Row {
    account_id: Uuid,
    id: Uuid,
    started_at: Moment,
    credential_id: Option<Uuid>,
    query: Option<String>,
    snapshot: Option<String>,
    next_id: Uuid,
    end_id: Uuid,
    description: String,
    seen: i64,
    deleted: i64,
    cancelled_at: Option<Moment>,
    ended_at: Option<Moment>,
}

/// What stands before the snapshot of an order with a search. It names the language that this is written in: a program of an earlier
/// release, which may understand the same text otherwise, cannot read such an order and ends it, as this one does with one of theirs.
const LANGUAGE: &str = "search 2: ";

/// One that cannot be read must not keep the others from being carried out.
impl From<Row> for Deletion {
    fn from(row: Row) -> Self {
        let snapshot = match (&row.query, row.snapshot.as_deref()) {
            (Some(_), text) => text.and_then(|text| text.strip_prefix(LANGUAGE)).unwrap_or_default().parse().map(Some),
            (None, text) => text.map(str::parse).transpose(),
        };
        let query = row.query.as_deref().map(Query::read).transpose();
        let filter = match (query, &snapshot) {
            (Ok(query), Ok(_)) => Some(EventFilter {
                query: query.flatten(),
                credential: row.credential_id.map(CredentialId),
                ..EventFilter::default()
            }),
            _ => None,
        };
        Self {
            account: AccountId(row.account_id),
            id: DeletionId(row.id),
            filter,
            ordered_at: row.started_at.0,
            snapshot: snapshot.ok().flatten(),
            span: EventId(row.next_id)..EventId(row.end_id),
            description: row.description,
            seen: row.seen.unsigned_abs(),
            deleted: row.deleted.unsigned_abs(),
            cancelled_at: time(row.cancelled_at),
            ended_at: time(row.ended_at),
        }
    }
}

/// Writes down that the events that were counted by a filter are to go.
pub(crate) async fn insert(
    conn: &mut Connection,
    (account, id): (AccountId, DeletionId),
    (filter, counted): (&EventFilter, &Matching),
    description: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let language = if filter.query.is_some() { LANGUAGE } else { "" };
    let snapshot = format!("{language}{}", counted.snapshot.as_postgres());
    diesel::insert_into(event_deletions::table)
        .values((
            event_deletions::account_id.eq(account.0),
            event_deletions::id.eq(id.0),
            event_deletions::started_at.eq(Moment(now)),
            event_deletions::credential_id.eq(filter.credential.map(|credential| credential.0)),
            event_deletions::query.eq(filter.query.as_ref().map(|query| without_nul(&query.to_string()))),
            event_deletions::next_id.eq(counted.span.start.0),
            event_deletions::end_id.eq(counted.span.end.0),
            event_deletions::snapshot.eq(snapshot),
            event_deletions::description.eq(without_nul(description)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The one that goes on, or else the one that was ordered last.
pub(crate) async fn find_latest(conn: &mut Connection, account: AccountId) -> Result<Option<Deletion>, StoreError> {
    let row: Option<Row> = event_deletions::table
        .filter(event_deletions::account_id.eq(account.0))
        .order((event_deletions::ended_at.desc().nulls_first(), event_deletions::started_at.desc()))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Deletion::from))
}

/// The accounts of which one goes on, those first that ordered first.
pub(crate) async fn list_unfinished(conn: &mut Connection) -> Result<Vec<AccountId>, StoreError> {
    let accounts: Vec<Uuid> = event_deletions::table
        .filter(event_deletions::ended_at.is_null())
        .order(event_deletions::started_at)
        .select(event_deletions::account_id)
        .load(conn)
        .await?;
    Ok(accounts.into_iter().map(AccountId).collect())
}

/// The one of an account that goes on.
pub(crate) async fn find_unfinished(conn: &mut Connection, account: AccountId) -> Result<Option<Deletion>, StoreError> {
    let row: Option<Row> = event_deletions::table
        .filter(event_deletions::account_id.eq(account.0))
        .filter(event_deletions::ended_at.is_null())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Deletion::from))
}

/// One as it is now; nobody changes it before the transaction is over.
pub(crate) async fn find_locked(
    conn: &mut Connection,
    account: AccountId,
    id: DeletionId,
) -> Result<Option<Deletion>, StoreError> {
    let row: Option<Row> = event_deletions::table
        .filter(event_deletions::account_id.eq(account.0).and(event_deletions::id.eq(id.0)))
        .select(Row::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Deletion::from))
}

/// Writes down how far one is.
pub(crate) async fn advance(conn: &mut Connection, deletion: &Deletion) -> Result<(), StoreError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    diesel::update(event_deletions::table.find((deletion.account.0, deletion.id.0)))
        .set((
            event_deletions::next_id.eq(deletion.span.start.0),
            event_deletions::seen.eq(number(deletion.seen)),
            event_deletions::deleted.eq(number(deletion.deleted)),
            event_deletions::ended_at.eq(deletion.ended_at.map(Moment)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Calls off the one that goes on; `false` where there is none.
pub(crate) async fn cancel(conn: &mut Connection, account: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let running = event_deletions::table
        .filter(event_deletions::account_id.eq(account.0))
        .filter(event_deletions::ended_at.is_null())
        .filter(event_deletions::cancelled_at.is_null());
    Ok(diesel::update(running).set(event_deletions::cancelled_at.eq(Moment(now))).execute(conn).await? > 0)
}

/// The events that were there when a deletion was ordered.
fn stored_when_ordered(deletion: &Deletion) -> OnEvents {
    match &deletion.snapshot {
        Some(snapshot) => shown_by(snapshot),
        None => {
            let late = sql::<Bool>("(accepted_late_at is null or accepted_late_at <= ");
            Box::new(late.bind::<Timestamptz, _>(Moment(deletion.ordered_at)).sql(")"))
        }
    }
}

/// Deletes these, which stand in the order of their ids, but for those that came after the order, where somebody gave one; answers
/// with what was still there.
pub(crate) async fn delete_events(
    conn: &mut Connection,
    account: AccountId,
    found: &[Key],
    order: Option<&Deletion>,
) -> Result<Vec<Key>, StoreError> {
    let ([first, ..], [.., last]) = (found, found) else { return Ok(Vec::new()) };
    let ids: Vec<Uuid> = found.iter().map(|key| key.id.0).collect();
    // The range touches the partitions of that time and no others.
    let these = events::table
        .filter(events::account_id.eq(account.0))
        .filter(events::id.ge(first.id.0))
        .filter(events::id.le(last.id.0))
        .filter(events::id.eq_any(ids))
        .filter(order.map_or_else(|| Box::new(sql::<Bool>("true")) as OnEvents, stored_when_ordered));
    Ok(diesel::delete(these).returning(Key::as_returning()).get_results(conn).await?)
}
