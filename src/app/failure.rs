//! What may fail in any act, through nobody's fault.

use crate::domain::aead::NotSealed;
use crate::domain::stored_key::NoOutsideKey;
use crate::hashing::HashingError;
use crate::random::NoRandomness;
use crate::store::connection::error::StoreError;

/// The act did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error(transparent)]
    Sealing(#[from] NotSealed),
    #[error(transparent)]
    Key(#[from] NoOutsideKey),
}

impl Failure {
    /// Whether it is worth trying again in a while.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Failure::Store(error) => error.is_unavailable(),
            Failure::Hashing(error) => matches!(error, HashingError::Busy),
            Failure::Random(_) | Failure::Sealing(_) | Failure::Key(_) => false,
        }
    }
}

/// Lets an act's own error carry a [`Failure`], so that `?` works on every call below it.
macro_rules! carries_failure {
    ($error:ident) => {
        impl From<crate::store::connection::error::StoreError> for $error {
            fn from(error: crate::store::connection::error::StoreError) -> Self {
                $error::Failed(error.into())
            }
        }

        impl From<crate::hashing::HashingError> for $error {
            fn from(error: crate::hashing::HashingError) -> Self {
                $error::Failed(error.into())
            }
        }

        impl From<crate::random::NoRandomness> for $error {
            fn from(error: crate::random::NoRandomness) -> Self {
                $error::Failed(error.into())
            }
        }
    };
}

pub(crate) use carries_failure;
