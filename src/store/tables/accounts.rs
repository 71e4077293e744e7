//! Accounts and their plans.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::account::{AccountName, Plan};
use crate::domain::ids::AccountId;
use crate::store::connection::columns::{Moment, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::accounts;

pub(crate) async fn insert(
    conn: &mut Connection,
    id: AccountId,
    name: &str,
    plan: Plan,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(accounts::table)
        .values((
            accounts::id.eq(id.0),
            accounts::name.eq(name),
            accounts::plan.eq(plan.as_str()),
            accounts::created_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets the plan and answers with the plan before. The row stays locked until the transaction ends.
pub(crate) async fn change_plan(conn: &mut Connection, id: AccountId, plan: Plan) -> Result<Plan, StoreError> {
    let before: String = accounts::table.find(id.0).select(accounts::plan).for_update().first(conn).await?;
    diesel::update(accounts::table.find(id.0)).set(accounts::plan.eq(plan.as_str())).execute(conn).await?;
    word(&before)
}

/// Sets how long events are kept; `None` for as long as the installation.
pub(crate) async fn set_retention(conn: &mut Connection, id: AccountId, days: Option<u32>) -> Result<(), StoreError> {
    let days = days.map(|days| i32::try_from(days).unwrap_or(i32::MAX));
    diesel::update(accounts::table.find(id.0)).set(accounts::retention_days.eq(days)).execute(conn).await?;
    Ok(())
}

/// The accounts that keep events for a time of their own, with its days.
pub(crate) async fn list_retentions(conn: &mut Connection) -> Result<Vec<(AccountId, u32)>, StoreError> {
    let rows: Vec<(Uuid, Option<i32>)> = accounts::table
        .filter(accounts::retention_days.is_not_null())
        .select((accounts::id, accounts::retention_days))
        .load(conn)
        .await?;
    let read = |(id, days): (Uuid, Option<i32>)| Some((AccountId(id), days?.unsigned_abs()));
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Sets which columns the list of events has, as they were typed.
pub(crate) async fn set_event_columns(conn: &mut Connection, id: AccountId, columns: &str) -> Result<(), StoreError> {
    let changed = accounts::table.find(id.0).filter(accounts::event_columns.ne(columns));
    diesel::update(changed).set(accounts::event_columns.eq(columns)).execute(conn).await?;
    Ok(())
}

pub(crate) async fn rename(conn: &mut Connection, id: AccountId, name: &AccountName) -> Result<(), StoreError> {
    diesel::update(accounts::table.find(id.0)).set(accounts::name.eq(name.as_str())).execute(conn).await?;
    Ok(())
}

/// Deletes the account, and with it users, sessions, credentials and their passwords; `false` when it was gone already.
pub(crate) async fn delete(conn: &mut Connection, id: AccountId) -> Result<bool, StoreError> {
    Ok(diesel::delete(accounts::table.find(id.0)).execute(conn).await? == 1)
}
