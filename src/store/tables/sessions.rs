//! Sessions of browsers, found by the SHA-256 of the key in the cookie. A session ends at its absolute end, when it has been
//! idle for too long, or when somebody ends it.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use diesel::sql_types::{Binary, Inet, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::account_limits::MAX_SESSIONS;
use crate::domain::ids::{SessionId, UserId};
use crate::store::connection::columns::{Moment, inet};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::{sessions, users};
use crate::store::connection::statement::statement;
use crate::store::tables::old_rows;

/// A session that nobody used for this long is over.
pub(crate) const MAX_IDLE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// "Last seen" is not written more often than this.
const SEEN_RESOLUTION: SignedDuration = SignedDuration::from_secs(60);

/// What is kept of a session.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) key_hash: [u8; 32],
    pub(crate) id: SessionId,
    /// Who is signed in, and when the password for that was given.
    pub(crate) user: Option<(UserId, Timestamp)>,
    pub(crate) state: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
}

/// A session as its owner sees it.
#[derive(Debug)]
pub(crate) struct SessionRecord {
    pub(crate) id: SessionId,
    pub(crate) created_at: Timestamp,
    pub(crate) last_seen_at: Timestamp,
    /// From where it was used last.
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
}

/// The place of a session among those of its user, by when it was seen last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Timestamp,
    pub(crate) id: SessionId,
}

impl Seen {
    pub(crate) fn of(record: &SessionRecord) -> Self {
        Self { at: record.last_seen_at, id: record.id }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.as_microsecond(), self.id)
    }
}

impl FromStr for Seen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('.').ok_or(())?;
        let at = Timestamp::from_microsecond(at.parse().map_err(drop)?).map_err(drop)?;
        Ok(Self { at, id: id.parse().map_err(drop)? })
    }
}

/// In one round trip: inserts a session, and ends those of its user that were seen longest ago, where there are more than the account may
/// have. The deletion does not see the new one, so it leaves one less.
const INSERT: &str = "with begun as (insert into sessions (key_hash, id, user_id, state, created_at, last_seen_at, expires_at, \
     remote_ip, user_agent) values ($1, $2, $3, $4, $5, $5, $6, $7, $8)) delete from sessions where key_hash in ( \
     select key_hash from sessions where user_id = $3 order by last_seen_at desc, id desc offset ( \
     select coalesce(a.max_sessions, $9) - 1 from accounts a join users u on u.account_id = a.id where u.id = $3))";

/// Begins a session, within a transaction. `false`, and no session, when the user's sessions were ended after the password was given:
/// a sign-in that was on its way while the password changed must not outlive that. Whoever ends them changes the user's row first,
/// so that one of the two waits here for the other.
pub(crate) async fn insert(conn: &mut Connection, session: &NewSession, now: Timestamp) -> Result<bool, StoreError> {
    if let Some((user, given_at)) = session.user {
        let ended: Option<(Moment, Option<Moment>)> = users::table
            .find(user.0)
            .select((users::password_changed_at, users::devices_forgotten_at))
            .for_share()
            .first(conn)
            .await
            .optional()?;
        let is_over = |Moment(at): Moment| at > given_at;
        if ended.is_none_or(|(changed, forgotten)| is_over(changed) || forgotten.is_some_and(is_over)) {
            return Ok(false);
        }
    }
    statement(INSERT)
        .bind::<Binary, _>(session.key_hash.as_slice())
        .bind::<SqlUuid, _>(session.id.0)
        .bind::<Nullable<SqlUuid>, _>(session.user.map(|(user, _)| user.0))
        .bind::<Text, _>(&session.state)
        .bind::<Timestamptz, _>(Moment(now))
        .bind::<Timestamptz, _>(Moment(session.expires_at))
        .bind::<Nullable<Inet>, _>(session.remote_ip.map(inet))
        .bind::<Nullable<Text>, _>(&session.user_agent)
        .bind::<Integer, _>(MAX_SESSIONS.cast_signed())
        .execute(conn)
        .await?;
    Ok(true)
}

/// The state of a session that is neither over nor idle for too long. Marks it as seen, at most once a minute.
pub(crate) async fn find_state(
    conn: &mut Connection,
    key_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let idle_limit = now.saturating_sub(MAX_IDLE).unwrap_or(now);
    let row: Option<(String, Moment)> = sessions::table
        .find(key_hash.as_slice())
        .filter(sessions::expires_at.gt(Moment(now)).and(sessions::last_seen_at.gt(Moment(idle_limit))))
        .select((sessions::state, sessions::last_seen_at))
        .first(conn)
        .await
        .optional()?;
    let Some((state, Moment(seen))) = row else { return Ok(None) };
    if now.duration_since(seen) >= SEEN_RESOLUTION {
        diesel::update(sessions::table.find(key_hash.as_slice()))
            .set(sessions::last_seen_at.eq(Moment(now)))
            .execute(conn)
            .await?;
    }
    Ok(Some(state))
}

