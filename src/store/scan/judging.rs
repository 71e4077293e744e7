//! Asks a search about events that were read: beside the threads that answer requests, in the pool of `computing`, at a cost that is
//! counted while bodies are read. What the cost does not allow for is left to the next part.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::computing::{self, MAX_COST_ON_WORKER};
use crate::domain::event::EventId;
use crate::domain::ids::AccountId;
use crate::domain::query::ast::Query;
use crate::domain::query::facts::Facts;
use crate::domain::query::matching::Matched;
use crate::store::connection::error::StoreError;

/// After so much, accounts take turns: some tens of milliseconds of the dearest search.
const STEP_COST: u64 = 1 << 20;

/// An event as a search is asked about it.
pub(super) trait Candidate: Send + 'static {
    fn facts(&self) -> Facts<'_>;
}

fn cost(search: &Query, events: &[impl Candidate]) -> u64 {
    let bytes = |facts: Facts<'_>| facts.body.len() + facts.headers.len();
    search.cost(events.iter().map(|event| bytes(event.facts()) as u64).sum())
}

/// What came of asking.
#[derive(Debug)]
pub(super) struct Judged<T> {
    pub(super) passing: Vec<T>,
    /// The last that was asked about and how many these were, where that was not all.
    pub(super) cut: Option<(EventId, usize)>,
}

/// Asks about events in their order until the cost is reached, about one of them at least.
pub(super) async fn judge<T: Candidate>(
    account: AccountId,
    search: &Arc<Query>,
    events: Vec<T>,
    max_cost: u64,
) -> Result<Judged<T>, StoreError> {
    if cost(search, &events) <= MAX_COST_ON_WORKER {
        let all = ask_all(search, events, max_cost, &mut || ControlFlow::Continue(()));
        return all.ok_or_else(|| broken_off("a search broke off"));
    }
    let search = search.clone();
    let asked = computing::search(account, move |turn| ask_all(&search, events, max_cost, &mut || turn.next_step()));
    asked.await.map_err(broken_off)?.ok_or_else(|| broken_off("nobody waits for a search"))
}

fn broken_off(why: impl ToString) -> StoreError {
    StoreError::Unavailable(why.to_string())
}

/// `None` where a step was the last.
fn ask_all<T: Candidate>(
    search: &Query,
    events: Vec<T>,
    max_cost: u64,
    next_step: &mut dyn FnMut() -> ControlFlow<()>,
) -> Option<Judged<T>> {
    let count = events.len();
    let (mut cost, mut of_step, mut passing) = (0, 0, Vec::new());
    for (at, event) in events.into_iter().enumerate() {
        let facts = event.facts();
        let id = facts.id;
        let mut meter = |more| {
            cost += more;
            of_step += more;
            if of_step < STEP_COST {
                return ControlFlow::Continue(());
            }
            of_step = 0;
            next_step()
        };
        match search.matches_metered(&facts, &mut meter) {
            Matched::Holds => passing.push(event),
            Matched::Fails => {}
            Matched::BrokenOff => return None,
        }
        if cost >= max_cost && at + 1 < count {
            return Some(Judged { passing, cut: Some((id, at + 1)) });
        }
    }
    Some(Judged { passing, cut: None })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use uuid::Uuid;

    use super::{Candidate, ask_all};
    use crate::domain::event::EventId;
    use crate::domain::query::ast::Query;
    use crate::domain::query::facts::Facts;

    struct Event(EventId, String);

    impl Candidate for Event {
        fn facts(&self) -> Facts<'_> {
            Facts { id: self.0, ..Facts::of_body(&self.1) }
        }
    }

    fn events(count: u128, body: &str) -> Vec<Event> {
        (0..count).map(|n| Event(EventId(Uuid::from_u128(n)), body.to_owned())).collect()
    }

    fn dear() -> Query {
        let conditions: Vec<String> = (2..22).map(|n| format!("[] != {n}")).collect();
        Query::parse(&conditions.join(" ")).unwrap().unwrap()
    }

    // holds A4
    #[test]
    fn a_dear_search_stops_at_its_cost_and_not_at_the_end_of_its_part() {
        let events = events(8, &format!("[{}1]", "1,".repeat(500_000)));
        let mut steps = 0;
        let step = &mut || {
            steps += 1;
            ControlFlow::Continue(())
        };
        let judged = ask_all(&dear(), events, 16 << 20, step).unwrap();
        assert_eq!(judged.passing.len(), 1, "one event costs more than that, and is asked about all the same");
        assert_eq!(judged.cut, Some((EventId(Uuid::from_u128(0)), 1)));
        assert!(steps >= 16, "others went first {steps} times");
    }

    // holds A4
    #[test]
    fn nothing_is_asked_any_more_when_nobody_waits() {
        let events = events(8, &format!("[{}1]", "1,".repeat(500_000)));
        let mut steps = 0;
        let step = &mut || {
            steps += 1;
            ControlFlow::Break(())
        };
        assert!(ask_all(&dear(), events, u64::MAX, step).is_none());
        assert_eq!(steps, 1);
    }

    #[test]
    fn an_ordinary_search_asks_about_all() {
        let query = Query::parse("header.a not exists and b = 1").unwrap().unwrap();
        let judged = ask_all(&query, events(100, r#"{"b": 1}"#), 16 << 20, &mut || panic!("no step"));
        let judged = judged.unwrap();
        assert_eq!((judged.passing.len(), judged.cut), (100, None));
    }
}
