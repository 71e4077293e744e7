//! The keys of events: which they are and how large, without what they bear. By them a part is measured before it is read.

use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::connection::schema::events;
use crate::store::connection::statement::statement;
use crate::store::scan::budget::Budget;
use crate::store::scan::span::{Events, Span};

/// How often the first events of a span are measured together before each of them is.
const MEASUREMENTS: usize = 2;

diesel::define_sql_function! {
    /// How long a text is; of one that is stored compressed or elsewhere, without reading it.
    fn octet_length(text: Text) -> Integer;
}

/// The key of an event, with how much its body and its headers are.
#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Pg))]
pub(crate) struct Key {
    #[diesel(deserialize_as = Uuid)]
    pub(crate) id: EventId,
    pub(crate) size_bytes: i32,
    #[diesel(select_expression = octet_length(events::headers))]
    pub(crate) header_bytes: i32,
}

impl Key {
    /// The size of the body.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.size_bytes.unsigned_abs())
    }

    /// What it counts for among what its account stores.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.bytes() + u64::from(self.header_bytes.unsigned_abs())
    }
}

/// The first keys of a query in the order of a span.
pub(crate) async fn list(conn: &mut Connection, query: Events, span: &Span, most: u64) -> Result<Vec<Key>, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(span.ordered(query).limit(most).select(Key::as_select()).load(conn).await?)
}

/// The last of the first events of a span, how many these are, and the bytes of their bodies and of their headers.
#[derive(QueryableByName)]
struct Measured {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    bodies: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    headers: Option<i64>,
}

macro_rules! measuring {
    ($order:literal) => {
        concat!(
            "select (array_agg(id))[count(*)] as last, count(*) as count, sum(size_bytes) as bodies, \
             sum(octet_length(headers)) as headers from (select id, size_bytes, headers from events \
             where account_id = $1 and id >= $2 and id < $3 order by ",
            $order,
            " limit $4) as part"
        )
    };
}
const MEASURE_OLDEST: &str = measuring!("id");
const MEASURE_NEWEST: &str = measuring!("id desc");

/// The last event of the part that a span begins with, and how many that part has; `None` where it has no events.
pub(crate) async fn measure(
    conn: &mut Connection,
    account: AccountId,
    span: &Span,
    budget: &Budget<'_>,
) -> Result<Option<(EventId, u64)>, StoreError> {
    let Span { from: EventId(from), before: EventId(before), newest_first } = span;
    let mut events = budget.rows as i64;
    for _ in 0..MEASUREMENTS {
        let measured: Measured = statement(if *newest_first { MEASURE_NEWEST } else { MEASURE_OLDEST })
            .bind::<SqlUuid, _>(account.0)
            .bind::<SqlUuid, _>(from)
            .bind::<SqlUuid, _>(before)
            .bind::<BigInt, _>(events)
            .get_result(conn)
            .await?;
        let Measured { last, count, bodies, headers } = measured;
        let Some(last) = last else { return Ok(None) };
        let bytes = bodies.max(headers).unwrap_or_default().unsigned_abs();
        if bytes <= budget.bytes || count == 1 {
            return Ok(Some((EventId(last), count.unsigned_abs())));
        }
        // Were all as large as these, so many would fill three quarters of the room.
        events = (count * (budget.bytes / 4 * 3) as i64 / bytes as i64).max(1);
    }
    // They differ too much.
    let keys = list(conn, span.events(account), span, budget.rows).await?;
    let fitting = fitting(&keys, budget);
    Ok(keys[..fitting].last().map(|last| (last.id, fitting as u64)))
}

/// How many keys there are at the beginning whose events may be in memory at once.
pub(crate) fn fitting<'k>(keys: impl IntoIterator<Item = &'k Key>, budget: &Budget<'_>) -> usize {
    let (mut events, mut bodies, mut headers) = (0, 0, 0);
    let fits = |key: &&Key| {
        events += 1;
        bodies += key.bytes();
        headers += u64::from(key.header_bytes.unsigned_abs());
        events == 1 || (events <= budget.rows && bodies <= budget.bytes && headers <= budget.bytes)
    };
    keys.into_iter().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Key, fitting};
    use crate::domain::event::EventId;
    use crate::store::scan::budget::Budget;

    #[test]
    fn a_part_is_bounded_in_events_and_bytes_but_for_one_event_that_is_larger() {
        let fitting = |sizes: &[(i32, i32)]| {
            let key = |&(size_bytes, header_bytes): &_| Key { id: EventId(Uuid::nil()), size_bytes, header_bytes };
            fitting(&sizes.iter().map(key).collect::<Vec<_>>(), &Budget::part(3, 10))
        };
        assert_eq!(fitting(&[]), 0);
        assert_eq!(fitting(&[(1, 1), (1, 1), (1, 1), (1, 1)]), 3);
        assert_eq!(fitting(&[(5, 0), (5, 0), (1, 0)]), 2);
        assert_eq!(fitting(&[(0, 5), (0, 6)]), 1);
        assert_eq!(fitting(&[(30, 0), (1, 0)]), 1, "by itself");
    }
}
