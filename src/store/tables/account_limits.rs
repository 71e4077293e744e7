//! The quotas of accounts in the database: what the operator has set, and how much of it is used.

use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::account_limits::{SetLimits, StorageLimits, WhenFull};
use crate::domain::ids::AccountId;
use crate::store::connection::columns::{Moment, word};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Lock};
use crate::store::connection::schema::accounts;
use crate::store::connection::statement::statement;

/// The columns of an account, in the order of [`LIMITS`].
pub(crate) type LimitsRow = (Option<i32>, Option<i32>, Option<i64>, Option<i64>, String);
/// Their types.
pub(crate) type LimitsColumns =
    (accounts::max_credentials, accounts::max_sessions, accounts::max_events, accounts::max_bytes, accounts::when_full);
/// The columns.
pub(crate) const LIMITS: LimitsColumns =
    (accounts::max_credentials, accounts::max_sessions, accounts::max_events, accounts::max_bytes, accounts::when_full);

/// A row of [`LIMITS`], read.
pub(crate) fn read(
    (credentials, sessions, events, bytes, when_full): LimitsRow,
) -> Result<(SetLimits, WhenFull), StoreError> {
    let set = SetLimits {
        credentials: credentials.map(i32::unsigned_abs),
        sessions: sessions.map(i32::unsigned_abs),
        events: events.map(i64::unsigned_abs),
        bytes: bytes.map(i64::unsigned_abs),
    };
    Ok((set, word(&when_full)?))
}

/// Sets all of them.
pub(crate) async fn set(conn: &mut Connection, account: AccountId, limits: SetLimits) -> Result<(), StoreError> {
    let small = |number: Option<u32>| number.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    let large = |number: Option<u64>| number.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    diesel::update(accounts::table.find(account.0))
        .set((
            accounts::max_credentials.eq(small(limits.credentials)),
            accounts::max_sessions.eq(small(limits.sessions)),
            accounts::max_events.eq(large(limits.events)),
            accounts::max_bytes.eq(large(limits.bytes)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Chooses what happens when storage is full, and answers whether that is another choice than before.
pub(crate) async fn set_when_full(
    conn: &mut Connection,
    account: AccountId,
    choice: WhenFull,
) -> Result<bool, StoreError> {
    let changed = diesel::update(accounts::table.find(account.0).filter(accounts::when_full.ne(choice.as_str())))
        .set(accounts::when_full.eq(choice.as_str()));
    Ok(changed.execute(conn).await? == 1)
}

/// What lets one credential of an account be created or renamed at a time, so that no two of them are the last, or have one name. Events are stored meanwhile: they
/// lock no account against this.
pub(crate) fn lock(account: AccountId) -> Lock {
    Lock(format!("select from accounts where id = '{account}' for no key update"))
}

/// How much of its storage an account with a limit uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StorageUse {
    pub(crate) account: AccountId,
    pub(crate) limits: StorageLimits,
    pub(crate) when_full: WhenFull,
    pub(crate) events: u64,
    /// Of bodies and headers.
    pub(crate) bytes: u64,
    /// What arrived before does not count.
    pub(crate) counted_since: Timestamp,
}

#[derive(QueryableByName)]
struct UseRow {
    #[diesel(sql_type = SqlUuid)]
    account: Uuid,
    #[diesel(sql_type = Nullable<BigInt>)]
    max_events: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    max_bytes: Option<i64>,
    #[diesel(sql_type = Text)]
    when_full: String,
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = Timestamptz)]
    counted_since: Moment,
}

impl TryFrom<UseRow> for StorageUse {
    type Error = StoreError;

    fn try_from(row: UseRow) -> Result<Self, StoreError> {
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok(Self {
            account: AccountId(row.account),
            limits: StorageLimits { events: row.max_events.map(number), bytes: row.max_bytes.map(number) },
            when_full: word(&row.when_full)?,
            events: number(row.events),
            bytes: number(row.bytes),
            counted_since: row.counted_since.into(),
        })
    }
}

/// What is kept of an account at `$1`, by half hour and by day, where the installation keeps what came since `$2`. What an account keeps
/// shorter is hidden and leaves the disk by itself, so it is not counted here either. Of events that came before headers were counted, only
/// the deletion is: they never count for less than nothing.
const LIST_STORAGE: &str = "with limited as (select id, max_events, max_bytes, when_full, \
     date_bin('30 minutes', greatest($2, $1 - retention_days * interval '24 hours'), 'epoch') as since \
     from accounts where max_events is not null or max_bytes is not null) \
     select id as account, max_events, max_bytes, when_full, used.events, used.bytes, date_trunc('day', since, 'UTC') as counted_since \
     from limited cross join lateral (select (coalesce(sum(events), 0))::bigint as events, \
     (coalesce(sum(bytes) + greatest(sum(header_bytes), 0), 0))::bigint as bytes from (\
     select accepted as events, bytes, header_bytes from event_counts where account_id = limited.id and half_hour >= since union all \
     select accepted, bytes, header_bytes from daily_counts where account_id = limited.id and day >= date_trunc('day', since, 'UTC') union all \
     select -events, -bytes, -header_bytes from event_removals where account_id = limited.id and half_hour >= since) as changes) as used";

/// The accounts that have a limit for what they store, with what they have stored by the counts that charts are made of: no event is
/// counted for it. `oldest_kept` is that of the installation.
pub(crate) async fn list_storage(
    conn: &mut Connection,
    now: Timestamp,
    oldest_kept: Timestamp,
) -> Result<Vec<StorageUse>, StoreError> {
    let rows: Vec<UseRow> = statement(LIST_STORAGE)
        .bind::<Timestamptz, _>(Moment(now))
        .bind::<Timestamptz, _>(Moment(oldest_kept))
        .load(conn)
        .await?;
    rows.into_iter().map(TryFrom::try_from).collect()
}
