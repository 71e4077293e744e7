//! The audit trail: lines are added in the transaction of the act and never changed.

use diesel::{ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use uuid::Uuid;

use crate::domain::audit::{Act, Action, Actor, AuditEntry, AuditFilter};
use crate::domain::ids::AccountId;
use crate::random;
use crate::store::columns::{Moment, inet, lower, strpos, without_nul, word};
use crate::store::error::StoreError;
use crate::store::pool::Connection;
use crate::store::schema::{audit_log, users};

/// Writes down that `act`'s actor did `action` to `subject`.
pub async fn append(
    conn: &mut Connection,
    account: AccountId,
    act: &Act,
    action: Action,
    subject: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let user = match act.actor {
        Actor::User(id) => Some(id.0),
        Actor::Visitor | Actor::Operator | Actor::Sender | Actor::Program => None,
    };
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::account_id.eq(account.0),
            audit_log::id.eq(random::growing_uuid_at(act.at)),
            audit_log::at.eq(Moment(act.at)),
            audit_log::actor.eq(act.actor.as_str()),
            audit_log::actor_user_id.eq(user),
            audit_log::action.eq(action.as_str()),
            audit_log::subject.eq(subject),
            audit_log::detail.eq(without_nul(detail)),
            audit_log::remote_ip.eq(act.remote_ip.map(inet)),
            audit_log::request_id.eq(act.request_id.map(|id| id.to_string())),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

type Row = (Uuid, Moment, String, Option<String>, String, String, String, Option<IpNet>, Option<String>);

/// The lines of an account that pass a filter.
macro_rules! lines {
    ($account:expr, $filter:expr) => {{
        let mut query = audit_log::table
            .left_join(users::table.on(users::id.nullable().eq(audit_log::actor_user_id)))
            .filter(audit_log::account_id.eq($account.0))
            .select((
                audit_log::id,
                audit_log::at,
                audit_log::actor,
                users::email.nullable(),
                audit_log::action,
                audit_log::subject,
                audit_log::detail,
                audit_log::remote_ip,
                audit_log::request_id,
            ))
            .into_boxed();
        if let Some(action) = $filter.action {
            query = query.filter(audit_log::action.eq(action.as_str()));
        }
        if let Some(text) = &$filter.subject {
            let text = without_nul(text).to_lowercase();
            query = query.filter(strpos(lower(audit_log::subject), text).gt(0));
        }
        query
    }};
}

fn read(
    (id, at, actor, email, action, subject, detail, ip, request_id): Row,
) -> Result<(Uuid, AuditEntry), StoreError> {
    let entry = AuditEntry {
        at: at.into(),
        actor: email.unwrap_or_else(|| Actor::label(&actor).to_owned()),
        action: word(&action)?,
        subject,
        detail,
        remote_ip: ip.map(|net| net.addr()),
        request_id,
    };
    Ok((id, entry))
}

/// The newest lines first.
pub async fn list(
    conn: &mut Connection,
    account: AccountId,
    filter: &AuditFilter,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<(Uuid, AuditEntry)>, StoreError> {
    let mut query = lines!(account, filter);
    if let Some(before) = before {
        query = query.filter(audit_log::id.lt(before));
    }
    let rows: Vec<Row> = query.order(audit_log::id.desc()).limit(limit as i64).load(conn).await?;
    rows.into_iter().map(read).collect()
}

/// The oldest lines first, after a given one: what an export reads, batch by batch.
pub async fn list_after(
    conn: &mut Connection,
    account: AccountId,
    filter: &AuditFilter,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<(Uuid, AuditEntry)>, StoreError> {
    let mut query = lines!(account, filter);
    if let Some(after) = after {
        query = query.filter(audit_log::id.gt(after));
    }
    let rows: Vec<Row> = query.order(audit_log::id.asc()).limit(limit as i64).load(conn).await?;
    rows.into_iter().map(read).collect()
}
