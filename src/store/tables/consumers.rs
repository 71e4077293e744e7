//! Consumers of an account: their positions, and what was handed out to them.

use diesel::pg::Pg;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::consumer::{Consumer, HandedOut, MAX_CONSUMERS, Subject};
use crate::domain::event::EventId;
use crate::domain::ids::{AccountId, ConsumerId};
use crate::domain::position::Position;
use crate::store::connection::columns::{Moment, time, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Lock};
use crate::store::connection::schema::consumers;

/// The primary key: a form that was sent twice.
pub(crate) const IS_UNIQUE: &str = "consumers_pkey";
/// Two of an account have two names.
pub(crate) const NAME_IS_UNIQUE: &str = "consumers_name_is_unique";

#[derive(Queryable, Selectable)]
#[diesel(table_name = consumers, check_for_backend(Pg))]
struct Row {
    id: Uuid,
    name: String,
    query: String,
    credentials: String,
    position: String,
    step: i64,
    handed_ids: Vec<Uuid>,
    handed_end: Option<String>,
    handed_truncated: Option<String>,
    truncated: Option<String>,
    truncated_at: Option<Moment>,
    created_at: Moment,
    last_pulled_at: Option<Moment>,
    last_acked_at: Option<Moment>,
}

impl Row {
    fn consumer(self) -> Result<Consumer, StoreError> {
        let handed_out = match self.handed_end {
            None => None,
            Some(end) => Some(HandedOut {
                ids: self.handed_ids.into_iter().map(EventId).collect(),
                end: word(&end)?,
                truncated: self.handed_truncated.as_deref().map(word).transpose()?,
            }),
        };
        let credentials = self.credentials.split_ascii_whitespace().map(word).collect::<Result<_, _>>()?;
        Ok(Consumer {
            id: ConsumerId(self.id),
            name: self.name,
            subject: Subject { query: self.query, credentials },
            position: word(&self.position)?,
            step: self.step,
            handed_out,
            truncated: self.truncated.as_deref().map(word).transpose()?.zip(time(self.truncated_at)),
            created_at: self.created_at.into(),
            last_pulled_at: time(self.last_pulled_at),
            last_acked_at: time(self.last_acked_at),
        })
    }
}

/// What locks a consumer until its transaction ends.
pub(crate) fn lock(account: AccountId, id: ConsumerId) -> Lock {
    Lock(format!("select from consumers where account_id = '{account}' and id = '{id}' for update"))
}

pub(crate) async fn insert(conn: &mut Connection, account: AccountId, new: &Consumer) -> Result<(), StoreError> {
    diesel::insert_into(consumers::table)
        .values((
            consumers::id.eq(new.id.0),
            consumers::account_id.eq(account.0),
            consumers::name.eq(&new.name),
            consumers::query.eq(&new.subject.query),
            consumers::credentials.eq(new.subject.credential_words()),
            consumers::position.eq(new.position.to_string()),
            consumers::created_at.eq(Moment(new.created_at)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn count(conn: &mut Connection, account: AccountId) -> Result<u64, StoreError> {
    let count: i64 = consumers::table.filter(consumers::account_id.eq(account.0)).count().get_result(conn).await?;
    Ok(count.unsigned_abs())
}

/// All of an account, by name.
pub(crate) async fn list(conn: &mut Connection, account: AccountId) -> Result<Vec<Consumer>, StoreError> {
    let rows: Vec<Row> = consumers::table
        .filter(consumers::account_id.eq(account.0))
        .order(consumers::name)
        .limit(i64::from(MAX_CONSUMERS))
        .select(Row::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(Row::consumer).collect()
}

pub(crate) async fn find(
    conn: &mut Connection,
    account: AccountId,
    id: ConsumerId,
) -> Result<Option<Consumer>, StoreError> {
    let own = consumers::table.filter(consumers::account_id.eq(account.0));
    let row = own.filter(consumers::id.eq(id.0)).select(Row::as_select()).first(conn).await.optional()?;
    row.map(Row::consumer).transpose()
}

/// Moves a consumer that is as it was read to a position, and hands out what follows, if anything; `false` where somebody else has changed
/// it since.
pub(crate) async fn step(
    conn: &mut Connection,
    consumer: &Consumer,
    position: &Position,
    handed_out: Option<&HandedOut>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let truncated = handed_out.and_then(|handed_out| handed_out.truncated);
    let told = truncated.map(|told| (told, now)).or(consumer.truncated);
    let changed = diesel::update(consumers::table.find(consumer.id.0))
        .filter(consumers::step.eq(consumer.step))
        .set((
            consumers::position.eq(position.to_string()),
            consumers::step.eq(consumer.step + 1),
            consumers::handed_ids.eq(ids(handed_out)),
            consumers::handed_end.eq(handed_out.map(|handed_out| handed_out.end.to_string())),
            consumers::handed_truncated.eq(truncated.map(|truncated| truncated.as_str())),
            consumers::truncated.eq(told.map(|(truncated, _)| truncated.as_str())),
            consumers::truncated_at.eq(told.map(|(_, at)| Moment(at))),
            consumers::last_pulled_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(changed > 0)
}

fn ids(handed_out: Option<&HandedOut>) -> Vec<Uuid> {
    handed_out.iter().flat_map(|handed_out| &handed_out.ids).map(|id| id.0).collect()
}

/// Notes that somebody was given once more what was handed out.
pub(crate) async fn note_pull(conn: &mut Connection, id: ConsumerId, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(consumers::table.find(id.0)).set(consumers::last_pulled_at.eq(Moment(now))).execute(conn).await?;
    Ok(())
}

/// Moves a consumer that is locked to what it has acknowledged.
pub(crate) async fn acknowledge(
    conn: &mut Connection,
    id: ConsumerId,
    (position, rest): (&Position, Option<&HandedOut>),
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(consumers::table.find(id.0))
        .set((
            consumers::position.eq(position.to_string()),
            consumers::step.eq(consumers::step + 1),
            consumers::handed_ids.eq(ids(rest)),
            consumers::handed_end.eq(rest.map(|rest| rest.end.to_string())),
            consumers::handed_truncated.eq(None::<String>),
            consumers::last_acked_at.eq(Moment(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves a consumer that is locked anywhere, and forgets what was handed out and what was missing.
pub(crate) async fn seek(conn: &mut Connection, id: ConsumerId, position: &Position) -> Result<(), StoreError> {
    diesel::update(consumers::table.find(id.0))
        .set((
            consumers::position.eq(position.to_string()),
            consumers::step.eq(consumers::step + 1),
            consumers::handed_ids.eq(Vec::<Uuid>::new()),
            consumers::handed_end.eq(None::<String>),
            consumers::handed_truncated.eq(None::<String>),
            consumers::truncated.eq(None::<String>),
            consumers::truncated_at.eq(None::<Moment>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn delete(conn: &mut Connection, id: ConsumerId) -> Result<(), StoreError> {
    diesel::delete(consumers::table.find(id.0)).execute(conn).await?;
    Ok(())
}
