//! The accounts whose storage is full, as far as this program has heard: what asks for each request costs no statement, and the list is a
//! few seconds old.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::domain::ids::AccountId;

/// Accounts that store nothing more for now.
#[derive(Debug, Default)]
pub struct FullAccounts(RwLock<HashSet<AccountId>>);

impl FullAccounts {
    pub(crate) fn contains(&self, account: AccountId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&account)
    }

    /// Puts a newer list in its place.
    pub(crate) fn replace(&self, accounts: HashSet<AccountId>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = accounts;
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
