//! What accounts want to be told of: rules, and what is chosen of the rest.

use std::collections::HashMap;

use diesel::sql_types::{Array, Bool, Integer, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::domain::active_hours::ActiveHours;
use crate::domain::alert_kind::AlertKind;
use crate::domain::alert_rule::AlertRule;
use crate::domain::ids::{AccountId, UserId};
use crate::store::connection::columns::{Moment, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{alert_rules, alert_settings};
use crate::store::connection::statement::statement;

/// What an account has chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlertSettings {
    /// The kinds without rules that it is told of.
    pub(crate) kinds: Vec<AlertKind>,
    /// Whether by mail.
    pub(crate) mails: bool,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self { kinds: AlertKind::DEFAULT.to_vec(), mails: true }
    }
}

impl AlertSettings {
    pub(crate) fn has(&self, kind: AlertKind) -> bool {
        kind.has_rules() || self.kinds.contains(&kind)
    }
}

/// A newer release may know kinds that this one does not.
fn settings(kinds: &str, mails: bool) -> AlertSettings {
    AlertSettings { kinds: kinds.split_ascii_whitespace().filter_map(|kind| kind.parse().ok()).collect(), mails }
}

/// What each account has chosen that has chosen anything.
pub(crate) async fn list_settings(conn: &mut Connection) -> Result<HashMap<AccountId, AlertSettings>, StoreError> {
    let rows: Vec<(Uuid, String, bool)> = alert_settings::table.load(conn).await?;
    Ok(rows.into_iter().map(|(account, kinds, mails)| (AccountId(account), settings(&kinds, mails))).collect())
}

pub(crate) async fn find_settings(conn: &mut Connection, account: AccountId) -> Result<AlertSettings, StoreError> {
    let chosen = alert_settings::table.find(account.0).select((alert_settings::kinds, alert_settings::mails));
    let row: Option<(String, bool)> = chosen.first(conn).await.optional()?;
    Ok(row.map_or_else(AlertSettings::default, |(kinds, mails)| settings(&kinds, mails)))
}

pub(crate) async fn save_settings(
    conn: &mut Connection,
    account: AccountId,
    chosen: &AlertSettings,
) -> Result<(), StoreError> {
    let kinds: Vec<&str> = chosen.kinds.iter().map(|kind| kind.as_str()).collect();
    let row = (alert_settings::kinds.eq(kinds.join(" ")), alert_settings::mails.eq(chosen.mails));
    diesel::insert_into(alert_settings::table)
        .values((alert_settings::account_id.eq(account.0), row.clone()))
        .on_conflict(alert_settings::account_id)
        .do_update()
        .set(row)
        .execute(conn)
        .await?;
    Ok(())
}

/// Somebody whom mails about alerts go to, and how many of these their account got within the last hour.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
    pub(crate) address: String,
    pub(crate) mails_in_hour: i64,
}

#[derive(QueryableByName)]
struct ReaderRow {
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    mails_in_hour: i64,
}

/// The users of accounts whose address is confirmed; nobody where no program sends mail.
pub(crate) async fn list_readers(
    conn: &mut Connection,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<Vec<Reader>, StoreError> {
    let rows: Vec<ReaderRow> = statement(
        "select u.account_id, u.id, u.email, (select count(*) from outgoing_mails m where m.account_id = u.account_id \
             and m.kind = 'alerts' and m.created_at > $2 - interval '1 hour') as mails_in_hour \
         from users u where u.account_id = any($1) and u.email = u.confirmed_email and (select sends_mail from installation)",
    )
    .bind::<Array<SqlUuid>, _>(accounts.iter().map(|account| account.0).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(Moment(now))
    .load(conn)
    .await?;
    let reader = |ReaderRow { account_id, id, email, mails_in_hour }| Reader {
        account: AccountId(account_id),
        user: UserId(id),
        address: email,
        mails_in_hour,
    };
    Ok(rows.into_iter().map(reader).collect())
}

/// A rule, and the name of what it is about; none where that is the account.
#[derive(Clone, Debug)]
pub(crate) struct NamedRule {
    pub(crate) rule: AlertRule,
    pub(crate) name: Option<String>,
}

#[derive(QueryableByName)]
struct RuleRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Integer)]
    minutes: i32,
    #[diesel(sql_type = Integer)]
    at_least: i32,
    #[diesel(sql_type = SmallInt)]
    percent: i16,
    #[diesel(sql_type = SmallInt)]
    weekdays: i16,
    #[diesel(sql_type = SmallInt)]
    from_minute: i16,
    #[diesel(sql_type = SmallInt)]
    to_minute: i16,
    #[diesel(sql_type = Text)]
    zone: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: Moment,
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    name: Option<String>,
}

