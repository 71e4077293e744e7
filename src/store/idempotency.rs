//! Idempotency keys: the first request with a key claims it in the transaction that stores its event; the next ones find
//! what it became. Kept for seven days.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::event::{EventId, IdempotencyKey};
use crate::domain::ids::{AccountId, CredentialId};
use crate::store::columns::Moment;
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::schema::idempotency_keys;

/// How long a key is remembered.
pub const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What became of a claim.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key is this event's now.
    Ours,
    /// An event with the same body has it.
    SameBody(EventId),
    /// An event with another body has it.
    OtherBody,
}

/// Claims a key. While another transaction holds the same key uncommitted, this waits for it.
pub async fn claim(
    conn: &mut Connection,
    account: AccountId,
    credential: CredentialId,
    key: &IdempotencyKey,
    event: EventId,
    now: Timestamp,
) -> Result<Claim, StoreError> {
    let forgotten = now.saturating_sub(KEPT).unwrap_or(now);
    let row = (
        idempotency_keys::account_id.eq(account.0),
        idempotency_keys::credential_id.eq(credential.0),
        idempotency_keys::key.eq(&key.key),
        idempotency_keys::event_id.eq(event.0),
        idempotency_keys::body_sha256.eq(key.body_sha256.as_slice()),
        idempotency_keys::created_at.eq(Moment(now)),
    );
    // A key that is older than it is kept counts as forgotten even before it has been pruned.
    let old = idempotency_keys::table
        .filter(idempotency_keys::account_id.eq(account.0))
        .filter(idempotency_keys::credential_id.eq(credential.0))
        .filter(idempotency_keys::key.eq(&key.key))
        .filter(idempotency_keys::created_at.le(Moment(forgotten)));
    diesel::delete(old).execute(conn).await?;
    let claimed =
        diesel::insert_into(idempotency_keys::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    if claimed == 1 {
        return Ok(Claim::Ours);
    }
    let (first, body): (Uuid, Vec<u8>) = idempotency_keys::table
        .find((account.0, credential.0, &key.key))
        .select((idempotency_keys::event_id, idempotency_keys::body_sha256))
        .first(conn)
        .await?;
    Ok(if body == key.body_sha256 { Claim::SameBody(EventId(first)) } else { Claim::OtherBody })
}

/// Forgets the keys that are older than they are kept.
pub async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let forgotten = now.saturating_sub(KEPT).unwrap_or(now);
    let old = idempotency_keys::table.filter(idempotency_keys::created_at.le(Moment(forgotten)));
    Ok(diesel::delete(old).execute(conn).await?)
}
