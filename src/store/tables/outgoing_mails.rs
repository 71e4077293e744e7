//! The outbox of mails: a row is made in the transaction of its cause, claimed by one program at a time, and kept for eight days.

use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::ids::{AccountId, MailId, UserId};
use crate::domain::mail::{DueMail, LinkPurpose, Mail, PAUSES};
use crate::random;
use crate::store::connection::columns::{Moment, time, without_nul};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::outgoing_mails;
use crate::store::connection::statement::statement;
use crate::store::tables::alert_rules::Reader;
use crate::store::tables::old_rows;

/// Longer than any link works, and than an address is counted.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Mails of one kind to one address or of one account, a day.
const MOST_A_DAY: i64 = 15;

/// What is kept of an error, in characters.
const MAX_ERROR_CHARS: usize = 300;

/// Leaves a mail to an address to be sent; `false` where no program sends mail, or where the address or the account had its share of
/// this kind: five an hour, fifteen a day. Other kinds are counted apart, so that none keeps a warning from its reader. Links to choose
/// a password are counted by the hour alone: anybody may ask for one, and would otherwise keep its user without for a day.
pub(crate) async fn insert(
    conn: &mut Connection,
    (account, user): (AccountId, UserId),
    address: &str,
    mail: &Mail,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let link_until = mail.link().and_then(|link| now.checked_add(link.lasts()).ok());
    let inserted = statement(
        "insert into outgoing_mails (id, account_id, user_id, address, kind, details, created_at, link_until, next_try_at) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $7 where (select sends_mail from installation) \
         and (select count(*) from outgoing_mails where address = $4 and kind = $5 and created_at > $7 - interval '1 hour') < 5 \
         and (select count(*) from outgoing_mails where address = $4 and kind = $5 and created_at > $7 - interval '1 day') < $9 \
         and (select count(*) from outgoing_mails where account_id = $2 and kind = $5 and created_at > $7 - interval '1 day') < $9",
    )
    .bind::<SqlUuid, _>(random::growing_uuid_at(now))
    .bind::<SqlUuid, _>(account.0)
    .bind::<SqlUuid, _>(user.0)
    .bind::<Text, _>(address)
    .bind::<Text, _>(mail.kind())
    .bind::<Jsonb, _>(serde_json::to_value(mail).unwrap_or_default())
    .bind::<Timestamptz, _>(Moment(now))
    .bind::<Nullable<Timestamptz>, _>(link_until.map(Moment))
    .bind::<BigInt, _>(if *mail == Mail::PasswordLink { i64::MAX } else { MOST_A_DAY })
    .execute(conn)
    .await?;
    Ok(inserted == 1)
}

