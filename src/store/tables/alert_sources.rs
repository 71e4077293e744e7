//! What is so now and worth an alert, of all accounts at once. No statement reads events: counts, times of use and refusals say it all.

use diesel::QueryableByName;
use diesel::sql_types::{Integer, Jsonb, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::active_hours::ActiveHours;
use crate::domain::alert::Observation;
use crate::domain::ids::AccountId;
use crate::store::connection::columns::Moment;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::statement::statement;
use crate::store::tables::alerts::facts;

/// The newest password of a credential has an end that is near. Of one that was replaced, the next statement tells.
const PASSWORDS: &str = "select c.account_id, c.id as subject_id, c.name, \
         jsonb_build_object('kind', 'password_expiring', 'hint', s.hint, 'made_at', s.created_at, 'ends_at', s.expires_at) as facts \
     from credential_secrets s join credentials c on c.id = s.credential_id join accounts a on a.id = c.account_id \
     where s.slot is not null and s.kind = 'password' and s.expires_at > $1 and s.expires_at <= $1 + interval '14 days' \
     and s.revoked_at is null and c.revoked_at is null and c.disabled_at is null and a.plan = 'pro' \
     and not exists (select from credential_secrets n where n.credential_id = s.credential_id and n.kind = 'password' \
         and (n.created_at, n.id) > (s.created_at, s.id))";

/// A password that was replaced has been used since the new one has, or since the change.
const OLD_PASSWORDS: &str = "select c.account_id, c.id as subject_id, c.name, \
         jsonb_build_object('kind', 'old_password_used', 'hint', s.hint, 'replaced_at', n.created_at, 'ends_at', s.expires_at, \
             'last_used_at', s.last_used_at, 'from', host(s.last_used_ip)) as facts \
     from credential_secrets s join credentials c on c.id = s.credential_id join accounts a on a.id = c.account_id \
     cross join lateral (select created_at, first_used_at from credential_secrets n where n.credential_id = s.credential_id \
         and n.kind = 'password' and (n.created_at, n.id) > (s.created_at, s.id) order by created_at desc, id desc limit 1) n \
     where s.slot is not null and s.kind = 'password' and s.overlap is not null and s.expires_at > $1 and s.revoked_at is null \
     and c.revoked_at is null and c.disabled_at is null and a.plan = 'pro' \
     and s.last_used_at >= coalesce(n.first_used_at, n.created_at)";

const TOKENS: &str = "select t.account_id, t.id as subject_id, t.name, \
         jsonb_build_object('kind', 'token_expiring', 'made_at', t.created_at, 'ends_at', t.expires_at) as facts \
     from api_tokens t where t.revoked_at is null and t.expires_at > $1 and t.expires_at <= $1 + interval '14 days'";

/// Goes from credential to credential along the index; of each that has late events, these are counted there.
const LATE_EVENTS: &str = "with recursive held as ( \
         (select account_id, credential_id from held_events order by account_id, credential_id limit 1) \
         union all \
         select n.account_id, n.credential_id from held h cross join lateral (select account_id, credential_id from held_events e \
             where (e.account_id, e.credential_id) > (h.account_id, h.credential_id) order by account_id, credential_id limit 1) n) \
     select c.account_id, c.id as subject_id, c.name, \
         jsonb_build_object('kind', 'late_events', 'events', n.events, 'first_at', n.first_at) as facts \
     from held h join credentials c on c.id = h.credential_id and c.revoked_at is null \
     cross join lateral (select count(*) as events, min(received_at) as first_at from held_events e where e.account_id = h.account_id \
         and e.credential_id = h.credential_id and e.received_at > $1 - interval '7 days') n where n.events > 0";

/// Requests that were refused within 15 minutes. Guesses do not count: passwords that are wrong count from addresses alone that events were
/// accepted from; nor do those that are held, which the statement above tells of. The ids of rejections begin with their time.
const REFUSALS: &str = "select c.account_id, c.id as subject_id, c.name, jsonb_build_object('kind', 'refusals', 'refused', r.refused, \
         'reason', r.reason, 'from', host(r.remote_ip), 'last_at', r.last_at) as facts \
     from accounts a cross join lateral (select credential_id, sum(count) as refused, max(second) as last_at, \
             (array_agg(reason order by second desc))[1] as reason, (array_agg(remote_ip order by second desc))[1] as remote_ip \
         from rejections r where r.account_id = a.id \
         and r.id >= (lpad(to_hex((extract(epoch from $1 - interval '15 minutes') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid \
         and (r.reason not in ('wrong_password', 'malformed_credentials') or exists (select from senders s \
             where s.account_id = r.account_id and s.credential_id = r.credential_id and s.remote_ip = r.remote_ip)) \
         group by credential_id having sum(count) >= 5) r \
     join credentials c on c.account_id = a.id and c.id = r.credential_id \
     where c.revoked_at is null and c.disabled_at is null and a.plan = 'pro' \
     and (r.reason <> 'expired_password' or not c.holds_late_events) \
     and exists (select from senders s where s.account_id = a.id and s.credential_id = c.id)";

/// Of accounts that want to know. A date column says when each password was last used.
const UNUSED: &str = "select c.account_id, c.id as subject_id, c.name, \
         jsonb_build_object('kind', 'unused', 'last_used_at', u.last_used_at) as facts \
     from alert_settings s join accounts a on a.id = s.account_id join credentials c on c.account_id = s.account_id \
     cross join lateral (select max(last_used_at) as last_used_at from credential_secrets p where p.credential_id = c.id) u \
     where 'unused' = any(string_to_array(s.kinds, ' ')) and a.plan = 'pro' and c.revoked_at is null and c.disabled_at is null \
     and coalesce(u.last_used_at, c.created_at) <= $1 - interval '90 days'";

/// Rules about rejections whose number and share are reached. Accepted events are counted by the half hour, the oldest whole.
const REJECTIONS: &str = "select r.account_id, r.subject_id, coalesce(c.name, '') as name, jsonb_build_object('kind', 'rejections', \
         'rejected', n.rejected, 'accepted', e.accepted, 'minutes', r.minutes) as facts \
     from alert_rules r join accounts a on a.id = r.account_id \
     left join credentials c on c.account_id = r.account_id and c.id = r.subject_id \
     cross join lateral (select coalesce(sum(count), 0)::bigint as rejected from rejections j where j.account_id = r.account_id \
         and j.id >= (lpad(to_hex((extract(epoch from $1 - make_interval(mins => r.minutes)) * 1000)::bigint), 12, '0') \
             || repeat('0', 20))::uuid and (r.subject_id = r.account_id or j.credential_id = r.subject_id)) n \
     cross join lateral (select coalesce(sum(accepted), 0)::bigint as accepted from event_counts e where r.percent > 0 \
         and e.account_id = r.account_id and (r.subject_id = r.account_id or e.credential_id = r.subject_id) \
         and e.half_hour > $1 - make_interval(mins => r.minutes + 30)) e \
     where r.kind = 'rejections' and a.plan = 'pro' and c.revoked_at is null and n.rejected >= r.at_least \
     and n.rejected * 100 >= r.percent * (n.rejected + e.accepted)";

/// Rules about consumers that something waits for: an event of theirs was accepted after what they have read.
const CONSUMERS: &str = "select r.account_id, r.subject_id, c.name, r.minutes, jsonb_build_object('kind', 'consumer_behind', \
         'position_at', case when p.at > to_timestamp(0) then p.at end, 'newest_at', n.newest_at) as facts \
     from alert_rules r join consumers c on c.account_id = r.account_id and c.id = r.subject_id \
     cross join lateral (select to_timestamp(('x' || lpad(left(replace(c.position, '-', ''), 12), 16, '0'))::bit(64)::bigint \
         / 1000.0) as at) p \
     cross join lateral (select max(last_seen_at) as newest_at from senders s where s.account_id = r.account_id \
         and (c.credentials = '' or s.credential_id::text = any(string_to_array(c.credentials, ' ')))) n \
     where r.kind = 'consumer_behind' and n.newest_at > p.at + interval '5 seconds'";

/// Rules about silence whose time is over by the clock. Whether it is by the hours that they name is for the caller. When an address was
/// last seen is a minute late at most, so that much more has to pass.
const SILENCES: &str = "with silent as materialized (select * from alert_rules r where kind = 'silence' \
         and created_at <= $1 - make_interval(mins => minutes + 1) and case when subject_id = account_id \
         then not exists (select from senders s where s.account_id = r.account_id \
             and s.last_seen_at > $1 - make_interval(mins => r.minutes + 1)) \
         else not exists (select from senders s where s.account_id = r.account_id and s.credential_id = r.subject_id \
             and s.last_seen_at > $1 - make_interval(mins => r.minutes + 1)) end) \
     select r.account_id, r.subject_id, coalesce(c.name, '') as name, r.minutes, r.weekdays, r.from_minute, r.to_minute, r.zone, \
         greatest(n.last_at, r.created_at) as counted_from, \
         jsonb_build_object('kind', 'silence', 'minutes', r.minutes, 'last_event_at', n.last_at) as facts \
     from silent r join accounts a on a.id = r.account_id left join credentials c on c.account_id = r.account_id and c.id = r.subject_id \
     cross join lateral (select greatest( \
         (select max(last_seen_at) from senders s where s.account_id = r.account_id and s.credential_id = r.subject_id), \
         (select max(last_seen_at) from senders s where s.account_id = r.account_id and r.subject_id = r.account_id)) as last_at) n \
     where a.plan = 'pro' and c.revoked_at is null and c.disabled_at is null";

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Jsonb)]
    facts: Value,
}

