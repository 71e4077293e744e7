//! Refused requests: rolled up by the second, credential and reason, so that a flood is a few rows.

use std::net::IpAddr;

use diesel::dsl::{max, min, sql, sum};
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Nullable, Text};
use diesel::upsert::excluded;
use diesel::{
    AppearsOnTable, BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension,
    PgNetExpressionMethods, QueryDsl, QueryResult, Queryable, Selectable, SelectableExpression, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp, Unit};
use uuid::Uuid;

use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::listing::{EventFilter, Page};
use crate::domain::query::ast::{Expression, Query, SourceCondition, SourcePart, Term};
use crate::domain::rejection::{NewRejection, Reason, Rejection};
use crate::domain::rejection_group::{RejectionFilter, RejectionGroup, Repeats};
use crate::store::connection::columns::{Moment, host, inet, lower, strpos, time, without_nul, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{credentials, rejections};
use crate::store::tables::old_rows;

/// What is told of two rejections that are one row: the lines of both, as long as there are few.
const BOTH_DETAILS: &str = "case when rejections.detail is null then excluded.detail \
     when excluded.detail is null or strpos(rejections.detail, excluded.detail) > 0 \
     or length(rejections.detail) - length(replace(rejections.detail, E'\\n', '')) >= 4 then rejections.detail \
     else rejections.detail || E'\\n' || excluded.detail end";

/// Inserts a rejection, or adds it to the one of the same second. `id` is a UUIDv7 of its time.
pub(crate) async fn insert(
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
        .set((
            rejections::count.eq(rejections::count + excluded(rejections::count)),
            rejections::detail.eq(sql::<Nullable<Text>>(BOTH_DETAILS)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Where refused requests came from, if that is all that a text asks for. An address alone is one.
fn sources(text: &str) -> Vec<SourceCondition> {
    if text.parse::<IpAddr>().is_ok() {
        return vec![SourceCondition { part: SourcePart::Ip, text: text.to_owned() }];
    }
    let Ok(Some(query)) = Query::parse(text) else { return Vec::new() };
    let parts = match query.root {
        Expression::All(parts) => parts,
        other => vec![other],
    };
    let source = |part: Expression| match part {
        Expression::Term(Term::Source(source)) => Some(source),
        _ => None,
    };
    parts.into_iter().map(source).collect::<Option<_>>().unwrap_or_default()
}

/// The rejections of an account that pass a filter, after what `$shape` makes of the query.
macro_rules! filtered {
    ($account:expr, $filter:expr $(, $shape:ident($($argument:tt)*))*) => {{
        let mut query = rejections::table
            .inner_join(credentials::table.on(credentials::id.eq(rejections::credential_id)))
            .filter(rejections::account_id.eq($account.0))
            $(.$shape($($argument)*))*
            .into_boxed();
        let RejectionFilter { events, text, reason } = $filter;
        if let Some(reason) = reason {
            query = query.filter(rejections::reason.eq(reason.as_str()));
        }
        if let Some(credential) = events.credential {
            query = query.filter(rejections::credential_id.eq(credential.0));
        }
        if !events.within.is_empty() {
            let within: Vec<Uuid> = events.within.iter().map(|id| id.0).collect();
            query = query.filter(rejections::credential_id.eq_any(within));
        }
        if let Some(since) = events.since {
            query = query.filter(rejections::second.ge(Moment(since)));
        }
        if let Some(until) = events.until {
            query = query.filter(rejections::second.lt(Moment(until)));
        }
        if let Some(text) = text {
            let is_in = |text: &str| without_nul(text).to_lowercase();
            for source in sources(text) {
                let sought = is_in(&source.text);
                query = match (source.part, source.text.parse::<IpAddr>(), source.text.parse::<IpNet>()) {
                    // An address is that one, and not those that begin like it.
                    (SourcePart::Ip, Ok(ip), _) => query.filter(rejections::remote_ip.eq(inet(ip))),
                    (SourcePart::Ip, _, Ok(network)) => {
                        query.filter(rejections::remote_ip.is_contained_by_or_eq(network.trunc()))
                    }
                    (SourcePart::Ip, ..) => query.filter(strpos(host(rejections::remote_ip), sought).eq(1)),
                    (SourcePart::Agent, ..) => {
                        query.filter(strpos(lower(rejections::user_agent.assume_not_null()), sought).gt(0))
                    }
                    (SourcePart::Credential, ..) => query.filter(
                        strpos(lower(credentials::name), sought.clone())
                            .gt(0)
                            .or(strpos(credentials::username, sought).gt(0)),
                    ),
                };
            }
            if sources(text).is_empty() {
                let reasons = Reason::ALL.iter().filter(|reason| reason.mentions(text));
                let told = rejections::reason.eq_any(reasons.map(|reason| reason.as_str()).collect::<Vec<_>>());
                let text = is_in(text);
                query = query.filter(
                    told.or(strpos(host(rejections::remote_ip), text.clone()).gt(0))
                        .or(strpos(lower(credentials::name), text.clone()).gt(0))
                        .or(strpos(credentials::username, text.clone()).gt(0))
                        .or(rejections::detail.is_not_null().and(strpos(lower(rejections::detail.assume_not_null()), text.clone()).gt(0)))
                        .or(rejections::user_agent.is_not_null().and(strpos(lower(rejections::user_agent.assume_not_null()), text.clone()).gt(0))),
                );
            }
        }
        query
    }};
}

/// A rejection as it lies in the tables.
#[derive(Queryable, Selectable)]
#[diesel(table_name = rejections, check_for_backend(Pg))]
struct Row {
    id: Uuid,
    credential_id: Uuid,
    #[diesel(select_expression = (credentials::name, credentials::username))]
    credential: (String, String),
    reason: String,
    hint: Option<String>,
    detail: Option<String>,
    remote_ip: IpNet,
    user_agent: Option<String>,
    size_bytes: Option<i64>,
    count: i32,
    second: Moment,
}

impl TryFrom<Row> for Rejection {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let (credential_name, username) = row.credential;
        Ok(Rejection {
            id: row.id,
            at: row.second.into(),
            credential_id: CredentialId(row.credential_id),
            credential_name,
            username,
            reason: word(&row.reason)?,
            hint: row.hint,
            detail: row.detail,
            remote_ip: row.remote_ip.addr(),
            user_agent: row.user_agent,
            size_bytes: row.size_bytes.map(i64::unsigned_abs),
            count: row.count.unsigned_abs(),
        })
    }
}

/// One page, newest first, before a given one.
pub(crate) async fn list(
    conn: &mut Connection,
    account: AccountId,
    filter: RejectionFilter<'_>,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Page<Rejection>, StoreError> {
    let mut query = filtered!(account, filter);
    if let Some(before) = before {
        query = query.filter(rejections::id.lt(before));
    }
    let rows: Vec<Row> =
        query.order(rejections::id.desc()).select(Row::as_select()).limit(limit as i64 + 1).load(conn).await?;
    let has_older = rows.len() > limit;
    let rows = rows.into_iter().take(limit).map(Rejection::try_from).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Page { rows, has_newer: before.is_some(), has_older, stopped_at: None })
}

/// What the newest of a group says in a column. Its statements stay prepared, as those with SQL that is written out do not.
#[derive(Clone, Copy, Debug, QueryId)]
struct Newest<C>(C);

impl<C: diesel::Expression> diesel::Expression for Newest<C> {
    type SqlType = C::SqlType;
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for Newest<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(array_agg(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" order by rejections.id desc))[1]");
        Ok(())
    }
}

impl<C, From> AppearsOnTable<From> for Newest<C> where C: AppearsOnTable<From> {}
impl<C, From> SelectableExpression<From> for Newest<C> where C: SelectableExpression<From> {}
impl<C, By> ValidGrouping<By> for Newest<C> {
    type IsAggregate = is_aggregate::Yes;
}

/// One page of causes, those with the newest repeat first: of which the newest repeat is before a given one. Each has all its repeats.
pub(crate) async fn list_causes(
    conn: &mut Connection,
    account: AccountId,
    filter: RejectionFilter<'_>,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Page<Repeats>, StoreError> {
    let by = (
        rejections::credential_id,
        rejections::reason,
        rejections::remote_ip,
        rejections::hint,
        credentials::name,
        credentials::username,
    );
    let found = (
        Newest(rejections::id),
        by,
        (sum(rejections::count), min(rejections::second), max(rejections::second)),
        Newest(rejections::detail),
        Newest(rejections::user_agent),
        Newest(rejections::size_bytes),
    );
    let mut query = filtered!(account, filter, group_by(by), select(found));
    if let Some(before) = before {
        query = query.having(Newest(rejections::id).lt(before));
    }
    let newest_first = query.order(Newest(rejections::id).desc());
    let rows: Vec<Cause> = newest_first.limit(limit as i64 + 1).load(conn).await?;
    let has_older = rows.len() > limit;
    let rows = rows.into_iter().take(limit).map(Repeats::try_from).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Page { rows, has_newer: before.is_some(), has_older, stopped_at: None })
}

/// Repeats of one cause, with what the newest of them says.
#[derive(Queryable)]
struct Cause {
    newest_id: Uuid,
    by: (Uuid, String, IpNet, Option<String>, String, String),
    all: (Option<i64>, Option<Moment>, Option<Moment>),
    detail: Option<String>,
    user_agent: Option<String>,
    size_bytes: Option<i64>,
}

impl TryFrom<Cause> for Repeats {
    type Error = StoreError;

    fn try_from(row: Cause) -> Result<Self, StoreError> {
        let (credential_id, reason, remote_ip, hint, credential_name, username) = row.by;
        let (count, first, last) = row.all;
        let newest = Rejection {
            id: row.newest_id,
            at: time(last).unwrap_or_default(),
            credential_id: CredentialId(credential_id),
            credential_name,
            username,
            reason: word(&reason)?,
            hint,
            detail: row.detail,
            remote_ip: remote_ip.addr(),
            user_agent: row.user_agent,
            size_bytes: row.size_bytes.map(i64::unsigned_abs),
            count: 1,
        };
        Ok(Repeats { newest, count: count.unwrap_or(0).unsigned_abs(), first_at: time(first).unwrap_or_default() })
    }
}

/// Those after a given one, oldest first.
pub(crate) async fn list_oldest_first(
    conn: &mut Connection,
    account: AccountId,
    filter: RejectionFilter<'_>,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Rejection>, StoreError> {
    let query = filtered!(account, filter).filter(rejections::id.gt(after.unwrap_or_default()));
    let rows: Vec<Row> =
        query.order(rejections::id.asc()).select(Row::as_select()).limit(limit as i64).load(conn).await?;
    rows.into_iter().map(Rejection::try_from).collect()
}

/// One of an account's.
pub(crate) async fn find(conn: &mut Connection, account: AccountId, id: Uuid) -> Result<Option<Rejection>, StoreError> {
    let everything = EventFilter::default();
    let query = filtered!(account, RejectionFilter::of(&everything)).filter(rejections::id.eq(id));
    let row: Option<Row> = query.select(Row::as_select()).first(conn).await.optional()?;
    row.map(Rejection::try_from).transpose()
}

/// What was refused by address, credential and reason, at most so many of these, those heard of last first. Repeats within a
/// second are counted for the first address of that second.
pub(crate) async fn group_by_address(
    conn: &mut Connection,
    account: AccountId,
    filter: RejectionFilter<'_>,
    limit: usize,
) -> Result<Vec<RejectionGroup>, StoreError> {
    type Row = (Uuid, IpNet, String, String, String, Option<i64>, Option<Moment>, Option<Moment>);
    let by = (
        rejections::credential_id,
        rejections::remote_ip,
        credentials::name,
        credentials::username,
        rejections::reason,
    );
    let found = (
        rejections::credential_id,
        rejections::remote_ip,
        credentials::name,
        credentials::username,
        rejections::reason,
        sum(rejections::count),
        min(rejections::second),
        max(rejections::second),
    );
    let query = filtered!(account, filter, group_by(by), select(found));
    let rows: Vec<Row> = query.order(max(rejections::second).desc()).limit(limit as i64).load(conn).await?;
    let read = |(id, ip, credential_name, username, reason, count, first, last): Row| {
        let count = count.unwrap_or(0).unsigned_abs();
        let at = |moment: Option<Moment>| time(moment).unwrap_or_default();
        let (remote_ip, reasons) = (ip.addr(), vec![(word(&reason)?, count)]);
        let (first_at, last_at) = (at(first), at(last));
        let credential_id = CredentialId(id);
        Ok(RejectionGroup { credential_id, remote_ip, credential_name, username, reasons, count, first_at, last_at })
    };
    rows.into_iter().map(read).collect()
}

/// How many requests of each credential were refused, by reason.
pub(crate) async fn count_by_reason(
    conn: &mut Connection,
    account: AccountId,
    filter: RejectionFilter<'_>,
) -> Result<Vec<(CredentialId, Reason, u64)>, StoreError> {
    let by = (rejections::credential_id, rejections::reason);
    let found = (rejections::credential_id, rejections::reason, sum(rejections::count));
    let rows: Vec<(Uuid, String, Option<i64>)> =
        filtered!(account, filter, group_by(by), select(found)).load(conn).await?;
    let read = |(id, reason, count): (Uuid, String, Option<i64>)| {
        Ok((CredentialId(id), word(&reason)?, count.unwrap_or(0).unsigned_abs()))
    };
    rows.into_iter().map(read).collect()
}

/// How many requests were refused in each second from a moment on.
pub(crate) async fn count_by_second(
    conn: &mut Connection,
    account: AccountId,
    filter: RejectionFilter<'_>,
    since: Timestamp,
) -> Result<Vec<(Timestamp, u64)>, StoreError> {
    let found = (rejections::second, sum(rejections::count));
    let query = filtered!(account, filter, group_by(rejections::second), select(found));
    let rows: Vec<(Moment, Option<i64>)> = query.filter(rejections::second.ge(Moment(since))).load(conn).await?;
    Ok(rows.into_iter().map(|(second, count)| (second.into(), count.unwrap_or(0).unsigned_abs())).collect())
}

/// What is beyond the newest 20,000 of an account, of those accounts that were refused something since `$1`: others have no more than
/// they had. How many there were, the counts go on to say.
const SURPLUS: &str = "delete from rejections where ctid = any(array(select surplus.ctid from accounts a cross join lateral \
     (select r.ctid from rejections r where r.account_id = a.id order by r.id desc offset 20000 limit $2) as surplus \
     where exists (select from event_counts c where c.account_id = a.id and c.half_hour >= $1 and c.rejected > 0) limit $2))";
/// Half hours are counted for longer than this, and rounds of upkeep are less apart.
const LATELY: SignedDuration = SignedDuration::from_hours(48);

/// Removes what is older than events are kept, and what an account has too many of.
pub(crate) async fn prune(conn: &mut Connection, oldest_kept: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
    let old = old_rows::delete(conn, "rejections", "second < $1", oldest_kept, old_rows::STEP).await?;
    let lately = now.saturating_sub(LATELY).unwrap_or(now);
    Ok(old + old_rows::execute(conn, SURPLUS, lately, old_rows::STEP).await?)
}
