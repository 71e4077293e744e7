//! The rounds of upkeep of one program: asks what time it is, decides whether that can be believed, says so where it cannot, and has done
//! what is due. Several programs share a database: one at a time does a round, and each goes on from what the last one noted there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::app::prune::{self, Round, Time, Unfinished};
use crate::clock::{Clock, Stopwatch};
use crate::domain::upkeep_clock::{Clocks, Doubt, Earlier, Readings, Verdict};
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::{Connection, Store};
use crate::store::tables::{partitions, upkeep};

/// How often a doubt that lasts is told again.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// What upkeep last found, for those who watch the program.
#[derive(Debug, Default)]
pub struct UpkeepState {
    verdict: Mutex<Option<Verdict>>,
    difference_ms: AtomicU64,
}

impl UpkeepState {
    /// Whether upkeep deletes nothing because the clock may be wrong.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt().is_some_and(|doubt| doubt.is_some_and(Doubt::is_about_the_clock))
    }

    /// Whether a round has looked at the clock, and nothing spoke against it.
    pub(crate) fn knows_the_time(&self) -> bool {
        self.doubt().is_some_and(|doubt| !doubt.is_some_and(Doubt::is_about_the_clock))
    }

    /// By how much the clocks of program and database differed when they were last compared, in seconds.
    pub fn difference_seconds(&self) -> f64 {
        self.difference_ms.load(Ordering::Relaxed) as f64 / 1e3
    }

    /// The clocks of program and database, which are compared each time.
    pub(crate) async fn compare_clocks(&self, conn: &mut Connection, clock: &Clock) -> Result<Clocks, StoreError> {
        let clocks = upkeep::clocks(conn, || clock.now()).await?;
        let difference = u64::try_from(clocks.difference().as_millis()).unwrap_or(u64::MAX);
        self.difference_ms.store(difference, Ordering::Relaxed);
        Ok(clocks)
    }

    /// `None` before the first round.
    fn doubt(&self) -> Option<Option<Doubt>> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).map(Verdict::doubt)
    }

    fn set(&self, verdict: Verdict) {
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    }
}

/// What one program remembers between its rounds.
#[derive(Debug)]
pub struct Upkeep {
    retention_days: u32,
    clock: Clock,
    /// When it last read the database's clock, and what that said.
    read: Option<(Stopwatch, Timestamp)>,
    /// What it last said speaks against the clock, and when it did.
    told: Option<(Doubt, Instant)>,
}

impl Upkeep {
    /// Of an installation that keeps events for so many days.
    pub fn new(retention_days: u32, clock: Clock) -> Self {
        Self { retention_days, clock, read: None, told: None }
    }

    /// A round. What deletes by the time is done by one program at a time, and only while nothing speaks against the clock.
    pub async fn round(&mut self, store: &Store, state: &UpkeepState) -> Result<(), Unfinished> {
        let mut round = Round::default();
        let days = self.retention_days;
        // Ids have the program's time, whether that is right or not, and each needs a partition.
        round.attempt("weeks ahead", prune::make_partitions(store, days, self.clock.now())).await;
        if let Some((mut conn, has_lock)) = round.attempt("connecting", connect(store)).await
            && let Some(readings) = round.attempt("comparing clocks", self.read(&mut conn, state)).await
        {
            let began = Stopwatch::start();
            round.attempt("weeks ahead", prune::make_partitions(store, days, readings.clocks.database)).await;
            let (verdict, mut noted) = readings.judge();
            state.set(verdict);
            self.tell(verdict, &readings);
            if has_lock {
                let time = match verdict {
                    Verdict::Trusted => Time::Trusted(readings.clocks.database),
                    Verdict::Settling { .. } => Time::Settling(readings.clocks.database),
                    Verdict::Doubtful { .. } => Time::AtLeast(readings.clocks.earlier()),
                };
                prune::tidy(&mut round, store, &mut conn, days, time).await;
                // As late as it has to be by now: a clock that jumped meanwhile shows in the next round.
                noted.at = noted.at.saturating_add(began.elapsed()).unwrap_or(noted.at);
                round.attempt("noting the round", upkeep::note(&mut conn, &noted)).await;
                prune::index(&mut round, &mut conn, readings.clocks.earlier()).await;
            }
        }
        round.end()
    }

    /// Reads all that is known of the time.
    async fn read(&mut self, conn: &mut Connection, state: &UpkeepState) -> Result<Option<Readings>, StoreError> {
        let clocks = state.compare_clocks(conn, &self.clock).await?;
        let earlier = self.read.map(|(watch, database)| Earlier { database, elapsed: watch.elapsed() });
        self.read = Some((Stopwatch::start(), clocks.database));
        Ok(Some(Readings {
            clocks,
            newest_event: upkeep::newest_event(conn).await?,
            noted: upkeep::find_noted(conn).await?,
            earlier,
        }))
    }

    /// Tells of a doubt when it begins, once a day while it lasts, and when it is over.
    fn tell(&mut self, verdict: Verdict, Readings { clocks, newest_event, noted, .. }: &Readings) {
        let Verdict::Doubtful { doubt, until, .. } = verdict else {
            if self.told.take().is_some() {
                tracing::info!(
                    "nothing speaks against the clock any more: upkeep detaches weeks that are too old, and deletes again in a day"
                );
            }
            return;
        };
        let is_told = |(told, at): (Doubt, Instant)| told == doubt && at.elapsed() < TOLD_AGAIN_AFTER;
        if self.told.is_some_and(is_told) {
            return;
        }
        self.told = Some((doubt, Instant::now()));
        if !doubt.is_about_the_clock() {
            tracing::debug!("upkeep is new here: it detaches no week for a day, and deletes nothing for two");
            return;
        }
        let (reason, last_upkeep) = (doubt.code(), noted.map(|noted| tracing::field::display(noted.at)));
        let newest_event = newest_event.map(tracing::field::display);
        let Clocks { program, database } = clocks;
        tracing::warn!(
            reason, %program, %database, newest_event, last_upkeep, %until,
            "the clock may be wrong: upkeep deletes nothing; `doctor` says what to do"
        );
    }
}

/// A connection of its own, and whether it has the lock of upkeep.
async fn connect(store: &Store) -> Result<Option<(Connection, bool)>, StoreError> {
    let mut conn = store.owner_connection().await?;
    let has_lock = partitions::try_lock_upkeep(&mut conn).await?;
    Ok(Some((conn, has_lock)))
}