impl Seen {
    fn observation(self, hold: SignedDuration) -> Result<Observation, StoreError> {
        let (account, subject, name) = (AccountId(self.account_id), self.subject_id, self.name);
        Ok(Observation { account, subject, name, facts: facts(self.facts)?, hold })
    }
}

#[derive(QueryableByName)]
struct Behind {
    #[diesel(embed)]
    seen: Seen,
    #[diesel(sql_type = Integer)]
    minutes: i32,
}

#[derive(QueryableByName)]
struct Silent {
    #[diesel(embed)]
    seen: Seen,
    #[diesel(sql_type = Integer)]
    minutes: i32,
    #[diesel(sql_type = SmallInt)]
    weekdays: i16,
    #[diesel(sql_type = SmallInt)]
    from_minute: i16,
    #[diesel(sql_type = SmallInt)]
    to_minute: i16,
    #[diesel(sql_type = Text)]
    zone: String,
    #[diesel(sql_type = Timestamptz)]
    counted_from: Moment,
}

impl Silent {
    /// Whether it was silent for long enough, within its hours and while events could have come.
    fn is_long(&self, steady_since: Timestamp, now: Timestamp) -> bool {
        let zone = TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC);
        let weekdays = u8::try_from(self.weekdays).unwrap_or(127);
        let hours = ActiveHours { weekdays, from: self.from_minute, to: self.to_minute, zone };
        let counted_from = self.counted_from.0.max(steady_since);
        hours.within(counted_from, now) >= SignedDuration::from_mins(i64::from(self.minutes) + 1)
    }
}

