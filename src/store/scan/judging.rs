//! Asks a search about events that were read: beside the threads that answer requests, in the pool of `computing`, at a cost that is
//! counted while bodies are read. What the cost does not allow for is left to the next part.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::computing::{self, MAX_COST_ON_WORKER};
use crate::domain::event::{EventId, WholeEvent};
use crate::domain::ids::AccountId;
use crate::domain::query::ast::{Query, Term};
use crate::domain::query::matching::{Matched, Meter};
use crate::store::connection::error::StoreError;
use crate::store::scan::keys::Key;

/// After so much, accounts take turns: some tens of milliseconds of the dearest search.
const STEP_COST: u64 = 1 << 20;

/// A search, taken apart into what it asks of headers and of bodies.
#[derive(Debug)]
pub(super) struct Search {
    headers: Option<Query>,
    bodies: Query,
}

impl Search {
    pub(super) fn new(query: &Query) -> Self {
        let terms = |of_headers: bool| {
            let terms = query.terms.iter().filter(move |term| matches!(term, Term::Header(_)) == of_headers);
            Query { terms: terms.cloned().collect() }
        };
        Self { headers: Some(terms(true)).filter(Query::asks_for_headers), bodies: terms(false) }
    }

    pub(super) fn asks_for_headers(&self) -> bool {
        self.headers.is_some()
    }

    fn ask(&self, event: &impl Candidate, meter: Meter<'_>) -> Matched {
        if let Some(headers) = &self.headers {
            if meter(event.headers().len() as u64).is_break() {
                return Matched::BrokenOff;
            }
            if !headers.matches_event("", event.headers()) {
                return Matched::Fails;
            }
        }
        self.bodies.matches_metered(event.body(), meter)
    }

    fn cost(&self, events: &[impl Candidate]) -> u64 {
        let bytes: usize = events.iter().map(|event| event.body().len() + event.headers().len()).sum();
        self.bodies.cost(bytes as u64)
    }
}

/// An event as a search is asked about it.
pub(super) trait Candidate: Send + 'static {
    fn id(&self) -> EventId;
    fn body(&self) -> &str;
    fn headers(&self) -> &str;
}

impl Candidate for (Key, String, String) {
    fn id(&self) -> EventId {
        self.0.id
    }

    fn body(&self) -> &str {
        &self.1
    }

    fn headers(&self) -> &str {
        &self.2
    }
}

impl Candidate for WholeEvent {
    fn id(&self) -> EventId {
        self.id
    }

    fn body(&self) -> &str {
        &self.body
    }

    fn headers(&self) -> &str {
        &self.headers
    }
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
    search: &Arc<Search>,
    events: Vec<T>,
    max_cost: u64,
) -> Result<Judged<T>, StoreError> {
    if search.cost(&events) <= MAX_COST_ON_WORKER {
        let all = ask_all(search, events, max_cost, &mut || ControlFlow::Continue(()));
        return all.ok_or_else(|| broken_off("a search broke off"));
    }
    let search = search.clone();
    let asked = computing::compute(account, move |turn| ask_all(&search, events, max_cost, &mut || turn.next_step()));
    asked.await.map_err(broken_off)?.ok_or_else(|| broken_off("nobody waits for a search"))
}

fn broken_off(why: impl ToString) -> StoreError {
    StoreError::Unavailable(why.to_string())
}

/// `None` where a step was the last.
fn ask_all<T: Candidate>(
    search: &Search,
    events: Vec<T>,
    max_cost: u64,
    next_step: &mut dyn FnMut() -> ControlFlow<()>,
) -> Option<Judged<T>> {
    let count = events.len();
    let (mut cost, mut of_step, mut passing) = (0, 0, Vec::new());
    for (at, event) in events.into_iter().enumerate() {
        let id = event.id();
        let mut meter = |more| {
            cost += more;
            of_step += more;
            if of_step < STEP_COST {
                return ControlFlow::Continue(());
            }
            of_step = 0;
            next_step()
        };
        match search.ask(&event, &mut meter) {
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

    use super::{Search, ask_all};
    use crate::domain::event::EventId;
    use crate::domain::query::ast::Query;
    use crate::store::scan::keys::Key;

    fn events(count: u128, body: &str) -> Vec<(Key, String, String)> {
        let key = |n| Key { id: EventId(Uuid::from_u128(n)), size_bytes: 0, header_bytes: 0 };
        (0..count).map(|n| (key(n), body.to_owned(), "[]".to_owned())).collect()
    }

    fn dear() -> Search {
        let conditions: Vec<String> = (2..22).map(|n| format!("[] != {n}")).collect();
        Search::new(&Query::parse(&conditions.join(" ")).unwrap().unwrap())
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
        let judged = ask_all(&Search::new(&query), events(100, r#"{"b": 1}"#), 16 << 20, &mut || panic!("no step"));
        let judged = judged.unwrap();
        assert_eq!((judged.passing.len(), judged.cut), (100, None));
    }
}
