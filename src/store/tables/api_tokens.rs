//! API tokens: found by the SHA-256 of their value in one indexed read, which asks for their user as well.

use std::net::IpAddr;

use diesel::pg::Pg;
use diesel::sql_types::{Inet, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
    Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::account::Member;
use crate::domain::api_token::{ApiToken, TokenGrant, TokenValue, words};
use crate::domain::checked_token::CheckedToken;
use crate::domain::ids::{AccountId, ApiTokenId, UserId};
use crate::store::connection::columns::{Moment, inet, time, without_nul, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Lock};
use crate::store::connection::schema::{accounts, api_token_values, api_tokens, second_factors, users};
use crate::store::connection::statement::statement;
use crate::store::tables::account_limits;
use crate::store::tables::users::{MEMBER, member};

/// The primary key: a form that was sent twice.
pub(crate) const IS_UNIQUE: &str = "api_tokens_pkey";
/// How many are listed that do not work any more.
const MAX_ENDED_LISTED: i64 = 50;

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_tokens, check_for_backend(Pg))]
struct Row {
    id: Uuid,
    name: String,
    scopes: String,
    credentials: String,
    networks: Vec<IpNet>,
    created_at: Moment,
    expires_at: Option<Moment>,
    revoked_at: Option<Moment>,
    last_used_at: Option<Moment>,
    last_used_ip: Option<IpNet>,
    last_used_agent: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_token_values, check_for_backend(Pg))]
struct ValueRow {
    hint: String,
    issued_at: Moment,
    ends_at: Option<Moment>,
}

impl From<ValueRow> for TokenValue {
    fn from(row: ValueRow) -> Self {
        Self { hint: row.hint, issued_at: row.issued_at.into(), ends_at: time(row.ends_at) }
    }
}

impl Row {
    fn token(self, value: ValueRow) -> Result<ApiToken, StoreError> {
        Ok(ApiToken {
            id: ApiTokenId(self.id),
            name: self.name,
            // A newer release may know scopes that this one does not: it lets nobody do what they are for.
            scopes: self.scopes.split(' ').filter_map(|scope| scope.parse().ok()).collect(),
            credentials: self.credentials.split_ascii_whitespace().map(word).collect::<Result<_, _>>()?,
            networks: self.networks,
            values: vec![value.into()],
            created_at: self.created_at.into(),
            expires_at: time(self.expires_at),
            revoked_at: time(self.revoked_at),
            last_used_at: time(self.last_used_at),
            last_used_ip: self.last_used_ip.map(|net| net.addr()),
            last_used_agent: self.last_used_agent,
        })
    }
}

/// One token out of the rows of each of its values.
fn gather<T>(rows: Vec<(Row, ValueRow, T)>) -> Result<Vec<(ApiToken, T)>, StoreError> {
    let mut tokens: Vec<(ApiToken, T)> = Vec::new();
    for (row, value, beside) in rows {
        match tokens.last_mut().filter(|(last, _)| last.id.0 == row.id) {
            Some((token, _)) => token.values.push(value.into()),
            None => tokens.push((row.token(value)?, beside)),
        }
    }
    Ok(tokens)
}

/// What locks a token until its transaction ends.
pub(crate) fn lock(account: AccountId, id: ApiTokenId) -> Lock {
    let of_account = account_limits::lock(account).0;
    Lock(format!("{of_account}; select from api_tokens where account_id = '{account}' and id = '{id}' for update"))
}

pub(crate) async fn insert(
    conn: &mut Connection,
    (account, user, id): (AccountId, UserId, ApiTokenId),
    grant: &TokenGrant,
    value: &CheckedToken,
    now: Timestamp,
) -> Result<(), StoreError> {
    let credentials: Vec<String> = grant.credentials.iter().map(ToString::to_string).collect();
    diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::id.eq(id.0),
            api_tokens::account_id.eq(account.0),
            api_tokens::user_id.eq(user.0),
            api_tokens::name.eq(grant.name.as_str()),
            api_tokens::scopes.eq(words(&grant.scopes)),
            api_tokens::credentials.eq(credentials.join(" ")),
            api_tokens::networks.eq(&grant.networks),
            api_tokens::created_at.eq(Moment(now)),
            api_tokens::expires_at.eq(grant.lifetime.map(|lifetime| Moment(now + lifetime))),
        ))
        .execute(conn)
        .await?;
    insert_value(conn, id, value, now).await
}

