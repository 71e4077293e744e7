//! Deletions of many events that were ordered: what is to go, how far each is, and whether somebody called it off.

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, PgSortExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::deletion::{Deletion, DeletionId, Matching};
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::listing::EventFilter;
use crate::domain::query::ast::Query;
use crate::store::columns::{Moment, time, without_nul};
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::schema::event_deletions;

/// The constraint that lets an account have one at a time.
pub const ONE_AT_A_TIME: &str = "event_deletions_one_at_a_time";

type Row = (Uuid, Uuid, Moment, What, Uuid, Uuid, String, i64, i64, Option<Moment>, Option<Moment>);
/// What is to go: of which credential, by which search, and of which events.
type What = (Option<Uuid>, Option<String>, Option<String>);

macro_rules! columns {
    () => {
        (
            event_deletions::account_id,
            event_deletions::id,
            event_deletions::started_at,
            (event_deletions::credential_id, event_deletions::query, event_deletions::snapshot),
            event_deletions::next_id,
            event_deletions::end_id,
            event_deletions::description,
            event_deletions::seen,
            event_deletions::deleted,
            event_deletions::cancelled_at,
            event_deletions::ended_at,
        )
    };
}

/// One that cannot be read must not keep the others from being carried out.
fn deletion(row: Row) -> Deletion {
    let (account, id, ordered_at, what, next, end, description, seen, deleted, cancelled_at, ended_at) = row;
    let (credential, query, snapshot) = what;
    let snapshot = snapshot.as_deref().map(str::parse).transpose();
    let query = query.as_deref().map(Query::read).transpose();
    let filter = match (query, &snapshot) {
        (Ok(query), Ok(_)) => Some(EventFilter {
            query: query.flatten(),
            credential: credential.map(CredentialId),
            ..EventFilter::default()
        }),
        _ => None,
    };
    Deletion {
        account: AccountId(account),
        id: DeletionId(id),
        filter,
        ordered_at: ordered_at.0,
        snapshot: snapshot.ok().flatten(),
        span: EventId(next)..EventId(end),
        description,
        seen: seen.unsigned_abs(),
        deleted: deleted.unsigned_abs(),
        cancelled_at: time(cancelled_at),
        ended_at: time(ended_at),
    }
}

/// Writes down that the events that were counted by a filter are to go.
pub async fn insert(
    conn: &mut Connection,
    (account, id): (AccountId, DeletionId),
    (filter, counted): (&EventFilter, &Matching),
    description: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(event_deletions::table)
        .values((
            event_deletions::account_id.eq(account.0),
            event_deletions::id.eq(id.0),
            event_deletions::started_at.eq(Moment(now)),
            event_deletions::credential_id.eq(filter.credential.map(|credential| credential.0)),
            event_deletions::query.eq(filter.query.as_ref().map(|query| without_nul(&query.to_string()))),
            event_deletions::next_id.eq(counted.span.start.0),
            event_deletions::end_id.eq(counted.span.end.0),
            event_deletions::snapshot.eq(counted.snapshot.to_string()),
            event_deletions::description.eq(without_nul(description)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The one that goes on, or else the one that was ordered last.
pub async fn find_latest(conn: &mut Connection, account: AccountId) -> Result<Option<Deletion>, StoreError> {
    let row: Option<Row> = event_deletions::table
        .filter(event_deletions::account_id.eq(account.0))
        .order((event_deletions::ended_at.desc().nulls_first(), event_deletions::started_at.desc()))
        .select(columns!())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(deletion))
}

/// The one of all accounts that was ordered first and goes on.
pub async fn find_unfinished(conn: &mut Connection) -> Result<Option<Deletion>, StoreError> {
    let row: Option<Row> = event_deletions::table
        .filter(event_deletions::ended_at.is_null())
        .order(event_deletions::started_at)
        .select(columns!())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(deletion))
}

/// One as it is now; nobody changes it before the transaction is over.
pub async fn find_locked(
    conn: &mut Connection,
    account: AccountId,
    id: DeletionId,
) -> Result<Option<Deletion>, StoreError> {
    let row: Option<Row> = event_deletions::table
        .filter(event_deletions::account_id.eq(account.0).and(event_deletions::id.eq(id.0)))
        .select(columns!())
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(deletion))
}

/// Writes down how far one is.
pub async fn advance(conn: &mut Connection, deletion: &Deletion) -> Result<(), StoreError> {
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
pub async fn cancel(conn: &mut Connection, account: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let running = event_deletions::table
        .filter(event_deletions::account_id.eq(account.0))
        .filter(event_deletions::ended_at.is_null())
        .filter(event_deletions::cancelled_at.is_null());
    Ok(diesel::update(running).set(event_deletions::cancelled_at.eq(Moment(now))).execute(conn).await? > 0)
}
