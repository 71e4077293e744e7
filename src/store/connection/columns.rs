//! How our types lie in columns: times as `timestamptz` (microseconds since 2000-01-01 on the wire), addresses as `inet`,
//! and the words of plans, reasons and actions as text. Also the functions of Postgres that look into text.

use std::net::IpAddr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Inet, Text, Timestamptz};
use ipnet::IpNet;
use jiff::Timestamp;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, Type};

use crate::store::connection::error::StoreError;

diesel::define_sql_function! {
    /// An address without a mask, as text.
    fn host(address: Inet) -> Text;
}
diesel::define_sql_function! {
    /// A text in lower case.
    fn lower(text: Text) -> Text;
}
diesel::define_sql_function! {
    /// Where a text contains another, counted from 1; 0 where it does not.
    fn strpos(text: Text, part: Text) -> Integer;
}

/// 2000-01-01T00:00:00Z in microseconds since 1970, where Postgres starts to count.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A moment in a `timestamptz` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Timestamptz)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl ToSql<Timestamptz, Pg> for Moment {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.0.as_microsecond() - POSTGRES_EPOCH_MICROS;
        ToSql::<BigInt, Pg>::to_sql(&micros, &mut out.reborrow())
    }
}

impl FromSql<Timestamptz, Pg> for Moment {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(bytes)?;
        let micros = micros.checked_add(POSTGRES_EPOCH_MICROS).ok_or("a timestamp beyond all calendars")?;
        Ok(Self(Timestamp::from_microsecond(micros)?))
    }
}

/// The same for statements that the driver executes.
impl tokio_postgres::types::ToSql for Moment {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let micros = self.0.as_microsecond() - POSTGRES_EPOCH_MICROS;
        tokio_postgres::types::ToSql::to_sql(&micros, kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }

    tokio_postgres::types::to_sql_checked!();
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

/// A nullable moment, read.
pub(crate) fn time(moment: Option<Moment>) -> Option<Timestamp> {
    moment.map(Timestamp::from)
}

/// An address for an `inet` column.
pub(crate) fn inet(ip: IpAddr) -> IpNet {
    IpNet::from(ip)
}

/// A stored word, read; a word that this release does not know is an error that names it.
pub(crate) fn word<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable(text.to_owned()))
}

/// A text that Postgres can hold: without the NUL characters that `text` refuses.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