/// Looks at everything. Silence counts from `steady_since` on at the earliest: before, it may have been our own.
pub(crate) async fn observe(
    conn: &mut Connection,
    steady_since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Observation>, StoreError> {
    // Compiling a statement that is estimated to be long takes longer than all of them.
    statement("select set_config('jit', 'off', true)").execute(conn).await?;
    let mut all = Vec::new();
    for text in [PASSWORDS, OLD_PASSWORDS, TOKENS, LATE_EVENTS, REFUSALS, UNUSED, REJECTIONS] {
        let rows: Vec<Seen> = statement(text).bind::<Timestamptz, _>(Moment(now)).load(conn).await?;
        for row in rows {
            all.push(row.observation(SignedDuration::ZERO)?);
        }
    }
    let behind: Vec<Behind> = statement(CONSUMERS).load(conn).await?;
    for Behind { seen, minutes } in behind {
        all.push(seen.observation(SignedDuration::from_mins(i64::from(minutes)))?);
    }
    let silences: Vec<Silent> = statement(SILENCES).bind::<Timestamptz, _>(Moment(now)).load(conn).await?;
    for silent in silences.into_iter().filter(|silent| silent.is_long(steady_since, now)) {
        all.push(silent.seen.observation(SignedDuration::ZERO)?);
    }
    // Of what has levels, the first may be ahead.
    all.retain(|one: &Observation| one.facts.level(now).is_some());
    Ok(all)
}