impl RuleRow {
    fn named(self) -> Result<NamedRule, StoreError> {
        let hours = ActiveHours {
            weekdays: u8::try_from(self.weekdays).unwrap_or(127),
            from: self.from_minute,
            to: self.to_minute,
            zone: TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC),
        };
        let rule = AlertRule {
            id: self.id,
            kind: word(&self.kind)?,
            subject: self.subject_id,
            minutes: self.minutes.unsigned_abs(),
            at_least: self.at_least.unsigned_abs(),
            percent: u8::try_from(self.percent).unwrap_or(100),
            hours,
            created_at: self.created_at.into(),
        };
        Ok(NamedRule { rule, name: self.name })
    }
}

/// The rules of an account, by what they are about. Those about what is gone are not among them.
pub(crate) async fn list(conn: &mut Connection, account: AccountId) -> Result<Vec<NamedRule>, StoreError> {
    let rows: Vec<RuleRow> = statement(
        "select r.*, coalesce(c.name, o.name) as name from alert_rules r \
         left join credentials c on c.account_id = r.account_id and c.id = r.subject_id and c.revoked_at is null \
         left join consumers o on o.account_id = r.account_id and o.id = r.subject_id \
         where r.account_id = $1 and (c.id is not null or o.id is not null or r.subject_id = r.account_id) \
         order by r.kind, name nulls first, r.id",
    )
    .bind::<SqlUuid, _>(account.0)
    .load(conn)
    .await?;
    rows.into_iter().map(RuleRow::named).collect()
}

/// Makes a rule, or changes the one that there is of this kind and subject. A form that is sent twice makes one.
pub(crate) async fn save(conn: &mut Connection, account: AccountId, rule: &AlertRule) -> Result<(), StoreError> {
    let hours = &rule.hours;
    let row = (
        alert_rules::minutes.eq(i32::try_from(rule.minutes).unwrap_or(i32::MAX)),
        alert_rules::at_least.eq(i32::try_from(rule.at_least).unwrap_or(i32::MAX)),
        alert_rules::percent.eq(i16::from(rule.percent)),
        alert_rules::weekdays.eq(i16::from(hours.weekdays)),
        alert_rules::from_minute.eq(hours.from),
        alert_rules::to_minute.eq(hours.to),
        alert_rules::zone.eq(hours.zone.iana_name().unwrap_or("UTC")),
        alert_rules::created_at.eq(Moment(rule.created_at)),
    );
    let ids = (
        alert_rules::id.eq(rule.id),
        alert_rules::account_id.eq(account.0),
        alert_rules::kind.eq(rule.kind.as_str()),
        alert_rules::subject_id.eq(rule.subject),
    );
    diesel::insert_into(alert_rules::table)
        .values((ids, row))
        .on_conflict((alert_rules::account_id, alert_rules::kind, alert_rules::subject_id))
        .do_update()
        .set(row)
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn count(conn: &mut Connection, account: AccountId) -> Result<u64, StoreError> {
    let count: i64 = alert_rules::table.filter(alert_rules::account_id.eq(account.0)).count().get_result(conn).await?;
    Ok(count.unsigned_abs())
}

/// Deletes a rule; its kind and what it was about, or `None` where there is none of this account.
pub(crate) async fn delete(
    conn: &mut Connection,
    account: AccountId,
    id: Uuid,
) -> Result<Option<(AlertKind, Uuid)>, StoreError> {
    let own = alert_rules::table.filter(alert_rules::account_id.eq(account.0)).filter(alert_rules::id.eq(id));
    let gone = diesel::delete(own).returning((alert_rules::kind, alert_rules::subject_id));
    let row: Option<(String, Uuid)> = gone.get_result(conn).await.optional()?;
    row.map(|(kind, subject)| Ok((word(&kind)?, subject))).transpose()
}

/// Whether a rule can be about something: a credential or a consumer of the account, or the account.
pub(crate) async fn has_subject(
    conn: &mut Connection,
    account: AccountId,
    (kind, subject): (AlertKind, Uuid),
) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Has {
        #[diesel(sql_type = Bool)]
        has: bool,
    }
    let has: Has = statement(
        "select case when $2 then exists (select from consumers where account_id = $1 and id = $3) \
         else $1 = $3 or exists (select from credentials where account_id = $1 and id = $3 and revoked_at is null) end as has",
    )
    .bind::<SqlUuid, _>(account.0)
    .bind::<Bool, _>(kind == AlertKind::ConsumerBehind)
    .bind::<SqlUuid, _>(subject)
    .get_result(conn)
    .await?;
    Ok(has.has)
}
