//! Saved searches of an account, each by its name.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::saved_searches;

/// How many an account may have.
pub(crate) const MAX_SAVED: i64 = 50;

/// A search that somebody saved.
#[derive(Clone, Debug)]
pub(crate) struct SavedSearch {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// `q=…&since=…`
    pub(crate) filters: String,
}

/// All of an account, by name.
pub(crate) async fn list(conn: &mut Connection, account: AccountId) -> Result<Vec<SavedSearch>, StoreError> {
    let rows: Vec<(Uuid, String, String)> = saved_searches::table
        .filter(saved_searches::account_id.eq(account.0))
        .select((saved_searches::id, saved_searches::name, saved_searches::filters))
        .order(saved_searches::name)
        .limit(MAX_SAVED)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(id, name, filters)| SavedSearch { id, name, filters }).collect())
}

/// Saves a search in the place of the one with its name, if there is one; `false` where the account has as many as it may. Two at once
/// may both be the last.
pub(crate) async fn save(conn: &mut Connection, account: AccountId, search: &SavedSearch) -> Result<bool, StoreError> {
    let (of_account, called) = (saved_searches::account_id.eq(account.0), saved_searches::name.eq(&search.name));
    let replaced = diesel::update(saved_searches::table.filter(of_account).filter(called))
        .set(saved_searches::filters.eq(&search.filters))
        .execute(conn)
        .await?;
    if replaced > 0 {
        return Ok(true);
    }
    let saved: i64 = saved_searches::table.filter(of_account).count().get_result(conn).await?;
    if saved >= MAX_SAVED {
        return Ok(false);
    }
    let changed = saved_searches::filters.eq(&search.filters);
    diesel::insert_into(saved_searches::table)
        .values((saved_searches::id.eq(search.id), of_account, called, changed))
        .on_conflict((saved_searches::account_id, saved_searches::name))
        .do_update()
        .set(changed)
        .execute(conn)
        .await?;
    Ok(true)
}

/// Deletes one; `false` where the account has no such.
pub(crate) async fn delete(conn: &mut Connection, account: AccountId, search: Uuid) -> Result<bool, StoreError> {
    let own = saved_searches::table.filter(saved_searches::account_id.eq(account.0));
    Ok(diesel::delete(own.filter(saved_searches::id.eq(search))).execute(conn).await? > 0)
}
