//! Idempotency keys: the first request with a key claims it in the transaction that stores its event; the next ones find
//! what it became. Kept for seven days.

use std::collections::HashMap;

use diesel::sql_types::{Array, Binary, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::event::{EventId, IdempotencyKey};
use crate::store::columns::Moment;
use crate::store::error::StoreError;
use crate::store::events::Row;
use crate::store::old_rows;
use crate::store::pool::Connection;
use crate::store::prepared::prepared;
use crate::store::schema::idempotency_keys;

/// What a key that is claimed twice breaks.
pub const KEYS_ARE_UNIQUE: &str = "idempotency_keys_pkey";
/// How long a key is remembered.
pub const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key is this event's now.
    Ours,
    /// An event with the same body has it.
    SameBody(EventId),
    /// An event with another body has it.
    OtherBody,
}

/// The keys of a batch, in an order that is the same for every program, so that two of them never wait for each other in a circle.
#[derive(Debug, Default)]
pub struct Claims<'a> {
    rows: Vec<(&'a Row<'a>, &'a IdempotencyKey)>,
}

impl<'a> Claims<'a> {
    /// Those of the rows that have a key. Rows with one key stay in their order.
    pub fn of(rows: &'a [Row<'a>]) -> Self {
        let mut keyed: Vec<_> =
            rows.iter().filter_map(|row| row.event.idempotency.as_ref().map(|key| (row, key))).collect();
        keyed.sort_by_key(|(row, key)| (row.credential_id, &key.key));
        Self { rows: keyed }
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn account_ids(&self) -> Vec<Uuid> {
        self.rows.iter().map(|(row, _)| row.account_id.0).collect()
    }

    pub fn credential_ids(&self) -> Vec<Uuid> {
        self.rows.iter().map(|(row, _)| row.credential_id.0).collect()
    }

    pub fn keys(&self) -> Vec<&'a [u8]> {
        self.rows.iter().map(|(_, key)| key.key.as_slice()).collect()
    }

    pub fn event_ids(&self) -> Vec<Uuid> {
        self.rows.iter().map(|(row, _)| row.event.id.0).collect()
    }

    pub fn digests(&self) -> Vec<&'a [u8]> {
        self.rows.iter().map(|(_, key)| key.body_sha256.as_slice()).collect()
    }
}

prepared! {
    /// While another transaction holds the same key uncommitted, this waits for it.
    ClaimNewKeys<'a> {
        "insert into idempotency_keys (account_id, credential_id, key, event_id, body_sha256, created_at) select *, ",
        created_at: Moment as Timestamptz, " from unnest(",
        account_ids: Vec<Uuid> as Array<SqlUuid>, ", ",
        credential_ids: Vec<Uuid> as Array<SqlUuid>, ", ",
        keys: Vec<&'a [u8]> as Array<Binary>, ", ",
        event_ids: Vec<Uuid> as Array<SqlUuid>, ", ",
        digests: Vec<&'a [u8]> as Array<Binary>, ") on conflict do nothing"
    }
}

prepared! {
    /// A key that is older than it is kept counts as forgotten even before it has been pruned.
    ForgetOldKeys<'a> {
        "delete from idempotency_keys as known using unnest(",
        account_ids: Vec<Uuid> as Array<SqlUuid>, ", ",
        credential_ids: Vec<Uuid> as Array<SqlUuid>, ", ",
        keys: Vec<&'a [u8]> as Array<Binary>, ") as said (account_id, credential_id, key) where known.account_id = said.account_id and \
         known.credential_id = said.credential_id and known.key = said.key and known.created_at <= ",
        forgotten: Moment as Timestamptz, ""
    }
}

/// Claims the keys that nobody has, and tells of the others what became of them, in the order of the rows.
pub async fn claim_new(mut conn: &Connection, rows: &[Row<'_>], at: Timestamp) -> Result<Vec<Claim>, StoreError> {
    let claims = Claims::of(rows);
    if claims.is_empty() {
        return Ok(vec![Claim::Ours; rows.len()]);
    }
    let forgotten = Moment(at.saturating_sub(KEPT).unwrap_or(at));
    let (account_ids, credential_ids, keys) = (claims.account_ids(), claims.credential_ids(), claims.keys());
    ForgetOldKeys { account_ids, credential_ids, keys, forgotten }.execute(&mut conn).await?;
    let claim_new = ClaimNewKeys {
        created_at: Moment(at),
        account_ids: claims.account_ids(),
        credential_ids: claims.credential_ids(),
        keys: claims.keys(),
        event_ids: claims.event_ids(),
        digests: claims.digests(),
    };
    claim_new.execute(&mut conn).await?;
    type Known = (Uuid, Vec<u8>, Uuid, Vec<u8>);
    let known: Vec<Known> = idempotency_keys::table
        .filter(idempotency_keys::account_id.eq_any(claims.account_ids()))
        .filter(idempotency_keys::credential_id.eq_any(claims.credential_ids()))
        .filter(idempotency_keys::key.eq_any(claims.keys()))
        .select((
            idempotency_keys::credential_id,
            idempotency_keys::key,
            idempotency_keys::event_id,
            idempotency_keys::body_sha256,
        ))
        .load(&mut conn)
        .await?;
    let known: HashMap<_, _> =
        known.into_iter().map(|(owner, key, event, body)| ((owner, key), (event, body))).collect();
    let claim = |row: &Row<'_>| {
        let Some(key) = &row.event.idempotency else { return Ok(Claim::Ours) };
        match known.get(&(row.credential_id.0, key.key.clone())) {
            Some((event, _)) if *event == row.event.id.0 => Ok(Claim::Ours),
            Some((event, body)) if *body == key.body_sha256 => Ok(Claim::SameBody(EventId(*event))),
            Some(_) => Ok(Claim::OtherBody),
            // It was there a moment ago, so it has been pruned; the sender may come again.
            None => Err(StoreError::Unavailable("an idempotency key went away".to_owned())),
        }
    };
    rows.iter().map(claim).collect()
}

/// Forgets the keys that are older than they are kept.
pub async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let forgotten = now.saturating_sub(KEPT).unwrap_or(now);
    old_rows::delete(conn, "idempotency_keys", "created_at <= $1", forgotten, old_rows::STEP).await
}
