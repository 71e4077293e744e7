//! Database errors, classified by SQLSTATE.
//!
//! What can go wrong between the program and Postgres. Callers tell two things apart: the database is out of reach for now,
//! or a statement failed, which is a fault of ours. Which it is, is decided by the server's SQLSTATE (PostgreSQL, appendix A).

use std::fmt;

use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};
use tokio_postgres::error::SqlState;

/// Something failed on the way to, in, or from the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Worth trying again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The same, as the server says.
    #[error("the database is unavailable: {0}")]
    ServerUnavailable(ServerError),
    /// A statement that diesel executed.
    #[error("a database statement failed: {}", words(.0))]
    Statement(#[source] DieselError),
    /// A statement that the driver executed.
    #[error("a database statement failed: {0}")]
    Server(ServerError),
    /// The schema could not be brought up to date.
    #[error("a migration failed: {0}")]
    Migration(String),
    /// A stored value that this release cannot read.
    #[error("the database holds a value that cannot be read: {0}")]
    Unreadable(String),
}

/// What the server said of a statement. Without its DETAIL, which can contain values.
#[derive(Debug)]
pub struct ServerError {
    state: SqlState,
    message: String,
    table: Option<String>,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.state.code())
    }
}

impl StoreError {
    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self, StoreError::Unavailable(_) | StoreError::ServerUnavailable(_))
    }

    /// What it means for those who want to store something, in words that anybody may read.
    pub(crate) fn summary(&self) -> &'static str {
        let (StoreError::Server(error) | StoreError::ServerUnavailable(error)) = self else {
            return if self.is_unavailable() {
                "the database is out of reach"
            } else {
                "the database refuses to store events"
            };
        };
        match error.state {
            SqlState::READ_ONLY_SQL_TRANSACTION => "the database takes no writes",
            SqlState::DISK_FULL => "the disk of the database is full",
            SqlState::TOO_MANY_CONNECTIONS => "the database has no connection left",
            _ if error.state.code() == NO_SYNCHRONOUS_STANDBY => "the database waits for no synchronous standby",
            _ if matches!(class_of(&error.state), "08" | "57") => "the database is out of reach",
            _ => "the database refuses to store events",
        }
    }

    /// Whether the values of the statement are to blame, as those of one event may be: other statements do not fail because of it.
    pub(crate) fn is_about_values(&self) -> bool {
        const CLASSES: [&str; 3] = [CLASS_DATA_EXCEPTION, CLASS_INTEGRITY_VIOLATION, CLASS_LIMIT_EXCEEDED];
        matches!(self, StoreError::Server(error) if CLASSES.contains(&class_of(&error.state)))
    }

    /// Whether the server forgot a prepared statement, or has another one of that name: behind a pooler, connections change hands.
    pub(crate) fn is_prepared_by_somebody_else(&self) -> bool {
        let states = [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::DUPLICATE_PSTATEMENT];
        matches!(self, StoreError::Server(error) if states.contains(&error.state))
    }

    /// Whether the statement waited for a lock for as long as it may.
    pub(crate) fn is_lock_timeout(&self) -> bool {
        self.has_state(&SqlState::LOCK_NOT_AVAILABLE)
    }

    /// Whether the statement took as long as it may.
    pub(crate) fn is_statement_timeout(&self) -> bool {
        self.has_state(&SqlState::QUERY_CANCELED)
    }

    fn has_state(&self, state: &SqlState) -> bool {
        matches!(self, StoreError::Server(error) | StoreError::ServerUnavailable(error) if error.state == *state)
    }

    /// Whether a unique constraint was hit; constraint names are compared by prefix, since shards add suffixes.
    pub(crate) fn is_duplicate_of(&self, constraint: &str) -> bool {
        match self {
            StoreError::Statement(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)) => {
                info.constraint_name().is_some_and(|name| name.starts_with(constraint))
            }
            _ => false,
        }
    }

    /// Whether rows of another table refer to what the statement would delete.
    pub(crate) fn is_still_referenced(&self) -> bool {
        matches!(self, StoreError::Statement(DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)))
    }

    /// Whether a row found no partition to go to.
    pub(crate) fn is_missing_partition(&self) -> bool {
        match self {
            StoreError::Server(ServerError { state, table, .. }) => {
                *state == SqlState::CHECK_VIOLATION && table.as_ref().is_some_and(|table| table.starts_with("events"))
            }
            _ => false,
        }
    }
}

