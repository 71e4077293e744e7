//! The audit trail: lines are added in the transaction of the act and never changed.

use diesel::pg::Pg;
use diesel::sql_types::{Nullable, Uuid as SqlUuid};
use diesel::{
    ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable,
    Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::audit::{Act, Action, Actor, AuditEntry, AuditFilter, AuditLine};
use crate::domain::audit_detail::AuditDetail;
use crate::domain::ids::AccountId;
use crate::random;
use crate::store::connection::columns::{Moment, inet, lower, strpos, without_nul, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{audit_log, users};

diesel::define_sql_function! {
    /// The address that a user had when a line was written, where it is another one now; in the migration `former_emails`.
    fn former_email(of_user: Nullable<SqlUuid>, line: SqlUuid) -> Nullable<Text>;
}

/// A line to be written.
#[derive(Insertable)]
// With its statement always the same, a connection prepares it once.
#[diesel(table_name = audit_log, check_for_backend(Pg), treat_none_as_default_value = false)]
struct NewLine<'a> {
    account_id: Uuid,
    id: Uuid,
    at: Moment,
    actor: &'a str,
    actor_user_id: Option<Uuid>,
    action: &'a str,
    subject: &'a str,
    details: Value,
    remote_ip: Option<IpNet>,
    request_id: Option<String>,
}

impl<'a> NewLine<'a> {
    fn new(account: AccountId, act: &Act, line: &AuditLine<'a>) -> Self {
        let user = match act.actor {
            Actor::User(id) => Some(id.0),
            Actor::Visitor | Actor::Operator | Actor::Sender | Actor::Program => None,
        };
        Self {
            account_id: account.0,
            id: random::growing_uuid_at(act.at),
            at: Moment(act.at),
            actor: act.actor.as_str(),
            actor_user_id: user,
            action: line.action.as_str(),
            subject: line.subject,
            details: stored(&line.detail),
            remote_ip: act.remote_ip.map(inet),
            request_id: act.request_id.map(|id| id.to_string()),
        }
    }
}

/// Writes down what `act`'s actor did.
pub(crate) async fn append(
    conn: &mut Connection,
    account: AccountId,
    act: &Act,
    line: AuditLine<'_>,
) -> Result<(), StoreError> {
    diesel::insert_into(audit_log::table).values(NewLine::new(account, act, &line)).execute(conn).await?;
    Ok(())
}

/// The same of several subjects, with a line for each.
pub(crate) async fn append_each(
    conn: &mut Connection,
    account: AccountId,
    act: &Act,
    (action, subjects): (Action, &[String]),
) -> Result<(), StoreError> {
    let lines = subjects.iter().map(|subject| NewLine::new(account, act, &AuditLine::new(action, subject)));
    diesel::insert_into(audit_log::table).values(lines.collect::<Vec<_>>()).execute(conn).await?;
    Ok(())
}

/// Details for a `jsonb` column, which refuses NUL characters.
fn stored(detail: &AuditDetail) -> Value {
    // Texts, numbers and times have a form in JSON.
    let mut value = serde_json::to_value(detail).unwrap_or_default();
    for text in value.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        if let Value::String(text) = text {
            *text = without_nul(text);
        }
    }
    value
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Pg))]
struct Line {
    id: Uuid,
    at: Moment,
    actor: String,
    #[diesel(select_expression = users::email.nullable())]
    email: Option<String>,
    #[diesel(select_expression = former_email(audit_log::actor_user_id, audit_log::id))]
    former_email: Option<String>,
    action: String,
    subject: String,
    /// Words, where a release without `details` wrote the line.
    detail: String,
    details: Option<Value>,
    remote_ip: Option<IpNet>,
    request_id: Option<String>,
}

impl TryFrom<Line> for (Uuid, AuditEntry) {
    type Error = StoreError;

