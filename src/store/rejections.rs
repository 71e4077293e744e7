//! Refused requests: rolled up by the second, credential and reason, so that a flood is a few rows.

use diesel::upsert::excluded;
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::{Timestamp, Unit};
use uuid::Uuid;

use crate::domain::ids::AccountId;
use crate::domain::listing::{EventFilter, Page};
use crate::domain::rejection::{NewRejection, Reason, Rejection};
use crate::store::columns::{Moment, inet, lower, strpos, without_nul, word};
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::schema::{credentials, rejections};

/// Inserts a rejection, or adds it to the one of the same second. `id` is a UUIDv7 of its time.
pub async fn insert(
    conn: &mut Connection,
    account: AccountId,
    id: Uuid,
    rejection: &NewRejection,
) -> Result<(), StoreError> {
    let second = rejection.at.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Trunc));
    diesel::insert_into(rejections::table)
        .values((
            rejections::account_id.eq(account.0),
            rejections::id.eq(id),
            rejections::credential_id.eq(rejection.credential_id.0),
            rejections::reason.eq(rejection.reason.as_str()),
            rejections::second.eq(Moment(second.unwrap_or(rejection.at))),
            rejections::hint.eq(&rejection.hint),
            rejections::detail.eq(rejection.detail.as_deref().map(without_nul)),
            rejections::remote_ip.eq(inet(rejection.remote_ip)),
            rejections::user_agent.eq(rejection.user_agent.as_deref().map(without_nul)),
            rejections::size_bytes.eq(rejection.size_bytes.map(|n| i64::try_from(n).unwrap_or(i64::MAX))),
            rejections::count.eq(i32::try_from(rejection.count).unwrap_or(i32::MAX)),
        ))
        .on_conflict((rejections::account_id, rejections::credential_id, rejections::reason, rejections::second))
        .do_update()
        .set(rejections::count.eq(rejections::count + excluded(rejections::count)))
        .execute(conn)
        .await?;
    Ok(())
}

/// One page, newest first, before a given one.
pub async fn list(
    conn: &mut Connection,
    account: AccountId,
    filter: &EventFilter,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Page<Rejection>, StoreError> {
    type Row =
        (Uuid, String, String, String, Option<String>, Option<String>, IpNet, Option<String>, Option<i64>, i32, Moment);
    let mut query = rejections::table
        .inner_join(credentials::table.on(credentials::id.eq(rejections::credential_id)))
        .filter(rejections::account_id.eq(account.0))
        .into_boxed();
    if let Some(credential) = filter.credential {
        query = query.filter(rejections::credential_id.eq(credential.0));
    }
    if let Some(since) = filter.since {
        query = query.filter(rejections::second.ge(Moment(since)));
    }
    if let Some(until) = filter.until {
        query = query.filter(rejections::second.lt(Moment(until)));
    }
    if let Some(text) = &filter.text {
        let reasons: Vec<&str> = Reason::ALL.into_iter().filter(|r| r.mentions(text)).map(Reason::as_str).collect();
        let detail = strpos(lower(rejections::detail.assume_not_null()), text.to_lowercase()).gt(0);
        query = query.filter(rejections::reason.eq_any(reasons).or(rejections::detail.is_not_null().and(detail)));
    }
    if let Some(before) = before {
        query = query.filter(rejections::id.lt(before));
    }
    let rows: Vec<Row> = query
        .order(rejections::id.desc())
        .select((
            rejections::id,
            credentials::name,
            credentials::username,
            rejections::reason,
            rejections::hint,
            rejections::detail,
            rejections::remote_ip,
            rejections::user_agent,
            rejections::size_bytes,
            rejections::count,
            rejections::second,
        ))
        .limit(limit as i64 + 1)
        .load(conn)
        .await?;
    let has_older = rows.len() > limit;
    let read = |row: Row| {
        let (id, credential_name, username, reason, hint, detail, ip, user_agent, size_bytes, count, at) = row;
        Ok(Rejection {
            id,
            at: at.into(),
            credential_name,
            username,
            reason: word(&reason)?,
            hint,
            detail,
            remote_ip: ip.addr(),
            user_agent,
            size_bytes: size_bytes.map(i64::unsigned_abs),
            count: count.unsigned_abs(),
        })
    };
    let rows = rows.into_iter().take(limit).map(read).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Page { rows, has_newer: before.is_some(), has_older })
}

/// Removes what is older than events are kept.
pub async fn prune(conn: &mut Connection, oldest_kept: Timestamp) -> Result<usize, StoreError> {
    Ok(diesel::delete(rejections::table.filter(rejections::second.lt(Moment(oldest_kept)))).execute(conn).await?)
}
