//! A limit on concurrent exports, by account and in all.
//!
//! How many exports this program sends at once: each takes some megabytes for as long as its reader takes to read it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::export::Chunks;
use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;

/// Exports of one account. The page that refuses another says the number.
const MOST_OF_AN_ACCOUNT: usize = 3;
/// Exports of all accounts.
const MOST_IN_ALL: usize = 12;

/// Why an export has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoExportPermit {
    /// The account has as many as it may.
    InAccount,
    /// All accounts together have.
    InProgram,
}

/// The places that exports take.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExportPermits(Arc<Mutex<HashMap<AccountId, usize>>>);

impl ExportPermits {
    /// A place for an export of an account.
    pub(crate) fn take(&self, account: AccountId) -> Result<ExportPermit, NoExportPermit> {
        let mut counts = self.counts();
        if counts.get(&account).is_some_and(|exports| *exports >= MOST_OF_AN_ACCOUNT) {
            return Err(NoExportPermit::InAccount);
        }
        if counts.values().sum::<usize>() >= MOST_IN_ALL {
            return Err(NoExportPermit::InProgram);
        }
        *counts.entry(account).or_default() += 1;
        Ok(ExportPermit { permits: self.clone(), account })
    }

    fn give_back(&self, account: AccountId) {
        let mut counts = self.counts();
        if let Some(exports) = counts.get_mut(&account) {
            *exports -= 1;
            if *exports == 0 {
                counts.remove(&account);
            }
        }
    }

    /// Nothing that holds the lock can fail half way.
    fn counts(&self) -> MutexGuard<'_, HashMap<AccountId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct ExportPermit {
    permits: ExportPermits,
    account: AccountId,
}

impl ExportPermit {
    /// An export that keeps the place until it is over.
    pub(crate) fn of<E: Chunks>(self, export: E) -> PermittedExport<E> {
        PermittedExport { export, _permit: self }
    }
}

impl Drop for ExportPermit {
    fn drop(&mut self) {
        self.permits.give_back(self.account);
    }
}

/// An export on its place.
#[derive(Debug)]
pub(crate) struct PermittedExport<E> {
    export: E,
    _permit: ExportPermit,
}

impl<E: Chunks> Chunks for PermittedExport<E> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.export.next().await
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{ExportPermits, MOST_IN_ALL, MOST_OF_AN_ACCOUNT, NoExportPermit};
    use crate::domain::ids::AccountId;

    #[test]
    fn an_account_has_its_own_places_and_all_have_some_together() {
        let permits = ExportPermits::default();
        let account = |number: usize| AccountId(Uuid::from_u128(number as u128));
        let mut counts: Vec<_> = (0..MOST_OF_AN_ACCOUNT).map(|_| permits.take(account(0)).unwrap()).collect();
        assert_eq!(permits.take(account(0)).unwrap_err(), NoExportPermit::InAccount);
        counts.extend((MOST_OF_AN_ACCOUNT..MOST_IN_ALL).map(|number| permits.take(account(number)).unwrap()));
        assert_eq!(permits.take(account(99)).unwrap_err(), NoExportPermit::InProgram);
        counts.pop();
        counts.push(permits.take(account(99)).unwrap());
        assert_eq!(permits.take(account(98)).unwrap_err(), NoExportPermit::InProgram);
        drop(counts);
        assert!(permits.counts().is_empty(), "nothing is kept of who has none");
    }
}
