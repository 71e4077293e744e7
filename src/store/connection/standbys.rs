//! Standbys: which servers have an event when its sender reads 200.

use std::fmt;

use diesel::sql_types::{BigInt, Double, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;

/// The servers that follow this one, and what commits wait for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standbys {
    /// How many have to confirm a commit; none where it waits for no standby.
    pub(crate) confirming: Option<u32>,
    synchronous: i64,
    asynchronous: i64,
    /// Those of which the role of the program may not see how they follow.
    hidden: i64,
    /// How far the last of them is behind.
    pub(crate) lag_seconds: Option<f64>,
}

/// What becomes of an acknowledged event when the server is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// A synchronous standby has it.
    SeveralServers,
    /// It is lost with the disk of the server.
    OneServer,
    /// Standbys follow, and a failover to one of them loses what it has not got.
    MayLoseLatest,
    /// Commits wait for a standby, and none is there.
    WaitsForNobody,
    /// Standbys follow, and the role may not see how.
    Hidden,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    names: String,
    #[diesel(sql_type = BigInt)]
    synchronous: i64,
    #[diesel(sql_type = BigInt)]
    asynchronous: i64,
    #[diesel(sql_type = BigInt)]
    hidden: i64,
    #[diesel(sql_type = Nullable<Double>)]
    lag_seconds: Option<f64>,
}

/// A standby that has everything reports no lag, and one that hangs reports its last: then the time since counts.
const FIND: &str = "select current_setting('synchronous_standby_names') as names, \
    count(*) filter (where sync_state in ('sync', 'quorum')) as synchronous, \
    count(*) filter (where sync_state in ('async', 'potential')) as asynchronous, \
    count(*) filter (where sync_state is null) as hidden, \
    extract(epoch from max(case when replay_lsn < sent_lsn then greatest(replay_lag, clock_timestamp() - reply_time) \
        else coalesce(replay_lag, '0') end))::float8 as lag_seconds \
    from pg_stat_replication where coalesce(state, 'streaming') in ('streaming', 'catchup')";

impl Standbys {
    /// Asks the server.
    pub(crate) async fn find(conn: &mut Connection) -> Result<Self, StoreError> {
        let Row { names, synchronous, asynchronous, hidden, lag_seconds } = sql_query(FIND).get_result(conn).await?;
        Ok(Self { confirming: confirming(&names), synchronous, asynchronous, hidden, lag_seconds })
    }

    /// What becomes of an acknowledged event when the server is lost.
    pub(crate) fn safety(&self) -> Safety {
        match (self.confirming, self.synchronous) {
            (Some(_), 0) if self.hidden == 0 => Safety::WaitsForNobody,
            (Some(_), _) => Safety::SeveralServers,
            _ if self.hidden > 0 => Safety::Hidden,
            _ if self.asynchronous > 0 => Safety::MayLoseLatest,
            _ => Safety::OneServer,
        }
    }

    /// How many there are of each kind.
    pub(crate) fn counts(&self) -> [(&'static str, i64); 3] {
        [("asynchronous", self.asynchronous), ("hidden", self.hidden), ("synchronous", self.synchronous)]
    }
}

impl fmt::Display for Standbys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALONE: &str = "the disk of the database server alone";
        let confirming = self.confirming.unwrap_or(0);
        match self.safety() {
            Safety::OneServer => f.write_str(ALONE),
            Safety::SeveralServers => {
                let confirmed = standbys(i64::from(confirming), "synchronous");
                write!(f, "the disks of the database server and of {confirmed}")?;
                if self.synchronous > i64::from(confirming) {
                    write!(f, " ({} connected)", self.synchronous)?;
                }
                Ok(())
            }
            Safety::WaitsForNobody => {
                let awaited = standbys(i64::from(confirming), "synchronous");
                write!(f, "nothing now: commits wait for {awaited}, and none is connected")
            }
            Safety::Hidden => {
                write!(f, "{ALONE}, or more: its role may not see {}", standbys(self.hidden, "connected"))
            }
            Safety::MayLoseLatest => {
                let lag = self.lag_seconds.unwrap_or(0.0);
                write!(f, "{ALONE}; up to {lag:.1} s later on {}", standbys(self.asynchronous, "asynchronous"))
            }
        }
    }
}

fn standbys(count: i64, kind: &str) -> String {
    format!("{count} {kind} standby{}", if count == 1 { "" } else { "s" })
}

/// How many standbys have to confirm a commit, by the value of `synchronous_standby_names`: `FIRST 2 (a, b)`, `ANY 1 (a, b)`, `2 (a, b)`
/// or names alone, of which one does.
fn confirming(names: &str) -> Option<u32> {
    let names = names.trim();
    if names.is_empty() {
        return None;
    }
    let number = names.split_once('(').and_then(|(method, _)| method.split_whitespace().last()?.parse().ok());
    Some(number.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::{Safety, Standbys, confirming};

    #[test]
    fn how_many_standbys_confirm_is_read_from_the_setting() {
        for (names, number) in [
            ("", None),
            ("*", Some(1)),
            ("a, b", Some(1)),
            ("FIRST 2 (a, b, c)", Some(2)),
            ("ANY 1 (a,b)", Some(1)),
            ("3(a, b, c)", Some(3)),
            ("\"odd (1) name\"", Some(1)),
        ] {
            assert_eq!(confirming(names), number, "{names}");
        }
    }

    #[test]
    fn what_a_200_stands_on_is_said_in_words() {
        let none = Standbys { confirming: None, synchronous: 0, asynchronous: 0, hidden: 0, lag_seconds: None };
        let said = |standbys: &Standbys| (standbys.safety(), standbys.to_string());
        assert_eq!(said(&none), (Safety::OneServer, "the disk of the database server alone".to_owned()));
        let behind = Standbys { asynchronous: 1, lag_seconds: Some(2.34), ..none.clone() };
        assert_eq!(said(&behind).0, Safety::MayLoseLatest);
        assert!(said(&behind).1.ends_with("alone; up to 2.3 s later on 1 asynchronous standby"), "{behind}");
        let waits = Standbys { confirming: Some(1), ..none.clone() };
        assert_eq!(said(&waits).0, Safety::WaitsForNobody);
        let several = Standbys { synchronous: 2, ..waits };
        let words = "the disks of the database server and of 1 synchronous standby (2 connected)";
        assert_eq!(said(&several), (Safety::SeveralServers, words.to_owned()));
    }
}