async fn insert_value(
    conn: &mut Connection,
    id: ApiTokenId,
    value: &CheckedToken,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(api_token_values::table)
        .values((
            api_token_values::hash.eq(value.hash()),
            api_token_values::token_id.eq(id.0),
            api_token_values::hint.eq(value.hint()),
            api_token_values::issued_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// How many of an account work.
pub(crate) async fn count_live(conn: &mut Connection, account: AccountId, now: Timestamp) -> Result<u64, StoreError> {
    let count: i64 = api_tokens::table
        .filter(api_tokens::account_id.eq(account.0))
        .filter(api_tokens::revoked_at.is_null())
        .filter(api_tokens::expires_at.is_null().or(api_tokens::expires_at.gt(Moment(now))))
        .count()
        .get_result(conn)
        .await?;
    Ok(count.unsigned_abs())
}

/// Those of an account that are not revoked, with who made each: the newest first, and of those that have expired the latest last.
pub(crate) async fn list(
    conn: &mut Connection,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<(ApiToken, String)>, StoreError> {
    let ended = diesel::alias!(api_tokens as ended);
    let last_ended = ended
        .filter(ended.field(api_tokens::account_id).eq(account.0))
        .filter(ended.field(api_tokens::expires_at).le(Moment(now)))
        .order(ended.field(api_tokens::expires_at).desc())
        .limit(MAX_ENDED_LISTED)
        .select(ended.field(api_tokens::id));
    let is_live = api_tokens::expires_at.is_null().or(api_tokens::expires_at.gt(Moment(now)));
    let rows: Vec<(Row, ValueRow, String)> = api_tokens::table
        .inner_join(users::table)
        .inner_join(api_token_values::table)
        .filter(api_tokens::account_id.eq(account.0))
        .filter(api_tokens::revoked_at.is_null())
        .filter(is_live.or(api_tokens::id.eq_any(last_ended)))
        .order((api_tokens::created_at.desc(), api_tokens::id.desc(), api_token_values::issued_at.desc()))
        .select((Row::as_select(), ValueRow::as_select(), users::email))
        .load(conn)
        .await?;
    gather(rows)
}

pub(crate) async fn find(
    conn: &mut Connection,
    account: AccountId,
    id: ApiTokenId,
) -> Result<Option<ApiToken>, StoreError> {
    let rows: Vec<(Row, ValueRow, Uuid)> = api_tokens::table
        .inner_join(api_token_values::table)
        .filter(api_tokens::account_id.eq(account.0))
        .filter(api_tokens::id.eq(id.0))
        .order(api_token_values::issued_at.desc())
        .select((Row::as_select(), ValueRow::as_select(), api_tokens::id))
        .load(conn)
        .await?;
    Ok(gather(rows)?.pop().map(|(token, _)| token))
}

/// The account of a token, for whoever knows its id alone.
pub(crate) async fn find_owner(conn: &mut Connection, id: ApiTokenId) -> Result<Option<AccountId>, StoreError> {
    let account: Option<Uuid> =
        api_tokens::table.find(id.0).select(api_tokens::account_id).first(conn).await.optional()?;
    Ok(account.map(AccountId))
}

/// The token that a value opens or opened, by its digest, and who it acts for. Of its values it has that one.
pub(crate) async fn find_by_hash(conn: &mut Connection, hash: &str) -> Result<Option<(ApiToken, Member)>, StoreError> {
    let row = api_token_values::table
        .inner_join(api_tokens::table)
        .inner_join(users::table.on(users::id.eq(api_tokens::user_id)))
        .inner_join(accounts::table.on(accounts::id.eq(users::account_id)))
        .left_join(second_factors::table.on(second_factors::user_id.eq(users::id)))
        .filter(api_token_values::hash.eq(hash))
        .select(((MEMBER, second_factors::key_id.nullable()), Row::as_select(), ValueRow::as_select()))
        .first::<(_, Row, ValueRow)>(conn)
        .await
        .optional()?;
    row.map(|(row, token, value)| Ok((token.token(value)?, member(row)?))).transpose()
}

pub(crate) async fn rename(conn: &mut Connection, id: ApiTokenId, name: &str) -> Result<(), StoreError> {
    diesel::update(api_tokens::table.find(id.0)).set(api_tokens::name.eq(name)).execute(conn).await?;
    Ok(())
}

/// Puts a new value in the place of the one before, which works until a moment, or no longer. Those that have ended are forgotten.
pub(crate) async fn replace_value(
    conn: &mut Connection,
    id: ApiTokenId,
    value: &CheckedToken,
    (now, expires_at, former_ends_at): (Timestamp, Option<Timestamp>, Option<Timestamp>),
) -> Result<(), StoreError> {
    let of_token = || api_token_values::table.filter(api_token_values::token_id.eq(id.0));
    match former_ends_at {
        Some(end) => {
            diesel::delete(of_token().filter(api_token_values::ends_at.le(Moment(now)))).execute(conn).await?;
            diesel::update(of_token().filter(api_token_values::ends_at.is_null()))
                .set(api_token_values::ends_at.eq(Moment(end)))
                .execute(conn)
                .await?;
        }
        None => {
            diesel::delete(of_token()).execute(conn).await?;
        }
    }
    diesel::update(api_tokens::table.find(id.0))
        .set(api_tokens::expires_at.eq(expires_at.map(Moment)))
        .execute(conn)
        .await?;
    insert_value(conn, id, value, now).await
}

/// Ends a token for good, with every value of it.
pub(crate) async fn revoke(conn: &mut Connection, id: ApiTokenId, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(api_tokens::table.find(id.0)).set(api_tokens::revoked_at.eq(Moment(now))).execute(conn).await?;
    Ok(())
}

/// Ends those that a user has made from a time on, and gives their names.
pub(crate) async fn revoke_made_since(
    conn: &mut Connection,
    user: UserId,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let made = api_tokens::table
        .filter(api_tokens::user_id.eq(user.0))
        .filter(api_tokens::created_at.ge(Moment(since)))
        .filter(api_tokens::revoked_at.is_null());
    let revoked = diesel::update(made).set(api_tokens::revoked_at.eq(Moment(now))).returning(api_tokens::name);
    Ok(revoked.load(conn).await?)
}

/// Notes that a token was used, unless that was noted since `not_since`.
pub(crate) async fn note_use(
    conn: &mut Connection,
    id: ApiTokenId,
    (at, not_since): (Timestamp, Timestamp),
    (ip, agent): (IpAddr, Option<&str>),
) -> Result<(), StoreError> {
    statement(
        "update api_tokens set last_used_at = $2, last_used_ip = $4, last_used_agent = $5 \
         where id = $1 and (last_used_at is null or last_used_at <= $3)",
    )
    .bind::<SqlUuid, _>(id.0)
    .bind::<Timestamptz, _>(Moment(at))
    .bind::<Timestamptz, _>(Moment(not_since))
    .bind::<Inet, _>(inet(ip))
    .bind::<Nullable<Text>, _>(agent.map(without_nul))
    .execute(conn)
    .await?;
    Ok(())
}
