//! Deletes an account: at once all that lets anybody in, and after that, in small steps, what was received.

use jiff::{SignedDuration, Timestamp};

use crate::app::failure::Failure;
use crate::domain::account::Member;
use crate::domain::audit::{Act, Action, AuditLine};
use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Store;
use crate::store::tables::{accounts, audit, deleted_accounts};

/// Storing an event takes seconds at most, so whatever was under way has landed by then.
const WATCHED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Ends the account with its users, sessions and credentials in one transaction: its senders get 401 from the next request on.
/// What it received is no longer anybody's, and [`erase`] takes it away. The lines of the audit trail stay, since nothing changes
/// them; the last one says that the account was deleted. An account that is gone already is as good.
pub(crate) async fn delete_account(store: &Store, member: &Member, act: &Act) -> Result<(), Failure> {
    let account = member.account_id;
    store
        .transaction(async |conn| {
            if accounts::delete(conn, account).await? {
                deleted_accounts::insert(conn, account, act.at).await?;
                audit::append(conn, account, act, AuditLine::new(Action::AccountDeleted, &account.to_string())).await?;
            }
            Ok(())
        })
        .await
}

/// Erases what a deleted account received; answers with the number of events.
pub(crate) async fn erase(store: &Store, account: AccountId) -> Result<u64, StoreError> {
    let mut events = 0;
    // The connection is given back after each step, for those who wait for one.
    loop {
        let erased = deleted_accounts::erase_events(&mut *store.connection().await?, account).await?;
        events += erased as u64;
        if erased == 0 {
            break;
        }
    }
    // What a wrong clock detached may come back, and must not bring what nobody looks for any more.
    while deleted_accounts::erase_detached_events(&mut *store.connection().await?, account).await? > 0 {}
    while deleted_accounts::erase_notes(&mut *store.connection().await?, account).await? > 0 {}
    Ok(events)
}

/// Does so for every deleted account: a program may have ended before it was through, and an event that was being stored may
/// have landed after it. Which account is no longer looked at is decided by a clock that can be trusted, or not at all.
pub async fn erase_leftovers(store: &Store, trusted_now: Option<Timestamp>) -> Result<(), StoreError> {
    let gone = deleted_accounts::list(&mut *store.connection().await?).await?;
    for (account, at) in gone {
        erase(store, account).await?;
        if trusted_now.is_some_and(|now| now.duration_since(at) > WATCHED_FOR) {
            deleted_accounts::forget(&mut *store.connection().await?, account).await?;
        }
    }
    Ok(())
}
