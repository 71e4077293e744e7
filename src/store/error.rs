//! What can go wrong between the program and Postgres. Callers tell two things apart: the database is out of reach for now,
//! or a statement failed, which is a fault of ours.

use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};

/// Something failed on the way to, in, or from the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Worth trying again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The statement itself.
    #[error("a database statement failed")]
    Statement(#[source] DieselError),
    /// The schema could not be brought up to date.
    #[error("a migration failed: {0}")]
    Migration(String),
    /// A stored value that this release cannot read.
    #[error("the database holds a value that cannot be read: {0}")]
    Unreadable(String),
}

impl StoreError {
    pub fn is_unavailable(&self) -> bool {
        matches!(self, StoreError::Unavailable(_))
    }

    /// Whether a unique constraint was hit; constraint names are compared by prefix, since shards add suffixes.
    pub fn is_duplicate_of(&self, constraint: &str) -> bool {
        match self {
            StoreError::Statement(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)) => {
                info.constraint_name().is_some_and(|name| name.starts_with(constraint))
            }
            _ => false,
        }
    }

    /// Whether a check was broken, named like constraints are.
    pub fn breaks_check(&self, constraint: &str) -> bool {
        match self {
            StoreError::Statement(DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, info)) => {
                info.constraint_name().is_some_and(|name| name.starts_with(constraint))
            }
            _ => false,
        }
    }

    /// Whether a row found no partition to go to.
    pub fn is_missing_partition(&self) -> bool {
        match self {
            StoreError::Statement(DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, info)) => {
                info.constraint_name().is_none() && info.table_name().is_some_and(|table| table.starts_with("events"))
            }
            _ => false,
        }
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ReadOnlyTransaction
                | DatabaseErrorKind::SerializationFailure => StoreError::Unavailable(info.message().to_owned()),
                _ if is_passing(info.message()) => StoreError::Unavailable(info.message().to_owned()),
                _ => StoreError::Statement(error),
            },
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

/// The driver does not hand out the SQLSTATE of these, so they are known by their words. The program's own sessions ask for
/// English messages.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 10] = [
        "terminating connection",
        "shutting down",
        "starting up",
        "in recovery mode",
        "too many clients",
        "remaining connection slots",
        "statement timeout",
        "lock timeout",
        "deadlock detected",
        "No space left on device",
    ];
    PASSING.iter().any(|words| message.contains(words))
}
