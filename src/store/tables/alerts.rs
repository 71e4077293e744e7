//! Alerts and their history. Who evaluates writes them all at once; people change one.

use std::collections::HashMap;

use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::alert::{Alert, LISTED_FOR, Observation};
use crate::domain::alert_facts::Facts;
use crate::domain::alert_kind::{AlertKind, AlertState};
use crate::domain::ids::{AccountId, AlertId};
use crate::random;
use crate::store::connection::columns::{Moment, time, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Lock};
use crate::store::connection::schema::{alert_changes, alerts};
use crate::store::connection::statement::statement;
use crate::store::tables::old_rows;

/// How long the history goes back, and a row is kept that nothing happened to.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The most alerts that are listed; those that fire come first.
const MAX_LISTED: i64 = 500;

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = alerts, check_for_backend(Pg))]
struct Row {
    id: Uuid,
    account_id: Uuid,
    subject_id: Uuid,
    name: String,
    state: String,
    level: i16,
    since: Moment,
    facts: Value,
    told_state: Option<String>,
    told_level: Option<i16>,
    told_at: Option<Moment>,
    acknowledged_at: Option<Moment>,
    muted_until: Option<Moment>,
}

pub(in crate::store) fn facts(value: Value) -> Result<Facts, StoreError> {
    let text = value.to_string();
    serde_json::from_value(value).map_err(|_| StoreError::Unreadable(text))
}

impl Row {
    fn alert(self) -> Result<Alert, StoreError> {
        let told = match (self.told_state, self.told_level, self.told_at) {
            (Some(state), Some(level), Some(at)) => Some((word(&state)?, level, at.into())),
            _ => None,
        };
        Ok(Alert {
            id: AlertId(self.id),
            account: AccountId(self.account_id),
            subject: self.subject_id,
            name: self.name,
            state: word(&self.state)?,
            level: self.level,
            since: self.since.into(),
            facts: facts(self.facts)?,
            told,
            acknowledged_at: time(self.acknowledged_at),
            muted_until: time(self.muted_until),
        })
    }
}

#[derive(QueryableByName)]
struct Turn {
    #[diesel(sql_type = Timestamptz)]
    steady_since: Moment,
}

/// Takes the turn to evaluate, until the transaction ends; since when that went on without a pause, and `None` where another program has
/// the turn or had it within the last minute. While events cannot be stored, it does not go on.
pub(crate) async fn take_turn(
    conn: &mut Connection,
    is_ready: bool,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let turn: Option<Turn> = statement(
        "update alert_evaluation set evaluated_at = $1, steady_since = \
             case when $2 and evaluated_at > $1 - interval '5 minutes' then steady_since else $1 end \
         where id = (select id from alert_evaluation where evaluated_at <= $1 - interval '50 seconds' for update skip locked) \
         returning steady_since",
    )
    .bind::<Timestamptz, _>(Moment(now))
    .bind::<Bool, _>(is_ready)
    .get_result(conn)
    .await
    .optional()?;
    Ok(turn.map(|turn| turn.steady_since.into()))
}

