//! How many exports this program sends at once: each takes some megabytes for as long as its reader takes to read it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::export::Pieces;
use crate::domain::ids::AccountId;
use crate::store::error::StoreError;

/// Exports of one account. The page that refuses another says the number.
const MOST_OF_AN_ACCOUNT: usize = 3;
/// Exports of all accounts.
const MOST_IN_ALL: usize = 12;

/// Why an export has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// The account has as many as it may.
    InAccount,
    /// All accounts together have.
    InProgram,
}

/// The places that exports take.
#[derive(Clone, Debug, Default)]
pub struct ExportPlaces(Arc<Mutex<HashMap<AccountId, usize>>>);

impl ExportPlaces {
    /// A place for an export of an account.
    pub fn take(&self, account: AccountId) -> Result<Place, NoPlace> {
        let mut taken = self.taken();
        if taken.get(&account).is_some_and(|exports| *exports >= MOST_OF_AN_ACCOUNT) {
            return Err(NoPlace::InAccount);
        }
        if taken.values().sum::<usize>() >= MOST_IN_ALL {
            return Err(NoPlace::InProgram);
        }
        *taken.entry(account).or_default() += 1;
        Ok(Place { places: self.clone(), account })
    }

    fn give_back(&self, account: AccountId) {
        let mut taken = self.taken();
        if let Some(exports) = taken.get_mut(&account) {
            *exports -= 1;
            if *exports == 0 {
                taken.remove(&account);
            }
        }
    }

    /// Nothing that holds the lock can fail half way.
    fn taken(&self) -> MutexGuard<'_, HashMap<AccountId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: ExportPlaces,
    account: AccountId,
}

impl Place {
    /// An export that keeps the place until it is over.
    pub fn of<E: Pieces>(self, export: E) -> Placed<E> {
        Placed { export, _place: self }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.give_back(self.account);
    }
}

/// An export on its place.
#[derive(Debug)]
pub struct Placed<E> {
    export: E,
    _place: Place,
}

impl<E: Pieces> Pieces for Placed<E> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.export.next().await
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{ExportPlaces, MOST_IN_ALL, MOST_OF_AN_ACCOUNT, NoPlace};
    use crate::domain::ids::AccountId;

    #[test]
    fn an_account_has_its_own_places_and_all_have_some_together() {
        let places = ExportPlaces::default();
        let account = |number: usize| AccountId(Uuid::from_u128(number as u128));
        let mut taken: Vec<_> = (0..MOST_OF_AN_ACCOUNT).map(|_| places.take(account(0)).unwrap()).collect();
        assert_eq!(places.take(account(0)).unwrap_err(), NoPlace::InAccount);
        taken.extend((MOST_OF_AN_ACCOUNT..MOST_IN_ALL).map(|number| places.take(account(number)).unwrap()));
        assert_eq!(places.take(account(99)).unwrap_err(), NoPlace::InProgram);
        taken.pop();
        taken.push(places.take(account(99)).unwrap());
        assert_eq!(places.take(account(98)).unwrap_err(), NoPlace::InProgram);
        drop(taken);
        assert!(places.taken().is_empty(), "nothing is kept of who has none");
    }
}