    fn try_from(line: Line) -> Result<Self, StoreError> {
        let detail = match line.details {
            // A newer release may have details that this one does not know.
            Some(value) => AuditDetail::deserialize(&value).unwrap_or(AuditDetail::Words { words: value.to_string() }),
            None => AuditDetail::Words { words: line.detail },
        };
        let entry = AuditEntry {
            at: line.at.into(),
            actor: line.former_email.or(line.email).unwrap_or_else(|| Actor::label(&line.actor).to_owned()),
            action: word(&line.action)?,
            subject: line.subject,
            detail,
            remote_ip: line.remote_ip.map(|net| net.addr()),
            request_id: line.request_id,
        };
        Ok((line.id, entry))
    }
}

/// A part of the trail: the lines between two ids, without either, and in which direction they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditSpan {
    after: Uuid,
    before: Uuid,
    newest_first: bool,
}

impl AuditSpan {
    /// Newest first, from the newest or from below a line.
    pub(crate) fn newest_first(before: Option<Uuid>) -> Self {
        Self { after: Uuid::nil(), before: before.unwrap_or(Uuid::max()), newest_first: true }
    }

    /// Oldest first, from the oldest or from above a line.
    pub(crate) fn oldest_first(after: Option<Uuid>) -> Self {
        Self { after: after.unwrap_or(Uuid::nil()), before: Uuid::max(), newest_first: false }
    }

    /// As far as a line, with it.
    pub(crate) fn up_to(self, last: Uuid) -> Self {
        let last = last.as_u128();
        match self.newest_first {
            true => Self { after: Uuid::from_u128(last.saturating_sub(1)), ..self },
            false => Self { before: Uuid::from_u128(last.saturating_add(1)), ..self },
        }
    }

    /// What follows a line.
    pub(crate) fn behind(self, last: Uuid) -> Self {
        if self.newest_first { Self { before: last, ..self } } else { Self { after: last, ..self } }
    }
}

/// The first lines of a span that pass a filter, in its order.
pub(crate) async fn list(
    conn: &mut Connection,
    account: AccountId,
    filter: &AuditFilter,
    span: AuditSpan,
    limit: usize,
) -> Result<Vec<(Uuid, AuditEntry)>, StoreError> {
    let mut query = audit_log::table
        .left_join(users::table.on(users::id.nullable().eq(audit_log::actor_user_id)))
        .filter(audit_log::account_id.eq(account.0))
        .filter(audit_log::id.gt(span.after))
        .filter(audit_log::id.lt(span.before))
        .select(Line::as_select())
        .limit(limit as i64)
        .into_boxed();
    if let Some(action) = filter.action {
        query = query.filter(audit_log::action.eq(action.as_str()));
    }
    if let Some(text) = &filter.subject {
        let text = without_nul(text).to_lowercase();
        query = query.filter(strpos(lower(audit_log::subject), text).gt(0));
    }
    query = if span.newest_first { query.order(audit_log::id.desc()) } else { query.order(audit_log::id.asc()) };
    let rows: Vec<Line> = query.load(conn).await?;
    rows.into_iter().map(TryFrom::try_from).collect()
}

/// The latest lines about one subject, newest first.
pub(crate) async fn list_about(
    conn: &mut Connection,
    account: AccountId,
    subject: &str,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows: Vec<Line> = audit_log::table
        .left_join(users::table.on(users::id.nullable().eq(audit_log::actor_user_id)))
        .filter(audit_log::account_id.eq(account.0))
        .filter(audit_log::subject.eq(subject))
        .order(audit_log::id.desc())
        .limit(limit as i64)
        .select(Line::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(|line| Ok(<(Uuid, AuditEntry)>::try_from(line)?.1)).collect()
}

/// The line at a place in a span, counted from one, whether it passes a filter or not; read from the key alone.
pub(crate) async fn find_nth(
    conn: &mut Connection,
    account: AccountId,
    span: AuditSpan,
    place: u64,
) -> Result<Option<Uuid>, StoreError> {
    let mut query = audit_log::table
        .filter(audit_log::account_id.eq(account.0))
        .filter(audit_log::id.gt(span.after))
        .filter(audit_log::id.lt(span.before))
        .select(audit_log::id)
        .offset(i64::try_from(place).unwrap_or(i64::MAX) - 1)
        .into_boxed();
    query = if span.newest_first { query.order(audit_log::id.desc()) } else { query.order(audit_log::id.asc()) };
    Ok(query.first(conn).await.optional()?)
}