/// Classes of SQLSTATE: their first two characters.
const CLASS_DATA_EXCEPTION: &str = "22";
const CLASS_INTEGRITY_VIOLATION: &str = "23";
const CLASS_LIMIT_EXCEEDED: &str = "54";
/// Those that say something of the server or the connection, and nothing of the statement: connection exceptions, lack of resources,
/// intervention of an operator, and errors of the system below.
const CLASSES_OF_THE_SERVER: [&str; 4] = ["08", "53", "57", "58"];
/// What the function `require_synchronous_standby` raises.
const NO_SYNCHRONOUS_STANDBY: &str = "RW001";
/// The single states that are as passing as these.
const PASSING: [SqlState; 4] = [
    SqlState::READ_ONLY_SQL_TRANSACTION,
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::LOCK_NOT_AVAILABLE,
];

fn class_of(state: &SqlState) -> &str {
    state.code().get(..2).unwrap_or_default()
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else { return StoreError::Unavailable(with_causes(&error)) };
        let state = said.code().clone();
        let server = ServerError {
            state: state.clone(),
            message: said.message().to_owned(),
            table: said.table().map(str::to_owned),
        };
        let is_passing = PASSING.contains(&state) || state.code() == NO_SYNCHRONOUS_STANDBY;
        if CLASSES_OF_THE_SERVER.contains(&class_of(&state)) || is_passing {
            return StoreError::ServerUnavailable(server);
        }
        StoreError::Server(server)
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(kind, info) => {
                let state = match kind {
                    DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                        return StoreError::Unavailable(words(&error));
                    }
                    DatabaseErrorKind::ReadOnlyTransaction => Some(SqlState::READ_ONLY_SQL_TRANSACTION),
                    DatabaseErrorKind::SerializationFailure => Some(SqlState::T_R_SERIALIZATION_FAILURE),
                    _ => state_of(info.message()),
                };
                match state {
                    Some(state) => {
                        let message = info.message().to_owned();
                        StoreError::ServerUnavailable(ServerError { state, message, table: None })
                    }
                    None => StoreError::Statement(error),
                }
            }
            DieselError::BrokenTransactionManager => StoreError::Unavailable(error.to_string()),
            _ => StoreError::Statement(error),
        }
    }
}

impl From<ConnectionError> for StoreError {
    fn from(error: ConnectionError) -> Self {
        StoreError::Unavailable(error.to_string())
    }
}

/// The server's words, and the SQLSTATE where diesel tells it.
fn words(error: &DieselError) -> String {
    let DieselError::DatabaseError(kind, info) = error else { return error.to_string() };
    let state = match kind {
        DatabaseErrorKind::UniqueViolation => SqlState::UNIQUE_VIOLATION,
        DatabaseErrorKind::ForeignKeyViolation => SqlState::FOREIGN_KEY_VIOLATION,
        DatabaseErrorKind::NotNullViolation => SqlState::NOT_NULL_VIOLATION,
        DatabaseErrorKind::CheckViolation => SqlState::CHECK_VIOLATION,
        DatabaseErrorKind::ReadOnlyTransaction => SqlState::READ_ONLY_SQL_TRANSACTION,
        DatabaseErrorKind::SerializationFailure => SqlState::T_R_SERIALIZATION_FAILURE,
        _ => return info.message().to_owned(),
    };
    format!("{} (SQLSTATE {})", info.message(), state.code())
}

/// The error and all that caused it, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// diesel does not hand out the SQLSTATE of these, so they are known by their words, here and nowhere else. The program's own sessions
/// ask for English messages.
fn state_of(message: &str) -> Option<SqlState> {
    const MESSAGES: [(&str, SqlState); 12] = [
        ("terminating connection", SqlState::ADMIN_SHUTDOWN),
        ("shutting down", SqlState::CANNOT_CONNECT_NOW),
        ("starting up", SqlState::CANNOT_CONNECT_NOW),
        ("in recovery mode", SqlState::CANNOT_CONNECT_NOW),
        ("too many clients", SqlState::TOO_MANY_CONNECTIONS),
        ("remaining connection slots", SqlState::TOO_MANY_CONNECTIONS),
        ("statement timeout", SqlState::QUERY_CANCELED),
        ("lock timeout", SqlState::LOCK_NOT_AVAILABLE),
        ("deadlock detected", SqlState::T_R_DEADLOCK_DETECTED),
        ("No space left on device", SqlState::DISK_FULL),
        // For other reasons than that: a limit of the process, or a broken disk.
        ("could not extend file", SqlState::IO_ERROR),
        ("could not write", SqlState::IO_ERROR),
    ];
    MESSAGES.into_iter().find(|(words, _)| message.contains(words)).map(|(_, state)| state)
}