/// Leaves mails about alerts to be sent. How many there may be is up to whoever evaluates alerts.
pub(crate) async fn insert_alerts(
    conn: &mut Connection,
    mails: &[(&Reader, Mail)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let details = |mail: &Mail| serde_json::to_value(mail).unwrap_or_default();
    statement(
        "insert into outgoing_mails (id, account_id, user_id, address, kind, details, created_at, next_try_at) \
         select id, account_id, user_id, address, 'alerts', details, $6, $6 \
         from unnest($1, $2, $3, $4, $5) as new (id, account_id, user_id, address, details)",
    )
    .bind::<Array<SqlUuid>, _>(mails.iter().map(|_| random::growing_uuid_at(now)).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(mails.iter().map(|(reader, _)| reader.account.0).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(mails.iter().map(|(reader, _)| reader.user.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(mails.iter().map(|(reader, _)| reader.address.as_str()).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(mails.iter().map(|(_, mail)| details(mail)).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(Moment(now))
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    address: String,
    #[diesel(sql_type = Jsonb)]
    details: Value,
    #[diesel(sql_type = Timestamptz)]
    created_at: Moment,
    #[diesel(sql_type = Integer)]
    tries: i32,
}

/// Claims a mail that is due, which nobody else tries before its next time; first tries come before others. Those of deleted users are
/// no longer sent, and those of kinds that only a newer release knows are left to it.
pub(crate) async fn claim(conn: &mut Connection, now: Timestamp) -> Result<Option<DueMail>, StoreError> {
    let row: Option<DueRow> = statement(
        "update outgoing_mails set tries = tries + 1, \
             next_try_at = $1 + make_interval(mins => coalesce(($2)[tries + 1], 2)) \
         where id = (select id from outgoing_mails m where state = 'waiting' and next_try_at <= $1 \
             and exists (select from users where id = m.user_id) and kind = any($3) \
             order by tries > 0, next_try_at limit 1 for update skip locked) \
         returning id, address, details, created_at, tries",
    )
    .bind::<Timestamptz, _>(Moment(now))
    .bind::<Array<Integer>, _>(PAUSES.as_slice())
    .bind::<Array<Text>, _>(Mail::KINDS.as_slice())
    .get_result(conn)
    .await
    .optional()?;
    row.map(|row| {
        let unreadable = |_| StoreError::Unreadable(row.details.to_string());
        let mail = serde_json::from_value(row.details.clone()).map_err(unreadable)?;
        let DueRow { id, address, created_at: Moment(created_at), tries, .. } = row;
        Ok(DueMail { id: MailId(id), address, mail, created_at, tries })
    })
    .transpose()
}

/// A mail is sent, unless another program has tried it since: what that one notes counts.
pub(crate) async fn note_sent(conn: &mut Connection, mail: &DueMail) -> Result<(), StoreError> {
    diesel::update(outgoing_mails::table.find(mail.id.0).filter(outgoing_mails::tries.eq(mail.tries)))
        .set((outgoing_mails::state.eq("sent"), outgoing_mails::last_error.eq(None::<String>)))
        .execute(conn)
        .await?;
    Ok(())
}

/// A try failed: for good, or until the next one, which another program may have begun.
pub(crate) async fn note_error(
    conn: &mut Connection,
    mail: &DueMail,
    error: &str,
    is_final: bool,
) -> Result<(), StoreError> {
    let error: String = without_nul(error).chars().take(MAX_ERROR_CHARS).collect();
    let state = if is_final { "failed" } else { "waiting" };
    diesel::update(outgoing_mails::table.find(mail.id.0).filter(outgoing_mails::tries.eq(mail.tries)))
        .set((outgoing_mails::state.eq(state), outgoing_mails::last_error.eq(error)))
        .execute(conn)
        .await?;
    Ok(())
}

/// A link that was opened.
#[derive(Clone, Debug)]
pub(crate) struct UsedLink {
    pub(crate) user: UserId,
    /// Where its mail went.
    pub(crate) address: String,
    pub(crate) made_at: Timestamp,
}

/// Whom a mail was sent to, while the link in it works.
pub(crate) async fn find_user(
    conn: &mut Connection,
    id: MailId,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let working = outgoing_mails::table
        .filter(outgoing_mails::id.eq(id.0))
        .filter(outgoing_mails::kind.eq(purpose.mail_kind()))
        .filter(outgoing_mails::link_until.gt(Moment(now)));
    let user: Option<Uuid> = working.select(outgoing_mails::user_id).first(conn).await.optional()?;
    Ok(user.map(UserId))
}

/// Uses the link of a mail up. Of two uses at once one waits here, and finds nothing.
pub(crate) async fn use_link(
    conn: &mut Connection,
    id: MailId,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<UsedLink>, StoreError> {
    let working = outgoing_mails::table
        .filter(outgoing_mails::id.eq(id.0))
        .filter(outgoing_mails::kind.eq(purpose.mail_kind()))
        .filter(outgoing_mails::link_until.gt(Moment(now)));
    let row: Option<(Uuid, String, Moment)> = diesel::update(working)
        .set(outgoing_mails::link_until.eq(None::<Moment>))
        .returning((outgoing_mails::user_id, outgoing_mails::address, outgoing_mails::created_at))
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map(|(user, address, Moment(made_at))| UsedLink { user: UserId(user), address, made_at }))
}

/// Ends the links of a user that are for one thing and were made when another one was, or later.
pub(crate) async fn end_links_since(
    conn: &mut Connection,
    link: &UsedLink,
    purpose: LinkPurpose,
) -> Result<(), StoreError> {
    let links = outgoing_mails::table
        .filter(outgoing_mails::user_id.eq(link.user.0))
        .filter(outgoing_mails::kind.eq(purpose.mail_kind()))
        .filter(outgoing_mails::created_at.ge(Moment(link.made_at)));
    diesel::update(links).set(outgoing_mails::link_until.eq(None::<Moment>)).execute(conn).await?;
    Ok(())
}

/// A mail as the operator sees it.
#[derive(Clone, Debug)]
pub(crate) struct MailRecord {
    pub(crate) id: MailId,
    pub(crate) address: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) tries: i32,
    pub(crate) last_error: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) next_try_at: Option<Timestamp>,
}

/// The newest ones before another, or of all.
pub(crate) async fn list(
    conn: &mut Connection,
    before: Option<MailId>,
    limit: i64,
) -> Result<Vec<MailRecord>, StoreError> {
    type Row = (Uuid, String, String, String, i32, Option<String>, Moment, Moment);
    let mut query = outgoing_mails::table
        .select((
            outgoing_mails::id,
            outgoing_mails::address,
            outgoing_mails::kind,
            outgoing_mails::state,
            outgoing_mails::tries,
            outgoing_mails::last_error,
            outgoing_mails::created_at,
            outgoing_mails::next_try_at,
        ))
        .order(outgoing_mails::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(outgoing_mails::id.lt(before.0));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    let record = |(id, address, kind, state, tries, last_error, created_at, next): Row| MailRecord {
        id: MailId(id),
        next_try_at: time((state == "waiting").then_some(next)),
        address,
        kind,
        state,
        tries,
        last_error,
        created_at: created_at.into(),
    };
    Ok(rows.into_iter().map(record).collect())
}

/// Deletes those that are kept no longer.
pub(crate) async fn prune(conn: &mut Connection, now: Timestamp) -> Result<usize, StoreError> {
    let oldest = now.saturating_sub(KEPT_FOR).unwrap_or(now);
    old_rows::delete(conn, "outgoing_mails", "created_at <= $1", oldest, old_rows::STEP).await
}
