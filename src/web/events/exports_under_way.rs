//! The exports that browsers download from this program, so that the page which one was started from can say how far it is. A page
//! makes up a name for its export and asks by that name. Other instances know it from the table that `progress_notes` writes; nobody
//! else does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::app::export::Chunks;
use crate::app::export_events::Export;
use crate::clock::Clock;
use crate::domain::export_progress::{ExportName, REMEMBERED_FOR, Report, State};
use crate::domain::ids::AccountId;
use crate::store::error::StoreError;
use crate::store::pool::Store;
use crate::web::events::progress_notes;

/// How many exports of an account are remembered at once. Of more than these only the notes tell.
const MOST_OF_AN_ACCOUNT: usize = 16;

#[derive(Debug)]
struct Known {
    name: ExportName,
    report: Arc<Mutex<Report>>,
}

/// All that are under way, and those that ended a moment ago.
#[derive(Debug)]
pub struct ExportsUnderWay {
    clock: Clock,
    known: Mutex<HashMap<AccountId, Vec<Known>>>,
}

impl ExportsUnderWay {
    pub fn new(clock: Clock) -> Self {
        Self { clock, known: Mutex::default() }
    }

    /// Keeps an eye on an export, and lets other instances know. A name that is used again means the new one.
    pub fn watch(&self, store: &Store, account: AccountId, name: ExportName, export: Export) -> Watched {
        let report = Report { state: State::Running, progress: export.progress(), ended_at: None };
        let (told, ended) = (self.remember(account, name.clone(), report), Arc::new(Notify::new()));
        let (store, clock) = (store.clone(), self.clock.clone());
        let latest = told.clone();
        let latest = move || *lock(&latest);
        tokio::spawn(progress_notes::keep(store, clock.clone(), (account, name), latest, ended.clone()));
        Watched { export, told, ended, clock }
    }

    fn remember(&self, account: AccountId, name: ExportName, report: Report) -> Arc<Mutex<Report>> {
        let report = Arc::new(Mutex::new(report));
        let mut known = lock(&self.known);
        self.forget_old(&mut known);
        let of_account = known.entry(account).or_default();
        of_account.retain(|one| one.name != name);
        if of_account.len() < MOST_OF_AN_ACCOUNT {
            of_account.push(Known { name, report: report.clone() });
        }
        report
    }

    /// How far an export of an account is, where this program knows of it.
    pub fn find(&self, account: AccountId, name: &ExportName) -> Option<Report> {
        let mut known = lock(&self.known);
        self.forget_old(&mut known);
        let found = known.get(&account)?.iter().find(|one| one.name == *name)?;
        Some(*lock(&found.report))
    }

    fn forget_old(&self, known: &mut HashMap<AccountId, Vec<Known>>) {
        let now = self.clock.now();
        let is_told = |one: &Known| {
            lock(&one.report).ended_at.is_none_or(|ended_at| now.duration_since(ended_at) <= REMEMBERED_FOR)
        };
        known.retain(|_, of_account| {
            of_account.retain(is_told);
            !of_account.is_empty()
        });
    }
}

/// Nothing that holds a lock here can fail half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An export that tells how far it is.
#[derive(Debug)]
pub struct Watched {
    export: Export,
    told: Arc<Mutex<Report>>,
    /// Wakes whoever writes it down.
    ended: Arc<Notify>,
    clock: Clock,
}

impl Watched {
    fn tell(&self, state: State) {
        let ended_at = (state != State::Running).then(|| self.clock.now());
        *lock(&self.told) = Report { state, progress: self.export.progress(), ended_at };
        if ended_at.is_some() {
            self.ended.notify_one();
        }
    }
}

impl Chunks for Watched {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let chunk = self.export.next().await;
        self.tell(match &chunk {
            Ok(Some(_)) => State::Running,
            Ok(None) => State::Done,
            Err(_) => State::BrokenOff,
        });
        chunk
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let is_running = lock(&self.told).ended_at.is_none();
        if is_running {
            self.tell(State::Left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use jiff::Timestamp;

    use super::{ExportsUnderWay, MOST_OF_AN_ACCOUNT, lock};
    use crate::clock::Clock;
    use crate::domain::export_progress::{ExportName, Progress, Report, State};
    use crate::domain::ids::AccountId;

    fn name(number: usize) -> ExportName {
        format!("export{number:04}").parse().unwrap()
    }

    fn report(state: State, ended_at: Option<Timestamp>) -> Report {
        Report { state, progress: Progress::default(), ended_at }
    }

    fn account(number: u128) -> AccountId {
        AccountId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn an_end_is_remembered_for_a_minute_and_an_account_has_a_bounded_number() {
        let second = Arc::new(AtomicI64::new(0));
        let now = second.clone();
        let clock = Clock::from_fn(move || Timestamp::from_second(now.load(Ordering::Relaxed)).unwrap());
        let exports = ExportsUnderWay::new(clock);
        let (alice, bob) = (account(1), account(2));
        let first = exports.remember(alice, name(0), report(State::Running, None));
        for number in 1..=MOST_OF_AN_ACCOUNT {
            exports.remember(alice, name(number), report(State::Running, None));
        }
        let knows = |account, number| exports.find(account, &name(number)).is_some();
        assert!(knows(alice, MOST_OF_AN_ACCOUNT - 1) && !knows(alice, MOST_OF_AN_ACCOUNT), "one too many");
        assert!(!knows(bob, 0), "nobody else's");

        *lock(&first) = report(State::Done, Some(Timestamp::UNIX_EPOCH));
        second.store(60, Ordering::Relaxed);
        assert_eq!(exports.find(alice, &name(0)).map(|report| report.state), Some(State::Done));
        second.store(61, Ordering::Relaxed);
        assert!(!knows(alice, 0), "it ended long ago");
        exports.remember(alice, name(99), report(State::Running, None));
        assert!(knows(alice, 99), "there is room again");
    }

    #[test]
    fn a_name_that_is_used_again_means_the_new_export() {
        let exports = ExportsUnderWay::new(Clock::system());
        let old = exports.remember(account(1), name(1), report(State::Running, None));
        exports.remember(account(1), name(1), report(State::Running, None));
        *lock(&old) = report(State::Left, Some(Timestamp::now()));
        assert_eq!(exports.find(account(1), &name(1)).map(|report| report.state), Some(State::Running));
    }
}