/// Those of some sessions that still last. For connections that outlive a request.
pub(crate) async fn find_live(
    conn: &mut Connection,
    ids: &[SessionId],
    now: Timestamp,
) -> Result<HashSet<SessionId>, StoreError> {
    let found: Vec<Uuid> = sessions::table
        .filter(sessions::id.eq_any(ids.iter().map(|id| id.0).collect::<Vec<_>>()))
        .filter(sessions::expires_at.gt(Moment(now)))
        .select(sessions::id)
        .load(conn)
        .await?;
    Ok(found.into_iter().map(SessionId).collect())
}

/// Replaces the key (the old one by the new, which may be the same), the state, and the address that the session was used from; `false` when the session has ended meanwhile.
pub(crate) async fn update_state(
    conn: &mut Connection,
    (old_key, new_key): (&[u8; 32], &[u8; 32]),
    state: &str,
    remote_ip: Option<IpAddr>,
) -> Result<bool, StoreError> {
    let rows = statement("update sessions set state = $2, remote_ip = $3, key_hash = $4 where key_hash = $1")
        .bind::<Binary, _>(old_key.as_slice())
        .bind::<Text, _>(state)
        .bind::<Nullable<Inet>, _>(remote_ip.map(inet))
        .bind::<Binary, _>(new_key.as_slice())
        .execute(conn)
        .await?;
    Ok(rows == 1)
}

pub(crate) async fn delete(conn: &mut Connection, key_hash: &[u8; 32]) -> Result<(), StoreError> {
    diesel::delete(sessions::table.find(key_hash.as_slice())).execute(conn).await?;
    Ok(())
}

/// Ends one session of a user; `false` when the user has no such session.
pub(crate) async fn delete_of_user(conn: &mut Connection, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    let rows = diesel::delete(sessions::table.filter(sessions::user_id.eq(user.0)).filter(sessions::id.eq(id.0)))
        .execute(conn)
        .await?;
    Ok(rows == 1)
}

/// Ends all sessions of a user but one.
pub(crate) async fn delete_others(
    conn: &mut Connection,
    user: UserId,
    kept: Option<SessionId>,
) -> Result<usize, StoreError> {
    let kept = kept.map_or(Uuid::nil(), |id| id.0);
    Ok(diesel::delete(sessions::table.filter(sessions::user_id.eq(user.0)).filter(sessions::id.ne(kept)))
        .execute(conn)
        .await?)
}

/// Live sessions of a user, the most recently seen first: from the first on, or from below one.
pub(crate) async fn list(
    conn: &mut Connection,
    user: UserId,
    before: Option<Seen>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<SessionRecord>, StoreError> {
    let idle_limit = now.saturating_sub(MAX_IDLE).unwrap_or(now);
    type Row = (Uuid, Moment, Moment, Option<IpNet>, Option<String>);
    let mut query = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::expires_at.gt(Moment(now)))
        .filter(sessions::last_seen_at.gt(Moment(idle_limit)))
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .limit(limit as i64)
        .select((sessions::id, sessions::created_at, sessions::last_seen_at, sessions::remote_ip, sessions::user_agent))
        .into_boxed();
    if let Some(Seen { at, id }) = before {
        let same = sessions::last_seen_at.eq(Moment(at)).and(sessions::id.lt(id.0));
        query = query.filter(sessions::last_seen_at.lt(Moment(at)).or(same));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    let record = |(id, created_at, seen, ip, agent): Row| SessionRecord {
        id: SessionId(id),
        created_at: created_at.into(),
        last_seen_at: seen.into(),
        remote_ip: ip.map(|net| net.addr()),
        user_agent: agent,
    };
    Ok(rows.into_iter().map(record).collect())
}

/// Removes the sessions that are over.
pub(crate) async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let idle_limit = now.saturating_sub(MAX_IDLE).unwrap_or(now);
    let expired = old_rows::delete(conn, "sessions", "expires_at <= $1", now, old_rows::STEP).await?;
    let idle = old_rows::delete(conn, "sessions", "last_seen_at <= $1", idle_limit, old_rows::STEP).await?;
    Ok(expired + idle)
}