/// All that are open, whoever's, and those that are known about what is so now.
pub(crate) async fn list_known(conn: &mut Connection, seen: &[Observation]) -> Result<Vec<Alert>, StoreError> {
    let rows: Vec<Row> = statement(
        "select a.* from alerts a where state in ('pending', 'firing') or told_state = 'firing' \
         union select a.* from unnest($1, $2, $3) as seen (account_id, kind, subject_id) \
             join alerts a using (account_id, kind, subject_id)",
    )
    .bind::<Array<SqlUuid>, _>(seen.iter().map(|one| one.account.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(seen.iter().map(|one| one.facts.kind().as_str()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(seen.iter().map(|one| one.subject).collect::<Vec<_>>())
    .load(conn)
    .await?;
    // What a newer release is told of, it looks after.
    Ok(rows.into_iter().filter_map(|row| row.alert().ok()).collect())
}

fn facts_of(alert: &Alert) -> Value {
    serde_json::to_value(&alert.facts).unwrap_or_default()
}

/// Writes alerts as they are now. What people said of one meanwhile stays, but that a new state undoes an acknowledgement.
pub(crate) async fn save(conn: &mut Connection, changed: &[&Alert]) -> Result<(), StoreError> {
    let texts = |of: fn(&Alert) -> &str| changed.iter().map(|one| of(one).to_owned()).collect::<Vec<_>>();
    let told = |alert: &&Alert| alert.told;
    statement(
        "insert into alerts as known (id, account_id, kind, subject_id, name, state, level, since, facts, told_state, told_level, told_at) \
         select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         on conflict (account_id, kind, subject_id) do update set name = excluded.name, state = excluded.state, \
             level = excluded.level, since = excluded.since, facts = excluded.facts, told_state = excluded.told_state, \
             told_level = excluded.told_level, told_at = excluded.told_at, acknowledged_at = case \
             when excluded.state in ('firing', 'pending') and (excluded.since <> known.since or excluded.level > known.level) \
             then null else known.acknowledged_at end",
    )
    .bind::<Array<SqlUuid>, _>(changed.iter().map(|one| one.id.0).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(changed.iter().map(|one| one.account.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts(|one| one.kind().as_str()))
    .bind::<Array<SqlUuid>, _>(changed.iter().map(|one| one.subject).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts(|one| &one.name))
    .bind::<Array<Text>, _>(texts(|one| one.state.as_str()))
    .bind::<Array<SmallInt>, _>(changed.iter().map(|one| one.level).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(changed.iter().map(|one| Moment(one.since)).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(changed.iter().map(|one| facts_of(one)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(changed.iter().map(|one| told(one).map(|told| told.0.as_str())).collect::<Vec<_>>())
    .bind::<Array<Nullable<SmallInt>>, _>(changed.iter().map(|one| told(one).map(|told| told.1)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(
        changed.iter().map(|one| told(one).map(|told| Moment(told.2))).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds to the history.
pub(crate) async fn note_changes(conn: &mut Connection, changed: &[&Alert], now: Timestamp) -> Result<(), StoreError> {
    let texts = |of: fn(&Alert) -> &str| changed.iter().map(|one| of(one).to_owned()).collect::<Vec<_>>();
    statement(
        "insert into alert_changes (account_id, id, at, kind, subject_id, name, state, level, facts) \
         select account_id, id, $9, kind, subject_id, name, state, level, facts from unnest($1, $2, $3, $4, $5, $6, $7, $8) \
             as new (account_id, id, kind, subject_id, name, state, level, facts)",
    )
    .bind::<Array<SqlUuid>, _>(changed.iter().map(|one| one.account.0).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(changed.iter().map(|_| random::growing_uuid_at(now)).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts(|one| one.kind().as_str()))
    .bind::<Array<SqlUuid>, _>(changed.iter().map(|one| one.subject).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts(|one| &one.name))
    .bind::<Array<Text>, _>(texts(|one| one.state.as_str()))
    .bind::<Array<SmallInt>, _>(changed.iter().map(|one| one.level).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(changed.iter().map(|one| facts_of(one)).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(Moment(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// What an account has to know of, the most urgent first.
pub(crate) async fn list(conn: &mut Connection, account: AccountId, now: Timestamp) -> Result<Vec<Alert>, StoreError> {
    let listed_since = now.saturating_sub(LISTED_FOR).unwrap_or(now);
    let rows: Vec<Row> = statement(
        "select * from alerts where account_id = $1 and (state in ('pending', 'firing') or state = 'resolved' and since > $2) \
         order by state <> 'firing', state <> 'pending', level desc, since desc, id limit $3",
    )
    .bind::<SqlUuid, _>(account.0)
    .bind::<Timestamptz, _>(Moment(listed_since))
    .bind::<BigInt, _>(MAX_LISTED)
    .load(conn)
    .await?;
    Ok(rows.into_iter().filter_map(|row| row.alert().ok()).collect())
}

/// What locks an alert until its transaction ends.
pub(crate) fn lock(account: AccountId, id: AlertId) -> Lock {
    Lock(format!("select from alerts where account_id = '{account}' and id = '{id}' for update"))
}

pub(crate) async fn find(conn: &mut Connection, account: AccountId, id: AlertId) -> Result<Option<Alert>, StoreError> {
    let own = alerts::table.filter(alerts::account_id.eq(account.0)).filter(alerts::id.eq(id.0));
    own.select(Row::as_select()).first(conn).await.optional()?.map(Row::alert).transpose()
}

/// Somebody looks after it, or nobody does.
pub(crate) async fn acknowledge(conn: &mut Connection, id: AlertId, at: Option<Timestamp>) -> Result<(), StoreError> {
    diesel::update(alerts::table.find(id.0)).set(alerts::acknowledged_at.eq(at.map(Moment))).execute(conn).await?;
    Ok(())
}

/// Nothing is told of it until then.
pub(crate) async fn mute(conn: &mut Connection, id: AlertId, until: Option<Timestamp>) -> Result<(), StoreError> {
    diesel::update(alerts::table.find(id.0)).set(alerts::muted_until.eq(until.map(Moment))).execute(conn).await?;
    Ok(())
}

/// Forgets alerts that nobody wants to be told of any more: of one subject, or of all. Their history stays.
pub(crate) async fn forget(
    conn: &mut Connection,
    account: AccountId,
    kinds: &[AlertKind],
    subject: Option<Uuid>,
) -> Result<(), StoreError> {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    statement("delete from alerts where account_id = $1 and kind = any($2) and ($3 is null or subject_id = $3)")
        .bind::<SqlUuid, _>(account.0)
        .bind::<Array<Text>, _>(words)
        .bind::<Nullable<SqlUuid>, _>(subject)
        .execute(conn)
        .await?;
    Ok(())
}

/// A change of state.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) subject: Uuid,
    pub(crate) name: String,
    pub(crate) state: AlertState,
    pub(crate) facts: Facts,
}

/// The history of an account, the newest first, before a change or from the newest on.
pub(crate) async fn list_changes(
    conn: &mut Connection,
    account: AccountId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Change>, StoreError> {
    type Row = (Uuid, Moment, Uuid, String, String, Value);
    let mut query = alert_changes::table
        .filter(alert_changes::account_id.eq(account.0))
        .select((
            alert_changes::id,
            alert_changes::at,
            alert_changes::subject_id,
            alert_changes::name,
            alert_changes::state,
            alert_changes::facts,
        ))
        .order(alert_changes::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(alert_changes::id.lt(before));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    let change = |(id, at, subject, name, state, value): Row| {
        Some(Change { id, at: at.into(), subject, name, state: state.parse().ok()?, facts: facts(value).ok()? })
    };
    Ok(rows.into_iter().filter_map(change).collect())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    alerts: i64,
}

/// How many are pending and how many fire, of all accounts.
pub(crate) async fn count_open(conn: &mut Connection) -> Result<HashMap<AlertState, u64>, StoreError> {
    let rows: Vec<Count> =
        statement("select state, count(*) as alerts from alerts where state in ('pending', 'firing') group by state")
            .load(conn)
            .await?;
    rows.into_iter().map(|row| Ok((word(&row.state)?, row.alerts.unsigned_abs()))).collect()
}

/// Deletes what is too old.
pub(crate) async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let oldest = now.saturating_sub(KEPT_FOR).unwrap_or(now);
    let ended = "state in ('ok', 'resolved') and since <= $1 and told_state is distinct from 'firing'";
    let alerts = old_rows::delete(conn, "alerts", ended, oldest, old_rows::STEP).await?;
    Ok(alerts + old_rows::delete(conn, "alert_changes", "at <= $1", oldest, old_rows::STEP).await?)
}
